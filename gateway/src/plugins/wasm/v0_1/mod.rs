//! Version 0.1 of the contract, as in `sdk/wit/plugin.wit`.
//!
//! Another version is another folder beside this one, with bindings of its own; what the two have in
//! common is in the folder above.

mod fetching;
mod guest;
mod imports;
mod remembering;
mod said;
mod told;

use wasmtime::component::{HasSelf, Linker};

use super::host::Host;

pub(super) use guest::{Guest, Indices};

/// Records that go to a plugin are lent to it: nothing is copied but into its own memory.
mod bindings {
    wasmtime::component::bindgen!({
        path: "../sdk/wit",
        world: "plugin",
        ownership: Borrowing { duplicate_if_necessary: true },
        imports: {
            "recado:plugin/state.get": async | trappable,
            "recado:plugin/state.set": async | trappable,
            "recado:plugin/state.delete": async | trappable,
            "recado:plugin/state.add": async | trappable,
            "recado:plugin/fetch.send": async | trappable,
            default: trappable,
        },
        exports: { default: async },
    });
}

/// Offers what this version imports.
pub(super) fn link(linker: &mut Linker<Host>) -> wasmtime::Result<()> {
    bindings::Plugin::add_to_linker::<_, HasSelf<_>>(linker, |host| host)
}
