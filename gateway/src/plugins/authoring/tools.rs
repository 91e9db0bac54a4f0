//! The tools of other languages: found, run, and what to install if they are not there.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::project::{Language, Project};
use super::toolchain::{first_output, on_path};
use super::world::{self, WORLD};
use super::{Environment, Error, component, read};

/// Where a project's build leaves what is not for keeping.
const WORKSHOP: &str = "build";

/// A component, and what it was made by.
pub(super) struct Made {
    pub(super) component: Vec<u8>,
    pub(super) compiler: String,
}

/// Makes a component of a project.
pub(super) fn make(project: &Project, environment: &Environment) -> Result<Made, Error> {
    let workshop = project.directory.join(WORKSHOP);
    std::fs::create_dir_all(&workshop).map_err(|source| Error::Unwritable { path: workshop.clone(), source })?;
    let (wit, made) = (workshop.join("wit"), workshop.join("made.wasm"));
    // What an earlier build left is not this one's.
    let _ = std::fs::remove_file(&made);
    let tool = match &project.language {
        Language::JavaScript { .. } => javascript(project, environment)?,
        Language::Python { .. } => python(project, environment)?,
        Language::C => c(environment)?,
    };
    let mut command = tool.command(&project.directory);
    match &project.language {
        Language::JavaScript { entry } => {
            world::lay_out(&project.directory, &project.hooks, &wit)?;
            command.arg("--wit").arg(&wit).args(["--world", WORLD, "--js", entry, "--module-root", "."]);
            // Nothing is wanted of WASI: time and randomness are the contract's own.
            command.args(["--sync", "--stub-wasi", "--output"]).arg(&made);
        }
        Language::Python { module } => {
            world::lay_out(&project.directory, &project.hooks, &wit)?;
            command.arg("--wit-path").arg(&wit).args(["--world", WORLD, "componentize", module, "--output"]).arg(&made);
        }
        Language::C => {
            command.args(["--target=wasm32-wasi", "-mexec-model=reactor", "-Oz", "-Wall", "-I.", "-Ibindings"]);
            command.args(["-Wl,--strip-all", "-Wl,-z,stack-size=65536"]);
            command.args(sources(&project.directory)?).arg("-o").arg(&made);
        }
    }
    run(&tool, &mut command)?;
    let bytes = read(&made)?;
    let component = if project.language == Language::C { component::encode(&bytes)? } else { bytes };
    Ok(Made { component, compiler: tool.name })
}

/// A program, with what is always said to it first.
struct Tool {
    program: PathBuf,
    first: Vec<OsString>,
    /// With its version.
    name: String,
}

impl Tool {
    fn new(program: PathBuf, first: &[&str], usual: &str) -> Self {
        let first: Vec<OsString> = first.iter().map(OsString::from).collect();
        let mut asked = Command::new(&program);
        let version = first_output(asked.args(&first).arg("--version")).ok();
        let version = version.and_then(|version| version.lines().next().map(str::to_owned));
        Self { program, first, name: version.filter(|version| !version.is_empty()).unwrap_or_else(|| usual.to_owned()) }
    }

    fn command(&self, directory: &Path) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.first).current_dir(directory).stdin(Stdio::null());
        // Python would leave its own files about.
        command.env("PYTHONDONTWRITEBYTECODE", "1");
        command
    }
}

/// Runs it, and keeps its words to itself unless it fails.
fn run(tool: &Tool, command: &mut Command) -> Result<(), Error> {
    let output = command.output().map_err(|source| Error::Unreadable { path: tool.program.clone(), source })?;
    if output.status.success() {
        return Ok(());
    }
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    Err(Error::Tool { tool: tool.name.clone(), status: output.status, said: said.trim().to_owned() })
}

fn javascript(project: &Project, environment: &Environment) -> Result<Tool, Error> {
    const NAME: &str = "componentize-qjs";
    let local = project.directory.ancestors().map(|folder| folder.join("node_modules/.bin").join(NAME));
    let found = local.into_iter().find(|path| path.is_file()).or_else(|| on_path(NAME, &environment.path));
    let program = found.ok_or_else(|| {
        let directory = project.directory.display();
        let npm = if on_path("npm", &environment.path).is_some() {
            ""
        } else {
            "\n  (npm comes with Node.js: https://nodejs.org, or apt-get install nodejs npm)"
        };
        Error::NoTool {
            tool: NAME.to_owned(),
            remedy: format!("In {directory}:\n  npm install --save-dev {NAME}{npm}"),
        }
    })?;
    Ok(Tool::new(program, &[], NAME))
}

fn python(project: &Project, environment: &Environment) -> Result<Tool, Error> {
    const NAME: &str = "componentize-py";
    let local = [".venv", "venv"].map(|folder| project.directory.join(folder).join("bin").join(NAME));
    let found = local.into_iter().find(|path| path.is_file()).or_else(|| on_path(NAME, &environment.path));
    if let Some(program) = found {
        return Ok(Tool::new(program, &[], NAME));
    }
    let python = on_path("python3", &environment.path);
    let module =
        python.filter(|python| first_output(Command::new(python).args(["-c", "import componentize_py"])).is_ok());
    let program = module.ok_or_else(|| {
        let directory = project.directory.display();
        let remedy = format!("In {directory}:\n  python3 -m venv .venv && .venv/bin/pip install {NAME}");
        Error::NoTool { tool: NAME.to_owned(), remedy }
    })?;
    Ok(Tool::new(program, &["-m", "componentize_py"], NAME))
}

/// The newest clang that has C's library for WebAssembly.
fn c(environment: &Environment) -> Result<Tool, Error> {
    let versions = (14..40).rev().map(|version| format!("clang-{version}")).chain(["clang".to_owned()]);
    let clangs: Vec<PathBuf> = versions.filter_map(|name| on_path(&name, &environment.path)).collect();
    let has_library = |clang: &&PathBuf| {
        let probe = ["--target=wasm32-wasi", "-mexec-model=reactor", "-x", "c", "/dev/null", "-o", "/dev/null"];
        first_output(Command::new(clang).args(probe)).is_ok()
    };
    match clangs.iter().find(has_library) {
        Some(clang) => Ok(Tool::new(clang.clone(), &[], "clang")),
        None => Err(Error::NoTool {
            tool: "a C compiler for WebAssembly (clang with lld, wasi-libc and compiler-rt for wasm32)".to_owned(),
            remedy: "On Debian and Ubuntu:\n  apt-get install clang-19 lld-19 wasi-libc libclang-rt-19-dev-wasm32"
                .to_owned(),
        }),
    }
}

/// The project's own sources, and what was generated of the contract.
fn sources(directory: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut found = Vec::new();
    for folder in [directory.to_owned(), directory.join("bindings")] {
        let entries = match folder.read_dir() {
            Ok(entries) => entries,
            Err(source) => return Err(Error::Unreadable { path: folder, source }),
        };
        let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
        found.extend(paths.filter(|path| path.extension().is_some_and(|kind| kind == "c" || kind == "o")));
    }
    found.sort();
    Ok(found)
}
