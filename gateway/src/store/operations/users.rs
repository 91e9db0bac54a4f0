//! Who works in the console. A password that changes, or somebody who is disabled, ends their sessions.

use async_trait::async_trait;
use jiff::Timestamp;
use sea_orm::sea_query::{LockType, OnConflict};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, DatabaseTransaction, EntityTrait, IntoActiveModel, QueryFilter, QuerySelect, Set,
    TryInsertResult,
};
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
enum What {
    /// Its hash.
    Password(String),
    Role(Role),
    Locale(Locale),
    Disabled(Option<Timestamp>),
}

impl What {
    fn is_so(&self, user: &users::Model) -> bool {
        match self {
            Self::Password(hash) => user.password == *hash,
            Self::Role(role) => user.role == role.as_str(),
            Self::Locale(locale) => user.locale == locale.as_str(),
            Self::Disabled(since) => user.disabled_at.is_some() == since.is_some(),
        }
    }

    fn put(&self, user: &mut users::ActiveModel) {
        match self {
            Self::Password(hash) => user.password = Set(hash.clone()),
            Self::Role(role) => user.role = Set(role.as_str().to_owned()),
            Self::Locale(locale) => user.locale = Set(locale.as_str().to_owned()),
            Self::Disabled(since) => user.disabled_at = Set(since.map(millis)),
        }
    }

    /// Whether who is signed in as them is not any more.
    fn ends_sessions(&self) -> bool {
        matches!(self, Self::Password(_) | Self::Disabled(_))
    }
}

struct Change {
    id: Uuid,
    what: What,
}

/// What came of it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Changed {
    Done,
    /// It was so before.
    Same,
    Nobody,
}

#[async_trait]
impl Operation for Change {
    type Output = Changed;

    async fn apply(&self, transaction: &DatabaseTransaction) -> Result<Changed, Error> {
        let found = users::Entity::find_by_id(self.id).lock(LockType::NoKeyUpdate).one(transaction).await?;
        let Some(user) = found else { return Ok(Changed::Nobody) };
        if self.what.is_so(&user) {
            return Ok(Changed::Same);
        }
        let mut user = user.into_active_model();
        self.what.put(&mut user);
        user.update(transaction).await?;
        if self.what.ends_sessions() {
            sessions::Entity::delete_many().filter(sessions::Column::UserId.eq(self.id)).exec(transaction).await?;
        }
        Ok(Changed::Done)
    }
}

impl Store {
    /// False if there is somebody of that name.
    pub async fn create_user(&self, user: NewUser, act: Act) -> Result<bool, Error> {
        self.write_by(user, act, |made| *made).await
    }

    /// Takes the hash of a new password. False if there is no such user; likewise below.
    pub async fn set_password(&self, id: Uuid, password: String, act: Act) -> Result<bool, Error> {
        self.change_user(id, What::Password(password), act).await
    }

    pub async fn set_role(&self, id: Uuid, role: Role, act: Act) -> Result<bool, Error> {
        self.change_user(id, What::Role(role), act).await
    }

    pub async fn set_locale(&self, id: Uuid, locale: Locale) -> Result<bool, Error> {
        Ok(self.write(Change { id, what: What::Locale(locale) }).await? != Changed::Nobody)
    }

    /// Locks somebody out, or lets them in again.
    pub async fn disable_user(&self, id: Uuid, since: Option<Timestamp>, act: Act) -> Result<bool, Error> {
        self.change_user(id, What::Disabled(since), act).await
    }

    /// On record if it changes anything.
    async fn change_user(&self, id: Uuid, what: What, act: Act) -> Result<bool, Error> {
        let changed = self.write_by(Change { id, what }, act, |changed| *changed == Changed::Done).await?;
        Ok(changed != Changed::Nobody)
    }
}
