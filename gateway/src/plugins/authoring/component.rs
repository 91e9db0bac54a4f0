//! From a core module to a component, and what a component must look like from outside.
//!
//! Pure: bytes in, bytes out. Owns the check for the contract; knows no files and no compiler.

use wit_component::{ComponentEncoder, DecodedWasm};

use crate::plugins::contract::is_wasi;

/// The contract's package and version, as in `sdk/wit/plugin.wit`.
const PACKAGE: &str = "recado:plugin";
const VERSION: &str = "0.1.0";

/// What every plugin exports, and what it exports at least one of.
const ABOUT: &str = "about";
const HOOKS: [&str; 4] = ["inbound", "outbound", "status", "timers"];

/// What a channel exports, and what it may import, as in `sdk/wit/channel/channel.wit`.
const PROVIDER: &str = "recado:channel/provider@0.1.0";
const OF_CHANNELS: [&str; 4] = ["types", "log", "config", "secrets"];

/// How every component begins; a core module begins with another layer number.
const PREAMBLE: &[u8] = b"\0asm\x0d\0\x01\0";

/// What makes a module or component no plugin.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    #[error("the compiled module can't be made a component: {0}")]
    Module(String),
    #[error("this is no WebAssembly component: {0}")]
    NoComponent(String),
    #[error(
        "the component lacks {missing}; it exports {found}. In Rust, `recado_sdk::plugin!(YourPlugin);` (or `recado_sdk::channel!(YourChannel);`) exports what is needed; an SDK of another version exports other versions"
    )]
    Exports { missing: String, found: String },
    #[error(
        "the component wants what the gateway does not offer: {0}. Build for wasm32-unknown-unknown, which brings no imports of its own"
    )]
    Imports(String),
}

/// What a component takes and gives, by the full names of interfaces.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Surface {
    pub imports: Vec<String>,
    pub exports: Vec<String>,
}

/// Wraps what the compiler made.
pub(super) fn encode(module: &[u8]) -> Result<Vec<u8>, Unfit> {
    ComponentEncoder::default()
        .validate(true)
        .module(module)
        .and_then(ComponentEncoder::encode)
        .map_err(|error| Unfit::Module(format!("{error:#}")))
}

/// Reads what a component takes and gives.
pub fn surface(component: &[u8]) -> Result<Surface, Unfit> {
    if !component.starts_with(PREAMBLE) {
        return Err(Unfit::NoComponent(
            "it begins otherwise; `recado plugin build` makes one of a Rust crate".to_owned(),
        ));
    }
    let decoded = wit_component::decode(component).map_err(|error| Unfit::NoComponent(format!("{error:#}")))?;
    let DecodedWasm::Component(resolve, world) = decoded else {
        return Err(Unfit::NoComponent("it holds interfaces, but no code".to_owned()));
    };
    let world = &resolve.worlds[world];
    let imports = world.imports.keys().map(|key| resolve.name_world_key(key)).collect();
    let exports = world.exports.keys().map(|key| resolve.name_world_key(key)).collect();
    Ok(Surface { imports, exports })
}

/// Refuses a component that the gateway could not use.
pub fn check(component: &[u8]) -> Result<Surface, Unfit> {
    let surface = surface(component)?;
    if surface.exports.iter().any(|name| name == PROVIDER) {
        return check_channel(surface);
    }
    let has = |interface: &str| surface.exports.contains(&full(interface));
    let missing = if !has(ABOUT) {
        Some(full(ABOUT))
    } else if !HOOKS.iter().any(|hook| has(hook)) {
        Some(format!("a hook (one of {})", HOOKS.map(full).join(", ")))
    } else {
        None
    };
    if let Some(missing) = missing {
        return Err(Unfit::Exports { missing, found: listed(&surface.exports) });
    }
    let foreign: Vec<String> =
        surface.imports.iter().filter(|name| !is_ours(name) && !is_wasi(name)).cloned().collect();
    if !foreign.is_empty() {
        return Err(Unfit::Imports(listed(&foreign)));
    }
    Ok(surface)
}

/// A channel gets nothing of WASI: it has nothing to ask a clock or a file.
fn check_channel(surface: Surface) -> Result<Surface, Unfit> {
    let ours = OF_CHANNELS.map(|interface| format!("recado:channel/{interface}@0.1.0"));
    let foreign: Vec<String> = surface.imports.iter().filter(|name| !ours.contains(name)).cloned().collect();
    if foreign.is_empty() { Ok(surface) } else { Err(Unfit::Imports(listed(&foreign))) }
}

fn full(interface: &str) -> String {
    format!("{PACKAGE}/{interface}@{VERSION}")
}

