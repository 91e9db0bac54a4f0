//! Messages as they are shown in a thread, and the files that came with them.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use uuid::Uuid;

use super::page::Page;
use super::path::Path;
use super::session::Visitor;
use super::times::Times;
use super::trouble::Trouble;
use super::words;
use crate::channels::Explanation;
use crate::media::kind;
use crate::message::{Direction, MessageId, Status};
use crate::store::{MediaState, Message, MessageMedia, StoredFile};
use crate::web::App;
use crate::web::files::serve;

/// One message.
#[expect(clippy::struct_excessive_bools, reason = "each is a mark of its own on the page")]
pub(super) struct Bubble {
    /// The day that begins with it: how it is told from others, and in words.
    pub(super) day: Option<(String, String)>,
    pub(super) id: String,
    pub(super) is_ours: bool,
    pub(super) text: String,
    pub(super) media: Vec<Medium>,
    pub(super) who: String,
    pub(super) by_plugin: bool,
    pub(super) clock: String,
    pub(super) at: String,
    /// Of what went out: the word, and the word for people.
    pub(super) status: Option<(&'static str, &'static str)>,
    pub(super) leaves: Option<String>,
    pub(super) segments: u32,
    pub(super) error: Option<Told>,
    pub(super) conflict: bool,
    pub(super) can_cancel: bool,
    pub(super) can_retry: bool,
}

/// Why a message did not arrive.
pub(super) struct Told {
    pub(super) code: Option<i32>,
    pub(super) title: String,
    pub(super) remedy: Option<&'static str>,
}

pub(super) struct Medium {
    /// `image`, `audio`, `video`, `file`, `elsewhere`, `waiting` or `missing`.
    pub(super) shape: &'static str,
    pub(super) href: String,
    pub(super) kind: String,
}

/// Messages in order, oldest first, as a page shows them.
pub(super) async fn bubbles(
    app: &App,
    p: &Page,
    times: &Times,
    messages: Vec<Message>,
    other: &str,
) -> Result<Vec<Bubble>, Trouble> {
    let ours = messages.iter().filter(|message| message.direction == Direction::Outbound);
    let ours: Vec<MessageId> = ours.filter(|message| message.plugin.is_none()).map(|message| message.id).collect();
    let authors = app.store.authors(&ours).await?;
    let mut before = None;
    let mut shown = Vec::with_capacity(messages.len());
    for message in messages {
        let date = message.created_at.to_zoned(times.zone.clone()).date();
        let day = (before != Some(date)).then(|| (date.to_string(), times.day(message.created_at)));
        before = Some(date);
        shown.push(Bubble { day, ..bubble(app, p, times, message, other, &authors) });
    }
    Ok(shown)
}

fn bubble(
    app: &App,
    p: &Page,
    times: &Times,
    message: Message,
    other: &str,
    authors: &BTreeMap<MessageId, String>,
) -> Bubble {
    let is_ours = message.direction == Direction::Outbound;
    let error = told(app, p, &message);
    let media = message.media.iter().enumerate().map(|(number, one)| to_medium(app, &message, number, one));
    let media: Vec<Medium> = media.collect();
    let who = match (&message.plugin, authors.get(&message.id)) {
        _ if !is_ours => other.to_owned(),
        (Some(plugin), _) => plugin.clone(),
        (None, Some(name)) => name.clone(),
        (None, None) => p.words.by_application.to_owned(),
    };
    let waits = matches!(message.status, Status::Pending | Status::Scheduled);
    let may_wait = message.status == Status::Unknown && message.taken_back_at.is_none();
    Bubble {
        day: None,
        id: message.id.to_string(),
        is_ours,
        text: if message.text.is_empty() && media.is_empty() {
            p.words.picture_or_nothing.to_owned()
        } else {
            message.text
        },
        media,
        who,
        by_plugin: is_ours && message.plugin.is_some(),
        clock: times.clock(message.created_at),
        at: message.created_at.to_string(),
        status: is_ours.then(|| (message.status.as_str(), words::status(p.locale(), message.status))),
        leaves: message.send_at.filter(|at| waits && *at > times.now).map(|at| times.full(at)),
        segments: message.segments.unwrap_or(0),
        error,
        conflict: message.conflict,
        can_cancel: is_ours && (waits || may_wait) && p.may_answer(),
        can_retry: is_ours && message.given_up_at.is_some() && p.may_answer(),
    }
}

