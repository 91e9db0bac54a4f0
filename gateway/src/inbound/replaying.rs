//! Bringing what waited in the journal to the database, in order.
//!
//! Many entries at once, so that they share commits and the end comes in sight also under load; but of
//! one sender in order, some of them as one, and of one message's reports one after the other. All may be
//! done again: what was recorded is found to be.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use tokio::time::{Instant, sleep};

use super::Shared;
use super::gate::{HOLD, Way};
use super::recording::Told;
use crate::channels::Event;
use crate::journal::{Batch, Entry};
use crate::store::{self, Answered, Receipt};

/// With so many more that wait, the end is near.
const NEAR: u64 = 50;
/// How long nobody is held up again for an end that took too long.
const PATIENCE: Duration = Duration::from_secs(2);
/// The most messages of one sender that are recorded as one.
const RUN: usize = 32;
/// How often it is looked for what another gateway left.
const LOOK: Duration = Duration::from_secs(30);
/// How often an entry is tried that the database refuses, before it is set aside.
const REFUSALS: u32 = 3;

/// Runs until it is aborted, which may be at any moment.
pub(super) async fn run(shared: Arc<Shared>) {
    loop {
        tokio::select! {
            () = shared.gate.fallen_back() => shared.work_off().await,
            () = sleep(LOOK) => {
                // Also what came here when nobody looked any more.
                if shared.gate.journal().adopt().await || shared.gate.journal().waiting().entries > 0 {
                    shared.gate.go_by_journal();
                }
            }
        }
    }
}

impl Shared {
    /// Until the journal is empty.
    async fn work_off(self: &Arc<Self>) {
        let (gate, journal) = (&self.gate, self.gate.journal());
        let (mut well, mut count) = (false, 0);
        let (mut closed, mut not_before) = (false, Instant::now());
        loop {
            if closed && gate.way() == Way::Journal {
                (closed, not_before) = (false, Instant::now() + PATIENCE);
            }
            let Some(mut batch) = journal.next().await else {
                if gate.end() {
                    tracing::info!(entries = count, "the journal is empty: webhooks go to the database again");
                    return;
                }
                if journal.is_held() {
                    gate.reopen();
                }
                journal.written().await;
                continue;
            };
            let entries = std::mem::take(&mut batch.entries);
            count += entries.len();
            if well && gate.way() == Way::Journal && journal.beyond(&batch) <= NEAR && Instant::now() >= not_before {
                gate.close();
                closed = true;
            }
            well = self.bring(entries, &mut batch).await;
            if !well {
                gate.reopen();
            }
            journal.done(batch).await;
        }
    }

    /// Brings all of a batch to the database, however long that takes. False when it took its time.
    async fn bring(self: &Arc<Self>, entries: Vec<Entry>, batch: &mut Batch) -> bool {
        batch.entries.extend(entries.last().cloned());
        let mut all = std::pin::pin!(self.bring_all(entries));
        tokio::select! {
            well = &mut all => return well,
            () = sleep(HOLD) => self.gate.reopen(),
        }
        all.await;
        false
    }

    async fn bring_all(self: &Arc<Self>, mut left: Vec<Entry>) -> bool {
        let (mut well, mut alone) = (true, false);
        let mut pauses = pauses();
        while !left.is_empty() {
            // While the database is away, one entry asks for all.
            let rest = if alone { left.split_off(1) } else { Vec::new() };
            let (mut failed, reason) = self.bring_lanes(left).await;
            alone = !failed.is_empty();
            failed.extend(rest);
            left = failed;
            if let Some(reason) = reason {
                well = false;
                let pause = pauses.next().unwrap_or_default();
                let waiting = self.gate.journal().waiting().entries;
                tracing::warn!(reason, waiting, "the journal waits for the database");
                sleep(pause).await;
            } else {
                pauses = self::pauses();
            }
        }
        well
    }

    /// What could not be brought, in the order in which it came, and why.
    async fn bring_lanes(self: &Arc<Self>, entries: Vec<Entry>) -> (Vec<Entry>, Option<String>) {
        let mut lanes: BTreeMap<(String, String), Vec<(usize, Entry)>> = BTreeMap::new();
        for (number, entry) in entries.into_iter().enumerate() {
            let (channel, of) = entry.lane();
            lanes.entry((channel.to_owned(), of.to_owned())).or_default().push((number, entry));
        }
        let brought = join_all(lanes.into_values().map(|lane| self.bring_lane(lane))).await;
        let (mut left, mut why) = (Vec::new(), None);
        for (entries, reason) in brought {
            left.extend(entries);
            why = why.or(reason);
        }
        left.sort_by_key(|(number, _)| *number);
        (left.into_iter().map(|(_, entry)| entry).collect(), why)
    }

