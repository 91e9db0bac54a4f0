//! `recado retry`

use anyhow::bail;
use clap::Args;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::call::{At, Reach};
use super::{Context, Usage};

#[derive(Debug, Args)]
pub(super) struct Retry {
    /// Messages, by id
    #[arg(required_unless_present = "all", conflicts_with = "all")]
    messages: Vec<String>,
    /// All that the gateway stopped trying to send
    #[arg(long)]
    all: bool,
    /// With --all: of this channel alone
    #[arg(long, requires = "all")]
    channel: Option<String>,
    /// With --all: taken at this time or later, as in 2026-03-01T09:30:00-05:00
    #[arg(long, requires = "all", value_name = "TIME")]
    since: Option<String>,
    /// Only show which these are
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    at: At,
}

impl Retry {
    pub(super) async fn run(&self, context: &Context) -> anyhow::Result<()> {
        let language = context.setting("defaults.locale")?;
        let reach = self.at.reach(context)?;
        let found = if self.all { self.given_up(&reach, &language).await? } else { Vec::new() };
        let ids: Vec<String> = if self.all {
            found.iter().map(|message| message["id"].as_str().unwrap_or_default().to_owned()).collect()
        } else {
            self.messages.clone()
        };
        let mut told: Vec<Value> = Vec::new();
        let mut refused = 0;
        for id in &ids {
            let outcome = if self.dry_run {
                reach.get(&format!("/v1/messages/{id}"), &language).await
            } else {
                reach.post(&format!("/v1/messages/{id}/retry"), &Value::Null, &language).await
            };
            told.push(match outcome {
                Ok(message) => json!({
                    "id": id, "status": message["status"], "given_up_at": message["given_up_at"],
                    "error_code": message["error_code"], "error_message": message["error_message"],
                }),
                Err(error) => {
                    refused += 1;
                    json!({ "id": id, "refused": format!("{error:#}") })
                }
            });
        }
        context.output.print(&json!({ "messages": told }), || lines(&told));
        if refused > 0 {
            bail!("{refused} of {} are not tried again", ids.len());
        }
        Ok(())
    }

    /// All pages of what was given up, oldest first: so they leave in the order they were meant to.
    async fn given_up(&self, reach: &Reach, language: &str) -> anyhow::Result<Vec<Value>> {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.append_pair("given_up", "true").append_pair("limit", "200");
        if let Some(channel) = &self.channel {
            query.append_pair("channel", channel);
        }
        if let Some(since) = &self.since {
            let since: Timestamp = since.parse().map_err(|error| Usage(format!("`--since`: {error}")))?;
            query.append_pair("since", &since.to_string());
        }
        let path = format!("/v1/messages?{}", query.finish());
        let mut found: Vec<Value> = Vec::new();
        let mut next = path.clone();
        loop {
            let page = reach.get(&next, language).await?;
            found.extend(page["items"].as_array().into_iter().flatten().cloned());
            let Some(cursor) = page["next_cursor"].as_str() else { break };
            next = format!("{path}&cursor={cursor}");
        }
        found.reverse();
        Ok(found)
    }
}

fn lines(told: &[Value]) -> String {
    let line = |message: &Value| {
        let word = |name: &str| message[name].as_str().unwrap_or_default();
        match message["refused"].as_str() {
            Some(reason) => format!("{}  not tried again: {reason}", word("id")),
            None => format!("{}  {}  {}", word("id"), word("status"), word("error_message")).trim_end().to_owned(),
        }
    };
    if told.is_empty() {
        "nothing was given up".to_owned()
    } else {
        told.iter().map(line).collect::<Vec<_>>().join("\n")
    }
}
