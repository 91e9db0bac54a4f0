//! What a call of the plugin came to.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use crate::message::Address;

/// What one call came to.
#[derive(Clone, Debug, Serialize)]
pub struct Outcome {
    pub hook: Hook,
    /// What it was about: a text, a status, a timer's name.
    pub about: String,
    pub at: Timestamp,
    /// The person of the conversation.
    pub person: Address,
    /// As the trace of a message has it: the actions or the verdict, what was left out and why, what
    /// was logged, fetched and changed.
    pub decision: Value,
    /// Why there is no decision.
    pub failure: Option<String>,
    /// Texts to the person of the conversation.
    pub replies: Vec<Content>,
    /// Messages to anybody, as they left.
    pub sends: Vec<Sent>,
    /// Those that the plugin's own hook for what goes out refused, with its reasons.
    pub refused: Vec<String>,
    /// What became of a message that was to be sent; none if it was refused, or for other hooks.
    pub becomes: Option<Sent>,
    /// Why a message that was to be sent is not.
    pub rejected: Option<String>,
    pub discarded: Option<String>,
    pub left_out: Vec<String>,
    pub micros: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Hook {
    Inbound,
    Outbound,
    Status,
    Timer,
}

impl Hook {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Inbound => "inbound",
            Self::Outbound => "outbound",
            Self::Status => "status",
            Self::Timer => "timer",
        }
    }
}

/// Text and media, without where they go.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Content {
    pub text: String,
    pub media: Vec<String>,
}

/// A message as it left.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Sent {
    pub to: Address,
    pub channel: String,
    /// None: the channel's own.
    pub sender: Option<Address>,
    pub text: String,
    pub media: Vec<String>,
    pub send_at: Option<Timestamp>,
}

impl Outcome {
    /// The lines of the log: their levels and texts.
    pub fn log(&self) -> impl Iterator<Item = (&str, &str)> {
        let lines = self.decision["log"].as_array().into_iter().flatten();
        lines.map(|line| (line["level"].as_str().unwrap_or_default(), line["text"].as_str().unwrap_or_default()))
    }

    /// Whether no further plugin would be asked.
    pub fn stops(&self) -> bool {
        let flow = self.decision.get("flow").or_else(|| self.decision["changes"].get("flow"));
        flow.is_some_and(|flow| flow == "stop")
    }

    /// The actions, as the trace has them.
    pub fn actions(&self) -> &[Value] {
        self.decision["actions"].as_array().map_or(&[], Vec::as_slice)
    }
}
