//! `recado contact`

mod import;

use std::path::PathBuf;

use anyhow::bail;
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use uuid::Uuid;

use super::Context;
use super::call::{At, Reach};

#[derive(Debug, Args)]
pub(super) struct ContactCommand {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// The people that are known, newest first
    List {
        /// A piece of a name or of an address
        #[arg(long)]
        search: Option<String>,
        /// How many
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=200))]
        last: u32,
        #[command(flatten)]
        at: At,
    },
    /// What is known of somebody
    Show {
        /// The contact's id, or the person's number or address
        contact: String,
        #[command(flatten)]
        at: At,
    },
    /// Make one person of two, which nothing takes back
    Merge {
        /// The one who stays: an id, a number or an address
        contact: String,
        /// The other
        #[arg(long)]
        from: String,
        #[command(flatten)]
        at: At,
    },
    /// Bring a list along: CSV with a column of numbers or other addresses, perhaps names, and what else is noted
    Import {
        file: PathBuf,
        /// Say what would come of it, and change nothing
        #[arg(long)]
        dry_run: bool,
        #[command(flatten)]
        at: At,
    },
}

impl ContactCommand {
    pub(super) async fn run(&self, context: &Context) -> anyhow::Result<()> {
        let language = context.setting("defaults.locale")?;
        match &self.what {
            What::List { search, last, at } => {
                let query = query([("limit", Some(last.to_string())), ("search", search.clone())]);
                let list = at.reach(context)?.get(&format!("/v1/contacts?{query}"), &language).await?;
                context.output.print(&list, || {
                    let lines: Vec<String> = list["items"].as_array().into_iter().flatten().map(line).collect();
                    if lines.is_empty() { "nobody".to_owned() } else { lines.join("\n") }
                });
            }
            What::Show { contact, at } => {
                let reach = at.reach(context)?;
                let id = find(&reach, contact, &language).await?;
                let contact = reach.get(&format!("/v1/contacts/{id}"), &language).await?;
                context.output.print(&contact, || all(&contact));
            }
            What::Merge { contact, from, at } => {
                let reach = at.reach(context)?;
                let (id, from) = (find(&reach, contact, &language).await?, find(&reach, from, &language).await?);
                let body = json!({ "from": from });
                let merged = reach.post(&format!("/v1/contacts/{id}/merge"), &body, &language).await?;
                context.output.print(&merged, || line(&merged));
            }
            What::Import { file, dry_run, at } => {
                import::run(context, &at.reach(context)?, file, *dry_run, &language).await?;
            }
        }
        Ok(())
    }
}

/// The id of whom somebody named.
async fn find(reach: &Reach, named: &str, language: &str) -> anyhow::Result<String> {
    if Uuid::parse_str(named).is_ok() {
        return Ok(named.to_owned());
    }
    let query = query([("address", Some(named.to_owned()))]);
    let found = reach.get(&format!("/v1/contacts?{query}"), language).await?;
    match found["items"][0]["id"].as_str() {
        Some(id) => Ok(id.to_owned()),
        None => bail!("nobody is known with that address: `recado contact list --search` looks for a piece of it"),
    }
}

fn query<const N: usize>(pairs: [(&str, Option<String>); N]) -> String {
    let pairs = pairs.into_iter().filter_map(|(name, value)| Some((name, value?)));
    form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

fn line(contact: &Value) -> String {
    let addresses: Vec<&str> =
        contact["addresses"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let attributes = contact["attributes"].as_object().into_iter().flatten();
    let attributes = attributes.map(|(name, value)| format!("{name}: {}", value.as_str().unwrap_or_default()));
    let name = contact["name"].as_str().unwrap_or("-");
    let first = [contact["id"].as_str().unwrap_or_default(), name, &addresses.join(" ")].map(str::to_owned);
    first.into_iter().chain(attributes).collect::<Vec<_>>().join("  ")
}

/// With conversations and consents.
fn all(contact: &Value) -> String {
    let mut lines = vec![line(contact)];
    let word = |of: &Value, name: &str| of[name].as_str().unwrap_or("-").to_owned();
    for conversation in contact["conversations"].as_array().into_iter().flatten() {
        let named = ["last_message_at", "channel", "address", "status", "assignee", "id"];
        lines.push(format!("conversation  {}", named.map(|name| word(conversation, name)).join("  ")));
    }
    for consent in contact["consents"].as_array().into_iter().flatten() {
        let named = ["at", "channel", "address", "state", "source"];
        lines.push(format!("consent  {}", named.map(|name| word(consent, name)).join("  ")));
    }
    lines.join("\n")
}
