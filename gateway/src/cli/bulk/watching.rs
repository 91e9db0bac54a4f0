//! `recado bulk show --watch`

use std::io::{IsTerminal, Write};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use serde_json::Value;
use uuid::Uuid;

use super::{counts, path, word};
use crate::cli::Context;
use crate::cli::call::Reach;

/// How long until it is looked at again.
const PAUSE: Duration = Duration::from_millis(500);

/// Shows how far it has come until it is over, and gives what it has come to.
pub(super) async fn watch(context: &Context, reach: &Reach, id: Uuid, language: &str) -> anyhow::Result<Value> {
    let mut shown = Shown::new(context.common.json);
    loop {
        let progress = reach.get(&path(id), language).await?;
        shown.tell(&progress);
        if !progress["finished_at"].is_null() {
            shown.end();
            return Ok(progress);
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// What somebody sees who waits: a bar on a terminal, else a line for each change; nothing beside JSON.
enum Shown {
    Bar(ProgressBar),
    Lines { last: String },
    Nothing,
}

impl Shown {
    fn new(json: bool) -> Self {
        if json {
            return Self::Nothing;
        }
        if !std::io::stderr().is_terminal() {
            return Self::Lines { last: String::new() };
        }
        let bar = ProgressBar::new(0);
        Self::Bar(match ProgressStyle::with_template("{wide_bar} {human_pos} of {human_len}, {msg}") {
            Ok(style) => bar.with_style(style),
            Err(_) => bar,
        })
    }

    fn tell(&mut self, progress: &Value) {
        let count = |state: &str| progress["counts"][state].as_u64().unwrap_or(0);
        let total = progress["total"].as_u64().unwrap_or(0);
        let text = format!("{}: {}", word(progress, "state"), counts(progress));
        match self {
            Self::Bar(bar) => {
                bar.set_length(total);
                bar.set_position(total.saturating_sub(count("waiting") + count("submitted")));
                bar.set_message(text);
            }
            Self::Lines { last } if *last != text => {
                let _ = writeln!(std::io::stderr(), "{text}");
                *last = text;
            }
            Self::Lines { .. } | Self::Nothing => {}
        }
    }

    fn end(self) {
        if let Self::Bar(bar) = self {
            bar.finish_and_clear();
        }
    }
}
