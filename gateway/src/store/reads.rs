//! Reading. These go to a pool of their own, so that a slow list never holds up a write.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use sea_orm::sea_query::Expr;
use sea_orm::{
    AccessMode, ColumnTrait, ConnectionTrait, DbBackend, EntityTrait, IsolationLevel, QueryFilter, QueryOrder,
    QuerySelect, TransactionOptions,
};
use serde_json::Value;
use uuid::Uuid;

use super::entities::{api_keys, conversations, media, messages, observations, parts};
use super::media::MessageMedia;
use super::people::CONSOLE_KEY;
use super::pool::{Pool, Snapshot};
use super::records::Answered;
use super::shown::{ApiKey, Conversation, Message, Part};
use super::templates::used_template;
use super::{Error, Store};
use crate::message::{
    Address, ContactId, ConversationId, ConversationStatus, Direction, MessageId, PartId, Priority, Status,
};

/// One page of a list, newest first.
#[derive(Clone, Debug, PartialEq)]
pub struct Page<T> {
    pub items: Vec<T>,
    /// The last item's id, when there are more after it.
    pub next: Option<Uuid>,
}

impl Store {
    pub async fn conversation(&self, id: ConversationId) -> Result<Option<Conversation>, Error> {
        Ok(conversations::Entity::find_by_id(id.0).one(&self.reads).await?.map(to_conversation))
    }

    /// What the webhook of an inbound message was answered.
    pub async fn answered(&self, id: MessageId) -> Result<Answered, Error> {
        let row: Option<(Option<i64>, Option<String>)> = messages::Entity::find_by_id(id.0)
            .select_only()
            .columns([messages::Column::ProcessedAt, messages::Column::Answer])
            .into_tuple()
            .one(&self.reads)
            .await?;
        Ok(match row {
            None | Some((None, _)) => Answered::NotYet,
            Some((Some(_), None)) => Answered::Empty,
            Some((Some(_), Some(body))) => Answered::With(body),
        })
    }

    /// The key with this SHA-256 (hex), unless it was revoked.
    pub async fn key_by_hash(&self, hash: &str) -> Result<Option<ApiKey>, Error> {
        let row = api_keys::Entity::find()
            .filter(api_keys::Column::Hash.eq(hash))
            .filter(api_keys::Column::RevokedAt.is_null())
            .one(&self.reads)
            .await?;
        Ok(row.map(to_key))
    }

    pub async fn keys(&self) -> Result<Vec<ApiKey>, Error> {
        let rows = api_keys::Entity::find()
            // It lets nobody in, and stands for the people who work here.
            .filter(api_keys::Column::Id.ne(CONSOLE_KEY))
            .order_by_asc(api_keys::Column::Id)
            .all(&self.reads)
            .await?;
        Ok(rows.into_iter().map(to_key).collect())
    }

    /// What is read through it is of one moment, so that a message and its parts agree.
    pub(super) async fn snapshot(&self) -> Result<Snapshot, Error> {
        snapshot(&self.reads).await
    }
}

pub(super) async fn snapshot(reads: &Pool) -> Result<Snapshot, Error> {
    // Any transaction of SQLite is a snapshot; Postgres wants to be asked.
    let options = match reads.get_database_backend() {
        DbBackend::Postgres => TransactionOptions {
            isolation_level: Some(IsolationLevel::RepeatableRead),
            access_mode: Some(AccessMode::ReadOnly),
            ..TransactionOptions::default()
        },
        _ => TransactionOptions::default(),
    };
    Ok(reads.begin_with_options(options).await?)
}

