//! Makes a message of a request to send: what becomes of its text, and how it starts.

use crate::message::segments;

use super::account::{Account, lock};
use super::create::Create;
use super::links::{self, Link, Shortened, Unusable};
use super::media;
use super::message::{Direction, Message, Status};

const UNUSABLE_LINK: u32 = 30139;

/// What a text becomes on its way.
struct Text {
    written: String,
    links: Vec<Link>,
    /// The error with which the message will fail because of it.
    doomed: Option<u32>,
}

/// The message that is asked for, neither queued nor told of yet.
pub(super) fn of(account: &Account, create: Create) -> Message {
    let service = create.messaging_service_sid.as_ref().map(|_| lock(&account.service).clone());
    let by_default = service.as_ref().is_some_and(|service| service.smart_encoding);
    let encodes = create.wishes.smart_encoded.unwrap_or(by_default);
    let Text { written, links, doomed } = write(account, &create, encodes);
    let asked = (written != create.body).then_some(create.body);
    let media = create.media.iter().map(|url| media::attach(account, url)).collect();
    let draft = account.draft(Direction::OutboundApi, create.to, written, media);
    let status = match (create.send_at, &create.messaging_service_sid) {
        (Some(_), _) => Status::Scheduled,
        (None, Some(_)) => Status::Accepted,
        (None, None) => draft.status,
    };
    let as_mms = create.wishes.send_as_mms;
    let message = Message {
        sid: if as_mms { account.new_sid("MM") } else { draft.sid },
        status,
        asked,
        links,
        doomed,
        as_mms,
        privacy: create.wishes.privacy,
        from: create.from,
        messaging_service_sid: create.messaging_service_sid,
        status_callback: create.status_callback.or_else(|| service.and_then(|service| service.status_callback)),
        send_at: create.send_at,
        validity: create.validity,
        ..draft
    };
    // A Messaging Service picks the sender later, and until then nothing is counted either.
    let counted = if message.from.is_some() { message.segments() } else { 0 };
    Message { num_segments: counted.to_string(), ..message }
}

/// Links first: what stands for them is plain, and smart encoding would break what is in them.
fn write(account: &Account, create: &Create, encodes: bool) -> Text {
    let shortened = if create.wishes.shorten_urls {
        links::shorten(&create.body, &account.url, || account.new_link())
    } else {
        Ok(Shortened { text: create.body.clone(), links: vec![] })
    };
    match shortened {
        Ok(Shortened { text, links }) => {
            Text { written: if encodes { segments::smart(&text) } else { text }, links, doomed: None }
        }
        Err(Unusable) => Text { written: create.body.clone(), links: vec![], doomed: Some(UNUSABLE_LINK) },
    }
}