/// What its error means, if it has one.
pub(super) fn told(app: &App, p: &Page, message: &Message) -> Option<Told> {
    let code = message.error_code;
    let channel = app.channels.get(&message.channel);
    let explanation: Option<Explanation> = code.and_then(|code| channel?.explain(code, p.locale()));
    let refused = message.refused_for.as_deref().and_then(|code| words::refused_for(p.locale(), code));
    let title = explanation.map(|known| known.title.to_owned()).or_else(|| refused.map(str::to_owned));
    let is_unknown = message.parts.iter().any(|part| part.status == Status::Unknown);
    let is_open = is_unknown && message.taken_back_at.is_some();
    let title = title.or_else(|| is_open.then(|| words::taken_back(p.locale()).to_owned()));
    let title = title.or_else(|| message.error_message.clone());
    let title = title.or_else(|| code.map(|_| p.more.error.to_owned()))?;
    Some(Told { code, title, remedy: explanation.map(|known| known.remedy) })
}

fn to_medium(app: &App, message: &Message, number: usize, medium: &MessageMedia) -> Medium {
    let base = &app.console.0.base;
    let left = message.send_at.unwrap_or(message.created_at);
    // What was sent along from here is where the console is, and is called after what it is.
    if let Some(link) = app.uploads.own_link(&medium.url, left).filter(|_| medium.state == MediaState::Linked) {
        let prefix = base.strip_suffix("/console").unwrap_or_default();
        let kind = kind::by_name(link).unwrap_or(kind::UNKNOWN).to_owned();
        return Medium { shape: shape(&kind), href: format!("{prefix}{link}"), kind };
    }
    let kind = medium.content_type.clone().unwrap_or_default();
    let is_web = medium.url.starts_with("https://") || medium.url.starts_with("http://");
    let (shape, href) = match medium.state {
        MediaState::Stored => (shape(&kind), format!("{base}/messages/{}/media/{number}", message.id)),
        MediaState::Linked if is_web => ("elsewhere", medium.url.clone()),
        MediaState::Wanted => ("waiting", String::new()),
        MediaState::Linked | MediaState::Failed => ("missing", String::new()),
    };
    Medium { shape, href, kind }
}

/// What a browser may show in place, and how.
fn shape(kind: &str) -> &'static str {
    match kind.split_once('/') {
        Some(("image", _)) if kind::is_shown(kind) => "image",
        Some(("audio", _)) if kind::is_shown(kind) => "audio",
        Some(("video", _)) if kind::is_shown(kind) => "video",
        _ => "file",
    }
}

/// `GET /console/messages/{id}/media/{number}`: the bytes, shown only if no browser could run them.
pub(super) async fn medium(
    State(app): State<App>,
    _: Visitor,
    Path((message, number)): Path<(Uuid, u8)>,
    headers: HeaderMap,
) -> Result<Response, Trouble> {
    let found = app.store.medium(MessageId(message), i32::from(number)).await?;
    let medium = found.ok_or(Trouble::NotFound)?;
    let (MediaState::Stored, Some(digest), Some(bytes)) = (medium.state, medium.digest, medium.bytes) else {
        return Err(Trouble::NotFound);
    };
    let content_type = medium.content_type.unwrap_or_else(|| kind::UNKNOWN.to_owned());
    let file = StoredFile { digest, bytes, content_type };
    Ok(serve(app.uploads.files(), &file, &headers).await.unwrap_or_else(IntoResponse::into_response))
}
