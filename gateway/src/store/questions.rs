//! What is asked of a provider, and what the answers change: the records of finding out.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::Store;
use crate::message::{Address, Consent, MessageId, PartId, ProviderError, Status};

/// How far a provider's clock may be from ours, so that its dates tell which message is which.
pub const CLOCK_SKEW: SignedDuration = SignedDuration::from_mins(5);

/// How far ahead our clock may have been when a part was handed over, without the part being taken for absent: the
/// list is read from so long before.
pub const CLOCK_AHEAD: SignedDuration = SignedDuration::from_hours(24);

/// How long after it was left open the provider is first asked what became of a part.
#[derive(Clone, Copy, Debug)]
pub struct Questions {
    /// Of a part that may have been handed over.
    pub unknown: Duration,
    /// Of a part that was, while its status is not final. None: it is left to the reports.
    pub accepted: Option<Duration>,
}

impl Default for Questions {
    fn default() -> Self {
        Self { unknown: Duration::from_secs(20), accepted: Some(Duration::from_mins(15)) }
    }
}

impl Questions {
    /// The first question about a part that has reached this status.
    pub(super) fn after(self, reached: Status, now: Timestamp) -> Option<Timestamp> {
        let pause = match reached {
            status if status.is_final() => None,
            Status::Unknown => Some(self.unknown),
            _ => self.accepted,
        };
        pause.map(|pause| now.checked_add(pause).unwrap_or(Timestamp::MAX))
    }
}

impl Store {
    /// The same store, with these times for first questions.
    #[must_use]
    pub fn asking(self, questions: Questions) -> Self {
        Self { questions, ..self }
    }

    /// When to ask first what became of something whose outcome was left open now.
    pub fn first_question(&self, now: Timestamp) -> Timestamp {
        self.questions.after(Status::Unknown, now).unwrap_or(now)
    }
}

/// A part about which the provider is to be asked now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    pub part_id: PartId,
    pub message_id: MessageId,
    pub channel: String,
    /// As it was named for this part or is known since; none is the channel's own.
    pub sender: Option<Address>,
    pub recipient: Address,
    /// None: whether the provider has it at all is the question.
    pub provider_id: Option<String>,
    pub status: Status,
    /// Whether the provider's reason is known, should it have failed.
    pub has_code: bool,
    /// How often this was asked, this time included.
    pub checks: u32,
    /// When the first try began whose end is not known.
    pub began_at: Timestamp,
    /// When the last such try had ended.
    pub ended_at: Timestamp,
}

/// A message that went out by the provider's own record.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    pub provider_id: String,
    /// Whether it was the answer to a webhook.
    pub reply: bool,
    pub sender: Option<Address>,
    /// The provider's service that it went by.
    pub service: Option<String>,
    pub text: String,
    pub media: u32,
    pub status: Status,
    pub segments: Option<u32>,
    pub error: Option<ProviderError>,
    /// What it says about whether the recipient wants messages.
    pub consent: Option<Consent>,
    pub created_at: Timestamp,
}

/// What a provider listed of all that went to one recipient, wholly, since a moment. The unknown
/// parts to this recipient are brought together with it.
#[derive(Clone, Debug)]
pub struct Reconciliation {
    pub channel: String,
    /// Whose parts may have become one of the messages.
    pub channels: Vec<String>,
    pub sender: Option<Address>,
    pub recipient: Address,
    /// Newest first.
    pub found: Vec<Found>,
    pub since: Timestamp,
    /// The parts that were asked about, and when to ask again.
    pub asked: Vec<(PartId, Option<Timestamp>)>,
    /// A part whose tries had ended by then, and that is not there, is sent again. None: never.
    pub resend_before: Option<Timestamp>,
    /// Those that were missing for as long by a clock that nobody sets, too; no other is sent again.
    pub waited: Vec<PartId>,
    /// How often a part is handed over at the most.
    pub tries: u32,
    pub at: Timestamp,
}

/// What became of one part by it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reconciled {
    pub part_id: PartId,
    pub message_id: MessageId,
    pub fate: Fate,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// The provider has it, and it stands there.
    Found(Status),
    /// The provider certainly does not have it: back in the outbox.
    Resent,
    /// The provider certainly does not have it, and somebody took it back.
    Canceled,
    /// The provider certainly does not have it, and it was tried often enough.
    GivenUp,
    /// It stays unknown, and the message says why.
    Held(Hold),
    /// It is too early to say.
    Open,
}

/// Why a part that was not found is not sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hold {
    /// The settings say so.
    Policy,
    /// The provider has a message that nobody accounts for, and that might be it.
    Unexplained,
    /// The provider has one that might be it but for its date.
    Misdated,
}

impl Hold {
    pub fn reason(self) -> &'static str {
        match self {
            Self::Policy => {
                "the provider does not list it, but that may be late; it is not sent again, since \
                 `reconcile.on_unknown` is `hold`"
            }
            Self::Unexplained => {
                "the provider lists a message to this recipient that is none of ours by its text, and may be this one; \
                 it is not sent again, so that nobody gets it twice"
            }
            Self::Misdated => {
                "the provider lists a message to this recipient that nobody accounts for, that may be this one and that \
                 is older by the gateway's clock, which may have been wrong; it is not sent again, so that nobody gets \
                 it twice"
            }
        }
    }
}

/// One look at the provider's list for a part of which nobody knew whether it was sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = LookResult)]
pub struct Look {
    pub at: Timestamp,
    pub found: Match,
    /// How many messages to the recipient were listed.
    pub listed: usize,
    /// `found`, `sent_again`, `canceled`, `given_up`, `held` or `open`.
    pub concluded: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// What of a list may be a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Match {
    None,
    /// One is it.
    One,
    /// One may be it, or another part.
    Unsure,
    /// Several may.
    Several,
    /// The list could not be read.
    NoAnswer,
}

/// How far a provider's list of what came in was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pulled {
    /// When it was read for the first time: what is older was never ours.
    pub began_at: Timestamp,
    /// Everything up to then is here.
    pub reached_at: Timestamp,
    /// Whether one of them had not come yet, by a clock that was ahead, and was taken back.
    pub was_ahead: bool,
}

/// What a gateway knows of how far a list was read, whatever its clock was: the latest that either can be. It is taken
/// where a clock that was ahead has put down a time that has not come.
#[derive(Clone, Copy, Debug)]
pub struct Latest {
    pub began_at: Timestamp,
    pub reached_at: Timestamp,
}
