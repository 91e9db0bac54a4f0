//! Taking a message back before it is sent.

use async_trait::async_trait;
use jiff::Timestamp;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, DatabaseTransaction, EntityTrait, IntoActiveModel, QueryFilter, QuerySelect, Set,
};

use super::millis;
use super::moves::reduce_message;
use super::settle::read;
use crate::message::{MessageId, PartId, Status};
use crate::store::entities::{messages, parts};
use crate::store::records::Cancellation;
use crate::store::reporting::Reporting;
use crate::store::writer::Operation;
use crate::store::{Error, Store};

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
        let mut cancellation =
            Cancellation { channel: message.channel, canceled: 0, at_provider: Vec::new(), sending: 0 };
        for part in parts {
            let waits = matches!(read(&part.status), Status::Scheduled | Status::Accepted | Status::Queued);
            match (part.state.as_str(), &part.provider_id) {
                ("queued", _) => {
                    cancellation.canceled += 1;
                    let mut row = part.into_active_model();
                    row.state = Set("settled".to_owned());
                    row.status = Set(Status::Canceled.as_str().to_owned());
                    row.updated_at = Set(millis(self.now));
                    row.update(transaction).await?;
                }
                ("settled", Some(provider_id)) if waits => {
                    cancellation.at_provider.push((PartId(part.id), provider_id.clone()));
                }
                ("sending", _) => cancellation.sending += 1,
                _ => {}
            }
        }
        if cancellation.canceled > 0 {
            reduce_message(transaction, self.message_id.0, self.now, &self.reporting).await?;
        }
        Ok(Some(cancellation))
    }
}

impl Store {
    /// Takes back the parts of a message that nobody has handed over yet; none where there is no
    /// such outbound message.
    pub async fn cancel(&self, message_id: MessageId, now: Timestamp) -> Result<Option<Cancellation>, Error> {
        self.write(Cancel { message_id, now, reporting: self.reporting.clone() }).await
    }
}
