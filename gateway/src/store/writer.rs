//! Group commit: one task owns the write connection and commits what has queued up meanwhile in
//! one transaction. Nothing is timed: a batch forms while the one before is being committed.
//!
//! An operation that fails spoils only itself: its batch is rolled back and every operation of
//! it is done again in a transaction of its own.

use async_trait::async_trait;
use sea_orm::DatabaseTransaction;
use tokio::sync::{mpsc, oneshot};

use super::committing::{Connection, Failure};
use super::operations::learned::{self, About, Learned};
use super::operations::locks::Touched;
use super::operations::{planning, process, record, submit};
use super::reporting::Reporting;
use super::{
    Committed, Error, NewInbound, Observed, Processed, Receipt, Recorded, Store, Submission, Submitted, fresh,
};
use crate::metrics;

/// The most operations in one transaction.
const BATCH: usize = 128;
/// For so many at once a look at how they are planned is worth its while.
const MANY: usize = 8;

/// A write. It may run twice (the second time alone), so it must not change itself.
#[async_trait]
pub(super) trait Operation: Send + Sync + 'static {
    type Output: Send + 'static;
    /// Nothing is to be done of it once whoever asked has gone: it was told that nothing came of it, and will ask again.
    const ONLY_IF_AWAITED: bool = false;

    async fn apply(&self, transaction: &DatabaseTransaction) -> Result<Self::Output, Error>;
}

/// What waits for the writer.
pub(super) enum Job {
    /// Those that every message needs are done for many messages with a handful of statements.
    Record(Box<Asked<Vec<NewInbound>, Vec<Receipt>>>),
    Process(Box<Asked<Processed, Committed>>),
    Submit(Box<Asked<Submission, Submitted>>),
    Learn(Box<Asked<Learned, Option<Observed>>>),
    Other(Box<dyn Waiting>),
}

/// What is asked for, and the caller who waits for it.
pub(super) struct Asked<I, O> {
    input: I,
    answer: oneshot::Sender<Result<O, Error>>,
}

/// An [`Operation`] of any kind, with the caller who waits for it.
#[async_trait]
pub(super) trait Waiting: Send {
    async fn apply(&mut self, transaction: &DatabaseTransaction) -> Result<(), Error>;
    fn is_wanted(&self) -> bool;
    fn committed(self: Box<Self>);
    fn failed(self: Box<Self>, error: Error);
}

struct Waiter<O: Operation> {
    operation: O,
    output: Option<O::Output>,
    answer: oneshot::Sender<Result<O::Output, Error>>,
}

#[async_trait]
impl<O: Operation> Waiting for Waiter<O> {
    async fn apply(&mut self, transaction: &DatabaseTransaction) -> Result<(), Error> {
        self.output = Some(self.operation.apply(transaction).await?);
        Ok(())
    }

    fn is_wanted(&self) -> bool {
        !(O::ONLY_IF_AWAITED && self.answer.is_closed())
    }

    fn committed(self: Box<Self>) {
        if let Some(output) = self.output {
            // Whoever asked may have gone; the work is done all the same.
            let _ = self.answer.send(Ok(output));
        }
    }

    fn failed(self: Box<Self>, error: Error) {
        let _ = self.answer.send(Err(error));
    }
}

impl Job {
    pub(super) fn failed(self, error: &Error) {
        Groups::of(vec![self]).failed(error);
    }
}

impl Store {
    pub(super) async fn write<O: Operation>(&self, operation: O) -> Result<O::Output, Error> {
        let (answer, answered) = oneshot::channel();
        self.enqueue(Job::Other(Box::new(Waiter { operation, output: None, answer })))?;
        answered.await.map_err(|_| Error::Unavailable("the writer has stopped".to_owned()))?
    }

    /// Records an inbound message. When this returns, it is on disk.
    pub async fn record(&self, message: NewInbound) -> Result<Receipt, Error> {
        let receipt = self.record_all(vec![message]).await?.pop();
        receipt.ok_or_else(|| Error::Unavailable("the writer gave no receipt".to_owned()))
    }

    /// Records inbound messages in this order: all of them, or none.
    pub async fn record_all(&self, messages: Vec<NewInbound>) -> Result<Vec<Receipt>, Error> {
        self.ask(messages, Job::Record).await
    }

