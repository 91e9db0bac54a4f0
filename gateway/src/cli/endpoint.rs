//! `recado endpoint`

use anyhow::bail;
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::Context;
use super::call::{At, Reach};

#[derive(Debug, Args)]
pub(super) struct EndpointCommand {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Which endpoints there are, and how each fares
    List {
        #[command(flatten)]
        at: At,
    },
    /// What an endpoint was or is to be told, newest first
    Events {
        /// The endpoint's name
        endpoint: String,
        /// Only those that are waiting, sending, delivered or given-up
        #[arg(long)]
        state: Option<String>,
        /// How many
        #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=200))]
        last: u32,
        #[command(flatten)]
        at: At,
    },
    /// Tell an endpoint again that was disabled since it failed for too long, or that had said it is gone
    Enable {
        /// The endpoint's name
        endpoint: String,
        #[command(flatten)]
        at: At,
    },
    /// Tell events once more, under the same ids; those that wait, now
    Replay {
        /// The endpoint's name
        endpoint: String,
        /// Events, by id
        #[arg(required_unless_present = "given_up", conflicts_with = "given_up")]
        events: Vec<String>,
        /// All that were given up
        #[arg(long)]
        given_up: bool,
        #[command(flatten)]
        at: At,
    },
}

impl What {
    fn at(&self) -> &At {
        match self {
            Self::List { at } | Self::Events { at, .. } | Self::Enable { at, .. } | Self::Replay { at, .. } => at,
        }
    }
}

impl EndpointCommand {
    pub(super) async fn run(&self, context: &Context) -> anyhow::Result<()> {
        let language = context.setting("defaults.locale")?;
        let reach = self.what.at().reach(context)?;
        match &self.what {
            What::List { .. } => {
                let list = reach.get("/v1/endpoints", &language).await?;
                context.output.print(&list, || lines(&list["items"], "there is no endpoint", endpoint_line));
            }
            What::Events { endpoint, state, last, .. } => {
                let path = format!("/v1/endpoints/{endpoint}/events?{}", query(state.as_deref(), *last));
                let list = reach.get(&path, &language).await?;
                context.output.print(&list, || lines(&list["items"], "nothing", event_line));
            }
            What::Enable { endpoint, .. } => {
                let path = format!("/v1/endpoints/{endpoint}/enable");
                let shown = reach.post(&path, &Value::Null, &language).await?;
                context.output.print(&shown, || endpoint_line(&shown));
            }
            What::Replay { endpoint, events, given_up, .. } => {
                let events = if *given_up { given_up_of(&reach, endpoint, &language).await? } else { events.clone() };
                replay(context, &reach, endpoint, &events, &language).await?;
            }
        }
        Ok(())
    }
}

async fn replay(
    context: &Context,
    reach: &Reach,
    endpoint: &str,
    events: &[String],
    language: &str,
) -> anyhow::Result<()> {
    let mut told = Vec::with_capacity(events.len());
    let mut refused = 0;
    for id in events {
        let path = format!("/v1/endpoints/{endpoint}/events/{id}/replay");
        told.push(match reach.post(&path, &Value::Null, language).await {
            Ok(event) => event,
            Err(error) => {
                refused += 1;
                json!({ "id": id, "refused": format!("{error:#}") })
            }
        });
    }
    let told = json!({ "items": told });
    context.output.print(&told, || lines(&told["items"], "nothing was given up", event_line));
    if refused > 0 {
        bail!("{refused} of {} are not told again", events.len());
    }
    Ok(())
}

/// All of them, oldest first: so each conversation is told in order.
async fn given_up_of(reach: &Reach, endpoint: &str, language: &str) -> anyhow::Result<Vec<String>> {
    let path = format!("/v1/endpoints/{endpoint}/events?{}", query(Some("given-up"), 200));
    let mut found = Vec::new();
    let mut next = path.clone();
    loop {
        let page = reach.get(&next, language).await?;
        let ids = page["items"].as_array().into_iter().flatten().filter_map(|event| event["id"].as_str());
        found.extend(ids.map(str::to_owned));
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        next = format!("{path}&cursor={cursor}");
    }
    found.reverse();
    Ok(found)
}

fn query(state: Option<&str>, limit: u32) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair("limit", &limit.to_string());
    if let Some(state) = state {
        query.append_pair("state", state);
    }
    query.finish()
}

fn lines(items: &Value, none: &str, line: impl Fn(&Value) -> String) -> String {
    let lines: Vec<String> = items.as_array().into_iter().flatten().map(line).collect();
    if lines.is_empty() { none.to_owned() } else { lines.join("\n") }
}

fn endpoint_line(endpoint: &Value) -> String {
    let word = |name: &str| endpoint[name].as_str().unwrap_or_default();
    let failing = match (endpoint["failing_since"].as_str(), endpoint["last_failure"].as_str()) {
        (Some(since), Some(problem)) => format!("  fails since {since}: {problem}"),
        _ => String::new(),
    };
    format!("{}  {}  {} waiting  {}{failing}", word("name"), word("state"), endpoint["waiting"], word("url"))
}

fn event_line(event: &Value) -> String {
    let word = |name: &str| event[name].as_str().unwrap_or_default();
    match event["refused"].as_str() {
        Some(reason) => format!("{}  not told again: {reason}", word("id")),
        None => format!(
            "{}  {}  {}  {}  tries: {}  {}",
            word("id"),
            word("created_at"),
            word("type"),
            word("state"),
            event["tries"],
            word("problem")
        )
        .trim_end()
        .to_owned(),
    }
}
