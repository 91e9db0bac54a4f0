//! What a component said, in our words; and what of it can't be believed.

use std::time::Duration;

use super::guest::bindings::recado::channel::types;
use crate::channels::{
    Answer, Capabilities, Content, Event, Inbound, Malformed, NotFound, Observation, Outcome, Refused, Scope,
    Unsendable,
};
use crate::message::consent::{Choice, Source};
use crate::message::split::utf16_units;
use crate::message::{Address, Consent, MAX_MEDIA, Media, ProviderError, Status};

/// The longest id and the longest type of a medium.
const LONGEST_ID: usize = 255;
/// The longest pause that a provider is believed to want.
const LONGEST_PAUSE: u32 = 24 * 60 * 60;

/// Reads addresses as those of one channel.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reader<'a> {
    pub(super) scheme: Option<&'a str>,
}

impl Reader<'_> {
    /// None for what no address can be.
    pub(super) fn address(self, raw: &str) -> Option<Address> {
        match self.scheme {
            Some(scheme) => Address::of_scheme(scheme, raw.trim()),
            None => Some(Address::received(raw)).filter(|address| (1..=LONGEST_ID).contains(&address.as_str().len())),
        }
    }

    pub(super) fn event(self, event: types::Event) -> Result<Event, Malformed> {
        match event {
            types::Event::Inbound(message) => self.inbound(message).map(Event::Inbound),
            types::Event::Status(report) => observation(report).map(Event::Status),
        }
    }

    fn inbound(self, message: types::InboundMessage) -> Result<Inbound, Malformed> {
        let address = |what: &str, raw: &str| {
            self.address(raw).ok_or_else(|| Malformed(format!("the channel gave a {what} that is no address")))
        };
        let media = message.media.into_iter().take(MAX_MEDIA);
        Ok(Inbound {
            provider_id: id(message.id)?,
            sender: address("sender", &message.sender)?,
            recipient: address("recipient", &message.recipient)?,
            text: clean(message.text),
            media: media
                .map(|media| Media {
                    url: clean(media.url),
                    content_type: media.content_type.map(clean).filter(|told| told.len() <= LONGEST_ID),
                })
                .collect(),
            segments: None,
            extra: pairs(message.extra),
            consent: message.consent.map(|choice| consent(choice, Source::Message)),
            handled: false,
        })
    }
}

fn observation(report: types::StatusReport) -> Result<Observation, Malformed> {
    Ok(Observation {
        provider_id: id(report.id)?,
        part: report.part.and_then(|part| part.parse().ok()),
        sender: None,
        status: status(report.status),
        error: report.error.map(error),
        consent: report.consent.map(|choice| consent(choice, Source::Provider)),
        raw: pairs(report.raw),
    })
}

fn id(id: String) -> Result<String, Malformed> {
    let id = clean(id);
    if (1..=LONGEST_ID).contains(&id.len()) {
        return Ok(id);
    }
    Err(Malformed(format!("the channel gave an id of {} bytes; 1 to {LONGEST_ID} can be kept", id.len())))
}

/// NUL characters mean nothing in a message, and databases refuse them.
fn clean(text: String) -> String {
    if text.contains('\0') { text.replace('\0', "") } else { text }
}

fn pairs(pairs: Vec<(String, String)>) -> Vec<(String, String)> {
    pairs.into_iter().map(|(name, value)| (clean(name), clean(value))).collect()
}

fn consent(choice: types::Consent, source: Source) -> Consent {
    let choice = match choice {
        types::Consent::OptedOut => Choice::OptedOut,
        types::Consent::OptedIn => Choice::OptedIn,
    };
    Consent { choice, source, code: None }
}

fn status(status: types::MessageStatus) -> Status {
    use types::MessageStatus;
    match status {
        MessageStatus::Accepted => Status::Accepted,
        MessageStatus::Queued => Status::Queued,
        MessageStatus::Sending => Status::Sending,
        MessageStatus::Sent => Status::Sent,
        MessageStatus::Delivered => Status::Delivered,
        MessageStatus::Undelivered => Status::Undelivered,
        MessageStatus::Failed => Status::Failed,
        MessageStatus::Read => Status::Read,
    }
}

