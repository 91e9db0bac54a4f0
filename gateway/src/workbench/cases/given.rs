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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_case_says_counts_before_what_all_say() {
        let read = |text: &str| toml::from_str::<Given>(text).unwrap();
        let shared = read("at = \"a\"\nregion = \"MX\"\n[config]\nx = 1\ny = 1\n[[answers]]\nurl = \"https://b\"");
        let own = read("at = \"b\"\nconfig.y = 2\nstate.global.k = 1\n[[answers]]\nurl = \"https://a\"");
        let given = own.over(&shared);
        assert_eq!((given.at.as_deref(), given.region.as_deref()), (Some("b"), Some("MX")));
        assert_eq!(Value::Object(given.config), serde_json::json!({ "x": 1, "y": 2 }));
        let urls: Vec<&str> = given.answers.iter().map(|answer| answer.url.as_str()).collect();
        assert_eq!((urls, given.state.global["k"].clone()), (vec!["https://a", "https://b"], 1.into()));
    }

    #[test]
    fn what_another_host_says_may_be_text_json_or_nothing() {
        let written = |text: &str| toml::from_str::<Written>(text).unwrap().answer().result;
        let body = |text: &str| written(text).map(|response| (response.status, response.body));
        assert_eq!(body("url = \"\""), Ok((200, String::new())));
        assert_eq!(body("url = \"\"\nstatus = 404\nbody = \"no\""), Ok((404, "no".to_owned())));
        assert_eq!(body("url = \"\"\nbody = { a = [1] }"), Ok((200, "{\"a\":[1]}".to_owned())));
        assert_eq!(written("url = \"\"\nfailure = \"timeout\""), Err(FetchFailure::Timeout));
        assert_eq!(written("url = \"\"\nfailure = \"gone\""), Err(FetchFailure::Failed("gone".to_owned())));
    }
}
