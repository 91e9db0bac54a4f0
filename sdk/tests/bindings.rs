//! The committed bindings are those that the contract generates: the SDK's own, and those that new
//! plugins in C begin with.
//!
//! They are committed so that building a plugin needs no generator: that is most of what a build with
//! one takes. After a change of the contract:
//!
//! ```text
//! cargo test -p recado-sdk --test bindings -- --ignored
//! ```
#![expect(clippy::unwrap_used, reason = "a test, helpers included")]

use std::path::{Path, PathBuf};

use wit_bindgen_core::wit_parser::{Resolve, WorldId};
use wit_bindgen_core::{Files, WorldGenerator};

const HEADING: &str = "//! What `wit/plugin.wit` generates; `tests/bindings.rs` writes it.\n";
/// How the files for C begin, and their functions.
const C_NAME: &str = "recado_plugin";

/// What is committed, by path, as it is to be.
fn generated() -> Vec<(PathBuf, Vec<u8>)> {
    let mut all = vec![(root().join("src/bindings.rs"), rust())];
    all.extend(c());
    all
}

fn contract() -> (Resolve, WorldId) {
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_path(root().join("wit/plugin.wit")).unwrap();
    let world = resolve.select_world(&[package], Some("plugin")).unwrap();
    (resolve, world)
}

fn rust() -> Vec<u8> {
    let (mut resolve, world) = contract();
    let options = wit_bindgen_rust::Opts {
        format: true,
        pub_export_macro: true,
        additional_derive_attributes: vec!["PartialEq".to_owned()],
        ..wit_bindgen_rust::Opts::default()
    };
    let mut files = Files::default();
    options.build().generate(&mut resolve, world, &mut files).unwrap();
    let (_, code) = files.iter().next().unwrap();
    [HEADING.as_bytes(), code].concat()
}

fn c() -> Vec<(PathBuf, Vec<u8>)> {
    let (mut resolve, world) = contract();
    let options = wit_bindgen_c::Opts { rename_world: Some(C_NAME.to_owned()), ..wit_bindgen_c::Opts::default() };
    let mut files = Files::default();
    options.build().generate(&mut resolve, world, &mut files).unwrap();
    let folder = root().join("templates/c/bindings");
    files.iter().map(|(name, bytes)| (folder.join(name), bytes.to_vec())).collect()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn the_bindings_are_those_of_the_contract() {
    for (path, bytes) in generated() {
        let fresh = std::fs::read(&path).is_ok_and(|committed| committed == bytes);
        assert!(fresh, "{}: write it anew: cargo test -p recado-sdk --test bindings -- --ignored", path.display());
    }
}

#[test]
#[ignore = "writes them"]
fn write_the_bindings() {
    for (path, bytes) in generated() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
}
