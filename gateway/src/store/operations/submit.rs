//! Storing an outbound message with its parts.

use std::collections::BTreeMap;

use async_trait::async_trait;
use jiff::Timestamp;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, ConnectionTrait, DatabaseTransaction, DbBackend, EntityTrait, QueryFilter, Set};
use uuid::Uuid;

use super::check::answer_ends;
use super::consent::opted_out_one;
use super::conversation::{Wanted, find_or_create};
use super::{count, insert_media, media_rows, millis, outbound_row, storable, storable_json};
use crate::message::{ConversationStatus, MessageId, Status};
use crate::store::entities::{conversations, idempotency_keys, messages, parts};
use crate::store::reads::time;
use crate::store::records::{Idempotency, NewOutbound, NewPart, Route, Schedule, Sender, Submission, Submitted};
use crate::store::writer::Operation;
use crate::store::{Error, Store};

#[async_trait]
impl Operation for Submission {
    type Output = Submitted;

    async fn apply(&self, transaction: &DatabaseTransaction) -> Result<Submitted, Error> {
        if let Some(idempotency) = &self.idempotency
            && let Some(before) = called_before(transaction, idempotency).await?
        {
            return Ok(before);
        }
        if let Some(since) = self.opted_out(transaction).await? {
            return Ok(Submitted::OptedOut { since });
        }
        let conversation_id = self.conversation(transaction).await?;
        // Once more with the conversation locked: where there are several writers, one of them may
        // have learned of it just now.
        if transaction.get_database_backend() == DbBackend::Postgres && self.opted_out(transaction).await?.is_some() {
            return Err(Error::Unavailable("the recipient opted out just now".to_owned()));
        }
        insert_outbound(transaction, &[(&self.message, conversation_id)]).await?;
        if let Some(idempotency) = &self.idempotency {
            let row = idempotency_keys::ActiveModel {
                api_key_id: Set(idempotency.api_key_id),
                key: Set(idempotency.key.clone()),
                fingerprint: Set(idempotency.fingerprint.clone()),
                message_id: Set(self.message.id.0),
                created_at: Set(millis(self.message.at)),
            };
            idempotency_keys::Entity::insert(row).exec_without_returning(transaction).await?;
        }
        Ok(Submitted::Stored(self.message.id))
    }
}

async fn called_before(
    transaction: &DatabaseTransaction,
    idempotency: &Idempotency,
) -> Result<Option<Submitted>, Error> {
    let before = idempotency_keys::Entity::find_by_id((idempotency.api_key_id, idempotency.key.clone()))
        .one(transaction)
        .await?;
    Ok(before.map(|row| {
        if row.fingerprint == idempotency.fingerprint {
            Submitted::Before(MessageId(row.message_id))
        } else {
            Submitted::KeyReused
        }
    }))
}

impl Submission {
    async fn opted_out(&self, transaction: &DatabaseTransaction) -> Result<Option<Timestamp>, Error> {
        let proof = opted_out_one(transaction, &self.message.channel, self.message.recipient.as_str()).await?;
        Ok(proof.map(|proof| time(proof.at)))
    }

    /// Writing to somebody is taking the conversation up, so a new one is active.
    async fn conversation(&self, transaction: &DatabaseTransaction) -> Result<Uuid, Error> {
        let key = (self.message.channel.clone(), self.message.recipient.as_str().to_owned());
        let wanted = Wanted {
            conversation_id: self.conversation_id.0,
            contact_id: self.contact_id.0,
            subject: self.subject.clone(),
            status: ConversationStatus::Active,
            at: self.message.at,
        };
        let found = find_or_create(transaction, &BTreeMap::from([(key.clone(), wanted)])).await?;
        let conversation =
            found.get(&key).ok_or_else(|| Error::Unavailable("the conversation was closed just now".to_owned()))?;
        conversations::Entity::update_many()
            .col_expr(conversations::Column::LastMessageAt, Expr::value(millis(self.message.at)))
            .col_expr(conversations::Column::UpdatedAt, Expr::value(millis(self.message.at)))
            .filter(conversations::Column::Id.eq(conversation.id))
            .exec(transaction)
            .await?;
        Ok(conversation.id)
    }
}

/// The rows of outbound messages, their media and their parts.
pub(super) async fn insert_outbound(
    transaction: &DatabaseTransaction,
    new: &[(&NewOutbound, Uuid)],
) -> Result<(), Error> {
    if new.is_empty() {
        return Ok(());
    }
    let rows = new.iter().map(|(message, conversation_id)| {
        outbound_row(message, *conversation_id, starting_status(message.route).as_str())
    });
    messages::Entity::insert_many(rows).exec_without_returning(transaction).await?;
    let media = new
        .iter()
        .flat_map(|(message, _)| media_rows(message.id.0, None, message.media.iter().map(|url| (url.as_str(), None))));
    insert_media(transaction, media.collect()).await?;
    let rows = new.iter().flat_map(|(message, conversation_id)| {
        (0u32..).zip(&message.parts).map(|(position, part)| part_row(message, *conversation_id, position, part))
    });
    parts::Entity::insert_many(rows).exec_without_returning(transaction).await?;
    Ok(())
}

fn starting_status(route: Route) -> Status {
    match route {
        Route::Outbox => Status::Pending,
        Route::Answer { .. } => Status::Unknown,
    }
}

fn part_row(message: &NewOutbound, conversation_id: Uuid, position: u32, part: &NewPart) -> parts::ActiveModel {
    let (state, attempts, ask_at) = match message.route {
        Route::Outbox => ("queued", 0, None),
        Route::Answer { ask_at } => ("unknown", 1, Some(ask_at)),
    };
    parts::ActiveModel {
        id: Set(part.id.0),
        message_id: Set(message.id.0),
        conversation_id: Set(conversation_id),
        channel: Set(message.channel.clone()),
        position: Set(count(position)),
        sender: Set(message.sender.address().map(|sender| sender.as_str().to_owned())),
        service: Set(message.service.clone()),
        recipient: Set(message.recipient.as_str().to_owned()),
        text: Set(storable(&part.text)),
        media: Set(storable_json(serde_json::json!(part.media))),
        state: Set(state.to_owned()),
        status: Set(starting_status(message.route).as_str().to_owned()),
        provider_id: Set(None),
        segments: Set(Some(count(part.segments))),
        error_code: Set(None),
        error_message: Set(None),
        attempts: Set(attempts),
        due_at: Set(millis(match message.schedule {
            Schedule::Now | Schedule::AtProvider(_) => message.at,
            Schedule::At(at) => at,
        })),
        lease_until: Set(None),
        send_at: Set(match message.schedule {
            Schedule::Now | Schedule::At(_) => None,
            Schedule::AtProvider(at) => Some(millis(at)),
        }),
        options: Set((!message.options.is_default()).then(|| storable_json(serde_json::json!(message.options)))),
        created_at: Set(millis(message.at)),
        updated_at: Set(millis(message.at)),
        check_at: Set(ask_at.map(millis)),
        unknown_at: Set(ask_at.map(|_| millis(answer_ends(message.at)))),
        checks: Set(0),
        own_sender: Set(matches!(message.sender, Sender::Own(_))),
    }
}

impl Store {
    /// Stores an outbound message for the workers to send.
    pub async fn submit(&self, submission: Submission) -> Result<Submitted, Error> {
        self.write(submission).await
    }
}
