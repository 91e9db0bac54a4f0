//! Media that are to be fetched: leasing them, and what came of it.

use std::collections::BTreeMap;

use async_trait::async_trait;
use jiff::Timestamp;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, DatabaseTransaction, DbBackend, EntityTrait, FromQueryResult,
    IntoActiveModel, QueryFilter, QuerySelect, Set, Statement,
};
use uuid::Uuid;

use super::{columns, dropped, millis, storable};
use crate::message::MessageId;
use crate::store::entities::{media, media_links, messages};
use crate::store::media::{Fetched, MediaState, StoredFile, WantedMedia, link_hash};
use crate::store::writer::Operation;
use crate::store::{Error, Store};

/// Up to `limit` media, which nobody else is given until `until`: whoever stops meanwhile has done
/// no harm, since fetching again is as good.
struct Claim {
    now: Timestamp,
    until: Timestamp,
    limit: usize,
}

#[async_trait]
impl Operation for Claim {
    type Output = Vec<WantedMedia>;

    async fn apply(&self, transaction: &DatabaseTransaction) -> Result<Vec<WantedMedia>, Error> {
        let backend = transaction.get_database_backend();
        // Several gateways may share a Postgres: none waits for, or takes, what another holds.
        let lock = if backend == DbBackend::Postgres { " FOR UPDATE SKIP LOCKED" } else { "" };
        let limit = self.limit;
        let sql = format!(
            "WITH claimed AS MATERIALIZED (SELECT message_id, position FROM media WHERE state = 'wanted' \
             AND due_at <= $2 ORDER BY due_at, message_id, position LIMIT {limit}{lock}) \
             UPDATE media SET tries = tries + 1, due_at = $1 \
             WHERE (message_id, position) IN (SELECT message_id, position FROM claimed) RETURNING {}",
            columns::all::<media::Entity>()
        );
        let values = [millis(self.until).into(), millis(self.now).into()];
        let rows = transaction.query_all_raw(Statement::from_sql_and_values(backend, sql, values)).await?;
        let rows = rows.iter().map(|row| media::Model::from_query_result(row, "")).collect::<Result<Vec<_>, _>>()?;
        let mut channels = channels(transaction, &rows).await?;
        let wanted = rows.into_iter().map(|row| WantedMedia {
            message_id: MessageId(row.message_id),
            position: row.position,
            channel: channels.entry(row.message_id).or_default().clone(),
            url: row.url,
            content_type: row.content_type,
            tries: u32::try_from(row.tries).unwrap_or(0),
        });
        Ok(wanted.collect())
    }
}

async fn channels(transaction: &DatabaseTransaction, rows: &[media::Model]) -> Result<BTreeMap<Uuid, String>, Error> {
    if rows.is_empty() {
        return Ok(BTreeMap::new());
    }
    let found: Vec<(Uuid, String)> = messages::Entity::find()
        .select_only()
        .columns([messages::Column::Id, messages::Column::Channel])
        .filter(messages::Column::Id.is_in(rows.iter().map(|row| row.message_id)))
        .into_tuple()
        .all(transaction)
        .await?;
    Ok(found.into_iter().collect())
}

/// The files that these addresses lead to, where they are links of ours.
pub(super) async fn linked<'a>(
    transaction: &DatabaseTransaction,
    urls: impl Iterator<Item = &'a String>,
) -> Result<BTreeMap<&'a str, StoredFile>, Error> {
    let hashes: BTreeMap<String, &str> = urls.filter_map(|url| Some((link_hash(url)?, url.as_str()))).collect();
    if hashes.is_empty() {
        return Ok(BTreeMap::new());
    }
    let links = media_links::Entity::find()
        .filter(media_links::Column::Hash.is_in(hashes.keys().map(String::as_str)))
        .all(transaction)
        .await?;
    let known = links.into_iter().filter_map(|row| Some((*hashes.get(&row.hash)?, StoredFile::from(row))));
    Ok(known.collect())
}

/// The row of a medium whose file is here.
pub(super) fn stored(row: media::ActiveModel, file: &StoredFile) -> media::ActiveModel {
    media::ActiveModel {
        state: Set(MediaState::Stored.as_str().to_owned()),
        digest: Set(Some(file.digest.clone())),
        bytes: Set(i64::try_from(file.bytes).ok()),
        sniffed_type: Set(Some(storable(&file.content_type))),
        ..row
    }
}

struct Settle {
    message_id: MessageId,
    position: i32,
    tries: u32,
    fetched: Fetched,
}

#[async_trait]
impl Operation for Settle {
    type Output = ();

    async fn apply(&self, transaction: &DatabaseTransaction) -> Result<(), Error> {
        let found =
            media::Entity::find_by_id((self.message_id.0, self.position)).lock_exclusive().one(transaction).await?;
        // What is linked is not wanted any more: whose it was was erased meanwhile.
        let row = found.filter(|row| row.state != MediaState::Linked.as_str());
        let Some(row) = row.filter(|row| row.state != MediaState::Stored.as_str()) else {
            // The file is here, though, and may be nobody's.
            return match &self.fetched {
                Fetched::Stored(file) => dropped::drop_files(transaction, [file.digest.clone()]).await,
                _ => Ok(()),
            };
        };
        // A worker whose time was over knows less than the one after it, but for the file itself.
        let late = row.tries != super::count(self.tries) || row.state != MediaState::Wanted.as_str();
        let mut row = row.into_active_model();
        match &self.fetched {
            Fetched::Stored(file) => {
                row.state = Set(MediaState::Stored.as_str().to_owned());
                row.digest = Set(Some(file.digest.clone()));
                row.bytes = Set(i64::try_from(file.bytes).ok());
                row.sniffed_type = Set(Some(storable(&file.content_type)));
                row.due_at = Set(None);
                row.error = Set(None);
            }
            _ if late => return Ok(()),
            Fetched::Retry { due_at, error } => {
                row.due_at = Set(Some(millis(*due_at)));
                row.error = Set(Some(storable(error)));
            }
            Fetched::Failed { error } => {
                row.state = Set(MediaState::Failed.as_str().to_owned());
                row.due_at = Set(None);
                row.error = Set(Some(storable(error)));
            }
        }
        row.update(transaction).await?;
        Ok(())
    }
}

impl Store {
    /// Media that are due, `limit` at the most; they are due again at `until` unless they are
    /// settled before.
    pub async fn claim_media(&self, now: Timestamp, until: Timestamp, limit: usize) -> Result<Vec<WantedMedia>, Error> {
        self.write(Claim { now, until, limit }).await
    }

    /// Records what a try to fetch a medium came to. A file that nobody wants any more is put down as one that was let
    /// go of.
    pub async fn settle_media(&self, wanted: &WantedMedia, fetched: Fetched) -> Result<(), Error> {
        let WantedMedia { message_id, position, tries, .. } = *wanted;
        self.write(Settle { message_id, position, tries, fetched }).await
    }
}
