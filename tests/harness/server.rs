//! A Postgres server of its own, for tests that stop it.

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::Must;

/// A server that runs until it is stopped or dropped.
pub struct PostgresServer {
    binaries: PathBuf,
    folder: TempDir,
    port: u16,
}

impl PostgresServer {
    /// None where tests have no Postgres (`RECADO_TEST_POSTGRES`), or its server is not on this machine.
    pub fn start() -> Option<Self> {
        std::env::var_os("RECADO_TEST_POSTGRES").filter(|url| !url.is_empty())?;
        let server = Self { binaries: binaries()?, folder: crate::folder(), port: free_port() };
        if is_root() {
            quiet(Command::new("chown").arg("postgres").arg(server.folder.path()));
        }
        server.run("initdb", &["-D", &server.data(), "-U", "postgres", "-A", "trust"]);
        server.resume();
        Some(server)
    }

    pub fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }

    /// Ends it with all connections; what was committed stays.
    pub fn stop(&self) {
        self.run("pg_ctl", &["-D", &self.data(), "-w", "-m", "immediate", "stop"]);
    }

    /// Starts it again on the same port, and waits until it answers.
    pub fn resume(&self) {
        let folder = self.folder.path().display().to_string();
        let options = format!("-h 127.0.0.1 -p {} -k {folder}", self.port);
        self.run("pg_ctl", &["-D", &self.data(), "-w", "-l", &format!("{folder}/log"), "-o", &options, "start"]);
    }

    fn data(&self) -> String {
        self.folder.path().join("data").display().to_string()
    }

    /// It refuses to be run by root.
    fn run(&self, program: &str, arguments: &[&str]) {
        let program = self.binaries.join(program);
        let mut command = if is_root() {
            let mut command = Command::new("runuser");
            command.args(["-u", "postgres", "--"]).arg(program);
            command
        } else {
            Command::new(program)
        };
        quiet(command.args(arguments).current_dir(self.folder.path()));
    }
}

impl Drop for PostgresServer {
    fn drop(&mut self) {
        if self.folder.path().join("data/postmaster.pid").exists() {
            self.stop();
        }
    }
}

fn quiet(command: &mut Command) {
    let status = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    let status = status.must("a command of Postgres");
    status.success().then_some(()).must(&format!("{command:?} went well"));
}

fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0)
}

/// The newest that is installed.
fn binaries() -> Option<PathBuf> {
    let installed = std::fs::read_dir("/usr/lib/postgresql").ok()?;
    let mut found: Vec<PathBuf> = installed.filter_map(|entry| Some(entry.ok()?.path().join("bin"))).collect();
    found.retain(|folder| folder.join("pg_ctl").exists());
    found.sort();
    found.pop()
}

/// Nobody else is given it in the meantime, usually.
fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").must("a free port");
    listener.local_addr().must("its address").port()
}
