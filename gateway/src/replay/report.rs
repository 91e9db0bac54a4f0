//! What a replay came to: counts, and each message that would be treated differently.

use std::fmt::Write;

use jiff::Timestamp;
use serde::Serialize;

use super::Effect;
use crate::message::{ConversationId, MessageId};
use crate::plugins::Chain;
use crate::store::Past;

/// How many messages a refusal names.
const NAMED: usize = 3;

/// What asking about one message came to.
#[derive(Clone, Debug, PartialEq)]
pub enum Asked {
    Decided {
        recorded: Vec<Effect>,
        candidate: Vec<Effect>,
    },
    /// A plugin wants to ask another host, and nobody knows what it would have been told.
    Fetches,
    /// A plugin looks at what it remembered, and of then that is not kept any more.
    Forgotten,
    /// What was decided then is not known.
    Unknown,
    /// Its text was removed.
    Redacted,
}

/// A plugin that was asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = ReplayedPlugin)]
pub struct Candidate {
    pub name: String,
    pub version: String,
    /// SHA-256 of the component, in hex.
    pub digest: String,
}

/// A message that would be treated differently.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
#[schema(as = ReplayedMessage)]
pub struct Changed {
    pub message_id: MessageId,
    pub conversation_id: ConversationId,
    pub at: Timestamp,
    pub channel: String,
    pub from: String,
    pub text: String,
    /// What followed from it, and what would.
    pub before: Vec<Effect>,
    pub after: Vec<Effect>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, utoipa::ToSchema)]
#[schema(as = ReplayReport)]
pub struct Report {
    pub plugins: Vec<Candidate>,
    pub replayed: u64,
    pub same: u64,
    pub changed: u64,
    /// Their plugins want to ask other hosts, or what was decided or remembered then is not known.
    pub not_comparable: u64,
    /// Their texts were removed.
    pub redacted: u64,
    /// When the first and the last of them came in.
    pub from: Option<Timestamp>,
    pub to: Option<Timestamp>,
    /// In the order they came in.
    pub messages: Vec<Changed>,
}

impl Report {
    pub(super) fn of(chain: &Chain) -> Self {
        let candidate = |link: &crate::plugins::Link| {
            let manifest = link.plugin.manifest();
            let (version, digest) = (manifest.version.clone(), manifest.digest.clone());
            Candidate { name: link.name.clone(), version, digest }
        };
        Self { plugins: chain.links().iter().map(candidate).collect(), ..Self::default() }
    }

    /// Takes one more, the newest first.
    pub(super) fn add(&mut self, past: &Past, asked: Asked) {
        self.replayed += 1;
        let at = past.recorded.received_at;
        (self.from, self.to) = (Some(at), self.to.or(Some(at)));
        match asked {
            Asked::Decided { recorded, candidate } if recorded == candidate => self.same += 1,
            Asked::Decided { recorded, candidate } => {
                self.changed += 1;
                self.messages.push(Changed {
                    message_id: past.recorded.id,
                    conversation_id: past.recorded.conversation_id,
                    at,
                    channel: past.recorded.channel.clone(),
                    from: past.recorded.sender.as_str().to_owned(),
                    text: past.recorded.text.clone(),
                    before: recorded,
                    after: candidate,
                });
            }
            Asked::Fetches | Asked::Forgotten | Asked::Unknown => self.not_comparable += 1,
            Asked::Redacted => self.redacted += 1,
        }
    }

    pub(super) fn finish(&mut self) {
        self.messages.reverse();
    }

    /// Whether there was something to compare, and nothing of it could be.
    pub fn compares_nothing(&self) -> bool {
        self.compared() == 0 && self.replayed > 0
    }

    fn compared(&self) -> u64 {
        self.same + self.changed
    }

    /// How many of those that can be compared would be treated differently, in per cent.
    #[expect(clippy::cast_precision_loss, reason = "counts of messages are far below 2^52")]
    pub fn changed_percent(&self) -> f64 {
        let compared = self.compared();
        if compared == 0 { 0.0 } else { self.changed as f64 * 100.0 / compared as f64 }
    }

    /// In one sentence.
    pub fn summary(&self) -> String {
        let mut text = format!(
            "{} messages replayed: {} as before, {} differently ({:.1} %)",
            self.replayed,
            self.same,
            self.changed,
            self.changed_percent()
        );
        for (count, what) in [(self.not_comparable, "not comparable"), (self.redacted, "without their text")] {
            if count > 0 {
                let _ = write!(text, ", {count} {what}");
            }
        }
        text
    }

    /// Why what was replayed must not be put in force, if at most `max_changed` per cent may be treated differently.
    /// Nothing recorded is no reason: a new gateway has nothing else. The log has it, too: messages are named, and not
    /// shown.
    pub(super) fn refusal(&self, max_changed: f64) -> Option<String> {
        if self.compares_nothing() && max_changed < 100.0 {
            let summary = self.summary();
            return Some(format!(
                "nothing could be compared: {summary}; `recado plugin reload --after-replay 0` puts it in force untried"
            ));
        }
        if self.changed_percent() <= max_changed {
            return None;
        }
        let named = self.messages.iter().take(NAMED).map(|changed| changed.message_id.to_string());
        let named = named.collect::<Vec<_>>().join(", ");
        let summary = self.summary();
        Some(format!("{summary}, and {max_changed} % are the most; the first: {named}; `recado replay` shows them all"))
    }

    /// For people: each message with what goes (-) and what comes (+), and the summary.
    pub fn text(&self, most: usize) -> String {
        let mut text = String::new();
        for changed in self.messages.iter().take(most) {
            let _ = writeln!(text, "{} {:.0} {}: {:?}", changed.message_id, changed.at, changed.from, changed.text);
            let differs = |here: &[Effect], effect: &Effect| !here.contains(effect);
            for effect in changed.before.iter().filter(|effect| differs(&changed.after, effect)) {
                let _ = writeln!(text, "  - {effect}");
            }
            for effect in changed.after.iter().filter(|effect| differs(&changed.before, effect)) {
                let _ = writeln!(text, "  + {effect}");
            }
            if changed.before.len() == changed.after.len()
                && changed.before.iter().all(|effect| changed.after.contains(effect))
            {
                let _ = writeln!(text, "  in another order");
            }
        }
        let left = self.messages.len().saturating_sub(most);
        if left > 0 {
            let _ = writeln!(text, "… and {left} more; --json has them all");
        }
        text.push_str(&self.summary());
        text
    }
}
