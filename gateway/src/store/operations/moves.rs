//! What becomes of messages when their parts move: worked out in memory, one move after the other, and written
//! with a handful of statements for all of them.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use sea_orm::sea_query::LockType;
use sea_orm::{ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Value};
use uuid::Uuid;

use super::rows::Rows;
use super::settle::read;
use super::tell::{self, News};
use super::{CHUNK, callbacks, millis, redact, removals, reports};
use crate::message::{Status, status};
use crate::store::Error;
use crate::store::entities::{messages, parts};
use crate::store::reporting::Reporting;

/// Some messages with all their parts, as they are after what was worked out so far.
pub(super) struct Moves<'a> {
    reporting: &'a Reporting,
    messages: BTreeMap<Uuid, messages::Model>,
    parts: BTreeMap<Uuid, parts::Model>,
    /// The parts of each message, by position.
    of: BTreeMap<Uuid, Vec<Uuid>>,
    /// By the channel and the provider's id.
    holders: BTreeMap<(String, String), Uuid>,
    /// The parts that are not as they are stored.
    changed: BTreeSet<Uuid>,
    moved: Vec<Moved>,
    news: Vec<News>,
}

/// A message that was brought to where its parts are.
pub(super) struct Moved {
    pub(super) from: Status,
    /// As it was then: it may move on in the same transaction.
    pub(super) message: messages::Model,
    at: Timestamp,
}

impl<'a> Moves<'a> {
    /// The messages are locked. So are those of their parts that are to move, by now: whoever moves another part
    /// waits for the message.
    pub(super) async fn load(
        transaction: &DatabaseTransaction,
        message_ids: &BTreeSet<Uuid>,
        reporting: &'a Reporting,
    ) -> Result<Self, Error> {
        let mut moves = Self {
            reporting,
            messages: BTreeMap::new(),
            parts: BTreeMap::new(),
            of: BTreeMap::new(),
            holders: BTreeMap::new(),
            changed: BTreeSet::new(),
            moved: Vec::new(),
            news: Vec::new(),
        };
        let ids: Vec<Uuid> = message_ids.iter().copied().collect();
        for some in ids.chunks(CHUNK) {
            let found = messages::Entity::find()
                .filter(messages::Column::Id.is_in(some.iter().copied()))
                .order_by_asc(messages::Column::Id)
                .lock(LockType::NoKeyUpdate)
                .all(transaction)
                .await?;
            moves.messages.extend(found.into_iter().map(|message| (message.id, message)));
        }
        for some in ids.chunks(CHUNK) {
            let found = parts::Entity::find()
                .filter(parts::Column::MessageId.is_in(some.iter().copied()))
                .order_by_asc(parts::Column::MessageId)
                .order_by_asc(parts::Column::Position)
                .all(transaction)
                .await?;
            for part in found {
                moves.of.entry(part.message_id).or_default().push(part.id);
                moves.keep(part);
            }
        }
        Ok(moves)
    }

    pub(super) fn part(&self, id: Uuid) -> Option<&parts::Model> {
        self.parts.get(&id)
    }

    pub(super) fn message(&self, id: Uuid) -> Option<&messages::Model> {
        self.messages.get(&id)
    }

    /// By position.
    fn parts_of(&self, message_id: Uuid) -> Vec<&parts::Model> {
        self.of.get(&message_id).into_iter().flatten().filter_map(|id| self.parts.get(id)).collect()
    }

    /// The part that has this message of the provider, among those that were loaded.
    pub(super) fn holder(&self, channel: &str, provider_id: &str) -> Option<&parts::Model> {
        self.part(*self.holders.get(&(channel.to_owned(), provider_id.to_owned()))?)
    }

    /// From now on the part is like this.
    pub(super) fn put(&mut self, part: parts::Model) {
        self.changed.insert(part.id);
        self.keep(part);
    }

    fn keep(&mut self, part: parts::Model) {
        if let Some(provider_id) = &part.provider_id {
            self.holders.insert((part.channel.clone(), provider_id.clone()), part.id);
        }
        self.parts.insert(part.id, part);
    }

    /// Brings a message to where its parts are: as far as the least of them.
    pub(super) fn reduce(&mut self, message_id: Uuid, now: Timestamp) -> Result<(), Error> {
        let Some(before) = self.messages.get(&message_id) else { return Ok(()) };
        let parts = self.parts_of(message_id);
        let Some(reached) = status::least(parts.iter().map(|part| read(&part.status))) else { return Ok(()) };
        let failed = parts.iter().find(|part| read(&part.status) == reached && part.error_code.is_some());
        let shown = failed.or_else(|| parts.iter().find(|part| part.error_message.is_some()));
        let mut after = before.clone();
        reached.as_str().clone_into(&mut after.status);
        // Chosen by the provider: known once it is known of a part.
        if before.sender.is_none() {
            after.sender = parts.iter().find_map(|part| part.sender.clone());
        }
        after.segments = Some(parts.iter().filter_map(|part| part.segments).sum());
        after.error_code = shown.and_then(|part| part.error_code);
        after.error_message = shown.and_then(|part| part.error_message.clone());
        // Gateways' clocks differ, and what is told of a message is told in order.
        let behind = (millis(now) < before.updated_at).then(|| before.updated_at + 1);
        after.updated_at = behind.unwrap_or(millis(now));
        stamp(&mut after, reached, millis(now));
        let from = read(&before.status);
        if from != reached {
            self.reporting.count(&before.channel, reached);
        }
        let news = tell::of_status(before, &after, &parts, self.reporting)?;
        self.news.extend(news);
        self.moved.push(Moved { from, message: after.clone(), at: now });
        self.messages.insert(message_id, after);
        Ok(())
    }

