//! The one place that remembers, and the only one that names the database library.
//!
//! Reads go to a pool of their own. Every write goes through one queue whose task commits many
//! of them in one transaction (`writer`); whoever asked is answered after the commit. The
//! store knows the vocabulary, but no provider, plugin or web server.

mod audit;
mod backlog;
mod backup;
mod bulks;
mod committing;
mod connect;
mod consents;
mod contacts;
mod copying;
mod decisions;
mod entities;
mod events;
mod explaining;
mod failing;
mod filtering;
mod fresh;
mod handling;
mod inbox;
mod inspect;
mod lately;
mod leftover;
mod lines;
mod listing;
mod marks;
mod media;
mod migrating;
mod operations;
mod people;
mod plugin_configs;
mod plugins;
mod pool;
mod questions;
mod reads;
mod recalls;
mod recorded;
mod records;
mod rejection;
mod removals;
mod replays;
mod reporting;
mod retention;
mod scratch;
mod searching;
mod shown;
mod statistics;
mod stream;
mod subscriptions;
mod templates;
mod texts;
mod together;
mod traces;
mod tries;
mod volume;
mod wakeups;
mod writer;

#[cfg(test)]
mod tests;

use tokio::sync::mpsc;

pub use audit::{Act, Actor, AuditEntry};
pub use backlog::{Backlog, COUNTED, DueParts, EndpointBacklog};
pub use backup::{BackupError, BackupMade, backup};
pub use bulks::*;
pub use connect::Settings;
pub use consents::{ConsentCursor, ConsentEvent, ConsentFilter};
pub use contacts::*;
pub use copying::{Copied, CopiedTable, Doing, End, Error as CopyError, Progress, copy};
pub use decisions::*;
pub use events::*;
pub use explaining::{History, KnownAttempt, KnownLook, KnownObservation, LedTo, Repeated, WaitingTimer};
pub use filtering::{MessageFilter, Party};
pub use fresh::Fresh;
pub use handling::ConversationRules;
pub use inbox::*;
pub use inspect::{Inspection, Seen, inspect};
pub use lately::{DecidedOn, DecisionFilter};
pub use lines::{ByHand, Order, Waiting, Wanted};
pub use listing::{Beside, Listing};
pub use media::*;
pub use migrating::{MigrationState, migrate_down, migration_status};
pub use operations::{Adopting, Beat, NewKey, Next, Orphans};
pub use people::*;
pub use plugin_configs::*;
use pool::Pool;
pub use questions::*;
pub use reads::Page;
pub use recalls::{KeptThere, Recall};
pub use records::*;
pub use rejection::Rejection;
pub use removals::*;
pub use replays::{Past, PastFilter, Snapshot};
use reporting::Reporting;
pub use retention::{Aged, AgedMedia, AgedMedium, AgedStep};
pub use scratch::Scratch;
pub use searching::place;
pub use shown::*;
pub use stream::{StreamPlace, Streamed};
pub use subscriptions::Subscriptions;
pub use templates::*;
pub use tries::Tried;
pub use volume::Volume;
use writer::Job;

/// Why the store could not do it.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// Worth another try: the database is away, locked or full, or the queue is.
    #[error("the database is not available: {0}")]
    Unavailable(String),
    /// Another gateway changed the same just now: worth another try at once. The writer makes some by itself.
    #[error("the database is not available: {0}")]
    Overtaken(String),
    /// A defect, or a database that someone changed by hand.
    #[error("the database refused: {0}")]
    Refused(String),
}

impl From<sea_orm::DbErr> for Error {
    fn from(error: sea_orm::DbErr) -> Self {
        if failing::is_overtaken(&error) {
            Self::Overtaken(error.to_string())
        } else if failing::is_passing(&error) {
            Self::Unavailable(error.to_string())
        } else {
            Self::Refused(error.to_string())
        }
    }
}

/// Handle to the database; cheap to clone.
#[derive(Clone)]
pub struct Store {
    reads: Pool,
    writes: mpsc::Sender<Job>,
    questions: Questions,
    together: together::Together,
    reporting: Reporting,
}

impl Store {
    /// Connects, brings the schema up to date, and starts the writer. The receiver gives every
    /// inbound message that was recorded, in the order of the commits.
    pub async fn open(settings: &Settings) -> Result<(Self, mpsc::UnboundedReceiver<Recorded>), Error> {
        let (reads, write) = connect::open(settings).await?;
        let reads = Pool::new(reads, settings.clone());
        let (recorded, recordings) = mpsc::unbounded_channel();
        let (writes, jobs) = mpsc::channel(settings.queue);
        let reporting = Reporting::default();
        let write = committing::Connection::new(write, settings.clone());
        tokio::spawn(writer::run(write, jobs, recorded, reporting.clone()));
        let together = together::Together::begin(&reads);
        Ok((Self { reads, writes, questions: Questions::default(), together, reporting }, recordings))
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<(), Error> {
        Ok(self.reads.ping().await?)
    }
}
