//! Which compiler makes plugins: found, asked for its version, run.
//!
//! Two ways lead to WebAssembly, and the first that is there is taken: a compiler with the standard
//! library for `wasm32-unknown-unknown`, as rustup installs it; or the distribution's compiler with
//! the standard library's source, which is then compiled along.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The platform that plugins are compiled for.
pub(super) const TARGET: &str = "wasm32-unknown-unknown";

/// What the process's surroundings say of where things are.
#[derive(Clone, Debug)]
pub struct Environment {
    /// Where programs are looked for, as in `PATH`.
    pub path: OsString,
    /// Where cargo keeps the sources of dependencies.
    pub cargo_home: Option<PathBuf>,
    /// Where the distribution puts its own compiler, whatever `PATH` says.
    pub distribution: PathBuf,
}

impl Environment {
    /// The surroundings of this process. The only place of this room that reads them.
    pub fn of_process() -> Self {
        let cargo_home = std::env::var_os("CARGO_HOME")
            .map(PathBuf::from)
            .or_else(|| std::env::home_dir().map(|home| home.join(".cargo")));
        Self { path: std::env::var_os("PATH").unwrap_or_default(), cargo_home, distribution: PathBuf::from("/usr/bin") }
    }
}

/// No way to WebAssembly was found.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "no compiler for WebAssembly is installed ({}). Install one of these:\n  \
     with rustup:            rustup target add {TARGET}\n  \
     on Debian and Ubuntu:   apt-get install rustc cargo libstd-rust-dev-wasm32\n  \
     on Debian 12:           apt-get install rustc-web cargo-web rust-web-src lld-19",
    looked.join("; ")
)]
pub struct Missing {
    looked: Vec<String>,
}

/// A compiler that makes WebAssembly.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Toolchain {
    pub(super) cargo: PathBuf,
    rustc: PathBuf,
    sysroot: PathBuf,
    version: String,
    library: Library,
}

/// Where the standard library for WebAssembly comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Library {
    Installed,
    FromSource { linker: PathBuf, linker_version: String },
}

impl Toolchain {
    /// Finds the compiler that is in charge in `directory`, or the distribution's.
    pub(super) fn find(directory: &Path, environment: &Environment) -> Result<Self, Missing> {
        let mut looked = Vec::new();
        let mut compilers = Vec::new();
        for (cargo, rustc) in candidates(environment) {
            match Compiler::ask(cargo, rustc, directory) {
                Ok(compiler) => compilers.push(compiler),
                Err(reason) => looked.push(reason),
            }
        }
        if let Some(compiler) = compilers.iter().find(|compiler| compiler.has_library()) {
            return Ok(compiler.with(Library::Installed));
        }
        for compiler in &compilers {
            if !compiler.has_source() {
                looked.push(format!("{} has no standard library for it", compiler.rustc.display()));
            } else if let Some((linker, linker_version)) = find_linker(&compilers, environment) {
                return Ok(compiler.with(Library::FromSource { linker, linker_version }));
            } else {
                looked.push(format!("{} lacks a linker for it", compiler.rustc.display()));
            }
        }
        if looked.is_empty() {
            looked.push("there is no rustc".to_owned());
        }
        Err(Missing { looked })
    }

    /// Everything that the compiled bytes depend on besides the sources.
    pub(super) fn name(&self) -> String {
        match &self.library {
            Library::Installed => self.version.clone(),
            Library::FromSource { linker_version, .. } => {
                format!("{}, its standard library from source, {linker_version}", self.version)
            }
        }
    }

    /// A cargo that compiles for WebAssembly, with what each kind of toolchain needs.
    pub(super) fn rustc_command(&self) -> Command {
        let mut command = Command::new(&self.cargo);
        command.env("RUSTC", &self.rustc).args(["rustc", "--target", TARGET]);
        if let Library::FromSource { linker, .. } = &self.library {
            command
                .arg("-Zbuild-std=std,panic_abort")
                // What unlocks the option above on a stable compiler.
                .env("RUSTC_BOOTSTRAP", "1")
                .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", linker);
        }
        command
    }

