//! What plugins remember: versions that are compared with what a plugin saw, written, and in time
//! removed.
//!
//! Set-based: a constant number of statements for all that is committed together; none where no plugin
//! changes anything.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use jiff::Timestamp;
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DatabaseTransaction, DbBackend, EntityTrait, FromQueryResult, QueryFilter,
    QuerySelect, Set, Statement, Value,
};
use uuid::Uuid;

use super::rows::Rows;
use super::{CHUNK, columns, inserting, millis, storable};
use crate::message::MessageId;
use crate::store::decisions::{StateChange, StateKey};
use crate::store::entities::{contacts, plugin_state};
use crate::store::reads::time;
use crate::store::writer::Operation;
use crate::store::{Error, Store};

/// The scope of what is remembered of a person.
const CONTACT: &str = "contact";

/// The values that some changes are about, as they are committed; on Postgres, locked.
pub(super) struct Book {
    current: BTreeMap<StateKey, plugin_state::Model>,
    /// The version of each as it will be, once what was accepted is written.
    expected: BTreeMap<StateKey, Option<Uuid>>,
    /// Contacts that were merged into others since the plugins were asked.
    merged: BTreeSet<Uuid>,
    /// Contacts of whom nothing is remembered any more.
    erased: BTreeSet<Uuid>,
}

/// Changes that are decided together, about one message.
pub(super) struct Entry<'a> {
    pub(super) changes: &'a [StateChange],
    pub(super) message_id: MessageId,
    pub(super) at: Timestamp,
}

/// What becomes of the versions that are there.
#[derive(Default)]
struct Written {
    rows: Vec<plugin_state::Model>,
    /// By version: when and by what it was replaced.
    replaced: Vec<(Uuid, i64, Uuid)>,
}

impl Book {
    pub(super) async fn open(transaction: &DatabaseTransaction, changes: Vec<&StateChange>) -> Result<Self, Error> {
        let keys: BTreeSet<&StateKey> = changes.iter().map(|change| &change.key).collect();
        let keys: Vec<&StateKey> = keys.into_iter().collect();
        let mut current = BTreeMap::new();
        for some in keys.chunks(CHUNK) {
            for row in committed(transaction, some).await? {
                let found = some.iter().find(|key| is_of(key, &row));
                if let Some(key) = found {
                    current.insert((*key).clone(), row);
                }
            }
        }
        let (merged, erased) = gone(transaction, &keys).await?;
        Ok(Self { current, expected: BTreeMap::new(), merged, erased })
    }

    /// Whether each change is made to the version that its plugin saw. If so, they count.
    pub(super) fn accepts(&mut self, changes: &[StateChange], at: Timestamp) -> bool {
        let mut after = BTreeMap::new();
        for StateChange { key, change, seen, version } in changes {
            let here = after.get(key).copied().unwrap_or_else(|| self.version(key, at));
            if seen.is_some_and(|seen| seen != here) || self.merged.contains(&key.subject) {
                return false;
            }
            let deletes = matches!(change, crate::store::Change::Delete);
            after.insert(key.clone(), (!deletes).then_some(*version));
        }
        self.expected.extend(after);
        true
    }

    fn version(&self, key: &StateKey, at: Timestamp) -> Option<Uuid> {
        if let Some(expected) = self.expected.get(key) {
            return *expected;
        }
        self.current.get(key).filter(|row| lasts(row, at)).map(|row| row.version)
    }

    /// Writes what was accepted, in order.
    pub(super) async fn write(
        mut self,
        transaction: &DatabaseTransaction,
        entries: Vec<Entry<'_>>,
    ) -> Result<(), Error> {
        let mut written = Written::default();
        // The newest row of a key among those that are not in the database yet.
        let mut newest: BTreeMap<StateKey, usize> = BTreeMap::new();
        for entry in entries {
            for change in entry.changes {
                if !self.erased.contains(&change.key.subject) {
                    self.turn(&mut written, &mut newest, change, &entry);
                }
            }
        }
        replace(transaction, &written.replaced).await?;
        insert(transaction, written.rows).await
    }

