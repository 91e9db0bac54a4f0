//! Where the program under test is.
//!
//! A test target learns the paths of its own package's programs from Cargo, but `recado` is of
//! another package. So it is built by Cargo here, once per test process: with the profile and into
//! the target folder that the tests themselves came from, and together with the whole workspace, so
//! that both are made of the same features of the same crates and nothing is compiled twice. When
//! nothing has changed this takes a fraction of a second. Several test processes may do it at the
//! same time: Cargo makes them wait for each other.
//!
//! `RECADO_TEST_BINARY` names a program that is taken as it is.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::{Must, give_up};

/// The program, built.
pub(crate) fn recado() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| match std::env::var_os("RECADO_TEST_BINARY") {
        Some(path) => PathBuf::from(path),
        None => build(),
    })
}

/// Where all gateways under test keep compiled plugins, so that each plugin is compiled once.
pub(crate) fn compiled() -> PathBuf {
    profile().join("compiled-plugins")
}

/// `target/PROFILE`, where the test program is `target/PROFILE/deps/TEST`.
fn profile() -> PathBuf {
    let test = std::env::current_exe().must("the path of the test program");
    let folder = test.parent().and_then(Path::parent);
    folder.must("the test program is in Cargo's target folder").to_owned()
}

fn build() -> PathBuf {
    let folder = profile();
    let target = folder.parent().must("the test program is in Cargo's target folder");
    let name = folder.file_name().and_then(|name| name.to_str()).must("the folder of a Cargo profile");
    let profile = if name == "debug" { "dev" } else { name };
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| env!("CARGO").into());
    let mut command = Command::new(cargo);
    command
        .args(["build", "--quiet", "--workspace", "--bin", "recado"])
        .args(["--profile", profile, "--target-dir"])
        .arg(target)
        // Where Cargo finds the workspace's own configuration.
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_str().is_some_and(is_of_this_test)) {
        command.env_remove(name);
    }
    let built = command.output().must("cargo");
    if !built.status.success() {
        give_up(&format!("the program `recado` can't be built: {}", String::from_utf8_lossy(&built.stderr)));
    }
    folder.join("recado")
}

/// Whether Cargo set the variable for this test; build scripts that see it would run again.
fn is_of_this_test(name: &str) -> bool {
    const PREFIXES: [&str; 5] = ["CARGO_MANIFEST_", "CARGO_PKG_", "CARGO_BIN_", "CARGO_CRATE_", "CARGO_PRIMARY_"];
    PREFIXES.iter().any(|prefix| name.starts_with(prefix)) || name == "CARGO_TARGET_TMPDIR"
}
