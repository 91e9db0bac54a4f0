//! Recorded messages with all that their plugins were told, for asking others the same.

use std::collections::BTreeMap;

use jiff::Timestamp;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::decisions::{Asked, Hook, Trace};
use super::entities::{contacts, conversations, messages, traces};
use super::plugins::{first_id, seed, to_thread};
use super::reads::{media_of, time};
use super::recorded::record_of;
use super::shown::Thread;
use super::traces::{inbound_traces, to_traces};
use super::{Error, Recorded, Store};
use crate::message::{ConversationId, ConversationStatus, Media};

/// What of a conversation and its contact changes, as it was when plugins were asked about a message.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Snapshot {
    pub status: Option<ConversationStatus>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub assignee: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, String>,
}

impl Snapshot {
    pub fn of(thread: &Thread) -> Self {
        let Thread { conversation, contact, .. } = thread;
        Self {
            status: Some(conversation.status),
            tags: conversation.tags.clone(),
            assignee: conversation.assignee.clone(),
            name: contact.name.clone(),
            attributes: contact.attributes.clone(),
        }
    }

    /// The thread as it was then, of how it is now.
    pub fn restore(self, mut thread: Thread) -> Thread {
        thread.conversation.status = self.status.unwrap_or(thread.conversation.status);
        thread.conversation.tags = self.tags;
        thread.conversation.assignee = self.assignee;
        thread.contact.name = self.name;
        thread.contact.attributes = self.attributes;
        thread
    }
}

/// Which processed inbound messages.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PastFilter {
    pub since: Option<Timestamp>,
    pub until: Option<Timestamp>,
    pub conversation: Option<ConversationId>,
}

/// A message that came in and was processed.
#[derive(Clone, Debug)]
pub struct Past {
    pub recorded: Recorded,
    pub asked: Asked,
    /// As the plugins saw it; nothing where that was not kept.
    pub thread: Option<Thread>,
    /// Its text is gone.
    pub redacted: bool,
    /// What each plugin decided as it came in.
    pub traces: Vec<Trace>,
}

impl Store {
    /// Up to `limit` processed inbound messages before `before`, the newest first.
    pub async fn past(&self, filter: &PastFilter, before: Option<Uuid>, limit: u64) -> Result<Vec<Past>, Error> {
        let mut query = messages::Entity::find()
            .filter(messages::Column::Direction.eq("inbound"))
            .filter(messages::Column::ProcessedAt.is_not_null());
        if let Some(before) = before {
            query = query.filter(messages::Column::Id.lt(before));
        }
        if let Some(since) = filter.since {
            query = query.filter(messages::Column::CreatedAt.gte(since.as_millisecond()));
        }
        if let Some(until) = filter.until {
            query = query.filter(messages::Column::CreatedAt.lt(until.as_millisecond()));
        }
        if let Some(conversation) = filter.conversation {
            query = query.filter(messages::Column::ConversationId.eq(conversation.0));
        }
        let rows = query.order_by_desc(messages::Column::Id).limit(limit).all(&self.reads).await?;
        let mut media = media_of(&self.reads, &rows).await?;
        let mut decided = self.decided(&rows).await?;
        let threads = self.threads(&rows).await?;
        let past = |row: messages::Model| {
            let seen = row.seen.as_deref().and_then(|seen| serde_json::from_str::<Snapshot>(seen).ok());
            let now = threads.get(&row.conversation_id)?.clone();
            let thread = seen.filter(|_| row.seed.is_some()).map(|seen| seen.restore(now));
            let traces = match decided.remove(&row.id) {
                Some(before) => before,
                None => inbound_traces(&row),
            };
            let (at, moment) = match traces.first() {
                Some(first) => (first.at, first.id),
                None => row.processed_at.map(time).map(|at| (at, first_id(at)))?,
            };
            let asked = Asked { at, seed: seed(row.seed), moment };
            let redacted = row.redacted_at.is_some() || row.deleted_at.is_some();
            let media = media.remove(&row.id).unwrap_or_default();
            let told = media.into_iter().map(|row| Media { url: row.url, content_type: row.content_type });
            Some(Past { recorded: record_of(row, told.collect()), asked, thread, redacted, traces })
        };
        Ok(rows.into_iter().filter_map(past).collect())
    }

    /// What was decided before it stood with the message.
    async fn decided(&self, rows: &[messages::Model]) -> Result<BTreeMap<Uuid, Vec<Trace>>, Error> {
        let found = traces::Entity::find()
            .filter(traces::Column::MessageId.is_in(rows.iter().filter(|row| row.decided.is_none()).map(|row| row.id)))
            .filter(traces::Column::Hook.eq(Hook::Inbound.as_str()))
            .order_by_asc(traces::Column::Id)
            .all(&self.reads)
            .await?;
        let mut decided: BTreeMap<Uuid, Vec<Trace>> = BTreeMap::new();
        for row in found {
            decided.entry(row.message_id).or_default().extend(to_traces(row));
        }
        Ok(decided)
    }

    async fn threads(&self, rows: &[messages::Model]) -> Result<BTreeMap<Uuid, Thread>, Error> {
        let found = conversations::Entity::find()
            .find_also_related(contacts::Entity)
            .filter(conversations::Column::Id.is_in(rows.iter().map(|row| row.conversation_id)))
            .all(&self.reads)
            .await?;
        Ok(found.into_iter().map(|found| (found.0.id, to_thread(found))).collect())
    }
}
