//! Sending an answer: what was written, or what a template was filled in with; once, and with the reason in words
//! where it is not sent.

use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue};
use axum::response::Response;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::addressee::Addressee;
use super::attaching::{Attached, attached, longest};
use super::composer::{Composer, Fragment, LONGEST, own_key};
use super::made;
use super::page::{self, Page, shown};
use super::path::Path;
use super::posted::Posted;
use super::template_form::Wrong;
use super::thread::{again, find, times, with};
use super::trouble::{Trouble, redirect};
use super::words::More;
use crate::channels::Unsendable;
use crate::gate::Refusal;
use crate::message::{Locale, MessageId, Options, Priority};
use crate::outbound::{self, Wish};
use crate::store::{CONSOLE_KEY, Idempotency, Role};
use crate::templates::Definition;
use crate::web::App;
use crate::web::problem::Problem;

/// Why nothing was sent: in words, and beside the values that it is about.
struct Unsent {
    reason: String,
    wrong: Vec<(String, Wrong)>,
}

impl From<String> for Unsent {
    fn from(reason: String) -> Self {
        Self { reason, wrong: Vec::new() }
    }
}

/// What came of a form.
pub(super) enum Came {
    /// Nothing was to be sent yet: the form with the fields that were asked for.
    Shown(Box<Composer>),
    Sent(MessageId),
    /// The form with the reason.
    Refused(Box<Composer>),
}

/// `POST /console/conversations/{id}/messages`: sends what was written, or shows the fields of a template.
pub(super) async fn send(State(app): State<App>, Path(id): Path<Uuid>, request: Request) -> Result<Response, Trouble> {
    let posted = <Posted>::read(request, &app, Role::Agent, longest(&app)).await?;
    let thread = find(&app, id).await?;
    let to = Addressee::of(&thread);
    let p = Page::of(&app, &posted.visitor, "inbox", "");
    match take(&app, &posted, &to, &p).await? {
        Came::Shown(composer) if posted.is_partial => shown(&Fragment { p, composer: *composer }),
        Came::Shown(composer) => Box::pin(with(&app, &posted.visitor, thread, *composer)).await,
        Came::Refused(composer) if posted.is_partial => page::refused(&Fragment { p, composer: *composer }),
        Came::Refused(composer) => again(&app, &posted.visitor, thread, *composer).await,
        Came::Sent(message) => {
            let there = app.store.message(message).await?.map_or(id, |message| message.conversation_id.0);
            // What was begun before a template was chosen is not sent, and not lost either.
            let fields = &posted.fields;
            let draft = if fields.get("template").is_empty() { String::new() } else { fields.text("text") };
            if there != id || (!posted.is_partial && draft.is_empty()) {
                return Ok(redirect(&format!("{}/conversations/{there}", p.base), posted.is_partial));
            }
            let composer = Composer::begun(&app, &p, &to, draft).await?;
            if !posted.is_partial {
                return Box::pin(with(&app, &posted.visitor, thread, composer)).await;
            }
            let mut response = shown(&Fragment { p, composer })?;
            let sent = HeaderValue::from_static("recado:sent");
            response.headers_mut().insert(HeaderName::from_static("hx-trigger"), sent);
            Ok(response)
        }
    }
}

/// Sends what such a form says, if it is to be sent.
pub(super) async fn take(app: &App, posted: &Posted, to: &Addressee, p: &Page) -> Result<Came, Trouble> {
    let fields = &posted.fields;
    let (attached, wrong) = attached(app, posted).await?;
    let is_another = fields.get("template") != fields.get("made");
    if wrong.is_none() && (is_another || matches!(fields.get("do"), "template" | "look")) {
        return Ok(Came::Shown(Box::new(Composer { attached, ..Composer::written(app, p, to, fields).await? })));
    }
    let submitted = match wrong {
        None => submit(app, posted, to, &attached, p).await?,
        Some(reason) => Err(reason.into()),
    };
    match submitted {
        Ok(message) => Ok(Came::Sent(message)),
        Err(Unsent { reason, wrong }) => {
            // Another key: what was refused may be mended, and is another message then.
            let mut composer = Composer::written(app, p, to, fields).await?;
            composer.error = Some(reason);
            composer.attached = attached;
            if let Some(made) = &mut composer.made {
                made.mark(wrong);
            }
            Ok(Came::Refused(Box::new(composer)))
        }
    }
}

