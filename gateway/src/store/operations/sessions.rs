//! Who is signed in.

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, Condition, DatabaseTransaction, EntityTrait, QueryFilter, Set};

use super::millis;
use crate::store::entities::sessions;
use crate::store::people::NewSession;
use crate::store::writer::Operation;
use crate::store::{Error, Store};

struct Begin {
    session: NewSession,
    idle: SignedDuration,
}

#[async_trait]
impl Operation for Begin {
    type Output = ();

    async fn apply(&self, transaction: &DatabaseTransaction) -> Result<(), Error> {
        let NewSession { hash, user_id, csrf, at, expires_at } = &self.session;
        let silent = at.checked_sub(self.idle).unwrap_or(Timestamp::MIN);
        let over = Condition::any()
            .add(sessions::Column::ExpiresAt.lt(millis(*at)))
            .add(sessions::Column::SeenAt.lt(millis(silent)));
        sessions::Entity::delete_many().filter(over).exec(transaction).await?;
        let row = sessions::ActiveModel {
            hash: Set(hash.clone()),
            user_id: Set(*user_id),
            csrf: Set(csrf.clone()),
            created_at: Set(millis(*at)),
            seen_at: Set(millis(*at)),
            expires_at: Set(millis(*expires_at)),
        };
        sessions::Entity::insert(row).exec_without_returning(transaction).await?;
        Ok(())
    }
}

struct See {
    hash: String,
    at: Timestamp,
}

#[async_trait]
impl Operation for See {
    type Output = ();

    async fn apply(&self, transaction: &DatabaseTransaction) -> Result<(), Error> {
        sessions::Entity::update_many()
            .col_expr(sessions::Column::SeenAt, Expr::value(millis(self.at)))
            .filter(sessions::Column::Hash.eq(&self.hash))
            .exec(transaction)
            .await?;
        Ok(())
    }
}

struct End {
    hash: String,
}

#[async_trait]
impl Operation for End {
    type Output = ();

    async fn apply(&self, transaction: &DatabaseTransaction) -> Result<(), Error> {
        sessions::Entity::delete_by_id(self.hash.clone()).exec(transaction).await?;
        Ok(())
    }
}

impl Store {
    /// Lets somebody in, and forgets the sessions that are over or were idle for so long.
    pub async fn begin_session(&self, session: NewSession, idle: SignedDuration) -> Result<(), Error> {
        self.write(Begin { session, idle }).await
    }

    /// Somebody did something.
    pub async fn see_session(&self, hash: &str, at: Timestamp) -> Result<(), Error> {
        self.write(See { hash: hash.to_owned(), at }).await
    }

    pub async fn end_session(&self, hash: &str) -> Result<(), Error> {
        self.write(End { hash: hash.to_owned() }).await
    }
}
