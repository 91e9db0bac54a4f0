//! What applications are to be told at their endpoints, and how far that has come.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::entities::{endpoints, events};
use super::operations::EVENTS;
use super::reads::{Page, cut, time};
use super::{Error, Store};
use crate::message::{ConversationId, MessageId};

/// What an event tells of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum EventKind {
    /// A message came in, and plugins have decided about it.
    MessageReceived,
    /// An outbound message's status is another one.
    MessageStatus,
    /// A plugin wants an application to have a message.
    MessageForwarded,
    /// A conversation's status, tags or assignee are others.
    ConversationUpdated,
    /// Somebody paused a channel.
    ChannelPaused,
    /// Somebody let a channel go on.
    ChannelResumed,
    /// An endpoint is told no more, since it failed for too long or is gone.
    EndpointDisabled,
}

impl EventKind {
    pub const ALL: [Self; 7] = [
        Self::MessageReceived,
        Self::MessageStatus,
        Self::MessageForwarded,
        Self::ConversationUpdated,
        Self::ChannelPaused,
        Self::ChannelResumed,
        Self::EndpointDisabled,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::MessageReceived => "message.received",
            Self::MessageStatus => "message.status",
            Self::MessageForwarded => "message.forwarded",
            Self::ConversationUpdated => "conversation.updated",
            Self::ChannelPaused => "channel.paused",
            Self::ChannelResumed => "channel.resumed",
            Self::EndpointDisabled => "endpoint.disabled",
        }
    }
}

/// A message that a plugin forwards: the one that was processed. Its text is made where it is committed.
#[derive(Clone, Debug, PartialEq)]
pub struct NewEvent {
    pub id: Uuid,
    pub endpoint: String,
    /// Who asked for it.
    pub plugin: String,
    /// What the plugin adds: a JSON document.
    pub payload: Option<Value>,
}

/// An event that a worker may tell now, and must settle before the lease ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimedEvent {
    pub id: Uuid,
    /// None of one that is about no message.
    pub message_id: Option<MessageId>,
    pub body: String,
    /// How many tries were made, this one included.
    pub tries: u32,
}

/// What a try to tell an event came to, for the record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventSettlement {
    pub id: Uuid,
    pub endpoint: String,
    pub tries: u32,
    pub at: Timestamp,
    /// The HTTP status, if there was an answer.
    pub answer: Option<u16>,
    pub result: EventResult,
    /// For how long no try may succeed before the endpoint is told no more; none is for ever.
    pub patience: Option<Duration>,
}

/// What else a settlement came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventSettled {
    /// The endpoint had failed for too long, and is told no more from now on.
    pub disabled: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EventResult {
    Delivered,
    Retry {
        due_at: Timestamp,
        problem: String,
    },
    GivenUp {
        problem: String,
    },
    /// The endpoint says that it is gone for good. It is told nothing more, and the event waits.
    Gone {
        problem: String,
    },
}

/// Where an event stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum EventState {
    Waiting,
    Sending,
    Delivered,
    GivenUp,
}

impl EventState {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Sending => "sending",
            Self::Delivered => "delivered",
            Self::GivenUp => "given-up",
        }
    }

    fn from_word(word: &str) -> Self {
        [Self::Sending, Self::Delivered, Self::GivenUp]
            .into_iter()
            .find(|state| state.as_str() == word)
            .unwrap_or(Self::Waiting)
    }
}

/// An event as others see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = Event)]
pub struct KnownEvent {
    /// Also what the endpoint gets as `webhook-id`.
    pub id: Uuid,
    pub endpoint: String,
    #[serde(rename = "type")]
    pub kind: String,
    /// Null in one that is about no message.
    pub message_id: Option<MessageId>,
    /// Null in one that is about no conversation.
    pub conversation_id: Option<ConversationId>,
    /// Who asked for it.
    pub plugin: Option<String>,
    pub state: EventState,
    pub tries: u32,
    /// What the last try was answered: an HTTP status.
    pub answer: Option<u16>,
    /// What the last try came to, if it came to nothing good.
    pub problem: Option<String>,
    pub created_at: Timestamp,
    /// When it is told, or told again; null once it was, or was given up.
    pub due_at: Option<Timestamp>,
    pub finished_at: Option<Timestamp>,
}

