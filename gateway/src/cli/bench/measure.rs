//! One measurement after the other: warming up, the load itself, what it cost, and whether all of it is there.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow};
use jiff::Timestamp;
use serde::Deserialize;
use uuid::Uuid;

use super::shown::Shown;
use crate::bench::{
    self, Amount, Client, Cost, Direction, Known, Latencies, Load, Messages, Outbound, Patience, Ran, Target, Text,
    Texts, Traffic, Watch, Webhooks,
};
use crate::clock::{Clock, SystemClock};

/// How long what is on its way may take once nothing new comes, beside what its rate makes it wait.
const PATIENCE: Duration = Duration::from_mins(2);
/// A pause between two looks.
const PAUSE: Duration = Duration::from_millis(200);
/// How many of the newest messages are looked at first, to know when all has been sent.
const NEWEST: usize = 200;

/// What is measured.
#[derive(Clone)]
pub(super) struct Subject {
    pub(super) webhooks: Webhooks,
    pub(super) key: String,
    pub(super) channel: String,
    /// The local Twilio that it sends by, if it does.
    pub(super) twilio: Option<Target>,
    /// Its process, if that is known.
    pub(super) watch: Option<Watch>,
    pub(super) phones: Vec<String>,
    /// What tells this run from all others.
    pub(super) run: u64,
    /// How fast its channel sends.
    pub(super) segments_per_s: Option<f64>,
    /// In words.
    pub(super) described: String,
}

/// What came of it.
#[derive(Default)]
pub(super) struct Measured {
    pub(super) inbound: Option<Direction>,
    pub(super) outbound: Option<Outbound>,
}

pub(super) struct Measuring<'a> {
    pub(super) subject: &'a Subject,
    pub(super) load: Load,
    /// How many messages go before.
    pub(super) warm_up: u64,
}

/// The load after warming up, and all that was acknowledged in both.
struct Driven {
    ran: Ran,
    warm_up: Vec<(u64, Duration, Option<Uuid>)>,
    /// Before anything was sent, and when the load began.
    since: Timestamp,
    began: Timestamp,
    before: Option<bench::Used>,
}

#[derive(Deserialize)]
struct Creates {
    creates: Vec<Text>,
}

