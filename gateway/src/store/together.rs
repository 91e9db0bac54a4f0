//! What is asked for at the same moment is read together: who asks meanwhile waits for the read before, so that under
//! load many share what one costs, and alone nobody waits.

use std::collections::BTreeMap;
use std::time::Duration;

use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};
use tokio::sync::{mpsc, oneshot};

use super::entities::{contacts, conversations, messages};
use super::operations::filled;
use super::plugins::to_thread;
use super::pool::Pool;
use super::reads::{snapshot, with_details};
use super::{Error, Message, Store, Thread};
use crate::message::{ConversationId, MessageId};

/// The most that one read answers.
const TOGETHER: usize = 128;
/// How many may wait before those who ask do so for a place.
const WAITING: usize = 1_024;

/// The longest that a read may take.
const LONGEST: Duration = Duration::from_secs(10);

/// What is read of many at once.
pub(super) trait Read: Clone + Send + Sync + Sized + 'static {
    /// What one of it is asked for by.
    type Key: Ord + Copy + Send + Sync + 'static;

    /// Those that there are, as they are on disk by now.
    fn read(
        reads: &Pool,
        keys: Vec<Self::Key>,
    ) -> impl Future<Output = Result<BTreeMap<Self::Key, Self>, Error>> + Send;
}

/// Who asks for one, and waits for it.
struct Asked<T: Read> {
    key: T::Key,
    answer: oneshot::Sender<Result<Option<T>, Error>>,
}

/// Readers, each of one kind.
#[derive(Clone)]
pub(super) struct Together {
    messages: Reader<Message>,
    threads: Reader<Thread>,
}

impl Together {
    /// Begins to read for those who ask, until nobody can any more.
    pub(super) fn begin(reads: &Pool) -> Self {
        Self { messages: Reader::begin(reads), threads: Reader::begin(reads) }
    }
}

#[derive(Clone)]
struct Reader<T: Read>(mpsc::Sender<Asked<T>>);

impl<T: Read> Reader<T> {
    fn begin(reads: &Pool) -> Self {
        let (asking, mut asked) = mpsc::channel(WAITING);
        let reads = reads.clone();
        tokio::spawn(async move {
            let mut all = Vec::with_capacity(TOGETHER);
            while asked.recv_many(&mut all, TOGETHER).await > 0 {
                // Apart, so that what goes wrong with these ends nothing for those who come next.
                let _ = tokio::spawn(answer(reads.clone(), std::mem::take(&mut all))).await;
            }
        });
        Self(asking)
    }

    async fn ask(&self, key: T::Key) -> Result<Option<T>, Error> {
        let stopped = || Error::Unavailable("the reader has stopped".to_owned());
        let (answer, answered) = oneshot::channel();
        self.0.send(Asked { key, answer }).await.map_err(|_| stopped())?;
        answered.await.map_err(|_| stopped())?
    }
}

async fn answer<T: Read>(reads: Pool, all: Vec<Asked<T>>) {
    let together = within::<T>(&reads, &all).await;
    for asked in all {
        let answer = match &together {
            Ok(found) => Ok(found.get(&asked.key).cloned()),
            // One of them that can't be read spoils only itself.
            Err(Error::Refused(_)) => {
                within::<T>(&reads, std::slice::from_ref(&asked)).await.map(|mut found| found.remove(&asked.key))
            }
            Err(error) => Err(error.clone()),
        };
        // Who has gone in the meantime does not need it any more.
        let _ = asked.answer.send(answer);
    }
}

/// Who waits does not do so for ever, also where a connection has broken without a word.
async fn within<T: Read>(reads: &Pool, all: &[Asked<T>]) -> Result<BTreeMap<T::Key, T>, Error> {
    let keys = filled(all.iter().map(|asked| asked.key));
    let in_time = tokio::time::timeout(LONGEST, T::read(reads, keys)).await;
    in_time.unwrap_or_else(|_| Err(Error::Unavailable(format!("no answer within {} s", LONGEST.as_secs()))))
}

impl Read for Message {
    type Key = MessageId;

    async fn read(reads: &Pool, keys: Vec<MessageId>) -> Result<BTreeMap<MessageId, Self>, Error> {
        let snapshot = snapshot(reads).await?;
        let ids = keys.into_iter().map(|id| id.0);
        let rows = messages::Entity::find().filter(messages::Column::Id.is_in(ids)).all(&snapshot).await?;
        let messages = with_details(&snapshot, rows).await?;
        Ok(messages.into_iter().map(|message| (message.id, message)).collect())
    }
}

impl Read for Thread {
    type Key = ConversationId;

    async fn read(reads: &Pool, keys: Vec<ConversationId>) -> Result<BTreeMap<ConversationId, Self>, Error> {
        threads(reads, keys).await
    }
}

pub(super) async fn threads(
    database: &impl ConnectionTrait,
    ids: impl IntoIterator<Item = ConversationId>,
) -> Result<BTreeMap<ConversationId, Thread>, Error> {
    let found = conversations::Entity::find()
        .find_also_related(contacts::Entity)
        .filter(conversations::Column::Id.is_in(filled(ids.into_iter().map(|id| id.0))))
        .all(database)
        .await?;
    Ok(found.into_iter().map(|found| (ConversationId(found.0.id), to_thread(found))).collect())
}

impl Store {
    /// The message with this id, as it is on disk by now.
    pub async fn message(&self, id: MessageId) -> Result<Option<Message>, Error> {
        self.together.messages.ask(id).await
    }

    /// A conversation with its contact, likewise.
    pub async fn thread(&self, id: ConversationId) -> Result<Option<Thread>, Error> {
        self.together.threads.ask(id).await
    }
}
