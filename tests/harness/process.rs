//! `recado` as a process that keeps running.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use nix::time::clock_getcpuclockid;
use nix::unistd::Pid;

use crate::{Log, Must, SOON, command, wait_for, wait_up_to};

/// A running process; killed when it is dropped.
pub struct Process {
    child: Child,
    stdout: Arc<Mutex<String>>,
    log: Log,
    readers: Vec<JoinHandle<()>>,
}

impl Process {
    /// Starts `recado` in a folder.
    pub fn start(folder: &Path, arguments: &[&str], log: &Log) -> Self {
        let mut child = command::prepare(folder)
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .must("recado");
        let errors = log.follow(child.stderr.take().must("standard error"));
        let stdout = Arc::new(Mutex::new(String::new()));
        let (lines, written) = (child.stdout.take().must("standard output"), Arc::clone(&stdout));
        let prints = std::thread::spawn(move || {
            for line in BufReader::new(lines).lines().map_while(Result::ok) {
                let mut written = written.lock().unwrap_or_else(PoisonError::into_inner);
                written.push_str(&line);
                written.push('\n');
            }
        });
        Self { child, stdout, log: log.clone(), readers: vec![errors, prints] }
    }

    /// What it has printed so far.
    pub fn stdout(&self) -> String {
        self.stdout.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn log(&self) -> &Log {
        &self.log
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The processor time that it has used, in both user and kernel mode.
    pub fn processor_time(&self) -> Duration {
        processor_time(self.child.id())
    }

    /// The memory that it holds, in bytes (`VmRSS` of `proc(5)`).
    pub fn memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).must("its state");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).must("its memory");
        line.trim().trim_end_matches(" kB").parse::<u64>().must("a number of kB") * 1024
    }

    /// How many files and connections it has open.
    pub fn open_files(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.child.id())).must("its files").count()
    }

    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().must("the state of the process").is_some()
    }

    /// Ends it at once, as a crash would.
    pub fn kill(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
        self.read_out();
    }

    /// Asks it to stop, as a service manager does.
    pub fn terminate(&self) {
        self.signal("TERM");
    }

    /// Asks it to look at what it was made of again, as a service manager does.
    pub fn hang_up(&self) {
        self.signal("HUP");
    }

    fn signal(&self, name: &str) {
        let script = format!("kill -{name} {}", self.child.id());
        Command::new("sh").args(["-c", &script]).status().must("sh");
    }

    /// How it ended, once it has.
    pub fn ended(&mut self) -> ExitStatus {
        let ended = wait_up_to(SOON, || self.child.try_wait().must("the state of the process"));
        let ended = ended.must(&format!("the process goes on and on\n{}", self.log.text()));
        self.read_out();
        ended
    }

    /// Waits for its last words.
    fn read_out(&mut self) {
        for reader in self.readers.drain(..) {
            reader.join().ok().must("what the process wrote");
        }
    }

    /// What it has printed, once that is as wanted.
    pub fn wait_for_stdout(&self, wanted: impl Fn(&str) -> bool) -> String {
        wait_for("what the process should print", || Some(self.stdout()).filter(|text| wanted(text)))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The processor time that a process has used, in both user and kernel mode.
pub fn processor_time(process: u32) -> Duration {
    let process = Pid::from_raw(process.try_into().must("the id of a process"));
    let clock = clock_getcpuclockid(process).must("its clock of processor time");
    clock.now().must("what the process used").into()
}