impl Measuring<'_> {
    pub(super) async fn limit(&self, shown: &mut Shown) -> anyhow::Result<Direction> {
        let driven = self.drive("the limit of this machine", &self.texts()?, shown).await?;
        Ok(Direction::of(&driven.ran, self.cost(&driven)))
    }

    pub(super) async fn inbound(&self, shown: &mut Shown) -> anyhow::Result<Direction> {
        let texts = self.texts()?;
        let driven = self.drive("texts that come in", &texts, shown).await?;
        let mut direction = Direction::of(&driven.ran, self.cost(&driven));
        let sids: Vec<String> = driven.acknowledged().map(|(number, ..)| texts.sid(*number)).collect();
        let patience = Patience::of(PATIENCE);
        loop {
            let checked = bench::inbound(&sids, &self.known("inbound", driven.since, shown).await?);
            // What was answered before it was processed takes a moment more.
            if checked.unfinished == 0 || patience.until <= Instant::now() {
                direction.checked = Some(checked);
                return Ok(direction);
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    pub(super) async fn outbound(&self, shown: &mut Shown) -> anyhow::Result<Outbound> {
        let Subject { webhooks, key, channel, phones, run, .. } = self.subject;
        let messages = Arc::new(Messages::new(webhooks.target.clone(), key, channel, phones.clone(), *run));
        let driven = self.drive("messages that go out", &messages, shown).await?;
        let ids: Vec<Uuid> = driven.acknowledged().filter_map(|(.., id)| *id).collect();
        let (cost, known) = self.delivered(&driven, &ids, shown).await?;
        let mut checked = bench::outbound(&ids, &known);
        if let Some(twilio) = &self.subject.twilio {
            let Creates { creates } =
                Client::new(twilio.clone()).get("/sandbox/creates", None).await.map_err(|error| anyhow!(error))?;
            checked = bench::ledger(checked, &ids, &known, &creates, *run);
        }
        let accepted = Direction { checked: Some(checked), ..Direction::of(&driven.ran, cost) };
        Ok(driven.outbound(accepted, &known))
    }

    fn texts(&self) -> anyhow::Result<Arc<Texts>> {
        let Subject { webhooks, phones, run, .. } = self.subject;
        Ok(Arc::new(Texts::new(webhooks.clone(), phones.clone(), *run).context("the token can't sign")?))
    }

    async fn drive(&self, what: &str, traffic: &Arc<impl Traffic>, shown: &mut Shown) -> anyhow::Result<Driven> {
        let target = &self.subject.webhooks.target;
        let since = SystemClock.now();
        shown.begin("warming up", Some(self.warm_up));
        let load = Load { amount: Amount::Messages(self.warm_up), rate: None, ..self.load };
        let before = bench::drive(target, traffic, load, 0, &mut |answered| shown.tell(answered)).await?;
        let of = match self.load.amount {
            Amount::Messages(count) => Some(count),
            Amount::For(_) => None,
        };
        shown.begin(what, of);
        let used = self.subject.watch.and_then(Watch::used);
        let (now, moment) = (SystemClock.now(), Instant::now());
        let mut ran =
            bench::drive(target, traffic, self.load, self.warm_up, &mut |answered| shown.tell(answered)).await?;
        for (reason, count) in before.errors {
            *ran.errors.entry(reason).or_default() += count;
        }
        let began = ran.began.map_or(now, |began| now + began.duration_since(moment));
        Ok(Driven { ran, warm_up: before.acknowledged, since, began, before: used })
    }

    /// What was used since the load began.
    fn cost(&self, driven: &Driven) -> Option<Cost> {
        let watch = self.subject.watch?;
        let used = watch.used()?.since(driven.before?);
        let messages = u64::try_from(driven.ran.acknowledged.len()).unwrap_or(u64::MAX);
        Some(Cost::of(used, watch.memory(), messages))
    }

    /// Waits until nothing more is to come of these messages; what that cost, and what is on record then.
    async fn delivered(
        &self,
        driven: &Driven,
        ids: &[Uuid],
        shown: &mut Shown,
    ) -> anyhow::Result<(Option<Cost>, Vec<Known>)> {
        #[expect(clippy::cast_precision_loss, reason = "counts of messages are small")]
        let queue = self.subject.segments_per_s.map_or(0.0, |rate| ids.len() as f64 / rate.max(0.01));
        let patience = Patience::of(PATIENCE + Duration::from_secs_f64(queue));
        shown.begin("waiting for the last", None);
        let mut client = Client::new(self.subject.webhooks.target.clone());
        let mut ours = ids.to_vec();
        ours.sort_unstable();
        let mut newest: Vec<Uuid> = ours.iter().rev().take(NEWEST).copied().collect();
        loop {
            bench::settled(&mut client, &self.subject.key, &newest, patience).await.map_err(|error| anyhow!(error))?;
            let cost = self.cost(driven);
            let known = self.known("outbound", driven.since, shown).await?;
            let going = known.iter().filter(|one| !one.is_final() && ours.binary_search(&one.id).is_ok());
            newest = going.map(|one| one.id).collect();
            if newest.is_empty() || patience.until <= Instant::now() {
                return Ok((cost, known));
            }
        }
    }

    async fn known(&self, direction: &str, since: Timestamp, shown: &mut Shown) -> anyhow::Result<Vec<Known>> {
        shown.begin("checking", None);
        let mut client = Client::new(self.subject.webhooks.target.clone());
        let list = bench::list(&mut client, &self.subject.key, direction, since, &mut |read| shown.tell(read)).await;
        list.map_err(|error| anyhow!(error))
    }
}

impl Driven {
    fn acknowledged(&self) -> impl Iterator<Item = &(u64, Duration, Option<Uuid>)> {
        self.warm_up.iter().chain(&self.ran.acknowledged)
    }

    /// What became of the messages, by the gateway's own clock, which is the same as ours or should be.
    fn outbound(&self, accepted: Direction, known: &[Known]) -> Outbound {
        let mut known: Vec<&Known> = known.iter().collect();
        known.sort_by_key(|one| one.id);
        let (mut sent, mut delivered, mut last) = (Vec::new(), Vec::new(), self.began);
        for (_, after, id) in &self.ran.acknowledged {
            let one = id.and_then(|id| known.binary_search_by_key(&id, |one| one.id).ok());
            let Some(one) = one.and_then(|place| known.get(place)) else { continue };
            let due = self.began + *after;
            // A time without its fraction of a millisecond may lie before.
            let took = |at: Timestamp| Duration::try_from(at.duration_since(due)).unwrap_or_default();
            sent.extend(one.sent_at.map(took));
            delivered.extend(one.delivered_at.map(took));
            last = last.max(one.delivered_at.unwrap_or(last));
        }
        let all = Duration::try_from(last.duration_since(self.began)).unwrap_or_default();
        #[expect(clippy::cast_precision_loss, reason = "counts of messages are small")]
        let delivered_per_second = if all.is_zero() { 0.0 } else { delivered.len() as f64 / all.as_secs_f64() };
        Outbound {
            accepted,
            delivered_per_second,
            sent_ms: Latencies::of(sent).spread(),
            delivered_ms: Latencies::of(delivered).spread(),
        }
    }
}
