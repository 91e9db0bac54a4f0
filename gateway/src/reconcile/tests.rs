//! Asking a provider that lists what it is told to, on clocks that a test sets.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;

use async_trait::async_trait;
use bytes::Bytes;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::settings::tests::settings;
use super::*;
use crate::channels::Search;
use crate::clock::ManualClock;
use crate::message::{ContactId, ConversationId, Direction, Locale, Options, PartId, Priority, ProviderError, Status};
use crate::store::{
    Message, NewOutbound, NewPart, Order, Route, Schedule, Sender, Settled, Settlement, Submission, Wanted,
};
use crate::transport::Failure;

const CHANNEL: &str =
    "kind = 'twilio'\naccount_sid = 'AC00000000000000000000000000000001'\nauth_token = 'a'\nfrom = '+15005550006'";
/// One whose provider answers nobody.
const SILENT: &str =
    "kind = 'twilio'\naccount_sid = 'AC00000000000000000000000000000002'\nauth_token = 'a'\nfrom = '+15005550007'";
const OURS: &str = "+15005550006";
const ANA: &str = "+529981112233";
const TEXT: &str = "Hola";

/// Answers each request with this list, and with where it goes on; or with the first of it, where one is asked for.
struct Lists {
    list: Mutex<Value>,
    next: Mutex<Value>,
    asked: AtomicUsize,
    /// How many wait for the silent one, and whether they are told that there is no answer.
    waiting: watch::Sender<usize>,
    is_late: watch::Sender<bool>,
}

#[async_trait]
impl Transport for Lists {
    async fn send(&self, request: http::Request<Bytes>) -> Result<http::Response<Bytes>, Failure> {
        if request.uri().path().contains("AC00000000000000000000000000000002") {
            self.waiting.send_modify(|waiting| *waiting += 1);
            self.is_late.subscribe().wait_for(|is_late| *is_late).await.unwrap();
            return Err(Failure::Unanswered("it took too long".to_owned()));
        }
        self.asked.fetch_add(1, Ordering::Relaxed);
        let list = self.list.lock().unwrap().clone();
        let body = if request.uri().path().ends_with("/Messages.json") {
            json!({ "messages": list, "next_page_uri": *self.next.lock().unwrap() })
        } else {
            list[0].clone()
        };
        Ok(http::Response::new(body.to_string().into()))
    }
}

pub(super) struct Fixture {
    pub(super) work: Work,
    pub(super) clock: Arc<ManualClock>,
    /// By the clock that nobody sets.
    awake: Mutex<Instant>,
    lists: Arc<Lists>,
    _folder: tempfile::TempDir,
}

