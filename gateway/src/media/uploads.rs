//! What applications upload, and the public links by which a provider fetches it.
//!
//! A link is its own permission: it holds a token that nobody guesses, and ends. Only the token's
//! hash is kept beside the file, so that looking a link up is looking for a hash, and tells nobody
//! who tries tokens how near they came. The link itself is in the message that it goes with, since
//! the provider is given it anew with each try.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use uuid::Uuid;

use super::files::Files;
use super::kind::{self, Unsuitable};
use crate::clock::{Clock, Ids};
use crate::message::MAX_MEDIA;
pub use crate::store::UPLOAD;
use crate::store::{self, Link, Store, StoredFile, token_hash};

/// Why it was not done.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the body is empty; send the file's bytes")]
    Empty,
    #[error(transparent)]
    Unsuitable(#[from] Unsuitable),
    #[error("there is no upload `{0}`; POST /v1/media makes one, and says its id")]
    NoUpload(String),
    #[error("the file can't be kept: {0}")]
    Files(#[from] std::io::Error),
    #[error("the system gives no random bytes")]
    NoRandomness,
    #[error(transparent)]
    Store(#[from] store::Error),
}

/// An upload, as its application sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Upload {
    pub id: Uuid,
    /// What a message's `media` names it by.
    pub media: String,
    pub content_type: String,
    pub bytes: u64,
    pub sha256: String,
}

/// What [`Uploads`] are made of.
pub struct UploadsParts {
    pub store: Store,
    pub files: Files,
    pub clock: Arc<dyn Clock>,
    pub ids: Arc<Ids>,
    /// Where providers reach us: scheme, host and prefix, without a slash at the end.
    pub public_url: String,
    /// The most bytes of one file.
    pub max_bytes: usize,
    pub link_ttl_h: u32,
    /// Bytes that nobody guesses; none where the system has none.
    pub random: fn() -> Option<[u8; 24]>,
}

/// The uploads and their links; cheap to clone.
#[derive(Clone)]
pub struct Uploads(Arc<UploadsParts>);

impl Uploads {
    pub fn new(parts: UploadsParts) -> Self {
        Self(Arc::new(parts))
    }

    /// Removes files that nothing has any more, by their SHA-256. One that was kept lately stays for now: it may be
    /// somebody else's, too, who has not put it down yet.
    pub async fn remove_files(&self, digests: &[String]) -> Result<(), Error> {
        for digest in digests {
            self.0.files.remove(digest, self.0.clock.now()).await?;
        }
        Ok(())
    }

    /// Behind our own address, where a public link to an upload leads whose message left at that time, while it does.
    pub fn own_link<'a>(&self, url: &'a str, left: Timestamp) -> Option<&'a str> {
        let path = url.strip_prefix(&self.0.public_url).filter(|path| path.starts_with("/media/"));
        path.filter(|_| self.expiry(left) > self.0.clock.now())
    }

    fn expiry(&self, leaves: Timestamp) -> Timestamp {
        let lasts = SignedDuration::from_hours(i64::from(self.0.link_ttl_h));
        leaves.checked_add(lasts).unwrap_or(Timestamp::MAX)
    }

    /// The most bytes of one file.
    pub fn max_bytes(&self) -> usize {
        self.0.max_bytes
    }

    pub fn files(&self) -> &Files {
        &self.0.files
    }

    /// Keeps a file for messages to come. `declared` is what its sender says it is.
    pub async fn take(&self, contents: Bytes, declared: Option<&str>) -> Result<Upload, Error> {
        if contents.is_empty() {
            return Err(Error::Empty);
        }
        let content_type = kind::sendable(&contents, declared)?;
        let now = self.0.clock.now();
        let bytes = u64::try_from(contents.len()).unwrap_or(u64::MAX);
        let digest = self.0.files.keep(contents, self.0.ids.next(now), now).await?;
        let id = self.0.ids.next(now);
        let file = StoredFile { digest: digest.clone(), bytes, content_type: content_type.clone() };
        self.0.store.create_upload(id, file, now).await?;
        Ok(Upload { id, media: format!("{UPLOAD}{id}"), content_type, bytes, sha256: digest })
    }

    /// Puts what looks like a link in the place of each upload that is named, for those who check what is to be sent
    /// later; they are used from now on.
    pub async fn stand_in(&self, media: &mut [String]) -> Result<(), Error> {
        // More than a message may have is refused elsewhere.
        if media.len() > MAX_MEDIA {
            return Ok(());
        }
        let mut used = BTreeSet::new();
        for item in media.iter_mut().filter(|item| item.starts_with(UPLOAD)) {
            let (id, file) = self.named(item).await?;
            used.insert(id);
            *item = format!("{}/media/{}/{}", self.0.public_url, "0".repeat(48), kind::file_name(&file.content_type));
        }
        self.use_all(Vec::new(), used).await
    }

    /// Puts a new public link in the place of each upload that a message names. Its time begins when
    /// the message leaves.
    pub async fn publish(&self, media: &mut [String], send_at: Option<Timestamp>) -> Result<(), Error> {
        let named = |item: &str| item.starts_with(UPLOAD);
        // More than a message may have is refused elsewhere.
        if media.len() > MAX_MEDIA || !media.iter().any(|item| named(item)) {
            return Ok(());
        }
        let now = self.0.clock.now();
        let expires_at = self.expiry(send_at.map_or(now, |at| at.max(now)));
        let (mut links, mut used) = (Vec::new(), BTreeSet::new());
        for item in media.iter_mut().filter(|item| named(item)) {
            let (id, file) = self.named(item).await?;
            used.insert(id);
            let token = hex::encode((self.0.random)().ok_or(Error::NoRandomness)?);
            let name = kind::file_name(&file.content_type);
            *item = format!("{}/media/{token}/{name}", self.0.public_url);
            links.push(Link { hash: token_hash(&token), name, file, expires_at });
        }
        self.use_all(links, used).await
    }

    async fn named(&self, item: &str) -> Result<(Uuid, StoredFile), Error> {
        let missing = || Error::NoUpload(item.to_owned());
        let id = item.strip_prefix(UPLOAD).and_then(|id| Uuid::parse_str(id).ok()).ok_or_else(missing)?;
        Ok((id, self.0.store.upload(id).await?.ok_or_else(missing)?))
    }

    async fn use_all(&self, links: Vec<Link>, used: BTreeSet<Uuid>) -> Result<(), Error> {
        if used.is_empty() {
            return Ok(());
        }
        match self.0.store.publish(links, used, self.0.clock.now()).await? {
            None => Ok(()),
            Some(gone) => Err(Error::NoUpload(format!("{UPLOAD}{gone}"))),
        }
    }

    /// The file that a link shows, while it is valid.
    pub async fn linked(&self, token: &str, name: &str) -> Result<Option<StoredFile>, store::Error> {
        let link = self.0.store.link(&token_hash(token), self.0.clock.now()).await?;
        Ok(link.filter(|link| link.name == name).map(|link| link.file))
    }
}