    /// Marks a message, a report or a timer processed, with all that follows from it.
    pub async fn commit(&self, processed: Processed) -> Result<Committed, Error> {
        self.ask(processed, Job::Process).await
    }

    pub(super) async fn ask<I, O>(&self, input: I, job: impl FnOnce(Box<Asked<I, O>>) -> Job) -> Result<O, Error> {
        let (answer, answered) = oneshot::channel();
        self.enqueue(job(Box::new(Asked { input, answer })))?;
        answered.await.map_err(|_| Error::Unavailable("the writer has stopped".to_owned()))?
    }

    fn enqueue(&self, job: Job) -> Result<(), Error> {
        self.writes.try_send(job).map_err(|_| Error::Unavailable("the queue for writing is full".to_owned()))
    }
}

/// Runs until every [`Store`] is gone.
pub(super) async fn run(
    mut connection: Connection,
    mut jobs: mpsc::Receiver<Job>,
    recorded: mpsc::UnboundedSender<Recorded>,
    reporting: Reporting,
) {
    let mut batch = Vec::with_capacity(BATCH);
    while jobs.recv_many(&mut batch, BATCH).await > 0 {
        metrics::COMMIT_OPERATIONS.record("", [], f64::from(u32::try_from(batch.len()).unwrap_or(u32::MAX)));
        let mut groups = Groups::of(std::mem::take(&mut batch));
        let mut done = connection.commit(&mut groups, &mut jobs, &reporting).await;
        if let Err(Failure::Undone(Error::Overtaken(_))) = done {
            done = connection.commit(&mut groups, &mut jobs, &reporting).await;
        }
        match done {
            Ok(()) => groups.committed(&recorded, &reporting),
            Err(Failure::Away(error)) => groups.failed(&error),
            Err(Failure::Undone(_)) => {
                let mut away = None;
                for mut alone in groups.apart() {
                    let done = match away.clone() {
                        Some(error) => Err(error),
                        None => connection.commit_anyhow(&mut alone, &mut jobs, &reporting).await,
                    };
                    match done {
                        Ok(()) => alone.committed(&recorded, &reporting),
                        Err(failure) => {
                            alone.failed(failure.error());
                            // Nobody else of them fares better.
                            away = Some(failure).filter(|failure| matches!(failure, Failure::Away(_)));
                        }
                    }
                }
            }
        }
    }
}

/// What is asked for of one kind, and what each came to.
struct Group<I, O> {
    asked: Vec<Asked<I, O>>,
    done: Vec<O>,
}

impl<I, O> Default for Group<I, O> {
    fn default() -> Self {
        Self { asked: Vec::new(), done: Vec::new() }
    }
}

impl<I, O> Group<I, O> {
    fn inputs(&self) -> Vec<&I> {
        self.asked.iter().map(|asked| &asked.input).collect()
    }

    /// Whoever asked may have gone; the work is done all the same.
    fn committed(self) {
        for (asked, done) in self.asked.into_iter().zip(self.done) {
            let _ = asked.answer.send(Ok(done));
        }
    }

    fn failed(self, error: &Error) {
        for asked in self.asked {
            let _ = asked.answer.send(Err(error.clone()));
        }
    }

    fn apart(self, job: fn(Box<Asked<I, O>>) -> Job) -> impl Iterator<Item = Job> {
        self.asked.into_iter().map(move |asked| job(Box::new(asked)))
    }
}

/// The operations of one transaction: the recordings, what processing came to, what is to be sent, what became
/// of it, then the others in the order they came. Nobody asks for a second operation before the first was
/// answered, so the order among different callers is free.
#[derive(Default)]
pub(super) struct Groups {
    recordings: Vec<Asked<Vec<NewInbound>, Vec<Receipt>>>,
    receipts: Vec<(Receipt, Option<Recorded>)>,
    processed: Group<Processed, Committed>,
    submitted: Group<Submission, Submitted>,
    learned: Group<Learned, Option<Observed>>,
    others: Vec<Box<dyn Waiting>>,
}

