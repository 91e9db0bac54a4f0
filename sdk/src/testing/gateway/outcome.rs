//! What a call came to.

use crate::log::Level;
use crate::{Action, Decision, Failure, Flow, OutboundMessage};

/// What a call of a hook came to.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// What the plugin decided, or why it could not.
    pub result: Result<Decision, Failure>,
    /// What it sent, as its own outbound hook left it.
    pub sent: Vec<OutboundMessage>,
    /// What it wanted to send, and why that was not sent.
    pub refused: Vec<Refusal>,
    /// What it logged.
    pub log: Vec<(Level, String)>,
}

/// Why a message was not sent.
#[derive(Clone, Debug, PartialEq)]
pub enum Refusal {
    /// The plugin's hook said so, for this reason.
    Rejected(String),
    /// The plugin's hook failed.
    Failed(Failure),
}

impl Outcome {
    /// The texts of the replies that the person gets: none, if the message is discarded or the plugin
    /// failed.
    pub fn replies(&self) -> Vec<&str> {
        if self.actions().iter().any(|action| matches!(action, Action::Discard(_))) {
            return Vec::new();
        }
        let replies = self.actions().iter().filter_map(|action| match action {
            Action::Reply(reply) => Some(reply.text.as_str()),
            _ => None,
        });
        replies.collect()
    }

    /// What the plugin asked for: nothing, if it failed.
    pub fn actions(&self) -> &[Action] {
        self.result.as_ref().map_or(&[], |decision| decision.actions.as_slice())
    }

    /// Whether the plugins after this one would be left out.
    pub fn stopped(&self) -> bool {
        self.result.as_ref().is_ok_and(|decision| decision.flow == Flow::Stop)
    }
}
