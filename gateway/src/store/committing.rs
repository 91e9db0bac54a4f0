//! One transaction after the other, and what became of one whose answer was lost.
//!
//! Postgres may go away, or be silent, just when it was told to commit; what was asked for is done then, or it is not, and
//! whoever takes one for the other loses something or does it twice. So each transaction of a gateway first writes its
//! number into the gateway's own row. Afterwards that row tells whether it was committed; and since it is locked until
//! the transaction ends, a look at it waits for one that is still about to be.
//!
//! A connection over which nothing comes any more ends by itself after a quarter of an hour, or never. One that
//! has been silent for [`Settings::timeout_s`] is left to itself, and another one is made. Postgres waits as long for a
//! gateway to go on with its transaction, and then undoes it: nobody else is to wait for what a vanished one has locked.

use std::pin::pin;
use std::time::Duration;

use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbErr, SqliteTransactionMode, Statement,
    TransactionOptions, TransactionTrait, Value,
};
use tokio::sync::mpsc::Receiver;
use tokio::time::timeout;
use uuid::Uuid;

use super::connect::{self, Use};
use super::leftover::{self, SINCE, Server};
use super::reporting::Reporting;
use super::writer::{Groups, Job};
use super::{Error, Settings, failing};
use crate::metrics;

/// How often what other gateways were in the way of is done again at once.
const OVERTAKEN_TRIES: u32 = 8;
/// How long it is before Postgres is asked again what became of a transaction.
const PAUSE: Duration = Duration::from_millis(500);
/// How long such a question waits for a transaction that has not ended, in Postgres' words.
const LOCK: &str = "SET LOCAL lock_timeout = '3s'";

/// The connection that writes.
pub(super) struct Connection {
    database: DatabaseConnection,
    settings: Settings,
    /// How many transactions were begun.
    number: i64,
    /// Postgres' process that the last one was begun in.
    server: Option<Server>,
    /// Nothing comes over it any more.
    is_silent: bool,
}

/// Why a transaction was not committed.
#[derive(Clone, Debug)]
pub(super) enum Failure {
    /// The database is away: whatever else is asked of it fares no better.
    Away(Error),
    /// Something in it failed, and nothing of it was done.
    Undone(Error),
}

impl Failure {
    pub(super) fn error(&self) -> &Error {
        let (Self::Away(error) | Self::Undone(error)) = self;
        error
    }
}

/// How far a transaction came.
enum Ended {
    Committed,
    NotBegun(Error),
    Undone(Error),
    /// It was told to be committed, or may have been, and nothing was heard of it.
    Lost(Error),
}

/// What a transaction leaves in the row of its gateway.
#[derive(Clone, Copy)]
struct Mark {
    gateway: Uuid,
    number: i64,
    /// Whether it is there.
    is_written: bool,
}

impl Connection {
    pub(super) fn new(database: DatabaseConnection, settings: Settings) -> Self {
        Self { database, settings, number: 0, server: None, is_silent: false }
    }

    /// Again as long as other gateways are in the way: they were faster, so it goes on with all of them.
    pub(super) async fn commit_anyhow(
        &mut self,
        groups: &mut Groups,
        jobs: &mut Receiver<Job>,
        reporting: &Reporting,
    ) -> Result<(), Failure> {
        let mut tries = OVERTAKEN_TRIES;
        loop {
            match self.commit(groups, jobs, reporting).await {
                Err(Failure::Undone(Error::Overtaken(_))) if tries > 0 => tries -= 1,
                done => return done,
            }
        }
    }

    /// Does it all in one transaction. While Postgres is away with what it came to, whoever asks for something else is
    /// told so.
    pub(super) async fn commit(
        &mut self,
        groups: &mut Groups,
        jobs: &mut Receiver<Job>,
        reporting: &Reporting,
    ) -> Result<(), Failure> {
        groups.forget_unwanted();
        let began = std::time::Instant::now();
        let committed = self.commit_or_learn(groups, jobs, reporting).await;
        let outcome = if committed.is_ok() { "done" } else { "failed" };
        metrics::COMMIT_SECONDS.took("", [outcome], began.elapsed());
        match &committed {
            Ok(()) => reporting.counted().happened(),
            Err(_) => reporting.counted().forget(),
        }
        committed
    }

