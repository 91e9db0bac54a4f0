//! Inbound messages as they were recorded, for those who process them.

use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};
#[cfg(test)]
use sea_orm::{QueryOrder, QuerySelect};

use super::entities::messages;
use super::reads::{media_of, positive, time};
use super::records::Recorded;
use super::{Error, Store};
use crate::message::{Address, ConversationId, Media, MessageId};

/// As they were recorded, with their media.
pub(super) async fn recorded(
    database: &impl ConnectionTrait,
    rows: Vec<messages::Model>,
) -> Result<Vec<Recorded>, Error> {
    let mut media = media_of(database, &rows).await?;
    Ok(rows
        .into_iter()
        .map(|row| {
            let media = media.remove(&row.id).unwrap_or_default();
            let told = media.into_iter().map(|row| Media { url: row.url, content_type: row.content_type });
            record_of(row, told.collect())
        })
        .collect())
}

pub(super) fn record_of(row: messages::Model, media: Vec<Media>) -> Recorded {
    Recorded {
        id: MessageId(row.id),
        conversation_id: ConversationId(row.conversation_id),
        channel: row.channel,
        sender: Address::received(row.sender.as_deref().unwrap_or_default()),
        recipient: Address::received(&row.recipient),
        text: row.text,
        media,
        extra: serde_json::from_value(row.extra).unwrap_or_default(),
        received_at: time(row.created_at),
        ordinal: row.ordinal.map_or(0, positive),
        previous_inbound_at: row.previous_inbound_at.map(time),
        behind: false,
        heard: row.gate.as_deref().and_then(|told| serde_json::from_str(told).ok()),
        fresh: None,
    }
}

impl Store {
    /// Inbound messages that were recorded but not processed, oldest first.
    #[cfg(test)]
    pub async fn unprocessed(&self, limit: u64) -> Result<Vec<Recorded>, Error> {
        let rows = messages::Entity::find()
            .filter(messages::Column::ProcessedAt.is_null())
            .filter(messages::Column::Direction.eq("inbound"))
            .order_by_asc(messages::Column::Id)
            .limit(limit);
        recorded(&self.reads, rows.all(&self.reads).await?).await
    }

    /// An inbound message, unless it was processed.
    pub async fn unprocessed_one(&self, id: MessageId) -> Result<Option<Recorded>, Error> {
        let rows = messages::Entity::find_by_id(id.0)
            .filter(messages::Column::ProcessedAt.is_null())
            .filter(messages::Column::Direction.eq("inbound"));
        Ok(recorded(&self.reads, rows.all(&self.reads).await?).await?.pop())
    }
}
