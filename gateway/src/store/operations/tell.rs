//! Writing down what endpoints are to be told, in the transaction of what happened: many events with one
//! statement, and none where nobody wants to be told.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use sea_orm::{ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter, Set};
use uuid::Uuid;

use super::bodies::{self, AboutConversation, AboutMessage, Forward};
use super::moving::Moving;
use super::settle::read;
use super::sizes::filled;
use super::{inserting, millis, stream};
use crate::message::MessageId;
use crate::store::Error;
use crate::store::decisions::{Cause, Processed};
use crate::store::entities::{conversations, events, messages, parts};
use crate::store::events::{EventKind, EventState, NewEvent};
use crate::store::reads::{time, to_conversation, to_message, with_details};
use crate::store::records::NewOutbound;
use crate::store::reporting::Reporting;
use crate::store::shown::{Conversation, Message};

/// What happened, for whoever wants to be told of it.
pub(super) struct News {
    pub(super) kind: EventKind,
    /// Nil where it is about none; what is about none is told in order, too.
    pub(super) conversation_id: Uuid,
    pub(super) message_id: Uuid,
    pub(super) at: Timestamp,
    pub(super) body: String,
}

/// Conversations as they were before a change, by id.
pub(super) type Before = BTreeMap<Uuid, conversations::Model>;

/// Puts it down for all endpoints that want to be told of it, but for one where that is its own matter.
pub(super) async fn tell(
    transaction: &DatabaseTransaction,
    all: &[News],
    but: Option<&str>,
    reporting: &Reporting,
) -> Result<(), Error> {
    stream::keep(transaction, all, reporting).await?;
    insert(transaction, rows(all, but, reporting), reporting).await
}

fn rows(all: &[News], but: Option<&str>, reporting: &Reporting) -> Vec<events::ActiveModel> {
    let subscribed = reporting.subscribed();
    let addressed = all.iter().flat_map(|news| subscribed.to(news.kind).map(move |endpoint| (news, endpoint)));
    let addressed = addressed.filter(|(_, endpoint)| but != Some(*endpoint));
    addressed.filter_map(|(news, endpoint)| Some(row(subscribed.id(news.at)?, endpoint, None, news))).collect()
}

fn row(id: Uuid, endpoint: &str, plugin: Option<&str>, news: &News) -> events::ActiveModel {
    events::ActiveModel {
        id: Set(id),
        endpoint: Set(endpoint.to_owned()),
        kind: Set(news.kind.as_str().to_owned()),
        conversation_id: Set(news.conversation_id),
        message_id: Set(news.message_id),
        plugin: Set(plugin.map(str::to_owned)),
        body: Set(news.body.clone()),
        state: Set(EventState::Waiting.as_str().to_owned()),
        created_at: Set(millis(news.at)),
        due_at: Set(millis(news.at)),
        tries: Set(0),
        lease_until: Set(None),
        answer: Set(None),
        problem: Set(None),
        finished_at: Set(None),
    }
}

async fn insert(
    transaction: &DatabaseTransaction,
    rows: Vec<events::ActiveModel>,
    reporting: &Reporting,
) -> Result<(), Error> {
    for row in &rows {
        if let Some(endpoint) = row.endpoint.try_as_ref() {
            reporting.subscribed().note(endpoint);
        }
    }
    inserting::insert(transaction, rows).await
}

/// What was processed now: what came in, what plugins forward of it, what they refused to send, and what is
/// different about conversations. Told as it is once all else of the decision is done.
pub(super) async fn of_processed(
    transaction: &DatabaseTransaction,
    done: &[&Processed],
    new: &[(&NewOutbound, Uuid)],
    before: &Before,
    reporting: &Reporting,
) -> Result<(), Error> {
    let received = reporting.subscribed().wants(EventKind::MessageReceived);
    let came_in = |processed: &Processed| received && processed.cause == Cause::Message;
    let told: Vec<&Processed> =
        done.iter().copied().filter(|processed| came_in(processed) || !processed.events.is_empty()).collect();
    let about = About::look(transaction, &told).await?;
    let (mut wanted, mut news) = (Vec::new(), Vec::new());
    for processed in &told {
        for event in &processed.events {
            let NewEvent { id, endpoint, plugin, payload } = event;
            let forward = Some(Forward { plugin, payload: payload.as_ref() });
            let forwarded = about.news(EventKind::MessageForwarded, processed, forward)?;
            wanted.push(row(*id, endpoint, Some(plugin), &forwarded));
        }
        if came_in(processed) {
            news.push(about.news(EventKind::MessageReceived, processed, None)?);
        }
    }
    news.extend(refused(transaction, new, reporting).await?);
    if let Some(at) = done.iter().map(|processed| processed.at).max() {
        news.extend(changed(transaction, before, at).await?);
    }
    wanted.extend(rows(&news, None, reporting));
    stream::keep(transaction, &news, reporting).await?;
    insert(transaction, wanted, reporting).await
}

/// What is different about conversations that somebody changed by hand.
pub(super) async fn of_change(
    transaction: &DatabaseTransaction,
    before: &Before,
    at: Timestamp,
    reporting: &Reporting,
) -> Result<(), Error> {
    let news = changed(transaction, before, at).await?;
    tell(transaction, &news, None, reporting).await
}

/// What a message that was stored comes to besides itself.
pub(super) async fn of_submitted(
    transaction: &DatabaseTransaction,
    new: &[(&NewOutbound, Uuid)],
    before: &Before,
    reporting: &Reporting,
) -> Result<(), Error> {
    let mut news = refused(transaction, new, reporting).await?;
    if let Some((message, _)) = new.first() {
        news.extend(changed(transaction, before, message.at).await?);
    }
    tell(transaction, &news, None, reporting).await
}

