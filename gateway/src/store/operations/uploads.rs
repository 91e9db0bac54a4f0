//! Uploads, and the public links to them.

use async_trait::async_trait;
use jiff::Timestamp;
use sea_orm::{ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter, Set};
use uuid::Uuid;

use super::inserting::insert;
use super::millis;
use crate::store::entities::{media_links, uploads};
use crate::store::media::{Link, StoredFile};
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
        };
        uploads::Entity::insert(row).exec_without_returning(transaction).await?;
        Ok(())
    }
}

struct Publish {
    links: Vec<Link>,
    now: Timestamp,
}

#[async_trait]
impl Operation for Publish {
    type Output = ();

    async fn apply(&self, transaction: &DatabaseTransaction) -> Result<(), Error> {
        // What has expired lets nobody in any more; here is somebody who pays for the tidying.
        media_links::Entity::delete_many()
            .filter(media_links::Column::ExpiresAt.lte(millis(self.now)))
            .exec(transaction)
            .await?;
        if self.links.is_empty() {
            return Ok(());
        }
        let rows = self.links.iter().map(|link| media_links::ActiveModel {
            hash: Set(link.hash.clone()),
            name: Set(link.name.clone()),
            digest: Set(link.file.digest.clone()),
            content_type: Set(link.file.content_type.clone()),
            bytes: Set(i64::try_from(link.file.bytes).unwrap_or(i64::MAX)),
            expires_at: Set(millis(link.expires_at)),
        });
        insert(transaction, rows.collect()).await
    }
}

impl Store {
    pub async fn create_upload(&self, id: Uuid, file: StoredFile, at: Timestamp) -> Result<(), Error> {
        self.write(Create { id, file, at }).await
    }

    /// Adds links, and forgets those that have expired.
    pub async fn publish(&self, links: Vec<Link>, now: Timestamp) -> Result<(), Error> {
        self.write(Publish { links, now }).await
    }
}
