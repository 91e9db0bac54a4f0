//! Keeping a status report, and what it changes.

use async_trait::async_trait;
use sea_orm::sea_query::{Expr, ExprTrait, OnConflict};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, DatabaseTransaction, EntityTrait, IntoActiveModel, QueryFilter, QuerySelect, Set,
};
use sha2::{Digest, Sha256};

use super::consent::{self, Change};
use super::locks::Touched;
use super::settle::{read, reduce_message};
use super::{millis, storable, storable_json};
use crate::message::status::{self, Reduction};
use crate::message::{MessageId, ProviderError};
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

    fn touches<'a>(&'a self, touched: &mut Touched<'a>) {
        touched.provided(&self.observation.channel, &self.observation.provider_id);
        if let Some(part) = self.observation.part_id {
            touched.part(part.0);
        }
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
        let news = self.tells_more(&part, reduction);
        let row = self.moved(part, reduction, news, questions).update(transaction).await?;
        reduce_message(transaction, message_id, self.received_at, reporting).await?;
        // An old report that comes again must not undo what the person said since.
        if let Some(consent) = self.consent.filter(|_| news) {
            consent::lock(transaction, &row.channel, &row.recipient).await?;
            let (channel, address, at) = (row.channel.as_str(), row.recipient.as_str(), self.received_at);
            let change = Change { channel, address, consent, message_id, at, reporting };
            change.keep(transaction).await?;
        }
        Ok(Observed::Message { id: MessageId(message_id), status: reduction.status, conflict })
    }

    /// Whether what it says of an error counts: it moves the part, or it repeats where the part stands and
    /// brings the code that was missing.
    fn tells_more(&self, part: &parts::Model, reduction: Reduction) -> bool {
        let has_code = self.error.as_ref().is_some_and(|error| error.code.is_some());
        reduction.changed || (reduction.status == self.status && part.error_code.is_none() && has_code)
    }

    fn moved(&self, part: parts::Model, reduction: Reduction, news: bool, questions: Questions) -> parts::ActiveModel {
        let state = part.state.clone();
        let asked_before = part.check_at.filter(|_| state == "settled");
        let named = part.sender.is_some();
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
        row.given_up_at = Set(None);
        row.status = Set(reduction.status.as_str().to_owned());
        row.updated_at = Set(millis(self.received_at));
        if let Some(sender) = self.sender.as_ref().filter(|_| !named) {
            row.sender = Set(Some(storable(sender.as_str())));
        }
        if news {
            let ProviderError { code, message } = self.error.clone().unwrap_or_default();
            row.error_code = Set(code);
            // What was told without a code stays, if the code comes without words.
            if reduction.changed || message.is_some() {
                row.error_message = Set(message.as_deref().map(storable));
            }
        }
        row
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

    /// As a row of its own, or as one more time of the same report: a provider repeats what was not
    /// answered in time, and whoever recorded a webhook can send it for ever.
    async fn keep(
        &self,
        transaction: &DatabaseTransaction,
        part_id: Option<uuid::Uuid>,
        conflict: bool,
    ) -> Result<(), Error> {
        use observations::Column;
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
            digest: Set(Some(digest(&self.raw))),
            times: Set(1),
            repeated_at: Set(None),
        };
        let once_more = OnConflict::columns([Column::Channel, Column::ProviderId, Column::Status, Column::Digest])
            .value(Column::Times, Expr::col((observations::Entity, Column::Times)).add(1))
            .value(Column::RepeatedAt, millis(self.received_at))
            // What was of no part, or no contradiction, when it came first may be one by now.
            .value(Column::PartId, Expr::cust("COALESCE(observations.part_id, excluded.part_id)"))
            .value(Column::Conflict, Expr::cust("observations.conflict OR excluded.conflict"))
            .to_owned();
        observations::Entity::insert(row).on_conflict(once_more).exec_without_returning(transaction).await?;
        Ok(())
    }
}

/// What tells two reports apart: their parameters, in any order, each counted once. That is what a
/// provider's signature covers too, so that nobody makes a new report of an old one.
fn digest(raw: &[(String, String)]) -> String {
    let mut pairs: Vec<&(String, String)> = raw.iter().collect();
    pairs.sort_unstable();
    pairs.dedup();
    let mut hash = Sha256::new();
    for (name, value) in pairs {
        for text in [name, value] {
            // With its length, so that no text can pass for two.
            hash.update(text.len().to_be_bytes());
            hash.update(text);
        }
    }
    hex::encode(hash.finalize())
}

impl Store {
    /// Keeps a status report and moves its message, never backwards.
    pub async fn observe(&self, observation: NewObservation) -> Result<Observed, Error> {
        self.write(Observe { observation, questions: self.questions, reporting: self.reporting.clone() }).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_known_by_its_parameters_in_any_order_and_number() {
        let pairs = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
            pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
        };
        let first = digest(&pairs(&[("a", "1"), ("b", "2")]));
        assert_eq!(digest(&pairs(&[("b", "2"), ("a", "1")])), first);
        assert_eq!(digest(&pairs(&[("b", "2"), ("a", "1"), ("b", "2")])), first);
        for other in
            [&[("a", "1")][..], &[("a", "1"), ("b", "3")], &[("a1", ""), ("b", "2")], &[("a", "1b"), ("", "2")]]
        {
            assert_ne!(digest(&pairs(other)), first, "{other:?}");
        }
    }
}
