//! How the number is set up: which webhooks it has, how fast it sends, and who handles opt-outs.

use http::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::create::is_callback;
use super::optout::Handling;

/// The number's configuration. It is not kept over a restart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Number {
    pub(super) inbound_url: Option<String>,
    pub(super) inbound_method: Verb,
    /// Called when the webhook gives no usable answer.
    pub(super) fallback_url: Option<String>,
    pub(super) fallback_method: Verb,
    /// An application, whose own webhook takes the place of the number's. There is none here.
    pub(super) application_sid: Option<String>,
    pub(super) status_callback: Option<String>,
    pub(super) friendly_name: Option<String>,
    /// How many segments leave in a second; without it, all at once.
    pub(super) segments_per_second: Option<u32>,
    /// How many seconds' worth of segments may wait to leave.
    pub(super) queue_seconds: u32,
    /// Whether many messages to one person within a short time are taken for a loop.
    pub(super) loop_guard: bool,
    pub(super) opt_out: Handling,
}

/// How a webhook is called.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(super) enum Verb {
    Get,
    #[default]
    Post,
}

impl Verb {
    pub(super) fn method(self) -> Method {
        match self {
            Self::Get => Method::GET,
            Self::Post => Method::POST,
        }
    }

    /// The method by its name, in any case of letters.
    pub(super) fn of(name: &str) -> Option<Self> {
        [("GET", Self::Get), ("POST", Self::Post)]
            .into_iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, verb)| verb)
    }
}

impl Number {
    pub(super) fn new(inbound_url: Option<String>, loop_guard: bool) -> Self {
        Self {
            inbound_url,
            inbound_method: Verb::Post,
            fallback_url: None,
            fallback_method: Verb::Post,
            application_sid: None,
            status_callback: None,
            friendly_name: None,
            segments_per_second: None,
            // Ten hours.
            queue_seconds: 36_000,
            loop_guard,
            opt_out: Handling::Default,
        }
    }

    /// Sets up some of it otherwise: what is absent stays, and `null` clears.
    pub(super) fn apply(&mut self, wanted: Map<String, Value>) -> Result<(), String> {
        let mut all = json!(self);
        for (name, value) in wanted {
            all[name] = if value == "" { Value::Null } else { value };
        }
        let number: Self = serde_json::from_value(all).map_err(|error| error.to_string())?;
        for (name, url) in [("inbound_url", &number.inbound_url), ("fallback_url", &number.fallback_url)] {
            if url.as_ref().is_some_and(|url| !is_callback(url)) {
                return Err(format!("`{name}` is an http or https URL"));
            }
        }
        if number.segments_per_second == Some(0) {
            return Err("`segments_per_second` is at least 1, or null".to_owned());
        }
        *self = number;
        Ok(())
    }
}
