//! What is in an entry: a verified event, and all that recording it takes.
//!
//! A version that was released stays readable: a gateway may find what an older one left.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::channels::Event;

/// The version that is written.
const VERSION: u32 = 1;

/// A webhook's event that waits for the database.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// The id that what it brings gets, so that recording it twice is no repeat of the provider's.
    pub id: Uuid,
    pub channel: String,
    pub received_at: Timestamp,
    pub event: Event,
}

/// Why an entry can't be read, although it is as it was written.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unreadable {
    #[error("it has version {0}, and this gateway reads {VERSION}: a newer one wrote it")]
    Version(u32),
    // The error's own words may repeat what somebody wrote.
    #[error("it is no entry ({:?} at column {})", .0.classify(), .0.column())]
    Json(#[from] serde_json::Error),
}

#[derive(Serialize)]
struct Written<'a> {
    v: u32,
    #[serde(flatten)]
    entry: &'a Entry,
}

#[derive(Deserialize)]
struct Versioned {
    v: u32,
}

impl Entry {
    pub(super) fn write(&self) -> Result<Vec<u8>, serde_json::Error> {
        serde_json::to_vec(&Written { v: VERSION, entry: self })
    }

    pub(super) fn read(json: &[u8]) -> Result<Self, Unreadable> {
        let Versioned { v } = serde_json::from_slice(json)?;
        if v == VERSION { Ok(serde_json::from_slice(json)?) } else { Err(Unreadable::Version(v)) }
    }

    /// Whether it brings a message, and not a report.
    pub fn is_message(&self) -> bool {
        matches!(self.event, Event::Inbound(_))
    }

    /// Whose order it belongs to: of one of these, entries are recorded one after the other.
    pub fn lane(&self) -> (&str, &str) {
        let of = match &self.event {
            Event::Inbound(message) => message.sender.as_str(),
            Event::Status(report) => &report.provider_id,
        };
        (&self.channel, of)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::channels::{Inbound, Observation};
    use crate::message::consent::{Choice, Source};
    use crate::message::{Address, Consent, Media, PartId, ProviderError, Status};

    const INBOUND: &str = r#"{"v":1,"id":"0199c1a2-7b00-7000-8000-000000000001","channel":"sms","received_at":"2026-11-28T10:00:00.5Z","event":{"inbound":{"provider_id":"SM1","sender":"+529981122334","recipient":"+529983162438","text":"Hola\n¿qué tal?","media":[{"url":"https://example.com/1.png","content_type":"image/png"}],"segments":1,"extra":[["City","Cancún"]],"consent":{"choice":"opted_out","source":"message","code":21610}}}}"#;
    const STATUS: &str = r#"{"v":1,"id":"0199c1a2-7b00-7000-8000-000000000002","channel":"sms","received_at":"2026-11-28T10:00:01Z","event":{"status":{"provider_id":"SM2","part":"0199c1a2-7b00-7000-8000-000000000003","sender":"+529983162438","status":"undelivered","error":{"code":30003,"message":"gone"},"consent":null,"raw":[["MessageStatus","undelivered"]]}}}"#;

    pub(in crate::journal) fn inbound(number: u128) -> Entry {
        Entry {
            id: Uuid::from_u128(0x0199_c1a2_7b00_7000_8000_0000_0000_0000 + number),
            channel: "sms".to_owned(),
            received_at: "2026-11-28T10:00:00.5Z".parse().unwrap(),
            event: Event::Inbound(Inbound {
                provider_id: format!("SM{number}"),
                sender: Address::received("+529981122334"),
                recipient: Address::received("+529983162438"),
                text: "Hola\n¿qué tal?".to_owned(),
                media: vec![Media {
                    url: "https://example.com/1.png".to_owned(),
                    content_type: Some("image/png".to_owned()),
                }],
                segments: Some(1),
                extra: vec![("City".to_owned(), "Cancún".to_owned())],
                consent: Some(Consent { choice: Choice::OptedOut, source: Source::Message, code: Some(21610) }),
                handled: false,
            }),
        }
    }

    fn status() -> Entry {
        Entry {
            id: Uuid::from_u128(0x0199_c1a2_7b00_7000_8000_0000_0000_0002),
            channel: "sms".to_owned(),
            received_at: "2026-11-28T10:00:01Z".parse().unwrap(),
            event: Event::Status(Observation {
                provider_id: "SM2".to_owned(),
                part: Some(PartId(Uuid::from_u128(0x0199_c1a2_7b00_7000_8000_0000_0000_0003))),
                sender: Some(Address::received("+529983162438")),
                status: Status::Undelivered,
                error: Some(ProviderError { code: Some(30003), message: Some("gone".to_owned()) }),
                consent: None,
                raw: vec![("MessageStatus".to_owned(), "undelivered".to_owned())],
            }),
        }
    }

    /// These lines are what version 1 is. A change of the types that changes them needs another version.
    #[test]
    fn version_1_is_written_and_read_as_ever() {
        for (text, entry) in [(INBOUND, inbound(1)), (STATUS, status())] {
            assert_eq!(String::from_utf8(entry.write().unwrap()).unwrap(), text);
            assert_eq!(Entry::read(text.as_bytes()).unwrap(), entry);
        }
    }

    #[test]
    fn what_is_no_entry_of_ours_is_told_apart() {
        let newer = INBOUND.replacen("\"v\":1", "\"v\":2", 1);
        assert!(matches!(Entry::read(newer.as_bytes()), Err(Unreadable::Version(2))));
        assert!(matches!(Entry::read(b"{\"v\":1}"), Err(Unreadable::Json(_))));
    }

    #[test]
    fn messages_keep_the_order_of_their_sender_and_reports_that_of_their_message() {
        assert_eq!(inbound(1).lane(), ("sms", "+529981122334"));
        assert_eq!(status().lane(), ("sms", "SM2"));
    }
}
