//! What a running gateway asks its database again and again, also when nothing happens: asked here by the store
//! itself, and timed.

use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use recado::clock::Ids;
use recado::message::{Address, Line, Priority};
use recado::store::{Aged, Order, Settings, Store, Wanted};
use sea_orm::prelude::Uuid;

/// How often each is asked in one turn.
const TIMES: usize = 60;

pub(crate) const NAMES: [&str; 12] = [
    "question: what waits to be sent",
    "question: a claim of what is due",
    "question: leases that ended",
    "question: whom to ask what became of it",
    "question: callbacks due",
    "question: removals due",
    "question: media due",
    "question: timers due",
    "question: how much waits, for the metrics",
    "question: what plugins forgot",
    "question: texts that are old",
    "question: attempts that are old",
];

pub(crate) struct Asker {
    store: Store,
    ids: Ids,
}

impl Asker {
    pub(crate) async fn open(url: &str) -> Self {
        // Not by the gateway's name, for the server's time is counted by it.
        let url =
            if url.starts_with("postgres") { format!("{url}?application_name=questions") } else { url.to_owned() };
        let settings = Settings { url, readers: 1, queue: 100, timeout_s: 30 };
        let (store, _) = Store::open(&settings).await.expect("the store");
        Self { store, ids: Ids::default() }
    }

    pub(crate) async fn ask(&self, name: &str) -> Vec<Duration> {
        let mut took = Vec::with_capacity(TIMES);
        for _ in 0..TIMES {
            let started = Instant::now();
            self.once(name).await;
            took.push(started.elapsed());
        }
        took
    }

    async fn once(&self, name: &str) {
        #[expect(clippy::disallowed_methods, reason = "a program that measures has no other clock")]
        let now = Timestamp::now();
        let store = &self.store;
        let soon = now + SignedDuration::from_mins(1);
        // Nothing is that old: what is there shall stay.
        let old = now - SignedDuration::from_hours(24 * 500);
        let asked = match name.trim_start_matches("question: ") {
            "what waits to be sent" => store.waiting(now).await.map(drop),
            "a claim of what is due" => store.claim(self.wanted(now, soon)).await.map(drop),
            "leases that ended" => store.expire_leases(old).await.map(drop),
            "whom to ask what became of it" => {
                store.due_questions(old, soon, vec!["sms".to_owned()], 100).await.map(drop)
            }
            "callbacks due" => store.callbacks_due(now).await.map(drop),
            "removals due" => store.removals_due(now).await.map(drop),
            "media due" => store.media_due().await.map(drop),
            "timers due" => store.next_timer(&["auto-reply".to_owned()], Vec::new()).await.map(drop),
            "how much waits, for the metrics" => store.backlog(now).await.map(drop),
            "what plugins forgot" => store.prune_state(old, 100).await.map(drop),
            "texts that are old" => store.age(Aged::Texts, old, 20, now).await.map(drop),
            _ => store.age(Aged::Attempts, old, 200, now).await.map(drop),
        };
        asked.expect(name);
    }

    /// Nothing is due between two turns: thousands of parts wait for tomorrow.
    fn wanted(&self, now: Timestamp, until: Timestamp) -> Wanted {
        let attempt_ids: Vec<Uuid> = std::iter::repeat_with(|| self.ids.next(now)).take(50).collect();
        let line = Line { channel: "sms".to_owned(), sender: Address::received(recado_tests::NUMBER) };
        let orders = vec![Order { line, priority: Priority::Normal, parts: 50, room: None }];
        Wanted { now, until, attempt_ids, orders, but: Vec::new(), links_last: Duration::from_hours(48) }
    }
}
