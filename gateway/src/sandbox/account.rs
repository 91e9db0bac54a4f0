//! The imitated account: who it is, what it holds, and the tasks that work for it.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use subtle::ConstantTimeEq;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::clock::{Clock, Ids};
use crate::message::segments;
use crate::transport::{Failure, HttpTransport, Limits, Transport};

use super::cookies::Cookies;
use super::create::Senders;
use super::creates::Creates;
use super::faults::{Fault, Faults};
use super::inbound::Job;
use super::ledger::{Change, Ledger};
use super::links;
use super::message::{Direction, Media, Message, Status};
use super::number::Number;
use super::rules::Rules;
use super::services::Service;
use super::timeline::Timeline;
use super::traffic::Traffic;
use super::wishes::Privacy;
use super::{Error, Pace, Settings};

/// How many ways to call webhooks are kept ready.
const MOST_TRANSPORTS: usize = 16;

pub(super) struct Account {
    pub(super) sid: String,
    pub(super) number: String,
    pub(super) messaging_service_sid: Option<String>,
    /// This server's own address.
    pub(super) url: String,
    pub(super) pace: Pace,
    pub(super) ledger: Ledger,
    /// What calls webhooks that have no rules of their own.
    pub(super) transport: Arc<dyn Transport>,
    /// What calls those that have.
    transports: Mutex<BTreeMap<(Duration, Duration), Arc<dyn Transport>>>,
    pub(super) cookies: Cookies,
    /// What each customer's phone has sent and is still to be delivered; an entry has a worker.
    pub(super) phones: Mutex<HashMap<String, VecDeque<Job>>>,
    pub(super) traffic: Mutex<Traffic>,
    pub(super) creates: Creates,
    pub(super) faults: Faults,
    pub(super) timeline: Timeline,
    pub(super) opened: Timestamp,
    pub(super) stopping: CancellationToken,
    pub(super) service: Mutex<Service>,
    number_setup: Mutex<Number>,
    token: SecretString,
    /// The token that took the first one's place.
    promoted: Mutex<Option<SecretString>>,
    /// The secrets of API keys.
    keys: Mutex<BTreeMap<String, SecretString>>,
    ids: Ids,
    tasks: Mutex<JoinSet<()>>,
}

impl Account {
    pub(super) fn open(settings: Settings, url: String, clock: Arc<dyn Clock>) -> Result<Self, Error> {
        let ledger = Ledger::open(settings.keep.as_deref())
            .map_err(|source| Error::Keep { path: settings.keep.unwrap_or_default(), source })?;
        Ok(Self {
            sid: settings.account_sid,
            number: settings.number,
            messaging_service_sid: settings.messaging_service_sid,
            url,
            pace: settings.pace,
            creates: Creates::of(&ledger.all()),
            ledger,
            transport: Arc::new(HttpTransport::new(limits(&Rules::default()))?),
            transports: Mutex::default(),
            cookies: Cookies::default(),
            phones: Mutex::default(),
            traffic: Mutex::default(),
            faults: Faults::default(),
            opened: clock.now(),
            timeline: Timeline::new(clock),
            stopping: CancellationToken::new(),
            service: Mutex::default(),
            // A test may well send one person many messages.
            number_setup: Mutex::new(Number::new(settings.inbound_url, settings.pace == Pace::Lively)),
            token: settings.auth_token,
            promoted: Mutex::default(),
            keys: Mutex::default(),
            ids: Ids::default(),
            tasks: Mutex::default(),
        })
    }

    pub(super) fn senders(&self) -> Senders<'_> {
        Senders { number: &self.number, messaging_service_sid: self.messaging_service_sid.as_deref() }
    }

    pub(super) fn now(&self) -> Timestamp {
        self.timeline.now()
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
            num_segments: segments::count(&body).segments.to_string(),
            body,
            asked: None,
            links: vec![],
            media,
            as_mms: false,
            privacy: Privacy::default(),
            messaging_service_sid: self.messaging_service_sid.clone(),
            status: if direction == Direction::Inbound { Status::Received } else { Status::Queued },
            error_code: None,
            error_message: None,
            status_callback: None,
            in_reply_to: None,
            created: now,
            updated: now,
            sent: None,
            send_at: None,
            validity: None,
            departs: None,
            doomed: None,
            feedback: None,
            keyword: None,
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

    /// What stands for a link.
    pub(super) fn new_link(&self) -> String {
        links::code(self.ids.next(self.now()))
    }

    /// What calls a webhook by these rules.
    pub(super) fn transport_by(&self, rules: &Rules) -> Result<Arc<dyn Transport>, Failure> {
        let usual = Rules::default();
        if (rules.connect, rules.read) == (usual.connect, usual.read) {
            return Ok(Arc::clone(&self.transport));
        }
        let mut transports = lock(&self.transports);
        if let Some(known) = transports.get(&(rules.connect, rules.read)) {
            return Ok(Arc::clone(known));
        }
        let transport: Arc<dyn Transport> = Arc::new(HttpTransport::new(limits(rules))?);
        if transports.len() >= MOST_TRANSPORTS {
            transports.clear();
        }
        transports.insert((rules.connect, rules.read), Arc::clone(&transport));
        Ok(transport)
    }

    /// How the number is set up now.
    pub(super) fn number_setup(&self) -> Number {
        lock(&self.number_setup).clone()
    }

    pub(super) fn set_up_number<E>(&self, change: impl FnOnce(&mut Number) -> Result<(), E>) -> Result<(), E> {
        change(&mut lock(&self.number_setup))?;
        self.ledger.tell(Change::Number);
        Ok(())
    }

    /// Whether a fault happens now, which is told then.
    pub(super) fn happens(&self, fault: Fault) -> bool {
        let happens = self.faults.happens(fault);
        if happens {
            self.ledger.tell(Change::Faults);
        }
        happens
    }

    /// The token that signs webhooks.
    pub(super) fn signing_token(&self) -> SecretString {
        if self.happens(Fault::SignatureTokenRotated) {
            return format!("{}-rotated", self.token.expose_secret()).into();
        }
        lock(&self.promoted).clone().unwrap_or_else(|| self.token.clone())
    }

    /// Signs with another token from now on, or with the first one again. The API takes both.
    pub(super) fn promote(&self, token: Option<SecretString>) {
        *lock(&self.promoted) = token;
        self.ledger.tell(Change::Number);
    }

    pub(super) fn has_promoted(&self) -> bool {
        lock(&self.promoted).is_some()
    }

    pub(super) fn set_keys(&self, keys: BTreeMap<String, SecretString>) {
        *lock(&self.keys) = keys;
    }

    /// Whether `user:password` may use the API.
    pub(super) fn admits(&self, credentials: &[u8]) -> bool {
        let is = |user: &str, secret: &SecretString| {
            bool::from(credentials.ct_eq(format!("{user}:{}", secret.expose_secret()).as_bytes()))
        };
        is(&self.sid, &self.token)
            || lock(&self.promoted).as_ref().is_some_and(|token| is(&self.sid, token))
            || lock(&self.keys).iter().any(|(sid, secret)| is(sid, secret))
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

/// The limits of one try. Whoever calls measures all tries together, which also ends the longest silence.
fn limits(rules: &Rules) -> Limits {
    let silence = (rules.read < Rules::default().total).then_some(rules.read);
    Limits { connect: rules.connect, silence, total: Duration::from_secs(30), ..Limits::default() }
}

/// A lock that outlives a panic of whoever held it.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
