//! The components that come with Recado, so that a clone without a wasm toolchain has them.

/// The component named `builtin:NAME` in the settings.
pub fn builtin(name: &str) -> Option<&'static [u8]> {
    match name {
        "auto-reply" => Some(include_bytes!("../../../plugins/auto-reply.wasm")),
        "router" => Some(include_bytes!("../../../plugins/router.wasm")),
        _ => None,
    }
}

/// What there is to name.
pub(super) const BUILTINS: [&str; 2] = ["auto-reply", "router"];
