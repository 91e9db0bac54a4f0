//! API keys.

use async_trait::async_trait;
use jiff::Timestamp;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, Condition, DatabaseTransaction, EntityTrait, QueryFilter, Set, TryInsertResult};
use uuid::Uuid;

use super::{count, millis, storable};
use crate::message::Scope;
use crate::store::audit::Act;
use crate::store::entities::api_keys;
use crate::store::writer::Operation;
use crate::store::{Error, Store};

/// An API key to be let in.
#[derive(Clone, Debug)]
pub struct NewKey {
    pub id: Uuid,
    /// Who it is for.
    pub name: String,
    /// SHA-256 of the key, in hex.
    pub hash: String,
    /// What it may be used for; none is everything.
    pub scopes: Option<Vec<Scope>>,
    pub expires_at: Option<Timestamp>,
    /// Requests a second.
    pub per_second: Option<u32>,
    pub at: Timestamp,
}

struct Create(NewKey);

#[async_trait]
impl Operation for Create {
    type Output = bool;

    async fn apply(&self, transaction: &DatabaseTransaction) -> Result<bool, Error> {
        let new = &self.0;
        let row = api_keys::ActiveModel {
            id: Set(new.id),
            name: Set(storable(&new.name)),
            hash: Set(new.hash.clone()),
            created_at: Set(millis(new.at)),
            revoked_at: Set(None),
            scopes: Set(new.scopes.as_ref().map(|scopes| serde_json::json!(scopes))),
            expires_at: Set(new.expires_at.map(millis)),
            last_used_at: Set(None),
            per_second: Set(new.per_second.map(count)),
        };
        let inserted = api_keys::Entity::insert(row)
            .on_conflict_do_nothing_on([api_keys::Column::Hash])
            .exec_without_returning(transaction)
            .await?;
        Ok(matches!(inserted, TryInsertResult::Inserted(rows) if rows > 0))
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

struct Used {
    id: Uuid,
    at: Timestamp,
}

#[async_trait]
impl Operation for Used {
    type Output = ();

    /// Several gateways may say so: the latest counts.
    async fn apply(&self, transaction: &DatabaseTransaction) -> Result<(), Error> {
        let at = millis(self.at);
        let earlier =
            Condition::any().add(api_keys::Column::LastUsedAt.is_null()).add(api_keys::Column::LastUsedAt.lt(at));
        api_keys::Entity::update_many()
            .col_expr(api_keys::Column::LastUsedAt, Expr::value(at))
            .filter(api_keys::Column::Id.eq(self.id))
            .filter(earlier)
            .exec(transaction)
            .await?;
        Ok(())
    }
}

impl Store {
    /// Lets a key in by its SHA-256 (hex). False if it is there already: then it stays as it is.
    pub async fn create_key(&self, new: NewKey, act: Act) -> Result<bool, Error> {
        self.write_by(Create(new), act, |created| *created).await
    }

    /// False when there is no such key, or it was revoked before.
    pub async fn revoke_key(&self, id: Uuid, act: Act) -> Result<bool, Error> {
        let at = act.at;
        self.write_by(Revoke { id, at }, act, |revoked| *revoked).await
    }

    /// That a key was used.
    pub async fn used_key(&self, id: Uuid, at: Timestamp) -> Result<(), Error> {
        self.write(Used { id, at }).await
    }
}
