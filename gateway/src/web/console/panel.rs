//! What is beside a thread: where it stands, who looks after it, its tags, the person, and notes.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use uuid::Uuid;

use super::inbox::{Choice, choices, workers};
use super::page::{self, Page, shown};
use super::path::Path;
use super::posted::Posted;
use super::session::Visitor;
use super::thread::{find, is_closed, times};
use super::times::Times;
use super::trouble::{Trouble, redirect};
use super::words::ContactWords;
use crate::message::{ConversationId, ConversationStatus};
use crate::store::{self, Changed, ConversationChange, Role};
use crate::web::App;

/// The longest tag and the longest note, in characters.
const LONGEST_TAG: usize = 60;
const LONGEST_NOTE: usize = 4_000;

pub(super) struct Panel {
    pub(super) id: String,
    pub(super) status: (&'static str, &'static str),
    pub(super) is_closed: bool,
    pub(super) assignees: Vec<Choice>,
    pub(super) is_mine: bool,
    pub(super) tags: Vec<String>,
    pub(super) address: String,
    pub(super) channel: String,
    /// The page of the person, if there is anything on it.
    pub(super) contact: Option<String>,
    pub(super) contact_words: &'static ContactWords,
    pub(super) attributes: Vec<(String, String)>,
    pub(super) consents: Vec<Consent>,
    pub(super) notes: Vec<Note>,
    /// The conversation that is open instead.
    pub(super) another: Option<Uuid>,
}

pub(super) struct Consent {
    pub(super) channel: String,
    pub(super) is_out: bool,
    pub(super) at: String,
}

pub(super) struct Note {
    pub(super) id: String,
    pub(super) user: String,
    pub(super) text: String,
    pub(super) when: String,
}

#[derive(Template)]
#[template(path = "panel.html")]
struct Fragment {
    p: Page,
    panel: Panel,
}

impl Panel {
    pub(super) async fn of(app: &App, p: &Page, times: &Times, thread: store::Thread) -> Result<Self, Trouble> {
        let is_closed = is_closed(&thread);
        let store::Thread { conversation, contact, is_erased } = thread;
        let notes = app.store.notes(conversation.id).await?;
        let consents = app.store.consents(&conversation.address).await?;
        let assignee = conversation.assignee.clone().unwrap_or_default();
        let mut names = workers(app).await?;
        if !assignee.is_empty() && !names.contains(&assignee) {
            names.push(assignee.clone());
        }
        let nobody = std::iter::once((String::new(), p.words.nobody.to_owned()));
        let consent = |known: store::KnownConsent| Consent {
            channel: known.channel,
            is_out: known.state == "opted_out",
            at: times.full(known.at),
        };
        let note = |note: store::Note| Note {
            id: note.id.to_string(),
            user: note.user,
            text: note.text,
            when: times.full(note.created_at),
        };
        Ok(Self {
            id: conversation.id.to_string(),
            status: (conversation.status.as_str(), p.words.conversation(conversation.status)),
            is_closed,
            assignees: choices(nobody.chain(names.into_iter().map(|name| (name.clone(), name))), &assignee),
            is_mine: assignee == p.user,
            tags: conversation.tags,
            address: conversation.address.as_str().to_owned(),
            channel: conversation.channel,
            contact: (!is_erased).then(|| contact.id.to_string()),
            contact_words: ContactWords::of(p.locale()),
            attributes: contact.attributes.into_iter().collect(),
            consents: consents.into_iter().map(consent).collect(),
            notes: notes.into_iter().map(note).collect(),
            another: None,
        })
    }
}

/// `GET /console/conversations/{id}/panel`
pub(super) async fn show(State(app): State<App>, visitor: Visitor, Path(id): Path<Uuid>) -> Result<Response, Trouble> {
    fragment(&app, &visitor, id, None).await
}

/// `POST /console/conversations/{id}/panel`: what somebody wants to be different.
pub(super) async fn change(State(app): State<App>, Path(id): Path<Uuid>, posted: Posted) -> Result<Response, Trouble> {
    posted.visitor.must_be(Role::Agent)?;
    let fields = &posted.fields;
    let mut wanted = ConversationChange::of(ConversationId(id));
    let me = &posted.visitor.session.user.name;
    let mut whole = false;
    match fields.get("do") {
        "assign" => {
            let name = fields.get("assignee");
            wanted.assignee = Some(Some(name.to_owned()).filter(|name| !name.is_empty()));
        }
        "take" => {
            wanted.assignee = Some(Some(me.clone()));
            wanted.status = Some(ConversationStatus::Active);
        }
        "close" => (wanted.status, whole) = (Some(ConversationStatus::Closed), true),
        "reopen" => (wanted.status, whole) = (Some(ConversationStatus::Active), true),
        "tag" => {
            let tag = fields.get("tag");
            if tag.is_empty() || tag.chars().count() > LONGEST_TAG || tag.contains(char::is_control) {
                return Err(Trouble::Unreadable);
            }
            wanted.tag.push(tag.to_owned());
        }
        "untag" => wanted.untag.push(fields.raw("tag").to_owned()),
        _ => return Err(Trouble::Unreadable),
    }
    let act = posted.visitor.act(&app, "conversation.changed", &id);
    match app.store.change_conversation(wanted, None, act).await? {
        Changed::NotFound | Changed::Mismatch | Changed::Erased => Err(Trouble::NotFound),
        Changed::AnotherIsOpen(another) => fragment(&app, &posted.visitor, id, Some(another.0)).await,
        Changed::Done | Changed::Same => {
            tracing::info!(conversation_id = %id, user_id = %posted.visitor.session.user.id, "changed by hand");
            done(&app, &posted, id, whole).await
        }
    }
}

/// `POST /console/conversations/{id}/notes`
pub(super) async fn note(State(app): State<App>, Path(id): Path<Uuid>, posted: Posted) -> Result<Response, Trouble> {
    posted.visitor.must_be(Role::Agent)?;
    let text = posted.fields.text("text");
    if text.chars().count() > LONGEST_NOTE {
        return Err(Trouble::Unreadable);
    }
    if !text.trim().is_empty() {
        let (now, user) = (app.clock.now(), posted.visitor.session.user.id);
        let note = app.console.0.ids.next(now);
        if !app.store.add_note(note, ConversationId(id), user, text.trim().to_owned(), now).await? {
            return Err(Trouble::NotFound);
        }
    }
    done(&app, &posted, id, false).await
}

/// The panel as it is now, or the whole page where there is no script or more of it changed.
async fn done(app: &App, posted: &Posted, id: Uuid, whole: bool) -> Result<Response, Trouble> {
    if posted.is_partial && !whole {
        return fragment(app, &posted.visitor, id, None).await;
    }
    Ok(redirect(&format!("{}/conversations/{id}", app.console.0.base), posted.is_partial))
}

async fn fragment(app: &App, visitor: &Visitor, id: Uuid, another: Option<Uuid>) -> Result<Response, Trouble> {
    let thread = find(app, id).await?;
    let p = Page::of(app, visitor, "inbox", "");
    let times = times(app, &p);
    let panel = Panel { another, ..Panel::of(app, &p, &times, thread).await? };
    let fragment = Fragment { p, panel };
    if another.is_some() { page::refused(&fragment) } else { shown(&fragment) }
}
