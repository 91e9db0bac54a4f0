//! All that is on record about one message besides what it says of itself.

use jiff::Timestamp;
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use super::entities::{attempts, messages, observations, parts, timers};
use super::questions::Look;
use super::reads::time;
use super::{Error, Store};
use crate::message::{MessageId, PartId, Status, shorten_numbers};

/// One try to send a part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = Attempt)]
pub struct KnownAttempt {
    pub part_id: PartId,
    /// From 1, of its part.
    pub number: u32,
    pub started_at: Timestamp,
    pub finished_at: Option<Timestamp>,
    /// What it came to; nothing while it is under way, or if a crash cut it off.
    pub outcome: Option<String>,
    pub error_code: Option<i32>,
    /// The provider's own words, with the phone numbers in them shortened.
    pub error_message: Option<String>,
    /// What went over the wire, masked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exchange: Option<Value>,
}

/// One status report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = Observation)]
pub struct KnownObservation {
    pub provider_id: String,
    pub status: Status,
    pub error_code: Option<i32>,
    /// As that of a try.
    pub error_message: Option<String>,
    /// It contradicts what was known to be final.
    pub conflict: bool,
    /// When it came first, and how often.
    pub received_at: Timestamp,
    pub times: u32,
    /// When it came last, if it came again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repeated_at: Option<Timestamp>,
}

/// How often the webhook of an inbound message came again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = Repeats)]
pub struct Repeated {
    pub times: u32,
    pub last_at: Timestamp,
}

/// One look at the provider's list for a part whose outcome was unknown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = Look)]
pub struct KnownLook {
    pub part_id: PartId,
    #[serde(flatten)]
    pub look: Look,
}

/// A message that followed from this one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = Consequence)]
pub struct LedTo {
    pub message_id: MessageId,
    /// Whether it answers this one, or is another message.
    pub reply: bool,
    pub plugin: Option<String>,
    pub status: Status,
    pub created_at: Timestamp,
    /// What the gate said when it was decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gate: Option<Value>,
}

/// A timer that was started for it and has not run out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = Timer)]
pub struct WaitingTimer {
    pub plugin: String,
    pub name: String,
    pub started_at: Timestamp,
    pub due_at: Timestamp,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct History {
    /// What the gate said of it when it was stored: of what goes out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gate: Option<Value>,
    /// Of what came in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repeated: Option<Repeated>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub attempts: Vec<KnownAttempt>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub observations: Vec<KnownObservation>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub looks: Vec<KnownLook>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub led_to: Vec<LedTo>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub timers: Vec<WaitingTimer>,
}

impl Store {
    /// The message on one of these channels that has this provider's id, or whose part has.
    pub async fn message_of_provider(&self, channels: &[&str], provider_id: &str) -> Result<Option<MessageId>, Error> {
        // No provider's id has one, and no database takes one.
        if provider_id.contains('\0') {
            return Ok(None);
        }
        let part: Option<Uuid> = parts::Entity::find()
            .select_only()
            .column(parts::Column::MessageId)
            .filter(parts::Column::Channel.is_in(channels.iter().copied()))
            .filter(parts::Column::ProviderId.eq(provider_id))
            .into_tuple()
            .one(&self.reads)
            .await?;
        if part.is_some() {
            return Ok(part.map(MessageId));
        }
        let message: Option<Uuid> = messages::Entity::find()
            .select_only()
            .column(messages::Column::Id)
            .filter(messages::Column::Channel.is_in(channels.iter().copied()))
            .filter(messages::Column::ProviderId.eq(provider_id))
            .into_tuple()
            .one(&self.reads)
            .await?;
        Ok(message.map(MessageId))
    }

    /// Its tries, the reports of it, what followed from it, and what is still to come.
    pub async fn history(&self, id: MessageId) -> Result<History, Error> {
        let of_it = parts::Entity::find()
            .filter(parts::Column::MessageId.eq(id.0))
            .order_by_asc(parts::Column::Position)
            .all(&self.reads)
            .await?;
        let (gate, repeated) = self.gate_and_repeats(id).await?;
        Ok(History {
            gate,
            repeated,
            looks: of_it.iter().flat_map(looks_of).collect(),
            attempts: self.attempts_of(&of_it).await?,
            observations: self.observations_of(&of_it).await?,
            led_to: self.led_to(id).await?,
            timers: self.timers_of(id).await?,
        })
    }

