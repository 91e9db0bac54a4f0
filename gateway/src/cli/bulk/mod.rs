//! `recado bulk`

mod recipients;
mod sending;
mod watching;

use std::path::PathBuf;

use clap::{ArgGroup, Args, Subcommand};
use serde_json::Value;
use uuid::Uuid;

use super::call::{At, Reach};
use super::{Context, template};

#[derive(Debug, Args)]
pub(super) struct BulkCommand {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Send to everybody on a list
    Send(Box<Send>),
    /// Which bulk sends there are, newest first
    List {
        /// How many
        #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=200))]
        last: u32,
        #[command(flatten)]
        at: At,
    },
    /// How far one has come
    Show {
        id: Uuid,
        /// Go on showing it until it is over
        #[arg(long)]
        watch: bool,
        /// Name those who get nothing, and why
        #[arg(long)]
        refused: bool,
        #[command(flatten)]
        at: At,
    },
    /// Send nothing more of it until it is resumed
    Pause(One),
    /// Go on with it
    Resume(One),
    /// Give up what was not sent of it
    Cancel(One),
}

#[derive(Debug, Args)]
struct One {
    id: Uuid,
    #[command(flatten)]
    at: At,
}

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("content").required(true).args(["template", "text"]))]
struct Send {
    /// CSV with the column `to`; with a template also `locale`, and one column for each of its variables
    file: PathBuf,
    /// Make the texts of this template
    #[arg(long, value_name = "NAME")]
    template: Option<String>,
    /// The same text for everybody
    #[arg(long, allow_hyphen_values = true)]
    text: Option<String>,
    /// What is put into the template for everybody; may be given several times
    #[arg(long = "set", value_name = "NAME=VALUE", requires = "template", value_parser = template::pair)]
    variables: Vec<(String, String)>,
    /// The locale of those who have none on the list [default: `defaults.locale` of the gateway]
    #[arg(long, requires = "template")]
    locale: Option<String>,
    /// What people know it by [default: the file's name]
    #[arg(long)]
    name: Option<String>,
    /// The channel, where there are several
    #[arg(long)]
    channel: Option<String>,
    /// When it is to leave [default: now], as in 2026-03-01T09:30:00-05:00
    #[arg(long = "at", value_name = "TIME")]
    when: Option<String>,
    /// Say who would get nothing and why, and send nothing
    #[arg(long)]
    dry_run: bool,
    /// Send to all others where some get nothing; otherwise nothing is sent then
    #[arg(long, conflicts_with = "dry_run")]
    skip_refused: bool,
    /// Send it although the very same was sent before
    #[arg(long)]
    again: bool,
    #[command(flatten)]
    at: At,
}

impl BulkCommand {
    pub(super) async fn run(&self, context: &Context) -> anyhow::Result<()> {
        let language = context.setting("defaults.locale")?;
        match &self.what {
            What::Send(send) => send.run(context, &send.at.reach(context)?, &language).await,
            What::List { last, at } => {
                let page = at.reach(context)?.get(&format!("/v1/bulks?limit={last}"), &language).await?;
                context.output.print(&page, || {
                    let lines: Vec<String> = page["items"].as_array().into_iter().flatten().map(line).collect();
                    if lines.is_empty() { "there is no bulk send".to_owned() } else { lines.join("\n") }
                });
                Ok(())
            }
            What::Show { id, watch, refused, at } => {
                let reach = at.reach(context)?;
                let mut shown = if *watch {
                    watching::watch(context, &reach, *id, &language).await?
                } else {
                    reach.get(&path(*id), &language).await?
                };
                if *refused {
                    shown["recipients"] = without(&reach, *id, &language).await?.into();
                }
                context.output.print(&shown, || {
                    let refused = shown["recipients"].as_array().into_iter().flatten();
                    let lines = refused.map(|one| format!("{}  {}", word(one, "to"), problem(one)));
                    std::iter::once(text(&shown)).chain(lines).collect::<Vec<_>>().join("\n")
                });
                Ok(())
            }
            What::Pause(one) => one.wish(context, "pause", &language).await,
            What::Resume(one) => one.wish(context, "resume", &language).await,
            What::Cancel(one) => one.wish(context, "cancel", &language).await,
        }
    }
}

impl One {
    async fn wish(&self, context: &Context, wish: &str, language: &str) -> anyhow::Result<()> {
        let path = format!("{}/{wish}", path(self.id));
        let shown = self.at.reach(context)?.post(&path, &Value::Null, language).await?;
        context.output.print(&shown, || text(&shown));
        Ok(())
    }
}

fn path(id: Uuid) -> String {
    format!("/v1/bulks/{id}")
}

/// Those who get nothing of it, in the order of the list.
async fn without(reach: &Reach, id: Uuid, language: &str) -> anyhow::Result<Vec<Value>> {
    let mut all = Vec::new();
    for state in ["refused", "duplicate"] {
        let path = format!("{}/recipients?limit=200&state={state}", path(id));
        let mut next = path.clone();
        loop {
            let page = reach.get(&next, language).await?;
            all.extend(page["items"].as_array().into_iter().flatten().cloned());
            let Some(cursor) = page["next_cursor"].as_str() else { break };
            next = format!("{path}&cursor={cursor}");
        }
    }
    all.sort_by_key(|one| one["position"].as_u64());
    Ok(all)
}

fn word<'a>(of: &'a Value, name: &str) -> &'a str {
    of[name].as_str().unwrap_or_default()
}

/// Why somebody gets nothing.
fn problem(recipient: &Value) -> &str {
    word(&recipient["problem"], "detail")
}

/// One bulk send of several.
fn line(bulk: &Value) -> String {
    let name = bulk["name"].as_str().unwrap_or("-");
    let total = &bulk["total"];
    format!(
        "{}  {}  {} recipient(s)  {}  {name}",
        word(bulk, "id"),
        word(bulk, "created_at"),
        total,
        word(bulk, "state")
    )
}

/// One, and how far it has come.
fn text(bulk: &Value) -> String {
    let mut lines = vec![line(bulk), format!("  {}", counts(bulk))];
    lines.extend(bulk["send_at"].as_str().map(|at| format!("  planned for {at}")));
    let refused = bulk["refused_for"].as_object().into_iter().flatten();
    lines.extend(refused.map(|(code, count)| format!("  refused: {count} for {code}")));
    lines.join("\n")
}

/// How many stand where, but for where there is nobody.
fn counts(bulk: &Value) -> String {
    const STATES: [&str; 8] =
        ["waiting", "submitted", "sent", "delivered", "failed", "refused", "duplicate", "canceled"];
    let known = STATES.iter().map(|state| (state, bulk["counts"][state].as_u64().unwrap_or(0)));
    let known: Vec<String> =
        known.filter(|(_, count)| *count > 0).map(|(state, count)| format!("{count} {state}")).collect();
    known.join(", ")
}
