//! Who sent what from the console.

use async_trait::async_trait;
use sea_orm::sea_query::OnConflict;
use sea_orm::{DatabaseTransaction, EntityTrait, Set};
use uuid::Uuid;

use crate::message::MessageId;
use crate::store::entities::authors;
use crate::store::writer::Operation;
use crate::store::{Error, Store};

struct Sign {
    message_id: MessageId,
    user_id: Uuid,
}

#[async_trait]
impl Operation for Sign {
    type Output = ();

    async fn apply(&self, transaction: &DatabaseTransaction) -> Result<(), Error> {
        let row = authors::ActiveModel { message_id: Set(self.message_id.0), user_id: Set(self.user_id) };
        let once = OnConflict::column(authors::Column::MessageId).do_nothing().to_owned();
        authors::Entity::insert(row).on_conflict(once).try_insert().exec_without_returning(transaction).await?;
        Ok(())
    }
}

impl Store {
    /// Puts down who sent a message; whoever did so first stays.
    pub async fn sign_message(&self, message_id: MessageId, user_id: Uuid) -> Result<(), Error> {
        self.write(Sign { message_id, user_id }).await
    }
}
