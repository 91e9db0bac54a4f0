//! The store on real databases: every test runs on SQLite, and again on Postgres when
//! `RECADO_TEST_POSTGRES` names a server on which databases can be made.
//!
//! Each test has a database of its own, which is gone afterwards.

/// Makes two tests of each function: one on SQLite, one on Postgres.
macro_rules! on_both {
    ($($name:ident),* $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                crate::store::tests::on_sqlite(super::$name).await;
            })*
        }
        on_postgres!($($name),*);
    };
}

/// Makes a test of each function, on Postgres alone.
macro_rules! on_postgres {
    ($($name:ident),* $(,)?) => {
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                crate::store::tests::on_postgres(super::$name).await;
            })*
        }
    };
}

mod adopting;
mod backlog;
mod backup;
mod bulks;
mod callbacks;
mod canceling;
mod claiming;
mod consents;
mod console;
mod contacts;
mod copying;
mod discarding;
mod erasing;
mod events;
mod explaining;
mod filtering;
mod follow;
mod fresh;
mod full;
mod gate;
mod gateways;
mod heard;
mod inspecting;
mod last_word;
mod lately;
mod lines;
mod links;
mod listing;
mod lists;
mod lookups;
mod matching;
mod media;
mod nights;
mod picking;
mod plans;
mod plugin_configs;
mod plugin_reports;
mod processing;
mod proving;
mod reconciling;
mod recording;
mod removals;
mod reports;
mod retention;
mod retrying;
mod rules;
mod schema;
mod settling;
mod sharing;
mod silence;
mod state;
mod statements;
mod streaming;
mod submitting;
mod subscribing;
mod templates;
mod timers;
mod together;
mod tries;
mod ways;

