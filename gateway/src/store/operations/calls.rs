//! Calls that came before, by API key and idempotency key: what was called, and what it made. What the gate refused is
//! judged anew when it is called again, since what it was refused for may have passed.

use std::collections::{BTreeMap, BTreeSet};

use sea_orm::{ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter, QuerySelect};
use uuid::Uuid;

use super::sizes::filled;
use crate::message::MessageId;
use crate::store::entities::{idempotency_keys, messages};
use crate::store::records::{Idempotency, Submission, Submitted};
use crate::store::{Error, Store};

type Key = (Uuid, String);

#[derive(Default)]
pub(super) struct Calls {
    known: BTreeMap<Key, (String, MessageId)>,
    /// Those of the messages that were only kept.
    refused: BTreeSet<MessageId>,
    /// Whose row is another from now on.
    outdated: BTreeSet<Key>,
}

impl Calls {
    pub(super) async fn known(transaction: &DatabaseTransaction, all: &[&Submission]) -> Result<Self, Error> {
        let mut by_api_key: BTreeMap<Uuid, BTreeSet<&str>> = BTreeMap::new();
        for idempotency in all.iter().filter_map(|submission| submission.idempotency.as_ref()) {
            by_api_key.entry(idempotency.api_key_id).or_default().insert(&idempotency.key);
        }
        let mut calls = Self::default();
        for (api_key_id, keys) in by_api_key {
            let rows = idempotency_keys::Entity::find()
                .filter(idempotency_keys::Column::ApiKeyId.eq(api_key_id))
                .filter(idempotency_keys::Column::Key.is_in(filled(keys)))
                .all(transaction)
                .await?;
            let called = |row: idempotency_keys::Model| {
                ((row.api_key_id, row.key), (row.fingerprint, MessageId(row.message_id)))
            };
            calls.known.extend(rows.into_iter().map(called));
        }
        if !calls.known.is_empty() {
            let ids = calls.known.values().map(|(_, message_id)| message_id.0);
            calls.refused = refused(transaction, ids).await?;
        }
        Ok(calls)
    }

    /// What such a call came to, if that stands.
    pub(super) fn before(&self, submission: &Submission) -> Option<Submitted> {
        let (idempotency, (called, message_id)) = self.called(submission)?;
        let stands = !self.refused.contains(message_id);
        stands.then(|| answer(*called == idempotency.fingerprint, *message_id))
    }

    /// What was kept of the same call, which the gate refused.
    pub(super) fn refused_before(&self, submission: &Submission) -> Option<MessageId> {
        let (idempotency, (called, message_id)) = self.called(submission)?;
        (*called == idempotency.fingerprint && self.refused.contains(message_id)).then_some(*message_id)
    }

    fn called<'a>(&'a self, submission: &'a Submission) -> Option<(&'a Idempotency, &'a (String, MessageId))> {
        let idempotency = submission.idempotency.as_ref()?;
        Some((idempotency, self.known.get(&(idempotency.api_key_id, idempotency.key.clone()))?))
    }

    pub(super) fn add(&mut self, submission: &Submission, is_refused: bool) {
        let Some(Idempotency { api_key_id, key, fingerprint }) = submission.idempotency.clone() else { return };
        let (key, message_id) = ((api_key_id, key), submission.message.id);
        if is_refused {
            self.refused.insert(message_id);
        }
        if self.known.insert(key.clone(), (fingerprint, message_id)).is_some() {
            self.outdated.insert(key);
        }
    }

    /// Before the new rows are written. Of two gateways that do so at once, the second finds its key taken.
    pub(super) async fn forget_outdated(&self, transaction: &DatabaseTransaction) -> Result<(), Error> {
        for key in &self.outdated {
            idempotency_keys::Entity::delete_by_id(key.clone()).exec(transaction).await?;
        }
        Ok(())
    }
}

async fn refused(
    database: &impl ConnectionTrait,
    ids: impl Iterator<Item = Uuid>,
) -> Result<BTreeSet<MessageId>, Error> {
    let ids: Vec<Uuid> = messages::Entity::find()
        .select_only()
        .column(messages::Column::Id)
        .filter(messages::Column::Id.is_in(ids))
        .filter(messages::Column::RefusedFor.is_not_null())
        .into_tuple()
        .all(database)
        .await?;
    Ok(ids.into_iter().map(MessageId).collect())
}

fn answer(is_the_same: bool, message_id: MessageId) -> Submitted {
    if is_the_same { Submitted::Before(message_id) } else { Submitted::KeyReused }
}

impl Store {
    /// What a call with this key came to before, if there was one and it was not refused by the gate.
    pub async fn called_before(&self, idempotency: &Idempotency) -> Result<Option<Submitted>, Error> {
        let key = (idempotency.api_key_id, idempotency.key.clone());
        let Some(row) = idempotency_keys::Entity::find_by_id(key).one(&self.reads).await? else { return Ok(None) };
        if !refused(&self.reads, [row.message_id].into_iter()).await?.is_empty() {
            return Ok(None);
        }
        Ok(Some(answer(row.fingerprint == idempotency.fingerprint, MessageId(row.message_id))))
    }
}
