//! What stays of a message that the gate refuses: whoever asks later finds what it was, and why it was not sent. It
//! changes nothing else, as nothing was said.

use std::collections::BTreeMap;

use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter, QueryOrder};
use uuid::Uuid;

use super::conversation::Key;
use crate::gate::Refusal;
use crate::store::entities::{contacts, conversations};
use crate::store::records::Submission;
use crate::store::{Error, Rejection};

pub(super) fn kept(submission: &Submission, refusal: Refusal) -> Submission {
    let mut kept = submission.clone();
    kept.tags.clear();
    let message = &mut kept.message;
    message.parts.clear();
    message.segments = 0;
    message.callback = None;
    message.rejected = Some(Rejection::Gate(refusal));
    if message.options.discard_content == Some(true) {
        // Nothing more becomes of it, so that this is the moment.
        message.text.clear();
        for trace in &mut kept.traces {
            trace.decision = serde_json::json!({ "redacted": true });
        }
    }
    kept
}

pub(super) fn is_kept(submission: &Submission) -> bool {
    matches!(submission.message.rejected, Some(Rejection::Gate(_)))
}

/// Where these belong that are only kept: in the conversation that is open, or else in that which was closed last. None
/// is begun or opened for one of them, unless there never was any.
pub(super) async fn places(
    transaction: &DatabaseTransaction,
    keys: impl Iterator<Item = Key>,
) -> Result<BTreeMap<Key, Uuid>, Error> {
    use conversations::Column;
    let mut places = BTreeMap::new();
    for key in keys {
        let with =
            || conversations::Entity::find().filter(Column::Channel.eq(&key.0)).filter(Column::Address.eq(&key.1));
        // Word for word the conditions of the partial indexes, so that SQLite uses them.
        let mut found = with().filter(Expr::cust("status <> 'closed'")).one(transaction).await?;
        if found.is_none() {
            // Not that of somebody who was erased, of whom nothing is to be known.
            let closed = with()
                .find_also_related(contacts::Entity)
                .filter(Expr::cust("closed_at IS NOT NULL"))
                .filter(contacts::Column::ErasedAt.is_null())
                .order_by_desc(Column::ClosedAt);
            found = closed.one(transaction).await?.map(|(found, _)| found);
        }
        if let Some(found) = found {
            places.insert(key, found.id);
        }
    }
    Ok(places)
}
