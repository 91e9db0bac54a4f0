//! What a process wrote to standard error, line by line. A line is here a moment after it was
//! written; once the process has ended, all are.

use std::io::{BufRead, BufReader, Read};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use serde_json::{Value, json};

/// The lines, also of processes that came one after the other; cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Log(Arc<Mutex<Vec<Value>>>);

impl Log {
    /// Takes down what comes, until it ends.
    pub(crate) fn follow(&self, stream: impl Read + Send + 'static) -> JoinHandle<()> {
        let log = self.clone();
        std::thread::spawn(move || {
            for line in BufReader::new(stream).lines().map_while(Result::ok) {
                // What is not a line of the log is a panic, or the reason for a bad end.
                let plain = |_| json!({ "level": "ERROR", "message": line });
                let value = serde_json::from_str(&line).unwrap_or_else(plain);
                log.inner().push(value);
            }
        })
    }

    pub fn lines(&self) -> Vec<Value> {
        self.inner().clone()
    }

    /// The last line with this message.
    pub fn find(&self, message: &str) -> Option<Value> {
        self.inner().iter().rev().find(|line| line["message"] == message).cloned()
    }

    /// The lines that tell of a defect.
    pub fn errors(&self) -> Vec<Value> {
        self.inner().iter().filter(|line| line["level"] == "ERROR").cloned().collect()
    }

    /// All of it, as text.
    pub fn text(&self) -> String {
        self.inner().iter().map(Value::to_string).collect::<Vec<_>>().join("\n")
    }

    fn inner(&self) -> MutexGuard<'_, Vec<Value>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
