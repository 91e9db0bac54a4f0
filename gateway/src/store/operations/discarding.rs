//! Texts that are kept no longer than it takes to send them: all of a message at once, when none of its parts is still to
//! be sent, or to be found.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use sea_orm::sea_query::LockType;
use sea_orm::{ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait};
use uuid::Uuid;

use super::redact;
use super::settle::read;
use crate::message::Status;
use crate::store::Error;
use crate::store::entities::{attempts, messages, parts};
use crate::store::reads::time;

/// Whether the sender asked that the text be kept no longer than it takes to send it.
pub(super) fn discards(part: &parts::Model) -> bool {
    part.options.as_ref().is_some_and(|options| options["discard_content"] == true)
}

/// Whether the text is still to be sent; or it is what the part is found by in the provider's list, as long as somebody
/// looks, and what is sent again if it is not there.
pub(super) fn needs_text(part: &parts::Model) -> bool {
    match part.state.as_str() {
        "queued" | "sending" => true,
        "unknown" => part.check_at.is_some(),
        _ => false,
    }
}

/// Whether a message of which this has become, with these parts, is not to be kept any more. One lost part makes the end
/// of a message, whatever becomes of the others.
pub(super) fn is_over(status: Status, parts: &[&parts::Model]) -> bool {
    let discards = parts.iter().any(|part| discards(part));
    discards && status.is_final() && !parts.iter().any(|part| needs_text(part))
}

/// Clears a message that is over. Where it came to its end before, only if anything is left of it: a later report is no
/// reason to do it again.
pub(super) async fn clear(
    transaction: &DatabaseTransaction,
    message: &messages::Model,
    now: Timestamp,
    ended_now: bool,
) -> Result<(), Error> {
    if !ended_now && message.text.is_empty() && !has_exchanges(transaction, message.id).await? {
        return Ok(());
    }
    redact::clear(transaction, message, now).await
}

async fn has_exchanges(transaction: &DatabaseTransaction, message_id: Uuid) -> Result<bool, Error> {
    let of_message =
        parts::Entity::find().select_only().column(parts::Column::Id).filter(parts::Column::MessageId.eq(message_id));
    let found = attempts::Entity::find()
        .select_only()
        .column(attempts::Column::Id)
        .filter(attempts::Column::PartId.in_subquery(of_message.into_query()))
        .filter(attempts::Column::Exchange.is_not_null())
        .into_tuple::<Uuid>()
        .one(transaction)
        .await?;
    Ok(found.is_some())
}

/// Clears what is over since nobody asks about these parts any more: nothing else moves their messages.
pub(super) async fn unasked(transaction: &DatabaseTransaction, part_ids: &[Uuid]) -> Result<(), Error> {
    let ids: Vec<Uuid> = parts::Entity::find()
        .select_only()
        .column(parts::Column::MessageId)
        .filter(parts::Column::Id.is_in(part_ids.iter().copied()))
        .filter(parts::Column::State.eq("unknown"))
        .into_tuple()
        .all(transaction)
        .await?;
    if ids.is_empty() {
        return Ok(());
    }
    let ids: BTreeSet<Uuid> = ids.into_iter().collect();
    // Before their parts are looked at, so that of two who leave nothing open, one sees what the other did.
    let messages = messages::Entity::find()
        .filter(messages::Column::Id.is_in(ids.clone()))
        .order_by_asc(messages::Column::Id)
        .lock(LockType::NoKeyUpdate)
        .all(transaction)
        .await?;
    let parts = parts::Entity::find().filter(parts::Column::MessageId.is_in(ids)).all(transaction).await?;
    let mut of: BTreeMap<Uuid, Vec<&parts::Model>> = BTreeMap::new();
    for part in &parts {
        of.entry(part.message_id).or_default().push(part);
    }
    for message in messages {
        if of.get(&message.id).is_some_and(|parts| is_over(read(&message.status), parts)) {
            clear(transaction, &message, time(message.updated_at), false).await?;
        }
    }
    Ok(())
}
