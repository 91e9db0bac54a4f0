//! What becomes of a text while its channel fails, on a real database.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use tempfile::TempDir;

use super::*;
use crate::actions::Action;
use crate::channels::tests::breaking;
use crate::deciding::tests::{ANA, Fixture, Scripted};
use crate::gate::Home;
use crate::message::consent::{Heard, Keyword};
use crate::message::{Line, Locale};
use crate::pauses::Lengths;
use crate::plugins::Hooks;
use crate::store::{Message, MessageFilter};

fn replies() -> Scripted {
    let rule = |_: &crate::plugins::InboundCall, _| {
        (vec![Action::Reply { text: "Gracias".to_owned(), media: Vec::new() }], None)
    };
    Scripted { inbound: rule, ..Scripted::named("replies", Hooks { inbound: true, ..Hooks::default() }) }
}

/// What became of a text.
struct Came {
    id: MessageId,
    fixture: Fixture,
    plugin: Scripted,
    /// What its webhook was answered, which waited from the beginning.
    answer: Option<String>,
    inbound: Inbound,
    /// What it was sent to.
    line: Line,
    _folder: TempDir,
}

/// The id of a text that comes in, what its webhook was answered, and what it was sent to.
async fn puts(inbound: &Inbound, fixture: &Fixture, heard: Option<Heard>) -> (MessageId, Option<String>, Line) {
    let (_, call) = fixture.heard(ANA, "hola", heard).await;
    let waiter = inbound.shared.waiting.join(call.id);
    let recorded = fixture.store.unprocessed_one(call.id).await.unwrap().unwrap();
    process::process(&inbound.shared, recorded).await;
    (call.id, waiter.reply(Duration::ZERO).await, Line::of("sms", Some(&call.recipient), None))
}

/// A text comes in on a channel that fails so often.
async fn comes_in(fails: u32, heard: Option<Heard>) -> Came {
    let plugin = replies();
    let (fixture, folder) = (Fixture::new(vec![plugin.clone()]).await, TempDir::new().unwrap());
    let (channels, clock) = (breaking(fails), fixture.clock.clone());
    let journal = journal::Settings { path: folder.path().join("journal"), max_bytes: 1024 * 1024, after_ms: 100 };
    let lengths = Lengths { first: Duration::from_secs(1), longest: Duration::from_secs(1), silences: 0 };
    let mut gate = crate::gate::Settings::default();
    "fuera".clone_into(&mut gate.confirmations.es.opt_out);
    let rate = channels::Rates { segments_per_s: Some(1.0), ..channels::Rates::default() };
    let inbound = Inbound::new(Parts {
        store: fixture.store.clone(),
        journal: Journal::open(&journal, "test").unwrap(),
        journal_after: Duration::from_secs(1),
        channels: channels.clone(),
        processing: fixture.processing.clone(),
        clock: clock.clone(),
        ids: Arc::clone(&fixture.ids),
        settings: Settings { reply_within_ms: 5_000, parallel: 1, lease_s: 10 },
        place: Place { locale: "es-MX".to_owned(), time_zone: "America/Cancun".to_owned(), subject: None },
        public_url: "https://sms.example.mx".to_owned(),
        outbox: Arc::default(),
        wanted: Arc::default(),
        pauses: Pauses::new(channels.clone(), lengths, Locale::Es),
        rates: Rates::new(channels, BTreeMap::from([("sms".to_owned(), rate)]), 1),
        alone: true,
        rules: Rules::new(&gate, &Home { locale: Locale::Es, time_zone: "UTC", region: "MX" }),
    });
    let (id, answer, line) = puts(&inbound, &fixture, heard).await;
    Came { id, fixture, plugin, answer, inbound, line, _folder: folder }
}

impl Came {
    async fn sent(&self) -> Vec<String> {
        let page = self.fixture.store.messages(MessageFilter::default(), None, 10).await.unwrap();
        page.items.into_iter().filter(|message: &Message| message.id != self.id).map(|message| message.text).collect()
    }

    async fn is_processed(&self) -> bool {
        self.fixture.store.unprocessed_one(self.id).await.unwrap().is_none()
    }
}

fn stop() -> Heard {
    Heard { keyword: Keyword::OptOut, locale: Locale::Es, confirm: true }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_channel_fails_at_once_is_said_all_the_same() {
    let rides = comes_in(0, None).await;
    assert!(rides.answer.as_deref().is_some_and(|body| body.contains("Gracias")), "{:?}", rides.answer);
    for (heard, expected) in [(None, "Gracias"), (Some(stop()), "fuera")] {
        let came = comes_in(1, heard).await;
        assert_eq!(came.sent().await, [expected]);
        // The webhook did not wait for it.
        assert_eq!((came.answer.as_deref(), came.is_processed().await), (None, true));
        assert_eq!(came.plugin.asked.load(Ordering::Relaxed), 1, "what had decided is not asked again");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_channel_that_fails_each_time_holds_nothing_up_for_ever() {
    let came = comes_in(u32::MAX, None).await;
    assert_eq!((came.sent().await.len(), came.is_processed().await), (0, true));
    let traces = came.fixture.store.traces(came.id).await.unwrap();
    let why = traces[0].decision["left_out"][0].as_str().unwrap().to_owned();
    assert!(why.contains("it took too long"), "{why}");
    let came = comes_in(u32::MAX, Some(stop())).await;
    assert_eq!((came.sent().await.len(), came.is_processed().await), (0, true));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_what_rides_an_answer_takes_of_its_senders_rate_by_that() {
    let came = comes_in(0, Some(stop())).await;
    assert!(came.answer.as_deref().is_some_and(|body| body.contains("fuera")), "{:?}", came.answer);
    let (rates, now) = (&came.inbound.shared.rates, came.fixture.clock.now());
    let next = rates.next(&came.line, now);
    assert!(next > now, "that was all for this second");
    // They have opted out, so that the gate refuses the reply.
    let (_, answer, _) = puts(&came.inbound, &came.fixture, None).await;
    assert_eq!((answer, rates.next(&came.line, now)), (None, next));
}
