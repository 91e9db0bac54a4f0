//! The worker against a provider that does as it is told, on a clock that stands still.

mod turns;
mod waits;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Mutex;

use async_trait::async_trait;
use bytes::Bytes;

use super::settings::tests::settings;
use super::*;
use crate::clock::ManualClock;
use crate::message::{Address, ContactId, ConversationId, Locale, Options, PartId, Priority, Status};
use crate::store::{Message, NewOutbound, NewPart, Route, Schedule, Sender, Submission};

const CHANNEL: &str =
    "kind = 'twilio'\naccount_sid = 'AC00000000000000000000000000000001'\nauth_token = 'a'\nfrom = '+15005550006'";
pub(super) const ANA: &str = "+529981112233";
const LUIS: &str = "+529981112244";
const EVA: &str = "+529981112255";

const BUSY: (u16, i32) = (429, 20429);
const FULL: (u16, i32) = (400, 21611);
const DENIED: (u16, i32) = (401, 20003);
const NO_SENDER: (u16, i32) = (400, 21606);
const ASTRAY: (u16, i32) = (404, 20404);

/// Gives these answers, an HTTP status and Twilio's code each, and takes whatever comes after the last.
#[derive(Default)]
struct Scripted {
    answers: Mutex<VecDeque<(u16, i32)>>,
    /// Nobody is there.
    away: Mutex<bool>,
    sent: Mutex<Vec<String>>,
}

