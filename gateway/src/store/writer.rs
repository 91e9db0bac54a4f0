//! Group commit: one task owns the write connection and commits what has queued up meanwhile in
//! one transaction. Nothing is timed: a batch forms while the one before is being committed.
//!
//! An operation that fails spoils only itself: its batch is rolled back and every operation of
//! it is done again in a transaction of its own.

use async_trait::async_trait;
use sea_orm::{DatabaseConnection, DatabaseTransaction, SqliteTransactionMode, TransactionOptions, TransactionTrait};
use tokio::sync::{mpsc, oneshot};

use super::operations::locks::Touched;
use super::operations::{process, record};
use super::reporting::Reporting;
use super::{Committed, Error, NewInbound, Processed, Receipt, Recorded, Store};
use crate::metrics;

/// The most operations in one transaction.
const BATCH: usize = 128;
/// How often what other gateways were in the way of is done again at once.
const OVERTAKEN_TRIES: u32 = 8;

/// A write. It may run twice (the second time alone), so it must not change itself.
#[async_trait]
pub(super) trait Operation: Send + Sync + 'static {
    type Output: Send + 'static;

    async fn apply(&self, transaction: &DatabaseTransaction) -> Result<Self::Output, Error>;

    /// Adds what it is about and others may want to change as well.
    fn touches<'a>(&'a self, _touched: &mut Touched<'a>) {}
}

/// What waits for the writer.
pub(super) enum Job {
    /// The two that every message needs are done for many messages with a handful of statements.
    Record(Box<Asked<Vec<NewInbound>, Vec<Receipt>>>),
    Process(Box<Asked<Processed, Committed>>),
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
    fn touches<'a>(&'a self, touched: &mut Touched<'a>);
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

    fn touches<'a>(&'a self, touched: &mut Touched<'a>) {
        self.operation.touches(touched);
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

    async fn ask<I, O>(&self, input: I, job: impl FnOnce(Box<Asked<I, O>>) -> Job) -> Result<O, Error> {
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
    connection: DatabaseConnection,
    mut jobs: mpsc::Receiver<Job>,
    recorded: mpsc::UnboundedSender<Recorded>,
    reporting: Reporting,
) {
    let mut batch = Vec::with_capacity(BATCH);
    while jobs.recv_many(&mut batch, BATCH).await > 0 {
        metrics::COMMIT_OPERATIONS.record("", [], f64::from(u32::try_from(batch.len()).unwrap_or(u32::MAX)));
        let mut groups = Groups::of(std::mem::take(&mut batch));
        let mut done = groups.commit_timed(&connection, &reporting).await;
        if let Err(Error::Overtaken(_)) = done {
            done = groups.commit_timed(&connection, &reporting).await;
        }
        match done {
            Ok(()) => groups.committed(&recorded, &reporting),
            Err(_) => {
                for mut alone in groups.apart() {
                    match alone.commit_anyhow(&connection, &reporting).await {
                        Ok(()) => alone.committed(&recorded, &reporting),
                        Err(error) => alone.failed(&error),
                    }
                }
            }
        }
    }
}

/// The operations of one transaction: the recordings, what processing came to, then the others
/// in the order they came. Nobody asks for a second operation before the first was answered, so
/// the order among different callers is free.
#[derive(Default)]
struct Groups {
    recordings: Vec<Asked<Vec<NewInbound>, Vec<Receipt>>>,
    receipts: Vec<(Receipt, Option<Recorded>)>,
    processed: Vec<Asked<Processed, Committed>>,
    done: Vec<Committed>,
    others: Vec<Box<dyn Waiting>>,
}

impl Groups {
    fn of(jobs: Vec<Job>) -> Self {
        let mut groups = Self::default();
        for job in jobs {
            match job {
                Job::Record(asked) => groups.recordings.push(*asked),
                Job::Process(asked) => groups.processed.push(*asked),
                Job::Other(other) => groups.others.push(other),
            }
        }
        groups
    }

    fn apart(self) -> impl Iterator<Item = Self> {
        let recordings = self.recordings.into_iter().map(|asked| Job::Record(Box::new(asked)));
        let processed = self.processed.into_iter().map(|asked| Job::Process(Box::new(asked)));
        let others = self.others.into_iter().map(Job::Other);
        recordings.chain(processed).chain(others).map(|job| Self::of(vec![job]))
    }

    /// Again as long as other gateways are in the way: they were faster, so it goes on with all of them.
    async fn commit_anyhow(&mut self, connection: &DatabaseConnection, reporting: &Reporting) -> Result<(), Error> {
        let mut tries = OVERTAKEN_TRIES;
        loop {
            match self.commit_timed(connection, reporting).await {
                Err(Error::Overtaken(_)) if tries > 0 => tries -= 1,
                done => return done,
            }
        }
    }

    async fn commit_timed(&mut self, connection: &DatabaseConnection, reporting: &Reporting) -> Result<(), Error> {
        let began = std::time::Instant::now();
        let committed = self.commit(connection, reporting).await;
        let outcome = if committed.is_ok() { "done" } else { "failed" };
        metrics::COMMIT_SECONDS.took("", [outcome], began.elapsed());
        match &committed {
            Ok(()) => reporting.counted().happened(),
            Err(_) => reporting.counted().forget(),
        }
        committed
    }

    async fn commit(&mut self, connection: &DatabaseConnection, reporting: &Reporting) -> Result<(), Error> {
        let options = TransactionOptions {
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
            ..TransactionOptions::default()
        };
        let transaction = connection.begin_with_options(options).await?;
        match self.apply(&transaction, reporting).await {
            Ok(()) => Ok(transaction.commit().await?),
            Err(error) => {
                // The connection may be what failed; then there is nothing to roll back.
                let _ = transaction.rollback().await;
                Err(error)
            }
        }
    }

    fn touched(&self) -> Touched<'_> {
        let mut touched = Touched::default();
        self.recordings.iter().flat_map(|asked| &asked.input).for_each(|message| touched.record(message));
        self.processed.iter().for_each(|asked| touched.process(&asked.input));
        self.others.iter().for_each(|other| other.touches(&mut touched));
        touched
    }

    async fn apply(&mut self, transaction: &DatabaseTransaction, reporting: &Reporting) -> Result<(), Error> {
        self.touched().lock(transaction).await?;
        let messages: Vec<&NewInbound> = self.recordings.iter().flat_map(|asked| &asked.input).collect();
        self.receipts = record::apply(transaction, &messages, reporting).await?;
        let processed: Vec<&Processed> = self.processed.iter().map(|asked| &asked.input).collect();
        self.done = process::apply(transaction, &processed, reporting).await?;
        for other in &mut self.others {
            other.apply(transaction).await?;
        }
        Ok(())
    }

    /// Whoever asked may have gone; the work is done all the same.
    fn committed(self, recorded: &mpsc::UnboundedSender<Recorded>, reporting: &Reporting) {
        let processed = !self.processed.is_empty();
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
        for (asked, done) in self.processed.into_iter().zip(self.done) {
            let _ = asked.answer.send(Ok(done));
        }
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
        for asked in self.processed {
            let _ = asked.answer.send(Err(error.clone()));
        }
        for other in self.others {
            other.failed(error.clone());
        }
    }
}