impl Fixture {
    pub(super) async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", folder.path().join("recado.db").display());
        let (store, _) = Store::open(&store::Settings { url, readers: 1, queue: 10, timeout_s: 30 }).await.unwrap();
        let clock = Arc::new(ManualClock::at("2026-11-24T08:00:00Z".parse().unwrap()));
        let lists = Arc::new(Lists {
            list: Mutex::new(json!([])),
            next: Mutex::new(Value::Null),
            asked: AtomicUsize::new(0),
            waiting: watch::Sender::default(),
            is_late: watch::Sender::default(),
        });
        let channels = [("silent", SILENT), ("sms", CHANNEL)];
        let channels = channels.map(|(name, settings)| (name.to_owned(), toml::from_str(settings).unwrap()));
        let channels = BTreeMap::from(channels);
        let channels = Channels::build(&channels, &crate::channels::no_components).unwrap();
        let lengths = crate::pauses::Lengths { first: LOOK, longest: LOOK, silences: 0 };
        let parts = Parts {
            store,
            pauses: crate::pauses::Pauses::new(channels.clone(), lengths, Locale::En),
            channels,
            transport: lists.clone(),
            clock: clock.clone(),
            ids: Arc::default(),
            settings: settings(),
            tries: 3,
            outbox: Arc::default(),
            settled: broadcast::channel(8).0,
        };
        let began = Instant::now();
        let work = Work {
            parts,
            pauses: Pauses::default(),
            absences: Absences::default(),
            readings: Readings::since(began),
            stop: watch::channel(false).1,
        };
        Self { work, clock, awake: Mutex::new(began), lists, _folder: folder }
    }

    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// A message that was handed over just now, and nobody knows whether it arrived.
    pub(super) async fn lost(&self) -> MessageId {
        self.lost_by("sms", ANA).await
    }

    /// The same by this channel, to somebody.
    async fn lost_by(&self, channel: &str, recipient: &str) -> MessageId {
        let error = ProviderError { code: None, message: Some("timed out".to_owned()) };
        self.sent(channel, recipient, Settled::Unknown { error }).await
    }

    /// A message that was handed over just now, and this came of it.
    async fn sent(&self, channel: &str, recipient: &str, result: Settled) -> MessageId {
        let (store, now) = (&self.work.parts.store, self.now());
        let submission = self.submission(channel, recipient);
        let id = submission.message.id;
        store.submit(submission).await.unwrap();
        let waiting = store.waiting(now).await.unwrap();
        let order =
            |waiting: store::Waiting| Order { line: waiting.line, priority: waiting.priority, parts: 1, room: None };
        let wanted = Wanted {
            now,
            until: later(now, Duration::from_mins(1)),
            attempt_ids: vec![self.work.parts.ids.next(now)],
            orders: waiting.into_iter().map(order).collect(),
            but: Vec::new(),
            links_last: Duration::from_hours(48),
        };
        let [part] = store.claim(wanted).await.unwrap().try_into().unwrap();
        let (part_id, attempt_id) = (part.id, part.attempt_id);
        store.settle(Settlement { part_id, attempt_id, at: now, result, exchange: None }).await.unwrap();
        id
    }

    fn submission(&self, channel: &str, recipient: &str) -> Submission {
        let now = self.now();
        let id = || self.work.parts.ids.next(now);
        let message = NewOutbound {
            id: MessageId(id()),
            channel: channel.to_owned(),
            sender: Sender::Own(Some(Address::received(OURS))),
            service: None,
            recipient: Address::received(recipient),
            text: TEXT.to_owned(),
            media: Vec::new(),
            segments: 1,
            parts: vec![NewPart { id: PartId(id()), text: TEXT.to_owned(), media: Vec::new(), segments: 1 }],
            route: Route::Outbox,
            in_reply_to: None,
            plugin: None,
            options: Options::default(),
            schedule: Schedule::Now,
            priority: Priority::Normal,
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
        Submission {
            message,
            conversation_id: ConversationId(id()),
            contact_id: ContactId(id()),
            subject: String::new(),
            idempotency: None,
            tags: Vec::new(),
            state: Vec::new(),
            traces: Vec::new(),
        }
    }

    /// From now on the provider lists this text, as made then by its own clock.
    fn list(&self, text: &str, made_at: Timestamp) {
        self.list_as(Status::Delivered, text, made_at);
    }

    fn list_as(&self, status: Status, text: &str, made_at: Timestamp) {
        let made_at = made_at.strftime("%a, %d %b %Y %H:%M:%S +0000").to_string();
        *self.lists.list.lock().unwrap() = json!([{
            "sid": "SM1", "direction": "outbound-api", "from": OURS, "to": ANA, "body": text, "num_media": "0",
            "status": status.as_str(), "date_created": made_at,
        }]);
    }

    /// So much later, what is due is asked about.
    async fn look(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
        let started = {
            let mut awake = self.awake.lock().unwrap();
            *awake += Duration::from_secs(seconds);
            *awake
        };
        for question in questions(self.work.due().await.unwrap()) {
            let Question::Unknown(due) = question else { panic!("a status was to be asked for") };
            self.work.resolve(due, started).await.unwrap();
        }
    }

    async fn message(&self, id: MessageId) -> Message {
        self.work.parts.store.message(id).await.unwrap().unwrap()
    }

    async fn status(&self, id: MessageId) -> Status {
        self.message(id).await.status
    }
}

#[tokio::test]
async fn a_clock_that_was_ahead_makes_nothing_absent() {
    for (ahead, set_right) in [(360, false), (360, true), (20 * 3600, false)] {
        let fixture = Fixture::new().await;
        let made_at = fixture.now();
        fixture.clock.advance(Duration::from_secs(ahead));
        let id = fixture.lost().await;
        if set_right {
            fixture.clock.set(made_at);
        }
        fixture.list(TEXT, made_at);
        for _ in 0..8 {
            fixture.look(700).await;
            let message = fixture.message(id).await;
            assert_eq!(message.status, Status::Unknown, "{ahead} {set_right}");
        }
        let said = fixture.message(id).await.error_message.unwrap();
        assert!(said.contains("may have been wrong"), "{said}");
    }
}

#[tokio::test]
async fn what_else_was_sent_long_before_holds_nothing() {
    let fixture = Fixture::new().await;
    let id = fixture.lost().await;
    fixture.list("Otra cosa", settings::earlier(fixture.now(), Duration::from_mins(6)));
    fixture.look(20).await;
    assert_eq!(fixture.status(id).await, Status::Unknown);
    fixture.look(600).await;
    assert_eq!(fixture.status(id).await, Status::Pending, "it is sent again");
}

#[tokio::test]
async fn a_clock_that_is_set_forward_makes_no_absence_long() {
    let fixture = Fixture::new().await;
    let id = fixture.lost().await;
    fixture.look(20).await;
    fixture.clock.advance(Duration::from_hours(1));
    for _ in 0..7 {
        fixture.look(80).await;
        assert_eq!(fixture.status(id).await, Status::Unknown, "it is missing for less than ten minutes");
    }
    fixture.look(40).await;
    assert_eq!(fixture.status(id).await, Status::Pending, "it is asked for when the time is over, and sent again");
}

