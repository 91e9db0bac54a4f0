//! The account's messages and media, and who is told when they change. Everything goes through one
//! lock, so a change is seen, journalled and told in one order.

use std::collections::{BTreeMap, BTreeSet, HashMap};
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
    Deleted(String),
    /// The number is set up differently, or somebody opted out or in.
    Number,
    /// A fault happened, or other ones are to.
    Faults,
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
    messages: BTreeMap<u64, Arc<Message>>,
    places: HashMap<String, u64>,
    made: u64,
    media: HashMap<String, Held>,
    held: usize,
    opted_out: BTreeSet<String>,
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
        self.try_change(sid, |message| {
            edit(message);
            Ok::<_, std::convert::Infallible>(())
        })?
        .ok()
    }

    /// Changes a message, if there is one by that id, and unless the edit finds that it must not be.
    pub(super) fn try_change<E>(
        &self,
        sid: &str,
        edit: impl FnOnce(&mut Message) -> Result<(), E>,
    ) -> Option<Result<Arc<Message>, E>> {
        let mut book = self.book();
        let mut message = book.get(sid)?.as_ref().clone();
        if let Err(error) = edit(&mut message) {
            return Some(Err(error));
        }
        book.write(&Record::Message(Box::new(message.clone())));
        let message = book.put(message);
        self.tell(Change::Updated(Arc::clone(&message)));
        Some(Ok(message))
    }

    /// Deletes a message, with what only it holds.
    pub(super) fn delete(&self, sid: &str) {
        let mut book = self.book();
        let Some(message) = book.get(sid) else { return };
        book.write(&Record::Deleted(sid.to_owned()));
        book.delete(sid);
        for media in &message.media {
            book.release(&media.sid);
        }
        self.tell(Change::Deleted(sid.to_owned()));
    }

    /// Lets go of a file, unless a message still has it.
    pub(super) fn release(&self, sid: &str) {
        self.book().release(sid);
    }

    pub(super) fn set_opted_out(&self, phone: &str, out: bool) {
        let mut book = self.book();
        if book.opt(phone, out) {
            book.write(&Record::OptOut { phone: phone.to_owned(), out });
            self.tell(Change::Number);
        }
    }

    pub(super) fn has_opted_out(&self, phone: &str) -> bool {
        self.book().opted_out.contains(phone)
    }

    /// Who wants no messages.
    pub(super) fn opted_out(&self) -> Vec<String> {
        self.book().opted_out.iter().cloned().collect()
    }

    pub(super) fn get(&self, sid: &str) -> Option<Arc<Message>> {
        self.book().get(sid)
    }

    /// All messages, oldest first.
    pub(super) fn all(&self) -> Vec<Arc<Message>> {
        self.book().messages.values().cloned().collect()
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
        self.places.get(sid).and_then(|place| self.messages.get(place)).cloned()
    }

    fn put(&mut self, message: Message) -> Arc<Message> {
        let message = Arc::new(message);
        let place = self.places.get(&message.sid).copied().unwrap_or(self.made);
        if place == self.made {
            self.made += 1;
            self.places.insert(message.sid.clone(), place);
        }
        self.messages.insert(place, Arc::clone(&message));
        message
    }

    fn delete(&mut self, sid: &str) {
        if let Some(place) = self.places.remove(sid) {
            self.messages.remove(&place);
        } else if let Some(held) = self.media.remove(sid) {
            self.held -= held.data.len();
        }
    }

    fn release(&mut self, sid: &str) {
        let mut all = self.messages.values().flat_map(|message| &message.media);
        if self.media.contains_key(sid) && all.all(|media| media.sid != sid) {
            self.write(&Record::Deleted(sid.to_owned()));
            self.delete(sid);
        }
    }

    /// Whether that changed anything.
    fn opt(&mut self, phone: &str, out: bool) -> bool {
        if out { self.opted_out.insert(phone.to_owned()) } else { self.opted_out.remove(phone) }
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
            Record::Deleted(sid) => self.delete(&sid),
            Record::OptOut { phone, out } => {
                self.opt(&phone, out);
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
