//! `recado consent`

mod lines;

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Value, json};

use super::call::{At, Reach};
use super::{Context, Usage};
use crate::csv;

#[derive(Debug, Args)]
pub(super) struct ConsentCommand {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// What people allow, newest first
    List {
        #[arg(long)]
        state: Option<State>,
        #[arg(long)]
        channel: Option<String>,
        /// Only what was said then or later (RFC 3339)
        #[arg(long, value_name = "TIME")]
        since: Option<String>,
        /// How many
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=200))]
        last: u32,
        #[command(flatten)]
        at: At,
    },
    /// What somebody allows, and how that came about
    Show {
        /// The person's number or address
        address: String,
        #[command(flatten)]
        at: At,
    },
    /// Put down what somebody allows
    Set {
        /// The person's number or address
        address: String,
        state: State,
        #[arg(long)]
        channel: Option<String>,
        /// What there is to show for it; needed to opt in somebody who opted out by their own word
        #[arg(long)]
        proof: Option<String>,
        #[arg(long)]
        note: Option<String>,
        #[command(flatten)]
        at: At,
    },
    /// Write all that people allow as CSV
    Export {
        /// The file [default: standard output]
        #[arg(long, value_name = "FILE")]
        to: Option<PathBuf>,
        #[command(flatten)]
        at: At,
    },
    /// Bring a list along: CSV with the columns address and state, and perhaps channel, at, note and proof
    Import {
        file: PathBuf,
        /// The channel of lines that name none
        #[arg(long)]
        channel: Option<String>,
        /// Say what would come of it, and change nothing
        #[arg(long)]
        dry_run: bool,
        #[command(flatten)]
        at: At,
    },
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum State {
    #[value(name = "opted_out")]
    OptedOut,
    #[value(name = "opted_in")]
    OptedIn,
}

impl State {
    fn as_str(self) -> &'static str {
        match self {
            Self::OptedOut => "opted_out",
            Self::OptedIn => "opted_in",
        }
    }
}

/// As many lines go in one call.
const CALL: usize = 200;

impl ConsentCommand {
    pub(super) async fn run(&self, context: &Context) -> anyhow::Result<()> {
        let language = context.setting("defaults.locale")?;
        match &self.what {
            What::List { state, channel, since, last, at } => {
                let query = [
                    ("limit", Some(last.to_string())),
                    ("state", state.map(|state| state.as_str().to_owned())),
                    ("channel", channel.clone()),
                    ("since", since.clone()),
                ];
                let list = at.reach(context)?.get(&path(query), &language).await?;
                context.output.print(&list, || lines(&list["items"]));
            }
            What::Show { address, at } => {
                let reach = at.reach(context)?;
                let of = || [("address", Some(address.clone()))];
                let list = reach.get(&path(of()), &language).await?;
                let history = format!("/v1/consents/history?{}", query(of()));
                let history = reach.get(&history, &language).await?;
                let both = json!({ "consents": list["items"], "history": history["items"] });
                context.output.print(&both, || {
                    format!("{}\n\n{}", lines(&both["consents"]), lines(&both["history"])).trim_end().to_owned()
                });
            }
            What::Set { address, state, channel, proof, note, at } => {
                let body = json!({
                    "address": address, "state": state.as_str(), "channel": channel, "proof": proof, "note": note,
                    "source": "console",
                });
                let consent = at.reach(context)?.post("/v1/consents", &body, &language).await?;
                context.output.print(&consent, || line(&consent));
            }
            What::Export { to, at } => export(context, &at.reach(context)?, to.as_ref(), &language).await?,
            What::Import { file, channel, dry_run, at } => {
                let text =
                    std::fs::read_to_string(file).with_context(|| format!("{} can't be read", file.display()))?;
                let rows = lines::consents(&text, channel.as_deref());
                let rows = rows.map_err(|problem| Usage(format!("{}: {problem}", file.display())))?;
                import(context, &at.reach(context)?, &rows, *dry_run, &language).await?;
            }
        }
        Ok(())
    }
}

async fn export(context: &Context, reach: &Reach, to: Option<&PathBuf>, language: &str) -> anyhow::Result<()> {
    let mut text = csv::line(&lines::COLUMNS);
    let (mut cursor, mut count) = (None, 0);
    loop {
        let page = reach.get(&path([("limit", Some("200".to_owned())), ("cursor", cursor)]), language).await?;
        for consent in page["items"].as_array().into_iter().flatten() {
            text.push_str(&csv::line(&lines::COLUMNS.map(|column| consent[column].as_str().unwrap_or_default())));
            count += 1;
        }
        cursor = page["next_cursor"].as_str().map(str::to_owned);
        if cursor.is_none() {
            break;
        }
    }
    let Some(file) = to else {
        context.output.print(&json!({ "csv": text }), || text.trim_end().to_owned());
        return Ok(());
    };
    std::fs::write(file, &text).with_context(|| format!("{} can't be written", file.display()))?;
    let written = json!({ "file": file, "consents": count });
    context.output.print(&written, || format!("{count} consents in {}", file.display()));
    Ok(())
}

async fn import(context: &Context, reach: &Reach, rows: &[Value], dry_run: bool, language: &str) -> anyhow::Result<()> {
    let (mut changed, mut known, mut errors) = (0, 0, Vec::new());
    for some in rows.chunks(CALL) {
        let body = json!({ "items": some, "dry_run": dry_run });
        let mut came = reach.post("/v1/consents/import", &body, language).await?;
        changed += came["changed"].as_u64().unwrap_or(0);
        known += came["known"].as_u64().unwrap_or(0);
        if let Some(more) = came["errors"].as_array_mut() {
            errors.append(more);
        }
    }
    let count = errors.len();
    let came = json!({ "changed": changed, "known": known, "errors": errors, "dry_run": dry_run });
    context.output.print(&came, || {
        let mut lines: Vec<String> = came["errors"].as_array().into_iter().flatten().map(error_line).collect();
        let would = if dry_run { "would change" } else { "changed" };
        lines.push(format!("{changed} {would}, {known} known before, {count} wrong"));
        lines.join("\n")
    });
    if count > 0 {
        bail!("{count} of {} lines were not taken; the others were", rows.len());
    }
    Ok(())
}

fn error_line(error: &Value) -> String {
    let word = |name: &str| error[name].as_str().unwrap_or_default();
    format!("line {}, column {}: {}", error["line"], word("column"), word("problem"))
}

fn path<const N: usize>(pairs: [(&str, Option<String>); N]) -> String {
    format!("/v1/consents?{}", query(pairs))
}

fn query<const N: usize>(pairs: [(&str, Option<String>); N]) -> String {
    let pairs = pairs.into_iter().filter_map(|(name, value)| Some((name, value?)));
    form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

fn lines(items: &Value) -> String {
    let lines: Vec<String> = items.as_array().into_iter().flatten().map(line).collect();
    if lines.is_empty() { "nobody has said anything".to_owned() } else { lines.join("\n") }
}

/// A consent, or how one came about.
fn line(of: &Value) -> String {
    let word = |name: &str| of[name].as_str().unwrap_or_default();
    let state = if of["state"].is_string() { word("state") } else { word("choice") };
    let known = ["words", "proof", "note", "actor"].into_iter().filter_map(|name| Some((name, of[name].as_str()?)));
    let more = known.map(|(name, text)| format!("{name}: {text}"));
    let first = [word("at"), word("channel"), word("address"), state, word("source")].map(str::to_owned);
    first.into_iter().chain(more).collect::<Vec<_>>().join("  ")
}
