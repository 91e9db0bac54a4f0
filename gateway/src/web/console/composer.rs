//! The form to write to somebody in: counting segments, choosing a template; and taking back, or trying again, what was
//! sent.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use uuid::Uuid;

use super::addressee::Addressee;
use super::attaching::Attached;
use super::inbox::Choice;
use super::made::{self, Made};
use super::page::{Page, shown};
use super::path::Path;
use super::posted::{Fields, Posted};
use super::session::Visitor;
use super::thread::{again, find};
use super::trouble::{Trouble, redirect};
use super::words;
use crate::message::{MessageId, segments as counting};
use crate::outbound;
use crate::store::{CONSOLE_KEY, CONSOLE_KEY_HASH, NewKey, Role};
use crate::web::App;

/// The longest text that is taken, in bytes.
pub(super) const LONGEST: usize = 16 * 1024;

/// The form to write in.
pub(super) struct Composer {
    /// Below the console's, where it goes.
    pub(super) path: String,
    /// The same form sent twice is one message.
    pub(super) key: String,
    pub(super) text: String,
    pub(super) send_at: String,
    pub(super) error: Option<String>,
    pub(super) is_closed: bool,
    pub(super) may_answer: bool,
    pub(super) zone: String,
    pub(super) count: Count,
    /// Addresses on channels to choose from, where it is to a person.
    pub(super) ways: Vec<Choice>,
    /// What there is to choose from.
    pub(super) templates: Vec<Choice>,
    /// The files that go along.
    pub(super) attached: Vec<Attached>,
    /// What it is made of, where it is not written.
    pub(super) made: Option<Made>,
}

/// How much of it a text takes.
#[derive(Default)]
pub(super) struct Count {
    pub(super) encoding: &'static str,
    pub(super) segments: usize,
    pub(super) remaining: usize,
    pub(super) non_gsm: Vec<String>,
}

#[derive(Template)]
#[template(path = "composer.html")]
pub(super) struct Fragment {
    pub(super) p: Page,
    pub(super) composer: Composer,
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
    pub(super) async fn new(app: &App, p: &Page, to: &Addressee) -> Result<Self, Trouble> {
        Self::chosen(app, p, to, "").await
    }

    /// With a text that somebody has begun.
    pub(super) async fn begun(app: &App, p: &Page, to: &Addressee, text: String) -> Result<Self, Trouble> {
        let count = Count::of(if text.len() > LONGEST { "" } else { &text });
        Ok(Self { text, count, ..Self::new(app, p, to).await? })
    }

    async fn chosen(app: &App, p: &Page, to: &Addressee, template: &str) -> Result<Self, Trouble> {
        Ok(Self {
            path: to.path.clone(),
            key: app.console.0.ids.next(app.clock.now()).to_string(),
            text: String::new(),
            send_at: String::new(),
            error: None,
            is_closed: to.is_closed,
            may_answer: p.may_answer(),
            zone: app.console.0.place.time_zone.clone(),
            count: Count::of(""),
            ways: to.ways(),
            templates: made::to_choose(app, p, template).await?,
            attached: Vec::new(),
            made: None,
        })
    }

    /// With what was written in it, and the fields of the template that was chosen.
    pub(super) async fn written(app: &App, p: &Page, to: &Addressee, fields: &Fields) -> Result<Self, Trouble> {
        let (text, template) = (fields.text("text"), fields.get("template"));
        let mut composer = Self {
            count: Count::of(if text.len() > LONGEST { "" } else { &text }),
            text,
            send_at: fields.get("send_at").to_owned(),
            ..Self::chosen(app, p, to, template).await?
        };
        if !template.is_empty() {
            match Made::of(app, p, to, template, fields).await? {
                Ok(made) => composer.made = Some(made),
                Err(reason) => composer.error = Some(reason),
            }
        }
        Ok(composer)
    }
}

/// `POST /console/segments`: how much a text takes.
pub(super) async fn segments(State(app): State<App>, posted: Posted) -> Result<Response, Trouble> {
    let text = posted.fields.text("text");
    let p = Page::of(&app, &posted.visitor, "inbox", "");
    shown(&Segments { p, count: Count::of(&text) })
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

/// `POST /console/messages/{id}/cancel`: takes back what has not left.
pub(super) async fn cancel(State(app): State<App>, Path(id): Path<Uuid>, posted: Posted) -> Result<Response, Trouble> {
    posted.visitor.must_be(Role::Agent)?;
    let reason = match app.outbound.cancel(MessageId(id)).await {
        Ok(()) => None,
        Err(outbound::CancelError::NotFound) => return Err(Trouble::NotFound),
        Err(outbound::CancelError::Store(error)) => return Err(error.into()),
        Err(error) => Some(words::not_canceled(posted.visitor.session.user.locale, &error)),
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
        Err(error) => Some(words::not_retried(posted.visitor.session.user.locale, &error)),
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
    let composer = Composer { error: Some(reason), ..Composer::new(app, &p, &Addressee::of(&thread)).await? };
    again(app, &posted.visitor, thread, composer).await
}