fn error(error: types::ProviderError) -> ProviderError {
    let message = clean(error.message);
    ProviderError { code: error.code, message: Some(message).filter(|message| !message.is_empty()) }
}

pub(super) fn answer(answer: types::Answer) -> Result<Answer, Malformed> {
    let sound = http::HeaderValue::from_str(&answer.content_type).is_ok();
    if !sound {
        return Err(Malformed("the channel's answer has no usable content type".to_owned()));
    }
    Ok(Answer { content_type: answer.content_type.into(), body: answer.body })
}

pub(super) fn refusal(refusal: types::Refusal) -> Refused {
    match refusal {
        types::Refusal::Unsigned => Refused::Unsigned,
        types::Refusal::Forged => Refused::Forged,
        types::Refusal::Malformed(reason) => Refused::Malformed(Malformed(super::guest::shorten(&reason))),
    }
}

/// At least one piece, each with something in it, and within the limits that the channel itself named.
pub(super) fn contents(
    contents: Vec<types::Content>,
    limits: &Capabilities,
    most: usize,
) -> Result<Vec<Content>, Unsendable> {
    let contents: Vec<Content> =
        contents.into_iter().map(|content| Content { text: content.text, media: content.media }).collect();
    if contents.is_empty() || contents.iter().any(|content| content.text.is_empty() && content.media.is_empty()) {
        return Err(Unsendable::Other("it cut the message into nothing".to_owned()));
    }
    if contents.len() > most {
        return Err(Unsendable::Other(format!(
            "it cut the message into {} parts, and {most} are the most",
            contents.len()
        )));
    }
    let too_large = |content: &Content| {
        utf16_units(&content.text) > limits.max_text_units || content.media.len() > limits.max_media
    };
    if contents.iter().any(too_large) {
        return Err(Unsendable::Other("it cut the message into parts beyond its own limits".to_owned()));
    }
    Ok(contents)
}

pub(super) fn unsendable(reason: types::Unsendable, text: &str, media: usize) -> Unsendable {
    let size = |limit: u32| usize::try_from(limit).unwrap_or(usize::MAX);
    match reason {
        types::Unsendable::Empty => Unsendable::Empty,
        types::Unsendable::TooLong(limit) => Unsendable::TooLong { units: utf16_units(text), limit: size(limit) },
        types::Unsendable::TooManyMedia(limit) => Unsendable::TooManyMedia { count: media, limit: size(limit) },
        types::Unsendable::Other(reason) => Unsendable::Other(super::guest::shorten(&reason)),
    }
}

pub(super) fn not_found(reason: types::NotFound) -> NotFound {
    match reason {
        types::NotFound::Passing(reason) => NotFound::Passing(super::guest::shorten(&reason)),
        types::NotFound::Final(reason) => NotFound::Final(super::guest::shorten(&reason)),
    }
}

pub(super) fn outcome(outcome: types::Outcome) -> Outcome {
    let pause = |after: Option<u32>| after.map(|after| Duration::from_secs(u64::from(after.min(LONGEST_PAUSE))));
    let scope = Scope::Channel;
    match outcome {
        types::Outcome::Accepted(accepted) => match id(accepted.id) {
            Ok(provider_id) => {
                Outcome::Accepted { provider_id, status: status(accepted.status), segments: None, sender: None }
            }
            Err(Malformed(reason)) => Outcome::Unknown { error: ProviderError { code: None, message: Some(reason) } },
        },
        types::Outcome::Retry(later) => Outcome::Retry { after: pause(later.after), error: error(later.error) },
        types::Outcome::Busy(later) => Outcome::Busy { scope, after: pause(later.after), error: error(later.error) },
        types::Outcome::Rejected(reason) => Outcome::Rejected { error: error(reason) },
        types::Outcome::OptedOut(reason) => Outcome::OptedOut { error: error(reason) },
        types::Outcome::Fault(reason) => Outcome::Fault { scope, error: error(reason) },
        types::Outcome::Unknown(reason) => Outcome::Unknown { error: error(reason) },
    }
}
