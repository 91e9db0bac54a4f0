//! Recording inbound messages, many at once: which are repeats, whose conversation, the rows,
//! the counters.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use sea_orm::sea_query::Expr;
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DatabaseTransaction, DbBackend, EntityTrait, QueryFilter, QuerySelect,
    Set, Statement, Value,
};
use uuid::Uuid;

use super::consent::{Change, Proof};
use super::conversation::{Key, Wanted, find_or_create};
use super::gateways::ASIDE;
use super::inserting::{self, insert_or};
use super::last_word::DOUBT;
use super::rows::Rows;
use super::sizes::filled;
use super::{count, media_rows, millis, reach, reopening, repeats, retention, storable, storable_json};
use crate::message::consent::{Heard, Keyword};
use crate::message::{ConversationId, ConversationStatus, MessageId};
use crate::store::Error;
use crate::store::entities::{conversations, messages};
use crate::store::records::{Answered, NewInbound, Receipt, Recorded};
use crate::store::reporting::Reporting;

type ProviderKey<'a> = (&'a str, &'a str);

/// The receipts in the order of the messages, with what was recorded for those that are new.
pub(in crate::store) async fn apply(
    transaction: &DatabaseTransaction,
    new: &[&NewInbound],
    reporting: &Reporting,
) -> Result<Vec<(Receipt, Option<Recorded>)>, Error> {
    if new.is_empty() {
        return Ok(Vec::new());
    }
    let before = recorded_before(transaction, new).await?;
    let mut first = BTreeMap::<ProviderKey<'_>, &NewInbound>::new();
    for message in new {
        let key = (message.channel.as_str(), message.provider_id.as_str());
        if !before.contains_key(&(message.channel.clone(), message.provider_id.clone())) {
            first.entry(key).or_insert(message);
        }
    }
    // In the order they came, which is the order they are processed in.
    let fresh: Vec<&NewInbound> = new
        .iter()
        .copied()
        .filter(|message| {
            // Not by its id: a message may be asked for twice under the same one.
            first
                .get(&(message.channel.as_str(), message.provider_id.as_str()))
                .is_some_and(|f| std::ptr::eq(*f, *message))
        })
        .collect();
    let mut recorded = insert(transaction, &fresh, reporting).await?;
    let id_of = |message: &NewInbound| {
        let first = first.get(&(message.channel.as_str(), message.provider_id.as_str())).map(|first| first.id.0);
        first.or_else(|| before.get(&(message.channel.clone(), message.provider_id.clone())).map(|row| row.id))
    };
    let repeats = new.iter().filter_map(|message| {
        let of = id_of(message).filter(|id| *id != message.id.0)?;
        Some((of, message.received_at))
    });
    repeats::count(transaction, repeats).await?;
    new.iter()
        .map(|message| {
            if let Some(done) = recorded.remove(&message.id) {
                return Ok((Receipt::Recorded, Some(done)));
            }
            let key = (message.channel.as_str(), message.provider_id.as_str());
            if let Some(first) = first.get(&key) {
                return Ok((Receipt::Repeat { of: first.id, answered: Answered::NotYet }, None));
            }
            let row = before
                .get(&(message.channel.clone(), message.provider_id.clone()))
                .ok_or_else(|| Error::Refused("a message was neither new nor a repeat".to_owned()))?;
            Ok((Receipt::Repeat { of: MessageId(row.id), answered: answered(row) }, None))
        })
        .collect()
}

fn answered(row: &Before) -> Answered {
    match (row.processed_at, &row.answer) {
        (None, _) => Answered::NotYet,
        (Some(_), None) => Answered::Empty,
        (Some(_), Some(body)) => Answered::With(body.clone()),
    }
}

#[derive(sea_orm::FromQueryResult)]
struct Before {
    id: Uuid,
    channel: String,
    provider_id: Option<String>,
    processed_at: Option<i64>,
    answer: Option<String>,
}

