//! Asking with what is remembered; and what the flows' tests share: plugins in plain Rust that remember,
//! and the flows on a database of their own.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use tempfile::TempDir;

use super::*;
use crate::actions::{Action, Changes, Decision, Flow, Verdict};
use crate::channels::Channels;
use crate::clock::ManualClock;
use crate::events::Endpoints;
use crate::media::{Files, Uploads, UploadsParts};
use crate::message::consent::{Choice, Consent, Heard, Source};
use crate::message::{Address, ContactId, ConversationId};
use crate::outbound::{self, Outbound};
use crate::plugins::{
    self, Called, Change, Effects, Hooks, Link, Manifest, OnError, Plugin, Remembered, Scope, StateKey,
};
use crate::processing::{self, Patience, Processing};
use crate::store::{self, NewInbound, Processed, Receipt, Settings};
use crate::transport::{Failure, Transport};

pub(crate) const OURS: &str = "+529983162438";
pub(crate) const ANA: &str = "+529981112233";
pub(crate) const LUIS: &str = "+529981112244";

/// What a rule makes of what it is told and of the number that its plugin remembers for everybody.
type Rule<C, D> = fn(&C, i32) -> (D, Option<i32>);

/// A plugin in plain Rust that remembers a number.
#[derive(Clone)]
pub(crate) struct Scripted {
    pub(crate) manifest: Manifest,
    pub(crate) inbound: Rule<InboundCall, Vec<Action>>,
    pub(crate) outbound: Rule<OutboundCall, Verdict>,
    /// What it wants when a timer runs out.
    pub(crate) timer: fn() -> Vec<Action>,
    pub(crate) on_error: OnError,
    /// How often it fails before it gives a verdict, or decides about a timer.
    pub(crate) fails: u32,
    /// How often it was asked, but for what it hears later of messages.
    pub(crate) asked: Arc<AtomicU32>,
}

pub(crate) fn accept(changes: Changes) -> Verdict {
    Verdict::Accept(changes)
}

impl Scripted {
    pub(crate) fn named(name: &str, hooks: Hooks) -> Self {
        let manifest = Manifest { name: name.to_owned(), version: "1.0.0".to_owned(), hooks, ..Manifest::default() };
        Self {
            manifest,
            inbound: |_, _| (Vec::new(), None),
            outbound: |_, _| (accept(Changes::default()), None),
            timer: Vec::new,
            on_error: OnError::Skip,
            fails: 0,
            asked: Arc::default(),
        }
    }

    pub(crate) fn link(self) -> Link {
        let (name, on_error) = (self.manifest.name.clone(), self.on_error);
        Link { name, on_error, plugin: Arc::new(self), health: Arc::default() }
    }

    pub(crate) fn key(&self) -> StateKey {
        let plugin = self.manifest.name.clone();
        StateKey { plugin, scope: Scope::Global, subject: Uuid::nil(), key: "number".to_owned() }
    }

    fn fails(&self) -> Option<plugins::Failure> {
        let fails = self.asked.fetch_add(1, Ordering::Relaxed) < self.fails;
        fails.then(|| plugins::Failure::Failed("no idea yet".to_owned()))
    }

    async fn apply<C: Sync, D>(&self, rule: Rule<C, D>, call: &C, surroundings: &Surroundings) -> Called<D> {
        let found = match surroundings.state.recall(&self.key()).await {
            Ok(found) => found,
            Err(reason) => {
                return Called { result: Err(plugins::Failure::Failed(reason)), effects: Effects::default() };
            }
        };
        let number = found.as_ref().and_then(|found| found.value.parse().ok()).unwrap_or(0);
        let (decision, next) = rule(call, number);
        let changes = next.map(|next| plugins_change(self.key(), next, found.map(|found| found.version)));
        let effects = Effects { changes: changes.into_iter().collect(), ..Effects::default() };
        Called { result: Ok(decision), effects }
    }
}

fn plugins_change(key: StateKey, number: i32, seen: Option<Uuid>) -> plugins::StateChange {
    let change = Change::Set { value: number.to_string(), expires_at: None };
    plugins::StateChange { key, change, seen: Some(seen) }
}

