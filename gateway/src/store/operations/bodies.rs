//! What endpoints are told, as it is told: written with the decision that asks for it, and cleared with
//! the message that it is about.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter, Set};
use serde::Serialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::millis;
use crate::message::MessageId;
use crate::store::Error;
use crate::store::decisions::Processed;
use crate::store::entities::{conversations, events, messages};
use crate::store::events::{EventState, NewEvent};
use crate::store::reads::{to_conversation, with_details};
use crate::store::shown::{Conversation, Message};

/// What an endpoint is told, as it is told.
#[derive(Serialize)]
struct Body<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    timestamp: Timestamp,
    data: Data<'a>,
}

#[derive(Serialize)]
struct Data<'a> {
    message: &'a Message,
    conversation: &'a Conversation,
    plugin: &'a str,
    payload: Option<&'a Value>,
}

/// Puts down the events of what was processed now. They tell of the message and its conversation as they
/// are once all else of the decision is done.
pub(super) async fn add(transaction: &DatabaseTransaction, done: &[&Processed]) -> Result<(), Error> {
    let wanted: Vec<(&Processed, &NewEvent)> =
        done.iter().flat_map(|processed| processed.events.iter().map(|event| (*processed, event))).collect();
    if wanted.is_empty() {
        return Ok(());
    }
    let ids: BTreeSet<Uuid> = wanted.iter().map(|(processed, _)| processed.message_id.0).collect();
    let found = messages::Entity::find().filter(messages::Column::Id.is_in(ids)).all(transaction).await?;
    let found = with_details(transaction, found).await?;
    let of_message: BTreeMap<MessageId, Message> = found.into_iter().map(|message| (message.id, message)).collect();
    let ids: BTreeSet<Uuid> = wanted.iter().map(|(processed, _)| processed.conversation_id.0).collect();
    let found = conversations::Entity::find().filter(conversations::Column::Id.is_in(ids)).all(transaction).await?;
    let threads: BTreeMap<Uuid, Conversation> = found.into_iter().map(|row| (row.id, to_conversation(row))).collect();
    let mut rows = Vec::with_capacity(wanted.len());
    for (processed, event) in wanted {
        let about = (of_message.get(&processed.message_id), threads.get(&processed.conversation_id.0));
        let (Some(message), Some(conversation)) = about else {
            return Err(Error::Refused("an event is about a message that is not there".to_owned()));
        };
        let data = Data { message, conversation, plugin: &event.plugin, payload: event.payload.as_ref() };
        let body = Body { kind: event.kind.as_str(), timestamp: processed.at, data };
        let body = serde_json::to_string(&body).map_err(|error| Error::Refused(error.to_string()))?;
        rows.push(row(processed, event, body));
    }
    events::Entity::insert_many(rows).exec_without_returning(transaction).await?;
    Ok(())
}

fn row(processed: &Processed, event: &NewEvent, body: String) -> events::ActiveModel {
    events::ActiveModel {
        id: Set(event.id),
        endpoint: Set(event.endpoint.clone()),
        kind: Set(event.kind.as_str().to_owned()),
        conversation_id: Set(processed.conversation_id.0),
        message_id: Set(processed.message_id.0),
        plugin: Set(Some(event.plugin.clone())),
        body: Set(body),
        state: Set(EventState::Waiting.as_str().to_owned()),
        created_at: Set(millis(processed.at)),
        due_at: Set(millis(processed.at)),
        tries: Set(0),
        lease_until: Set(None),
        answer: Set(None),
        problem: Set(None),
        finished_at: Set(None),
    }
}

/// Takes out of a message's events what was written in it, and what plugins made of that. Those that
/// still wait are told all the same: without it.
pub(super) async fn redact(transaction: &DatabaseTransaction, message_id: Uuid) -> Result<(), Error> {
    let rows = events::Entity::find().filter(events::Column::MessageId.eq(message_id)).all(transaction).await?;
    for row in rows {
        events::Entity::update_many()
            .col_expr(events::Column::Body, Expr::value(redacted(&row.body)))
            .filter(events::Column::Id.eq(row.id))
            .exec(transaction)
            .await?;
    }
    Ok(())
}

fn redacted(body: &str) -> String {
    let mut body: Value = serde_json::from_str(body).unwrap_or_default();
    if let Some(data) = body.get_mut("data").and_then(Value::as_object_mut) {
        data.insert("payload".to_owned(), Value::Null);
        data.insert("redacted".to_owned(), true.into());
        if let Some(message) = data.get_mut("message").and_then(Value::as_object_mut) {
            message.insert("text".to_owned(), "".into());
            message.insert("media".to_owned(), json!([]));
            message.remove("extra");
        }
    }
    body.to_string()
}
