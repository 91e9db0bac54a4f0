//! The bindings for C that new plugins begin with are those that the contract generates.
//!
//! They are committed so that writing a plugin needs no generator. After a change of the contract:
//!
//! ```text
//! cargo test -p recado-tests --test tidy -- --ignored
//! ```

use std::path::PathBuf;

use wit_bindgen_c::Opts;
use wit_bindgen_core::Files;
use wit_bindgen_core::wit_parser::Resolve;

use super::root;

/// How the files begin, and their functions.
const NAME: &str = "recado_plugin";

/// What is committed, by path, as it is to be.
fn generated() -> Vec<(PathBuf, Vec<u8>)> {
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_path(root().join("sdk/wit/plugin.wit")).unwrap();
    let world = resolve.select_world(&[package], Some("plugin")).unwrap();
    let options = Opts { rename_world: Some(NAME.to_owned()), ..Opts::default() };
    let mut files = Files::default();
    options.build().generate(&mut resolve, world, &mut files).unwrap();
    let folder = root().join("sdk/templates/c/bindings");
    files.iter().map(|(name, bytes)| (folder.join(name), bytes.to_vec())).collect()
}

#[test]
fn the_bindings_for_c_are_those_of_the_contract() {
    for (path, bytes) in generated() {
        let fresh = std::fs::read(&path).is_ok_and(|committed| committed == bytes);
        assert!(fresh, "{}: cargo test -p recado-tests --test tidy -- --ignored writes it anew", path.display());
    }
}

#[test]
#[ignore = "writes them"]
fn write_the_bindings_for_c() {
    for (path, bytes) in generated() {
        std::fs::write(path, bytes).unwrap();
    }
}
