//! Waking other gateways on the same Postgres when something was processed that they may wait for, by `NOTIFY`.
//!
//! Never within a transaction that writes: a commit with a `NOTIFY` takes a lock that all such commits share
//! (<https://www.postgresql.org/docs/current/sql-notify.html>). Many at once are told as one. Whoever hears nothing
//! (a pooler between may not pass it on) looks by itself after a while.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use sea_orm::{ConnectionTrait, DbBackend, Statement};
use sqlx::postgres::PgListener;
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};
use uuid::Uuid;

use super::Store;

const CHANNEL: &str = "recado_processed";
/// What is processed within so long is told as one.
const TOGETHER: Duration = Duration::from_millis(5);
/// Before a connection that was lost is made again.
const PAUSE: Duration = Duration::from_secs(5);

/// Of a store; all clones are the same.
#[derive(Clone, Default)]
pub(super) struct Wakeups(Arc<Inner>);

#[derive(Default)]
struct Inner {
    /// Whether there are other gateways.
    others: AtomicBool,
    /// Something was processed here.
    here: Notify,
    /// Something was processed elsewhere.
    elsewhere: Notify,
}

impl Wakeups {
    pub(super) fn others(&self, are_there: bool) {
        self.0.others.store(are_there, Ordering::Relaxed);
    }

    pub(super) fn processed(&self) {
        if self.0.others.load(Ordering::Relaxed) {
            self.0.here.notify_one();
        }
    }
}

impl Store {
    /// Waits until another gateway processed something, or for so long.
    pub async fn others_processed(&self, at_most: Duration) {
        let _ = timeout(at_most, self.reporting.wakeups().0.elsewhere.notified()).await;
    }

    /// Tells other gateways when something is processed here, and hears from them. Ends on a database that has one
    /// gateway.
    pub async fn wake_each_other(self, url: String) {
        let Some(gateway) = self.reporting.gateway() else { return };
        if self.can_be_shared() {
            tokio::join!(self.tell(gateway), self.hear(&url, gateway));
        }
    }

    async fn tell(&self, gateway: Uuid) {
        loop {
            self.reporting.wakeups().0.here.notified().await;
            sleep(TOGETHER).await;
            let values = [CHANNEL.into(), gateway.to_string().into()];
            let sql = "SELECT pg_notify($1, $2)";
            let statement = Statement::from_sql_and_values(DbBackend::Postgres, sql, values);
            if let Err(error) = self.reads.execute_raw(statement).await {
                tracing::debug!(%error, "other gateways are not woken");
            }
        }
    }

    async fn hear(&self, url: &str, gateway: Uuid) {
        let own = gateway.to_string();
        loop {
            if let Err(error) = self.hear_until_lost(url, &own).await {
                tracing::debug!(%error, "other gateways are not heard for now");
            }
            sleep(PAUSE).await;
        }
    }

    async fn hear_until_lost(&self, url: &str, own: &str) -> Result<(), sqlx::Error> {
        let mut listener = PgListener::connect(url).await?;
        listener.listen(CHANNEL).await?;
        loop {
            // None: the connection was lost and made again, and something may have been missed.
            let told = listener.try_recv().await?;
            if told.is_none_or(|told| told.payload() != own) {
                self.reporting.wakeups().0.elsewhere.notify_one();
            }
        }
    }
}