/// What happened to an endpoint.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KnownEndpoint {
    /// When it said that it is gone for good.
    pub gone_at: Option<Timestamp>,
    /// When it had failed for too long.
    pub disabled_at: Option<Timestamp>,
    /// Since when no try has succeeded.
    pub failing_since: Option<Timestamp>,
    pub last_success_at: Option<Timestamp>,
    pub last_failure_at: Option<Timestamp>,
    pub last_failure: Option<String>,
    /// How many events it is still to be told.
    pub waiting: u64,
}

impl Store {
    /// Whether an endpoint is to be told something now. Cheap to ask often.
    pub async fn events_due(&self, endpoint: &str, now: Timestamp) -> Result<bool, Error> {
        EVENTS.has_any(&self.reads, vec![now.as_millisecond().into(), endpoint.into()]).await
    }

    /// An endpoint's events from before `after`, newest first, `limit` at the most; all, or those in a state.
    pub async fn events(
        &self,
        endpoint: &str,
        state: Option<EventState>,
        after: Option<Uuid>,
        limit: u64,
    ) -> Result<Page<KnownEvent>, Error> {
        let mut query = events::Entity::find()
            .filter(events::Column::Endpoint.eq(endpoint))
            .order_by_desc(events::Column::Id)
            .limit(limit + 1);
        if let Some(state) = state {
            // Word for word the condition of the partial index, so that SQLite uses it.
            query = query.filter(Expr::cust(format!("state = '{}'", state.as_str())));
        }
        if let Some(after) = after {
            query = query.filter(events::Column::Id.lt(after));
        }
        let (rows, next) = cut(query.all(&self.reads).await?, limit, |row| row.id);
        Ok(Page { items: rows.into_iter().map(shown).collect(), next })
    }

    pub async fn event(&self, endpoint: &str, id: Uuid) -> Result<Option<KnownEvent>, Error> {
        let query = events::Entity::find_by_id(id).filter(events::Column::Endpoint.eq(endpoint));
        Ok(query.one(&self.reads).await?.map(shown))
    }

    /// What endpoints were or are to be told of a message, oldest first.
    pub async fn events_of(&self, message_id: MessageId) -> Result<Vec<KnownEvent>, Error> {
        let query = events::Entity::find().filter(events::Column::MessageId.eq(message_id.0));
        let rows = query.order_by_asc(events::Column::Id).all(&self.reads).await?;
        Ok(rows.into_iter().map(shown).collect())
    }

    /// What happened to the endpoints that were ever introduced, by name.
    pub async fn endpoints(&self) -> Result<BTreeMap<String, KnownEndpoint>, Error> {
        let mut known = BTreeMap::new();
        for row in endpoints::Entity::find().all(&self.reads).await? {
            let open = [EventState::Waiting, EventState::Sending].map(EventState::as_str);
            let waiting = events::Entity::find()
                .filter(events::Column::Endpoint.eq(&row.name))
                .filter(events::Column::State.is_in(open))
                .count(&self.reads)
                .await?;
            let endpoint = KnownEndpoint {
                gone_at: row.gone_at.map(time),
                disabled_at: row.disabled_at.map(time),
                failing_since: row.failing_since.map(time),
                last_success_at: row.last_success_at.map(time),
                last_failure_at: row.last_failure_at.map(time),
                last_failure: row.last_failure,
                waiting,
            };
            known.insert(row.name, endpoint);
        }
        Ok(known)
    }
}

/// An event that is about none has an id of all zeros.
pub(super) fn about(id: Uuid) -> Option<Uuid> {
    Some(id).filter(|id| !id.is_nil())
}

fn shown(row: events::Model) -> KnownEvent {
    let state = EventState::from_word(&row.state);
    let open = matches!(state, EventState::Waiting | EventState::Sending);
    KnownEvent {
        id: row.id,
        endpoint: row.endpoint,
        kind: row.kind,
        message_id: about(row.message_id).map(MessageId),
        conversation_id: about(row.conversation_id).map(ConversationId),
        plugin: row.plugin,
        state,
        tries: u32::try_from(row.tries).unwrap_or(0),
        answer: row.answer.and_then(|answer| u16::try_from(answer).ok()),
        problem: row.problem,
        created_at: time(row.created_at),
        due_at: open.then(|| time(row.due_at)),
        finished_at: row.finished_at.map(time),
    }
}
