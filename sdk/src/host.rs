//! The way to the host: the gateway in WebAssembly, stand-ins of this thread elsewhere.

#[cfg(target_family = "wasm")]
mod gateway {
    use crate::bindings::recado::plugin;
    use crate::log::Level;

    pub(crate) fn config() -> String {
        plugin::config::get()
    }

    pub(crate) fn log(level: Level, message: &str) {
        plugin::log::write(level, message);
    }
}

#[cfg(target_family = "wasm")]
pub(crate) use gateway::{config, log};

#[cfg(not(target_family = "wasm"))]
pub(crate) use crate::testing::{config, log};