impl Groups {
    fn of(jobs: Vec<Job>) -> Self {
        let mut groups = Self::default();
        for job in jobs {
            match job {
                Job::Record(asked) => groups.recordings.push(*asked),
                Job::Process(asked) => groups.processed.asked.push(*asked),
                Job::Submit(asked) => groups.submitted.asked.push(*asked),
                Job::Learn(asked) => groups.learned.asked.push(*asked),
                Job::Other(other) => groups.others.push(other),
            }
        }
        groups
    }

    fn apart(self) -> impl Iterator<Item = Self> {
        let recordings = self.recordings.into_iter().map(|asked| Job::Record(Box::new(asked)));
        let sets = self.processed.apart(Job::Process).chain(self.submitted.apart(Job::Submit));
        let others = self.learned.apart(Job::Learn).chain(self.others.into_iter().map(Job::Other));
        recordings.chain(sets).chain(others).map(|job| Self::of(vec![job]))
    }

    /// Leaves out what would be stored for somebody who has gone, was told that nothing was, and will ask again.
    pub(super) fn forget_unwanted(&mut self) {
        self.submitted.asked.retain(|asked| !asked.answer.is_closed());
        self.others.retain(|other| other.is_wanted());
    }

    /// What others may want to change as well.
    fn touched(&self) -> Touched<'_> {
        let mut touched = Touched::default();
        self.recordings.iter().flat_map(|asked| &asked.input).for_each(|message| touched.record(message));
        self.processed.asked.iter().for_each(|asked| touched.process(&asked.input));
        self.submitted.asked.iter().for_each(|asked| touched.submit(&asked.input));
        for asked in &self.learned.asked {
            match &asked.input.about {
                About::Try(settlement) => touched.part(settlement.part_id.0),
                About::Report(observation) => touched.report(observation),
            }
        }
        touched
    }

    pub(super) async fn apply(
        &mut self,
        transaction: &DatabaseTransaction,
        reporting: &Reporting,
    ) -> Result<(), Error> {
        let by_ids = self.recordings.len() + self.processed.asked.len() + self.submitted.asked.len();
        let is_planned_once = by_ids + self.learned.asked.len() >= MANY;
        if is_planned_once {
            planning::once(transaction).await?;
        }
        self.touched().lock(transaction).await?;
        let messages: Vec<&NewInbound> = self.recordings.iter().flat_map(|asked| &asked.input).collect();
        self.receipts = record::apply(transaction, &messages, reporting).await?;
        self.processed.done = process::apply(transaction, &self.processed.inputs(), reporting).await?;
        self.submitted.done = submit::apply(transaction, &self.submitted.inputs(), reporting).await?;
        self.learned.done = learned::apply(transaction, &self.learned.inputs(), reporting).await?;
        if is_planned_once && !self.others.is_empty() {
            planning::freely(transaction).await?;
        }
        for other in &mut self.others {
            other.apply(transaction).await?;
        }
        fresh::read(transaction, &mut self.receipts).await
    }

    /// Whoever asked may have gone; the work is done all the same.
    fn committed(mut self, recorded: &mpsc::UnboundedSender<Recorded>, reporting: &Reporting) {
        let processed = !self.processed.asked.is_empty();
        // Before anybody acts on what is committed now: it is the latest until there is another commit.
        let commit = reporting.committed();
        fresh::committed(&mut self.receipts, commit);
        let mut receipts = self.receipts.into_iter();
        for asked in self.recordings {
            let mut own = Vec::with_capacity(asked.input.len());
            for (receipt, new) in receipts.by_ref().take(asked.input.len()) {
                if let Some(new) = new {
                    metrics::MESSAGES.add(&new.channel, ["inbound", "received"]);
                    let _ = recorded.send(new);
                }
                own.push(receipt);
            }
            let _ = asked.answer.send(Ok(own));
        }
        self.processed.committed();
        self.submitted.committed();
        self.learned.committed();
        for other in self.others {
            other.committed();
        }
        if processed {
            reporting.wakeups().processed();
        }
        reporting.subscribed().committed();
    }

    fn failed(self, error: &Error) {
        for asked in self.recordings {
            let _ = asked.answer.send(Err(error.clone()));
        }
        self.processed.failed(error);
        self.submitted.failed(error);
        self.learned.failed(error);
        for other in self.others {
            other.failed(error.clone());
        }
    }
}
