//! What a transaction changes that others may want to change as well is locked before anything else, always in
//! the same order: conversations, plugins' state, parts, messages; of each kind by id. So gateways that share a
//! database do not wait for each other in a circle.
//!
//! On Postgres alone: SQLite has one writer.

use std::collections::BTreeSet;

use sea_orm::{ConnectionTrait, DatabaseTransaction, DbBackend, Statement, Value};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::sizes::filled;
use crate::store::Error;
use crate::store::decisions::{Processed, StateKey};
use crate::store::records::{NewInbound, NewObservation, Submission};

/// What the operations of one transaction are about.
#[derive(Default)]
pub(in crate::store) struct Touched<'a> {
    conversations: BTreeSet<Uuid>,
    /// Channel and address, whose open conversation it is.
    people: BTreeSet<(&'a str, &'a str)>,
    state: BTreeSet<i64>,
    parts: BTreeSet<Uuid>,
    /// Channel and the provider's id.
    provided: BTreeSet<(&'a str, &'a str)>,
    /// Recording alone locks what it needs with what it reads.
    more_than_recording: bool,
}

impl<'a> Touched<'a> {
    pub(in crate::store) fn record(&mut self, message: &'a NewInbound) {
        self.people.insert((&message.channel, message.sender.as_str()));
    }

    pub(in crate::store) fn process(&mut self, processed: &'a Processed) {
        self.more_than_recording = true;
        self.conversations.insert(processed.conversation_id.0);
        self.state.extend(processed.state.iter().map(|change| number(&change.key)));
        for send in &processed.sends {
            self.person(send);
        }
    }

    pub(in crate::store) fn submit(&mut self, submission: &'a Submission) {
        self.more_than_recording = true;
        self.state.extend(submission.state.iter().map(|change| number(&change.key)));
        self.person(submission);
    }

    /// With its message.
    pub(in crate::store) fn part(&mut self, id: Uuid) {
        self.parts.insert(id);
    }

    /// The part that it is about, by the provider's id or by ours, with its message.
    pub(in crate::store) fn report(&mut self, observation: &'a NewObservation) {
        self.provided.insert((&observation.channel, &observation.provider_id));
        if let Some(part) = observation.part_id {
            self.part(part.0);
        }
    }

    fn person(&mut self, submission: &'a Submission) {
        self.people.insert((&submission.message.channel, submission.message.recipient.as_str()));
    }

    pub(in crate::store) async fn lock(&self, transaction: &DatabaseTransaction) -> Result<(), Error> {
        if transaction.get_database_backend() != DbBackend::Postgres {
            return Ok(());
        }
        if self.more_than_recording {
            self.lock_conversations(transaction).await?;
            self.lock_state(transaction).await?;
        }
        // One alone is locked in this order anyway.
        if self.parts.len() + self.provided.len() > 1 {
            self.lock_parts(transaction).await?;
        }
        Ok(())
    }

    /// Rows that refer to a conversation may be written meanwhile.
    async fn lock_conversations(&self, transaction: &DatabaseTransaction) -> Result<(), Error> {
        let mut which = Which::default();
        which.ids(&self.conversations);
        which.pairs(
            "SELECT open.id FROM conversations AS open WHERE open.status <> 'closed' AND \
            (open.channel, open.address)",
            &self.people,
        );
        which.lock(transaction, "conversations", "id").await?;
        Ok(())
    }

    /// By key, since a version that is replaced is another row.
    async fn lock_state(&self, transaction: &DatabaseTransaction) -> Result<(), Error> {
        if self.state.is_empty() {
            return Ok(());
        }
        let keys: Vec<String> = self.state.iter().map(|key| format!("({key})")).collect();
        let sql = format!(
            "SELECT pg_advisory_xact_lock(CAST(keys.column1 AS BIGINT)) FROM (VALUES {}) AS keys",
            keys.join(", ")
        );
        transaction.query_all_raw(Statement::from_string(DbBackend::Postgres, sql)).await?;
        Ok(())
    }

    async fn lock_parts(&self, transaction: &DatabaseTransaction) -> Result<(), Error> {
        let mut which = Which::default();
        which.ids(&self.parts);
        which.pairs(
            "SELECT provided.id FROM parts AS provided WHERE (provided.channel, provided.provider_id)",
            &self.provided,
        );
        let messages: BTreeSet<Uuid> = which.lock(transaction, "parts", "message_id").await?.into_iter().collect();
        let mut which = Which::default();
        which.ids(&messages);
        which.lock(transaction, "messages", "id").await?;
        Ok(())
    }
}

/// Rows of a table, by id or by what else they are known by.
#[derive(Default)]
struct Which {
    values: Vec<Value>,
    ids: Vec<String>,
}

impl Which {
    fn place(&mut self, value: impl Into<Value>) -> String {
        self.values.push(value.into());
        format!("${}", self.values.len())
    }

    fn ids(&mut self, ids: &BTreeSet<Uuid>) {
        let places: Vec<String> =
            filled(ids).iter().map(|id| format!("(CAST({} AS UUID))", self.place(**id))).collect();
        if !places.is_empty() {
            self.ids.push(format!("SELECT given.column1 FROM (VALUES {}) AS given", places.join(", ")));
        }
    }

    fn pairs(&mut self, select: &str, pairs: &BTreeSet<(&str, &str)>) {
        let places: Vec<String> = filled(pairs)
            .iter()
            .map(|(one, other)| format!("({}, {})", self.place(*one), self.place(*other)))
            .collect();
        if !places.is_empty() {
            self.ids.push(format!("{select} IN ({})", places.join(", ")));
        }
    }

    /// In one statement, since only then they are locked in order. Says what a column of them holds.
    async fn lock(self, transaction: &DatabaseTransaction, table: &str, column: &str) -> Result<Vec<Uuid>, Error> {
        if self.ids.is_empty() {
            return Ok(Vec::new());
        }
        // As a union: with `OR`, Postgres would go through the whole table.
        let ids = self.ids.join(" UNION ");
        let sql = format!("SELECT {column} AS found FROM {table} WHERE id IN ({ids}) ORDER BY id FOR NO KEY UPDATE");
        let statement = Statement::from_sql_and_values(DbBackend::Postgres, sql, self.values);
        let rows = transaction.query_all_raw(statement).await?;
        Ok(rows.iter().map(|row| row.try_get("", "found")).collect::<Result<_, _>>()?)
    }
}

/// What Postgres locks for a key of plugins' state. Two with the same number would wait for each other, no more.
fn number(key: &StateKey) -> i64 {
    let mut hash = Sha256::new();
    for text in [key.plugin.as_bytes(), key.scope.as_bytes(), key.subject.as_bytes(), key.key.as_bytes()] {
        hash.update(text.len().to_be_bytes());
        hash.update(text);
    }
    let mut first = [0; 8];
    first.iter_mut().zip(hash.finalize()).for_each(|(place, byte)| *place = byte);
    i64::from_be_bytes(first)
}