    async fn commit_or_learn(
        &mut self,
        groups: &mut Groups,
        jobs: &mut Receiver<Job>,
        reporting: &Reporting,
    ) -> Result<(), Failure> {
        self.renew().await.map_err(Failure::Away)?;
        self.number += 1;
        let gateway = reporting.gateway().filter(|_| self.settings.can_be_away());
        let mut mark = gateway.map(|gateway| Mark { gateway, number: self.number, is_written: false });
        let ended = match self.patience() {
            None => self.transact(groups, reporting, &mut mark).await,
            Some(patience) => {
                let heard = timeout(patience, self.transact(groups, reporting, &mut mark)).await;
                heard.unwrap_or_else(|_| {
                    tracing::warn!("Postgres has been silent for {patience:?}: another connection is made");
                    self.is_silent = true;
                    Ended::Lost(Error::Unavailable(format!("nothing was heard of it for {patience:?}")))
                })
            }
        };
        match ended {
            Ended::Committed => Ok(()),
            Ended::NotBegun(error) => Err(Failure::Away(error)),
            Ended::Undone(error) => Err(Failure::Undone(error)),
            Ended::Lost(error) => match mark {
                Some(mark) if mark.is_written => self.learn(mark, error, jobs).await,
                // It was not told to be committed before the mark was there; and without a gateway there is none.
                _ => Err(Failure::Undone(error)),
            },
        }
    }

    async fn transact(&mut self, groups: &mut Groups, reporting: &Reporting, mark: &mut Option<Mark>) -> Ended {
        let transaction = match self.begin().await {
            Ok(transaction) => transaction,
            Err(error) => return Ended::NotBegun(error.into()),
        };
        let done = async {
            match mark {
                Some(mark) => {
                    let limit = self.settings.timeout_s;
                    self.server = write(mark, reporting.has_left(), self.server, limit, &transaction).await?;
                }
                None if self.settings.can_be_away() => {
                    transaction.execute_unprepared(&leftover::undone_after(self.settings.timeout_s)).await?;
                }
                None => {}
            }
            groups.apply(&transaction, reporting).await
        };
        if let Err(error) = done.await {
            // The connection may be what failed; then there is nothing to roll back.
            let _ = transaction.rollback().await;
            return Ended::Undone(error);
        }
        match transaction.commit().await {
            Ok(()) => Ended::Committed,
            Err(error) if self.settings.can_be_away() && !failing::is_told(&error) => Ended::Lost(error.into()),
            Err(error) => Ended::Undone(error.into()),
        }
    }

    /// Once more where it fails: a connection on which nothing was asked for a while may have ended long ago.
    async fn begin(&self) -> Result<DatabaseTransaction, DbErr> {
        let options = || TransactionOptions {
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
            ..TransactionOptions::default()
        };
        match self.database.begin_with_options(options()).await {
            Err(error) if self.settings.can_be_away() && !matches!(error, DbErr::ConnectionAcquire(_)) => {
                self.database.begin_with_options(options()).await
            }
            begun => begun,
        }
    }

    /// Asks until it is known whether it was committed.
    async fn learn(&mut self, mark: Mark, error: Error, jobs: &mut Receiver<Job>) -> Result<(), Failure> {
        tracing::warn!(%error, "what a transaction came to was not heard: the database is asked until it tells");
        let mut is_away = false;
        loop {
            match self.ask(mark, &error, jobs, is_away).await? {
                Ok(Some(true)) => return Ok(()),
                Ok(Some(false)) => return Err(Failure::Undone(error)),
                // A gateway of a version that keeps no rows of the dead took this one for dead.
                Ok(None) => {
                    tracing::error!(%error, "what a transaction came to can't be known: the gateway's row is gone");
                    return Err(Failure::Away(error));
                }
                Err(error) => {
                    is_away = true;
                    // It has not ended yet; perhaps nobody is there any more who could end it.
                    if matches!(error, Error::Overtaken(_)) {
                        self.end_server().await;
                    }
                }
            }
        }
    }