#[async_trait]
impl Transport for Scripted {
    async fn send(&self, request: http::Request<Bytes>) -> Result<http::Response<Bytes>, Failure> {
        if *self.away.lock().unwrap() {
            return Err(Failure::NotSent("could not connect".to_owned()));
        }
        let number = {
            let mut sent = self.sent.lock().unwrap();
            sent.push(String::from_utf8(request.body().to_vec()).unwrap());
            sent.len()
        };
        let (status, body) = match self.answers.lock().unwrap().pop_front() {
            Some((status, code)) => (status, format!(r#"{{"code":{code},"message":"told"}}"#)),
            None => (201, format!(r#"{{"sid":"SM{number}","status":"queued"}}"#)),
        };
        Ok(http::Response::builder().status(status).body(body.into()).unwrap())
    }
}

/// How fast the channel's senders may send, in segments a second; 0 is as fast as can be.
fn at_most(segments_per_s: f64) -> channels::Rates {
    channels::Rates { segments_per_s: Some(segments_per_s), ..channels::Rates::default() }
}

pub(super) struct Fixture {
    pub(super) worker: Parts,
    pub(super) clock: Arc<ManualClock>,
    provider: Arc<Scripted>,
    _folder: tempfile::TempDir,
}

impl Fixture {
    /// A clock that stands still would never let go what a rate holds up.
    pub(super) async fn new(answers: impl IntoIterator<Item = (u16, i32)>) -> Self {
        Self::with_rates(answers, at_most(0.0)).await
    }

    async fn with_rates(answers: impl IntoIterator<Item = (u16, i32)>, rates: channels::Rates) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", folder.path().join("recado.db").display());
        let (store, _) = Store::open(&store::Settings { url, readers: 1, queue: 10, timeout_s: 30 }).await.unwrap();
        let clock = Arc::new(ManualClock::at("2026-11-24T08:00:00Z".parse().unwrap()));
        let provider = Arc::new(Scripted { answers: Mutex::new(answers.into_iter().collect()), ..Scripted::default() });
        let channels = BTreeMap::from([("sms".to_owned(), toml::from_str(CHANNEL).unwrap())]);
        let channels = Channels::build(&channels, &channels::no_components).unwrap();
        let rates = BTreeMap::from([("sms".to_owned(), rates)]);
        let worker = Parts {
            store,
            pauses: Pauses::new(channels.clone(), settings().lengths(), Locale::En),
            rates: Rates::new(channels.clone(), rates, 1),
            turns: Turns::default(),
            under_way: UnderWay::default(),
            channels,
            transport: provider.clone(),
            clock: clock.clone(),
            ids: Arc::default(),
            settings: settings(),
            public_url: "https://recado.example".to_owned(),
            links_last: Duration::from_hours(48),
            outbox: Arc::default(),
            settled: broadcast::channel(8).0,
        };
        Self { worker, clock, provider, _folder: folder }
    }

    async fn submit(&self, to: &str, sender: Option<&str>, options: Options) -> MessageId {
        self.urgent(Priority::Normal, to, sender, options).await
    }

    async fn urgent(&self, priority: Priority, to: &str, sender: Option<&str>, options: Options) -> MessageId {
        let now = self.clock.now();
        let id = || self.worker.ids.next(now);
        let message = NewOutbound {
            id: MessageId(id()),
            channel: "sms".to_owned(),
            sender: match sender {
                Some(sender) => Sender::Named(Address::received(sender)),
                None => Sender::Own(Some(Address::received("+15005550006"))),
            },
            service: None,
            recipient: Address::received(to),
            text: "Hola".to_owned(),
            media: Vec::new(),
            segments: 1,
            parts: vec![NewPart { id: PartId(id()), text: "Hola".to_owned(), media: Vec::new(), segments: 1 }],
            route: Route::Outbox,
            in_reply_to: None,
            plugin: None,
            options,
            schedule: Schedule::Now,
            priority,
            callback: None,
            seed: None,
            rejected: None,
            caused_by: None,
            hops: 0,
            confirms: false,
            template: None,
            bulk: None,
            at: now,
        };
        let message_id = message.id;
        let submission = Submission {
            message,
            conversation_id: ConversationId(id()),
            contact_id: ContactId(id()),
            subject: String::new(),
            idempotency: None,
            tags: Vec::new(),
            state: Vec::new(),
            traces: Vec::new(),
        };
        self.worker.store.submit(submission).await.unwrap();
        message_id
    }

    pub(super) async fn to(&self, recipient: &str) -> MessageId {
        self.submit(recipient, None, Options::default()).await
    }

    /// Sends what may be sent now; how much that was.
    pub(super) async fn round(&self) -> usize {
        let claimed = self.worker.claim(16).await.claimed;
        let count = claimed.len();
        for part in claimed {
            self.worker.deliver(part, Instant::now()).await;
        }
        count
    }

    async fn later(&self, seconds: u64) -> usize {
        self.clock.advance(Duration::from_secs(seconds));
        self.round().await
    }

    pub(super) async fn message(&self, id: MessageId) -> Message {
        self.worker.store.message(id).await.unwrap().unwrap()
    }

    pub(super) async fn status(&self, id: MessageId) -> (Status, Option<i32>) {
        let message = self.message(id).await;
        (message.status, message.error_code)
    }

    /// Looks every second until the message has come to its end; after how many seconds that was.
    async fn end_of(&self, id: MessageId) -> u64 {
        for second in 0..1000 {
            self.round().await;
            if self.status(id).await.0 != Status::Pending {
                return second;
            }
            self.clock.advance(Duration::from_secs(1));
        }
        panic!("it has no end: {:?}", self.message(id).await);
    }

    fn is_paused(&self) -> bool {
        !self.worker.pauses.all().is_empty()
    }

    pub(super) fn sent(&self) -> usize {
        self.provider.sent.lock().unwrap().len()
    }
}

#[tokio::test]
async fn what_is_refused_for_now_ends_by_time_and_not_by_tries() {
    for refusal in [BUSY, FULL] {
        let fixture = Fixture::new(std::iter::repeat_n(refusal, 1000)).await;
        let id = fixture.to(ANA).await;
        let ended = fixture.end_of(id).await;
        assert_eq!(fixture.status(id).await, (Status::Failed, Some(refusal.1)));
        assert!((600..=661).contains(&ended), "when the last pause after that is over: {ended} s");
        let attempts = fixture.message(id).await.parts[0].attempts;
        assert!(attempts > fixture.worker.settings.tries && attempts < 30, "{attempts}, ever further apart");
    }
}

#[tokio::test]
async fn a_provider_that_is_away_is_tried_as_long_and_holds_nobody() {
    let fixture = Fixture::new([]).await;
    *fixture.provider.away.lock().unwrap() = true;
    let [first, second] = [fixture.to(ANA).await, fixture.to(LUIS).await];
    assert_eq!(fixture.round().await, 2, "each is tried by itself");
    let ended = fixture.end_of(first).await;
    assert_eq!(ended, 600);
    let failed = fixture.message(first).await;
    assert!(failed.error_message.is_some_and(|message| message.contains("could not connect")));
    *fixture.provider.away.lock().unwrap() = false;
    let third = fixture.to(EVA).await;
    fixture.round().await;
    assert_eq!(fixture.status(third).await.0, Status::Queued);
    assert_ne!(fixture.status(second).await.0, Status::Unknown);
}

#[tokio::test]
async fn a_message_is_tried_as_long_as_it_is_valid() {
    let fixture = Fixture::new(std::iter::repeat_n(BUSY, 1000)).await;
    let id = fixture.submit(ANA, None, Options { validity: Some(30), ..Options::default() }).await;
    let ended = fixture.end_of(id).await;
    assert!((30..=91).contains(&ended), "{ended} s");
    let fixture = Fixture::new(std::iter::repeat_n(BUSY, 1000)).await;
    let id = fixture.submit(ANA, None, Options { validity: Some(900), ..Options::default() }).await;
    let ended = fixture.end_of(id).await;
    assert!((900..=961).contains(&ended), "longer than others, if it is so: {ended} s");
}

#[tokio::test]
async fn the_time_that_a_channel_was_paused_does_not_count() {
    let fixture = Fixture::new([BUSY, DENIED, BUSY]).await;
    let id = fixture.to(ANA).await;
    fixture.round().await;
    assert_eq!(fixture.later(10).await, 1);
    assert!(fixture.is_paused());
    assert_eq!(fixture.later(5000).await, 1);
    assert_eq!(fixture.status(id).await, (Status::Pending, Some(20429)));
    // That refusal said nothing of the fault, and the next probe ends it.
    assert_eq!(fixture.later(60).await, 1);
    assert_eq!((fixture.status(id).await.0, fixture.is_paused()), (Status::Queued, false));
}

#[tokio::test]
async fn one_refusal_holds_the_whole_channel_until_it_is_over() {
    for (refusal, wait) in [(BUSY, 2), (FULL, 60)] {
        let fixture = Fixture::new([refusal]).await;
        let first = fixture.to(ANA).await;
        fixture.round().await;
        let [second, third] = [fixture.to(LUIS).await, fixture.to(EVA).await];
        assert_eq!((fixture.round().await, fixture.sent()), (0, 1), "nobody else tries meanwhile");
        assert!(!fixture.is_paused(), "that is no fault");
        assert_eq!(fixture.later(wait).await, 3);
        for id in [first, second, third] {
            assert_eq!(fixture.status(id).await, (Status::Queued, None));
        }
    }
}

#[tokio::test]
async fn another_senders_full_queue_holds_nobody_else() {
    let fixture = Fixture::new([FULL]).await;
    let first = fixture.submit(ANA, Some("22395"), Options::default()).await;
    fixture.round().await;
    let second = fixture.to(LUIS).await;
    assert_eq!(fixture.round().await, 1);
    assert_eq!(fixture.status(first).await, (Status::Pending, Some(21611)));
    assert_eq!(fixture.status(second).await.0, Status::Queued);
}

#[tokio::test]
async fn a_channel_whose_sender_can_not_send_loses_nothing() {
    for fault in [NO_SENDER, ASTRAY, (400, 21705), (400, 21609), (400, 572_006)] {
        let fixture = Fixture::new(std::iter::repeat_n(fault, 3)).await;
        let ids = [fixture.to(ANA).await, fixture.to(LUIS).await];
        assert_eq!(fixture.round().await, 2);
        let third = fixture.to(EVA).await;
        assert_eq!(fixture.round().await, 0);
        assert_eq!(fixture.worker.pauses.all()["sms"].error.code, Some(fault.1));
        for id in ids {
            assert_eq!(fixture.status(id).await, (Status::Pending, Some(fault.1)));
            assert_eq!(fixture.message(id).await.parts[0].attempts, 0, "it was as good as not tried");
        }
        assert_eq!(fixture.later(60).await, 1, "one tries");
        assert_eq!((fixture.status(third).await.1, fixture.later(119).await), (Some(fault.1), 0));
        assert_eq!(fixture.later(1).await, 1);
        assert!(!fixture.is_paused());
        fixture.round().await;
        for id in ids.into_iter().chain([third]) {
            assert_eq!(fixture.status(id).await, (Status::Queued, None));
        }
    }
}

#[tokio::test]
async fn a_sender_that_the_caller_named_fails_alone() {
    let fixture = Fixture::new([NO_SENDER, ASTRAY]).await;
    let named = fixture.submit(ANA, Some("22395"), Options::default()).await;
    fixture.round().await;
    assert_eq!((fixture.status(named).await, fixture.is_paused()), ((Status::Failed, Some(21606)), false));
    let astray = fixture.submit(ANA, Some("22395"), Options::default()).await;
    fixture.round().await;
    assert_eq!(
        (fixture.status(astray).await.0, fixture.is_paused()),
        (Status::Pending, true),
        "that is no sender's fault"
    );
}

/// As a short code that sends within its own country only.
#[tokio::test]
async fn a_message_that_its_sender_can_not_carry_keeps_no_other_from_being_sent() {
    let fixture = Fixture::new([(400, 21659)]).await;
    let abroad = fixture.to(ANA).await;
    fixture.round().await;
    assert!(fixture.is_paused());
    let other = fixture.to(LUIS).await;
    fixture.provider.answers.lock().unwrap().clear();
    assert_eq!(fixture.round().await, 1, "at once, since only one was refused");
    assert_eq!((fixture.status(other).await.0, fixture.is_paused()), (Status::Queued, false));
    fixture.provider.answers.lock().unwrap().push_back((400, 21659));
    fixture.round().await;
    assert_eq!((fixture.status(abroad).await, fixture.is_paused()), ((Status::Failed, Some(21659)), false));
}

#[tokio::test]
async fn an_account_that_denies_one_message_again_is_asked_later() {
    let fixture = Fixture::new([DENIED]).await;
    let first = fixture.to(ANA).await;
    fixture.round().await;
    let second = fixture.to(LUIS).await;
    assert_eq!(fixture.later(60).await, 1);
    assert_eq!(fixture.status(second).await.0, Status::Queued, "the one that was not refused yet goes first");
    fixture.provider.answers.lock().unwrap().push_back(DENIED);
    assert_eq!(fixture.round().await, 1);
    assert_eq!((fixture.status(first).await, fixture.is_paused()), ((Status::Pending, Some(20003)), false));
    assert_eq!(fixture.later(2).await, 1);
    assert_eq!(fixture.status(first).await, (Status::Queued, None));
}

/// Says that it is to stop as soon as the worker looks for something to send.
struct StopsAtTheClaim(watch::Sender<bool>, Timestamp);

impl Clock for StopsAtTheClaim {
    fn now(&self) -> Timestamp {
        self.0.send_replace(true);
        self.1
    }
}

#[tokio::test]
async fn what_was_claimed_when_the_stop_came_goes_back_to_the_queue() {
    let fixture = Fixture::new([]).await;
    let ids =
        [fixture.submit(ANA, None, Options::default()).await, fixture.submit(LUIS, None, Options::default()).await];
    let (store, provider) = (fixture.worker.store.clone(), Arc::clone(&fixture.provider));
    let (stop, stopping) = watch::channel(false);
    let clock: Arc<dyn Clock> = Arc::new(StopsAtTheClaim(stop, fixture.clock.now()));
    let Fixture { worker, _folder, .. } = fixture;
    run(Parts { clock, ..worker }, stopping).await;
    assert!(provider.sent.lock().unwrap().is_empty(), "nothing is asked any more");
    for id in ids {
        let message = store.message(id).await.unwrap().unwrap();
        assert_eq!((message.status, message.parts[0].attempts), (Status::Pending, 0), "as if nobody had claimed it");
    }
    let due = store.waiting("2026-11-24T08:00:00Z".parse().unwrap()).await.unwrap();
    assert_eq!(due.len(), 1, "both wait in one line: {due:?}");
}

#[tokio::test]
async fn what_a_stop_can_not_wait_for_is_unknown_and_no_longer_leased() {
    let fixture = Fixture::new([]).await;
    let id = fixture.submit(ANA, None, Options::default()).await;
    let claimed = fixture.worker.claim(1).await.claimed;
    let under_way = UnderWay::default();
    under_way.begin(&claimed[0]);
    under_way.give_up(&fixture.worker.store, fixture.clock.now()).await;
    assert_eq!(fixture.worker.store.message(id).await.unwrap().unwrap().status, Status::Unknown);
    // What was settled meanwhile is left alone.
    under_way.give_up(&fixture.worker.store, fixture.clock.now()).await;
    // The provider's answer came after all.
    fixture.worker.deliver(claimed[0].clone(), Instant::now()).await;
    assert_eq!(fixture.worker.store.message(id).await.unwrap().unwrap().status, Status::Queued);
}
