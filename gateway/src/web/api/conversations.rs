//! `/v1/conversations`

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::fields::{LONGEST_NAME, given, line, word};
use super::marks::{expected, marked};
use super::message_list::page_of;
use super::messages::{Explained, negotiate};
use super::{List, Paging, id, read};
use crate::message::{ContactId, ConversationId, ConversationStatus};
use crate::store::{Changed, Conversation, ConversationChange, InboxCursor, InboxFilter, MessageFilter};
use crate::web::auth::{Caller, ConversationsRead, ConversationsWrite};
use crate::web::files::read_body;
use crate::web::openapi::{Conflict, Invalid, NotFound, TooLarge, Unread, Usual};
use crate::web::problem::Problem;
use crate::web::query::Query;
use crate::web::{API_BODY, App, openapi};

/// In which order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
enum Order {
    /// The one that began last comes first.
    #[default]
    Begun,
    /// The one with the newest message does, as in an inbox. What happens meanwhile moves them between pages.
    LastMessage,
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(in crate::web) struct Filter {
    #[param(inline)]
    status: Option<ConversationStatus>,
    /// Only those that are not closed.
    #[serde(default)]
    open: bool,
    channel: Option<String>,
    tag: Option<String>,
    /// Who looks after them; empty: nobody.
    assignee: Option<String>,
    /// Only those with something that nobody has read.
    #[serde(default)]
    unread: bool,
    /// A piece of an address or of a contact's name; if it is no number, also of what was said: in the newest 20,000
    /// messages, and in no more than the 500 conversations that said it last.
    search: Option<String>,
    /// A contact's id.
    contact: Option<Uuid>,
    #[serde(default)]
    #[param(inline)]
    order: Order,
    /// How many, 1 to 200.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u64>,
    /// `next_cursor` of the page before, in the same order.
    cursor: Option<String>,
}

/// One page of conversations.
#[derive(Serialize, utoipa::ToSchema)]
pub(in crate::web) struct Conversations {
    items: Vec<Conversation>,
    /// Null on the last page.
    next_cursor: Option<String>,
}

/// The newest first, or in the order of their last messages.
#[utoipa::path(
    get,
    path = "/v1/conversations",
    tag = "conversations",
    operation_id = "conversations_list",
    security(("key" = ["conversations:read"])),
    params(Filter),
    responses((status = 200, description = "A page", body = Conversations), Usual, Unread, Invalid)
)]
pub(in crate::web) async fn list(
    State(app): State<App>,
    _: Caller<ConversationsRead>,
    Query(filter): Query<Filter>,
) -> Result<Json<Conversations>, Problem> {
    let order = filter.order;
    let paging = Paging { limit: filter.limit, cursor: filter.cursor.clone() };
    let wanted = filter.wanted();
    if order == Order::LastMessage {
        let limit = paging.limit()?;
        let unknown = || {
            let detail = "`cursor` must be a `next_cursor` that a list in that order gave";
            Problem::invalid("cursor", "unknown-cursor", detail)
        };
        let after = paging.cursor.map(|text| read_cursor(&text).ok_or_else(unknown)).transpose()?;
        let page = app.store.inbox(&wanted, after, limit).await;
        let (rows, next) = page.map_err(|error| Problem::store(&error))?;
        let items = rows.into_iter().map(|row| row.conversation).collect();
        return Ok(Json(Conversations { items, next_cursor: next.map(write_cursor) }));
    }
    let (after, limit) = paging.read()?;
    let page = app.store.conversations_of(&wanted, after, limit).await.map_err(|error| Problem::store(&error))?;
    Ok(Json(Conversations { items: page.items, next_cursor: page.next.map(|id| id.to_string()) }))
}

impl Filter {
    fn wanted(self) -> InboxFilter {
        InboxFilter {
            but_texts: false,
            status: self.status,
            open: self.open,
            channel: self.channel,
            tag: self.tag,
            assignee: self.assignee,
            unread: self.unread,
            search: self.search,
            contact: self.contact.map(ContactId),
        }
    }
}

fn write_cursor(InboxCursor { at, id }: InboxCursor) -> String {
    format!("{}_{id}", at.as_millisecond())
}

fn read_cursor(text: &str) -> Option<InboxCursor> {
    let (at, id) = text.split_once('_')?;
    Some(InboxCursor { at: Timestamp::from_millisecond(at.parse().ok()?).ok()?, id: Uuid::parse_str(id).ok()? })
}

/// One conversation. Its `ETag` is another one after every change, and after every message.
#[utoipa::path(
    get,
    path = "/v1/conversations/{id}",
    tag = "conversations",
    operation_id = "conversations_one",
    security(("key" = ["conversations:read"])),
    params(("id" = String, Path)),
    responses((status = 200, description = "As it is now", body = Conversation, headers(("ETag", description = "Of this state of it; `If-Match` takes it"))), Usual, NotFound)
)]
pub(in crate::web) async fn one(
    State(app): State<App>,
    _: Caller<ConversationsRead>,
    Path(text): Path<String>,
) -> Result<Response, Problem> {
    find(&app, &text).await.map(|conversation| shown(&conversation))
}

