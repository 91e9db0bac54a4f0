//! Messages that are asked for at the same moment are read together: who asks meanwhile waits for the read before,
//! so that under load many share what one costs, and alone nobody waits.

use std::collections::BTreeMap;
use std::time::Duration;

use sea_orm::{ColumnTrait, DatabaseConnection, EntityTrait, QueryFilter};
use tokio::sync::{mpsc, oneshot};

use super::entities::messages;
use super::reads::{snapshot, with_details};
use super::{Error, Message, Store};
use crate::message::MessageId;

/// The most that one read answers.
const TOGETHER: usize = 128;
/// How many may wait before those who ask do so for a place.
const WAITING: usize = 1_024;

/// The longest that a read may take.
const LONGEST: Duration = Duration::from_secs(10);

/// Who asks for a message, and waits for it.
pub(super) struct Asked {
    id: MessageId,
    answer: oneshot::Sender<Result<Option<Message>, Error>>,
}

/// Begins to read for those who ask, until nobody can any more.
pub(super) fn begin(reads: DatabaseConnection) -> mpsc::Sender<Asked> {
    let (asking, mut asked) = mpsc::channel(WAITING);
    tokio::spawn(async move {
        let mut all = Vec::with_capacity(TOGETHER);
        while asked.recv_many(&mut all, TOGETHER).await > 0 {
            // Apart, so that what goes wrong with these ends nothing for those who come next.
            let _ = tokio::spawn(answer(reads.clone(), std::mem::take(&mut all))).await;
        }
    });
    asking
}

async fn answer(reads: DatabaseConnection, all: Vec<Asked>) {
    let together = within(&reads, &all).await;
    for asked in all {
        let answer = match &together {
            Ok(messages) => Ok(messages.get(&asked.id).cloned()),
            // One of them that can't be read spoils only itself.
            Err(Error::Refused(_)) => {
                within(&reads, std::slice::from_ref(&asked)).await.map(|mut messages| messages.remove(&asked.id))
            }
            Err(error) => Err(error.clone()),
        };
        // Who has gone in the meantime does not need it any more.
        let _ = asked.answer.send(answer);
    }
}

/// Who waits does not do so for ever, also where a connection has broken without a word.
async fn within(reads: &DatabaseConnection, all: &[Asked]) -> Result<BTreeMap<MessageId, Message>, Error> {
    let in_time = tokio::time::timeout(LONGEST, read(reads, all)).await;
    in_time.unwrap_or_else(|_| Err(Error::Unavailable(format!("no answer within {} s", LONGEST.as_secs()))))
}

async fn read(reads: &DatabaseConnection, all: &[Asked]) -> Result<BTreeMap<MessageId, Message>, Error> {
    let snapshot = snapshot(reads).await?;
    let ids = all.iter().map(|asked| asked.id.0);
    let rows = messages::Entity::find().filter(messages::Column::Id.is_in(ids)).all(&snapshot).await?;
    let messages = with_details(&snapshot, rows).await?;
    Ok(messages.into_iter().map(|message| (message.id, message)).collect())
}

impl Store {
    /// The message with this id, as it is on disk by now.
    pub async fn message(&self, id: MessageId) -> Result<Option<Message>, Error> {
        let stopped = || Error::Unavailable("the reader has stopped".to_owned());
        let (answer, answered) = oneshot::channel();
        self.together.send(Asked { id, answer }).await.map_err(|_| stopped())?;
        answered.await.map_err(|_| stopped())?
    }
}