pub(super) async fn with_details(
    database: &impl ConnectionTrait,
    rows: Vec<messages::Model>,
) -> Result<Vec<Message>, Error> {
    let mut media = media_of(database, &rows).await?;
    let mut contradicted = BTreeSet::new();
    let mut parts: BTreeMap<Uuid, Vec<parts::Model>> = BTreeMap::new();
    let found = parts_of(database, &rows).await?;
    let ended = found.iter().filter(|part| super::operations::read(&part.status).is_final());
    let ended: Vec<Uuid> = ended.map(|part| part.id).collect();
    if !ended.is_empty() {
        contradicted = contradictions(database, &ended).await?;
    }
    for part in found {
        parts.entry(part.message_id).or_default().push(part);
    }
    Ok(rows
        .into_iter()
        .map(|row| {
            let media = media.remove(&row.id).unwrap_or_default().into_iter().map(MessageMedia::from).collect();
            let parts = parts.remove(&row.id).unwrap_or_default();
            let conflict = parts.iter().any(|part| contradicted.contains(&part.id));
            to_message(row, media, parts, conflict)
        })
        .collect())
}

/// Those of the parts of which two final reports contradict each other.
async fn contradictions(database: &impl ConnectionTrait, ended: &[Uuid]) -> Result<BTreeSet<Uuid>, Error> {
    let rows: Vec<Option<Uuid>> = observations::Entity::find()
        .select_only()
        .column(observations::Column::PartId)
        .filter(observations::Column::PartId.is_in(ended.iter().copied()))
        // Word for word the condition of the partial index, so that SQLite uses it.
        .filter(Expr::cust("conflict"))
        .into_tuple()
        .all(database)
        .await?;
    Ok(rows.into_iter().flatten().collect())
}

/// By position. What came in has none.
async fn parts_of(database: &impl ConnectionTrait, rows: &[messages::Model]) -> Result<Vec<parts::Model>, Error> {
    let sent: Vec<Uuid> = rows.iter().filter(|row| row.direction != "inbound").map(|row| row.id).collect();
    if sent.is_empty() {
        return Ok(Vec::new());
    }
    let found = parts::Entity::find().filter(parts::Column::MessageId.is_in(sent));
    Ok(found.order_by_asc(parts::Column::Position).all(database).await?)
}

pub(super) async fn media_of(
    database: &impl ConnectionTrait,
    rows: &[messages::Model],
) -> Result<BTreeMap<Uuid, Vec<media::Model>>, Error> {
    let found = media::Entity::find()
        .filter(media::Column::MessageId.is_in(rows.iter().map(|row| row.id)))
        .order_by_asc(media::Column::Position)
        .all(database)
        .await?;
    let mut media: BTreeMap<Uuid, Vec<media::Model>> = BTreeMap::new();
    for row in found {
        media.entry(row.message_id).or_default().push(row);
    }
    Ok(media)
}

/// No id that is made at that time or later is lower: ids begin with their time in milliseconds. A minute is
/// left to clocks that disagree.
pub(super) fn lowest_id(since: Timestamp) -> Uuid {
    let millis = u64::try_from(since.as_millisecond()).unwrap_or(0).saturating_sub(60_000);
    let mut id = [0; 16];
    for (place, byte) in id.iter_mut().zip(millis.to_be_bytes().into_iter().skip(2)) {
        *place = byte;
    }
    Uuid::from_bytes(id)
}

/// One row more than asked for tells whether there is a next page.
pub(super) fn cut<T>(mut rows: Vec<T>, limit: u64, id: impl Fn(&T) -> Uuid) -> (Vec<T>, Option<Uuid>) {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    if rows.len() <= limit {
        return (rows, None);
    }
    rows.truncate(limit);
    let next = rows.last().map(id);
    (rows, next)
}

pub(super) fn time(millis: i64) -> Timestamp {
    Timestamp::from_millisecond(millis).unwrap_or(Timestamp::UNIX_EPOCH)
}

fn to_key(row: api_keys::Model) -> ApiKey {
    ApiKey {
        id: row.id,
        name: row.name,
        // What cannot be read allows nothing. A newer gateway may know more words.
        scopes: row.scopes.map(|scopes| {
            let words: Vec<String> = serde_json::from_value(scopes).unwrap_or_default();
            words.iter().filter_map(|word| word.parse().ok()).collect()
        }),
        per_second: row.per_second.map(positive),
        created_at: time(row.created_at),
        expires_at: row.expires_at.map(time),
        last_used_at: row.last_used_at.map(time),
        revoked_at: row.revoked_at.map(time),
    }
}