#[tokio::test]
async fn what_is_older_than_a_week_at_a_start_is_waited_for_and_decided() {
    let fixture = Fixture::new().await;
    let id = fixture.lost().await;
    fixture.look(8 * 24 * 3600).await;
    assert_eq!(fixture.status(id).await, Status::Unknown, "nobody has looked for it before");
    fixture.look(600).await;
    assert_eq!(fixture.status(id).await, Status::Pending);
}

#[tokio::test]
async fn after_a_restart_it_is_waited_anew() {
    let mut fixture = Fixture::new().await;
    let id = fixture.lost().await;
    fixture.look(20).await;
    fixture.look(590).await;
    fixture.work.absences = Absences::default();
    fixture.look(90).await;
    assert_eq!(fixture.status(id).await, Status::Unknown);
    fixture.look(600).await;
    assert_eq!(fixture.status(id).await, Status::Pending);
}

#[tokio::test]
async fn a_stop_waits_for_no_long_list_of_what_came_in() {
    let mut fixture = Fixture::new().await;
    let channel = fixture.work.parts.channels.get("sms").unwrap().clone();
    let (records, since) = (channel.records().unwrap(), settings::earlier(fixture.now(), Duration::from_hours(1)));
    let (sender, recipient) = (None, Some(Address::received(OURS)));
    let search = Search { direction: Direction::Inbound, sender, recipient, since, until: fixture.now() };
    let pages = |fixture: &Fixture| fixture.lists.asked.swap(0, Ordering::Relaxed);
    assert_eq!(fixture.work.missing("sms", records, &search).await.unwrap().map(|all| all.len()), Some(0));
    assert_eq!(pages(&fixture), 1);
    // It goes on and on: then nothing follows from it.
    let next = "/2010-04-01/Accounts/AC00000000000000000000000000000001/Messages.json?Page=1&PageToken=PASM1";
    *fixture.lists.next.lock().unwrap() = json!(next);
    fixture.work.missing("sms", records, &search).await.unwrap_err();
    assert_eq!(pages(&fixture), 1_000);
    fixture.work.stop = watch::channel(true).1;
    assert!(fixture.work.missing("sms", records, &search).await.unwrap().is_none());
    assert_eq!(pages(&fixture), 1);
}

#[tokio::test]
async fn the_last_question_about_a_status_is_struck_off_once_its_answer_is_on_record() {
    let fixture = Fixture::new().await;
    let (provider_id, made_at) = ("SM1".to_owned(), fixture.now());
    let taken = Settled::Accepted { provider_id, status: Status::Sent, segments: None, sender: None };
    let id = fixture.sent("sms", ANA, taken).await;
    fixture.clock.advance(Duration::from_mins(15));
    let due = async || -> Due {
        let [due] = fixture.work.due().await.unwrap().try_into().unwrap();
        due
    };
    fixture.list_as(Status::Sent, TEXT, made_at);
    fixture.work.poll(due().await).await.unwrap();
    // What may yet change is asked for again.
    fixture.clock.advance(Duration::from_hours(1));
    let last = due().await;
    fixture.list_as(Status::Delivered, TEXT, made_at);
    let mut settled = fixture.work.parts.settled.subscribe();
    // It breaks off as soon as one thing is done of two.
    let mut polling = std::pin::pin!(fixture.work.poll(last));
    let breaking_off = std::future::poll_fn(|context| match polling.as_mut().poll(context) {
        Poll::Pending if settled.try_recv().is_err() => Poll::Pending,
        came => Poll::Ready(came.is_pending()),
    });
    assert!(breaking_off.await, "it was struck off before");
    assert_eq!(fixture.status(id).await, Status::Delivered);
}

#[tokio::test]
async fn a_provider_that_answers_nobody_does_not_hold_up_the_questions_of_others_for_long() {
    let fixture = Fixture::new().await;
    let (questions, parallel) = (20, fixture.work.parts.settings.parallel);
    for number in 0..questions {
        for channel in ["silent", "sms"] {
            fixture.lost_by(channel, &format!("+5299811122{number:02}")).await;
        }
    }
    fixture.clock.advance(Duration::from_secs(20));
    let due = fixture.work.due().await.unwrap();
    assert_eq!(due.len(), 2 * questions);
    let mut waiting = fixture.lists.waiting.subscribe();
    let asked = || fixture.lists.asked.load(Ordering::Relaxed);
    let time_is_over = async {
        waiting.wait_for(|waiting| *waiting == parallel).await.unwrap();
        assert!(asked() >= parallel / 2, "they have their share meanwhile");
        fixture.lists.is_late.send_replace(true);
    };
    tokio::join!(fixture.work.ask_all(due), time_is_over);
    assert_eq!((asked(), *fixture.lists.waiting.borrow()), (questions, parallel), "nobody else waits in vain");
    assert!(fixture.work.due().await.unwrap().is_empty());
    fixture.clock.advance(Duration::from_secs(5));
    let again = fixture.work.due().await.unwrap();
    let silent = again.iter().filter(|due| due.channel == "silent");
    assert!(silent.clone().all(|due| due.checks == 1), "what was put off was not asked");
    assert_eq!(silent.count(), questions);
}
