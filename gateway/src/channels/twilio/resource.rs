//! How a message of ours is named in Twilio's words, for applications that speak them: its id, its
//! status, its dates.
//!
//! Knows nothing of who asks. What a provider's id looks like in the other direction is read in `rest`
//! and `events`.

use jiff::Timestamp;
use uuid::Uuid;

use crate::message::{MessageId, Status};

/// The version of the API, which is part of every path and every callback.
pub const API_VERSION: &str = "2010-04-01";

/// The id of one of our messages; Twilio tells messages with media apart by their first letters.
pub fn message_sid(id: MessageId, has_media: bool) -> String {
    format!("{}{}", if has_media { "MM" } else { "SM" }, id.0.simple())
}

/// The message that such an id names.
pub fn message_id(sid: &str) -> Option<MessageId> {
    id_after(sid, "SM").or_else(|| id_after(sid, "MM")).map(MessageId)
}

/// The id behind two letters; Twilio takes its digits in both cases.
pub fn id_after(sid: &str, letters: &str) -> Option<Uuid> {
    let digits = sid.strip_prefix(letters)?;
    let hexadecimal = digits.len() == 32 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    hexadecimal.then(|| Uuid::parse_str(digits).ok()).flatten()
}

/// Where a message stands, in one of Twilio's words. What waits in our outbox looks like what waits in
/// Twilio's queue; what is unknown is being sent, as far as anybody can tell.
pub fn status_word(status: Status) -> &'static str {
    match status {
        Status::Pending => "queued",
        Status::Unknown => "sending",
        other => other.as_str(),
    }
}

/// A date as Twilio's API writes it.
pub fn date(time: Timestamp) -> String {
    time.strftime("%a, %d %b %Y %H:%M:%S +0000").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_goes_there_and_back() {
        let id = MessageId(Uuid::parse_str("0190a5b1-7e6f-7abc-8def-0123456789ab").unwrap());
        assert_eq!(message_sid(id, false), "SM0190a5b17e6f7abc8def0123456789ab");
        assert_eq!(message_sid(id, true), "MM0190a5b17e6f7abc8def0123456789ab");
        for sid in ["SM0190a5b17e6f7abc8def0123456789ab", "MM0190A5B17E6F7ABC8DEF0123456789AB"] {
            assert_eq!(message_id(sid), Some(id), "{sid}");
        }
        for sid in ["", "SM", "SM0190a5b17e6f7abc8def0123456789a", "XX0190a5b17e6f7abc8def0123456789ab", "SMé"] {
            assert_eq!(message_id(sid), None, "{sid}");
        }
        assert_eq!(message_id("SM0190a5b1-7e6f-7abc-8def-0123456789ab"), None, "that is our form");
    }

    #[test]
    fn every_status_has_a_word_that_twilio_has() {
        let words = [
            "queued",
            "sending",
            "scheduled",
            "accepted",
            "queued",
            "sending",
            "sent",
            "delivered",
            "undelivered",
            "failed",
            "canceled",
            "read",
            "receiving",
            "received",
        ];
        assert_eq!(Status::ALL.map(status_word), words);
    }

    #[test]
    fn dates_are_those_of_mail_in_gmt() {
        let time: Timestamp = "2023-08-24T05:01:45.678Z".parse().unwrap();
        assert_eq!(date(time), "Thu, 24 Aug 2023 05:01:45 +0000");
    }
}