async fn recorded_before(
    transaction: &DatabaseTransaction,
    new: &[&NewInbound],
) -> Result<BTreeMap<(String, String), Before>, Error> {
    let mut by_channel: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for message in new {
        by_channel.entry(&message.channel).or_default().insert(&message.provider_id);
    }
    let mut any = Condition::any();
    for (channel, ids) in by_channel {
        any = any.add(
            Condition::all()
                .add(messages::Column::Channel.eq(channel))
                .add(messages::Column::ProviderId.is_in(filled(ids))),
        );
    }
    let rows: Vec<Before> = messages::Entity::find()
        .select_only()
        .columns([
            messages::Column::Id,
            messages::Column::Channel,
            messages::Column::ProviderId,
            messages::Column::ProcessedAt,
            messages::Column::Answer,
        ])
        .filter(any)
        .into_model()
        .all(transaction)
        .await?;
    Ok(rows
        .into_iter()
        .filter_map(|row| row.provider_id.clone().map(|provider_id| ((row.channel.clone(), provider_id), row)))
        .collect())
}

/// Inserts messages that are known to be new, and moves their conversations' counters.
async fn insert(
    transaction: &DatabaseTransaction,
    fresh: &[&NewInbound],
    reporting: &Reporting,
) -> Result<BTreeMap<MessageId, Recorded>, Error> {
    if fresh.is_empty() {
        return Ok(BTreeMap::new());
    }
    // What is heard just now is not old.
    let late = fresh.iter().filter(|message| message.said_at.is_some()).map(|message| message.id.0);
    let passed = retention::passed(transaction, late.collect()).await?;
    let wanted = wanted(fresh);
    reopening::reopen(transaction, &wanted, reporting).await?;
    let mut conversations = find_or_create(transaction, &wanted).await?;
    let mut recorded = BTreeMap::new();
    let mut rows = Vec::with_capacity(fresh.len());
    let mut media = Vec::new();
    let mut touched = BTreeMap::new();
    for message in fresh {
        let conversation = conversations
            .get_mut(&(message.channel.clone(), message.sender.as_str().to_owned()))
            .ok_or_else(|| Error::Refused("the conversation was neither found nor made".to_owned()))?;
        let previous = conversation.last_inbound_at;
        advance(conversation, message.received_at);
        let change: &mut Counters = touched.entry(conversation.id).or_default();
        change.messages += 1;
        change.last_at = conversation.last_message_at;
        change.last_inbound_at = conversation.last_inbound_at;
        rows.push(row(message, conversation, previous, reporting.gateway()));
        let items = message.media.iter().map(|item| (item.url.as_str(), item.content_type.as_deref()));
        media.extend(media_rows(message.id.0, Some(message.received_at), items));
        recorded.insert(message.id, seen_by_plugins(message, conversation, previous));
    }
    // The unique index has the last word: another process may have recorded one meanwhile.
    let inserted = insert_or(transaction, rows, "ON CONFLICT DO NOTHING").await?;
    if usize::try_from(inserted).ok() != Some(fresh.len()) {
        return Err(Error::Overtaken("another gateway recorded the same message just now".to_owned()));
    }
    inserting::insert(transaction, media).await?;
    retention::hold(transaction, passed).await?;
    count_inbound(transaction, &touched).await?;
    keep_consents(transaction, fresh, &mut recorded, reporting).await?;
    behind_others(transaction, &mut recorded, reporting).await?;
    Ok(recorded)
}