/// The message, or why there is none.
async fn submit(
    app: &App,
    posted: &Posted,
    to: &Addressee,
    attached: &[Attached],
    p: &Page,
) -> Result<Result<MessageId, Unsent>, Trouble> {
    let (fields, user) = (&posted.fields, &posted.visitor.session.user);
    let is_made = !fields.get("template").is_empty();
    let text = if is_made { String::new() } else { fields.text("text") };
    let send_at = match fields.get("send_at") {
        "" => None,
        at => match times(app, p).read(at) {
            Some(at) => Some(at),
            None => return Ok(Err(p.words.bad_time.to_owned().into())),
        },
    };
    if !is_made && text.trim().is_empty() && attached.is_empty() {
        return Ok(Err(p.more.empty.to_owned().into()));
    }
    if text.len() > LONGEST {
        return Ok(Err(p.more.unreadable.to_owned().into()));
    }
    let wish = match is_made.then(|| made::version(fields)) {
        None => None,
        // Whether it can still be used is asked after whether it was sent already.
        Some(version) => match kept(app, fields.get("template"), version).await? {
            Ok(definition) => match made::wish(fields, &definition, p) {
                (wish, wrong) if wrong.is_empty() => Some(wish),
                (_, wrong) => return Ok(Err(Unsent { reason: p.template.incomplete.to_owned(), wrong })),
            },
            Err(error) => return Ok(Err(made::unusable(error, p.locale())?.into())),
        },
    };
    own_key(app, &posted.visitor).await?;
    let request = request(posted, to, attached, text, send_at, wish.as_ref())?;
    let taken = match wish {
        None => app.outbound.submit(request).await,
        Some(wish) => app.outbound.submit_made(request, wish).await,
    };
    match taken {
        Ok(outbound::Taken { id, .. }) => {
            app.store.sign_message(id, user.id).await?;
            tracing::info!(message_id = %id, user_id = %user.id, "sent from the console");
            Ok(Ok(id))
        }
        Err(outbound::Error::Store(error)) => Err(error.into()),
        Err(outbound::Error::Template(faults)) => {
            let wrong: Vec<_> = faults.iter().filter_map(|fault| made::about(fault, p)).collect();
            if wrong.len() == faults.len() {
                return Ok(Err(Unsent { reason: p.template.incomplete.to_owned(), wrong }));
            }
            Ok(Err(made::unusable(outbound::Error::Template(faults), p.locale())?.into()))
        }
        Err(error) => {
            if let outbound::Error::Rejected { id, .. } | outbound::Error::Gate { kept: Some(id), .. } = &error {
                app.store.sign_message(*id, user.id).await?;
            }
            Ok(Err(refusal(&error, p.locale()).into()))
        }
    }
}

/// A template whose fields were filled in, whatever became of it since.
async fn kept(app: &App, name: &str, version: Option<u32>) -> Result<Result<Definition, outbound::Error>, Trouble> {
    match app.outbound.kept_template(name, version).await? {
        Some((_, definition)) => Ok(Ok(definition)),
        None => Ok(app.outbound.template(name, version).await.map(|(_, definition)| definition)),
    }
}

/// To whom it is written; the same form is the same message.
fn request(
    posted: &Posted,
    to: &Addressee,
    attached: &[Attached],
    text: String,
    send_at: Option<jiff::Timestamp>,
    wish: Option<&Wish>,
) -> Result<outbound::Request, Trouble> {
    let key: Uuid = posted.fields.get("key").parse().map_err(|_| Trouble::Unreadable)?;
    let mut content = format!("{}\n{}\n{text}", to.subject, posted.fields.get("send_at"));
    if let Some(Wish { name, version, locale, variables }) = wish {
        let all = serde_json::json!([name, version, locale, variables]);
        content = format!("{content}\0{all}");
    }
    if !attached.is_empty() {
        let files: Vec<&str> = attached.iter().map(Attached::digest).collect();
        content = format!("{content}\0{}", files.join("\0"));
    }
    Ok(outbound::Request {
        to: to.address.as_str().to_owned(),
        from: None,
        by_service: true,
        channel: Some(to.channel.clone()),
        text,
        media: attached.iter().map(Attached::media).collect(),
        send_at,
        options: Options::default(),
        priority: Priority::default(),
        idempotency: Some(Idempotency {
            api_key_id: CONSOLE_KEY,
            key: format!("{}/{key}", posted.visitor.session.user.id),
            fingerprint: hex::encode(Sha256::digest(content.as_bytes())),
        }),
        callback: None,
        template: None,
        bulk: None,
        origin: outbound::Origin::Api,
    })
}

/// Why a message is not taken, for the person who wrote it.
fn refusal(error: &outbound::Error, locale: Locale) -> String {
    let more = More::of(locale);
    match error {
        outbound::Error::Gate { refusal: Refusal::OptedOut { .. }, .. } => more.opted_out.to_owned(),
        outbound::Error::KeyReused => more.repeated.to_owned(),
        outbound::Error::Unsendable(Unsendable::Empty) => more.empty.to_owned(),
        outbound::Error::Unsendable(Unsendable::TooManyMedia { limit, .. }) => {
            format!("{} {limit}.", more.too_many_files)
        }
        other => Problem::outbound(other, locale).detail().to_owned(),
    }
}
