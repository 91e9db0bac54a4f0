//! The imitated account: who it is, what it holds, and the tasks that work for it.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use secrecy::SecretString;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::clock::{Clock, Ids};
use crate::transport::{HttpTransport, Limits, Transport};

use super::create::Senders;
use super::inbound::Job;
use super::ledger::{Change, Ledger};
use super::message::{Direction, Media, Message, Status, segment_count};
use super::{Error, Pace, Settings};

pub(super) struct Account {
    pub(super) sid: String,
    pub(super) token: SecretString,
    pub(super) number: String,
    pub(super) messaging_service_sid: Option<String>,
    /// This server's own address.
    pub(super) url: String,
    pub(super) pace: Pace,
    pub(super) ledger: Ledger,
    pub(super) transport: Box<dyn Transport>,
    /// What each customer's phone has sent and is still to be delivered; an entry has a worker.
    pub(super) phones: Mutex<HashMap<String, VecDeque<Job>>>,
    pub(super) stopping: CancellationToken,
    inbound_url: Mutex<Option<String>>,
    clock: Arc<dyn Clock>,
    ids: Ids,
    tasks: Mutex<JoinSet<()>>,
}

impl Account {
    pub(super) fn open(settings: Settings, url: String, clock: Arc<dyn Clock>) -> Result<Self, Error> {
        let ledger = Ledger::open(settings.keep.as_deref())
            .map_err(|source| Error::Keep { path: settings.keep.unwrap_or_default(), source })?;
        // Twilio's own limits: 5 s to connect, 15 s in all.
        let limits = Limits { connect: Duration::from_secs(5), total: Duration::from_secs(15), ..Limits::default() };
        Ok(Self {
            sid: settings.account_sid,
            token: settings.auth_token,
            number: settings.number,
            messaging_service_sid: settings.messaging_service_sid,
            url,
            pace: settings.pace,
            ledger,
            transport: Box::new(HttpTransport::new(limits)?),
            phones: Mutex::default(),
            stopping: CancellationToken::new(),
            inbound_url: Mutex::new(settings.inbound_url),
            clock,
            ids: Ids::default(),
            tasks: Mutex::default(),
        })
    }

    pub(super) fn senders(&self) -> Senders<'_> {
        Senders { number: &self.number, messaging_service_sid: self.messaging_service_sid.as_deref() }
    }

    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// A message between the number and a customer, that is neither queued nor told of yet.
    pub(super) fn draft(&self, direction: Direction, customer: String, body: String, media: Vec<Media>) -> Message {
        let now = self.now();
        let number = self.number.clone();
        let (from, to) = if direction == Direction::Inbound { (customer, number) } else { (number, customer) };
        Message {
            sid: self.new_sid(if media.is_empty() { "SM" } else { "MM" }),
            direction,
            from: Some(from),
            to,
            num_segments: segment_count(&body),
            body,
            media,
            messaging_service_sid: self.messaging_service_sid.clone(),
            status: if direction == Direction::Inbound { Status::Received } else { Status::Queued },
            error_code: None,
            error_message: None,
            status_callback: None,
            in_reply_to: None,
            created: now,
            updated: now,
            sent: None,
            webhook: None,
            warnings: vec![],
        }
    }

    /// A new id: a prefix of two letters and 32 hexadecimal digits.
    pub(super) fn new_sid(&self, prefix: &str) -> String {
        format!("{prefix}{}", self.ids.next(self.now()).simple())
    }

    /// A new id for a request, in the usual form of a UUID.
    pub(super) fn new_token(&self) -> String {
        self.ids.next(self.now()).to_string()
    }

    pub(super) fn inbound_url(&self) -> Option<String> {
        lock(&self.inbound_url).clone()
    }

    pub(super) fn set_inbound_url(&self, url: Option<String>) {
        *lock(&self.inbound_url) = url;
        self.ledger.tell(Change::Number);
    }

    /// Runs a task that ends with the account.
    pub(super) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let mut tasks = lock(&self.tasks);
        while tasks.try_join_next().is_some() {}
        if !self.stopping.is_cancelled() {
            tasks.spawn(task);
        }
    }

    pub(super) async fn stop(&self) {
        self.stopping.cancel();
        let mut tasks = std::mem::take(&mut *lock(&self.tasks));
        tasks.shutdown().await;
        // Whoever waits for one of these learns that it will not come.
        lock(&self.phones).clear();
    }
}

/// A lock that outlives a panic of whoever held it.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
