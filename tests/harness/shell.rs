//! Running what a document shows.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::{Must, Ran, binary};

/// Whether a program is there.
pub fn is_there(program: &str) -> bool {
    Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok()
}

/// Runs a script in a folder, with the given variables; `recado` is the program under test.
pub fn shell(folder: &Path, script: &str, variables: &[(&str, &str)]) -> Ran {
    let programs = binary::recado().parent().must("the folder of the program");
    let mut path = programs.as_os_str().to_owned();
    if let Some(usual) = std::env::var_os("PATH") {
        path.push(":");
        path.push(usual);
    }
    let mut command = Command::new("sh");
    command.args(["-euc", script]).current_dir(folder).env_clear().env("PATH", path).stdin(Stdio::null());
    let output = command.envs(variables.iter().copied()).output().must("sh");
    Ran {
        code: output.status.code(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}
