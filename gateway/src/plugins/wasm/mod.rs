//! Plugins that are WebAssembly components: the only place that names wasmtime.
//!
//! A component gets what `sdk/wit` names and nothing else: no files, no sockets, no environment;
//! what it imports of WASI is there, with nothing behind it. Each call runs against a deadline and
//! limits of its own, in a fresh instance or in one that served others before, as the operator
//! wants it; an instance in which anything went wrong serves nobody again. So a plugin that loops,
//! swells or traps harms only its own call.
//!
//! Each version of the contract is a folder of its own (`v0_1`); `versions` tells them apart.

mod cache;
mod configuring;
mod engine;
mod failures;
mod host;
mod inspecting;
mod instances;
mod limits;
mod loading;
mod meter;
mod plugin;
mod v0_1;
mod versions;
mod wasi;

#[cfg(test)]
pub(super) mod tests;

pub use configuring::Misfit;
pub use engine::Engine;
pub use failures::LoadError;
pub use inspecting::{Inspection, inspect};
pub(super) use loading::MAX_COMPONENT_BYTES;
pub use plugin::WasmPlugin;
