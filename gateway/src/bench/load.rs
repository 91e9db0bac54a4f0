//! Making requests: as many connections as there are to be, each with one request after the other. Either as
//! fast as they are answered, or so many a second, whether they are answered or not.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::Full;
use tokio::task::JoinSet;
use uuid::Uuid;

use super::client::{Client, Target};
use super::latency::Latencies;

/// How often somebody who waits is told how far it is.
const TELL: Duration = Duration::from_millis(100);
/// A pause before the next try to connect, and how many are made.
const PAUSE: Duration = Duration::from_millis(50);
const TRIES: u32 = 40;

/// What is sent again and again.
pub trait Traffic: Send + Sync + 'static {
    /// The request of this number.
    fn request(&self, number: u64) -> Request<Full<Bytes>>;

    /// What the answer acknowledges; or what is wrong with it, in the same words for the same thing.
    fn acknowledged(&self, status: StatusCode, body: &Bytes) -> Result<Option<Uuid>, String>;
}

/// How many requests are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Amount {
    Messages(u64),
    /// As many as there are until this time is over.
    For(Duration),
}

#[derive(Clone, Copy, Debug)]
pub struct Load {
    pub connections: u32,
    pub amount: Amount,
    /// So many a second, whatever the answers take. None: the next as soon as one is answered.
    pub rate: Option<f64>,
}

/// Nobody takes connections any more.
#[derive(Clone, Debug, thiserror::Error)]
#[error("the gateway does not answer any more: {0}")]
pub struct Stopped(String);

/// What came of it.
#[derive(Debug, Default)]
pub struct Ran {
    /// When the first request was to be made.
    pub began: Option<Instant>,
    /// From the first request to the last answer.
    pub took: Duration,
    /// From when each was to be made until its answer was read; of those that were acknowledged.
    pub latencies: Latencies,
    /// What was acknowledged: the number, when it was to be made after the beginning, and what the answer named.
    pub acknowledged: Vec<(u64, Duration, Option<Uuid>)>,
    /// What went wrong, and how often.
    pub errors: BTreeMap<String, u64>,
}

