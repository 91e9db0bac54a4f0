//! What is asked of a gateway, and what it costs there.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use http::Method;
use recado::clock::{Clock, SystemClock};
use recado_tests::{Answer, TestGateway, form, processor_time};
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, Statement};
use serde_json::json;
use tokio::runtime::Runtime;

use crate::fill::Filling;
use crate::{Side, median, micros};

/// One kind of work.
#[derive(Clone, Copy)]
pub(crate) enum Work {
    /// A text from somebody who has texted before, or in a tenth of all cases not.
    Inbound {
        connections: i64,
        count: i64,
        with: With,
    },
    /// Messages of an application, of which nothing is sent yet …
    Submit(With),
    /// … and now: claimed, sent, settled and reported.
    Deliver(With),
    Read(&'static str, fn(&Side, i64) -> String),
}

/// Who writes and is written to. The two tell apart what is stored and how many people there is traffic with: what
/// many have in common is written once for all of them, however much is stored.
#[derive(Clone, Copy)]
pub(crate) enum With {
    /// As many people on both sides, from anywhere in the year.
    AsMany,
    /// Anybody of those who are known, each as likely: where more is stored, these are more.
    Anybody,
}

/// All whom the small database knows.
const AS_MANY: i64 = 400;

pub(crate) const WORKS: [Work; 22] = [
    Work::Inbound { connections: 16, count: TEXTS, with: With::AsMany },
    Work::Inbound { connections: 1, count: 400, with: With::AsMany },
    Work::Submit(With::AsMany),
    Work::Deliver(With::AsMany),
    Work::Inbound { connections: 16, count: TEXTS, with: With::Anybody },
    Work::Inbound { connections: 1, count: 400, with: With::Anybody },
    Work::Submit(With::Anybody),
    Work::Deliver(With::Anybody),
    Work::Read("messages, first page", |_, _| "/v1/messages?limit=50".to_owned()),
    Work::Read("messages, a page in the middle", |side, number| {
        let at = side.filling.message_id(anywhere(number, side.filling.rows));
        format!("/v1/messages?limit=50&cursor={at}")
    }),
    Work::Read("messages, inbound alone", |_, _| "/v1/messages?limit=50&direction=inbound".to_owned()),
    Work::Read("messages, of a channel", |_, _| "/v1/messages?limit=50&channel=sms".to_owned()),
    Work::Read("messages, of a channel that has none", |_, _| "/v1/messages?limit=50&channel=other".to_owned()),
    Work::Read("messages, since a while ago", |_, _| "/v1/messages?limit=50&since=2020-01-01T00:00:00Z".to_owned()),
    Work::Read("messages, given up", |_, _| "/v1/messages?limit=50&given_up=true".to_owned()),
    Work::Read("one message", |side, number| {
        format!("/v1/messages/{}", side.filling.message_id(anywhere(number, side.filling.rows)))
    }),
    Work::Read("one message, explained", |side, number| {
        format!("/v1/messages/{}/trace", side.filling.message_id(anywhere(number, side.filling.rows)))
    }),
    Work::Read("conversations, first page", |_, _| "/v1/conversations?limit=50".to_owned()),
    Work::Read("conversations, a page in the middle", |side, number| {
        let at = side.filling.conversation_id(side.filling.usual_conversation(number));
        format!("/v1/conversations?limit=50&cursor={at}")
    }),
    Work::Read("a conversation of about twenty", |side, number| {
        let id = side.filling.conversation_id(side.filling.usual_conversation(number));
        format!("/v1/conversations/{id}/messages?limit=50")
    }),
    Work::Read("a conversation of thousands", |side, _| {
        format!("/v1/conversations/{}/messages?limit=50", side.filling.endless_id())
    }),
    Work::Read("a conversation of thousands, in the middle", |side, number| {
        let (id, at) = (side.filling.endless_id(), side.filling.message_id(anywhere(number, side.filling.rows)));
        format!("/v1/conversations/{id}/messages?limit=50&cursor={at}")
    }),
];

const READS: i64 = 200;
/// Of reads in one turn.
const LONG: Duration = Duration::from_secs(2);
/// In these the log is copied to its place at least once on either side, which costs as much as hundreds of texts: in
/// fewer, whoever happens to meet it has it all.
const TEXTS: i64 = 6_000;
const SUBMITTED: i64 = 6_000;
static MESSAGES: AtomicI64 = AtomicI64::new(1);

/// What one message or request came to.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Cost {
    /// Processor time.
    pub(crate) micros: f64,
    pub(crate) per_second: f64,
    pub(crate) p50: f64,
    pub(crate) p99: f64,
}

