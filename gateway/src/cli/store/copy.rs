//! `recado store copy`

use std::io::{IsTerminal, Write};

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};

use crate::cli::{Context, Usage};
use crate::store::{self, Copied, Doing, Progress};

#[derive(Debug, Args)]
pub(super) struct Copy {
    /// The database to read [default: `database.url`]
    #[arg(long, value_name = "URL")]
    from: Option<String>,
    /// The empty database to fill, as in `postgres://USER@HOST/NAME` or `sqlite://FILE`
    #[arg(long, value_name = "URL")]
    to: String,
}

impl Copy {
    pub(super) async fn run(&self, context: &Context) -> anyhow::Result<()> {
        let from = match &self.from {
            Some(from) => from.clone(),
            None => context.setting("database.url")?,
        };
        for (name, url) in [("from", &from), ("to", &self.to)] {
            if !["sqlite://", "postgres://", "postgresql://"].iter().any(|scheme| url.starts_with(scheme)) {
                let problem = "must begin with sqlite:// or postgres://";
                return Err(Usage(format!("`--{name}` {problem}")).into());
            }
        }
        let mut shown = Shown::new(context.common.json);
        let copied = store::copy(&from, &self.to, &mut |progress| shown.tell(progress)).await?;
        shown.end();
        context.output.print(&copied, || lines(&copied));
        Ok(())
    }
}

/// What somebody sees who waits: a bar on a terminal, else a line for each table; nothing beside JSON.
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
        let template = "{msg:28} {wide_bar} {human_pos} of {human_len} rows, {eta} left";
        let bar = ProgressBar::new(0);
        Self::Bar(match ProgressStyle::with_template(template) {
            Ok(style) => bar.with_style(style),
            Err(_) => bar,
        })
    }

    fn tell(&mut self, progress: Progress<'_>) {
        let doing = match progress.doing {
            Doing::Copying => "copying",
            Doing::Verifying => "verifying",
        };
        let text = format!("{doing} {}", progress.table);
        match self {
            Self::Bar(bar) => {
                bar.set_length(progress.of);
                bar.set_position(progress.rows);
                bar.set_message(text);
            }
            Self::Lines { last } if *last != text => {
                let _ = writeln!(std::io::stderr(), "{text} ({} of {} rows done)", progress.rows, progress.of);
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

fn lines(copied: &Copied) -> String {
    let table = |table: &store::CopiedTable| {
        let replaced = match table.replaced {
            0 => String::new(),
            rows => format!("  NUL replaced in {rows} rows"),
        };
        format!("{:>12}  {}  {}{replaced}", table.rows, table.checksum, table.table)
    };
    let mut lines: Vec<String> = copied.tables.iter().map(table).collect();
    let went_on = if copied.resumed { ", going on with the copy that was cut off" } else { "" };
    lines.push(format!("copied {} to {}{went_on}; counts and checksums agree", copied.from, copied.to));
    lines.join("\n")
}