pub(super) fn positive(number: i32) -> u32 {
    u32::try_from(number).unwrap_or(0)
}

pub(super) fn to_conversation(row: conversations::Model) -> Conversation {
    Conversation {
        id: ConversationId(row.id),
        contact_id: ContactId(row.contact_id),
        channel: row.channel,
        address: Address::received(&row.address),
        status: ConversationStatus::from_word(&row.status).unwrap_or(ConversationStatus::Pending),
        subject: row.subject,
        tags: strings(row.tags),
        assignee: row.assignee,
        unread: positive(row.unread),
        inbound_count: positive(row.inbound_count),
        last_message_at: time(row.last_message_at),
        last_inbound_at: row.last_inbound_at.map(time),
        created_at: time(row.created_at),
    }
}

fn strings(json: Value) -> Vec<String> {
    serde_json::from_value(json).unwrap_or_default()
}

pub(super) fn to_message(
    row: messages::Model,
    media: Vec<MessageMedia>,
    parts: Vec<parts::Model>,
    conflict: bool,
) -> Message {
    let first = parts.first().and_then(|part| part.provider_id.clone());
    let options = parts.first().and_then(|part| serde_json::from_value(part.options.clone()?).ok()).unwrap_or_default();
    Message {
        id: MessageId(row.id),
        conversation_id: ConversationId(row.conversation_id),
        channel: row.channel,
        direction: if row.direction == "inbound" { Direction::Inbound } else { Direction::Outbound },
        provider_id: row.provider_id.or(first),
        from: row.sender.as_deref().map(Address::received),
        service: row.service,
        to: Address::received(&row.recipient),
        text: row.text,
        media,
        status: super::operations::read(&row.status),
        segments: row.segments.map(positive),
        error_code: row.error_code,
        error_message: row.error_message,
        conflict,
        in_reply_to: row.in_reply_to.map(MessageId),
        plugin: row.plugin,
        discarded: row.discarded,
        rejected_by: row.rejected_by,
        refused_for: row.refused_for,
        caused_by: row.caused_by.map(MessageId),
        template: used_template(row.template, row.template_version),
        bulk_id: parts.first().and_then(|part| part.bulk_id),
        send_at: row.send_at.map(time),
        priority: parts.first().map(|part| Priority::from_number(part.priority)),
        given_up_at: parts.iter().filter_map(|part| part.given_up_at).max().map(time),
        taken_back_at: taken_back(&parts),
        options,
        extra: named(row.extra),
        created_at: time(row.created_at),
        updated_at: time(row.updated_at),
        processed_at: row.processed_at.map(time),
        sent_at: row.sent_at.map(time),
        delivered_at: row.delivered_at.map(time),
        failed_at: row.failed_at.map(time),
        read_at: row.read_at.map(time),
        parts: parts.into_iter().map(to_part).collect(),
    }
}

/// Of what the provider has sent, it no longer matters.
fn taken_back(parts: &[parts::Model]) -> Option<Timestamp> {
    let unsent = |part: &&parts::Model| {
        let status = super::operations::read(&part.status);
        part.provider_id.is_none() || matches!(status, Status::Scheduled | Status::Canceled)
    };
    parts.iter().filter(unsent).filter_map(|part| part.taken_back_at).max().map(time)
}

/// By name; of the same name twice, the first.
fn named(pairs: Value) -> BTreeMap<String, String> {
    let pairs: Vec<(String, String)> = serde_json::from_value(pairs).unwrap_or_default();
    pairs.into_iter().rev().collect()
}

fn to_part(row: parts::Model) -> Part {
    Part {
        id: PartId(row.id),
        provider_id: row.provider_id,
        status: super::operations::read(&row.status),
        segments: row.segments.map(positive),
        attempts: positive(row.attempts),
        error_code: row.error_code,
        error_message: row.error_message,
    }
}