impl Cost {
    /// Of something that was only timed, several times.
    pub(crate) fn of_wall(took: Vec<Duration>) -> Self {
        let median = median(took.iter().copied().map(micros).collect());
        Self { micros: median, per_second: 1e6 / median, p50: median / 1e3, p99: at(took, 99) }
    }
}

impl Work {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Inbound { connections: 1, with: With::AsMany, .. } => "inbound, one connection",
            Self::Inbound { with: With::AsMany, .. } => "inbound, 16 connections",
            Self::Inbound { connections: 1, with: With::Anybody, .. } => "inbound, one connection, anybody",
            Self::Inbound { with: With::Anybody, .. } => "inbound, 16 connections, anybody",
            Self::Submit(With::AsMany) => "outbound: taken from the application",
            Self::Submit(With::Anybody) => "outbound: taken, anybody",
            Self::Deliver(With::AsMany) => "outbound: claimed, sent, settled, reported",
            Self::Deliver(With::Anybody) => "outbound: claimed, sent …, anybody",
            Self::Read(name, _) => name,
        }
    }
}

pub(crate) fn measure(runtime: &Runtime, side: &mut Side, work: Work, turn: i64) -> Cost {
    let before = (side.gateway.process().processor_time(), servers(runtime, &side.database));
    let started = Instant::now();
    let took = match work {
        Work::Inbound { connections, count, with } => at_once(connections, count, |_| text(side, with)),
        Work::Submit(with) => {
            pause(&side.gateway, "pause");
            at_once(8, SUBMITTED, |number| submit(side, turn * SUBMITTED + number, with))
        }
        Work::Deliver(_) => {
            pause(&side.gateway, "resume");
            while runtime.block_on(under_way(&side.database)) {
                std::thread::sleep(Duration::from_millis(100));
            }
            vec![started.elapsed(); usize::try_from(SUBMITTED).unwrap_or_default()]
        }
        Work::Read(_, path) => at_once(1, READS, |number| {
            // A few tell as much, if they take that long.
            if started.elapsed() > LONG {
                return false;
            }
            side.gateway.get(&path(side, turn * READS + number)).expect(200);
            true
        }),
    };
    let elapsed = started.elapsed();
    let used = side.gateway.process().processor_time().saturating_sub(before.0)
        + servers(runtime, &side.database).saturating_sub(before.1);
    let count = float(took.len());
    Cost {
        micros: micros(used) / count,
        per_second: count / elapsed.as_secs_f64(),
        p50: at(took.clone(), 50),
        p99: at(took, 99),
    }
}

/// How long each took of those that were done.
fn at_once(connections: i64, count: i64, act: impl Fn(i64) -> bool + Sync) -> Vec<Duration> {
    let (next, act) = (&AtomicI64::new(0), &act);
    std::thread::scope(|scope| {
        let running: Vec<_> = (0..connections)
            .map(|_| {
                scope.spawn(move || {
                    let mut took = Vec::new();
                    loop {
                        let number = next.fetch_add(1, Ordering::Relaxed);
                        let started = Instant::now();
                        if number >= count || !act(number) {
                            break took;
                        }
                        took.push(started.elapsed());
                    }
                })
            })
            .collect();
        running.into_iter().flat_map(|thread| thread.join().unwrap_or_default()).collect()
    })
}

