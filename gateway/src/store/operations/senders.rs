//! Giving what waits the sender that its channel has now.

use async_trait::async_trait;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, Condition, DatabaseTransaction, EntityTrait, QueryFilter, QuerySelect};
use uuid::Uuid;

use crate::message::Address;
use crate::store::entities::{messages, parts};
use crate::store::writer::Operation;
use crate::store::{Error, Store};

/// A channel, and what it sends with: a sender of its own, or a service that picks one.
#[derive(Clone, Debug)]
struct Adopt {
    channel: String,
    sender: Option<Address>,
    service: Option<String>,
}

/// How many messages are changed by one statement.
const SOME: usize = 500;

#[async_trait]
impl Operation for Adopt {
    type Output = u64;

    async fn apply(&self, transaction: &DatabaseTransaction) -> Result<u64, Error> {
        // Only what certainly was not sent: what may have left is found at the provider by the sender it left with.
        let waits = Condition::all().add(Expr::cust("state = 'queued'"));
        let was_given_up =
            Condition::all().add(Expr::cust("given_up_at IS NOT NULL")).add(parts::Column::ProviderId.is_null());
        Ok(self.change(transaction, waits).await? + self.change(transaction, was_given_up).await?)
    }
}

impl Adopt {
    async fn change(&self, transaction: &DatabaseTransaction, which: Condition) -> Result<u64, Error> {
        let (sender, service) = (self.sender.as_ref().map(Address::as_str), self.service.as_deref());
        let other =
            Condition::any().add(differs(parts::Column::Sender, sender)).add(differs(parts::Column::Service, service));
        let which =
            which.add(parts::Column::Channel.eq(&self.channel)).add(parts::Column::OwnSender.eq(true)).add(other);
        let mut changed: Vec<Uuid> = parts::Entity::find()
            .select_only()
            .column(parts::Column::MessageId)
            .filter(which.clone())
            .into_tuple()
            .all(transaction)
            .await?;
        changed.dedup();
        let adopted = parts::Entity::update_many()
            .col_expr(parts::Column::Sender, Expr::value(sender))
            .col_expr(parts::Column::Service, Expr::value(service))
            .filter(which)
            .exec(transaction)
            .await?;
        for some in changed.chunks(SOME) {
            messages::Entity::update_many()
                .col_expr(messages::Column::Sender, Expr::value(sender))
                .col_expr(messages::Column::Service, Expr::value(service))
                .filter(messages::Column::Id.is_in(some.iter().copied()))
                .exec(transaction)
                .await?;
        }
        Ok(adopted.rows_affected)
    }
}

/// Whether a column holds something else, nothing included.
fn differs(column: parts::Column, wanted: Option<&str>) -> Condition {
    match wanted {
        Some(wanted) => Condition::any().add(column.ne(wanted)).add(column.is_null()),
        None => Condition::any().add(column.is_not_null()),
    }
}

impl Store {
    /// What waits, or was given up, to go by the channel's own sender or service goes by these, whichever those were when
    /// it was stored. Says how many parts have others now.
    pub async fn adopt_sender(
        &self,
        channel: &str,
        sender: Option<Address>,
        service: Option<String>,
    ) -> Result<u64, Error> {
        self.write(Adopt { channel: channel.to_owned(), sender, service }).await
    }
}
