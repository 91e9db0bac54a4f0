//! A plugin counts right, whatever happens to the process. On Postgres, too, where `RECADO_TEST_POSTGRES`
//! names a server.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use recado::clock::{Clock, SystemClock};
use recado_tests::{Builder, Plugin, TestGateway, call, form, sign, wait_for, wait_up_to};

use super::plugin_hooks::says;
use super::{going, message_sid};

const SENDERS: usize = 4;
const EACH: usize = 25;
const CRASHES: usize = 5;
/// The timers of each sender, how long the first of all waits, and how far they are apart.
const TIMERS: usize = 15;
const FIRST_MS: usize = 500;
const APART_MS: usize = 60;
/// Longer than whatever is leased to a process that was killed.
const PATIENCE: Duration = Duration::from_mins(3);

/// Sends a text until somebody answers that it is on record, as Twilio would.
pub(crate) fn insist(url: &str, from: &str, sid: &str, text: &str) {
    let (signature, body) = sign(url, &form(sid, from, text));
    let taken = wait_up_to(Duration::from_mins(1), || {
        let request = http::Request::post(url)
            .header("x-twilio-signature", &signature)
            .header("content-type", "application/x-www-form-urlencoded")
            .body(body.clone().into())
            .unwrap();
        call(request).ok().filter(|answer| answer.status() == 200)
    });
    assert!(taken.is_some(), "{sid} was never taken");
}

/// Each text takes a ticket by reading a number and writing the next. However often the gateway is
/// killed in between, each gets one, no ticket is given twice, and none is left out.
#[test]
fn tickets_are_given_once_each_although_the_gateway_is_killed_again_and_again() {
    give_tickets(start(TestGateway::builder()));
}

#[test]
fn tickets_are_given_once_each_on_postgres() {
    if let Some(builder) = on_postgres() {
        give_tickets(start(builder));
    }
}

/// Each timer takes a ticket as well, and says which. However often the gateway is killed while they run out,
/// each runs out once, and what it counted is counted once.
#[test]
fn timers_count_once_each_although_the_gateway_is_killed_while_they_run_out() {
    run_out(start(TestGateway::builder()), CRASHES);
}

/// There, what was under way is left to the process that was killed until its lease of a minute ends: it might
/// be another gateway that lives.
#[test]
fn timers_count_once_each_on_postgres() {
    if let Some(builder) = on_postgres() {
        run_out(start(builder), 1);
    }
}

fn start(builder: Builder) -> TestGateway {
    builder.plugin(Plugin::obedient()).allow_unsent().start()
}

fn on_postgres() -> Option<Builder> {
    let builder = TestGateway::builder().postgres();
    if builder.is_none() {
        eprintln!("skipped: no Postgres");
    }
    builder
}

/// Where crashes come, in a sequence that is another each time.
struct Moments(u128);

impl Moments {
    fn new() -> Self {
        let seed = SystemClock.now().as_nanosecond().unsigned_abs();
        eprintln!("the moments of the crashes follow from {seed}");
        Self(seed)
    }

    /// How many of `total` are done at a crash, about evenly distributed.
    fn next(&mut self, crash: usize, crashes: usize, total: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        crash * (total / (crashes + 1)) - usize::try_from((self.0 >> 64) % 8).unwrap()
    }
}

/// The texts of what was said, and that each is said once.
fn said_once(gateway: &TestGateway, expected: &BTreeSet<String>) {
    let messages = gateway.all("/v1/messages?limit=200&direction=outbound");
    let said: Vec<String> =
        going(&messages, "outbound").iter().map(|reply| reply["text"].as_str().unwrap().to_owned()).collect();
    assert_eq!(said.len(), expected.len());
    assert_eq!(&said.into_iter().collect::<BTreeSet<_>>(), expected);
}

fn run_out(mut gateway: TestGateway, crashes: usize) {
    let mut moments = Moments::new();
    let total = SENDERS * TIMERS;
    for sender in 0..SENDERS {
        let mut text = String::new();
        for timer in 0..TIMERS {
            let after = FIRST_MS + (timer * SENDERS + sender) * APART_MS;
            write!(text, "timer t{timer} {after} next ticket; ").unwrap();
        }
        assert_eq!(says(&gateway, &format!("+52998557{sender:04}"), &text), "");
    }
    let tickets = |gateway: &TestGateway| gateway.all("/v1/messages?limit=200&direction=outbound").len();
    for crash in 1..=crashes {
        let moment = moments.next(crash, crashes, total);
        wait_for("some progress", || (tickets(&gateway) >= moment).then_some(()));
        gateway.kill();
        gateway.restart();
    }
    let done = wait_up_to(PATIENCE, || (tickets(&gateway) >= total).then_some(()));
    assert!(done.is_some(), "{} of {total} ran out", tickets(&gateway));
    let expected: BTreeSet<String> = (1..=total).map(|number| format!("ticket={number}")).collect();
    said_once(&gateway, &expected);
    // None is left to run out again, and none counted without a word.
    gateway.restart();
    assert_eq!(says(&gateway, "+529985569999", "look ticket"), format!("ticket={total}"));
}

fn give_tickets(mut gateway: TestGateway) {
    let url = gateway.webhook_url("sms/inbound");
    let taken = AtomicUsize::new(0);
    let mut moments = Moments::new();
    std::thread::scope(|scope| {
        for sender in 0..SENDERS {
            let (url, taken) = (&url, &taken);
            scope.spawn(move || {
                for number in 0..EACH {
                    // Several from each, so that the order within a conversation matters, too.
                    insist(url, &format!("+52998556{:04}", sender * 10 + number % 2), &message_sid(), "next ticket");
                    taken.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        for crash in 1..=CRASHES {
            let moment = moments.next(crash, CRASHES, SENDERS * EACH);
            wait_for("some progress", || (taken.load(Ordering::Relaxed) >= moment).then_some(()));
            gateway.kill();
            gateway.restart();
        }
    });
    let total = SENDERS * EACH;
    let processed = || {
        let messages = gateway.all("/v1/messages?limit=200&direction=inbound");
        messages.iter().filter(|message| message["processed_at"].is_string()).count()
    };
    wait_for("all of them", || (processed() == total).then_some(()));
    said_once(&gateway, &(1..=total).map(|number| format!("ticket={number}")).collect());
    assert_eq!(says(&gateway, "+529985569999", "next ticket"), format!("ticket={}", total + 1));
}
