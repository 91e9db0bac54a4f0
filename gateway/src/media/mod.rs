//! The files that come and go with messages: fetching what a webhook named, keeping it, and
//! showing what an application uploaded to the provider.
//!
//! Fetching happens in the background, never while a webhook waits. Which addresses are fetched is
//! the channel's decision; what the files are is read from their bytes.

mod fetch;
mod files;
pub mod kind;
mod uploads;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde::Deserialize;
use tokio::sync::{Notify, Semaphore, watch};

use crate::channels::Channels;
use crate::clock::{Clock, Ids};
use crate::store::{Fetched, Store, StoredFile, WantedMedia};
use crate::transport::Transport;
use fetch::Problem;
pub use files::Files;
pub use uploads::{Error, UPLOAD, Upload, Uploads, UploadsParts};

/// `[media]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The folder where files are kept.
    pub path: std::path::PathBuf,
    /// The most bytes of one file.
    pub max_bytes: usize,
    /// How many files are fetched at the same time.
    pub parallel: usize,
    /// How long one exchange may take, in seconds.
    pub timeout_s: u32,
    /// How often a file is tried.
    pub tries: u32,
    /// The pause before the second try, in seconds; it doubles from try to try.
    pub backoff_s: u32,
    /// The longest pause, in seconds.
    pub backoff_max_s: u32,
    /// How long the public link to an upload is valid, in hours.
    pub link_ttl_h: u32,
}

/// The least hours that a link is valid: a provider may keep a message for ten hours before it
/// fetches what goes with it.
const LEAST_TTL_H: u32 = 11;

impl Settings {
    /// The key that makes no sense, and why.
    pub fn check(&self) -> Result<(), (&'static str, String)> {
        let zero = |key, what: &str| Err((key, format!("is 0, but {what}")));
        match self {
            Self { max_bytes: 0, .. } => zero("max_bytes", "a file has at least 1 byte"),
            Self { parallel: 0, .. } => zero("parallel", "at least 1 file must be fetched at a time"),
            Self { timeout_s: 0, .. } => zero("timeout_s", "an answer takes its time"),
            Self { tries: 0, .. } => zero("tries", "a file must be tried at least once"),
            Self { link_ttl_h: ..LEAST_TTL_H, .. } => Err((
                "link_ttl_h",
                format!(
                    "is {}, but must be at least {LEAST_TTL_H}: the provider may keep a message for ten hours before \
                     it fetches what goes with it",
                    self.link_ttl_h
                ),
            )),
            _ => Ok(()),
        }
    }

    /// How long a worker may need for one try, with all that it is led to.
    fn lease(&self) -> Duration {
        Duration::from_secs(u64::from(self.timeout_s) * (fetch::MOST_HOPS + 1) + 30)
    }

    /// Doubling, and capped.
    fn backoff(&self, tries: u32) -> Duration {
        let doubled = u64::from(self.backoff_s).saturating_mul(1 << tries.saturating_sub(1).min(20));
        Duration::from_secs(doubled.min(u64::from(self.backoff_max_s)))
    }
}

/// What the worker is made of.
pub struct Parts {
    pub store: Store,
    pub channels: Channels,
    /// To addresses that the operator chose.
    pub chosen: Arc<dyn Transport>,
    /// To all others: connects to public addresses alone.
    pub public: Arc<dyn Transport>,
    pub files: Files,
    pub clock: Arc<dyn Clock>,
    pub ids: Arc<Ids>,
    pub settings: Settings,
    /// Told when there is something to fetch.
    pub wanted: Arc<Notify>,
}

/// How long the worker sleeps at the most when nobody wakes it: another gateway may have recorded
/// something and stopped.
const LOOK: Duration = Duration::from_secs(5);

/// And the least: what is due may be in the hands of another gateway, or the database away.
const BREATH: Duration = Duration::from_millis(100);

