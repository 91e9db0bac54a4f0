//! `recado` as a process of its own, so that what it uses is told apart from what others do.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child as Process, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context as _, bail};
use serde_json::Value;
use tokio::sync::oneshot;

use crate::bench::Failures;
use crate::config::Environment;

/// How long it may take until it listens: a gateway that compiles its plugins, on a busy machine.
const PATIENCE: Duration = Duration::from_mins(2);
/// The most lines of a log that are shown.
const LINES: usize = 10;

/// A process that listens; it ends with this, and also when this process is killed, since then its standard input
/// ends.
pub(super) struct Child {
    process: Process,
    readers: Vec<JoinHandle<()>>,
    heard: Arc<Mutex<Failures>>,
}

/// This program with these arguments, away from the settings of the environment and of the folder it is called in.
fn program(folder: &Path, arguments: &[&str]) -> anyhow::Result<Command> {
    let mut command = Command::new(std::env::current_exe().context("this program can't be found")?);
    command.args(arguments).current_dir(folder).stdin(Stdio::null());
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(is_kept_away) {
            command.env_remove(name);
        }
    }
    Ok(command)
}

/// Settings, and all else that libraries of Twilio's read.
fn is_kept_away(name: &str) -> bool {
    Environment::is_setting(name) || name.starts_with("TWILIO_")
}

/// Runs it to its end, and gives the JSON that it prints.
pub(super) fn ask(folder: &Path, arguments: &[&str]) -> anyhow::Result<Value> {
    let output = program(folder, arguments)?.output()?;
    if !output.status.success() {
        bail!("`recado {}` failed: {}", arguments.join(" "), String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

impl Child {
    /// Starts it, and waits until it says where it listens.
    pub(super) async fn start(folder: &Path, arguments: &[&str]) -> anyhow::Result<(Self, SocketAddr)> {
        let mut process = program(folder, arguments)?
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .context("no process")?;
        let heard = Arc::new(Mutex::new(Failures::default()));
        let (listening, listens) = oneshot::channel();
        let listening = Arc::new(Mutex::new(Some(listening)));
        let streams: [Option<Box<dyn Read + Send>>; 2] = [
            process.stdout.take().map(|stream| Box::new(stream) as Box<dyn Read + Send>),
            process.stderr.take().map(|stream| Box::new(stream) as Box<dyn Read + Send>),
        ];
        let readers = streams.into_iter().flatten().map(|stream| {
            let (heard, listening) = (Arc::clone(&heard), Arc::clone(&listening));
            std::thread::spawn(move || {
                for line in BufReader::new(stream).lines().map_while(Result::ok) {
                    hear(&line, &heard, &listening);
                }
            })
        });
        let readers = readers.collect();
        // Only the readers have it now, so that their end is heard.
        drop(listening);
        let mut child = Self { process, readers, heard };
        let address = tokio::time::timeout(PATIENCE, listens).await;
        let Ok(Ok(address)) = address else {
            child.end();
            let failures = child.failures();
            bail!("`recado {}` did not start: {}", arguments.join(" "), failures.lines.join("; "));
        };
        Ok((child, address))
    }

    pub(super) fn id(&self) -> u32 {
        self.process.id()
    }

    /// What its log has had to say so far.
    pub(super) fn failures(&self) -> Failures {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Ends it at once. There is nothing that it should keep.
    pub(super) fn end(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
        for reader in self.readers.drain(..) {
            let _ = reader.join();
        }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.end();
    }
}

fn hear(line: &str, heard: &Mutex<Failures>, listening: &Mutex<Option<oneshot::Sender<SocketAddr>>>) {
    let said: Value = serde_json::from_str(line).unwrap_or_default();
    if said["message"] == "listening"
        && let Some(address) = said["address"].as_str().and_then(|address| address.parse().ok())
        && let Some(listening) = listening.lock().unwrap_or_else(PoisonError::into_inner).take()
    {
        // Whoever waited may have gone.
        let _ = listening.send(address);
    }
    let mut heard = heard.lock().unwrap_or_else(PoisonError::into_inner);
    match said["level"].as_str() {
        Some("INFO" | "DEBUG" | "TRACE") => return,
        Some("WARN") => heard.warnings += 1,
        // What is not of the log is of somebody who failed.
        _ if said["message"] != "listening" => heard.errors += 1,
        _ => return,
    }
    if heard.lines.len() < LINES {
        heard.lines.push(line.to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_variable_that_sets_anything_comes_along() {
        let set = [
            "RECADO_DATABASE__URL",
            "RECADO_CONFIG",
            "TWILIO_AUTH_TOKEN",
            "TWILIO_API_KEY",
            "OTEL_EXPORTER_OTLP_ENDPOINT",
        ];
        assert!(set.into_iter().all(is_kept_away));
        assert!(!["PATH", "HOME", "OTEL_SERVICE_NAME"].into_iter().any(is_kept_away));
    }
}