    /// Puts the next version in the place of the one that is there.
    fn turn(
        &mut self,
        written: &mut Written,
        newest: &mut BTreeMap<StateKey, usize>,
        change: &StateChange,
        entry: &Entry<'_>,
    ) {
        let at = millis(entry.at);
        let fresh = newest.remove(&change.key);
        let stored = self.current.remove(&change.key);
        let before = fresh.and_then(|index| written.rows.get(index)).or(stored.as_ref());
        let before = before.filter(|row| lasts(row, entry.at));
        let after = change.change.applied(before.map(|row| (row.value.as_str(), row.expires_at.map(time))));
        if let Some(row) = fresh.and_then(|index| written.rows.get_mut(index)) {
            (row.replaced_at, row.replaced_by) = (Some(at), Some(change.version));
        } else if let Some(row) = stored {
            written.replaced.push((row.version, at, change.version));
        }
        let Some((value, expires_at)) = after else { return };
        newest.insert(change.key.clone(), written.rows.len());
        written.rows.push(plugin_state::Model {
            version: change.version,
            plugin: change.key.plugin.clone(),
            scope: change.key.scope.to_owned(),
            subject: change.key.subject,
            key: change.key.key.clone(),
            bytes: i32::try_from(value.len()).unwrap_or(i32::MAX),
            expires_at: expires_at.map(millis),
            written_at: at,
            message_id: entry.message_id.0,
            replaced_at: None,
            replaced_by: None,
            value,
        });
    }
}

fn is_of(key: &StateKey, row: &plugin_state::Model) -> bool {
    (key.plugin.as_str(), key.scope, key.subject, key.key.as_str())
        == (row.plugin.as_str(), row.scope.as_str(), row.subject, row.key.as_str())
}

fn lasts(row: &plugin_state::Model, at: Timestamp) -> bool {
    row.expires_at.is_none_or(|expires_at| expires_at > millis(at))
}

async fn committed(transaction: &DatabaseTransaction, keys: &[&StateKey]) -> Result<Vec<plugin_state::Model>, Error> {
    let backend = transaction.get_database_backend();
    let mut values: Vec<Value> = Vec::with_capacity(keys.len() * 4);
    let mut wanted = Vec::with_capacity(keys.len());
    for key in keys {
        let next = values.len();
        let [plugin, scope, subject, name] = [next + 1, next + 2, next + 3, next + 4];
        wanted.push(format!("(CAST(${plugin} AS TEXT), CAST(${scope} AS TEXT), ${subject}, CAST(${name} AS TEXT))"));
        values.extend([
            Value::from(key.plugin.as_str()),
            Value::from(key.scope),
            Value::from(key.subject),
            Value::from(key.key.as_str()),
        ]);
    }
    let lock = if backend == DbBackend::Postgres { " ORDER BY state.version FOR UPDATE OF state" } else { "" };
    let sql = format!(
        "SELECT {} FROM (VALUES {}) AS wanted JOIN plugin_state AS state ON state.plugin = wanted.column1 \
         AND state.scope = wanted.column2 AND state.subject = wanted.column3 AND state.key = wanted.column4 \
         WHERE state.replaced_at IS NULL{lock}",
        columns::all::<plugin_state::Entity>(),
        wanted.join(", ")
    );
    let rows = transaction.query_all_raw(Statement::from_sql_and_values(backend, sql, values)).await?;
    Ok(rows.iter().map(|row| plugin_state::Model::from_query_result(row, "")).collect::<Result<_, _>>()?)
}