    async fn bring_lane(self: &Arc<Self>, mut lane: Vec<(usize, Entry)>) -> (Vec<(usize, Entry)>, Option<String>) {
        let mut done = 0;
        while let Some(left) = lane.get(done..).filter(|left| !left.is_empty()) {
            let run: Vec<&Entry> =
                left.iter().map(|(_, entry)| entry).take_while(|entry| entry.is_message()).take(RUN).collect();
            let brought = match run.as_slice() {
                [] | [_] => self.bring_one(&left[0].1).await.map(|()| 1),
                run => self.bring_run(run).await.map(|()| run.len()),
            };
            match brought {
                Ok(count) => done += count,
                Err(reason) => return (lane.split_off(done), Some(reason)),
            }
        }
        (Vec::new(), None)
    }

    /// Messages of one sender as one, so that they share a commit and keep their order also where it fails.
    async fn bring_run(self: &Arc<Self>, run: &[&Entry]) -> Result<(), String> {
        let new = run.iter().filter_map(|entry| match &entry.event {
            Event::Inbound(message) => Some(self.late_inbound(entry, message.clone())),
            Event::Status(_) => None,
        });
        match self.store.record_all(new.collect()).await {
            Ok(receipts) => {
                for (entry, receipt) in run.iter().zip(receipts) {
                    self.recorded(entry, receipt).await.map_err(|error| error.to_string())?;
                }
                Ok(())
            }
            Err(store::Error::Unavailable(reason) | store::Error::Overtaken(reason)) => Err(reason),
            // One of them, and then nobody knows which.
            Err(store::Error::Refused(_)) => {
                for entry in run {
                    self.bring_one(entry).await?;
                }
                Ok(())
            }
        }
    }

    /// An error is worth another try.
    async fn bring_one(self: &Arc<Self>, entry: &Entry) -> Result<(), String> {
        let mut refusals = 0;
        let mut pauses = pauses();
        loop {
            let refused = match self.record_again(entry).await {
                Ok(()) => return Ok(()),
                Err(store::Error::Unavailable(reason) | store::Error::Overtaken(reason)) => return Err(reason),
                Err(store::Error::Refused(reason)) => reason,
            };
            refusals += 1;
            if refusals < REFUSALS {
                sleep(pauses.next().unwrap_or_default()).await;
                continue;
            }
            self.gate.journal().refuse(entry).await.map_err(|error| error.to_string())?;
            let (id, channel) = (entry.id, &entry.channel);
            tracing::error!(%id, channel, reason = refused, "the database refuses what came in; it is set aside");
            return Ok(());
        }
    }

    async fn record_again(self: &Arc<Self>, entry: &Entry) -> Result<(), store::Error> {
        match &entry.event {
            Event::Status(report) => {
                let report = self.new_observation(entry, report.clone());
                let told = Told::of(&report);
                let observed = self.store.observe(report).await?;
                self.observed(&entry.channel, &told, observed).await;
                Ok(())
            }
            Event::Inbound(message) => {
                let receipt = self.store.record(self.late_inbound(entry, message.clone())).await?;
                self.recorded(entry, receipt).await
            }
        }
    }

    async fn recorded(self: &Arc<Self>, entry: &Entry, receipt: Receipt) -> Result<(), store::Error> {
        match receipt {
            Receipt::Recorded => {}
            // It was recorded as itself, before anybody knew: so nobody may be processing it.
            Receipt::Repeat { of, answered: Answered::NotYet } if of.0 == entry.id => self.process_anyhow(of).await?,
            Receipt::Repeat { of, .. } if of.0 == entry.id => {}
            Receipt::Repeat { of, .. } => tracing::info!(message_id = %of, "a message came again"),
        }
        Ok(())
    }
}

/// Between two tries: whoever waits for the database shall not wait long for us.
fn pauses() -> impl Iterator<Item = Duration> + Send {
    [100, 200, 500].into_iter().chain(std::iter::repeat(1000)).map(Duration::from_millis)
}