/// The messages that were processed, with their conversations.
struct About {
    messages: BTreeMap<MessageId, Message>,
    conversations: BTreeMap<Uuid, Conversation>,
}

impl About {
    async fn look(transaction: &DatabaseTransaction, told: &[&Processed]) -> Result<Self, Error> {
        let messages = messages_of(transaction, told.iter().map(|processed| processed.message_id.0).collect()).await?;
        let ids: BTreeSet<Uuid> = told.iter().map(|processed| processed.conversation_id.0).collect();
        Ok(Self { messages, conversations: conversations_of(transaction, ids).await? })
    }

    fn news(&self, kind: EventKind, processed: &Processed, forward: Option<Forward<'_>>) -> Result<News, Error> {
        let conversation_id = processed.conversation_id.0;
        let found = (self.messages.get(&processed.message_id), self.conversations.get(&conversation_id));
        let (Some(message), Some(conversation)) = found else {
            return Err(Error::Refused("an event is about a message that is not there".to_owned()));
        };
        let body = bodies::body(kind, processed.at, AboutMessage { message, conversation, forward })?;
        Ok(News { kind, conversation_id, message_id: processed.message_id.0, at: processed.at, body })
    }
}

async fn messages_of(
    transaction: &DatabaseTransaction,
    ids: BTreeSet<Uuid>,
) -> Result<BTreeMap<MessageId, Message>, Error> {
    if ids.is_empty() {
        return Ok(BTreeMap::new());
    }
    let found = messages::Entity::find().filter(messages::Column::Id.is_in(filled(ids))).all(transaction).await?;
    let found = with_details(transaction, found).await?;
    Ok(found.into_iter().map(|message| (message.id, message)).collect())
}

async fn conversations_of(
    transaction: &DatabaseTransaction,
    ids: BTreeSet<Uuid>,
) -> Result<BTreeMap<Uuid, Conversation>, Error> {
    if ids.is_empty() {
        return Ok(BTreeMap::new());
    }
    let found =
        conversations::Entity::find().filter(conversations::Column::Id.is_in(filled(ids))).all(transaction).await?;
    Ok(found.into_iter().map(|row| (row.id, to_conversation(row))).collect())
}

/// What is different about conversations for whoever works with them. What counts messages and tells when
/// the last one was is not told by itself: it goes with each message.
async fn changed(transaction: &DatabaseTransaction, before: &Before, at: Timestamp) -> Result<Vec<News>, Error> {
    let after = conversations_of(transaction, before.keys().copied().collect()).await?;
    let mut news = Vec::new();
    for (id, conversation) in &after {
        let Some(before) = before.get(id).map(|row| to_conversation(row.clone())) else { continue };
        let differs = [
            ("status", before.status != conversation.status),
            ("tags", before.tags != conversation.tags),
            ("assignee", before.assignee != conversation.assignee),
            ("subject", before.subject != conversation.subject),
        ];
        let changed: Vec<&str> = differs.into_iter().filter(|(_, differs)| *differs).map(|(name, _)| name).collect();
        if !changed.is_empty() {
            let kind = EventKind::ConversationUpdated;
            let body = bodies::body(kind, at, AboutConversation { conversation, changed })?;
            news.push(News { kind, conversation_id: *id, message_id: Uuid::nil(), at, body });
        }
    }
    Ok(news)
}

/// Messages that are stored as failed: nothing more becomes of them.
async fn refused(
    transaction: &DatabaseTransaction,
    new: &[(&NewOutbound, Uuid)],
    reporting: &Reporting,
) -> Result<Vec<News>, Error> {
    let refused = new.iter().filter(|(message, _)| message.rejected.is_some()).map(|(message, _)| message.id.0);
    let ids: BTreeSet<Uuid> = refused.collect();
    if ids.is_empty() || !reporting.subscribed().wants(EventKind::MessageStatus) {
        return Ok(Vec::new());
    }
    let found = messages_of(transaction, ids).await?;
    found.values().map(|message| status(message, None, message.created_at, reporting)).collect()
}

fn status(message: &Message, previous: Option<&str>, at: Timestamp, reporting: &Reporting) -> Result<News, Error> {
    let kind = EventKind::MessageStatus;
    let error = reporting.subscribed().explain(&message.channel, message.error_code);
    let data =
        bodies::about_status(message, error, previous.map(read)).map_err(|error| Error::Refused(error.to_string()))?;
    let body = bodies::body(kind, at, data)?;
    Ok(News { kind, conversation_id: message.conversation_id.0, message_id: message.id.0, at, body })
}

/// What has become of a message now, if that is another status than before, or tells more of a final one.
pub(super) fn of_status(
    before: &Moving,
    after: &messages::Model,
    parts: &[&parts::Model],
    reporting: &Reporting,
) -> Result<Option<News>, Error> {
    let tells_more = read(&after.status).is_final() && before.error_code != after.error_code;
    let moved = before.status != after.status;
    if !(moved || tells_more) || !reporting.subscribed().wants(EventKind::MessageStatus) {
        return Ok(None);
    }
    // What is written in it is not told, nor looked up.
    let parts = parts.iter().map(|part| (*part).clone()).collect();
    let message = to_message(after.clone(), Vec::new(), parts, false);
    status(&message, Some(&before.status), time(after.updated_at), reporting).map(Some)
}
