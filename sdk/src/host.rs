//! The way to the host: the gateway in WebAssembly, stand-ins of this thread elsewhere.

#[cfg(target_family = "wasm")]
pub(crate) use crate::bindings::recado::plugin::{clock, config, fetch, log, random, state};

#[cfg(not(target_family = "wasm"))]
pub(crate) use crate::testing::host::{clock, config, fetch, log, random, state};
