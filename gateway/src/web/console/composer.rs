//! Writing to somebody: counting segments, sending once, and saying in words why something was not sent.

use askama::Template;
use axum::extract::{Path, State};
use axum::http::{HeaderName, HeaderValue};
use axum::response::Response;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::page::{self, Page, shown};
use super::posted::Posted;
use super::session::Visitor;
use super::thread::{again, find, is_closed, times};
use super::trouble::{Trouble, redirect};
use super::words::More;
use crate::channels::Unsendable;
use crate::gate::Refusal;
use crate::message::{Locale, MessageId, Options, Priority, segments as counting};
use crate::outbound;
use crate::store::{self, CONSOLE_KEY, CONSOLE_KEY_HASH, Idempotency, NewKey, Role};
use crate::web::App;
use crate::web::problem::Problem;

/// The longest text that is taken, in bytes.
const LONGEST: usize = 16 * 1024;

/// The form to write in.
pub(super) struct Composer {
    pub(super) id: String,
    /// The same form sent twice is one message.
    pub(super) key: String,
    pub(super) text: String,
    pub(super) send_at: String,
    pub(super) error: Option<String>,
    pub(super) is_closed: bool,
    pub(super) may_answer: bool,
    pub(super) zone: String,
    pub(super) count: Count,
}

/// How much of it a text takes.
pub(super) struct Count {
    pub(super) encoding: &'static str,
    pub(super) segments: usize,
    pub(super) remaining: usize,
    pub(super) non_gsm: Vec<String>,
}

#[derive(Template)]
#[template(path = "composer.html")]
struct Fragment {
    p: Page,
    composer: Composer,
}

#[derive(Template)]
#[template(path = "segments.html")]
struct Segments {
    p: Page,
    count: Count,
}

impl Count {
    pub(super) fn of(text: &str) -> Self {
        let counted = counting::count(text);
        Self {
            encoding: counted.encoding.as_str(),
            segments: if text.is_empty() { 0 } else { counted.segments },
            remaining: counted.remaining,
            non_gsm: counted.non_gsm,
        }
    }
}

impl Composer {
    pub(super) fn new(app: &App, p: &Page, thread: &store::Thread) -> Self {
        Self {
            id: thread.conversation.id.to_string(),
            key: app.console.0.ids.next(app.clock.now()).to_string(),
            text: String::new(),
            send_at: String::new(),
            error: None,
            is_closed: is_closed(thread),
            may_answer: p.may_answer(),
            zone: app.console.0.place.time_zone.clone(),
            count: Count::of(""),
        }
    }
}

/// `POST /console/segments`: how much a text takes.
pub(super) async fn segments(State(app): State<App>, posted: Posted) -> Result<Response, Trouble> {
    let text = posted.fields.text("text");
    let p = Page::of(&app, &posted.visitor, "inbox", "");
    shown(&Segments { p, count: Count::of(&text) })
}

/// `POST /console/conversations/{id}/messages`: sends what was written.
pub(super) async fn send(State(app): State<App>, Path(id): Path<Uuid>, posted: Posted) -> Result<Response, Trouble> {
    posted.visitor.must_be(Role::Agent)?;
    let thread = find(&app, id).await?;
    let p = Page::of(&app, &posted.visitor, "inbox", "");
    let (text, send_at) = (posted.fields.text("text"), posted.fields.get("send_at").to_owned());
    let times = times(&app, &p);
    let planned = if send_at.is_empty() { Ok(None) } else { times.read(&send_at).map(Some).ok_or(p.words.bad_time) };
    let sent = match planned {
        Err(reason) => Err(reason.to_owned()),
        Ok(_) if text.trim().is_empty() => Err(p.more.empty.to_owned()),
        Ok(_) if text.len() > LONGEST => Err(p.more.unreadable.to_owned()),
        Ok(planned) => submit(&app, &posted, &thread, text.clone(), planned, p.locale()).await?,
    };
    match sent {
        Ok(message) => {
            let there = app.store.message(message).await?.map_or(id, |message| message.conversation_id.0);
            if !posted.is_partial || there != id {
                return Ok(redirect(&format!("{}/conversations/{there}", p.base), posted.is_partial));
            }
            let composer = Composer::new(&app, &p, &thread);
            let mut response = shown(&Fragment { p, composer })?;
            let sent = HeaderValue::from_static("recado:sent");
            response.headers_mut().insert(HeaderName::from_static("hx-trigger"), sent);
            Ok(response)
        }
        Err(reason) => {
            // Another key: what was refused may be mended, and is another message then.
            let composer = Composer {
                count: Count::of(&text),
                text,
                send_at,
                error: Some(reason),
                ..Composer::new(&app, &p, &thread)
            };
            if posted.is_partial {
                return page::refused(&Fragment { p, composer });
            }
            again(&app, &posted.visitor, thread, composer).await
        }
    }
}

