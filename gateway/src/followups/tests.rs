//! What becomes of a timer whose message nobody can be made to look at, on a real database.

use std::sync::atomic::{AtomicU32, Ordering};

use super::*;
use crate::actions::{Action, Outgoing};
use crate::deciding::tests::{ANA, Fixture, LUIS, Scripted};
use crate::message::MessageId;
use crate::plugins::{Hooks, OnError};
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
        self.store.claim_timers(vec!["reminds".to_owned()], now, now + LEASE, 10).await.unwrap()
    }
}

/// A timer of the plugin that reminds runs out.
async fn runs_out(fixture: &Fixture) -> Came {
    let (thread, call) = fixture.recorded(ANA, "hola").await;
    let now = fixture.clock.now();
    let start = TimerChange::Start {
        id: fixture.ids.next(now),
        plugin: "reminds".to_owned(),
        name: "cita".to_owned(),
        payload: String::new(),
        started_at: now,
        due_at: now,
        hops: 0,
    };
    let nothing = Processed::new(Cause::Message, call.id, thread.conversation.id, thread.contact.id, now);
    let processed = Processed { timers: vec![start], ..nothing };
    assert!(fixture.store.commit(processed).await.unwrap().is_done());
    let settings = Settings { parallel: 1, state_history_days: 1 };
    let (store, processing) = (fixture.store.clone(), fixture.processing.clone());
    let parts = Parts { store, processing, clock: fixture.clock.clone(), settings };
    let [timer] = parts.timers(fixture).await.try_into().unwrap();
    let rests = AtomicU32::new(0);
    let rest = || {
        rests.fetch_add(1, Ordering::Relaxed);
    };
    work::follow_up(&parts, &Followup::Timer(timer), LEASE, now + LEASE, rest).await;
    fixture.clock.advance(Duration::from_mins(2));
    assert_eq!(parts.timers(fixture).await.len(), 0, "it is followed up");
    let page = fixture.store.messages(store::MessageFilter::default(), None, 10).await.unwrap();
    let sent = page.items.into_iter().filter(|message| message.plugin.is_some()).map(|message| message.text);
    Came { cause: call.id, sent: sent.collect(), rests: rests.into_inner() }
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
