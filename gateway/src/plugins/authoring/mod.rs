//! From a plugin's sources to the component that the gateway loads.
//!
//! Tells the language by the folder's files, finds its compiler, compiles, and checks what came out
//! against the contract. Of a Rust crate it also records what the component was made of. Blocks while
//! programs run. Knows nothing of running plugins.

mod component;
mod crates;
mod digest;
mod new;
mod project;
mod record;
mod toolchain;
mod tools;
mod vendored;
mod world;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

use serde::Serialize;

pub use component::{Surface, Unfit, check as check_component, surface};
pub use digest::{digest, source_digest};
pub use new::{Begun, Wanted, Written, begin};
pub use record::{Entry, Record, stale};
pub use toolchain::{Environment, Missing};

use crates::Crate;
use project::{MARKS, Project};
use toolchain::{TARGET, Toolchain};

/// The stack and the heap that a plugin begins with, in bytes. All of it is there when an instance is
/// made; `recado_sdk`'s allocator uses it before it asks for more.
const STACK: u32 = 64 * 1024;
const HEAP: u32 = 128 * 1024;

/// How to build.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where the component goes: a file, or a folder that is there. Left out: the crate's own folder,
    /// as `NAME.wasm`.
    pub out: Option<PathBuf>,
    /// Whether the compiler keeps its progress to itself.
    pub quiet: bool,
    pub environment: Environment,
}

/// A component that was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Built {
    pub path: PathBuf,
    pub bytes: usize,
    pub sha256: String,
    /// Of a Rust crate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_sha256: Option<String>,
    /// What it was made by.
    pub compiler: String,
}