fn is_ours(name: &str) -> bool {
    name.strip_prefix(PACKAGE)
        .and_then(|rest| rest.strip_prefix('/'))
        .and_then(|rest| rest.strip_suffix(VERSION))
        .is_some_and(|rest| rest.ends_with('@'))
}

fn listed(names: &[String]) -> String {
    if names.is_empty() { "nothing".to_owned() } else { names.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DESCRIBED: &str = "recado:plugin/about@0.1.0";
    const INBOUND: &str = "recado:plugin/inbound@0.1.0";

    /// A component that imports and exports empty interfaces of these names.
    fn component(imports: &[&str], exports: &[&str]) -> Vec<u8> {
        let taken: Vec<_> = imports.iter().map(|name| format!("(import \"{name}\" (instance))")).collect();
        let given: Vec<_> = exports.iter().map(|name| format!("(export \"{name}\" (instance $empty))")).collect();
        wat::parse_str(format!("(component {} (instance $empty) {})", taken.concat(), given.concat())).unwrap()
    }

    #[test]
    fn a_channel_is_fit_that_takes_only_what_channels_get() {
        let contract = include_str!("../../../../sdk/wit/channel/channel.wit");
        assert!(contract.contains("package recado:channel@0.1.0;") && contract.contains("export provider;"));
        let secrets = "recado:channel/secrets@0.1.0";
        assert!(check(&component(&[secrets], &[PROVIDER])).is_ok());
        for foreign in ["recado:plugin/state@0.1.0", "wasi:cli/environment@0.2.0", "recado:channel/secrets@0.2.0"] {
            let refused = check(&component(&[secrets, foreign], &[PROVIDER]));
            assert_eq!(refused, Err(Unfit::Imports(foreign.to_owned())));
        }
    }

    #[test]
    fn the_contract_is_the_one_of_the_file() {
        let contract = include_str!("../../../../sdk/wit/plugin.wit");
        assert!(contract.contains(&format!("package {PACKAGE}@{VERSION};")));
        for interface in [ABOUT].into_iter().chain(HOOKS) {
            assert!(contract.contains(&format!("export {interface};")), "{interface}");
        }
    }

    #[test]
    fn a_component_that_gives_both_and_takes_only_ours_is_fit() {
        let expected = Surface {
            imports: vec!["recado:plugin/log@0.1.0".to_owned()],
            exports: vec![DESCRIBED.to_owned(), INBOUND.to_owned()],
        };
        assert_eq!(check(&component(&["recado:plugin/log@0.1.0"], &[DESCRIBED, INBOUND])), Ok(expected));
    }

    #[test]
    fn what_compilers_import_of_wasi_by_themselves_is_no_hindrance() {
        let imports = ["recado:plugin/log@0.1.0", "wasi:cli/environment@0.2.6", "wasi:io/streams@0.2.0"];
        assert!(check(&component(&imports, &[DESCRIBED, INBOUND])).is_ok());
    }

    #[test]
    fn what_is_missing_or_too_much_is_named() {
        let http = "wasi:http/types@0.2.6";
        let newer = "recado:plugin/log@0.2.0";
        let cases: [(&[&str], &[&str], &[&str]); 5] = [
            (&[], &[], &["lacks recado:plugin/about@0.1.0;", "exports nothing"]),
            (
                &[],
                &[DESCRIBED],
                &["lacks a hook (one of recado:plugin/inbound@0.1.0,", "exports recado:plugin/about@0.1.0"],
            ),
            (&[], &[DESCRIBED, "recado:plugin/inbound@0.2.0"], &["exports", "recado:plugin/inbound@0.2.0"]),
            (&[http], &[DESCRIBED, INBOUND], &[http, "wasm32-unknown-unknown"]),
            (&[newer], &[DESCRIBED, INBOUND], &[newer]),
        ];
        for (imports, exports, said) in cases {
            let error = check(&component(imports, exports)).unwrap_err().to_string();
            for words in said {
                assert!(error.contains(words), "{error}");
            }
        }
    }

    #[test]
    fn what_is_no_component_is_said_to_be_none() {
        let module = wat::parse_str("(module)").unwrap();
        for bytes in [module.as_slice(), b"", b"hello"] {
            assert!(matches!(check(bytes), Err(Unfit::NoComponent(_))), "{bytes:?}");
        }
    }

    #[test]
    fn a_module_without_the_contract_becomes_a_component_that_is_refused() {
        let encoded = encode(&wat::parse_str("(module)").unwrap()).unwrap();
        assert!(matches!(check(&encoded), Err(Unfit::Exports { .. })));
        assert!(matches!(encode(b"nonsense"), Err(Unfit::Module(_))));
    }
}
