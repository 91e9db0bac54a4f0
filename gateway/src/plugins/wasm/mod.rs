//! Plugins that are WebAssembly components: the only place that names wasmtime.
//!
//! A component gets what `sdk/wit` names and nothing else: no files, no sockets, no environment. Each call runs in a fresh instance with a deadline and limits of its own, so
//! nothing leaks from one person's message to another's, and a plugin that loops, swells or
//! traps harms only its own call.

mod convert;
mod engine;
mod failures;
mod fetching;
mod hooks;
mod host;
mod limits;
mod plugin;
mod remembering;

#[cfg(test)]
pub(super) mod tests;

pub use engine::Engine;
pub use failures::LoadError;
pub use plugin::WasmPlugin;