/// The contacts that were merged into others, and those that were erased.
async fn gone(
    transaction: &DatabaseTransaction,
    keys: &[&StateKey],
) -> Result<(BTreeSet<Uuid>, BTreeSet<Uuid>), Error> {
    let ids: BTreeSet<Uuid> = keys.iter().filter(|key| key.scope == CONTACT).map(|key| key.subject).collect();
    if ids.is_empty() {
        return Ok((BTreeSet::new(), BTreeSet::new()));
    }
    let rows: Vec<(Uuid, Option<Uuid>)> = contacts::Entity::find()
        .select_only()
        .columns([contacts::Column::Id, contacts::Column::MergedInto])
        .filter(contacts::Column::Id.is_in(ids))
        .filter(
            Condition::any()
                .add(contacts::Column::MergedInto.is_not_null())
                .add(contacts::Column::ErasedAt.is_not_null()),
        )
        .into_tuple()
        .all(transaction)
        .await?;
    let (merged, erased): (Vec<_>, Vec<_>) = rows.into_iter().partition(|(_, into)| into.is_some());
    let ids = |rows: Vec<(Uuid, _)>| rows.into_iter().map(|(id, _)| id).collect();
    Ok((ids(merged), ids(erased)))
}

async fn replace(transaction: &DatabaseTransaction, replaced: &[(Uuid, i64, Uuid)]) -> Result<(), Error> {
    for some in replaced.chunks(CHUNK) {
        let mut rows = Rows::new(transaction, &["", "BIGINT", ""]);
        for (version, at, by) in some {
            rows.push([Value::from(*version), Value::from(*at), Value::from(*by)]);
        }
        let update = "UPDATE plugin_state SET replaced_at = new.column2, replaced_by = new.column3";
        rows.update(transaction, update, "WHERE plugin_state.version = new.column1").await?;
    }
    Ok(())
}

async fn insert(transaction: &DatabaseTransaction, rows: Vec<plugin_state::Model>) -> Result<(), Error> {
    let count = rows.len();
    let models = rows.into_iter().map(|row| plugin_state::ActiveModel {
        version: Set(row.version),
        plugin: Set(row.plugin),
        scope: Set(row.scope),
        subject: Set(row.subject),
        key: Set(row.key),
        bytes: Set(row.bytes),
        expires_at: Set(row.expires_at),
        written_at: Set(row.written_at),
        message_id: Set(row.message_id),
        replaced_at: Set(row.replaced_at),
        replaced_by: Set(row.replaced_by),
        value: Set(storable(&row.value)),
    });
    // What was not there could not be locked: another process may have written it meanwhile.
    let inserted = inserting::insert_or(transaction, models.collect(), "ON CONFLICT DO NOTHING").await?;
    if usize::try_from(inserted).ok() != Some(count) {
        return Err(Error::Overtaken("another gateway wrote the same plugin's state just now".to_owned()));
    }
    Ok(())
}

/// Versions that were replaced, and values that ran out, before a moment.
struct Prune {
    before: Timestamp,
    limit: u32,
}

#[async_trait]
impl Operation for Prune {
    type Output = u64;

    async fn apply(&self, transaction: &DatabaseTransaction) -> Result<u64, Error> {
        let backend = transaction.get_database_backend();
        let mut removed = 0;
        for column in ["replaced_at", "expires_at"] {
            let sql = format!(
                "DELETE FROM plugin_state WHERE version IN (SELECT version FROM plugin_state \
                 WHERE {column} IS NOT NULL AND {column} < $1 ORDER BY {column} LIMIT {})",
                self.limit
            );
            let statement = Statement::from_sql_and_values(backend, sql, [millis(self.before).into()]);
            removed += transaction.execute_raw(statement).await?.rows_affected();
        }
        Ok(removed)
    }
}

impl Store {
    /// Removes what was replaced or ran out before a moment, in a small step: `limit` of each at the
    /// most. Says how many there were.
    pub async fn prune_state(&self, before: Timestamp, limit: u32) -> Result<u64, Error> {
        self.write(Prune { before, limit }).await
    }
}
