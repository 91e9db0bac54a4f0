//! What a step is expected to come to.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use crate::message::ConversationStatus;

/// What a step comes to. `replies`, `sends`, `refused`, `failure` and what becomes of a message are
/// compared always; all else if it is named.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Expected {
    pub replies: Vec<Text>,
    pub sends: Vec<Sends>,
    /// Messages that the plugin's own hook for what goes out refuses: a part of each reason.
    pub refused: Vec<String>,
    /// What is different about the message of `send`.
    pub becomes: Option<Becomes>,
    /// A part of the reason why the message of `send` is refused.
    pub rejected: Option<String>,
    /// A part of why the plugin gave no decision.
    pub failure: Option<String>,
    /// All labels of the conversation, in any order.
    pub tags: Option<Vec<String>>,
    /// Who looks after it; empty for nobody.
    pub assignee: Option<String>,
    pub status: Option<ConversationStatus>,
    /// All that is noted about the contact.
    pub attributes: Option<BTreeMap<String, String>>,
    pub state: Remembered,
    /// All timers of the conversation, and how long until each runs out.
    pub timers: Option<BTreeMap<String, String>>,
    pub forwards: Option<Vec<Forward>>,
    /// A part of the reason; empty if the message is not discarded.
    pub discarded: Option<String>,
    /// Whether no further plugin would be asked.
    pub stops: Option<bool>,
    /// A part of each line of the log that must be there.
    pub log: Vec<String>,
    /// A part of each reason why something was left out. None but these may be.
    pub left_out: Option<Vec<String>>,
    pub requests: Option<Vec<Request>>,
}

/// A text word for word, or a part of it, or one with media.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum Text {
    Exact(String),
    Part { contains: String },
    Content { text: String, media: Vec<String> },
}

/// A message that the plugin sends.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sends {
    pub to: String,
    pub text: Text,
    /// Left out: the channel of the conversation.
    #[serde(default)]
    pub channel: Option<String>,
    #[serde(default)]
    pub sender: Option<String>,
    #[serde(default)]
    pub send_at: Option<String>,
}

/// What is different about a message afterwards.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Becomes {
    pub text: Option<String>,
    pub media: Option<Vec<String>>,
    pub channel: Option<String>,
    pub sender: Option<String>,
    pub send_at: Option<String>,
}

/// All that the plugin remembers in the scopes that are named. What is no text is compared as JSON.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Remembered {
    pub conversation: Option<BTreeMap<String, Value>>,
    pub contact: Option<BTreeMap<String, Value>>,
    pub global: Option<BTreeMap<String, Value>>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Forward {
    pub endpoint: String,
    #[serde(default)]
    pub payload: Option<Value>,
}

/// A request to another host.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    #[serde(default)]
    pub method: Option<String>,
    pub url: String,
    /// Those that are named.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    #[serde(default)]
    pub body: Option<Value>,
}
