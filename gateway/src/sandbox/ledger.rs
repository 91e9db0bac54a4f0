//! The account's messages and media, and who is told when they change. Everything goes through one
//! lock, so a change is seen, journalled and told in one order.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use tokio::sync::broadcast;

use super::journal::{Journal, Record};
use super::message::Message;

/// How many changes a slow listener may lag behind before it must look again at everything.
const BACKLOG: usize = 1024;
/// The most media held, in bytes.
const MAX_HELD: usize = 256 * 1024 * 1024;

#[derive(Clone, Debug)]
pub(super) enum Change {
    Created(Arc<Message>),
    Updated(Arc<Message>),
    /// The number's webhook is another one.
    Number,
}

/// A picture, sound or document that is kept here.
#[derive(Clone, Debug)]
pub(super) struct Held {
    pub(super) content_type: String,
    pub(super) data: Bytes,
}

/// There is no room for more media.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no more than {} MB of media are held at a time", MAX_HELD / 1024 / 1024)]
pub(super) struct Full;

pub(super) struct Ledger {
    book: Mutex<Book>,
    changes: broadcast::Sender<Change>,
}

#[derive(Default)]
struct Book {
    /// In the order they were made.
    messages: Vec<Arc<Message>>,
    places: HashMap<String, usize>,
    media: HashMap<String, Held>,
    held: usize,
    journal: Option<Journal>,
}

impl Ledger {
    pub(super) fn open(keep: Option<&Path>) -> std::io::Result<Self> {
        let mut book = Book::default();
        if let Some(path) = keep {
            let (journal, records) = Journal::open(path)?;
            for record in records {
                book.replay(record);
            }
            book.journal = Some(journal);
        }
        Ok(Self { book: Mutex::new(book), changes: broadcast::Sender::new(BACKLOG) })
    }

    pub(super) fn add(&self, message: Message) -> Arc<Message> {
        let mut book = self.book();
        book.write(&Record::Message(Box::new(message.clone())));
        let message = book.put(message);
        self.tell(Change::Created(Arc::clone(&message)));
        message
    }

    /// Changes a message, if there is one by that id.
    pub(super) fn change(&self, sid: &str, edit: impl FnOnce(&mut Message)) -> Option<Arc<Message>> {
        let mut book = self.book();
        let mut message = book.get(sid)?.as_ref().clone();
        edit(&mut message);
        book.write(&Record::Message(Box::new(message.clone())));
        let message = book.put(message);
        self.tell(Change::Updated(Arc::clone(&message)));
        Some(message)
    }

    pub(super) fn get(&self, sid: &str) -> Option<Arc<Message>> {
        self.book().get(sid)
    }

    /// All messages, oldest first.
    pub(super) fn all(&self) -> Vec<Arc<Message>> {
        self.book().messages.clone()
    }

    /// Waits until a message is as wanted.
    pub(super) async fn wait_until(&self, sid: &str, wanted: impl Fn(&Message) -> bool) {
        let mut changes = self.subscribe();
        while !self.get(sid).is_none_or(|message| wanted(&message)) {
            if matches!(changes.recv().await, Err(broadcast::error::RecvError::Closed)) {
                return;
            }
        }
    }

    pub(super) fn hold(&self, sid: &str, held: Held) -> Result<(), Full> {
        let mut book = self.book();
        if book.held + held.data.len() > MAX_HELD {
            return Err(Full);
        }
        let data = STANDARD.encode(&held.data);
        book.write(&Record::Media { sid: sid.to_owned(), content_type: held.content_type.clone(), data });
        book.hold(sid.to_owned(), held);
        Ok(())
    }

    pub(super) fn held(&self, sid: &str) -> Option<Held> {
        self.book().media.get(sid).cloned()
    }

    pub(super) fn subscribe(&self) -> broadcast::Receiver<Change> {
        self.changes.subscribe()
    }

    pub(super) fn tell(&self, change: Change) {
        // Nobody listening is fine.
        let _ = self.changes.send(change);
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Book {
    fn get(&self, sid: &str) -> Option<Arc<Message>> {
        self.places.get(sid).and_then(|place| self.messages.get(*place)).cloned()
    }

    fn put(&mut self, message: Message) -> Arc<Message> {
        let message = Arc::new(message);
        if let Some(place) = self.places.get(&message.sid).and_then(|place| self.messages.get_mut(*place)) {
            *place = Arc::clone(&message);
        } else {
            self.places.insert(message.sid.clone(), self.messages.len());
            self.messages.push(Arc::clone(&message));
        }
        message
    }

    fn hold(&mut self, sid: String, held: Held) {
        self.held += held.data.len();
        self.media.insert(sid, held);
    }

    fn replay(&mut self, record: Record) {
        match record {
            Record::Message(message) => {
                self.put(*message);
            }
            Record::Media { sid, content_type, data } => {
                if let Ok(data) = STANDARD.decode(data) {
                    self.hold(sid, Held { content_type, data: data.into() });
                }
            }
        }
    }

    /// A full disk must not stop the conversation: what can't be kept is only remembered.
    fn write(&mut self, record: &Record) {
        if let Some(Err(error)) = self.journal.as_mut().map(|journal| journal.append(record)) {
            tracing::error!(%error, "the local Twilio keeps no more messages in its file");
            self.journal = None;
        }
    }
}
