//! What a verified webhook means: a message that came in, or what became of one that went out.

use super::consents;
use crate::channels::{Event, Inbound, Malformed, Observation, Verified};
use crate::message::{Address, MAX_MEDIA, Media, ProviderError, Status};

/// One event, as Twilio reports one thing per webhook.
///
/// A status word that is unknown here gives none: Twilio adds words now and then, and neither refusing the
/// webhook nor guessing what the word means would help anyone.
pub(super) fn parse(verified: &Verified) -> Result<Vec<Event>, Malformed> {
    // The last two are older names for the first, and always equal to it.
    let provider_id = first(verified.parameters(), &["MessageSid", "SmsMessageSid", "SmsSid"])
        .ok_or_else(|| Malformed("MessageSid is missing".to_owned()))?;
    match status(verified.parameters()) {
        Reported::Received => Ok(vec![Event::Inbound(inbound(verified, provider_id)?)]),
        Reported::Known(status) => Ok(vec![Event::Status(observation(verified, provider_id, status))]),
        Reported::Unknown => Ok(Vec::new()),
    }
}

/// What a webhook reports by its status.
pub(super) enum Reported {
    Received,
    Known(Status),
    Unknown,
}

/// `SmsStatus` is the older name of `MessageStatus`. A message that came in has only that one; since it must
/// not be lost, the older name makes a report only by a word that is known.
pub(super) fn status(parameters: &[(String, String)]) -> Reported {
    let word = |name| first(parameters, &[name]).map(str::to_ascii_lowercase);
    let (word, otherwise) = match word("MessageStatus") {
        Some(word) => (Some(word), Reported::Unknown),
        None => (word("SmsStatus"), Reported::Received),
    };
    match word.as_deref() {
        None | Some("receiving" | "received") => Reported::Received,
        Some(word) => status_named(word).map_or(otherwise, Reported::Known),
    }
}

/// What a message went from. Some answers name the Messaging Service there until it has chosen.
pub(super) fn sender_named(from: &str) -> Option<Address> {
    let service = from.strip_prefix("MG").is_some_and(|digits| digits.len() == 32);
    (!service).then(|| Address::received(from))
}

/// The status that Twilio calls so. Two of ours are not Twilio's to report.
pub(super) fn status_named(word: &str) -> Option<Status> {
    word.parse().ok().filter(|status| !matches!(status, Status::Pending | Status::Unknown))
}

fn inbound(verified: &Verified, provider_id: &str) -> Result<Inbound, Malformed> {
    let parameters = verified.parameters();
    let sender = first(parameters, &["From"]).ok_or_else(|| Malformed("From is missing".to_owned()))?;
    // Twilio always names the number; who knows only the service still knows where the message went.
    let recipient =
        first(parameters, &["To", "MessagingServiceSid"]).ok_or_else(|| Malformed("To is missing".to_owned()))?;
    let text = verified.get("Body").unwrap_or_default();
    let media = media(verified);
    let segments: Option<u32> = first(parameters, &["NumSegments"]).and_then(|count| count.parse().ok());
    let count = segments.unwrap_or_default().to_string();

    let mut told = ["MessageSid", "SmsMessageSid", "SmsSid"].map(|name| pair(name, provider_id)).to_vec();
    told.extend([pair("From", sender), pair("To", recipient), pair("Body", text)]);
    told.extend([pair("NumMedia", &media.len().to_string()), pair("NumSegments", &count)]);
    for (index, Media { url, content_type }) in &media {
        told.push((format!("MediaUrl{index}"), url.clone()));
        told.push((format!("MediaContentType{index}"), content_type.clone().unwrap_or_default()));
    }
    let kind = first(parameters, &["OptOutType"]);
    let extra = parameters.iter().filter(|parameter| !told.contains(parameter)).cloned().collect();

    Ok(Inbound {
        provider_id: provider_id.to_owned(),
        sender: Address::received(sender),
        recipient: Address::received(recipient),
        text: text.to_owned(),
        media: media.into_iter().map(|(_, media)| media).collect(),
        segments: segments.filter(|count| *count > 0),
        extra,
        consent: consents::of_message(kind, sender, text),
        handled: consents::handles(kind, sender, recipient, first(parameters, &["MessagingServiceSid"]), text),
    })
}

fn pair(name: &str, value: &str) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

/// The media that are there, whatever `NumMedia` says; where it says otherwise it stays among the extras.
fn media(verified: &Verified) -> Vec<(usize, Media)> {
    let media = |index| {
        let url = first(verified.parameters(), &[&format!("MediaUrl{index}")])?.to_owned();
        let content_type = first(verified.parameters(), &[&format!("MediaContentType{index}")]).map(str::to_owned);
        Some((index, Media { url, content_type }))
    };
    (0..MAX_MEDIA).filter_map(media).collect()
}

fn observation(verified: &Verified, provider_id: &str, status: Status) -> Observation {
    let part = verified.query.iter().find(|(name, _)| name == "part").and_then(|(_, id)| id.parse().ok());
    let parameters = verified.parameters();
    let code = first(parameters, &["ErrorCode"]).and_then(|code| code.parse().ok()).filter(|code| *code != 0);
    let message = first(parameters, &["ErrorMessage", "ChannelStatusMessage"]).map(str::to_owned);
    let error = (code.is_some() || message.is_some()).then_some(ProviderError { code, message });
    let consent = consents::of_report(status, code);
    let sender = first(parameters, &["From"]).and_then(sender_named);
    Observation { provider_id: provider_id.to_owned(), part, sender, status, error, consent, raw: parameters.to_vec() }
}

/// The value of the first of these names that isn't blank.
pub(super) fn first<'a>(parameters: &'a [(String, String)], names: &[&str]) -> Option<&'a str> {
    let value = |name: &&str| parameters.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    names.iter().filter_map(value).find(|value| !value.trim().is_empty())
}
