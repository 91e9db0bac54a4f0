//! Keeping a status report, and what it changes.

use async_trait::async_trait;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, DatabaseTransaction, EntityTrait, IntoActiveModel, QueryFilter, QuerySelect, Set,
};

use super::consent::{self, Change};
use super::settle::{read, reduce_message};
use super::{millis, storable, storable_json};
use crate::message::{MessageId, status};
use crate::store::entities::{observations, parts};
use crate::store::questions::Questions;
use crate::store::records::{NewObservation, Observed};
use crate::store::reporting::Reporting;
use crate::store::writer::Operation;
use crate::store::{Error, Store};

/// A report, and when the provider is asked about what it leaves open.
#[derive(Clone, Debug)]
struct Observe {
    observation: NewObservation,
    questions: Questions,
    reporting: Reporting,
}

#[async_trait]
impl Operation for Observe {
    type Output = Observed;

    async fn apply(&self, transaction: &DatabaseTransaction) -> Result<Observed, Error> {
        self.observation.apply(transaction, self.questions, &self.reporting).await
    }
}

impl NewObservation {
    async fn apply(
        &self,
        transaction: &DatabaseTransaction,
        questions: Questions,
        reporting: &Reporting,
    ) -> Result<Observed, Error> {
        let part = self.part(transaction).await?;
        let reduction = part.as_ref().map(|part| status::reduce(read(&part.status), self.status));
        let conflict = reduction.as_ref().is_some_and(|reduction| reduction.conflict);
        self.keep(transaction, part.as_ref().map(|part| part.id), conflict).await?;
        let (Some(part), Some(reduction)) = (part, reduction) else { return Ok(Observed::Unrelated) };
        let message_id = part.message_id;
        let state = part.state.clone();
        let asked_before = part.check_at.filter(|_| state == "settled");
        let mut row = part.into_active_model();
        // The provider reports only what it has: the part was sent, whatever we thought of it.
        if state != "sending" {
            row.state = Set("settled".to_owned());
            row.unknown_at = Set(None);
            let first = questions.after(reduction.status, self.received_at).map(millis);
            row.check_at = Set(first.map(|first| asked_before.unwrap_or(first)));
            if state == "unknown" {
                row.checks = Set(0);
            }
        }
        row.provider_id = Set(Some(self.provider_id.clone()));
        row.status = Set(reduction.status.as_str().to_owned());
        row.updated_at = Set(millis(self.received_at));
        if reduction.changed {
            row.error_code = Set(self.error.as_ref().and_then(|error| error.code));
            row.error_message = Set(self.error.as_ref().and_then(|error| error.message.as_deref().map(storable)));
        }
        let row = row.update(transaction).await?;
        reduce_message(transaction, message_id, self.received_at, reporting).await?;
        // An old report that comes again must not undo what the person said since.
        if let Some(consent) = self.consent.filter(|_| reduction.changed) {
            consent::lock(transaction, &row.channel, &row.recipient).await?;
            let (channel, address, at) = (row.channel.as_str(), row.recipient.as_str(), self.received_at);
            let change = Change { channel, address, consent, message_id, at, reporting };
            change.keep(transaction).await?;
        }
        Ok(Observed::Message { id: MessageId(message_id), status: reduction.status, conflict })
    }
}

impl NewObservation {
    /// The part that has this provider's id; else the one whose id rode the callback, if it is of
    /// this channel and has no other provider's id.
    ///
    /// In this order, since of two identical parts one may have been given the other's message.
    /// Then the report is of the part that has the message, and the other stays to be found.
    async fn part(&self, transaction: &DatabaseTransaction) -> Result<Option<parts::Model>, Error> {
        let holder = parts::Entity::find()
            .filter(parts::Column::Channel.eq(&self.channel))
            .filter(parts::Column::ProviderId.eq(&self.provider_id))
            .lock_exclusive()
            .one(transaction)
            .await?;
        if holder.is_some() {
            return Ok(holder);
        }
        if let Some(id) = self.part_id {
            let found = parts::Entity::find_by_id(id.0)
                .filter(parts::Column::Channel.eq(&self.channel))
                .lock_exclusive()
                .one(transaction)
                .await?;
            return Ok(found.filter(|part| part.provider_id.is_none()));
        }
        Ok(None)
    }

    async fn keep(
        &self,
        transaction: &DatabaseTransaction,
        part_id: Option<uuid::Uuid>,
        conflict: bool,
    ) -> Result<(), Error> {
        let row = observations::ActiveModel {
            id: Set(self.id),
            channel: Set(self.channel.clone()),
            provider_id: Set(self.provider_id.clone()),
            part_id: Set(part_id),
            status: Set(self.status.as_str().to_owned()),
            error_code: Set(self.error.as_ref().and_then(|error| error.code)),
            error_message: Set(self.error.as_ref().and_then(|error| error.message.as_deref().map(storable))),
            conflict: Set(conflict),
            raw: Set(storable_json(serde_json::json!(self.raw))),
            received_at: Set(millis(self.received_at)),
        };
        observations::Entity::insert(row).exec_without_returning(transaction).await?;
        Ok(())
    }
}

impl Store {
    /// Keeps a status report and moves its message, never backwards.
    pub async fn observe(&self, observation: NewObservation) -> Result<Observed, Error> {
        self.write(Observe { observation, questions: self.questions, reporting: self.reporting.clone() }).await
    }
}
