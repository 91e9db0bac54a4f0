//! The contract's names, as components carry them: for the host, and for who builds components.

/// The package of `sdk/wit/plugin.wit`.
pub(super) const PACKAGE: &str = "recado:plugin";
/// The version that this gateway offers.
pub(super) const OFFERED: &str = "0.1.0";

/// The contract that this gateway offers, with its version.
pub fn offered() -> String {
    format!("{PACKAGE}@{OFFERED}")
}

/// The packages of WASI 0.2 that every component may import, since compilers and interpreters do so
/// without being asked. There is nothing behind them: no files, no sockets, no environment.
const WASI: [&str; 6] = ["wasi:cli", "wasi:clocks", "wasi:filesystem", "wasi:io", "wasi:random", "wasi:sockets"];

/// Whether an import is one of WASI's that the host gives.
pub(super) fn is_wasi(name: &str) -> bool {
    let Some((package, rest)) = name.split_once('/') else { return false };
    let version = rest.split_once('@').map_or("", |(_, version)| version);
    WASI.contains(&package) && version.starts_with("0.2.")
}

/// The interface and the version of a name of this package.
pub(super) fn of_the_contract(name: &str) -> Option<(&str, &str)> {
    name.strip_prefix(PACKAGE)?.strip_prefix('/')?.split_once('@')
}

/// Whether a component of this version runs here: one that only added to the offered version does.
pub(super) fn is_compatible(version: &str) -> bool {
    let track = |version: &str| version.rsplit_once('.').map(|(track, _)| track.to_owned());
    track(version).is_some() && track(version) == track(OFFERED)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_told_apart() {
        let given = ["wasi:cli/environment@0.2.6", "wasi:io/streams@0.2.0", "wasi:sockets/tcp@0.2.3"];
        assert!(given.iter().all(|name| is_wasi(name)));
        let others = ["wasi:http/types@0.2.0", "wasi:cli/environment@0.3.0", "wasi:cli", "wasi:client/a@0.2.0", "cli"];
        assert!(!others.iter().any(|name| is_wasi(name)));
        assert_eq!(of_the_contract("recado:plugin/log@0.1.0"), Some(("log", "0.1.0")));
        assert_eq!(of_the_contract("recado:plugins/log@0.1.0"), None);
        assert!(is_compatible("0.1.0") && is_compatible("0.1.7"));
        assert!(!is_compatible("0.2.0") && !is_compatible("0.10.0") && !is_compatible("1"));
    }
}