/// Finds those that come behind what another gateway has not processed yet. Their conversations are locked, so
/// what comes before is all here.
async fn behind_others(
    transaction: &DatabaseTransaction,
    recorded: &mut BTreeMap<MessageId, Recorded>,
    reporting: &Reporting,
) -> Result<(), Error> {
    let Some(gateway) = reporting.gateway() else { return Ok(()) };
    let backend = transaction.get_database_backend();
    if backend != DbBackend::Postgres {
        return Ok(());
    }
    let ids: BTreeSet<ConversationId> = recorded.values().map(|text| text.conversation_id).collect();
    let places: Vec<String> = (1..=ids.len()).map(|place| format!("${place}")).collect();
    let mut values: Vec<Value> = ids.into_iter().map(|id| id.0.into()).collect();
    values.extend([gateway.into(), ASIDE.into()]);
    let sql = format!(
        "SELECT DISTINCT conversation_id FROM messages WHERE conversation_id IN ({}) AND processed_at IS NULL \
         AND direction = 'inbound' AND (gateway IS NULL OR gateway NOT IN (${}, ${}))",
        places.join(", "),
        places.len() + 1,
        places.len() + 2
    );
    let rows = transaction.query_all_raw(Statement::from_sql_and_values(backend, sql, values)).await?;
    let others = rows.iter().map(|row| row.try_get("", "conversation_id")).collect::<Result<BTreeSet<Uuid>, _>>()?;
    for text in recorded.values_mut() {
        text.behind = others.contains(&text.conversation_id.0);
    }
    Ok(())
}

/// Almost no message changes what its sender allows, so these are done one by one.
async fn keep_consents(
    transaction: &DatabaseTransaction,
    fresh: &[&NewInbound],
    recorded: &mut BTreeMap<MessageId, Recorded>,
    reporting: &Reporting,
) -> Result<(), Error> {
    for message in fresh {
        let mut changed = false;
        if let Some(consent) = message.consent {
            let at = message.said_at.unwrap_or(message.received_at);
            let change = Change {
                id: message.id.0,
                channel: &message.channel,
                address: message.sender.as_str(),
                consent,
                message_id: Some(message.id.0),
                proof: Proof { words: Some(&message.text), ..Proof::default() },
                at,
                now: message.received_at,
                latest: message.said_at.map(|said_at| said_at.checked_add(DOUBT).unwrap_or(Timestamp::MAX)),
                reporting,
            };
            changed = change.keep(transaction).await?;
        }
        if let Some(heard) = message.heard {
            let confirm = heard.confirm && is_to_be_confirmed(transaction, message, heard, changed, reporting).await?;
            let heard = Heard { confirm, ..heard };
            hear(transaction, message, heard).await?;
            if let Some(text) = recorded.get_mut(&message.id) {
                text.heard = Some(heard);
            }
        }
    }
    Ok(())
}

/// Who says again what holds already is told nothing, and who has opted out is told no more than that.
async fn is_to_be_confirmed(
    transaction: &DatabaseTransaction,
    message: &NewInbound,
    heard: Heard,
    changed: bool,
    reporting: &Reporting,
) -> Result<bool, Error> {
    if heard.keyword != Keyword::Help {
        return Ok(changed);
    }
    let out = reach::opted_out_one(transaction, &message.channel, message.sender.as_str(), reporting).await?;
    Ok(out.is_none())
}

/// Keeps with the message what the gate read in it, for whoever processes and explains it.
async fn hear(transaction: &DatabaseTransaction, message: &NewInbound, heard: Heard) -> Result<(), Error> {
    let mut told = serde_json::json!({ "verdict": "heard", "at": message.received_at });
    if let (Some(fields), Ok(serde_json::Value::Object(heard))) = (told.as_object_mut(), serde_json::to_value(heard)) {
        fields.extend(heard);
    }
    messages::Entity::update_many()
        .col_expr(messages::Column::Gate, Expr::value(told.to_string()))
        .filter(messages::Column::Id.eq(message.id.0))
        .exec(transaction)
        .await?;
    Ok(())
}

fn wanted(fresh: &[&NewInbound]) -> BTreeMap<Key, Wanted> {
    let mut wanted = BTreeMap::new();
    for message in fresh {
        let key = (message.channel.clone(), message.sender.as_str().to_owned());
        wanted.entry(key).or_insert_with(|| Wanted {
            conversation_id: message.conversation_id.0,
            contact_id: message.contact_id.0,
            subject: message.subject.clone(),
            status: ConversationStatus::Pending,
            at: message.received_at,
        });
    }
    wanted
}

