//! How a part was tried so far, for whoever decides whether it is tried again; and what led to it.

use jiff::{SignedDuration, Timestamp};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};

use super::entities::{attempts, messages, parts};
use super::reads::time;
use super::{Error, Store};
use crate::message::{MessageId, PartId};

/// Since when a part is wanted, and since when it is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tried {
    /// When it was to leave.
    pub wanted_at: Timestamp,
    /// When the first of the tries began that all came to a refusal for now, up to the newest that
    /// has ended; none when that one came to something else.
    pub refused_since: Option<Timestamp>,
    /// For how long of the time since then it waited though it was due: for its channel, its sender, the morning.
    pub waited: SignedDuration,
}

/// What is due is taken a moment later, by whoever looks; that is part of each pause between two tries.
const MOMENT_MS: i64 = 5_000;

impl Store {
    /// The message that led to this one, if one did.
    pub async fn cause_of(&self, id: MessageId) -> Result<Option<MessageId>, Error> {
        let found = messages::Entity::find_by_id(id.0).one(&self.reads).await?;
        Ok(found.and_then(|row| row.in_reply_to.or(row.caused_by)).map(MessageId))
    }

    /// Nothing for a part that is not there.
    pub async fn tried(&self, id: PartId) -> Result<Option<Tried>, Error> {
        let Some(part) = parts::Entity::find_by_id(id.0).one(&self.reads).await? else { return Ok(None) };
        let Some(message) = messages::Entity::find_by_id(part.message_id).one(&self.reads).await? else {
            return Ok(None);
        };
        let all = attempts::Entity::find()
            .filter(attempts::Column::PartId.eq(id.0))
            .order_by_desc(attempts::Column::Id)
            .all(&self.reads)
            .await?;
        let (ended, under_way): (Vec<_>, Vec<_>) = all.into_iter().partition(|one| one.finished_at.is_some());
        let refusals: Vec<_> = ended.iter().take_while(|one| one.outcome.as_deref() == Some("retry")).collect();
        // How long it had waited before the first of them was before they began.
        let waits = refusals.iter().rev().skip(1).map(|one| one.waited_ms);
        let waits = waits.chain(under_way.iter().filter(|_| !refusals.is_empty()).map(|one| one.waited_ms));
        let waits = waits.filter(|waited| *waited >= MOMENT_MS);
        Ok(Some(Tried {
            wanted_at: time(message.send_at.unwrap_or(message.created_at).max(message.created_at)),
            refused_since: refusals.last().map(|one| time(one.started_at)),
            waited: SignedDuration::from_millis(waits.sum()),
        }))
    }
}
