//! Making one person of two: all that is the other's becomes the first one's, whose id the other's stands for
//! from then on.
//!
//! The conversations of both are locked first, so that nothing is decided about one of them meanwhile.

use async_trait::async_trait;
use jiff::Timestamp;
use sea_orm::sea_query::{Expr, LockType};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, IntoActiveModel, QueryFilter,
    QueryOrder, QuerySelect, Set, Statement,
};
use uuid::Uuid;

use super::contacts::to_json;
use super::{consent, millis};
use crate::store::contacts::{ContactChanged, Merge, find, survivor, with_addresses};
use crate::store::entities::{addresses, contacts, conversations};
use crate::store::plugins::to_attributes;
use crate::store::reporting::Reporting;
use crate::store::writer::Operation;
use crate::store::{Act, Error, Store};

struct Merging {
    merge: Merge,
    /// In the order of time, as those of plugins' state are.
    id: Uuid,
    reporting: Reporting,
}

#[async_trait]
impl Operation for Merging {
    type Output = ContactChanged;

    async fn apply(&self, transaction: &DatabaseTransaction) -> Result<ContactChanged, Error> {
        let merge = &self.merge;
        let Some(into) = survivor(transaction, merge.into.0).await? else { return Ok(ContactChanged::NotFound) };
        let Some(from) = survivor(transaction, merge.from.0).await? else { return Ok(ContactChanged::OtherNotFound) };
        lock(transaction, into.id, from.id).await?;
        let rows = contacts::Entity::find()
            .filter(contacts::Column::Id.is_in([into.id, from.id]))
            .order_by_asc(contacts::Column::Id)
            // No key changes: whoever only refers to them does not wait.
            .lock(LockType::NoKeyUpdate)
            .all(transaction)
            .await?;
        if rows.iter().any(|row| row.merged_into.is_some() || row.erased_at.is_some()) {
            return Err(Error::Overtaken("a contact was merged or erased just now".to_owned()));
        }
        let row = |id| rows.iter().find(|row| row.id == id).cloned();
        let (Some(into), Some(from)) = (row(into.id), row(from.id)) else { return Ok(ContactChanged::NotFound) };
        let Some(known) = with_addresses(transaction, vec![into.clone()]).await?.pop() else {
            return Ok(ContactChanged::NotFound);
        };
        if merge.expected.as_ref().is_some_and(|mark| *mark != known.mark()) {
            return Ok(ContactChanged::Mismatch);
        }
        if let Some(mark) = &merge.expected_from {
            let other = with_addresses(transaction, vec![from.clone()]).await?.pop();
            if other.is_none_or(|other| other.mark() != *mark) {
                return Ok(ContactChanged::Mismatch);
            }
        }
        if into.id == from.id {
            return Ok(ContactChanged::Same(known));
        }
        give(transaction, from.id, into.id).await?;
        remember(transaction, from.id, into.id, merge.at, self.id).await?;
        note(transaction, into, from, merge.at).await?;
        let merged = find(transaction, merge.into).await?;
        let Some(merged) = merged else { return Ok(ContactChanged::NotFound) };
        if let Some(address) = merged.addresses.first() {
            consent::end_all_that_waits(transaction, address.as_str(), merge.at, &self.reporting).await?;
        }
        Ok(ContactChanged::Done(merged))
    }
}

/// In one order for all.
async fn lock(transaction: &DatabaseTransaction, into: Uuid, from: Uuid) -> Result<(), Error> {
    conversations::Entity::find()
        .select_only()
        .column(conversations::Column::Id)
        .filter(conversations::Column::ContactId.is_in([into, from]))
        .order_by_asc(conversations::Column::Id)
        .lock(LockType::NoKeyUpdate)
        .into_tuple::<Uuid>()
        .all(transaction)
        .await?;
    Ok(())
}

/// The addresses first: who makes a conversation holds its address's until that is there.
async fn give(transaction: &DatabaseTransaction, from: Uuid, into: Uuid) -> Result<(), Error> {
    addresses::Entity::update_many()
        .col_expr(addresses::Column::ContactId, Expr::value(into))
        .filter(addresses::Column::ContactId.eq(from))
        .exec(transaction)
        .await?;
    conversations::Entity::update_many()
        .col_expr(conversations::Column::ContactId, Expr::value(into))
        .filter(conversations::Column::ContactId.eq(from))
        .exec(transaction)
        .await?;
    contacts::Entity::update_many()
        .col_expr(contacts::Column::MergedInto, Expr::value(into))
        .filter(contacts::Column::MergedInto.eq(from))
        .exec(transaction)
        .await?;
    Ok(())
}

/// What plugins remember of the other, with all versions. Where they remember something of both, that of the one
/// who stays counts.
async fn remember(
    transaction: &DatabaseTransaction,
    from: Uuid,
    into: Uuid,
    at: Timestamp,
    id: Uuid,
) -> Result<(), Error> {
    let backend = transaction.get_database_backend();
    let run = async |sql: &str, values: Vec<sea_orm::Value>| {
        transaction.execute_raw(Statement::from_sql_and_values(backend, sql, values)).await
    };
    let replace = "UPDATE plugin_state SET replaced_at = $1, replaced_by = $2 \
         WHERE scope = 'contact' AND subject = $3 AND replaced_at IS NULL";
    let at = millis(at);
    // What ran out is as good as gone.
    let over = format!("{replace} AND expires_at IS NOT NULL AND expires_at <= $1");
    run(&over, vec![at.into(), id.into(), into.into()]).await?;
    let both = format!(
        "{replace} AND EXISTS (SELECT 1 FROM plugin_state AS kept WHERE kept.plugin = plugin_state.plugin \
         AND kept.scope = 'contact' AND kept.subject = $4 AND kept.key = plugin_state.key \
         AND kept.replaced_at IS NULL)"
    );
    run(&both, vec![at.into(), id.into(), from.into(), into.into()]).await?;
    let give = "UPDATE plugin_state SET subject = $1 WHERE scope = 'contact' AND subject = $2";
    run(give, vec![into.into(), from.into()]).await?;
    Ok(())
}

/// What is noted about the other, as far as nothing is about the one who stays.
async fn note(
    transaction: &DatabaseTransaction,
    into: contacts::Model,
    from: contacts::Model,
    at: Timestamp,
) -> Result<(), Error> {
    let mut attributes = to_attributes(from.attributes.clone());
    attributes.extend(to_attributes(into.attributes.clone()));
    let name = into.name.clone().filter(|name| !name.trim().is_empty()).or_else(|| from.name.clone());
    let stays = into.id;
    let mut row = into.into_active_model();
    row.name = Set(name);
    row.attributes = Set((!attributes.is_empty()).then(|| to_json(&attributes)));
    row.updated_at = Set(millis(at));
    row.update(transaction).await?;
    let mut row = from.into_active_model();
    row.name = Set(None);
    row.attributes = Set(None);
    row.merged_into = Set(Some(stays));
    row.updated_at = Set(millis(at));
    row.update(transaction).await?;
    Ok(())
}

impl Store {
    /// Makes one person of two.
    pub async fn merge_contacts(&self, merge: Merge, act: Act) -> Result<ContactChanged, Error> {
        let merging = Merging { merge, id: act.id, reporting: self.reporting.clone() };
        self.write_by(merging, act, |changed| matches!(changed, ContactChanged::Done(_))).await
    }
}