/// What a rebuild said of a component that is not stale.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "verdict")]
pub enum Verdict {
    /// The same compiler made the same bytes.
    Identical { path: PathBuf, compiler: String },
    /// Another compiler made a fit component of the same sources; its bytes say nothing.
    OtherCompiler { path: PathBuf, recorded: String, used: String },
}

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Missing(#[from] Missing),
    #[error("{} holds no crate: it has no Cargo.toml", directory.display())]
    NoCrate { directory: PathBuf },
    #[error("the crate in {} can't become a plugin: {reason}", directory.display())]
    BadCrate { directory: PathBuf, reason: String },
    #[error("compiling {name} failed ({status}); the compiler said why above")]
    Compile { name: String, status: ExitStatus },
    #[error("{} holds no plugin: it has none of {}; `recado plugin new` makes one", directory.display(), MARKS.join(", "))]
    NoProject { directory: PathBuf },
    #[error("the project in {} can't become a plugin: {reason}", directory.display())]
    BadProject { directory: PathBuf, reason: String },
    #[error("`{name}` can't be a plugin's name: {reason}")]
    BadName { name: String, reason: String },
    #[error("{} is there already, and nothing is written over; choose another name, or take it away", path.display())]
    There { path: PathBuf },
    #[error("{tool} is not installed. {remedy}")]
    NoTool { tool: String, remedy: String },
    #[error("{said}\n{tool} failed ({status}); it said why above")]
    Tool { tool: String, status: ExitStatus, said: String },
    #[error("{}: only the components of Rust crates are recorded and can be compared; build it anew", directory.display())]
    Unrecorded { directory: PathBuf },
    #[error(transparent)]
    Unfit(#[from] Unfit),
    #[error("{} can't be read: {source}", path.display())]
    Unreadable { path: PathBuf, source: std::io::Error },
    #[error("{} can't be written: {source}", path.display())]
    Unwritable { path: PathBuf, source: std::io::Error },
    #[error("{} can't be used: {reason}", path.display())]
    BadRecord { path: PathBuf, reason: String },
    #[error("{0}; build it anew")]
    Stale(String),
}

/// Builds the plugin in `directory`. Of a Rust crate it is recorded beside the component what that was
/// made of.
pub fn build(directory: &Path, options: &Options) -> Result<Built, Error> {
    let directory = absolute(directory)?;
    match Project::read(&directory)? {
        None => build_crate(&directory, options),
        Some(project) => build_project(&project, options),
    }
}

fn build_project(project: &Project, options: &Options) -> Result<Built, Error> {
    let made = tools::make(project, &options.environment)?;
    check_component(&made.component)?;
    let path = out(&project.directory, &format!("{}.wasm", project.name), options)?;
    write(&path, &made.component)?;
    Ok(Built {
        path,
        bytes: made.component.len(),
        sha256: digest(&made.component),
        source_sha256: None,
        compiler: made.compiler,
    })
}

fn build_crate(directory: &Path, options: &Options) -> Result<Built, Error> {
    let work = Work::start(directory, options)?;
    let component = work.compile(options, &[])?;
    write(&work.out, &component)?;
    let source_sha256 = source_digest(&work.plugin.sources)?;
    let built = Built {
        path: work.out.clone(),
        bytes: component.len(),
        sha256: digest(&component),
        source_sha256: Some(source_sha256.clone()),
        compiler: work.toolchain.name(),
    };
    let folder = real(&work.folder())?;
    let sources = work.plugin.sources.iter().map(|path| Ok(record::way(&folder, &real(path)?)));
    let entry = Entry {
        sha256: built.sha256.clone(),
        source_sha256,
        sources: sources.collect::<Result<_, Error>>()?,
        compiler: built.compiler.clone(),
    };
    let mut record = Record::read(&folder)?;
    record.0.insert(work.file(), entry);
    record.write(&folder)?;
    Ok(built)
}

/// Builds the plugin in `directory` anew and compares it with the component that is there, which
/// stays as it is.
pub fn check(directory: &Path, options: &Options) -> Result<Verdict, Error> {
    let directory = &absolute(directory)?;
    if Project::read(directory)?.is_some() {
        return Err(Error::Unrecorded { directory: directory.clone() });
    }
    let work = Work::start(directory, options)?;
    let (folder, file) = (work.folder(), work.file());
    let Some(entry) = Record::read(&folder)?.0.remove(&file) else {
        return Err(Error::Stale(format!("{file} is not recorded")));
    };
    if let Some(reason) = entry.staleness(&folder, &file)? {
        return Err(Error::Stale(reason));
    }
    let component = work.compile(options, &["--locked"])?;
    let used = work.toolchain.name();
    if used != entry.compiler {
        return Ok(Verdict::OtherCompiler { path: work.out, recorded: entry.compiler, used });
    }
    if digest(&component) != entry.sha256 {
        return Err(Error::Stale(format!("{file} differs from what {used} makes of its sources and dependencies")));
    }
    Ok(Verdict::Identical { path: work.out, compiler: used })
}

/// What building and checking begin with.
struct Work {
    toolchain: Toolchain,
    plugin: Crate,
    out: PathBuf,
}

impl Work {
    fn start(directory: &Path, options: &Options) -> Result<Self, Error> {
        let directory = absolute(directory)?;
        if !directory.join("Cargo.toml").is_file() {
            return Err(Error::NoCrate { directory });
        }
        let toolchain = Toolchain::find(&directory, &options.environment)?;
        let plugin = Crate::read(&directory, &toolchain)?;
        let out = out(&directory, &format!("{}.wasm", plugin.name), options)?;
        Ok(Self { toolchain, plugin, out })
    }

    /// Where the component and its record lie.
    fn folder(&self) -> PathBuf {
        self.out.parent().unwrap_or(&self.out).to_owned()
    }

    fn file(&self) -> String {
        self.out.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// The component of the sources as they are.
    fn compile(&self, options: &Options, arguments: &[&str]) -> Result<Vec<u8>, Error> {
        let mut command = self.toolchain.rustc_command();
        command
            .args(["--lib", "--crate-type", "cdylib", "--release", "--manifest-path"])
            .arg(&self.plugin.manifest)
            .arg("--target-dir")
            .arg(&self.plugin.target)
            .args(arguments)
            .args(options.quiet.then_some("--quiet"))
            .stdin(Stdio::null());
        self.fix_output(&mut command, &options.environment);
        let status =
            command.status().map_err(|source| Error::Unreadable { path: self.toolchain.cargo.clone(), source })?;
        if !status.success() {
            return Err(Error::Compile { name: self.plugin.name.clone(), status });
        }
        let file = format!("{}.wasm", self.plugin.library.replace('-', "_"));
        let module = read(&self.plugin.target.join(TARGET).join("release").join(file))?;
        let component = component::encode(&module)?;
        check_component(&component)?;
        Ok(component)
    }

    /// Makes the bytes small, and the same on every machine: whatever the workspace's profile and
    /// the user's settings say, and wherever the sources lie. Gives instances the memory they need
    /// from the start.
    fn fix_output(&self, command: &mut Command, environment: &Environment) {
        let profile =
            [("OPT_LEVEL", "s"), ("LTO", "fat"), ("CODEGEN_UNITS", "1"), ("PANIC", "abort"), ("STRIP", "symbols")];
        for (key, value) in profile.into_iter().chain([("DEBUG", "false"), ("INCREMENTAL", "false")]) {
            command.env(format!("CARGO_PROFILE_RELEASE_{key}"), value);
        }
        let paths = [
            Some((self.plugin.workspace.clone(), "/src")),
            environment.cargo_home.clone().map(|path| (path, "/cargo")),
            Some((self.toolchain.library_source(), "/rust")),
        ];
        let mut flags: std::ffi::OsString =
            format!("-Clink-arg=-zstack-size={STACK}\x1f-Clink-arg=--initial-heap={HEAP}").into();
        for (path, name) in paths.into_iter().flatten() {
            flags.push("\x1f--remap-path-prefix=");
            flags.push(path);
            flags.push("=");
            flags.push(name);
        }
        command.env("CARGO_ENCODED_RUSTFLAGS", flags);
    }
}

/// Where the component goes.
fn out(directory: &Path, file: &str, options: &Options) -> Result<PathBuf, Error> {
    match &options.out {
        None => Ok(directory.join(file)),
        Some(folder) if folder.is_dir() => Ok(absolute(folder)?.join(file)),
        Some(path) => absolute(path),
    }
}

fn absolute(path: &Path) -> Result<PathBuf, Error> {
    std::path::absolute(path).map_err(|source| Error::Unreadable { path: path.to_owned(), source })
}

fn real(path: &Path) -> Result<PathBuf, Error> {
    path.canonicalize().map_err(|source| Error::Unreadable { path: path.to_owned(), source })
}

fn read(path: &Path) -> Result<Vec<u8>, Error> {
    std::fs::read(path).map_err(|source| Error::Unreadable { path: path.to_owned(), source })
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    std::fs::write(path, bytes).map_err(|source| Error::Unwritable { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests;
