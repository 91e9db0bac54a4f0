//! What comes in: what is genuine is read, and nothing else is believed.

use bytes::Bytes;
use http::{HeaderName, HeaderValue};

use super::examples::word;
use super::{Examples, Subject, Verdict};
use crate::channels::{Channel, Event, Hop, Refused, Webhook};

/// The most changes that one webhook's body is tried with, of each kind.
const CHANGES: usize = 64;

fn read(channel: &dyn Channel, webhook: &Webhook) -> Result<Vec<Event>, Refused> {
    let verified = channel.verify(webhook.clone())?;
    Ok(channel.parse(&verified)?)
}

pub(super) fn genuine(subject: &Subject<'_>, examples: &Examples) -> Verdict {
    let genuine = examples.genuine();
    if genuine.is_empty() {
        return Verdict::skipped("there are no recorded webhooks");
    }
    Verdict::of(genuine.iter().find_map(|(recorded, webhook)| {
        let name = &recorded.name;
        let events = match read(subject.channel, webhook) {
            Ok(events) => events,
            Err(refused) => return Some(format!("{name}: it is refused: {refused}")),
        };
        if events.len() != recorded.events.len() {
            return Some(format!("{name}: it has {} events, not {}", events.len(), recorded.events.len()));
        }
        let difference =
            recorded.events.iter().zip(&events).find_map(|(expected, event)| expected.difference(event))?;
        Some(format!("{name}: {difference}"))
    }))
}

pub(super) fn refused(subject: &Subject<'_>, examples: &Examples) -> Verdict {
    let refused: Vec<_> = examples.webhooks.iter().filter_map(|one| Some((one, one.refused.as_deref()?))).collect();
    if refused.is_empty() {
        return Verdict::skipped("there are no recorded webhooks to be refused");
    }
    Verdict::of(refused.iter().find_map(|(recorded, wanted)| {
        let webhook = examples.webhook(recorded).ok()?;
        match read(subject.channel, &webhook) {
            Err(refused) if word(&refused) == *wanted => None,
            Err(refused) => Some(format!("{}: it is {}, not {wanted}", recorded.name, word(&refused))),
            Ok(_) => Some(format!("{}: it is taken", recorded.name)),
        }
    }))
}

/// A webhook without its proof, or with another one, is refused as what it is.
pub(super) fn unproven(subject: &Subject<'_>, examples: &Examples) -> Verdict {
    let genuine = examples.genuine();
    if genuine.is_empty() || examples.proof.headers.is_empty() {
        return Verdict::skipped("there are no recorded webhooks, or no header that proves one");
    }
    let headers = examples.proof.headers.iter().filter_map(|name| HeaderName::from_bytes(name.as_bytes()).ok());
    let headers: Vec<HeaderName> = headers.collect();
    Verdict::of(genuine.iter().find_map(|(recorded, webhook)| {
        headers.iter().flat_map(|header| forgeries(webhook, header)).find_map(|(what, forged)| {
            let answer = read(subject.channel, &forged);
            let refused = matches!(answer, Err(Refused::Unsigned | Refused::Forged));
            (!refused).then(|| format!("{}: with {what} it is not refused as unproven", recorded.name))
        })
    }))
}

/// The webhook without a header, and with other values of it.
fn forgeries(webhook: &Webhook, header: &HeaderName) -> Vec<(String, Webhook)> {
    let Some(value) = webhook.headers.get(header).map(|value| value.as_bytes().to_vec()) else { return Vec::new() };
    let mut bare = webhook.clone();
    bare.headers.remove(header);
    let mut forged = vec![(format!("no {header}"), bare)];
    let changed_first = value.iter().enumerate().map(|(at, byte)| if at == 0 { other(*byte) } else { *byte }).collect();
    let shortened = value.split_last().map(|(_, rest)| rest.to_vec()).unwrap_or_default();
    let lengthened = [value.as_slice(), b"0"].concat();
    for (what, value) in
        [("changed", changed_first), ("shortened", shortened), ("lengthened", lengthened), ("empty", Vec::new())]
    {
        let Ok(value) = HeaderValue::from_bytes(&value) else { continue };
        let mut webhook = webhook.clone();
        webhook.headers.insert(header, value);
        forged.push((format!("a {what} {header}"), webhook));
    }
    forged
}

