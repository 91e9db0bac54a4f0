//! What is claimed, and what becomes of a timer whose plugin is left alone or whose message nobody can be made to look
//! at, on a real database.

use std::sync::atomic::{AtomicU32, Ordering};

use tokio::sync::oneshot;

use super::hands::Leased;
use super::*;
use crate::actions::{Action, Outgoing};
use crate::deciding::tests::{ANA, Fixture, LUIS, Scripted};
use crate::message::{ConversationId, MessageId};
use crate::plugins::{Hooks, OnError};
use crate::processing::{self, Lanes, Patience};
use crate::store::{Cause, Processed, TimerChange};

/// Writes to somebody when its timer runs out.
fn reminds() -> Scripted {
    let reminder = || {
        vec![Action::Send(Outgoing {
            channel: None,
            sender: None,
            recipient: LUIS.to_owned(),
            text: "su cita es mañana".to_owned(),
            media: Vec::new(),
            send_at: None,
        })]
    };
    Scripted { timer: reminder, ..Scripted::named("reminds", Hooks { timer: true, ..Hooks::default() }) }
}

/// Must look at all that is sent, and fails so often before it does.
fn strict(fails: u32) -> Scripted {
    let hooks = Hooks { outbound: true, ..Hooks::default() };
    Scripted { on_error: OnError::Stop, fails, ..Scripted::named("strict", hooks) }
}

fn asked(plugin: &Scripted) -> u32 {
    plugin.asked.load(Ordering::Relaxed)
}

struct Came {
    /// The message that started the timer.
    cause: MessageId,
    /// What was sent.
    sent: Vec<String>,
    /// How often it made room for others.
    rests: u32,
}

impl Parts {
    async fn timers(&self, fixture: &Fixture) -> Vec<store::ClaimedTimer> {
        let now = fixture.clock.now();
        self.store.claim_timers(vec!["reminds".to_owned()], Vec::new(), now, now + LEASE, 10).await.unwrap()
    }
}

/// Somebody wrote, and a timer of the plugin that reminds is to run out at once.
async fn started(fixture: &Fixture, sender: &str) -> MessageId {
    named(fixture, sender, "cita").await.0
}

/// The same for a timer of this name, and the conversation.
async fn named(fixture: &Fixture, sender: &str, name: &str) -> (MessageId, ConversationId) {
    let (thread, call) = fixture.recorded(sender, "hola").await;
    let now = fixture.clock.now();
    let start = TimerChange::Start {
        id: fixture.ids.next(now),
        plugin: "reminds".to_owned(),
        name: name.to_owned(),
        payload: String::new(),
        started_at: now,
        due_at: now,
        hops: 0,
    };
    let nothing = Processed::new(Cause::Message, call.id, thread.conversation.id, thread.contact.id, now);
    let processed = Processed { timers: vec![start], ..nothing };
    assert!(fixture.store.commit(processed).await.unwrap().is_done());
    (call.id, thread.conversation.id)
}

fn parts(fixture: &Fixture, parallel: usize) -> Parts {
    let settings = Settings { parallel, state_history_days: 1 };
    let (store, processing) = (fixture.store.clone(), fixture.processing.clone());
    Parts { store, processing, clock: fixture.clock.clone(), settings }
}

/// What plugins sent.
async fn sent(fixture: &Fixture) -> Vec<String> {
    let page = fixture.store.messages(store::MessageFilter::default(), None, 100).await.unwrap();
    page.items.into_iter().filter(|message| message.plugin.is_some()).map(|message| message.text).collect()
}