    /// Writes it all, with what follows from each move.
    pub(super) async fn write(&self, transaction: &DatabaseTransaction) -> Result<(), Error> {
        self.write_parts(transaction).await?;
        self.write_messages(transaction).await?;
        // Seldom done, so that it need not take room in every other write.
        Box::pin(self.forget(transaction)).await?;
        callbacks::enqueue(transaction, &self.moved).await?;
        reports::enqueue(transaction, &self.moved, self.reporting).await?;
        tell::tell(transaction, &self.news, None, self.reporting).await
    }

    async fn write_parts(&self, transaction: &DatabaseTransaction) -> Result<(), Error> {
        let changed: Vec<&parts::Model> = self.changed.iter().filter_map(|id| self.parts.get(id)).collect();
        for some in changed.chunks(CHUNK) {
            let mut rows = Rows::new(
                transaction,
                &[
                    "", "TEXT", "TEXT", "TEXT", "TEXT", "INTEGER", "INTEGER", "TEXT", "INTEGER", "BIGINT", "BIGINT",
                    "BIGINT", "BIGINT", "BIGINT", "INTEGER", "BIGINT",
                ],
            );
            for part in some {
                rows.push([
                    Value::from(part.id),
                    part.state.as_str().into(),
                    part.status.as_str().into(),
                    part.provider_id.clone().into(),
                    part.sender.clone().into(),
                    part.segments.into(),
                    part.error_code.into(),
                    part.error_message.clone().into(),
                    part.attempts.into(),
                    part.due_at.into(),
                    part.lease_until.into(),
                    part.updated_at.into(),
                    part.check_at.into(),
                    part.unknown_at.into(),
                    part.checks.into(),
                    part.given_up_at.into(),
                ]);
            }
            let update = "UPDATE parts SET state = new.column2, status = new.column3, provider_id = new.column4, \
                sender = new.column5, segments = new.column6, error_code = new.column7, error_message = new.column8, \
                attempts = new.column9, due_at = new.column10, lease_until = new.column11, updated_at = new.column12, \
                check_at = new.column13, unknown_at = new.column14, checks = new.column15, given_up_at = new.column16";
            rows.update(transaction, update, "WHERE parts.id = new.column1").await?;
        }
        Ok(())
    }

    async fn write_messages(&self, transaction: &DatabaseTransaction) -> Result<(), Error> {
        let moved: BTreeSet<Uuid> = self.moved.iter().map(|moved| moved.message.id).collect();
        let moved: Vec<&messages::Model> = moved.iter().filter_map(|id| self.messages.get(id)).collect();
        for some in moved.chunks(CHUNK) {
            let mut rows = Rows::new(
                transaction,
                &["", "TEXT", "TEXT", "INTEGER", "INTEGER", "TEXT", "BIGINT", "BIGINT", "BIGINT", "BIGINT", "BIGINT"],
            );
            for message in some {
                rows.push([
                    Value::from(message.id),
                    message.status.as_str().into(),
                    message.sender.clone().into(),
                    message.segments.into(),
                    message.error_code.into(),
                    message.error_message.clone().into(),
                    message.updated_at.into(),
                    message.sent_at.into(),
                    message.delivered_at.into(),
                    message.failed_at.into(),
                    message.read_at.into(),
                ]);
            }
            let update = "UPDATE messages SET status = new.column2, sender = new.column3, segments = new.column4, \
                error_code = new.column5, error_message = new.column6, updated_at = new.column7, sent_at = new.column8, \
                delivered_at = new.column9, failed_at = new.column10, read_at = new.column11";
            rows.update(transaction, update, "WHERE messages.id = new.column1").await?;
        }
        Ok(())
    }

    /// What was removed here is removed at the provider too, once its id there is known; and what was to be kept
    /// no longer than it takes is removed at its end.
    async fn forget(&self, transaction: &DatabaseTransaction) -> Result<(), Error> {
        for Moved { from, message, at } in &self.moved {
            let parts = self.parts_of(message.id);
            removals::follow(transaction, message, &parts, *at).await?;
            if read(&message.status).is_final() && !from.is_final() && parts.iter().any(|part| discards(part)) {
                redact::clear(transaction, message, *at).await?;
            }
        }
        Ok(())
    }
}

/// Whether the sender asked that the text be kept no longer than it takes to send it.
pub(super) fn discards(part: &parts::Model) -> bool {
    part.options.as_ref().is_some_and(|options| options["discard_content"] == true)
}

/// The first time that a message was seen to have come so far.
fn stamp(message: &mut messages::Model, reached: Status, now: i64) {
    if matches!(reached, Status::Sent | Status::Delivered | Status::Undelivered | Status::Read) {
        message.sent_at.get_or_insert(now);
    }
    if matches!(reached, Status::Delivered | Status::Read) {
        message.delivered_at.get_or_insert(now);
    }
    if matches!(reached, Status::Failed | Status::Undelivered | Status::Canceled) {
        message.failed_at.get_or_insert(now);
    }
    if reached == Status::Read {
        message.read_at.get_or_insert(now);
    }
}

/// Brings one message to where its parts are.
pub(super) async fn reduce_message(
    transaction: &DatabaseTransaction,
    message_id: Uuid,
    now: Timestamp,
    reporting: &Reporting,
) -> Result<(), Error> {
    let mut moves = Moves::load(transaction, &BTreeSet::from([message_id]), reporting).await?;
    moves.reduce(message_id, now)?;
    moves.write(transaction).await
}
