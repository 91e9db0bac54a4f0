//! Taking a message back before it is sent.

use async_trait::async_trait;
use jiff::Timestamp;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, DatabaseTransaction, EntityTrait, IntoActiveModel, QueryFilter, QuerySelect, Set,
};

use super::check::open_tries;
use super::millis;
use super::moves::reduce_message;
use super::reconcile::forget_answer;
use super::retry::is_given_up;
use super::settle::read;
use crate::message::{MessageId, PartId, Status};
use crate::store::entities::{messages, parts};
use crate::store::records::Cancellation;
use crate::store::reporting::Reporting;
use crate::store::writer::Operation;
use crate::store::{Error, Store};

/// How it is told of what may have been sent.
const UNSURE: &str = "it was taken back while nobody knows whether the provider has it; if it does not, it is not sent";

#[derive(Clone, Debug)]
struct Cancel {
    message_id: MessageId,
    now: Timestamp,
    reporting: Reporting,
}

#[async_trait]
impl Operation for Cancel {
    type Output = Option<Cancellation>;

    async fn apply(&self, transaction: &DatabaseTransaction) -> Result<Option<Cancellation>, Error> {
        let message = messages::Entity::find_by_id(self.message_id.0)
            .filter(messages::Column::Direction.eq("outbound"))
            .one(transaction)
            .await?;
        let Some(message) = message else { return Ok(None) };
        // A worker that is just claiming a part waits for this, or has been waited for.
        let parts = parts::Entity::find()
            .filter(parts::Column::MessageId.eq(self.message_id.0))
            .lock_exclusive()
            .all(transaction)
            .await?;
        let mut cancellation = Cancellation {
            channel: message.channel,
            canceled: 0,
            before: 0,
            at_provider: Vec::new(),
            sending: 0,
            unsure: 0,
        };
        let rode_an_answer = ride_answers(transaction, &parts).await?;
        let (given_up, parts): (Vec<_>, Vec<_>) = parts.into_iter().partition(is_given_up);
        for part in parts {
            let status = read(&part.status);
            let waits = matches!(status, Status::Scheduled | Status::Accepted | Status::Queued);
            match (part.state.as_str(), &part.provider_id) {
                ("queued", _) => {
                    cancellation.canceled += 1;
                    self.end(transaction, part).await?;
                }
                ("settled", Some(provider_id)) if waits => {
                    cancellation.at_provider.push((PartId(part.id), provider_id.clone()));
                }
                ("settled", None) if status == Status::Canceled && part.taken_back_at.is_some() => {
                    cancellation.before += 1;
                }
                ("sending" | "unknown", None) => {
                    cancellation.sending += usize::from(part.state == "sending");
                    cancellation.unsure += 1;
                    self.mark(transaction, part).await?;
                }
                ("sending", Some(_)) => cancellation.sending += 1,
                _ => {}
            }
        }
        if rode_an_answer {
            // Should the webhook come again, its answer must not bring what was taken back.
            forget_answer(transaction, self.message_id.0).await?;
        }
        if cancellation.canceled + cancellation.unsure + cancellation.at_provider.len() > 0 {
            // So that nobody sends a part of it by trying again what was given up. What failed as a whole stays so.
            for part in given_up {
                cancellation.canceled += 1;
                self.end(transaction, part).await?;
            }
        }
        if cancellation.canceled + cancellation.unsure > 0 {
            reduce_message(transaction, self.message_id.0, self.now, &self.reporting).await?;
        }
        Ok(Some(cancellation))
    }
}

impl Cancel {
    async fn end(&self, transaction: &DatabaseTransaction, part: parts::Model) -> Result<(), Error> {
        let mut row = part.into_active_model();
        row.state = Set("settled".to_owned());
        row.status = Set(Status::Canceled.as_str().to_owned());
        row.given_up_at = Set(None);
        row.taken_back_at = Set(Some(millis(self.now)));
        row.updated_at = Set(millis(self.now));
        row.update(transaction).await?;
        Ok(())
    }

    /// So that it ends should it come back to the queue, and tells so until then.
    async fn mark(&self, transaction: &DatabaseTransaction, part: parts::Model) -> Result<(), Error> {
        let is_told = part.state != "unknown" || part.error_message.as_deref() == Some(UNSURE);
        let taken_back_at = part.taken_back_at;
        if taken_back_at.is_some() && is_told {
            return Ok(());
        }
        // It was held, or not found for so long that it was asked about no more.
        let is_forgotten = part.state == "unknown" && part.check_at.is_none();
        let mut row = part.into_active_model();
        row.taken_back_at = Set(taken_back_at.or(Some(millis(self.now))));
        row.updated_at = Set(millis(self.now));
        if !is_told {
            row.error_message = Set(Some(UNSURE.to_owned()));
        }
        if is_forgotten {
            row.check_at = Set(Some(millis(self.now)));
        }
        row.update(transaction).await?;
        Ok(())
    }
}

/// Whether some of these may have gone out with the answer to a webhook.
async fn ride_answers(transaction: &DatabaseTransaction, parts: &[parts::Model]) -> Result<bool, Error> {
    if parts.iter().all(|part| part.state != "unknown") {
        return Ok(false);
    }
    let tries = open_tries(transaction, parts).await?;
    let count = |part: &parts::Model| tries.get(&part.id).map_or(0, |tries| tries.count);
    Ok(parts.iter().any(|part| part.state == "unknown" && part.attempts > count(part)))
}

/// What comes back to the queue ends, if it was taken back meanwhile; whether it was.
pub(super) fn taken_back(part: &mut parts::Model) -> bool {
    if part.taken_back_at.is_none() {
        return false;
    }
    "settled".clone_into(&mut part.state);
    Status::Canceled.as_str().clone_into(&mut part.status);
    true
}

impl Store {
    /// Takes back the parts of a message that nobody has handed over yet, and those of which that is not known, should
    /// they turn out not to be; none where there is no such outbound message.
    pub async fn cancel(&self, message_id: MessageId, now: Timestamp) -> Result<Option<Cancellation>, Error> {
        self.write(Cancel { message_id, now, reporting: self.reporting.clone() }).await
    }
}
