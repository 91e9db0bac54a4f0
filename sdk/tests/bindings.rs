//! The committed bindings are those that the contract generates.
//!
//! They are committed so that building a plugin needs no generator: that is most of what a build with
//! one takes. After a change of the contract:
//!
//! ```text
//! cargo test -p recado-sdk --test bindings -- --ignored
//! ```
#![expect(clippy::unwrap_used, reason = "a test, helpers included")]

use std::path::{Path, PathBuf};

use wit_bindgen_core::wit_parser::Resolve;
use wit_bindgen_core::{Files, WorldGenerator};
use wit_bindgen_rust::Opts;

const HEADING: &str = "//! What `wit/plugin.wit` generates; `tests/bindings.rs` writes it.\n";

fn generated() -> String {
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_path(root().join("wit")).unwrap();
    let world = resolve.select_world(&[package], Some("plugin")).unwrap();
    let options = Opts {
        format: true,
        pub_export_macro: true,
        additional_derive_attributes: vec!["PartialEq".to_owned()],
        ..Opts::default()
    };
    let mut files = Files::default();
    options.build().generate(&mut resolve, world, &mut files).unwrap();
    let (_, code) = files.iter().next().unwrap();
    format!("{HEADING}{}", std::str::from_utf8(code).unwrap())
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn committed() -> PathBuf {
    root().join("src/bindings.rs")
}

#[test]
fn the_bindings_are_those_of_the_contract() {
    let fresh = std::fs::read_to_string(committed()).unwrap() == generated();
    assert!(fresh, "write them anew: cargo test -p recado-sdk --test bindings -- --ignored");
}

#[test]
#[ignore = "writes them"]
fn write_the_bindings() {
    std::fs::write(committed(), generated()).unwrap();
}