fn other(byte: u8) -> u8 {
    if byte == b'a' { b'b' } else { b'a' }
}

/// Whatever a body becomes on the way, nothing breaks; and where it is signed, nothing else is believed.
pub(super) fn changed(subject: &Subject<'_>, examples: &Examples) -> Verdict {
    let genuine = examples.genuine();
    if genuine.is_empty() {
        return Verdict::skipped("there are no recorded webhooks");
    }
    Verdict::of(genuine.iter().find_map(|(recorded, webhook)| {
        let before = read(subject.channel, webhook).ok()?;
        changes(&webhook.body).into_iter().find_map(|body| {
            let changed = Webhook { body: Bytes::from(body), ..webhook.clone() };
            match read(subject.channel, &changed) {
                Err(Refused::Broken(reason)) => {
                    Some(format!("{}: changed, it breaks the channel: {reason}", recorded.name))
                }
                Ok(events) if examples.proof.body && events != before => {
                    Some(format!("{}: changed, it is still believed", recorded.name))
                }
                _ => None,
            }
        })
    }))
}

/// Cut short, with a byte changed, and worse.
fn changes(body: &[u8]) -> Vec<Vec<u8>> {
    let step = (body.len() / CHANGES).max(1);
    let positions = || (0..body.len()).step_by(step);
    let mut changes: Vec<Vec<u8>> = positions().filter_map(|at| body.get(..at).map(<[u8]>::to_vec)).collect();
    changes.extend(positions().map(|at| {
        let flipped = |(position, byte): (usize, &u8)| if position == at { byte ^ 1 } else { *byte };
        body.iter().enumerate().map(flipped).collect()
    }));
    changes.push([body, body].concat());
    changes.push(b"\0".to_vec());
    changes.push(b"\xff\xfe".to_vec());
    changes.push(b"[".repeat(20_000));
    changes.push(br#"{"a":"#.repeat(5_000));
    changes
}

pub(super) fn deterministic(subject: &Subject<'_>, examples: &Examples) -> Verdict {
    let webhooks: Vec<Webhook> = examples.webhooks.iter().filter_map(|one| examples.webhook(one).ok()).collect();
    if webhooks.is_empty() {
        return Verdict::skipped("there are no recorded webhooks");
    }
    let differs = webhooks.iter().any(|webhook| read(subject.channel, webhook) != read(subject.channel, webhook));
    Verdict::of(differs.then(|| "the same webhook was read in two ways".to_owned()))
}

/// What came with a message can be asked for, and its address, which is kept and shown, holds no secret.
pub(super) fn media(subject: &Subject<'_>, examples: &Examples) -> Verdict {
    let events = examples.genuine().into_iter().filter_map(|(recorded, webhook)| {
        let events = read(subject.channel, &webhook).ok()?;
        Some((recorded.name.clone(), events))
    });
    let media: Vec<(String, String)> = events
        .flat_map(|(name, events)| {
            let urls = events.into_iter().filter_map(|event| match event {
                Event::Inbound(inbound) => Some(inbound.media),
                Event::Status(_) => None,
            });
            urls.flatten().map(move |medium| (name.clone(), medium.url)).collect::<Vec<_>>()
        })
        .collect();
    if media.is_empty() {
        return Verdict::skipped("no recorded webhook brings a medium");
    }
    Verdict::of(media.into_iter().find_map(|(name, url)| {
        if subject.secrets.iter().any(|secret| !secret.is_empty() && url.contains(secret)) {
            return Some(format!("{name}: a medium's address holds a secret"));
        }
        let request = subject.channel.media_request(&url, Hop::First);
        request.err().map(|reason| format!("{name}: a medium has no request: {reason}"))
    }))
}
