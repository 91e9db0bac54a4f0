//! Uploads, and the public links to them.

use std::collections::BTreeSet;

use async_trait::async_trait;
use jiff::Timestamp;
use sea_orm::sea_query::Expr;
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter, QuerySelect, Set, Statement, Value,
};
use uuid::Uuid;

use super::inserting::insert;
use super::{dropped, millis};
use crate::store::bulks::BulkState;
use crate::store::entities::{bulks, media_links, uploads};
use crate::store::media::{Link, StoredFile, UPLOAD};
use crate::store::retention::UNUSED;
use crate::store::writer::Operation;
use crate::store::{Error, Store};

struct Create {
    id: Uuid,
    file: StoredFile,
    at: Timestamp,
}

#[async_trait]
impl Operation for Create {
    type Output = ();

    async fn apply(&self, transaction: &DatabaseTransaction) -> Result<(), Error> {
        let row = uploads::ActiveModel {
            id: Set(self.id),
            digest: Set(self.file.digest.clone()),
            content_type: Set(self.file.content_type.clone()),
            bytes: Set(i64::try_from(self.file.bytes).unwrap_or(i64::MAX)),
            created_at: Set(millis(self.at)),
            used_at: Set(None),
            times_used: Set(Some(0)),
        };
        uploads::Entity::insert(row).exec_without_returning(transaction).await?;
        Ok(())
    }
}

struct Publish {
    links: Vec<Link>,
    used: BTreeSet<Uuid>,
    now: Timestamp,
}

#[async_trait]
impl Operation for Publish {
    /// One that is not there any more.
    type Output = Option<Uuid>;

    async fn apply(&self, transaction: &DatabaseTransaction) -> Result<Option<Uuid>, Error> {
        // What has expired lets nobody in any more; here is somebody who pays for the tidying.
        media_links::Entity::delete_many()
            .filter(media_links::Column::ExpiresAt.lte(millis(self.now)))
            .exec(transaction)
            .await?;
        for id in &self.used {
            let used = uploads::Entity::update_many()
                .col_expr(uploads::Column::UsedAt, Expr::value(millis(self.now)))
                .col_expr(uploads::Column::TimesUsed, Expr::cust("times_used + 1"))
                .filter(uploads::Column::Id.eq(*id))
                .exec(transaction)
                .await?;
            if used.rows_affected == 0 {
                return Ok(Some(*id));
            }
        }
        let rows = self.links.iter().map(|link| media_links::ActiveModel {
            hash: Set(link.hash.clone()),
            name: Set(link.name.clone()),
            digest: Set(link.file.digest.clone()),
            content_type: Set(link.file.content_type.clone()),
            bytes: Set(i64::try_from(link.file.bytes).unwrap_or(i64::MAX)),
            expires_at: Set(millis(link.expires_at)),
        });
        insert(transaction, rows.collect()).await?;
        Ok(None)
    }
}

/// Removes the next `limit` uploads that nobody used since `before`, and how many there were.
pub(super) async fn forget_unused(
    transaction: &DatabaseTransaction,
    before: Timestamp,
    limit: usize,
) -> Result<u64, Error> {
    let named: Vec<Value> = named_by_bulks(transaction).await?.into_iter().map(Value::from).collect();
    let places: Vec<String> = (2..named.len() + 2).map(|number| format!("${number}")).collect();
    let others = if named.is_empty() { String::new() } else { format!("AND id NOT IN ({})", places.join(", ")) };
    let sql = format!(
        "DELETE FROM uploads WHERE {UNUSED} AND id IN (SELECT id FROM uploads WHERE {UNUSED} {others} \
         ORDER BY COALESCE(used_at, created_at) LIMIT {limit}) RETURNING digest"
    );
    let values = [millis(before).into()].into_iter().chain(named);
    let statement = Statement::from_sql_and_values(transaction.get_database_backend(), sql, values);
    let rows = transaction.query_all_raw(statement).await?;
    let digests = rows.iter().map(|row| row.try_get("", "digest")).collect::<Result<Vec<String>, _>>()?;
    let forgotten = u64::try_from(digests.len()).unwrap_or(u64::MAX);
    dropped::drop_files(transaction, digests).await?;
    Ok(forgotten)
}

/// The uploads that bulk sends name which are not over.
pub(super) async fn named_by_bulks(transaction: &DatabaseTransaction) -> Result<BTreeSet<Uuid>, Error> {
    let contents: Vec<serde_json::Value> = bulks::Entity::find()
        .select_only()
        .column(bulks::Column::Content)
        .filter(bulks::Column::State.is_in([BulkState::Running, BulkState::Paused].map(BulkState::as_str)))
        .into_tuple()
        .all(transaction)
        .await?;
    let media = contents.iter().filter_map(|content| content.get("media")?.as_array()).flatten();
    let named = media.filter_map(|item| Uuid::parse_str(item.as_str()?.strip_prefix(UPLOAD)?).ok());
    Ok(named.collect())
}

/// Removes what was uploaded of these files, and the links to them: whom they were for is nobody any more.
pub(super) async fn forget_files(transaction: &DatabaseTransaction, files: &[String]) -> Result<(), Error> {
    let these = || files.iter().map(String::as_str);
    // In the order in which whoever publishes takes them.
    media_links::Entity::delete_many().filter(media_links::Column::Digest.is_in(these())).exec(transaction).await?;
    uploads::Entity::delete_many().filter(uploads::Column::Digest.is_in(these())).exec(transaction).await?;
    Ok(())
}

impl Store {
    pub async fn create_upload(&self, id: Uuid, file: StoredFile, at: Timestamp) -> Result<(), Error> {
        self.write(Create { id, file, at }).await
    }

    /// Adds links to the uploads that are used now, if any, and forgets links that have expired. Some id: that upload
    /// is not there any more, and no link was added.
    pub async fn publish(&self, links: Vec<Link>, used: BTreeSet<Uuid>, now: Timestamp) -> Result<Option<Uuid>, Error> {
        self.write(Publish { links, used, now }).await
    }
}
