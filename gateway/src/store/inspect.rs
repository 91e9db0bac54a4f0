//! Looking at a database without changing it: whether it answers, takes writes, and has every step.
//!
//! Makes no file and no folder, runs no migration, and undoes the one write it tries.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use recado_migrations::{MigrationStatus, Migrator, MigratorTrait};
use sea_orm::{ConnectionTrait, DatabaseConnection, EntityTrait, QueryOrder};
use serde_json::Value;

use super::Error;
use super::connect::{Settings, Use, connect, file_of};
use super::entities::{endpoints, pauses, plugin_configs};
use super::migrating::begin_migrating;

/// What is to be known of a database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inspection {
    /// The file, of an SQLite database.
    pub file: Option<PathBuf>,
    /// Null while there is no file; the next start makes it.
    pub seen: Option<Seen>,
}

/// What a database that is there looks like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The steps it lacks, by name.
    pub pending: Vec<String>,
    /// Why it takes no writes, if it doesn't.
    pub not_writable: Option<String>,
    /// The channels that were paused by hand.
    pub paused: Vec<String>,
    /// The endpoints that are told no more, since they failed for too long or said that they are gone.
    pub disabled: Vec<String>,
    /// What is kept of plugins' configurations, by their names.
    pub plugin_configs: BTreeMap<String, Value>,
}

pub async fn inspect(settings: &Settings) -> Result<Inspection, Error> {
    let file = file_of(&settings.url).map(Path::to_owned);
    if file.as_ref().is_some_and(|file| !file.exists()) {
        return Ok(Inspection { file, seen: None });
    }
    let connection = connect(&settings.url, 1, Use::Writing).await?;
    connection.ping().await?;
    let steps = Migrator::get_migration_with_status_read_only(&connection).await?;
    let pending = steps.iter().filter(|step| step.status() == MigrationStatus::Pending);
    let pending: Vec<String> = pending.map(|step| step.name().to_owned()).collect();
    // Where steps are missing there may be no such table.
    let (mut paused, mut disabled, mut kept) = (Vec::new(), Vec::new(), BTreeMap::new());
    if pending.is_empty() {
        paused.extend(pauses::Entity::find().all(&connection).await?.into_iter().map(|row| row.channel));
        let silent = endpoints::Entity::find().order_by_asc(endpoints::Column::Name).all(&connection).await?;
        let silent = silent.into_iter().filter(|row| row.gone_at.is_some() || row.disabled_at.is_some());
        disabled.extend(silent.map(|row| row.name));
        let configs = plugin_configs::Entity::find().all(&connection).await?;
        kept.extend(configs.into_iter().filter_map(|row| Some((row.plugin, row.config?))));
    }
    let not_writable = try_write(&connection).await.err().map(|error| error.to_string());
    Ok(Inspection { file, seen: Some(Seen { pending, not_writable, paused, disabled, plugin_configs: kept }) })
}

/// What a start needs to be allowed, and taken back.
async fn try_write(connection: &DatabaseConnection) -> Result<(), Error> {
    let transaction = begin_migrating(connection).await?;
    let tried = transaction.execute_unprepared("CREATE TABLE recado_doctor (tried INTEGER)").await;
    transaction.rollback().await?;
    tried?;
    Ok(())
}
