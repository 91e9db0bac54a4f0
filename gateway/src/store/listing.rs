//! What applications may look through: messages that none of them deleted, by who and when.

use jiff::Timestamp;
use sea_orm::sea_query::Expr;
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, ExprTrait, QueryFilter, QueryOrder, QuerySelect, Select,
    Statement,
};
use uuid::Uuid;

use super::entities::messages;
use super::operations::OPEN_CALLBACKS;
use super::reads::with_details;
use super::shown::Message;
use super::{Error, Store};
use crate::message::MessageId;

/// Which messages, and which page of them.
#[derive(Clone, Debug)]
pub struct Listing {
    /// Of these channels.
    pub channels: Vec<String>,
    pub from: Option<String>,
    pub to: Option<String>,
    /// Not sent (or received) before this.
    pub since: Option<Timestamp>,
    /// Sent (or received) before this.
    pub until: Option<Timestamp>,
    pub beside: Beside,
    pub limit: u64,
}

/// Where a page begins, counted from the newest message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beside {
    /// After so many.
    Skip(u64),
    /// With what is older than this one.
    Older(Uuid),
    /// With what is newer than this one, next to it.
    Newer(Uuid),
}

impl Store {
    /// A message of one of these channels, unless it was deleted.
    pub async fn listed(&self, id: MessageId, channels: &[String]) -> Result<Option<Message>, Error> {
        let snapshot = self.snapshot().await?;
        let query = messages::Entity::find_by_id(id.0).filter(messages::Column::DeletedAt.is_null()).filter(taken());
        let row = query.filter(messages::Column::Channel.is_in(channels)).one(&snapshot).await?;
        Ok(with_details(&snapshot, row.into_iter().collect()).await?.pop())
    }

    /// A page, newest first, and whether there are older messages behind it.
    pub async fn list(&self, listing: &Listing) -> Result<(Vec<Message>, bool), Error> {
        let query = matching(listing).limit(listing.limit + 1);
        let query = match listing.beside {
            Beside::Skip(count) => query.order_by_desc(messages::Column::Id).offset(count),
            Beside::Older(id) => query.filter(messages::Column::Id.lt(id)).order_by_desc(messages::Column::Id),
            Beside::Newer(id) => query.filter(messages::Column::Id.gt(id)).order_by_asc(messages::Column::Id),
        };
        let snapshot = self.snapshot().await?;
        let mut rows = query.all(&snapshot).await?;
        let limit = usize::try_from(listing.limit).unwrap_or(usize::MAX);
        let mut more = rows.len() > limit;
        rows.truncate(limit);
        if let Beside::Newer(_) = listing.beside {
            rows.reverse();
            // The message it stands beside is older than all of them.
            more = true;
        }
        Ok((with_details(&snapshot, rows).await?, more))
    }

    /// Whether an application is to be told something now. Cheap to ask often.
    pub async fn callbacks_due(&self, now: Timestamp) -> Result<bool, Error> {
        let statement = Statement::from_sql_and_values(
            self.reads.get_database_backend(),
            format!("{OPEN_CALLBACKS}1"),
            [now.as_millisecond().into()],
        );
        Ok(self.reads.query_one_raw(statement).await?.is_some())
    }
}

/// What was refused when it was to be sent is kept here, and was never a message to whoever wanted it sent.
fn taken() -> Condition {
    Condition::all().add(messages::Column::RejectedBy.is_null()).add(messages::Column::RefusedFor.is_null())
}

fn matching(listing: &Listing) -> Select<messages::Entity> {
    // What came in was sent when it came.
    let sent = || Expr::cust("COALESCE(sent_at, CASE WHEN direction = 'inbound' THEN created_at END)");
    let of_these = match listing.channels.as_slice() {
        [only] => messages::Column::Channel.eq(only),
        // One after the other from the newest, whichever channel it is of. By an index on channels, all that these
        // have would be sorted first; an expression has none.
        several => Expr::cust("COALESCE(channel, '')").is_in(several),
    };
    let mut query =
        messages::Entity::find().filter(messages::Column::DeletedAt.is_null()).filter(taken()).filter(of_these);
    if let Some(from) = &listing.from {
        query = query.filter(messages::Column::Sender.eq(from));
    }
    if let Some(to) = &listing.to {
        query = query.filter(messages::Column::Recipient.eq(to));
    }
    if let Some(since) = listing.since {
        query = query.filter(sent().gte(since.as_millisecond()));
    }
    if let Some(until) = listing.until {
        query = query.filter(sent().lt(until.as_millisecond()));
    }
    query
}
