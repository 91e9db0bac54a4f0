//! The contract as other languages' tools read it: with a world of just the hooks that a plugin has.

use std::path::Path;

use super::{Error, write};

/// The contract itself.
pub(super) const CONTRACT: &str = include_str!("../../../../sdk/wit/plugin.wit");
/// The world's name; tools make names of their own of it.
pub(super) const WORLD: &str = "recado-project";

/// The hooks, as manifests name them, and the interface of each.
const HOOKS: [(&str, &str); 4] =
    [("inbound", "inbound"), ("outbound", "outbound"), ("status", "status"), ("timer", "timers")];

/// Writes the contract into a folder: the project's own copy, if it has one in `wit`, and a world with
/// these hooks.
pub(super) fn lay_out(directory: &Path, hooks: &[String], folder: &Path) -> Result<(), Error> {
    let own = directory.join("wit/plugin.wit");
    let contract = if own.is_file() { super::read(&own)? } else { CONTRACT.as_bytes().to_vec() };
    let world = world(hooks).map_err(|reason| Error::BadProject { directory: directory.to_owned(), reason })?;
    std::fs::create_dir_all(folder).map_err(|source| Error::Unwritable { path: folder.to_owned(), source })?;
    write(&folder.join("plugin.wit"), &contract)?;
    write(&folder.join("world.wit"), world.as_bytes())
}

fn world(hooks: &[String]) -> Result<String, String> {
    let interface = |hook: &String| {
        let found = HOOKS.iter().find(|(name, _)| name == hook);
        found.map(|(_, interface)| format!("    export {interface};\n")).ok_or_else(|| {
            let known = HOOKS.map(|(name, _)| name).join(", ");
            format!("`{hook}` in its `hooks` is no hook; there are: {known}")
        })
    };
    if hooks.is_empty() {
        return Err("its `hooks` name none; name at least `inbound`".to_owned());
    }
    let exports = hooks.iter().map(interface).collect::<Result<String, String>>()?;
    Ok(format!("world {WORLD} {{\n    include imports;\n    export about;\n{exports}}}\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_world_has_the_hooks_that_are_named_and_no_others() {
        let world = world(&["inbound".to_owned(), "timer".to_owned()]).unwrap();
        assert_eq!(
            world,
            "world recado-project {\n    include imports;\n    export about;\n    export inbound;\n    export timers;\n}\n"
        );
    }

    #[test]
    fn an_unknown_hook_is_named() {
        let told = world(&["timers".to_owned()]).unwrap_err();
        assert!(told.contains("`timers`") && told.contains("inbound, outbound, status, timer"), "{told}");
        assert!(world(&[]).unwrap_err().contains("inbound"));
    }
}