use std::panic::{AssertUnwindSafe, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures::FutureExt;
use jiff::Timestamp;
use sea_orm::{ConnectionTrait, DatabaseConnection};
use tempfile::TempDir;
use tokio::sync::mpsc::UnboundedReceiver;
use uuid::Uuid;

use super::audit::{Act, Actor};
use super::decisions::*;
use super::events::*;
use super::records::*;
use super::rejection::Rejection;
use super::shown::*;
use super::{InboxFilter, NewKey, Order, Settings, Store, Wanted};
use crate::clock::{Clock, Ids, SystemClock};
use crate::message::{Address, ContactId, ConversationId, MessageId, Options, PartId, Priority, Scope, Status};

/// The operator's address.
/// For how long links last, from when what they go along with is claimed.
const LINKS_LAST: std::time::Duration = std::time::Duration::from_hours(48);
const OURS: &str = "+529983162438";
/// Somebody's.
const ANA: &str = "+529981112233";
const LUIS: &str = "+529981112244";

/// A database that is made for one test.
#[derive(Clone)]
struct Database {
    url: String,
    ids: Arc<Ids>,
}

async fn on_sqlite<F: Future<Output = ()>>(test: impl FnOnce(Database) -> F) {
    let folder = TempDir::new().unwrap();
    test(Database::in_folder(&folder)).await;
}

async fn on_postgres<F: Future<Output = ()>>(test: impl FnOnce(Database) -> F) {
    #[expect(clippy::disallowed_methods, reason = "which server to test on is no setting of the gateway")]
    let Ok(server) = std::env::var("RECADO_TEST_POSTGRES") else {
        eprintln!("skipped: no Postgres");
        return;
    };
    let ids = Arc::new(Ids::default());
    let name = format!("recado_test_{}", ids.next(SystemClock.now()).simple());
    let administrator = sea_orm::Database::connect(&server).await.unwrap();
    administrator.execute_unprepared(&format!("CREATE DATABASE {name} TEMPLATE template0")).await.unwrap();
    let mut url = url::Url::parse(&server).unwrap();
    url.set_path(&name);
    let result = AssertUnwindSafe(test(Database { url: url.into(), ids })).catch_unwind().await;
    administrator.execute_unprepared(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).await.unwrap();
    if let Err(panic) = result {
        resume_unwind(panic);
    }
}

impl Database {
    fn in_folder(folder: &TempDir) -> Self {
        // A folder more, which is made on the way.
        let file = folder.path().join("data/recado.db");
        Self { url: format!("sqlite://{}", file.display()), ids: Arc::default() }
    }

    fn is_postgres(&self) -> bool {
        self.url.starts_with("postgres")
    }

    fn settings(&self) -> Settings {
        Settings { url: self.url.clone(), readers: 4, queue: 10_000, timeout_s: 30 }
    }

    async fn open(&self) -> (Store, UnboundedReceiver<Recorded>) {
        Store::open(&self.settings()).await.unwrap()
    }

    async fn store(&self) -> Store {
        self.open().await.0
    }

    /// A way to the tables that goes past the store, for what it offers no way to.
    async fn directly(&self) -> DatabaseConnection {
        sea_orm::Database::connect(&self.url).await.unwrap()
    }

    fn id(&self) -> Uuid {
        self.ids.next(at(0))
    }

    fn many_ids(&self, count: usize) -> Vec<Uuid> {
        std::iter::repeat_with(|| self.id()).take(count).collect()
    }

    fn inbound(&self, provider_id: &str, sender: &str) -> NewInbound {
        NewInbound {
            id: MessageId(self.id()),
            conversation_id: ConversationId(self.id()),
            contact_id: ContactId(self.id()),
            channel: "sms".to_owned(),
            provider_id: provider_id.to_owned(),
            sender: Address::received(sender),
            recipient: Address::received(OURS),
            text: format!("text of {provider_id}"),
            media: Vec::new(),
            segments: Some(1),
            extra: Vec::new(),
            consent: None,
            heard: None,
            subject: format!("SMS desde {sender}"),
            received_at: at(0),
            said_at: None,
        }
    }

    /// A message of one part for each text.
    fn outbound(&self, recipient: &str, texts: &[&str]) -> NewOutbound {
        NewOutbound {
            id: MessageId(self.id()),
            channel: "sms".to_owned(),
            sender: Sender::Named(Address::received(OURS)),
            service: None,
            recipient: Address::received(recipient),
            text: texts.concat(),
            media: Vec::new(),
            segments: u32::try_from(texts.len()).unwrap(),
            parts: texts.iter().map(|text| self.part(text)).collect(),
            route: Route::Outbox,
            in_reply_to: None,
            plugin: None,
            callback: None,
            options: Options::default(),
            schedule: Schedule::Now,
            priority: Priority::Normal,
            seed: None,
            rejected: None,
            caused_by: None,
            hops: 0,
            confirms: false,
            template: None,
            bulk: None,
            at: at(0),
        }
    }

    fn part(&self, text: &str) -> NewPart {
        NewPart { id: PartId(self.id()), text: text.to_owned(), media: Vec::new(), segments: 1 }
    }

    fn submission(&self, recipient: &str, texts: &[&str]) -> Submission {
        Submission {
            message: self.outbound(recipient, texts),
            conversation_id: ConversationId(self.id()),
            contact_id: ContactId(self.id()),
            subject: format!("SMS para {recipient}"),
            idempotency: None,
            tags: Vec::new(),
            state: Vec::new(),
            traces: Vec::new(),
        }
    }

    fn report(&self, part: Option<PartId>, provider_id: &str, status: Status, seconds: i64) -> NewObservation {
        NewObservation {
            id: self.id(),
            channel: "sms".to_owned(),
            provider_id: provider_id.to_owned(),
            part_id: part,
            sender: None,
            status,
            error: None,
            consent: None,
            raw: vec![("MessageStatus".to_owned(), status.to_string())],
            received_at: at(seconds),
        }
    }
}

/// What processing comes to when nobody has anything to say.
fn processed(message: &NewInbound, conversation: ConversationId) -> Processed {
    Processed::new(Cause::Message, message.id, conversation, message.contact_id, at(5))
}

impl Submitted {
    /// Why the gate refused it.
    fn refusal(&self) -> Option<&crate::gate::Refusal> {
        match self {
            Self::Refused { refusal, .. } => Some(refusal),
            _ => None,
        }
    }

    /// The message that was stored, if one was.
    fn stored(&self) -> Option<MessageId> {
        if let Self::Stored(message) = self { Some(message.id) } else { None }
    }
}

/// What a plugin decided about a message.
fn trace(database: &Database, message_id: MessageId, plugin: &str) -> Trace {
    Trace {
        id: database.id(),
        message_id,
        hook: Hook::Inbound,
        plugin: plugin.to_owned(),
        version: "1.0.0".to_owned(),
        digest: "ab".repeat(32),
        decision: serde_json::json!({ "actions": [], "flow": "proceed", "left_out": [] }),
        error: None,
        duration_micros: 123,
        at: at(4),
        seed: Some(u64::MAX),
    }
}

/// A moment of the tests' day.
fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + seconds).unwrap()
}

