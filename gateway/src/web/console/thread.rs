//! `/console/conversations/{id}`: the messages of a conversation, and what is around them.

use askama::Template;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use uuid::Uuid;

use super::addressee::Addressee;
use super::bubbles::{Bubble, bubbles};
use super::composer::Composer;
use super::page::{Page, shown};
use super::panel::Panel;
use super::path::Path;
use super::posted::Fields;
use super::session::Visitor;
use super::times::Times;
use super::trouble::Trouble;
use crate::message::{ConversationId, ConversationStatus, MessageId};
use crate::store::{self, MessageFilter, Role};
use crate::web::App;

/// How many messages a page begins with, and how many older ones come at a time.
const SHOWN: u64 = 40;
/// The most that a page that was open for long is given at once.
pub(super) const MOST: u64 = 400;

#[derive(Template)]
#[template(path = "thread.html")]
struct ThreadPage {
    p: Page,
    id: String,
    who: String,
    address: String,
    channel: String,
    /// The oldest message that is shown: the page shows from there on.
    from: Uuid,
    older: Option<Uuid>,
    bubbles: Vec<Bubble>,
    composer: Composer,
    panel: Panel,
}

#[derive(Template)]
#[template(path = "messages.html")]
struct Messages {
    p: Page,
    bubbles: Vec<Bubble>,
}

#[derive(Template)]
#[template(path = "older.html")]
struct OlderPage {
    p: Page,
    id: String,
    older: Option<Uuid>,
    bubbles: Vec<Bubble>,
}

/// `GET /console/conversations/{id}`
pub(super) async fn page(State(app): State<App>, visitor: Visitor, Path(id): Path<Uuid>) -> Result<Response, Trouble> {
    let thread = find(&app, id).await?;
    Box::pin(whole(&app, &visitor, thread, |_| ())).await.and_then(|page| shown(&page))
}

/// The page, with its composer as `change` wants it.
async fn whole(
    app: &App,
    visitor: &Visitor,
    thread: store::Thread,
    change: impl FnOnce(&mut Composer),
) -> Result<ThreadPage, Trouble> {
    read(app, visitor, &thread).await?;
    let p = Page::of(app, visitor, "inbox", who(&thread));
    let times = times(app, &p);
    let conversation = &thread.conversation;
    let filter = MessageFilter { conversation: Some(conversation.id), ..MessageFilter::default() };
    let mut messages = app.store.messages(filter, None, SHOWN).await?;
    messages.items.reverse();
    let from = messages.items.first().map_or(Uuid::nil(), |message| message.id.0);
    let mut composer = Composer::new(app, &p, &Addressee::of(&thread)).await?;
    change(&mut composer);
    Ok(ThreadPage {
        id: conversation.id.to_string(),
        who: who(&thread),
        address: conversation.address.as_str().to_owned(),
        channel: conversation.channel.clone(),
        from,
        older: messages.next,
        bubbles: bubbles(app, &p, &times, messages.items, &who(&thread)).await?,
        composer,
        panel: Panel::of(app, &p, &times, thread).await?,
        p,
    })
}

/// The page for somebody whose message was not sent.
pub(super) async fn again(
    app: &App,
    visitor: &Visitor,
    thread: store::Thread,
    composer: Composer,
) -> Result<Response, Trouble> {
    let page = Box::pin(whole(app, visitor, thread, |mine| *mine = composer)).await?;
    super::page::refused(&page)
}

/// The page for somebody who chose what to make a message of.
pub(super) async fn with(
    app: &App,
    visitor: &Visitor,
    thread: store::Thread,
    composer: Composer,
) -> Result<Response, Trouble> {
    let page = Box::pin(whole(app, visitor, thread, |mine| *mine = composer)).await?;
    shown(&page)
}

/// `GET /console/conversations/{id}/messages?from=`: all from that message on, as they are now.
pub(super) async fn messages(
    State(app): State<App>,
    visitor: Visitor,
    Path(id): Path<Uuid>,
    RawQuery(query): RawQuery,
) -> Result<Response, Trouble> {
    let thread = find(&app, id).await?;
    read(&app, &visitor, &thread).await?;
    let from = Fields::read(query.unwrap_or_default().as_bytes()).get("from").parse().unwrap_or(Uuid::nil());
    let messages = app.store.messages_from(thread.conversation.id, MessageId(from), MOST).await?;
    let p = Page::of(&app, &visitor, "inbox", "");
    let bubbles = bubbles(&app, &p, &times(&app, &p), messages, &who(&thread)).await?;
    shown(&Messages { p, bubbles })
}

/// `GET /console/conversations/{id}/older?before=`
pub(super) async fn older(
    State(app): State<App>,
    visitor: Visitor,
    Path(id): Path<Uuid>,
    RawQuery(query): RawQuery,
) -> Result<Response, Trouble> {
    let thread = find(&app, id).await?;
    let before = Fields::read(query.unwrap_or_default().as_bytes()).get("before").parse().ok();
    let filter = MessageFilter { conversation: Some(thread.conversation.id), ..MessageFilter::default() };
    let mut messages = app.store.messages(filter, before, SHOWN).await?;
    messages.items.reverse();
    let p = Page::of(&app, &visitor, "inbox", "");
    let bubbles = bubbles(&app, &p, &times(&app, &p), messages.items, &who(&thread)).await?;
    shown(&OlderPage { id: id.to_string(), older: messages.next, bubbles, p })
}

pub(super) async fn find(app: &App, id: Uuid) -> Result<store::Thread, Trouble> {
    app.store.thread(ConversationId(id)).await?.ok_or(Trouble::NotFound)
}

/// Whoever answers has seen it now.
async fn read(app: &App, visitor: &Visitor, thread: &store::Thread) -> Result<(), Trouble> {
    if thread.conversation.unread > 0 && visitor.session.user.role >= Role::Agent {
        app.store.read_conversation(thread.conversation.id, app.clock.now()).await?;
    }
    Ok(())
}

/// The contact's name, or the address.
pub(super) fn who(thread: &store::Thread) -> String {
    let name = thread.contact.name.clone().filter(|name| !name.trim().is_empty());
    name.unwrap_or_else(|| thread.conversation.address.as_str().to_owned())
}

pub(super) fn times(app: &App, p: &Page) -> Times {
    Times { words: p.words, zone: app.console.0.zone.clone(), now: app.clock.now() }
}

pub(super) fn is_closed(thread: &store::Thread) -> bool {
    thread.conversation.status == ConversationStatus::Closed
}