#[async_trait]
impl Plugin for Scripted {
    fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    async fn on_inbound(&self, call: &InboundCall, surroundings: &Surroundings) -> Called<Decision> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let Called { result, effects } = self.apply(self.inbound, call, surroundings).await;
        Called { result: result.map(|actions| Decision { actions, flow: Flow::Proceed }), effects }
    }

    async fn on_outbound(&self, call: &OutboundCall, surroundings: &Surroundings) -> Called<Verdict> {
        if let Some(failure) = self.fails() {
            return Called { result: Err(failure), effects: Effects::default() };
        }
        self.apply(self.outbound, call, surroundings).await
    }

    async fn on_status(&self, _: &StatusCall, _: &Surroundings) -> Called<Decision> {
        Called { result: Ok(Decision { actions: Vec::new(), flow: Flow::Proceed }), effects: Effects::default() }
    }

    async fn on_timer(&self, _: &TimerCall, _: &Surroundings) -> Called<Decision> {
        let decision = Decision { actions: (self.timer)(), flow: Flow::Proceed };
        Called { result: self.fails().map_or(Ok(decision), Err), effects: Effects::default() }
    }
}

/// Nothing leaves this machine.
struct Nowhere;

#[async_trait]
impl Transport for Nowhere {
    async fn send(&self, _: http::Request<Bytes>) -> Result<http::Response<Bytes>, Failure> {
        Err(Failure::NotSent("nowhere".to_owned()))
    }
}

/// One, `helpdesk`.
fn endpoints() -> Endpoints {
    let settings =
        serde_json::json!({ "url": "https://helpdesk.example.com/", "secret": format!("whsec_{}", "A".repeat(32)) });
    let settings = serde_json::from_value(settings).unwrap();
    Endpoints::build(&BTreeMap::from([("helpdesk".to_owned(), settings)])).unwrap()
}

/// The flows, on a database of their own, with two channels.
pub(crate) struct Fixture {
    pub(crate) store: Store,
    pub(crate) deciding: Deciding,
    pub(crate) outbound: Outbound,
    pub(crate) processing: Processing,
    pub(crate) ids: Arc<Ids>,
    pub(crate) clock: Arc<ManualClock>,
    _folder: TempDir,
}

fn channels() -> Channels {
    let channel = |number: &str| {
        format!(
            "kind = 'twilio'\naccount_sid = 'AC00000000000000000000000000000001'\nauth_token = '12345'\n\
             from = '{number}'\nlong_text = 'reject'\n"
        )
    };
    let text = format!("[sms]\n{}[other]\n{}", channel(OURS), channel("+529983162439"));
    Channels::build(&toml::from_str::<BTreeMap<_, _>>(&text).unwrap(), &crate::channels::no_components).unwrap()
}

impl Fixture {
    pub(crate) async fn new(plugins: Vec<Scripted>) -> Self {
        Self::on(channels(), plugins).await
    }

    pub(crate) async fn on(channels: Channels, plugins: Vec<Scripted>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", folder.path().join("recado.db").display());
        let (store, _) = Store::open(&Settings { url, readers: 2, queue: 100, timeout_s: 30 }).await.unwrap();
        let clock = Arc::new(ManualClock::at("2026-11-24T08:00:00Z".parse().unwrap()));
        let ids = Arc::new(Ids::default());
        let place = Place { locale: "es-MX".to_owned(), time_zone: "America/Cancun".to_owned(), subject: None };
        let deciding = Deciding::new(Parts {
            store: store.clone(),
            plugins: InForce::new(Chain::new(plugins.into_iter().map(Scripted::link).collect())),
            clock: clock.clone(),
            ids: Arc::clone(&ids),
            place: place.clone(),
            random: || 7,
        });
        let uploads = Uploads::new(UploadsParts {
            store: store.clone(),
            files: Files::open(&folder.path().join("media"), clock.now()).unwrap(),
            clock: clock.clone(),
            ids: Arc::clone(&ids),
            public_url: "https://sms.example.mx".to_owned(),
            max_bytes: 100,
            link_ttl_h: 48,
            random: || Some([7; 24]),
        });
        let outbox = Arc::new(tokio::sync::Notify::new());
        let outbound = Outbound::new(outbound::Parts {
            store: store.clone(),
            deciding: deciding.clone(),
            channels,
            clock: clock.clone(),
            ids: Arc::clone(&ids),
            place,
            region: "MX".to_owned(),
            transport: Arc::new(Nowhere),
            outbox: Arc::clone(&outbox),
            uploads,
            settled: tokio::sync::broadcast::channel(1).0,
        });
        let processing = Processing::new(processing::Parts {
            store: store.clone(),
            deciding: deciding.clone(),
            outbound: outbound.clone(),
            clock: clock.clone(),
            ids: Arc::clone(&ids),
            endpoints: endpoints(),
            parallel: 4,
            outbox,
            patience: Patience(&[Duration::ZERO; 2]),
        });
        Self { store, deciding, outbound, processing, ids, clock, _folder: folder }
    }

