//! Printing: text for people, JSON for programs.

use std::io::Write;

use serde::Serialize;

#[derive(Clone, Copy, Debug)]
pub(super) struct Output {
    json: bool,
}

impl Output {
    pub(super) fn new(json: bool) -> Self {
        Self { json }
    }

    /// `value` as JSON if that was asked for, else `text`.
    pub(super) fn print(self, value: &impl Serialize, text: impl FnOnce() -> String) {
        let line = if self.json { serde_json::to_string(value).unwrap_or_default() } else { text() };
        // A reader that has gone (`recado … | head`) is no failure.
        let _ = writeln!(std::io::stdout(), "{line}");
    }

    pub(super) fn error(self, text: &str) {
        let _ = if self.json {
            writeln!(std::io::stderr(), "{}", serde_json::json!({ "error": text }))
        } else {
            writeln!(std::io::stderr(), "error: {text}")
        };
    }
}

/// A line for somebody who waits, in the place of the one before.
pub(super) fn progress(text: &str) {
    let mut stderr = std::io::stderr();
    let _ = write!(stderr, "\r\x1b[2K{text}");
    let _ = stderr.flush();
}
