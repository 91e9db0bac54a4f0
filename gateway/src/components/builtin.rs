//! The channels that come with Recado, so that a clone without a wasm toolchain has them.

/// The component named `builtin:NAME` in the settings.
pub(super) fn builtin(name: &str) -> Option<&'static [u8]> {
    match name {
        "telegram" => Some(include_bytes!("../../../plugins/telegram.wasm")),
        _ => None,
    }
}

/// What there is to name.
pub(super) const BUILTINS: [&str; 1] = ["telegram"];
