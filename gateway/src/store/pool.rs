//! The connections that read. One over which nothing comes any more would be waited for until the machine's own network
//! gives it up, after a quarter of an hour or never, and all that are there mostly fall silent at once. So when nothing was
//! heard over any of them for [`Settings::timeout_s`], they are left to themselves and others are made.

use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, ExecResult, QueryResult, RuntimeErr,
    Statement, TransactionOptions, TransactionTrait,
};
use tokio::time::timeout;

use super::Settings;
use super::connect::{self, Use};

/// Cheap to clone; all clones are one.
#[derive(Clone)]
pub(super) struct Pool(Arc<Inner>);

struct Inner {
    connections: Mutex<Connections>,
    settings: Settings,
    backend: DbBackend,
    /// When anything was heard last.
    heard: Mutex<Instant>,
    /// Held by who makes others: when that was tried last.
    renewing: tokio::sync::Mutex<Option<Instant>>,
}

#[derive(Clone)]
struct Connections {
    database: DatabaseConnection,
    /// How often others were made.
    generation: u64,
}

/// What is read of one moment.
pub(super) struct Snapshot {
    transaction: DatabaseTransaction,
    generation: u64,
    pool: Pool,
}

impl Pool {
    pub(super) fn new(database: DatabaseConnection, settings: Settings) -> Self {
        Self(Arc::new(Inner {
            backend: database.get_database_backend(),
            connections: Mutex::new(Connections { database, generation: 0 }),
            settings,
            heard: Mutex::new(Instant::now()),
            renewing: tokio::sync::Mutex::default(),
        }))
    }

    pub(super) async fn ping(&self) -> Result<(), DbErr> {
        let Connections { database, generation } = self.connections();
        self.hear(generation, database.ping()).await
    }

    pub(super) async fn begin_with_options(&self, options: TransactionOptions) -> Result<Snapshot, DbErr> {
        let Connections { database, generation } = self.connections();
        let transaction = self.hear(generation, database.begin_with_options(options)).await?;
        Ok(Snapshot { transaction, generation, pool: self.clone() })
    }

    pub(super) async fn begin(&self) -> Result<Snapshot, DbErr> {
        self.begin_with_options(TransactionOptions::default()).await
    }

    /// Waits as long as anything comes over these connections: what takes long is not silent.
    async fn hear<T>(&self, generation: u64, asked: impl Future<Output = Result<T, DbErr>> + Send) -> Result<T, DbErr> {
        let Some(patience) = self.patience() else { return asked.await };
        let mut asked = pin!(asked);
        loop {
            let since = Instant::now();
            match timeout(patience, &mut asked).await {
                Ok(Err(error @ DbErr::ConnectionAcquire(_))) => {
                    // All of them may be with others who wait for nothing.
                    if self.heard().elapsed() >= patience {
                        self.renew(generation).await;
                    }
                    return Err(error);
                }
                Ok(answer) => {
                    *self.heard() = Instant::now();
                    return answer;
                }
                Err(_) if self.connections().generation == generation && *self.heard() > since => {}
                Err(_) => {
                    self.renew(generation).await;
                    let silent = format!("Postgres has been silent for {patience:?}");
                    return Err(DbErr::Conn(RuntimeErr::Internal(silent)));
                }
            }
        }
    }

    /// Makes others, unless somebody did since those of this generation, does, or could not a moment ago: while Postgres
    /// is away, nobody shall wait for that as well.
    async fn renew(&self, generation: u64) {
        let Ok(mut tried) = self.0.renewing.try_lock() else { return };
        let is_too_soon = tried.zip(self.patience()).is_some_and(|(tried, patience)| tried.elapsed() < patience);
        if is_too_soon || self.connections().generation != generation {
            return;
        }
        *tried = Some(Instant::now());
        tracing::warn!("Postgres has been silent: other connections for reading are made");
        let Settings { url, readers, .. } = &self.0.settings;
        match connect::connect(url, (*readers).max(1), Use::Reading).await {
            Ok(database) => *self.lock() = Connections { database, generation: generation + 1 },
            Err(error) => tracing::warn!(%error, "and can't be made for now"),
        }
    }

    fn connections(&self) -> Connections {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Connections> {
        self.0.connections.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn heard(&self) -> MutexGuard<'_, Instant> {
        self.0.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A file is never silent.
    fn patience(&self) -> Option<Duration> {
        let settings = &self.0.settings;
        settings.can_be_away().then(|| Duration::from_secs(settings.timeout_s))
    }
}

#[async_trait::async_trait]
impl ConnectionTrait for Pool {
    fn get_database_backend(&self) -> DbBackend {
        self.0.backend
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        let Connections { database, generation } = self.connections();
        self.hear(generation, database.execute_raw(statement)).await
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        let Connections { database, generation } = self.connections();
        self.hear(generation, database.execute_unprepared(sql)).await
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        let Connections { database, generation } = self.connections();
        self.hear(generation, database.query_one_raw(statement)).await
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        let Connections { database, generation } = self.connections();
        self.hear(generation, database.query_all_raw(statement)).await
    }
}

impl Snapshot {
    pub(super) async fn commit(self) -> Result<(), DbErr> {
        let Self { transaction, generation, pool } = self;
        pool.hear(generation, transaction.commit()).await
    }
}

#[async_trait::async_trait]
impl ConnectionTrait for Snapshot {
    fn get_database_backend(&self) -> DbBackend {
        self.pool.0.backend
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        self.pool.hear(self.generation, self.transaction.execute_raw(statement)).await
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        self.pool.hear(self.generation, self.transaction.execute_unprepared(sql)).await
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        self.pool.hear(self.generation, self.transaction.query_one_raw(statement)).await
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        self.pool.hear(self.generation, self.transaction.query_all_raw(statement)).await
    }
}
