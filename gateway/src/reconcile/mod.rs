//! Finding out at the provider what became of things: of parts whose outcome is unknown or whose
//! status is not final, and of messages that came in while nobody took their webhook.
//!
//! A provider that fails decides nothing: its answer counts only if it is whole. This room knows
//! no provider and no database; what follows from an answer is decided in the store.

mod absences;
mod asking;
mod pull;
mod readings;
mod settings;
mod statuses;
#[cfg(test)]
mod tests;
mod unknown;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::StreamExt;
use tokio::sync::{Notify, broadcast, watch};

use crate::channels::Channels;
use crate::clock::{Clock, Ids};
use crate::inbound::Inbound;
use crate::message::{Address, MessageId, PartId};
use crate::store::{self, Due, Store};
use crate::transport::Transport;
use absences::Absences;
use asking::Pauses;
use readings::Readings;
pub use settings::{OnUnknown, Settings};
use settings::{later, seconds};

/// What it is made of.
pub struct Parts {
    pub store: Store,
    pub channels: Channels,
    pub transport: Arc<dyn Transport>,
    pub clock: Arc<dyn Clock>,
    pub ids: Arc<Ids>,
    pub settings: Settings,
    /// How often a part is handed over at the most.
    pub tries: u32,
    /// Told when a status says that a channel can't send.
    pub pauses: crate::pauses::Pauses,
    pub outbox: Arc<Notify>,
    pub settled: broadcast::Sender<MessageId>,
}

/// How long it sleeps while nothing is due.
const LOOK: Duration = Duration::from_secs(1);
/// How many parts are taken at once.
const BATCH: u32 = 100;
/// How long a taken question is left alone: longer than most take. Whoever asks a second time meanwhile learns the
/// same, and only the first answer counts.
const LEASE: Duration = Duration::from_mins(1);

/// Asks until told to stop, then until what is under way has been answered. What came in unheard goes to `inbound`.
pub async fn run(parts: Parts, inbound: Inbound, stop: watch::Receiver<bool>) {
    let readings = Readings::since(Instant::now());
    let work = Work { parts, pauses: Pauses::default(), absences: Absences::default(), readings, stop };
    tokio::join!(work.ask(), work.pull(&inbound));
}

struct Work {
    parts: Parts,
    pauses: Pauses,
    absences: Absences,
    readings: Readings,
    stop: watch::Receiver<bool>,
}

/// What is answered by one request.
enum Question {
    /// What went to one recipient from one sender.
    Unknown(Vec<Due>),
    /// Where one part stands.
    Status(Due),
}

impl Question {
    fn due(&self) -> &[Due] {
        match self {
            Self::Unknown(due) => due,
            Self::Status(due) => std::slice::from_ref(due),
        }
    }

    fn channel(&self) -> &str {
        self.due().first().map(|due| due.channel.as_str()).unwrap_or_default()
    }

    /// The parts that it is about, and how often it was asked, with this time.
    fn asked(&self) -> (Vec<PartId>, u32) {
        let checks = self.due().iter().map(|due| due.checks).min().unwrap_or(0);
        (self.due().iter().map(|due| due.part_id).collect(), checks)
    }
}

impl Work {
    async fn ask(&self) {
        while !self.stopping() {
            let due = self.due().await.unwrap_or_else(|error| {
                tracing::warn!(%error, "nothing can be found out for now");
                Vec::new()
            });
            if due.is_empty() {
                self.sleep(LOOK).await;
                continue;
            }
            self.ask_all(due).await;
        }
    }

    async fn ask_all(&self, due: Vec<Due>) {
        let questions = futures::stream::iter(in_turn(questions(due)));
        let asked = questions.for_each_concurrent(self.parts.settings.parallel, |question| async {
            // What is left out is due again when its lease ends.
            if self.stopping() {
                return;
            }
            if let Err(error) = self.ask_one(question).await {
                tracing::warn!(%error, "what the provider said is not on record; it is asked again");
            }
        });
        asked.await;
    }

    async fn ask_one(&self, question: Question) -> Result<(), store::Error> {
        // Since it was taken, the provider may have failed; or it answers nobody, and what waits behind this one waits
        // for each in vain.
        if let Some(until) = self.pauses.paused_until(question.channel(), self.parts.clock.now()) {
            let (parts, checks) = question.asked();
            return self.parts.store.ask_again(parts, Some(until), checks.saturating_sub(1)).await;
        }
        match question {
            Question::Unknown(due) => self.resolve(due, Instant::now()).await,
            Question::Status(due) => self.poll(due).await,
        }
    }

    async fn due(&self) -> Result<Vec<Due>, store::Error> {
        let now = self.parts.clock.now();
        let names = self.parts.channels.names().map(str::to_owned);
        let open = names.filter(|name| !self.pauses.is_paused(name, now)).collect();
        self.parts.store.due_questions(now, later(now, LEASE), open, BATCH).await
    }

    async fn pull(&self, inbound: &Inbound) {
        if self.parts.settings.pull_every_s == 0 {
            return;
        }
        let names: Vec<String> = self.parts.channels.names().map(str::to_owned).collect();
        while !self.stopping() {
            for name in &names {
                self.pull_channel(name, inbound).await;
            }
            self.sleep(seconds(self.parts.settings.pull_every_s)).await;
        }
    }

    fn stopping(&self) -> bool {
        *self.stop.borrow()
    }

    async fn sleep(&self, time: Duration) {
        let mut stop = self.stop.clone();
        tokio::select! {
            () = tokio::time::sleep(time) => {}
            _ = stop.wait_for(|stop| *stop) => {}
        }
    }
}

/// One question for all unknown parts from one sender to one recipient, one for each other part.
fn questions(due: Vec<Due>) -> Vec<Question> {
    let mut groups: BTreeMap<(String, Option<Address>, Address), Vec<Due>> = BTreeMap::new();
    let mut questions = Vec::new();
    for due in due {
        if due.provider_id.is_some() {
            questions.push(Question::Status(due));
        } else {
            let key = (due.channel.clone(), due.sender.clone(), due.recipient.clone());
            groups.entry(key).or_default().push(due);
        }
    }
    questions.extend(groups.into_values().map(Question::Unknown));
    questions
}

/// One of each channel after the other, so that one whose provider is slow holds up no other for long.
fn in_turn(questions: Vec<Question>) -> Vec<Question> {
    let mut turns: BTreeMap<String, usize> = BTreeMap::new();
    let with_turn = |question: Question| {
        let turn = turns.entry(question.channel().to_owned()).or_default();
        *turn += 1;
        (*turn, question)
    };
    let mut questions: Vec<(usize, Question)> = questions.into_iter().map(with_turn).collect();
    questions.sort_by_key(|(turn, _)| *turn);
    questions.into_iter().map(|(_, question)| question).collect()
}