    /// A message of somebody's, on record; and the call that is made for it.
    pub(crate) async fn recorded(&self, sender: &str, text: &str) -> (Thread, InboundCall) {
        self.heard(sender, text, None).await
    }

    /// The same with an opting out that the gate read in it, if it did.
    pub(crate) async fn heard(&self, sender: &str, text: &str, heard: Option<Heard>) -> (Thread, InboundCall) {
        let now = self.clock.now();
        let id = MessageId(self.ids.next(now));
        let new = NewInbound {
            id,
            conversation_id: ConversationId(self.ids.next(now)),
            contact_id: ContactId(self.ids.next(now)),
            channel: "sms".to_owned(),
            provider_id: id.to_string(),
            sender: Address::received(sender),
            recipient: Address::received(OURS),
            text: text.to_owned(),
            media: Vec::new(),
            segments: Some(1),
            extra: Vec::new(),
            consent: heard.map(|_| Consent { choice: Choice::OptedOut, source: Source::Message, code: None }),
            heard,
            subject: "SMS".to_owned(),
            received_at: now,
            said_at: None,
        };
        assert_eq!(self.store.record(new.clone()).await.unwrap(), Receipt::Recorded);
        let thread = self.store.open_thread("sms", &new.sender).await.unwrap().unwrap();
        let call = InboundCall {
            id,
            channel: new.channel,
            sender: new.sender,
            recipient: new.recipient,
            text: new.text,
            media: new.media,
            received_at: now,
            extra: new.extra,
            conversation: seen(&thread, 1, None),
        };
        (thread, call)
    }

    /// The number that a plugin remembers.
    pub(crate) async fn number(&self, plugin: &Scripted) -> Option<String> {
        let now = Now { store: self.store.clone(), now: self.clock.now() };
        now.recall(&plugin.key()).await.unwrap().map(|found| found.value)
    }
}

/// The number of messages.
pub(crate) fn counting() -> Scripted {
    let hooks = Hooks { inbound: true, ..Hooks::default() };
    Scripted { inbound: |_, number| (Vec::new(), Some(number + 1)), ..Scripted::named("counting", hooks) }
}

/// A change after a look at this version.
fn made(change: Change, seen: Option<Uuid>) -> plugins::StateChange {
    plugins::StateChange { key: counting().key(), change, seen: seen.map(Some) }
}

fn set(value: &str) -> Change {
    Change::Set { value: value.to_owned(), expires_at: None }
}

fn sum(changes: Vec<plugins::StateChange>) -> Vec<(store::Change, Option<Uuid>)> {
    let summed = remembering::summed(changes, Uuid::nil);
    summed.into_iter().map(|change| (change.change, change.seen.flatten())).collect()
}

