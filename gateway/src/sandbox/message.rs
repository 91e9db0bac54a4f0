//! What the account keeps of a message. The page and the journal take it as it is; Twilio's API shows it
//! in its own shape.

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::message::segments;

use super::dates;
use super::errors;
use super::links::Link;
use super::listing::Entry;
use super::optout::Keyword;
use super::wishes::Privacy;

/// The API version, which is part of every path and every webhook.
pub(super) const API_VERSION: &str = "2010-04-01";

/// A message to or from the account's number.
#[expect(clippy::struct_field_names, reason = "`error_message` is Twilio's word")]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Message {
    pub(super) sid: String,
    pub(super) direction: Direction,
    /// Nobody yet, while a Messaging Service has not picked a number.
    pub(super) from: Option<String>,
    pub(super) to: String,
    pub(super) body: String,
    /// The text as it was asked for, where it was changed on the way.
    #[serde(default)]
    pub(super) asked: Option<String>,
    /// The short links in the text.
    #[serde(default)]
    pub(super) links: Vec<Link>,
    #[serde(default)]
    pub(super) media: Vec<Media>,
    /// Whether a text goes out as one MMS.
    #[serde(default)]
    pub(super) as_mms: bool,
    #[serde(default)]
    pub(super) privacy: Privacy,
    pub(super) num_segments: String,
    pub(super) messaging_service_sid: Option<String>,
    pub(super) status: Status,
    pub(super) error_code: Option<u32>,
    pub(super) error_message: Option<String>,
    pub(super) status_callback: Option<String>,
    /// The inbound message that this one answers by TwiML.
    pub(super) in_reply_to: Option<String>,
    pub(super) created: Timestamp,
    pub(super) updated: Timestamp,
    pub(super) sent: Option<Timestamp>,
    /// When it is to leave, if that was asked for.
    #[serde(default)]
    pub(super) send_at: Option<Timestamp>,
    /// How many seconds it may wait to leave.
    #[serde(default)]
    pub(super) validity: Option<u32>,
    /// When it is its turn among what the sender sends.
    #[serde(default)]
    pub(super) departs: Option<Timestamp>,
    /// The error with which it will fail.
    #[serde(default)]
    pub(super) doomed: Option<u32>,
    #[serde(default)]
    pub(super) feedback: Option<Feedback>,
    /// What the person asked for with this inbound message.
    #[serde(default)]
    pub(super) keyword: Option<Keyword>,
    /// What the number's webhook answered to this inbound message.
    pub(super) webhook: Option<Webhook>,
    #[serde(default)]
    pub(super) warnings: Vec<Warning>,
}

/// Which way a message goes, in Twilio's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Direction {
    Inbound,
    OutboundApi,
    OutboundReply,
}

/// Where a message stands, in Twilio's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Status {
    Scheduled,
    Accepted,
    Queued,
    Sent,
    Delivered,
    Undelivered,
    Failed,
    Canceled,
    Received,
}

/// What the application says became of a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Feedback {
    pub(super) outcome: String,
    pub(super) created: Timestamp,
    pub(super) updated: Timestamp,
}

impl Status {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Scheduled => "scheduled",
            Self::Accepted => "accepted",
            Self::Queued => "queued",
            Self::Sent => "sent",
            Self::Delivered => "delivered",
            Self::Undelivered => "undelivered",
            Self::Failed => "failed",
            Self::Canceled => "canceled",
            Self::Received => "received",
        }
    }

    /// Whether the message has left the account, or never will.
    pub(super) fn is_past_queue(self) -> bool {
        !matches!(self, Self::Scheduled | Self::Accepted | Self::Queued)
    }

    /// Whether nothing more becomes of it.
    pub(super) fn is_final(self) -> bool {
        self.is_past_queue() && self != Self::Sent
    }
}

/// One picture, sound or document of a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Media {
    pub(super) sid: String,
    pub(super) content_type: String,
    /// Where it is, if it is not kept here.
    pub(super) source: Option<String>,
}

/// One webhook call for an inbound message.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Webhook {
    /// The HTTP status of the answer, if there was one.
    pub(super) status: Option<u16>,
    pub(super) millis: u64,
    pub(super) content_type: Option<String>,
    pub(super) body: String,
    pub(super) failure: Option<String>,
}

/// What Twilio's debugger would list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Warning {
    pub(super) code: u32,
    pub(super) title: String,
    pub(super) detail: String,
}

impl Warning {
    pub(super) fn new(code: u32, detail: impl Into<String>) -> Self {
        Self { code, title: errors::title(code).to_owned(), detail: detail.into() }
    }
}

/// A date as Twilio's API writes it.
pub(super) fn rfc2822(time: Timestamp) -> String {
    time.strftime("%a, %d %b %Y %H:%M:%S +0000").to_string()
}

impl Entry for Arc<Message> {
    const KEY: &'static str = "messages";
    const FILTERS: &'static [&'static str] = &["To", "From", "DateSent", "DateSent<", "DateSent>"];

    fn sid(&self) -> &str {
        &self.sid
    }

    fn meets(&self, filter: &str, value: &str) -> bool {
        match filter {
            "To" => self.to == value,
            "From" => self.from.as_deref() == Some(value),
            // What has not been sent has no such date.
            _ => self.sent.is_some_and(|sent| dates::meets(filter, value, sent)),
        }
    }
}

impl Message {
    /// How many segments it takes.
    pub(super) fn segments(&self) -> usize {
        if self.as_mms { 1 } else { segments::count(&self.body).segments }
    }

    /// The API's form of a message that was just taken, which does not name all below it yet.
    pub(super) fn created_resource(&self, account_sid: &str) -> Value {
        let mut resource = self.resource(account_sid);
        if let Some(below) = resource.get_mut("subresource_uris").and_then(Value::as_object_mut) {
            below.remove("feedback");
        }
        resource
    }

    /// The API's form of this message.
    pub(super) fn resource(&self, account_sid: &str) -> Value {
        let path = format!("/{API_VERSION}/Accounts/{account_sid}/Messages/{}", self.sid);
        let has_left = self.status.is_past_queue();
        let discarded = has_left && self.privacy.discards_text;
        let obfuscated = has_left && self.privacy.obfuscates_recipient;
        json!({
            "account_sid": account_sid,
            "api_version": API_VERSION,
            "body": if discarded { "" } else { &self.body },
            "date_created": rfc2822(self.created),
            "date_sent": self.sent.map(rfc2822),
            "date_updated": rfc2822(self.updated),
            "direction": self.direction,
            "error_code": self.error_code,
            "error_message": self.error_message,
            "from": self.from,
            "messaging_service_sid": self.messaging_service_sid,
            "num_media": self.media.len().to_string(),
            "num_segments": self.num_segments,
            "price": null,
            "price_unit": "USD",
            "sid": self.sid,
            "status": self.status,
            "subresource_uris": {
                "feedback": format!("{path}/Feedback.json"),
                "media": format!("{path}/Media.json"),
            },
            "to": if obfuscated { obfuscate(&self.to) } else { self.to.clone() },
            "uri": format!("{path}.json"),
        })
    }
}

/// A number without its last four digits.
fn obfuscate(number: &str) -> String {
    let kept = number.chars().count().saturating_sub(4);
    number.chars().take(kept).chain("XXXX".chars()).collect()
}
