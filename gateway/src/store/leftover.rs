//! What Postgres still does for a connection that nobody is at the other end of: it is ended, so that nothing stays locked
//! by it.

use sea_orm::{ConnectionTrait, DatabaseConnection, DbErr, Statement};

/// One of Postgres' processes. Its number may be another's once it has gone, so it goes by when it began as well.
#[derive(Clone, Copy, Debug)]
pub(super) struct Server {
    pub(super) pid: i32,
    /// In microseconds.
    pub(super) since: Option<i64>,
}

/// When a process began, in SQL.
pub(super) const SINCE: &str = "(extract(epoch FROM backend_start) * 1000000)::bigint";

/// Those that certainly commit nothing: they wait for us, or a statement of theirs for a lock. One that is at work will
/// come to its end; and one that waits for a standby to have what it commits must not be told to stop: it would be as if
/// the standby had it.
const IDLE: &str =
    "(state LIKE 'idle in transaction%' OR (state = 'active' AND wait_event_type IN ('Client', 'Lock')))";

/// Until when Postgres waits for somebody to go on with a transaction, from here on in that transaction. A gateway that
/// vanished in the middle of one would keep others from what it has locked, until the network gives it up.
pub(super) fn undone_after(seconds: u64) -> String {
    format!("SET LOCAL idle_in_transaction_session_timeout = '{seconds}s'")
}

impl Server {
    pub(super) async fn end(self, connection: &DatabaseConnection) -> Result<(), DbErr> {
        let sql = format!(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
             WHERE pid = $1 AND {SINCE} = $2 AND usename = current_user AND {IDLE}"
        );
        let values = [self.pid.into(), self.since.into()];
        let statement = Statement::from_sql_and_values(connection.get_database_backend(), sql, values);
        connection.query_all_raw(statement).await.map(drop)
    }
}
