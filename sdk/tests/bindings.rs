//! The committed bindings are those that the contract generates.
//!
//! They are committed so that building a plugin needs no generator: that is most of what a build with
//! one takes. After a change of the contract:
//!
//! ```text
//! cargo test -p recado-sdk --test bindings -- --ignored
//! ```
#![expect(clippy::unwrap_used, reason = "a test, helpers included")]

use std::path::Path;

use wit_bindgen_core::wit_parser::Resolve;
use wit_bindgen_core::{Files, WorldGenerator};
use wit_bindgen_rust::Opts;

/// A contract, and the file with what it generates.
struct Contract {
    folder: &'static str,
    world: &'static str,
    heading: &'static str,
    file: &'static str,
}

const CONTRACTS: [Contract; 2] = [
    Contract {
        folder: "wit",
        world: "plugin",
        heading: "//! What `wit/plugin.wit` generates; `tests/bindings.rs` writes it.\n",
        file: "src/bindings.rs",
    },
    Contract {
        folder: "wit/channel",
        world: "channel",
        heading: "//! What `wit/channel/channel.wit` generates; `tests/bindings.rs` writes it.\n",
        file: "src/channel/bindings.rs",
    },
];

fn generated(contract: &Contract) -> String {
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_path(root().join(contract.folder)).unwrap();
    let world = resolve.select_world(&[package], Some(contract.world)).unwrap();
    let mut options = Opts {
        format: true,
        pub_export_macro: true,
        additional_derive_attributes: vec!["PartialEq".to_owned()],
        ..Opts::default()
    };
    if contract.world == "channel" {
        // The macro of the other contract has the usual name.
        options.export_macro_name = Some("export_channel".to_owned());
    }
    let mut files = Files::default();
    options.build().generate(&mut resolve, world, &mut files).unwrap();
    let (_, code) = files.iter().next().unwrap();
    format!("{}{}", contract.heading, std::str::from_utf8(code).unwrap())
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn the_bindings_are_those_of_the_contracts() {
    for contract in &CONTRACTS {
        let fresh = std::fs::read_to_string(root().join(contract.file)).unwrap() == generated(contract);
        assert!(fresh, "write them anew: cargo test -p recado-sdk --test bindings -- --ignored");
    }
}

#[test]
#[ignore = "writes them"]
fn write_the_bindings() {
    for contract in &CONTRACTS {
        std::fs::write(root().join(contract.file), generated(contract)).unwrap();
    }
}