/// Something that somebody does by hand at that moment.
fn act(seconds: i64) -> Act {
    static NUMBER: AtomicU64 = AtomicU64::new(1);
    let id = Uuid::from_u64_pair(0, NUMBER.fetch_add(1, Ordering::Relaxed));
    Act { id, at: at(seconds), actor: Actor::Command(None), action: "test.done", subject: "test".to_owned() }
}

/// A key that may do everything.
fn new_key(id: Uuid, name: &str, hash: &str) -> NewKey {
    let (name, hash) = (name.to_owned(), hash.to_owned());
    NewKey { id, name, hash, scopes: None, expires_at: None, per_second: None, at: at(0) }
}

async fn message(store: &Store, id: MessageId) -> Message {
    store.message(id).await.unwrap().unwrap()
}

async fn status(store: &Store, id: MessageId) -> Status {
    message(store, id).await.status
}

/// The only conversation there is.
async fn only_conversation(store: &Store) -> Conversation {
    let [conversation] =
        store.conversations_of(&InboxFilter::default(), None, 10).await.unwrap().items.try_into().unwrap();
    conversation
}

async fn claim(store: &Store, database: &Database, seconds: i64, limit: usize) -> Vec<Claimed> {
    claim_of(store, database, seconds, limit, |_| true, &[]).await
}

/// Of these channels alone, and without some parts; the most urgent first.
async fn claim_of(
    store: &Store,
    database: &Database,
    seconds: i64,
    limit: usize,
    channel: impl Fn(&str) -> bool,
    but: &[PartId],
) -> Vec<Claimed> {
    let waiting = store.waiting(at(seconds)).await.unwrap();
    let mut orders: Vec<Order> = waiting
        .into_iter()
        .filter(|waiting| channel(&waiting.line.channel))
        .map(|waiting| Order { line: waiting.line, priority: waiting.priority, parts: limit, room: None })
        .collect();
    orders.sort_by_key(|order| order.priority);
    let attempt_ids = database.many_ids(limit);
    let (now, until) = (at(seconds), at(seconds + 60));
    store.claim(Wanted { now, until, attempt_ids, orders, but: but.to_vec(), links_last: LINKS_LAST }).await.unwrap()
}

fn settled(part: &Claimed, seconds: i64, result: Settled) -> Settlement {
    Settlement { part_id: part.id, attempt_id: part.attempt_id, at: at(seconds), result, exchange: None }
}

fn accepted(provider_id: &str) -> Settled {
    accepted_as(provider_id, Status::Queued)
}

fn accepted_as(provider_id: &str, status: Status) -> Settled {
    Settled::Accepted { provider_id: provider_id.to_owned(), status, segments: None, sender: None }
}

/// What the gate says of whoever opted out then.
fn opted_out(since: Timestamp) -> crate::gate::Refusal {
    crate::gate::Refusal::OptedOut { since, everywhere: false }
}

struct Execute(String);

#[async_trait::async_trait]
impl super::writer::Operation for Execute {
    type Output = ();

    async fn apply(&self, transaction: &sea_orm::DatabaseTransaction) -> Result<(), crate::store::Error> {
        Ok(transaction.execute_unprepared(&self.0).await.map(drop)?)
    }
}

impl Store {
    /// For what no gateway does.
    pub(crate) async fn execute(&self, sql: &str) {
        self.write(Execute(sql.to_owned())).await.unwrap();
    }
}
