//! Who works in the console. A password that changes, or somebody who is disabled, ends their sessions.

use async_trait::async_trait;
use jiff::Timestamp;
use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter, Set, TryInsertResult};
use uuid::Uuid;

use super::{millis, storable};
use crate::message::Locale;
use crate::store::entities::{sessions, users};
use crate::store::people::{NewUser, Role};
use crate::store::writer::Operation;
use crate::store::{Act, Error, Store};

#[async_trait]
impl Operation for NewUser {
    type Output = bool;

    async fn apply(&self, transaction: &DatabaseTransaction) -> Result<bool, Error> {
        let row = users::ActiveModel {
            id: Set(self.id),
            name: Set(storable(&self.name)),
            password: Set(self.password.clone()),
            role: Set(self.role.as_str().to_owned()),
            locale: Set(self.locale.as_str().to_owned()),
            created_at: Set(millis(self.at)),
            disabled_at: Set(None),
        };
        let once = OnConflict::column(users::Column::Name).do_nothing().to_owned();
        let inserted = users::Entity::insert(row).on_conflict(once).try_insert().exec_without_returning(transaction);
        Ok(matches!(inserted.await?, TryInsertResult::Inserted(rows) if rows > 0))
    }
}

/// What is to be another one about somebody.
struct Change {
    id: Uuid,
    column: users::Column,
    value: sea_orm::Value,
    /// Who is signed in as them is not any more.
    ends_sessions: bool,
}

#[async_trait]
impl Operation for Change {
    type Output = bool;

    async fn apply(&self, transaction: &DatabaseTransaction) -> Result<bool, Error> {
        let changed = users::Entity::update_many()
            .col_expr(self.column, Expr::value(self.value.clone()))
            .filter(users::Column::Id.eq(self.id))
            .exec(transaction)
            .await?;
        if self.ends_sessions {
            sessions::Entity::delete_many().filter(sessions::Column::UserId.eq(self.id)).exec(transaction).await?;
        }
        Ok(changed.rows_affected > 0)
    }
}

impl Store {
    /// False if there is somebody of that name.
    pub async fn create_user(&self, user: NewUser, act: Act) -> Result<bool, Error> {
        self.write_by(user, act, |made| *made).await
    }

    /// Takes the hash of a new password. False if there is no such user; likewise below.
    pub async fn set_password(&self, id: Uuid, password: String, act: Act) -> Result<bool, Error> {
        let change = Change { id, column: users::Column::Password, value: password.into(), ends_sessions: true };
        self.write_by(change, act, |found| *found).await
    }

    pub async fn set_role(&self, id: Uuid, role: Role, act: Act) -> Result<bool, Error> {
        let value = role.as_str().into();
        let change = Change { id, column: users::Column::Role, value, ends_sessions: false };
        self.write_by(change, act, |found| *found).await
    }

    pub async fn set_locale(&self, id: Uuid, locale: Locale) -> Result<bool, Error> {
        let value = locale.as_str().into();
        self.write(Change { id, column: users::Column::Locale, value, ends_sessions: false }).await
    }

    /// Locks somebody out, or lets them in again.
    pub async fn disable_user(&self, id: Uuid, since: Option<Timestamp>, act: Act) -> Result<bool, Error> {
        let value = since.map(millis).into();
        let change = Change { id, column: users::Column::DisabledAt, value, ends_sessions: true };
        self.write_by(change, act, |found| *found).await
    }
}