    /// Where the standard library's own sources lie: a path that must not get into the bytes.
    pub(super) fn library_source(&self) -> PathBuf {
        library_source(&self.sysroot)
    }
}

/// A compiler that answered.
#[derive(Debug)]
struct Compiler {
    cargo: PathBuf,
    rustc: PathBuf,
    sysroot: PathBuf,
    host: String,
    version: String,
}

impl Compiler {
    fn ask(cargo: PathBuf, rustc: PathBuf, directory: &Path) -> Result<Self, String> {
        let answer = |argument: &str| first_output(Command::new(&rustc).arg(argument).current_dir(directory));
        let described = answer("-vV").map_err(|reason| format!("{}: {reason}", rustc.display()))?;
        let sysroot = answer("--print=sysroot").map_err(|reason| format!("{}: {reason}", rustc.display()))?;
        let host = described.lines().find_map(|line| line.strip_prefix("host: ")).unwrap_or_default().to_owned();
        let version = described.lines().next().unwrap_or_default().to_owned();
        Ok(Self { cargo, rustc, sysroot: PathBuf::from(sysroot), host, version })
    }

    fn has_library(&self) -> bool {
        self.sysroot.join("lib/rustlib").join(TARGET).join("lib").is_dir()
    }

    fn has_source(&self) -> bool {
        library_source(&self.sysroot).join("library/std/Cargo.toml").is_file()
    }

    fn with(&self, library: Library) -> Toolchain {
        Toolchain {
            cargo: self.cargo.clone(),
            rustc: self.rustc.clone(),
            sysroot: self.sysroot.clone(),
            version: self.version.clone(),
            library,
        }
    }
}

/// The pairs of cargo and rustc to ask: the ones in charge, then the distribution's.
fn candidates(environment: &Environment) -> Vec<(PathBuf, PathBuf)> {
    let distribution = OsStr::new(&environment.distribution);
    let mut found = Vec::new();
    for path in [&environment.path, distribution] {
        if let (Some(cargo), Some(rustc)) = (on_path("cargo", path), on_path("rustc", path))
            && !found.contains(&(cargo.clone(), rustc.clone()))
        {
            found.push((cargo, rustc));
        }
    }
    found
}

/// The compilers' own linker, or LLVM's, newest first.
fn find_linker(compilers: &[Compiler], environment: &Environment) -> Option<(PathBuf, String)> {
    let own = compilers
        .iter()
        .map(|compiler| compiler.sysroot.join("lib/rustlib").join(&compiler.host).join("bin/rust-lld"))
        .filter(|path| path.is_file());
    let versions = (14..40).rev().map(|version| format!("wasm-ld-{version}"));
    let llvm = versions.chain(["wasm-ld".to_owned()]).filter_map(|name| on_path(&name, &environment.path));
    own.chain(llvm).find_map(|path| {
        let version = first_output(Command::new(&path).args(["-flavor", "wasm", "--version"])).ok()?;
        // In brackets follows where the linker itself was compiled.
        let (version, _) = version.split_once(" (").unwrap_or((&version, ""));
        Some((path, version.lines().next().unwrap_or_default().to_owned()))
    })
}

fn library_source(sysroot: &Path) -> PathBuf {
    sysroot.join("lib/rustlib/src/rust")
}

pub(super) fn on_path(program: &str, path: impl AsRef<OsStr>) -> Option<PathBuf> {
    let file = format!("{program}{}", std::env::consts::EXE_SUFFIX);
    std::env::split_paths(&path).map(|folder| folder.join(&file)).find(|path| path.is_file())
}

/// What a program printed, or the first line of its complaint.
pub(super) fn first_output(command: &mut Command) -> Result<String, String> {
    let output = command.output().map_err(|error| error.to_string())?;
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    if output.status.success() {
        Ok(stdout.trim().to_owned())
    } else {
        Err(stderr.lines().next().unwrap_or("it failed without a word").to_owned())
    }
}