/// Fetches until told to stop, then until what is under way has come to an end.
pub async fn run(parts: Parts, mut stop: watch::Receiver<bool>) {
    let worker = Arc::new(parts);
    let free = Arc::new(Semaphore::new(worker.settings.parallel));
    while !*stop.borrow() {
        let claimed = worker.claim(free.available_permits()).await;
        for medium in claimed {
            let Ok(permit) = Arc::clone(&free).acquire_owned().await else { return };
            let worker = Arc::clone(&worker);
            tokio::spawn(async move {
                worker.take(medium).await;
                drop(permit);
                worker.wanted.notify_one();
            });
        }
        let pause = worker.pause(free.available_permits()).await;
        tokio::select! {
            () = worker.wanted.notified() => {}
            () = tokio::time::sleep(pause) => {}
            _ = stop.wait_for(|stop| *stop) => {}
        }
    }
    let all = u32::try_from(worker.settings.parallel).unwrap_or(u32::MAX);
    let _ = free.acquire_many(all).await;
}

impl Parts {
    /// Looks before it writes: mostly there is nothing to fetch.
    async fn claim(&self, free: usize) -> Vec<WantedMedia> {
        let now = self.clock.now();
        let claimed = match self.store.media_due().await {
            Ok(Some(due)) if due <= now && free > 0 => {
                self.store.claim_media(now, later(now, self.settings.lease()), free).await
            }
            other => other.map(|_| Vec::new()),
        };
        claimed.unwrap_or_else(|error| {
            tracing::warn!(%error, "no media can be fetched for now");
            Vec::new()
        })
    }

    /// Until the next one is due. With all hands full, until one is free again.
    async fn pause(&self, free: usize) -> Duration {
        let due = if free > 0 { self.store.media_due().await.ok().flatten() } else { None };
        let left = due.map(|due| due.duration_since(self.clock.now()));
        left.map_or(LOOK, |left| Duration::try_from(left).unwrap_or_default()).clamp(BREATH, LOOK)
    }

    async fn take(&self, medium: WantedMedia) {
        let fetched = match self.fetch(&medium).await {
            Ok(file) => Fetched::Stored(file),
            Err(Problem::Passing(error)) if medium.tries < self.settings.tries => {
                let due_at = later(self.clock.now(), self.settings.backoff(medium.tries));
                Fetched::Retry { due_at, error }
            }
            Err(Problem::Passing(error)) => Fetched::Failed { error: format!("given up: {error}") },
            Err(Problem::Final(error)) => Fetched::Failed { error },
        };
        let outcome = match &fetched {
            Fetched::Stored(_) => "stored",
            Fetched::Retry { .. } => "retry",
            Fetched::Failed { .. } => "failed",
        };
        let error = match &fetched {
            Fetched::Stored(_) => None,
            Fetched::Retry { error, .. } | Fetched::Failed { error } => Some(error.clone()),
        };
        let (id, position, tries) = (medium.message_id, medium.position, medium.tries);
        tracing::info!(message_id = %id, position, attempt = tries, outcome, error, "fetched a medium");
        // If it fails, it is due again when the lease is over, and the file, should it be here, is found.
        if let Err(error) = self.store.settle_media(&medium, fetched).await {
            tracing::warn!(message_id = %id, position, %error, "what came of a medium is not on record");
        }
    }

    async fn fetch(&self, medium: &WantedMedia) -> Result<StoredFile, Problem> {
        let Some(channel) = self.channels.get(&medium.channel) else {
            return Err(Problem::Final(format!("the channel `{}` is no longer configured", medium.channel)));
        };
        let contents = fetch::fetch(channel.as_ref(), self.chosen.as_ref(), self.public.as_ref(), &medium.url).await?;
        let told = contents.content_type.as_deref().or(medium.content_type.as_deref());
        let content_type = kind::sniff(&contents.body, told);
        let bytes = u64::try_from(contents.body.len()).unwrap_or(u64::MAX);
        let now = self.clock.now();
        let digest = self.files.keep(contents.body, self.ids.next(now), now).await.map_err(|error| {
            tracing::error!(%error, "a file can't be kept: look at `media.path`");
            Problem::Passing("the gateway could not write the file".to_owned())
        })?;
        Ok(StoredFile { digest, bytes, content_type })
    }
}

fn later(time: Timestamp, by: Duration) -> Timestamp {
    time.checked_add(by).unwrap_or(Timestamp::MAX)
}
