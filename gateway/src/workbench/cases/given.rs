//! What is there before the first step.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::message::ConversationStatus;
use crate::plugins::{FetchFailure, FetchResponse};
use crate::workbench::Answer;

/// What is given; what is left out is as usual.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Given {
    /// The clock, as in `2026-08-03 12:00`.
    pub at: Option<String>,
    pub time_zone: Option<String>,
    pub locale: Option<String>,
    /// Where numbers without a country are dialled.
    pub region: Option<String>,
    pub channel: Option<String>,
    /// The person that all is about.
    pub from: Option<String>,
    /// The operator's address.
    pub to: Option<String>,
    /// Where randomness begins.
    pub seed: Option<u64>,
    /// A case's keys take the place of the shared ones.
    pub config: Map<String, Value>,
    pub contact: Option<Contact>,
    pub conversation: Option<Conversation>,
    pub state: State,
    /// What other hosts answer.
    pub answers: Vec<Written>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Contact {
    pub name: Option<String>,
    pub attributes: BTreeMap<String, String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Conversation {
    pub status: Option<ConversationStatus>,
    pub tags: Vec<String>,
    pub assignee: Option<String>,
    pub subject: Option<String>,
    /// How many messages came in before.
    pub inbound_count: u32,
}

/// What the plugin remembers, by key. What is no text is kept as JSON.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct State {
    pub conversation: BTreeMap<String, Value>,
    pub contact: BTreeMap<String, Value>,
    pub global: BTreeMap<String, Value>,
}

/// What the next request to an address that begins so comes to.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Written {
    pub url: String,
    #[serde(default = "ok")]
    pub status: u16,
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// What is no text is sent as JSON.
    #[serde(default)]
    pub body: Value,
    /// Instead of an answer: `timeout`, or why there is none.
    #[serde(default)]
    pub failure: Option<String>,
}

fn ok() -> u16 {
    200
}

impl Given {
    /// What is given here, and else what is given there.
    #[must_use]
    pub fn over(&self, shared: &Self) -> Self {
        let (one, other) = (self.clone(), shared.clone());
        let mut config = other.config;
        config.extend(one.config);
        Self {
            at: one.at.or(other.at),
            time_zone: one.time_zone.or(other.time_zone),
            locale: one.locale.or(other.locale),
            region: one.region.or(other.region),
            channel: one.channel.or(other.channel),
            from: one.from.or(other.from),
            to: one.to.or(other.to),
            seed: one.seed.or(other.seed),
            config,
            contact: one.contact.or(other.contact),
            conversation: one.conversation.or(other.conversation),
            state: if one.state.is_empty() { other.state } else { one.state },
            answers: one.answers.into_iter().chain(other.answers).collect(),
        }
    }

    pub(super) fn answers(&self) -> Vec<Answer> {
        self.answers.iter().map(Written::answer).collect()
    }
}

impl State {
    fn is_empty(&self) -> bool {
        self.conversation.is_empty() && self.contact.is_empty() && self.global.is_empty()
    }
}

impl Written {
    fn answer(&self) -> Answer {
        let result = match self.failure.as_deref() {
            Some("timeout") => Err(FetchFailure::Timeout),
            Some(reason) => Err(FetchFailure::Failed(reason.to_owned())),
            None => Ok(FetchResponse {
                status: self.status,
                headers: self.headers.iter().map(|(name, value)| (name.clone(), value.clone())).collect(),
                body: text(&self.body),
            }),
        };
        Answer { url: self.url.clone(), result }
    }
}

/// A text as it is, nothing as nothing, all else as JSON.
pub(super) fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