    /// One question, and a pause if it was not answered. While the database is away, others need not wait for it.
    async fn ask(
        &mut self,
        mark: Mark,
        error: &Error,
        jobs: &mut Receiver<Job>,
        is_away: bool,
    ) -> Result<Result<Option<bool>, Error>, Failure> {
        let patience = self.patience().unwrap_or(PAUSE);
        let asked = async {
            let asked = async {
                self.renew().await?;
                self.was_committed(mark).await
            };
            let answer = timeout(patience, asked).await;
            self.is_silent |= answer.is_err();
            let silent = || Error::Unavailable(format!("nothing was heard of it for {patience:?}"));
            let answer = answer.unwrap_or_else(|_| Err(silent()));
            if answer.is_err() {
                tokio::time::sleep(PAUSE).await;
            }
            answer
        };
        let mut asked = pin!(asked);
        loop {
            tokio::select! {
                answer = &mut asked => return Ok(answer),
                job = jobs.recv(), if is_away => match job {
                    Some(job) => job.failed(error),
                    // It is being stopped.
                    None => return Err(Failure::Away(error.clone())),
                },
            }
        }
    }

    async fn was_committed(&self, mark: Mark) -> Result<Option<bool>, Error> {
        let transaction = self.begin().await?;
        let undone = leftover::undone_after(self.settings.timeout_s);
        transaction.execute_unprepared(&format!("{LOCK}; {undone}")).await?;
        let sql = "SELECT commits FROM gateways WHERE id = $1 FOR UPDATE";
        let statement = Statement::from_sql_and_values(transaction.get_database_backend(), sql, [mark.gateway.into()]);
        let row = transaction.query_one_raw(statement).await?;
        let number: Option<Option<i64>> = row.map(|row| row.try_get("", "commits")).transpose()?;
        transaction.rollback().await?;
        Ok(number.map(|number| number == Some(mark.number)))
    }

    /// Leaves a connection that is silent to itself, and makes another.
    async fn renew(&mut self) -> Result<(), Error> {
        if self.is_silent {
            self.database = connect::connect(&self.settings.url, 1, Use::Writing).await?;
            self.is_silent = false;
            self.end_server().await;
        }
        Ok(())
    }

    /// Has Postgres end the process that the last transaction was begun in, so that nothing stays locked by it: unless that
    /// may be committing.
    async fn end_server(&mut self) {
        let Some(server) = self.server else { return };
        let asked = timeout(PAUSE * 10, server.end(&self.database)).await;
        if !matches!(asked, Ok(Ok(()))) {
            tracing::debug!("Postgres could not be asked to end what was left of a connection");
        }
    }

    /// A file is never silent.
    fn patience(&self) -> Option<Duration> {
        self.settings.can_be_away().then(|| Duration::from_secs(self.settings.timeout_s))
    }
}

/// Writes it, and says which of Postgres' processes did; what is known of the last one need not be looked up. Unless this
/// gateway has left, whoever took it for dead was wrong. With the first lock comes the limit to how long it is kept
/// without a word.
async fn write(
    mark: &mut Mark,
    has_left: bool,
    last: Option<Server>,
    limit_s: u64,
    transaction: &DatabaseTransaction,
) -> Result<Option<Server>, Error> {
    let back = if has_left { "" } else { ", gone_at = NULL" };
    let sql = format!(
        "INSERT INTO gateways (id, started_at, beats, commits) \
         VALUES ($2, (extract(epoch FROM now()) * 1000)::bigint, 0, $1) \
         ON CONFLICT (id) DO UPDATE SET commits = excluded.commits{back} \
         RETURNING pg_backend_pid() AS server, CASE WHEN pg_backend_pid() = $3::int THEN $4::bigint \
         ELSE (SELECT {SINCE} FROM pg_stat_get_activity(pg_backend_pid())) END AS since, \
         set_config('idle_in_transaction_session_timeout', $5, true) AS undone_after"
    );
    let values: [Value; 5] = [
        mark.number.into(),
        mark.gateway.into(),
        last.map(|server| server.pid).into(),
        last.and_then(|server| server.since).into(),
        format!("{limit_s}s").into(),
    ];
    let row = transaction
        .query_one_raw(Statement::from_sql_and_values(transaction.get_database_backend(), sql, values))
        .await?;
    mark.is_written = row.is_some();
    let server =
        row.map(|row| Ok::<_, DbErr>(Server { pid: row.try_get("", "server")?, since: row.try_get("", "since")? }));
    Ok(server.transpose()?)
}
