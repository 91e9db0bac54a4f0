//! Why a component was not loaded or gave no decision, in words that a person can act on.

use std::time::Duration;

use tokio::time::error::Elapsed;
use wasmtime::component::Component;
use wasmtime::{Store, WasmBacktrace};

use super::Engine;
use super::host::Host;
use super::limits::{DeadlinePassed, Denied, MAX_TABLE_ELEMENTS};
use super::loading::MAX_COMPONENT_BYTES;
use crate::plugins::Failure;
use crate::plugins::contract::{OFFERED, PACKAGE, is_compatible, is_wasi, of_the_contract};

/// Why a component was not loaded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LoadError {
    #[error("the WebAssembly engine can't start: {0}")]
    Engine(String),
    #[error("the system does not keep what its memories begin with: {0}")]
    Image(String),
    #[error("it has {0} bytes; {MAX_COMPONENT_BYTES} are the most")]
    TooLarge(usize),
    #[error("it is not a WebAssembly component: {0}")]
    NotAComponent(String),
    #[error("it can't be compiled: {0}")]
    Uncompilable(String),
    #[error("it was built for {built_for}; this gateway offers {PACKAGE}@{OFFERED}: {problem}")]
    WrongContract { built_for: String, problem: String },
    #[error("it wants to be called for the hook `{0}`, but does not export {PACKAGE}/{0}@{OFFERED}")]
    MissingHook(&'static str),
    #[error("its trial call failed: {0}")]
    Trial(Failure),
    #[error("its config schema is not a JSON Schema: {0}")]
    BadSchema(String),
    #[error("`config{pointer}`: {problem}")]
    BadConfig { pointer: String, problem: String },
}

/// How every component begins, and every core module.
const COMPONENT: &[u8] = b"\0asm\x0d\0\x01\0";
const MODULE: &[u8] = b"\0asm\x01\0\0\0";

/// Refuses what is something else than a component, by how it begins.
pub(super) fn check_beginning(bytes: &[u8]) -> Result<(), LoadError> {
    if bytes.starts_with(COMPONENT) {
        return Ok(());
    }
    let reason = if bytes.is_empty() {
        "it is empty"
    } else if bytes.starts_with(MODULE) {
        "it is a core module, which is not wrapped as a component yet; `recado plugin build` does both"
    } else {
        "it begins otherwise"
    };
    Err(LoadError::NotAComponent(reason.to_owned()))
}

pub(super) fn uncompilable(error: &wasmtime::Error) -> LoadError {
    LoadError::Uncompilable(shorten(&error.root_cause().to_string()))
}

/// What the contract names.
const EXPORTS: [&str; 1] = ["about"];
const IMPORTS: [&str; 7] = ["types", "log", "config", "state", "clock", "random", "fetch"];

/// Says for which version it was built and which import or export is wrong, where the names tell, and
/// else what the linker says.
pub(super) fn wrong_contract(engine: &Engine, component: &Component, reason: Option<&str>) -> LoadError {
    let surface = component.component_type();
    let engine = engine.inner();
    let exports: Vec<&str> = surface.exports(engine).map(|(name, _)| name).collect();
    let imports: Vec<&str> = surface.imports(engine).map(|(name, _)| name).collect();
    let foreign: Vec<&str> =
        imports.iter().copied().filter(|name| !is_one_of(&IMPORTS, name) && !is_wasi(name)).collect();
    let missing: Vec<String> = EXPORTS
        .iter()
        .filter(|interface| !exports.iter().any(|name| is_one_of(&[interface], name)))
        .map(|interface| format!("{PACKAGE}/{interface}@{OFFERED}"))
        .collect();
    let problem = if !foreign.is_empty() {
        format!("it needs {}, which the gateway does not give", listed(&foreign))
    } else if !missing.is_empty() {
        format!("it does not export {}; it exports {}", listed(&missing), listed(&exports))
    } else {
        reason.unwrap_or("its exports have other types").to_owned()
    };
    let built_for = built_for(imports.iter().chain(&exports));
    LoadError::WrongContract { built_for, problem: shorten(&problem) }
}

/// The version of the contract in a component's names; one that does not fit, if there are several.
fn built_for<'a>(names: impl Iterator<Item = &'a &'a str>) -> String {
    let mut versions: Vec<&str> = names.filter_map(|name| of_the_contract(name)).map(|(_, version)| version).collect();
    versions.sort_by_key(|version| is_compatible(version));
    match versions.first() {
        Some(version) => format!("{PACKAGE}@{}", shorten(version)),
        None => format!("something else than {PACKAGE}"),
    }
}

/// Whether this is one of our interfaces, in a version that is compatible.
fn is_one_of(interfaces: &[&str], name: &str) -> bool {
    of_the_contract(name).is_some_and(|(interface, version)| interfaces.contains(&interface) && is_compatible(version))
}

fn listed(names: &[impl AsRef<str>]) -> String {
    if names.is_empty() {
        return "nothing".to_owned();
    }
    names.iter().map(|name| format!("`{}`", name.as_ref())).collect::<Vec<_>>().join(", ")
}

/// A function of another type is found when the first instance is made.
pub(super) fn trial_failed(engine: &Engine, component: &Component, failure: Failure) -> LoadError {
    match failure {
        Failure::Trapped(text) if text.starts_with("failed to convert function") => {
            wrong_contract(engine, component, Some(&text))
        }
        failure => LoadError::Trial(failure),
    }
}

/// Tells the ways a call can end apart.
pub(super) fn finish<T>(
    result: Result<wasmtime::Result<T>, Elapsed>,
    store: &Store<Host>,
    deadline: Duration,
    wall: Duration,
) -> Result<T, Failure> {
    let error = match result {
        Ok(Ok(value)) => return Ok(value),
        Err(_) => return Err(Failure::Waiting(wall)),
        Ok(Err(error)) => error,
    };
    if error.downcast_ref::<DeadlinePassed>().is_some() {
        return Err(Failure::Deadline(deadline));
    }
    // A guest whose allocation was denied aborts; the denial is the reason, not the abort.
    match store.data().memory.denied {
        Some(Denied::Memory) => return Err(Failure::Memory(store.data().memory.limit)),
        Some(Denied::Tables) => return Err(Failure::Tables(MAX_TABLE_ELEMENTS)),
        None => {}
    }
    let text = reason(&error);
    if text.contains("fuel allocated for hostcalls") {
        Err(Failure::TooMuch(text))
    } else {
        Err(Failure::Trapped(text))
    }
}

/// The most functions that are named as the place of a trap.
const NAMED: usize = 4;

/// What went wrong first, then where: the functions it happened in, innermost first, if the
/// component carries their names.
fn reason(error: &wasmtime::Error) -> String {
    let Some(backtrace) = error.downcast_ref::<WasmBacktrace>() else { return shorten(&format!("{error:#}")) };
    let cause = error.root_cause().to_string();
    let cause = cause.strip_prefix("wasm trap: ").unwrap_or(&cause);
    // Each line is a number, a place, the module's name, an exclamation mark and the function's
    // name; only this text has the names as a person wrote them.
    let frames = backtrace.to_string();
    let names = frames.lines().filter_map(|line| line.split_once('!')).map(|(_, name)| name.trim());
    let mut names: Vec<&str> = names.filter(|name| !name.starts_with("<wasm function")).collect();
    names.dedup();
    names.truncate(NAMED);
    if names.is_empty() { shorten(cause) } else { shorten(&format!("{cause} (in {})", names.join(", called by "))) }
}

/// One line, of a length that fits a log and a trace.
pub(super) fn shorten(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(500).collect()
}