/// The message, or why there is none, in words.
async fn submit(
    app: &App,
    posted: &Posted,
    thread: &store::Thread,
    text: String,
    send_at: Option<jiff::Timestamp>,
    locale: Locale,
) -> Result<Result<MessageId, String>, Trouble> {
    let user = &posted.visitor.session.user;
    let key: Uuid = posted.fields.get("key").parse().map_err(|_| Trouble::Unreadable)?;
    let conversation = &thread.conversation;
    let content = format!("{}\n{}\n{text}", conversation.id, posted.fields.get("send_at"));
    own_key(app, &posted.visitor).await?;
    let request = outbound::Request {
        to: conversation.address.as_str().to_owned(),
        from: None,
        by_service: true,
        channel: Some(conversation.channel.clone()),
        text,
        media: Vec::new(),
        send_at,
        options: Options::default(),
        priority: Priority::default(),
        idempotency: Some(Idempotency {
            api_key_id: CONSOLE_KEY,
            key: format!("{}/{key}", user.id),
            fingerprint: hex::encode(Sha256::digest(content.as_bytes())),
        }),
        callback: None,
        template: None,
        bulk: None,
        origin: outbound::Origin::Api,
    };
    match app.outbound.submit(request).await {
        Ok((id, _)) => {
            app.store.sign_message(id, user.id).await?;
            tracing::info!(message_id = %id, user_id = %user.id, "sent from the console");
            Ok(Ok(id))
        }
        Err(outbound::Error::Store(error)) => Err(error.into()),
        Err(error) => {
            if let outbound::Error::Rejected { id, .. } = &error {
                app.store.sign_message(*id, user.id).await?;
            }
            Ok(Err(refusal(&error, locale)))
        }
    }
}

/// An idempotency key belongs to an API key; this is the console's, which lets nobody in.
pub(super) async fn own_key(app: &App, visitor: &Visitor) -> Result<(), Trouble> {
    let own = NewKey {
        id: CONSOLE_KEY,
        name: "console".to_owned(),
        hash: CONSOLE_KEY_HASH.to_owned(),
        scopes: Some(Vec::new()),
        expires_at: None,
        per_second: None,
        at: app.clock.now(),
    };
    app.store.create_key(own, visitor.act(app, "key.created", &CONSOLE_KEY)).await?;
    Ok(())
}

/// Why a message is not taken, for the person who wrote it.
fn refusal(error: &outbound::Error, locale: Locale) -> String {
    let more = More::of(locale);
    match error {
        outbound::Error::Gate(Refusal::OptedOut { .. }) => more.opted_out.to_owned(),
        outbound::Error::KeyReused => more.repeated.to_owned(),
        outbound::Error::Unsendable(Unsendable::Empty) => more.empty.to_owned(),
        other => Problem::outbound(other, locale).detail().to_owned(),
    }
}

/// `POST /console/messages/{id}/cancel`: takes back what has not left.
pub(super) async fn cancel(State(app): State<App>, Path(id): Path<Uuid>, posted: Posted) -> Result<Response, Trouble> {
    posted.visitor.must_be(Role::Agent)?;
    let reason = match app.outbound.cancel(MessageId(id)).await {
        Ok(()) => None,
        Err(outbound::CancelError::NotFound) => return Err(Trouble::NotFound),
        Err(outbound::CancelError::Store(error)) => return Err(error.into()),
        Err(error) => Some(Problem::cancel(&error).detail().to_owned()),
    };
    back(&app, id, &posted, reason).await
}

/// `POST /console/messages/{id}/retry`: tries again what was given up.
pub(super) async fn retry(State(app): State<App>, Path(id): Path<Uuid>, posted: Posted) -> Result<Response, Trouble> {
    posted.visitor.must_be(Role::Agent)?;
    let reason = match app.outbound.retry(MessageId(id)).await {
        Ok(_) => None,
        Err(outbound::RetryError::NotFound) => return Err(Trouble::NotFound),
        Err(outbound::RetryError::Store(error)) => return Err(error.into()),
        Err(error) => Some(Problem::retry(&error).detail().to_owned()),
    };
    back(&app, id, &posted, reason).await
}

/// To the message's conversation, with what there is to say.
async fn back(app: &App, id: Uuid, posted: &Posted, reason: Option<String>) -> Result<Response, Trouble> {
    let message = app.store.message(MessageId(id)).await?.ok_or(Trouble::NotFound)?;
    let Some(reason) = reason else {
        let to = format!("{}/conversations/{}", app.console.0.base, message.conversation_id);
        return Ok(redirect(&to, posted.is_partial));
    };
    let thread = find(app, message.conversation_id.0).await?;
    let p = Page::of(app, &posted.visitor, "inbox", "");
    let composer = Composer { error: Some(reason), ..Composer::new(app, &p, &thread) };
    again(app, &posted.visitor, thread, composer).await
}
