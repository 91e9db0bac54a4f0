//! The steps of the schema: bringing a database up to date, and back.

use std::time::Duration;

use recado_migrations::{MigrationStatus, Migrator, MigratorTrait};
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, SqliteTransactionMode, Statement,
    TransactionOptions, TransactionTrait,
};

use super::connect::{Use, connect, make_folder};
use super::failing::{is_away, is_overtaken};
use super::leftover::undone_after;
use super::{Error, Settings};

/// One step of the schema, and whether this database has it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct MigrationState {
    pub name: String,
    pub applied: bool,
}

/// Which steps are taken.
#[derive(Clone, Copy, Debug)]
pub(super) enum Way {
    /// All that the database lacks.
    Up,
    /// So many of the newest back.
    Down(u32),
}

/// How long a step waits for what others have of a table, in Postgres' words. Whoever comes behind it waits as well, as all
/// gateways at work do behind a step that waits for a `pg_dump` to end.
const PATIENCE: &str = "SET LOCAL lock_timeout = '2s'";
/// How long they go on before it is tried again.
const PAUSE: Duration = Duration::from_secs(5);
/// For a while nothing may come between two steps, but not for longer, in seconds.
const IDLE_S: u64 = 60;

/// All steps or none. While others have what one of them needs, all is undone and begun anew after a pause.
pub(super) async fn migrate(connection: &DatabaseConnection, settings: &Settings, way: Way) -> Result<(), Error> {
    loop {
        match try_to_migrate(connection, settings, way).await {
            Err(Error::Overtaken(error)) if settings.can_be_away() => {
                let holder = holder(connection).await.ok().flatten();
                let holder = holder.unwrap_or_else(|| "nobody any more".to_owned());
                tracing::warn!(%error, %holder, "the schema is not changed while others use its tables; it is tried again");
                tokio::time::sleep(PAUSE).await;
            }
            done => return done,
        }
    }
}

async fn try_to_migrate(connection: &DatabaseConnection, settings: &Settings, way: Way) -> Result<(), Error> {
    let transaction = begin_migrating(connection).await?;
    let done = match way {
        Way::Up => Migrator::up(&transaction, None).await,
        Way::Down(steps) => Migrator::down(&transaction, Some(steps)).await,
    };
    if let Err(error) = done {
        // Nobody shall wait for what was locked by it.
        let _ = transaction.rollback().await;
        // What waiting does not mend is told as such: no right to make tables, say.
        let is_mistake = settings.can_be_away() && !is_away(&error) && !is_overtaken(&error);
        return Err(if is_mistake { Error::Refused(error.to_string()) } else { error.into() });
    }
    Ok(transaction.commit().await?)
}

/// All steps or none, also if the gateway is killed between two; and one gateway at a time, when
/// several start together.
pub(super) async fn begin_migrating(connection: &DatabaseConnection) -> Result<DatabaseTransaction, Error> {
    let options = TransactionOptions {
        sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
        ..TransactionOptions::default()
    };
    let transaction = connection.begin_with_options(options).await?;
    if transaction.get_database_backend() == DbBackend::Postgres {
        // Any number does, as long as every gateway takes the same. Nobody waits behind who waits for it.
        let sql = format!("{}; SELECT pg_advisory_xact_lock(7232236); {PATIENCE}", undone_after(IDLE_S));
        transaction.execute_unprepared(&sql).await?;
    }
    Ok(transaction)
}

/// Who has had a table of this database for longest, as an administrator finds them. Of other users Postgres does not tell
/// since when, so they come first.
async fn holder(connection: &DatabaseConnection) -> Result<Option<String>, DbErr> {
    let sql = "SELECT activity.pid AS pid, COALESCE(activity.application_name, '') AS name FROM pg_stat_activity AS activity \
         WHERE activity.datname = current_database() AND activity.pid <> pg_backend_pid() \
         AND EXISTS (SELECT 1 FROM pg_locks WHERE pg_locks.pid = activity.pid AND pg_locks.locktype = 'relation' \
         AND pg_locks.granted AND pg_locks.relation >= 16384) ORDER BY activity.xact_start NULLS FIRST LIMIT 1";
    let statement = Statement::from_string(connection.get_database_backend(), sql.to_owned());
    let Some(row) = connection.query_one_raw(statement).await? else { return Ok(None) };
    let (pid, name): (i32, String) = (row.try_get("", "pid")?, row.try_get("", "name")?);
    Ok(Some(format!("process {pid} of Postgres ({name})")))
}

/// All steps of the schema. Changes nothing.
pub async fn migration_status(settings: &Settings) -> Result<Vec<MigrationState>, Error> {
    make_folder(&settings.url)?;
    let connection = connect(&settings.url, 1, Use::Writing).await?;
    let steps = Migrator::get_migration_with_status_read_only(&connection).await?;
    Ok(steps
        .iter()
        .map(|step| MigrationState { name: step.name().to_owned(), applied: step.status() == MigrationStatus::Applied })
        .collect())
}

/// Undoes the newest `steps` steps. Their data is gone.
pub async fn migrate_down(settings: &Settings, steps: u32) -> Result<(), Error> {
    let connection = connect(&settings.url, 1, Use::Writing).await?;
    migrate(&connection, settings, Way::Down(steps)).await
}