fn text(side: &Side, with: With) -> bool {
    let number = MESSAGES.fetch_add(1, Ordering::Relaxed);
    let conversation = match number % 10 {
        // Somebody new.
        3 => 10_000_000 + number,
        _ => someone(side, number, with),
    };
    // Providers' ids are in no order.
    let scattered = u128::from(number.unsigned_abs()).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
    let message =
        form(&format!("SM{scattered:032x}"), &Filling::address(conversation), "Buenas tardes, ¿tienen lugar?");
    let answer = side.gateway.signed_webhook("sms/inbound", &message);
    assert_eq!(answer.status(), 200, "{}", answer.text());
    true
}

/// The number of a conversation.
fn someone(side: &Side, number: i64, with: With) -> i64 {
    let conversations = side.filling.conversations();
    match with {
        With::AsMany => anywhere(number, AS_MANY) * (conversations / AS_MANY),
        With::Anybody => anywhere(number, conversations),
    }
}

fn submit(side: &Side, number: i64, with: With) -> bool {
    let to = Filling::address(someone(side, number, with));
    side.gateway.post("/v1/messages", &json!({ "to": to, "text": "Su pedido está listo." })).expect(202);
    true
}

/// `pause` or `resume` of the channel by hand.
fn pause(gateway: &TestGateway, what: &str) -> Answer {
    let bearer = format!("Bearer {}", gateway.key());
    let answer = gateway.request(Method::POST, &format!("/v1/channels/sms/{what}"), &[("authorization", &bearer)], "");
    assert!(answer.status() < 300, "{}", answer.text());
    answer
}

/// Whether anything of what was submitted is still to be sent or reported; what is scheduled has been there for long. Some
/// recipients have numbers that the local Twilio delivers nothing to.
async fn under_way(database: &DatabaseConnection) -> bool {
    let millis = SystemClock.now().as_millisecond() - 30 * 60 * 1000;
    let id = format!("{:08x}-{:04x}-0000-0000-000000000000", millis >> 16, millis & 0xffff);
    let (id, backend) = match database.get_database_backend() {
        DbBackend::Postgres => (format!("'{id}'"), DbBackend::Postgres),
        other => (format!("unhex('{}')", id.replace('-', "")), other),
    };
    let sql = format!(
        "SELECT 1 AS found FROM messages WHERE id > {id} AND direction = 'outbound' \
         AND status NOT IN ('delivered', 'undelivered', 'failed') LIMIT 1"
    );
    let found = database.query_one_raw(Statement::from_string(backend, sql)).await;
    found.expect("the database").is_some()
}

/// The processor time of the gateway's connections to Postgres, at the server.
fn servers(runtime: &Runtime, database: &DatabaseConnection) -> Duration {
    if database.get_database_backend() != DbBackend::Postgres {
        return Duration::ZERO;
    }
    let sql = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'recado'";
    let rows = runtime.block_on(database.query_all_raw(Statement::from_string(DbBackend::Postgres, sql)));
    let pids = rows.expect("the database").into_iter().filter_map(|row| row.try_get::<i32>("", "pid").ok());
    pids.filter_map(|pid| Some(processor_time(pid.try_into().ok()?))).sum()
}

/// One of so many, in no order.
fn anywhere(number: i64, of: i64) -> i64 {
    number.wrapping_mul(2_654_435_761).rem_euclid(4_294_967_296).rem_euclid(of.max(1))
}

/// In milliseconds.
fn at(mut took: Vec<Duration>, share: usize) -> f64 {
    took.sort_unstable();
    took.get((took.len() * share / 100).min(took.len().saturating_sub(1))).map_or(0.0, |took| micros(*took) / 1e3)
}

#[expect(clippy::cast_precision_loss, reason = "counts of messages are small")]
fn float(count: usize) -> f64 {
    count as f64
}