/// A timer of the plugin that reminds runs out.
async fn runs_out(fixture: &Fixture) -> Came {
    let cause = started(fixture, ANA).await;
    let (parts, now) = (parts(fixture, 1), fixture.clock.now());
    let [timer] = parts.timers(fixture).await.try_into().unwrap();
    let rests = AtomicU32::new(0);
    let rest = || {
        rests.fetch_add(1, Ordering::Relaxed);
    };
    work::follow_up(&parts, &Followup::Timer(timer), LEASE, &Leased::new(now + LEASE), rest).await;
    fixture.clock.advance(Duration::from_mins(2));
    assert_eq!(parts.timers(fixture).await.len(), 0, "it is followed up");
    Came { cause, sent: sent(fixture).await, rests: rests.into_inner() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plugin_that_must_have_its_say_and_fails_once_is_asked_again() {
    let (reminds, strict) = (reminds(), strict(1));
    let fixture = Fixture::new(vec![reminds.clone(), strict.clone()]).await;
    let came = runs_out(&fixture).await;
    assert_eq!(came.sent, ["su cita es mañana"]);
    // What had decided is not asked again.
    assert_eq!((asked(&reminds), asked(&strict), came.rests), (1, 2, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_fails_each_time_holds_nothing_up_for_ever() {
    let (reminds, strict) = (reminds(), strict(u32::MAX));
    let fixture = Fixture::new(vec![reminds.clone(), strict.clone()]).await;
    let came = runs_out(&fixture).await;
    assert_eq!((came.sent.len(), asked(&reminds), asked(&strict), came.rests), (0, 1, 3, 2));
    let traces = fixture.store.traces(came.cause).await.unwrap();
    let why = traces.last().unwrap().decision["left_out"][0].as_str().unwrap().to_owned();
    assert!(why.contains("`strict`") && why.contains("no idea yet"), "{why}");
}

/// All claimed timers, followed up side by side.
async fn follow_all(parts: &Parts, fixture: &Fixture) -> usize {
    let until = Leased::new(fixture.clock.now() + LEASE);
    let timers: Vec<Followup> = parts.timers(fixture).await.into_iter().map(Followup::Timer).collect();
    let all = timers.iter().map(|timer| work::follow_up(parts, timer, LEASE, &until, || {}));
    futures::future::join_all(all).await.len()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_the_timers_of_a_plugin_that_was_left_alone_one_tries_and_none_is_lost() {
    let reminds = Scripted { fails: 6, ..reminds() };
    let fixture = Fixture::new(vec![reminds.clone()]).await;
    let parts = parts(&fixture, 8);
    let somebody = |number: u32| format!("+5299811122{number:02}");
    for number in 0..5 {
        started(&fixture, &somebody(number)).await;
    }
    assert_eq!((follow_all(&parts, &fixture).await, asked(&reminds)), (5, 5));
    for number in 5..9 {
        started(&fixture, &somebody(number)).await;
    }
    // They wait, and then all of them come at the same moment. The one that tries fails once more.
    assert_eq!((follow_all(&parts, &fixture).await, asked(&reminds)), (4, 5));
    fixture.clock.advance(Duration::from_secs(30));
    assert_eq!(follow_all(&parts, &fixture).await, 0);
    fixture.clock.advance(Duration::from_millis(1));
    assert_eq!((follow_all(&parts, &fixture).await, asked(&reminds)), (4, 6));
    fixture.clock.advance(Duration::from_secs(61));
    assert_eq!((follow_all(&parts, &fixture).await, asked(&reminds)), (3, 9));
    assert_eq!(sent(&fixture).await.len(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lease_lasts_longer_than_a_rest_and_another_try() {
    let fixture = Fixture::new(vec![reminds(), strict(u32::MAX)]).await;
    let patience = Patience(const { &[Duration::from_secs(25)] });
    let processing = Processing::new(processing::Parts {
        store: fixture.store.clone(),
        deciding: fixture.deciding.clone(),
        outbound: fixture.outbound.clone(),
        clock: fixture.clock.clone(),
        ids: Arc::clone(&fixture.ids),
        #[expect(clippy::default_trait_access, reason = "what it is called is nothing that this room knows")]
        endpoints: Default::default(),
        parallel: 1,
        outbox: Arc::default(),
        patience,
    });
    // Nobody rests any more.
    processing.lanes().drain().await;
    let parts = Parts { processing, ..parts(&fixture, 1) };
    started(&fixture, ANA).await;
    let [timer] = parts.timers(&fixture).await.try_into().unwrap();
    let until = fixture.clock.now() + LEASE;
    fixture.clock.advance(Duration::from_secs(10));
    work::follow_up(&parts, &Followup::Timer(timer), LEASE, &Leased::new(until), || {}).await;
    // At the end of the rest half a lease is left at least.
    fixture.clock.advance(Duration::from_secs(25 + 30));
    assert_eq!(parts.timers(&fixture).await.len(), 0);
    fixture.clock.advance(Duration::from_secs(31));
    assert_eq!(parts.timers(&fixture).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_another_process_leased_meanwhile_is_left_to_it() {
    let reminds = reminds();
    let fixture = Fixture::new(vec![reminds.clone()]).await;
    let parts = parts(&fixture, 1);
    started(&fixture, ANA).await;
    let leased = || Leased::new(fixture.clock.now() + LEASE);
    let (here, until) = (parts.timers(&fixture).await, leased());
    // It waited for its turn for so long.
    fixture.clock.advance(Duration::from_mins(2));
    let (elsewhere, until_there) = (parts.timers(&fixture).await, leased());
    for (timers, until, expected) in [(here, until, 0), (elsewhere, until_there, 1)] {
        let [timer] = timers.try_into().unwrap();
        work::follow_up(&parts, &Followup::Timer(timer), LEASE, &until, || {}).await;
        assert_eq!(asked(&reminds), expected);
    }
}

/// Keeps a lane busy until this is dropped.
async fn hold(lanes: &Lanes, lane: ConversationId) -> oneshot::Sender<()> {
    let ((begins, began), (held, gate)) = (oneshot::channel(), oneshot::channel());
    lanes.enqueue(lane, async move {
        let _ = (begins.send(()), gate.await);
    });
    began.await.unwrap();
    held
}

/// Claims until there is nothing to claim for now.
async fn claim_all(shared: &Arc<Shared>) {
    while shared.claim([Kind::Timers, Kind::Reports]).await.unwrap() > 0 {}
}

/// Claims whenever something changed, until plugins sent so many.
async fn until_sent(shared: &Arc<Shared>, fixture: &Fixture, count: usize) {
    let sending = async {
        while sent(fixture).await.len() < count {
            shared.hands.changed().await;
            claim_all(shared).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), sending).await.expect("all of them are sent");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waits_for_its_turn_holds_up_its_conversation_alone() {
    let fixture = Fixture::new(vec![reminds()]).await;
    let shared = Arc::new(Shared::new(parts(&fixture, 2)));
    let lanes = fixture.processing.lanes();
    let (_, ana) = named(&fixture, ANA, "first").await;
    named(&fixture, ANA, "second").await;
    let somebody = |number: u32| format!("+5299811122{number:02}");
    let mut held = vec![hold(lanes, ana).await];
    for number in 50..52 {
        let (_, conversation) = named(&fixture, &somebody(number), "cita").await;
        held.push(hold(lanes, conversation).await);
    }
    started(&fixture, &somebody(60)).await;
    claim_all(&shared).await;
    until_sent(&shared, &fixture, 1).await;
    // Their leases ended, and none comes to its lane a second time.
    fixture.clock.advance(Duration::from_mins(2));
    claim_all(&shared).await;
    let of_hers = || shared.hands.with_timers().into_iter().filter(|conversation| *conversation == ana).count();
    assert_eq!((of_hers(), sent(&fixture).await.len()), (1, 1));
    // The next of a conversation has its turn when the one before is done.
    assert_eq!(shared.pause().await, LOOK);
    drop(held);
    until_sent(&shared, &fixture, 5).await;
    lanes.drain().await;
    assert_eq!((shared.hands.free(), shared.hands.with_timers()), (2, Vec::new()));
}

/// A report of what became of a message is to be told, of somebody's conversation.
async fn reported(fixture: &Fixture, sender: &str) {
    let ids = Arc::clone(&fixture.ids);
    fixture.store.report_when(move |now| Some(ids.next(now)));
    started(fixture, sender).await;
    let parts = parts(fixture, 1);
    assert_eq!(follow_all(&parts, fixture).await, 1);
    let page = fixture.store.messages(store::MessageFilter::default(), None, 100).await.unwrap();
    for message in page.items.iter().filter(|message| message.plugin.is_some()) {
        fixture.store.cancel(message.id, fixture.clock.now()).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_this_process_leased_again_while_it_waited_is_followed_up() {
    let fixture = Fixture::new(vec![reminds()]).await;
    reported(&fixture, ANA).await;
    let shared = Arc::new(Shared::new(parts(&fixture, 2)));
    let lanes = fixture.processing.lanes();
    let mut held = Vec::new();
    for number in 1..=4 {
        held.push(hold(lanes, ConversationId(uuid::Uuid::from_u128(number))).await);
    }
    let kinds = [Kind::Reports, Kind::Timers];
    assert_eq!(shared.claim(kinds).await.unwrap(), 1);
    fixture.clock.advance(Duration::from_mins(2));
    assert_eq!((shared.claim(kinds).await.unwrap(), shared.hands.free()), (1, 1));
    drop(held);
    lanes.drain().await;
    fixture.clock.advance(Duration::from_mins(2));
    assert_eq!(shared.claim(kinds).await.unwrap(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn neither_reports_nor_timers_are_held_up_by_many_of_the_other() {
    let replies = || vec![Action::Reply { text: "hola".to_owned(), media: Vec::new() }];
    let fixture = Fixture::new(vec![Scripted { timer: replies, ..reminds() }]).await;
    let somebody = |number: u32| format!("+5299811122{number:02}");
    for number in 0..6 {
        reported(&fixture, &somebody(number)).await;
    }
    for number in 10..22 {
        started(&fixture, &somebody(number)).await;
    }
    // None begins before all were claimed.
    let lanes = fixture.processing.lanes();
    let mut held = Vec::new();
    for number in 1..=4 {
        held.push(hold(lanes, ConversationId(uuid::Uuid::from_u128(number))).await);
    }
    for (kinds, timers) in [([Kind::Timers, Kind::Reports], 2), ([Kind::Reports, Kind::Timers], 1)] {
        let shared = Arc::new(Shared::new(parts(&fixture, 3)));
        assert_eq!(shared.claim(kinds).await.unwrap(), 3);
        assert_eq!((shared.hands.with_timers().len(), shared.hands.free()), (timers, 0));
    }
    // Where there are few of the one, the other has all that is left.
    let shared = Arc::new(Shared::new(parts(&fixture, 16)));
    assert_eq!(shared.claim([Kind::Timers, Kind::Reports]).await.unwrap(), 9 + 3);
    drop(held);
}
