//! Running `recado` to its end.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::{Must, binary, give_up};

/// What a command came to.
#[derive(Clone, Debug)]
pub struct Ran {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Ran {
    /// Standard output as JSON; null if it is none.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_default()
    }

    /// Standard output, of a command that must have gone well.
    #[expect(clippy::return_self_not_must_use, reason = "that it went well may be all there is to know")]
    #[track_caller]
    pub fn good(self) -> Ran {
        if self.code == Some(0) { self } else { give_up(&format!("the command failed: {self:?}")) }
    }
}

/// Runs `recado` in a folder, without any setting of the environment but the given ones.
pub fn run(folder: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Ran {
    let output = prepare(folder).args(arguments).envs(variables.iter().copied()).output().must("recado");
    Ran {
        code: output.status.code(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// The same, with something to read.
pub fn run_with_input(folder: &Path, arguments: &[&str], input: &str) -> Ran {
    let mut command = prepare(folder);
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().must("recado");
    // Who does not want to read it may be gone by now.
    let _ = child.stdin.take().must("its input").write_all(input.as_bytes());
    let output = child.wait_with_output().must("recado");
    Ran {
        code: output.status.code(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// `recado` in a folder, with an empty environment.
pub(crate) fn prepare(folder: &Path) -> Command {
    let mut command = Command::new(binary::recado());
    command.current_dir(folder).env_clear().env("RUST_BACKTRACE", "1").stdin(Stdio::null());
    command
}