    async fn gate_and_repeats(&self, id: MessageId) -> Result<(Option<Value>, Option<Repeated>), Error> {
        let row: Option<(Option<String>, Option<i32>, Option<i64>)> = messages::Entity::find_by_id(id.0)
            .select_only()
            .columns([messages::Column::Gate, messages::Column::Repeats, messages::Column::RepeatedAt])
            .into_tuple()
            .one(&self.reads)
            .await?;
        let Some((gate, repeats, repeated_at)) = row else { return Ok((None, None)) };
        let repeated = repeats.zip(repeated_at);
        let repeated =
            repeated.map(|(times, at)| Repeated { times: u32::try_from(times).unwrap_or(0), last_at: time(at) });
        Ok((json(gate), repeated))
    }

    async fn attempts_of(&self, of_it: &[parts::Model]) -> Result<Vec<KnownAttempt>, Error> {
        if of_it.is_empty() {
            return Ok(Vec::new());
        }
        let rows = attempts::Entity::find()
            .filter(attempts::Column::PartId.is_in(of_it.iter().map(|part| part.id)))
            .order_by_asc(attempts::Column::Id)
            .all(&self.reads)
            .await?;
        let known = |row: attempts::Model| KnownAttempt {
            part_id: PartId(row.part_id),
            number: u32::try_from(row.number).unwrap_or(0),
            started_at: time(row.started_at),
            finished_at: row.finished_at.map(time),
            outcome: row.outcome,
            error_code: row.error_code,
            error_message: row.error_message.as_deref().map(shorten_numbers),
            exchange: json(row.exchange),
        };
        Ok(rows.into_iter().map(known).collect())
    }

    async fn observations_of(&self, of_it: &[parts::Model]) -> Result<Vec<KnownObservation>, Error> {
        let Some(first) = of_it.first() else { return Ok(Vec::new()) };
        let by_provider = Condition::all()
            .add(observations::Column::Channel.eq(&first.channel))
            .add(observations::Column::ProviderId.is_in(of_it.iter().filter_map(|part| part.provider_id.as_deref())));
        let by_part = observations::Column::PartId.is_in(of_it.iter().map(|part| part.id));
        let rows = observations::Entity::find()
            .filter(Condition::any().add(by_provider).add(by_part))
            .order_by_asc(observations::Column::Id)
            .all(&self.reads)
            .await?;
        let known = |row: observations::Model| KnownObservation {
            provider_id: row.provider_id,
            status: super::operations::read(&row.status),
            error_code: row.error_code,
            error_message: row.error_message.as_deref().map(shorten_numbers),
            conflict: row.conflict,
            received_at: time(row.received_at),
            times: u32::try_from(row.times).unwrap_or(1),
            repeated_at: row.repeated_at.map(time),
        };
        Ok(rows.into_iter().map(known).collect())
    }

    async fn led_to(&self, id: MessageId) -> Result<Vec<LedTo>, Error> {
        let from_it =
            Condition::any().add(messages::Column::InReplyTo.eq(id.0)).add(messages::Column::CausedBy.eq(id.0));
        let rows = messages::Entity::find().filter(from_it).order_by_asc(messages::Column::Id).all(&self.reads).await?;
        let known = |row: messages::Model| LedTo {
            message_id: MessageId(row.id),
            reply: row.in_reply_to.is_some(),
            plugin: row.plugin,
            status: super::operations::read(&row.status),
            created_at: time(row.created_at),
            gate: json(row.gate),
        };
        Ok(rows.into_iter().map(known).collect())
    }

    async fn timers_of(&self, id: MessageId) -> Result<Vec<WaitingTimer>, Error> {
        let rows = timers::Entity::find()
            .filter(timers::Column::MessageId.eq(id.0))
            .order_by_asc(timers::Column::DueAt)
            .all(&self.reads)
            .await?;
        let known = |row: timers::Model| WaitingTimer {
            plugin: row.plugin,
            name: row.name,
            started_at: time(row.started_at),
            due_at: time(row.due_at),
        };
        Ok(rows.into_iter().map(known).collect())
    }
}

fn json(text: Option<String>) -> Option<Value> {
    serde_json::from_str(&text?).ok()
}

fn looks_of(part: &parts::Model) -> Vec<KnownLook> {
    let looks = super::operations::looks::read(part.looks.as_deref());
    looks.into_iter().map(|look| KnownLook { part_id: PartId(part.id), look }).collect()
}
