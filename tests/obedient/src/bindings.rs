//! What the contract's file generates.

wit_bindgen::generate!({
    path: "../../sdk/wit",
    world: "plugin",
    pub_export_macro: true,
});
