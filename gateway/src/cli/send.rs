//! `recado send`

use std::collections::BTreeMap;

use anyhow::{Context as _, bail};
use clap::Args;
use serde_json::{Value, json};

use super::call::{At, Reach};
use super::{Context, template};
use crate::media::{UPLOAD, kind};
use crate::message::Priority;

#[derive(Debug, Args)]
pub(super) struct Send {
    /// The recipient's number, in any usual form
    #[arg(long, allow_hyphen_values = true)]
    to: String,
    /// The text
    #[arg(long, default_value = "", allow_hyphen_values = true)]
    text: String,
    /// Make the text of this template
    #[arg(long, value_name = "NAME", conflicts_with = "text")]
    template: Option<String>,
    /// What is put into the template; may be given several times
    #[arg(long = "set", value_name = "NAME=VALUE", requires = "template", value_parser = template::pair)]
    variables: Vec<(String, String)>,
    /// The template's locale, as in es-MX [default: `defaults.locale` of the gateway]
    #[arg(long, requires = "template")]
    locale: Option<String>,
    /// A picture or document to send along, as a file or a URL; may be given up to ten times
    #[arg(long, value_name = "FILE or URL")]
    media: Vec<String>,
    /// Send from this number instead of the channel's own
    #[arg(long, allow_hyphen_values = true)]
    from: Option<String>,
    /// When it is to leave [default: now], as in 2026-03-01T09:30:00-05:00
    #[arg(long, value_name = "TIME")]
    at: Option<String>,
    /// The channel, where there are several
    #[arg(long)]
    channel: Option<String>,
    /// How soon it leaves, compared with others: high, normal or bulk
    #[arg(long, default_value = "normal")]
    priority: Priority,
    /// Wait until the provider has answered
    #[arg(long)]
    wait: bool,
    #[command(flatten)]
    running: At,
}

impl Send {
    pub(super) async fn run(&self, context: &Context) -> anyhow::Result<()> {
        let reach = self.running.reach(context)?;
        let language = context.setting("defaults.locale")?;
        let mut media = Vec::new();
        for item in &self.media {
            media.push(medium(&reach, item, &language).await?);
        }
        let template = self.template.as_ref().map(|name| {
            let variables: BTreeMap<&String, &String> =
                self.variables.iter().map(|(name, value)| (name, value)).collect();
            json!({ "name": name, "locale": self.locale, "variables": variables })
        });
        let body = json!({
            "to": self.to, "text": self.text, "template": template, "media": media, "from": self.from, "channel": self.channel,
            "send_at": self.at, "priority": self.priority,
        });
        let path = if self.wait { "/v1/messages?wait=sent" } else { "/v1/messages" };
        let message = reach.post(path, &body, &language).await?;
        let pick = |key: &str| message.get(key).cloned().unwrap_or_default();
        let mut sent = json!({
            "id": pick("id"), "provider_id": pick("provider_id"), "status": pick("status"), "segments": pick("segments"),
        });
        let failed = matches!(message.get("status").and_then(Value::as_str), Some("failed" | "unknown"));
        if failed {
            sent["error_code"] = pick("error_code");
            sent["error_message"] = pick("error_message");
            sent["error"] = pick("error");
        }
        context.output.print(&sent, || {
            let word = |key: &str| sent[key].as_str().unwrap_or("-").to_owned();
            format!("{}  {}  {} segment(s)  {}", word("id"), word("status"), sent["segments"], word("provider_id"))
        });
        if failed {
            let remedy = sent["error"]["remedy"].as_str().unwrap_or_default();
            let word = |key: &str| sent[key].as_str().unwrap_or_default();
            bail!("the message is {}: {} {} {remedy}", word("status"), sent["error_code"], word("error_message"));
        }
        Ok(())
    }
}

/// What a message names it by: a file is uploaded first.
async fn medium(reach: &Reach, item: &str, language: &str) -> anyhow::Result<String> {
    if ["http://", "https://", UPLOAD].iter().any(|start| item.starts_with(start)) {
        return Ok(item.to_owned());
    }
    let contents = tokio::fs::read(item).await.with_context(|| format!("the file {item} can't be read"))?;
    let upload = reach.upload(contents, kind::by_name(item).unwrap_or(kind::UNKNOWN), language).await?;
    upload["media"].as_str().map(str::to_owned).context("the gateway took the file, but gave it no name")
}