impl Ran {
    /// How many were answered as they should be, in a second.
    pub fn per_second(&self) -> f64 {
        per_second(self.acknowledged.len(), self.took)
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts of messages are small")]
pub(super) fn per_second(count: usize, took: Duration) -> f64 {
    if took.is_zero() { 0.0 } else { count as f64 / took.as_secs_f64() }
}

/// Whose turn it is, and when.
struct Turns {
    first: u64,
    taken: AtomicU64,
    began: Instant,
    load: Load,
}

/// The number of a request, and the moment that it is to be made, if there is one.
struct Turn {
    number: u64,
    due: Option<Instant>,
}

impl Turns {
    fn next(&self) -> Option<Turn> {
        let which = self.taken.fetch_add(1, Ordering::Relaxed);
        #[expect(clippy::cast_precision_loss, reason = "counts of messages are small")]
        let after = self.load.rate.map(|rate| Duration::from_secs_f64(which as f64 / rate));
        let goes_on = match self.load.amount {
            Amount::Messages(count) => which < count,
            Amount::For(time) => after.unwrap_or_else(|| self.began.elapsed()) < time,
        };
        goes_on.then(|| Turn { number: self.first + which, due: after.map(|after| self.began + after) })
    }
}

/// What one connection saw.
#[derive(Default)]
struct Seen {
    times: Vec<Duration>,
    acknowledged: Vec<(u64, Duration, Option<Uuid>)>,
    errors: BTreeMap<String, u64>,
    last: Option<Instant>,
}

/// Makes requests from number `first` on. `tell` hears how many were answered, now and then.
pub async fn drive(
    target: &Target,
    traffic: &Arc<impl Traffic>,
    load: Load,
    first: u64,
    tell: &mut (dyn FnMut(u64) + Send),
) -> Result<Ran, Stopped> {
    let mut clients = Vec::new();
    for _ in 0..load.connections.max(1) {
        let mut client = Client::new(target.clone());
        reconnect(&mut client).await?;
        clients.push(client);
    }
    let answered = Arc::new(AtomicU64::new(0));
    let began = Instant::now();
    let turns = Arc::new(Turns { first, taken: AtomicU64::new(0), began, load });
    let mut at_work: JoinSet<Result<Seen, Stopped>> = JoinSet::new();
    for client in clients {
        at_work.spawn(work(client, Arc::clone(traffic), Arc::clone(&turns), Arc::clone(&answered)));
    }
    let mut all = Seen::default();
    let mut looks = tokio::time::interval(TELL);
    loop {
        tokio::select! {
            done = at_work.join_next() => match done {
                None => break,
                Some(Ok(seen)) => all.add(seen?),
                Some(Err(error)) => return Err(Stopped(error.to_string())),
            },
            _ = looks.tick() => tell(answered.load(Ordering::Relaxed)),
        }
    }
    tell(answered.load(Ordering::Relaxed));
    let Seen { times, acknowledged, errors, last } = all;
    let took = last.map_or(Duration::ZERO, |last| last.duration_since(began));
    Ok(Ran { began: Some(began), took, latencies: Latencies::of(times), acknowledged, errors })
}

impl Seen {
    fn add(&mut self, mut other: Self) {
        self.times.append(&mut other.times);
        self.acknowledged.append(&mut other.acknowledged);
        for (reason, count) in other.errors {
            *self.errors.entry(reason).or_default() += count;
        }
        self.last = self.last.max(other.last);
    }
}

async fn work(
    mut client: Client,
    traffic: Arc<impl Traffic>,
    turns: Arc<Turns>,
    answered: Arc<AtomicU64>,
) -> Result<Seen, Stopped> {
    let mut seen = Seen::default();
    while let Some(turn) = turns.next() {
        let request = traffic.request(turn.number);
        let from = begin(turn.due).await;
        let answer = client.call(request).await;
        let now = Instant::now();
        let broke = answer.is_err();
        match answer.and_then(|(status, body)| traffic.acknowledged(status, &body)) {
            Ok(named) => {
                seen.times.push(now.duration_since(from));
                seen.acknowledged.push((turn.number, from.duration_since(turns.began), named));
            }
            Err(reason) => *seen.errors.entry(reason).or_default() += 1,
        }
        seen.last = Some(now);
        answered.fetch_add(1, Ordering::Relaxed);
        if broke {
            reconnect(&mut client).await?;
        }
    }
    Ok(seen)
}

/// Waits for the moment of a request, and gives the one from which it counts. Whoever comes too late, since the
/// answer before took so long, counts from when it was due: a slow answer holds up what would have come
/// meanwhile, and that is waiting, too. Whoever was early counts from waking up: what a timer is late is
/// nobody's doing.
async fn begin(due: Option<Instant>) -> Instant {
    match due {
        None => Instant::now(),
        Some(due) if due <= Instant::now() => due,
        Some(due) => {
            tokio::time::sleep_until(due.into()).await;
            Instant::now()
        }
    }
}

async fn reconnect(client: &mut Client) -> Result<(), Stopped> {
    let mut tries = TRIES;
    loop {
        match client.connect().await {
            Err(_) if tries > 0 => tries -= 1,
            connected => return connected.map_err(Stopped),
        }
        tokio::time::sleep(PAUSE).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turns(amount: Amount, rate: Option<f64>) -> Turns {
        let load = Load { connections: 1, amount, rate };
        Turns { first: 100, taken: AtomicU64::new(0), began: Instant::now(), load }
    }

    #[test]
    fn each_number_is_taken_once_and_has_its_moment() {
        let turns = turns(Amount::Messages(3), Some(2.0));
        let taken: Vec<_> = std::iter::from_fn(|| turns.next()).collect();
        assert_eq!(taken.iter().map(|turn| turn.number).collect::<Vec<_>>(), [100, 101, 102]);
        let after = taken.iter().map(|turn| (turn.due.unwrap() - turns.began).as_millis());
        assert_eq!(after.collect::<Vec<_>>(), [0, 500, 1000]);
    }

    #[test]
    fn at_a_rate_a_time_holds_so_many() {
        let turns = turns(Amount::For(Duration::from_secs(10)), Some(50.0));
        assert_eq!(std::iter::from_fn(|| turns.next()).count(), 500);
        assert!(self::turns(Amount::For(Duration::ZERO), None).next().is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn who_comes_late_counts_from_when_it_was_due() {
        let due = Instant::now().checked_sub(Duration::from_secs(5)).unwrap();
        assert_eq!(begin(Some(due)).await, due);
        let due = Instant::now() + Duration::from_millis(20);
        assert_ne!(begin(Some(due)).await, due);
    }
}