#[test]
fn the_changes_of_one_asking_come_to_one_for_each_value() {
    let seen = Some(Uuid::max());
    let to = |value: &str| store::Change::Set { value: value.to_owned(), expires_at: None };
    let cases = [
        (vec![(Change::Add(1.0), None), (Change::Add(2.5), None)], (store::Change::Add(3.5), None)),
        (vec![(set("4"), seen), (Change::Add(1.0), None)], (to("5"), seen)),
        (vec![(Change::Add(1.0), None), (set("7"), seen)], (to("7"), seen)),
        (vec![(Change::Delete, seen), (Change::Add(1.0), None)], (to("1"), seen)),
        (vec![(set("a"), None), (set("b"), seen), (Change::Delete, seen)], (store::Change::Delete, seen)),
        (vec![(set("no number"), None), (Change::Add(1.0), None)], (to("1"), None)),
    ];
    for (changes, expected) in cases {
        let changes = changes.into_iter().map(|(change, seen)| made(change, seen)).collect();
        assert_eq!(sum(changes), [expected]);
    }
    let other = StateKey { key: "other".to_owned(), ..counting().key() };
    let other = plugins::StateChange { key: other, change: Change::Delete, seen: None };
    assert_eq!(sum(vec![made(set("a"), None), other, made(set("b"), None)]).len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_pending_is_read_before_it_is_committed() {
    let fixture = Fixture::new(vec![counting()]).await;
    let key = counting().key();
    let change = |change, version| StateChange {
        key: store::StateKey {
            plugin: key.plugin.clone(),
            scope: "global",
            subject: key.subject,
            key: key.key.clone(),
        },
        change,
        seen: None,
        version: Uuid::from_u128(version),
    };
    let read = async |changes: Vec<StateChange>| {
        let committed = Arc::new(Now { store: fixture.store.clone(), now: fixture.clock.now() });
        let pending = Pending { committed, changes };
        let usage = pending.usage(&key.plugin, Scope::Global, key.subject).await.unwrap();
        (pending.recall(&key).await.unwrap(), usage.keys)
    };
    let found = |value: &str, version| Some(Remembered { value: value.to_owned(), version: Uuid::from_u128(version) });
    let to = |value: &str| store::Change::Set { value: value.to_owned(), expires_at: None };
    assert_eq!(read(vec![]).await, (None, 0));
    assert_eq!(read(vec![change(to("4"), 1)]).await, (found("4", 1), 1));
    assert_eq!(read(vec![change(to("4"), 1), change(store::Change::Add(1.0), 2)]).await, (found("5", 2), 1));
    assert_eq!(read(vec![change(to("4"), 1), change(store::Change::Delete, 2)]).await, (None, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_decided_says_when_about_what_and_by_whom() {
    let fixture = Fixture::new(vec![counting(), counting()]).await;
    let (thread, call) = fixture.recorded(ANA, "hola").await;
    let id = call.id;
    let decided = fixture.deciding.inbound(call, u64::MAX).await;
    assert_eq!((decided.at, decided.traces.len(), decided.state.len()), (fixture.clock.now(), 2, 1));
    for trace in &decided.traces {
        assert_eq!((trace.message_id, trace.hook, trace.plugin.as_str()), (id, Hook::Inbound, "counting"));
        assert_eq!((trace.at, trace.seed), (fixture.clock.now(), Some(u64::MAX)));
    }
    // The moment lies between what was remembered and what will be.
    let [first, second] = [0, 1].map(|index: usize| decided.traces[index].id);
    assert!(first < second && first < decided.state[0].version);
    let processed = Processed {
        state: decided.state,
        traces: decided.traces,
        seed: Some(5),
        ..Processed::new(store::Cause::Message, id, thread.conversation.id, thread.contact.id, fixture.clock.now())
    };
    assert!(fixture.store.commit(processed).await.unwrap().is_done());
    assert_eq!(fixture.number(&counting()).await.as_deref(), Some("1"));
    // Read as it was then, there is nothing yet.
    let asked = fixture.store.asked(id).await.unwrap().unwrap();
    let then = Then { store: fixture.store.clone(), asked };
    assert_eq!((asked.seed, then.recall(&counting().key()).await.unwrap()), (Some(5), None));
    assert_eq!(then.usage("counting", Scope::Global, Uuid::nil()).await.unwrap().keys, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_timer_of_a_plugin_that_is_gone_is_explained() {
    let fixture = Fixture::new(vec![counting()]).await;
    let (_, call) = fixture.recorded(ANA, "hola").await;
    let timer = TimerCall {
        name: "nudge".to_owned(),
        payload: String::new(),
        started_at: fixture.clock.now(),
        due_at: fixture.clock.now(),
        conversation: call.conversation,
    };
    let decided = fixture.deciding.timer("gone", call.id, timer, 1).await.unwrap();
    assert_eq!(decided.outcome, Plan::default());
    let [trace] = decided.traces.try_into().unwrap();
    assert_eq!((trace.plugin.as_str(), trace.hook, trace.message_id), ("gone", Hook::Timer, call.id));
    let why = trace.decision["left_out"][0].as_str().unwrap();
    assert!(why.contains("`nudge`") && why.contains("no longer there"), "{why}");
}
