//! Twilio's clients and Twilio's files, where they are on this machine, and the scripts that use them.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Where Twilio's clients are, and Twilio's files if they are here, too.
pub(crate) struct Tools {
    sdks: PathBuf,
    files: Option<PathBuf>,
}

impl Tools {
    /// None without the clients: then nothing can be tested.
    pub(crate) fn find() -> Option<Self> {
        let Some(sdks) = std::env::var_os("RECADO_TEST_SDKS") else {
            eprintln!("skipped: no Twilio SDKs");
            return None;
        };
        Some(Self { sdks: sdks.into(), files: std::env::var_os("RECADO_TWILIO_OPENAPI").map(Into::into) })
    }

    /// None without the files, too.
    pub(crate) fn with_files() -> Option<Self> {
        let tools = Self::find()?;
        if !tools.has_files() {
            eprintln!("skipped: no OpenAPI files");
            return None;
        }
        Some(tools)
    }

    pub(crate) fn has_files(&self) -> bool {
        self.files.is_some()
    }

    /// A program of the Python environment.
    pub(crate) fn program(&self, name: &str) -> Command {
        let mut command = Command::new(self.sdks.join("venv/bin").join(name));
        command.stdin(Stdio::null());
        command
    }

    /// A script of this folder.
    pub(crate) fn script(&self, name: &str) -> Command {
        let is_node = Path::new(name).extension().is_some_and(|extension| extension == "mjs");
        let program = if is_node { "node".into() } else { self.sdks.join("venv/bin/python") };
        let mut command = Command::new(program);
        command
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("sdk").join(name))
            .env("RECADO_TEST_SDKS", &self.sdks)
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .envs(self.files.iter().map(|files| ("RECADO_TWILIO_OPENAPI", files)))
            .stdin(Stdio::null());
        command
    }
}

#[track_caller]
pub(crate) fn succeed(mut script: Command) {
    let output = script.output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{script:?}\n{}{}", text(&output.stdout), text(&output.stderr));
}
