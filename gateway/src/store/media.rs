//! What is known of media: of those that messages carry, of uploads, and of the links to them. The
//! bytes themselves are files, which the store knows by their digest alone.

use jiff::Timestamp;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect, Statement};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::entities::{media, media_links, uploads};
use super::{Error, Store};
use crate::message::MessageId;

/// What a message's media begin with when they are uploads.
pub const UPLOAD: &str = "media:";

/// Where a medium of a message stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum MediaState {
    /// Only its URL is known, and that is all there will be.
    Linked,
    /// It is being fetched.
    Wanted,
    Stored,
    /// It can't be had.
    Failed,
}

impl MediaState {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Linked => "linked",
            Self::Wanted => "wanted",
            Self::Stored => "stored",
            Self::Failed => "failed",
        }
    }

    fn from_word(word: &str) -> Self {
        match word {
            "wanted" => Self::Wanted,
            "stored" => Self::Stored,
            "failed" => Self::Failed,
            _ => Self::Linked,
        }
    }
}

/// A medium of a message, as others see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = Medium)]
pub struct MessageMedia {
    pub url: String,
    /// What it is by its contents, once they are here; until then what was told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    pub state: MediaState,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Where it can be had; whoever shows it knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub href: Option<String>,
    /// SHA-256 of the contents, in hex.
    #[serde(skip)]
    pub digest: Option<String>,
}

impl From<media::Model> for MessageMedia {
    fn from(row: media::Model) -> Self {
        Self {
            url: row.url,
            content_type: row.sniffed_type.or(row.content_type),
            state: MediaState::from_word(&row.state),
            bytes: row.bytes.map(whole),
            error: row.error,
            href: None,
            digest: row.digest,
        }
    }
}

/// A file that is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredFile {
    /// SHA-256 of the contents, in hex.
    pub digest: String,
    pub bytes: u64,
    /// By its contents.
    pub content_type: String,
}

impl From<media_links::Model> for StoredFile {
    fn from(row: media_links::Model) -> Self {
        Self { digest: row.digest, bytes: whole(row.bytes), content_type: row.content_type }
    }
}

/// A medium that a worker may fetch now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WantedMedia {
    pub message_id: MessageId,
    pub position: i32,
    pub channel: String,
    pub url: String,
    /// As the provider told it.
    pub content_type: Option<String>,
    /// How many tries were made, this one included.
    pub tries: u32,
}

/// What a try to fetch a medium came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fetched {
    Stored(StoredFile),
    Retry { due_at: Timestamp, error: String },
    Failed { error: String },
}

/// A public link to a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// SHA-256 of the link's token, in hex: the database does not let anybody in.
    pub hash: String,
    /// The file's name in the link.
    pub name: String,
    pub file: StoredFile,
    pub expires_at: Timestamp,
}

/// A file that somebody let go of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DroppedFile {
    /// SHA-256 of the contents, in hex.
    pub digest: String,
    /// Whether a message or an upload has it still, and lets go of it later.
    pub is_had: bool,
    /// Whether a link leads to it.
    pub is_linked: bool,
    pub(super) times: i32,
}

/// What is stored of the token in a link. Tokens are random and long, so one round of hashing is enough.
pub fn token_hash(token: &str) -> String {
    hex::encode(Sha256::digest(token.as_bytes()))
}

/// What is stored of the link that this is, if it looks like one.
pub(super) fn link_hash(url: &str) -> Option<String> {
    let (url, _name) = url.rsplit_once('/')?;
    let (folder, token) = url.rsplit_once('/')?;
    let is_token = token.len() == 48 && token.bytes().all(|byte| byte.is_ascii_hexdigit());
    (folder.ends_with("/media") && is_token).then(|| token_hash(token))
}

fn whole(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

impl Store {
    /// When the next medium is to be fetched.
    pub async fn media_due(&self) -> Result<Option<Timestamp>, Error> {
        let due: Option<Option<i64>> = media::Entity::find()
            .select_only()
            .column_as(media::Column::DueAt.min(), "due_at")
            .filter(media::Column::State.eq(MediaState::Wanted.as_str()))
            .into_tuple()
            .one(&self.reads)
            .await?;
        Ok(due.flatten().map(super::reads::time))
    }

    /// One medium of a message, counted from 0.
    pub async fn medium(&self, id: MessageId, position: i32) -> Result<Option<MessageMedia>, Error> {
        let row = media::Entity::find_by_id((id.0, position)).one(&self.reads).await?;
        Ok(row.map(MessageMedia::from))
    }

    /// Files that somebody let go of, in the order of their digests, from the one after `after` on.
    pub async fn dropped_files(&self, after: &str, limit: usize) -> Result<Vec<DroppedFile>, Error> {
        let sql = format!(
            "SELECT d.digest, d.times, \
             (EXISTS (SELECT 1 FROM media WHERE media.digest = d.digest) \
             OR EXISTS (SELECT 1 FROM uploads WHERE uploads.digest = d.digest)) AS had, \
             EXISTS (SELECT 1 FROM media_links WHERE media_links.digest = d.digest) AS linked \
             FROM dropped_files AS d WHERE d.digest > $1 ORDER BY d.digest LIMIT {limit}"
        );
        let statement = Statement::from_sql_and_values(self.reads.get_database_backend(), sql, [after.into()]);
        let rows = self.reads.query_all_raw(statement).await?.into_iter().map(|row| {
            Ok(DroppedFile {
                digest: row.try_get("", "digest")?,
                is_had: row.try_get("", "had")?,
                is_linked: row.try_get("", "linked")?,
                times: row.try_get("", "times")?,
            })
        });
        rows.collect()
    }

    pub async fn upload(&self, id: Uuid) -> Result<Option<StoredFile>, Error> {
        let row = uploads::Entity::find_by_id(id).one(&self.reads).await?;
        Ok(row.map(|row| StoredFile { digest: row.digest, bytes: whole(row.bytes), content_type: row.content_type }))
    }

    /// The link with this hash, while it is valid.
    pub async fn link(&self, hash: &str, now: Timestamp) -> Result<Option<Link>, Error> {
        let row = media_links::Entity::find_by_id(hash.to_owned())
            .filter(media_links::Column::ExpiresAt.gt(now.as_millisecond()))
            .one(&self.reads)
            .await?;
        Ok(row.map(|row| Link {
            hash: row.hash.clone(),
            name: row.name.clone(),
            expires_at: super::reads::time(row.expires_at),
            file: row.into(),
        }))
    }
}
