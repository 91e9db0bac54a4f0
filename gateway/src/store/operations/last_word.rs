//! What somebody said last about what they allow, whatever came to be known last: a webhook may be lost, and what it
//! brought be found later in the provider's list or in a journal.

use std::time::Duration;

use jiff::Timestamp;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, Condition, DatabaseTransaction, EntityTrait, QueryFilter, QuerySelect};

use super::consent::Change;
use super::millis;
use crate::message::consent::{Choice, Source};
use crate::store::Error;
use crate::store::entities::{consent_events, consents};

/// As close to each other, an opting out counts as said last: a provider's clock is not ours, its list tells whole
/// seconds, and a webhook takes its time.
pub(super) const DOUBT: Duration = Duration::from_secs(15);

/// When it was last said what a row has.
pub(super) fn said(row: &consents::Model) -> i64 {
    row.said_again_at.map_or(row.at, |again| again.max(row.at))
}

/// Puts down that it was said again what is on record already. That changes nothing but which words are older.
pub(super) async fn again(
    transaction: &DatabaseTransaction,
    change: &Change<'_>,
    channel: &str,
    address: &str,
) -> Result<(), Error> {
    use consents::Column;
    let at = millis(change.at);
    consents::Entity::update_many()
        .col_expr(Column::SaidAgainAt, Expr::value(at))
        .filter(Column::Channel.eq(channel))
        .filter(Column::Address.eq(address))
        .filter(Column::State.eq(change.consent.choice.as_str()))
        .filter(Column::At.lt(at))
        .filter(Condition::any().add(Column::SaidAgainAt.is_null()).add(Column::SaidAgainAt.lt(at)))
        .exec(transaction)
        .await?;
    Ok(())
}

/// The opting in, of these, that takes the word of an opting out which was said at `latest`.
///
/// Somebody's own word stands up to what others say for them, unless these have something to show for it.
pub(super) async fn after(
    transaction: &DatabaseTransaction,
    out: &Change<'_>,
    standing: Vec<consents::Model>,
    latest: Timestamp,
) -> Result<Option<consents::Model>, Error> {
    let is_in = |row: &consents::Model| row.state == Choice::OptedIn.as_str() && said(row) > millis(latest);
    for row in standing.into_iter().filter(is_in) {
        if !out.consent.source.is_own() || is_own(&row) || is_proven(transaction, &row).await? {
            return Ok(Some(row));
        }
    }
    Ok(None)
}

/// Of somebody who is opted in, nobody but themselves says it again.
fn is_own(row: &consents::Model) -> bool {
    Source::from_word(&row.source).is_some_and(Source::is_own) || said(row) > row.at
}

async fn is_proven(transaction: &DatabaseTransaction, row: &consents::Model) -> Result<bool, Error> {
    use consent_events::Column;
    let line = consent_events::Entity::find()
        .select_only()
        .column(Column::Id)
        .filter(Column::Channel.eq(&row.channel))
        .filter(Column::Address.eq(&row.address))
        .filter(Column::Choice.eq(&row.state))
        .filter(Column::At.eq(row.at))
        .filter(Column::Proof.is_not_null())
        .into_tuple::<uuid::Uuid>()
        .one(transaction)
        .await?;
    Ok(line.is_some())
}
