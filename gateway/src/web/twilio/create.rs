//! `POST …/Messages`: what is asked for, whether Twilio would take it, and by which channel it
//! goes.
//!
//! Refused here is what Twilio refuses, in its numbers and words and in its order, also where the
//! gateway could do better: an application must not learn to rely on what Twilio does not do.

use axum::http::StatusCode;

use super::answer::Answer;
use super::parameters::Parameters;
use super::refusal::Refusal;
use super::{Call, options, resource, schedule};
use crate::callbacks;
use crate::channels::Channels;
use crate::channels::twilio::xml::Subject;
use crate::message::split::utf16_units;
use crate::message::{Address, MAX_MEDIA, Priority};
use crate::outbound;
use crate::store::Callback;
use crate::web::App;

/// The longest text in one message.
const MAX_BODY: usize = 1600;

/// What a message goes out by.
#[derive(Debug, PartialEq, Eq)]
struct Way {
    channel: String,
    /// None where a service chooses.
    from: Option<String>,
}

pub(super) async fn create(app: &App, call: &Call) -> Result<Answer, Refusal> {
    let form = &call.form;
    let now = app.clock.now();
    let (to, media) = check(form, app.private_callbacks)?;
    let way = way(&app.channels, &call.access.channels, form)?;
    if way.from.as_deref() == Some(to) {
        return Err(Refusal::invalid(21266, "'To' and 'From' number cannot be the same."));
    }
    let callback = form.get("StatusCallback").map(|url| Callback {
        url: url.to_owned(),
        api_key_id: call.access.key_id,
        account: call.access.account.clone(),
    });
    let from = way.from.clone().unwrap_or_default();
    let request = outbound::Request {
        to: to.to_owned(),
        from: way.from,
        by_service: form.get("MessagingServiceSid").is_some(),
        channel: Some(way.channel),
        text: form.get("Body").unwrap_or_default().to_owned(),
        media,
        send_at: schedule::send_at(form, now)?,
        options: options::options(form)?,
        priority: Priority::Normal,
        idempotency: None,
        callback,
        origin: outbound::Origin::Api,
        template: None,
        bulk: None,
    };
    let taken = app.outbound.submit(request).await.map_err(|error| Refusal::outbound(&error, to, &from))?;
    // Without a key, no call is one that was made before.
    let message = taken.message.ok_or_else(|| Refusal::not_found(&call.path))?;
    let shown = resource::message(&call.access.account, &message, now);
    Ok(Answer::Told(StatusCode::CREATED, Subject::Message, shown))
}

/// What can be told from the request alone: the recipient and the media of a good one.
fn check(form: &Parameters, private_callbacks: bool) -> Result<(&str, Vec<String>), Refusal> {
    let service = form.get("MessagingServiceSid");
    if form.get("From").is_none() && service.is_none() {
        return Err(Refusal::invalid(21603, "A 'From' phone number is required."));
    }
    let to = form.get("To").ok_or_else(|| Refusal::invalid(21604, "A 'To' phone number is required."))?;
    let body = form.get("Body").unwrap_or_default();
    let media: Vec<String> = form.all("MediaUrl").map(str::to_owned).collect();
    if body.trim().is_empty() && media.is_empty() && form.get("ContentSid").is_none() {
        return Err(match service {
            Some(_) => Refusal::invalid(21619, "A text message body or media urls must be specified."),
            None => Refusal::invalid(21602, "Message body is required."),
        });
    }
    if utf16_units(body) > MAX_BODY {
        return Err(Refusal::too_long());
    }
    if media.len() > MAX_MEDIA {
        return Err(Refusal::too_many_media());
    }
    if let Some(url) = form.get("StatusCallback") {
        callbacks::check_url(url, private_callbacks).map_err(|problem| {
            Refusal::invalid(21609, format!("The StatusCallback URL {url} is not a valid URL: {problem}."))
        })?;
    }
    Ok((to, media))
}

/// The channel that has this sender or this service; both, if both are named, or else the service: Twilio
/// alone knows which further numbers are in its pool.
fn way(channels: &Channels, open: &[String], form: &Parameters) -> Result<Way, Refusal> {
    let service = form.get("MessagingServiceSid");
    let from = form.get("From");
    let written = from.map(|from| Address::sender(from).ok_or_else(|| Refusal::from(from))).transpose()?;
    let (mut first, mut pool) = (None, None);
    for name in open {
        let Some(identity) = channels.get(name).map(|channel| channel.known_as()) else { continue };
        let by_service = service.is_none_or(|service| identity.service == Some(service));
        let by_sender = written.is_none() || identity.address == written.as_ref();
        if by_service && by_sender {
            first = Some(name);
            break;
        }
        if by_service && service.is_some() {
            pool = pool.or(Some(name));
        }
    }
    if let Some(channel) = first.or(pool) {
        return Ok(Way { channel: channel.clone(), from: written.map(|from| from.as_str().to_owned()) });
    }
    Err(match (service, from) {
        (_, Some(from)) => {
            let what = "is not a valid, SMS-capable inbound phone number or short code for your account.";
            Refusal::invalid(21606, format!("The From phone number {from} {what}"))
        }
        (Some(_), None) => Refusal::invalid(21705, "The Messaging Service Sid is invalid"),
        (None, None) => Refusal::invalid(21603, "A 'From' phone number is required."),
    })
}
