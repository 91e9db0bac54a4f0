//! What becomes of messages when their parts move: worked out in memory, one move after the other, and written
//! with a handful of statements for all of them.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use sea_orm::sea_query::LockType;
use sea_orm::{ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Value};
use uuid::Uuid;

use super::moving::Moving;
use super::rows::Rows;
use super::settle::read;
use super::sizes::filled;
use super::tell::{self, News};
use super::{CHUNK, callbacks, discarding, millis, removals, reports};
use crate::message::{Status, status};
use crate::store::Error;
use crate::store::entities::{messages, parts};
use crate::store::events::EventKind;
use crate::store::reporting::Reporting;

/// Some messages with all their parts, as they are after what was worked out so far.
pub(super) struct Moves<'a> {
    reporting: &'a Reporting,
    messages: BTreeMap<Uuid, Moving>,
    /// As they are stored, where somebody is told of more than what moves.
    whole: BTreeMap<Uuid, messages::Model>,
    parts: BTreeMap<Uuid, parts::Model>,
    /// The parts of each message, by position.
    of: BTreeMap<Uuid, Vec<Uuid>>,
    /// By the channel and the provider's id.
    holders: BTreeMap<(String, String), Uuid>,
    /// The parts that are not as they are stored, and how much of them.
    changed: BTreeMap<Uuid, Extent>,
    moved: Vec<Moved>,
    news: Vec<News>,
}

/// How much of a part is different. What a report says of a part that the provider has, which is what parts hear most,
/// is in hardly any index: writing the rest as it is would take it out of each of them and put it back.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Extent {
    Status,
    Whole,
}

impl Extent {
    fn between(before: &parts::Model, after: &parts::Model) -> Self {
        let told = parts::Model {
            status: after.status.clone(),
            error_code: after.error_code,
            error_message: after.error_message.clone(),
            updated_at: after.updated_at,
            check_at: after.check_at,
            ..before.clone()
        };
        if told == *after { Self::Status } else { Self::Whole }
    }
}

/// A message that was brought to where its parts are.
pub(super) struct Moved {
    pub(super) from: Status,
    /// As it was then: it may move on in the same transaction.
    pub(super) message: Moving,
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
            whole: BTreeMap::new(),
            parts: BTreeMap::new(),
            of: BTreeMap::new(),
            holders: BTreeMap::new(),
            changed: BTreeMap::new(),
            moved: Vec::new(),
            news: Vec::new(),
        };
        let ids: Vec<Uuid> = message_ids.iter().copied().collect();
        for some in ids.chunks(CHUNK) {
            let found = messages::Entity::find()
                .filter(messages::Column::Id.is_in(filled(some.iter().copied())))
                .order_by_asc(messages::Column::Id)
                .lock(LockType::NoKeyUpdate);
            if reporting.subscribed().wants(EventKind::MessageStatus) {
                let found = found.all(transaction).await?;
                moves.messages.extend(found.iter().map(|message| (message.id, Moving::from(message))));
                moves.whole.extend(found.into_iter().map(|message| (message.id, message)));
            } else {
                let found = found.into_partial_model::<Moving>().all(transaction).await?;
                moves.messages.extend(found.into_iter().map(|message| (message.id, message)));
            }
        }
        for some in ids.chunks(CHUNK) {
            let found = parts::Entity::find()
                .filter(parts::Column::MessageId.is_in(filled(some.iter().copied())))
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

    pub(super) fn message(&self, id: Uuid) -> Option<&Moving> {
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
        let extent = self.parts.get(&part.id).map_or(Extent::Whole, |before| Extent::between(before, &part));
        let changed = self.changed.entry(part.id).or_insert(extent);
        *changed = extent.max(*changed);
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
        after.stamp(reached, millis(now));
        let from = read(&before.status);
        if from != reached {
            self.reporting.count(&before.channel, reached);
        }
        if let Some(stored) = self.whole.get(&message_id) {
            let news = tell::of_status(before, &after.whole(stored), &parts, self.reporting)?;
            self.news.extend(news);
        }
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
        let of = |extent| self.changed.iter().filter(move |changed| *changed.1 == extent);
        let parts = |extent| of(extent).filter_map(|(id, _)| self.parts.get(id)).collect::<Vec<_>>();
        for some in parts(Extent::Whole).chunks(CHUNK) {
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
        for some in parts(Extent::Status).chunks(CHUNK) {
            let mut rows = Rows::new(transaction, &["", "TEXT", "INTEGER", "TEXT", "BIGINT", "BIGINT"]);
            for part in some {
                rows.push([
                    Value::from(part.id),
                    part.status.as_str().into(),
                    part.error_code.into(),
                    part.error_message.clone().into(),
                    part.updated_at.into(),
                    part.check_at.into(),
                ]);
            }
            let update = "UPDATE parts SET status = new.column2, error_code = new.column3, \
                error_message = new.column4, updated_at = new.column5, check_at = new.column6";
            rows.update(transaction, update, "WHERE parts.id = new.column1").await?;
        }
        Ok(())
    }

    async fn write_messages(&self, transaction: &DatabaseTransaction) -> Result<(), Error> {
        let moved: BTreeSet<Uuid> = self.moved.iter().map(|moved| moved.message.id).collect();
        let moved: Vec<&Moving> = moved.iter().filter_map(|id| self.messages.get(id)).collect();
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
    /// no longer than it takes is removed when nothing of it is open any more, which may be after its end.
    async fn forget(&self, transaction: &DatabaseTransaction) -> Result<(), Error> {
        for Moved { from, message, at } in &self.moved {
            let parts = self.parts_of(message.id);
            let is_discarded = discarding::is_over(read(&message.status), &parts);
            if !is_discarded && message.deleted_at.is_none() && message.redacted_at.is_none() {
                continue;
            }
            let Some(whole) = messages::Entity::find_by_id(message.id).one(transaction).await? else { continue };
            removals::follow(transaction, &whole, &parts, *at).await?;
            if is_discarded {
                discarding::clear(transaction, &whole, *at, !from.is_final()).await?;
            }
        }
        Ok(())
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
