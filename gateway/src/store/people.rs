//! The people who work in the console, their sessions, and what they wrote.

use std::collections::BTreeMap;

use jiff::Timestamp;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::entities::{authors, notes, sessions, users};
use super::reads::time;
use super::{Error, Store};
use crate::message::{ConversationId, Locale, MessageId};

/// The key by which what the console sends is told from what others send: an idempotency key belongs to one. Its
/// hash is none, so it lets nobody in.
pub const CONSOLE_KEY: Uuid = Uuid::from_u128(0xc0_0501e);
pub const CONSOLE_KEY_HASH: &str = "console";

/// What somebody may do; each may do what those before may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Looks.
    Viewer,
    /// Answers people, notes, assigns and closes.
    Agent,
    /// Also plugins, channels, endpoints and users.
    Owner,
}

impl Role {
    pub const ALL: [Self; 3] = [Self::Owner, Self::Agent, Self::Viewer];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Agent => "agent",
            Self::Owner => "owner",
        }
    }

    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == word)
    }
}

/// Somebody to be let in.
#[derive(Clone, Debug)]
pub struct NewUser {
    pub id: Uuid,
    pub name: String,
    /// The hash of the password.
    pub password: String,
    pub role: Role,
    pub locale: Locale,
    pub at: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct User {
    pub id: Uuid,
    pub name: String,
    #[serde(skip)]
    pub password: String,
    pub role: Role,
    pub locale: Locale,
    pub created_at: Timestamp,
    pub disabled_at: Option<Timestamp>,
}

/// Somebody who signs in.
#[derive(Clone, Debug)]
pub struct NewSession {
    /// SHA-256 of the token, in hex.
    pub hash: String,
    pub user_id: Uuid,
    pub csrf: String,
    pub at: Timestamp,
    pub expires_at: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    pub hash: String,
    pub csrf: String,
    pub seen_at: Timestamp,
    pub expires_at: Timestamp,
    pub user: User,
}

/// What somebody noted about a conversation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Note {
    pub id: Uuid,
    pub user: String,
    pub text: String,
    pub created_at: Timestamp,
}

/// The most notes of a conversation that are shown.
const NOTES: u64 = 100;

impl Store {
    /// By name, also those who are locked out.
    pub async fn users(&self) -> Result<Vec<User>, Error> {
        let rows = users::Entity::find().order_by_asc(users::Column::Name).all(&self.reads).await?;
        Ok(rows.into_iter().map(to_user).collect())
    }

    pub async fn user_named(&self, name: &str) -> Result<Option<User>, Error> {
        if name.contains('\0') {
            return Ok(None);
        }
        let row = users::Entity::find().filter(users::Column::Name.eq(name)).one(&self.reads).await?;
        Ok(row.map(to_user))
    }

    /// Who is signed in by the token of this SHA-256 (hex), unless they were locked out.
    pub async fn session(&self, hash: &str) -> Result<Option<Session>, Error> {
        let Some(row) = sessions::Entity::find_by_id(hash).one(&self.reads).await? else { return Ok(None) };
        let user = users::Entity::find_by_id(row.user_id).one(&self.reads).await?.map(to_user);
        Ok(user.filter(|user| user.disabled_at.is_none()).map(|user| Session {
            hash: row.hash,
            csrf: row.csrf,
            seen_at: time(row.seen_at),
            expires_at: time(row.expires_at),
            user,
        }))
    }

    /// The newest notes of a conversation, oldest first.
    pub async fn notes(&self, id: ConversationId) -> Result<Vec<Note>, Error> {
        let mut rows = notes::Entity::find()
            .filter(notes::Column::ConversationId.eq(id.0))
            .order_by_desc(notes::Column::Id)
            .limit(NOTES)
            .all(&self.reads)
            .await?;
        rows.reverse();
        let names = self.names_of(rows.iter().map(|row| row.user_id).collect()).await?;
        let note = |row: notes::Model| Note {
            id: row.id,
            user: names.get(&row.user_id).cloned().unwrap_or_default(),
            text: row.text,
            created_at: time(row.created_at),
        };
        Ok(rows.into_iter().map(note).collect())
    }

    /// Who sent these from the console, by name.
    pub async fn authors(&self, of: &[MessageId]) -> Result<BTreeMap<MessageId, String>, Error> {
        if of.is_empty() {
            return Ok(BTreeMap::new());
        }
        let rows = authors::Entity::find()
            .filter(authors::Column::MessageId.is_in(of.iter().map(|id| id.0)))
            .all(&self.reads)
            .await?;
        let names = self.names_of(rows.iter().map(|row| row.user_id).collect()).await?;
        let signed = |row: authors::Model| Some((MessageId(row.message_id), names.get(&row.user_id)?.clone()));
        Ok(rows.into_iter().filter_map(signed).collect())
    }

    async fn names_of(&self, ids: Vec<Uuid>) -> Result<BTreeMap<Uuid, String>, Error> {
        if ids.is_empty() {
            return Ok(BTreeMap::new());
        }
        let rows = users::Entity::find().filter(users::Column::Id.is_in(ids)).all(&self.reads).await?;
        Ok(rows.into_iter().map(|row| (row.id, row.name)).collect())
    }
}

fn to_user(row: users::Model) -> User {
    User {
        id: row.id,
        name: row.name,
        password: row.password,
        // A word that nobody knows lets nobody do anything.
        role: Role::from_word(&row.role).unwrap_or(Role::Viewer),
        locale: Locale::from_tag(&row.locale),
        created_at: time(row.created_at),
        disabled_at: row.disabled_at.map(time),
    }
}