fn advance(conversation: &mut conversations::Model, at: Timestamp) {
    conversation.inbound_count += 1;
    conversation.last_inbound_at = Some(conversation.last_inbound_at.unwrap_or(i64::MIN).max(millis(at)));
    conversation.last_message_at = conversation.last_message_at.max(millis(at));
}

#[derive(Default)]
struct Counters {
    messages: i32,
    last_at: i64,
    last_inbound_at: Option<i64>,
}

async fn count_inbound(transaction: &DatabaseTransaction, touched: &BTreeMap<Uuid, Counters>) -> Result<(), Error> {
    let mut rows = Rows::new(transaction, &["", "INTEGER", "BIGINT", "BIGINT"]);
    for (id, counters) in touched {
        let Counters { messages, last_at, last_inbound_at } = *counters;
        rows.push([Value::from(*id), messages.into(), last_at.into(), last_inbound_at.into()]);
    }
    let update = "UPDATE conversations SET unread = unread + new.column2, inbound_count = inbound_count + new.column2, \
         last_message_at = new.column3, last_inbound_at = new.column4, updated_at = new.column3";
    rows.update(transaction, update, "WHERE conversations.id = new.column1").await
}

fn row(
    message: &NewInbound,
    conversation: &conversations::Model,
    previous: Option<i64>,
    gateway: Option<Uuid>,
) -> messages::ActiveModel {
    messages::ActiveModel {
        id: Set(message.id.0),
        conversation_id: Set(conversation.id),
        channel: Set(message.channel.clone()),
        direction: Set("inbound".to_owned()),
        provider_id: Set(Some(message.provider_id.clone())),
        sender: Set(Some(message.sender.as_str().to_owned())),
        service: Set(None),
        recipient: Set(message.recipient.as_str().to_owned()),
        text: Set(storable(&message.text)),
        status: Set("received".to_owned()),
        segments: Set(message.segments.map(count)),
        error_code: Set(None),
        error_message: Set(None),
        ordinal: Set(Some(conversation.inbound_count)),
        previous_inbound_at: Set(previous),
        in_reply_to: Set(None),
        plugin: Set(None),
        extra: Set(storable_json(serde_json::json!(message.extra))),
        answer: Set(None),
        created_at: Set(millis(message.received_at)),
        updated_at: Set(millis(message.received_at)),
        processed_at: Set(None),
        sent_at: Set(None),
        delivered_at: Set(None),
        failed_at: Set(None),
        read_at: Set(None),
        send_at: Set(None),
        callback_url: Set(None),
        callback_key_id: Set(None),
        callback_account: Set(None),
        deleted_at: Set(None),
        redacted_at: Set(None),
        seed: Set(None),
        discarded: Set(None),
        rejected_by: Set(None),
        refused_for: Set(None),
        caused_by: Set(None),
        hops: Set(None),
        seen: Set(None),
        decided: Set(None),
        gate: Set(None),
        repeats: Set(None),
        repeated_at: Set(None),
        gateway: Set(gateway),
        template: Set(None),
        template_version: Set(None),
    }
}

fn seen_by_plugins(message: &NewInbound, conversation: &conversations::Model, previous: Option<i64>) -> Recorded {
    Recorded {
        id: message.id,
        conversation_id: ConversationId(conversation.id),
        channel: message.channel.clone(),
        sender: message.sender.clone(),
        recipient: message.recipient.clone(),
        text: message.text.clone(),
        media: message.media.clone(),
        extra: message.extra.clone(),
        received_at: message.received_at,
        ordinal: u32::try_from(conversation.inbound_count).unwrap_or(0),
        previous_inbound_at: previous.and_then(|millis| Timestamp::from_millisecond(millis).ok()),
        behind: false,
        heard: None,
        fresh: None,
    }
}
