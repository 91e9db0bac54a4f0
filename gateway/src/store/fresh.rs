//! A text's conversation as it was committed with it, for whoever processes the text at once. With `SQLite` every
//! commit empties the readers' caches, so a reader would fetch from the file what the writer has in its hands.

use std::time::{Duration, Instant};

use sea_orm::{ConnectionTrait, DatabaseTransaction, DbBackend};

use super::together::threads;
use super::{Error, Receipt, Recorded, Store, Thread};

/// How long it may be used while this gateway commits nothing: another process may, such as a command line's.
const AT_ONCE: Duration = Duration::from_millis(50);

/// It holds until the next commit.
#[derive(Clone, Debug, PartialEq)]
pub struct Fresh {
    thread: Thread,
    commit: u64,
    at: Instant,
}

/// What is found of what was recorded in this transaction, at its end.
pub(super) async fn read(
    transaction: &DatabaseTransaction,
    recorded: &mut [(Receipt, Option<Recorded>)],
) -> Result<(), Error> {
    let mut recorded: Vec<&mut Recorded> = recorded.iter_mut().filter_map(|(_, recorded)| recorded.as_mut()).collect();
    // With Postgres readers lose nothing, and the transaction would be longer by an answer over the network.
    if recorded.is_empty() || transaction.get_database_backend() != DbBackend::Sqlite {
        return Ok(());
    }
    let threads = threads(transaction, recorded.iter().map(|text| text.conversation_id)).await?;
    let at = Instant::now();
    for text in &mut recorded {
        let thread = threads.get(&text.conversation_id).cloned();
        text.fresh = thread.map(|thread| Box::new(Fresh { thread, commit: 0, at }));
    }
    Ok(())
}

/// It was all committed, by the how many-th commit.
pub(super) fn committed(recorded: &mut [(Receipt, Option<Recorded>)], commit: u64) {
    for fresh in recorded.iter_mut().filter_map(|(_, recorded)| recorded.as_mut()?.fresh.as_mut()) {
        fresh.commit = commit;
    }
}

impl Fresh {
    /// Whether it is what a reader would find now.
    pub(super) fn holds(&self, commits: u64, now: Instant) -> bool {
        self.commit == commits && now.duration_since(self.at) < AT_ONCE
    }
}

impl Store {
    /// The conversation of a text with its contact, as it is on disk by now.
    pub async fn thread_of(&self, text: &Recorded) -> Result<Option<Thread>, Error> {
        let commits = self.reporting.commits_so_far();
        match text.fresh.as_deref().filter(|fresh| fresh.holds(commits, Instant::now())) {
            Some(fresh) => Ok(Some(fresh.thread.clone())),
            None => self.thread(text.conversation_id).await,
        }
    }
}
