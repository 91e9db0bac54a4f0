//! API keys.

use async_trait::async_trait;
use jiff::Timestamp;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter, Set};
use uuid::Uuid;

use super::millis;
use crate::store::entities::api_keys;
use crate::store::writer::Operation;
use crate::store::{Error, Store};

struct Create {
    id: Uuid,
    name: String,
    hash: String,
    at: Timestamp,
}

#[async_trait]
impl Operation for Create {
    type Output = ();

    async fn apply(&self, transaction: &DatabaseTransaction) -> Result<(), Error> {
        let row = api_keys::ActiveModel {
            id: Set(self.id),
            name: Set(self.name.clone()),
            hash: Set(self.hash.clone()),
            created_at: Set(millis(self.at)),
            revoked_at: Set(None),
        };
        api_keys::Entity::insert(row)
            .on_conflict_do_nothing_on([api_keys::Column::Hash])
            .exec_without_returning(transaction)
            .await?;
        Ok(())
    }
}

struct Revoke {
    id: Uuid,
    at: Timestamp,
}

#[async_trait]
impl Operation for Revoke {
    type Output = bool;

    async fn apply(&self, transaction: &DatabaseTransaction) -> Result<bool, Error> {
        let revoked = api_keys::Entity::update_many()
            .col_expr(api_keys::Column::RevokedAt, Expr::value(millis(self.at)))
            .filter(api_keys::Column::Id.eq(self.id))
            .filter(api_keys::Column::RevokedAt.is_null())
            .exec(transaction)
            .await?;
        Ok(revoked.rows_affected > 0)
    }
}

impl Store {
    /// Lets a key in by its SHA-256 (hex). A key that is there already stays as it is.
    pub async fn create_key(&self, id: Uuid, name: String, hash: String, at: Timestamp) -> Result<(), Error> {
        self.write(Create { id, name, hash, at }).await
    }

    /// False when there is no such key, or it was revoked before.
    pub async fn revoke_key(&self, id: Uuid, at: Timestamp) -> Result<bool, Error> {
        self.write(Revoke { id, at }).await
    }
}
