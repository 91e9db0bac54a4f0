//! What somebody sees who waits.

use std::io::{IsTerminal, Write};

use indicatif::{ProgressBar, ProgressStyle};

/// A bar on a terminal, else a line for each thing that is done; nothing beside JSON.
pub(super) enum Shown {
    Bar(ProgressBar),
    Lines,
    Nothing,
}

impl Shown {
    pub(super) fn new(json: bool) -> Self {
        if json {
            return Self::Nothing;
        }
        if !std::io::stderr().is_terminal() {
            return Self::Lines;
        }
        Self::Bar(ProgressBar::new(0))
    }

    /// Something else begins, with so many messages, if that is known.
    pub(super) fn begin(&mut self, what: &str, of: Option<u64>) {
        match self {
            Self::Bar(bar) => {
                let template = match of {
                    Some(_) => "{msg:28} {wide_bar} {human_pos} of {human_len} messages, {eta} left",
                    None => "{msg:28} {human_pos} messages, {elapsed}",
                };
                if let Ok(style) = ProgressStyle::with_template(template) {
                    bar.set_style(style);
                }
                bar.reset();
                bar.set_length(of.unwrap_or(0));
                bar.set_message(what.to_owned());
            }
            Self::Lines => {
                let _ = writeln!(std::io::stderr(), "{what}");
            }
            Self::Nothing => {}
        }
    }

    pub(super) fn tell(&mut self, messages: u64) {
        if let Self::Bar(bar) = self {
            bar.set_position(messages);
        }
    }

    pub(super) fn end(self) {
        if let Self::Bar(bar) = self {
            bar.finish_and_clear();
        }
    }
}