/// What is to be another; what is not named stays as it is.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[schema(as = ConversationChange)]
#[serde(deny_unknown_fields)]
#[expect(clippy::option_option, reason = "what is null is another thing than what is not there")]
struct Wanted {
    /// A closed one is opened again by `active` or `pending`, unless another with the same address is open.
    status: Option<ConversationStatus>,
    /// Who looks after it; null: nobody.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    assignee: Option<Option<String>>,
    /// Tags that it gets.
    #[serde(default)]
    tag: Vec<String>,
    /// Tags that it loses.
    #[serde(default)]
    untag: Vec<String>,
    subject: Option<String>,
}

/// The most tags that one call gives or takes.
const MOST_TAGS: usize = 50;

/// Changes it. With `If-Match`, only if it is still as it was when it got that `ETag`.
#[utoipa::path(
    patch,
    path = "/v1/conversations/{id}",
    tag = "conversations",
    operation_id = "conversations_change",
    security(("key" = ["conversations:write"])),
    params(("id" = String, Path), ("If-Match" = Option<String>, Header)),
    request_body = Wanted,
    responses((status = 200, description = "As it is now", body = Conversation, headers(("ETag", description = "Of this state of it; `If-Match` takes it"))), Usual, Unread, Invalid, TooLarge, NotFound, Conflict, openapi::Changed)
)]
pub(in crate::web) async fn change(
    State(app): State<App>,
    caller: Caller<ConversationsWrite>,
    Path(text): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let mark = expected(&headers);
    let wanted: Wanted = read(&read_body(body, API_BODY).await?)?;
    let id = ConversationId(id(&text).ok_or_else(|| Problem::not_found("conversation"))?);
    let change = wanted.check(id)?;
    let act = caller.act(&app, "conversation.changed", &id);
    let changed = app.store.change_conversation(change, mark, act).await;
    match changed.map_err(|error| Problem::store(&error))? {
        Changed::Done => tracing::info!(conversation_id = %id, "changed by an application"),
        Changed::Same => {}
        Changed::NotFound => return Err(Problem::not_found("conversation")),
        Changed::Mismatch => return Err(Problem::changed_meanwhile("conversation")),
        Changed::AnotherIsOpen(another) => return Err(Problem::another_is_open(another)),
        Changed::Erased => return Err(Problem::is_erased()),
    }
    find(&app, &text).await.map(|conversation| shown(&conversation))
}

impl Wanted {
    fn check(self, id: ConversationId) -> Result<ConversationChange, Problem> {
        let Self { status, assignee, tag, untag, subject } = self;
        for (name, tags) in [("tag", &tag), ("untag", &untag)] {
            if tags.len() > MOST_TAGS {
                let detail = format!("`{name}` may have {MOST_TAGS} at the most");
                return Err(Problem::invalid(&format!("/{name}"), "too-many", detail));
            }
        }
        // What is there may be longer than what one may put there.
        for (place, tag) in tag.iter().enumerate() {
            word(tag).map_err(|wrong| wrong.at(&format!("/tag/{place}")))?;
        }
        if let Some(Some(name)) = &assignee {
            word(name).map_err(|wrong| wrong.at("/assignee"))?;
        }
        if let Some(subject) = &subject {
            line(subject, LONGEST_NAME).map_err(|wrong| wrong.at("/subject"))?;
        }
        Ok(ConversationChange { id, status, assignee, tag, untag, subject })
    }
}

/// Nothing of it is unread any more.
#[utoipa::path(
    post,
    path = "/v1/conversations/{id}/read",
    tag = "conversations",
    operation_id = "conversations_read",
    security(("key" = ["conversations:write"])),
    params(("id" = String, Path)),
    responses((status = 200, description = "As it is now", body = Conversation, headers(("ETag", description = "Of this state of it; `If-Match` takes it"))), Usual, NotFound)
)]
pub(in crate::web) async fn mark_read(
    State(app): State<App>,
    _: Caller<ConversationsWrite>,
    Path(text): Path<String>,
) -> Result<Response, Problem> {
    let found = find(&app, &text).await?;
    app.store.read_conversation(found.id, app.clock.now()).await.map_err(|error| Problem::store(&error))?;
    find(&app, &text).await.map(|conversation| shown(&conversation))
}

/// Newest first.
#[utoipa::path(
    get,
    path = "/v1/conversations/{id}/messages",
    tag = "conversations",
    operation_id = "conversations_messages",
    security(("key" = ["conversations:read"])),
    params(("id" = String, Path), Paging),
    responses((status = 200, description = "A page", body = List<Explained>), Usual, Unread, Invalid, NotFound)
)]
pub(in crate::web) async fn messages(
    State(app): State<App>,
    _: Caller<ConversationsRead>,
    Path(text): Path<String>,
    Query(paging): Query<Paging>,
    headers: HeaderMap,
) -> Result<Json<List<Explained>>, Problem> {
    let conversation = Some(find(&app, &text).await?.id);
    let locale = negotiate(&headers, app.locale);
    page_of(&app, MessageFilter { conversation, ..MessageFilter::default() }, &paging, locale).await
}

fn shown(conversation: &Conversation) -> Response {
    marked(StatusCode::OK, &conversation.mark(), conversation)
}

async fn find(app: &App, text: &str) -> Result<Conversation, Problem> {
    let id = id(text).ok_or_else(|| Problem::not_found("conversation"))?;
    let found = app.store.conversation(ConversationId(id)).await.map_err(|error| Problem::store(&error))?;
    found.ok_or_else(|| Problem::not_found("conversation"))
}
