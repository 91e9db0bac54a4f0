//! Reading what plugins are told, what they remember and what they decided. From the pool for reading;
//! nothing is read that no plugin asks for.

use std::collections::BTreeMap;

use jiff::Timestamp;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, Condition, EntityTrait, FromQueryResult, QueryFilter, QueryOrder, QuerySelect};
use uuid::Uuid;

use super::decisions::{Asked, Hook, Kept, StateKey, StoredValue};
use super::entities::{contacts, conversations, messages, plugin_state, timers, traces};
use super::reads::{time, to_conversation};
use super::shown::{Contact, Thread};
use super::traces::asking;
use super::{Error, Store};
use crate::message::{Address, ContactId, ConversationId, MessageId};

impl Store {
    /// The open conversation with an address on a channel.
    pub async fn open_thread(&self, channel: &str, address: &Address) -> Result<Option<Thread>, Error> {
        let found = conversations::Entity::find()
            .find_also_related(contacts::Entity)
            .filter(conversations::Column::Channel.eq(channel))
            .filter(conversations::Column::Address.eq(address.as_str()))
            // Word for word the condition of the partial index, so that SQLite uses it.
            .filter(Expr::cust("status <> 'closed'"));
        Ok(found.one(&self.reads).await?.map(to_thread))
    }

    /// When the message before the last one came in.
    pub async fn previous_inbound_at(&self, id: ConversationId) -> Result<Option<Timestamp>, Error> {
        let newest: Option<Option<i64>> = messages::Entity::find()
            .select_only()
            .column(messages::Column::PreviousInboundAt)
            .filter(messages::Column::ConversationId.eq(id.0))
            .filter(messages::Column::Direction.eq("inbound"))
            .order_by_desc(messages::Column::Id)
            .into_tuple()
            .one(&self.reads)
            .await?;
        Ok(newest.flatten().map(time))
    }

    /// How many messages followed from a message's reports, or else from its timers.
    pub async fn followed(&self, id: MessageId) -> Result<u64, Error> {
        let count: Option<i64> = messages::Entity::find()
            .select_only()
            .column_as(messages::Column::Id.count(), "count")
            .filter(messages::Column::CausedBy.eq(id.0))
            .into_tuple()
            .one(&self.reads)
            .await?;
        Ok(count.and_then(|count| u64::try_from(count).ok()).unwrap_or(0))
    }

    /// The timers of a conversation: whose, and their names.
    pub async fn timer_names(&self, id: ConversationId) -> Result<Vec<(String, String)>, Error> {
        let names = timers::Entity::find()
            .select_only()
            .columns([timers::Column::Plugin, timers::Column::Name])
            .filter(timers::Column::ConversationId.eq(id.0))
            .into_tuple()
            .all(&self.reads)
            .await?;
        Ok(names)
    }

    /// What is remembered now under this name.
    pub async fn recall(&self, key: &StateKey, now: Timestamp) -> Result<Option<StoredValue>, Error> {
        let row = named(key).filter(plugin_state::Column::ReplacedAt.is_null()).one(&self.reads).await?;
        Ok(row.filter(|row| is_there(row, now)).map(to_value))
    }

    /// What was remembered when the plugins were asked.
    pub async fn recall_then(&self, key: &StateKey, then: &Asked) -> Result<Option<StoredValue>, Error> {
        let newest = named(key)
            .filter(plugin_state::Column::Version.lt(then.moment))
            .order_by_desc(plugin_state::Column::Version)
            .one(&self.reads)
            .await?;
        // The newest may have been deleted by then, with nothing in its place.
        let lasted = newest.filter(|row| row.replaced_by.is_none_or(|by| by > then.moment));
        Ok(lasted.filter(|row| is_there(row, then.at)).map(to_value))
    }

    /// How much is remembered now below a subject.
    pub async fn kept(&self, plugin: &str, scope: &str, subject: Uuid, now: Timestamp) -> Result<Kept, Error> {
        let current = Condition::all().add(plugin_state::Column::ReplacedAt.is_null());
        self.kept_of(plugin, scope, subject, now, current).await
    }

    /// How much was when the plugins were asked.
    pub async fn kept_then(&self, plugin: &str, scope: &str, subject: Uuid, then: &Asked) -> Result<Kept, Error> {
        let lasted = Condition::any()
            .add(plugin_state::Column::ReplacedBy.is_null())
            .add(plugin_state::Column::ReplacedBy.gt(then.moment));
        let current = Condition::all().add(plugin_state::Column::Version.lt(then.moment)).add(lasted);
        self.kept_of(plugin, scope, subject, then.at, current).await
    }

    async fn kept_of(
        &self,
        plugin: &str,
        scope: &str,
        subject: Uuid,
        at: Timestamp,
        current: Condition,
    ) -> Result<Kept, Error> {
        #[derive(FromQueryResult)]
        struct Sums {
            keys: i64,
            bytes: Option<i64>,
        }
        let lasts = Condition::any()
            .add(plugin_state::Column::ExpiresAt.is_null())
            .add(plugin_state::Column::ExpiresAt.gt(at.as_millisecond()));
        let sums: Option<Sums> = plugin_state::Entity::find()
            .select_only()
            .column_as(Expr::cust("COUNT(*)"), "keys")
            .column_as(Expr::cust("CAST(SUM(bytes) AS BIGINT)"), "bytes")
            .filter(plugin_state::Column::Plugin.eq(plugin))
            .filter(plugin_state::Column::Scope.eq(scope))
            .filter(plugin_state::Column::Subject.eq(subject))
            .filter(current)
            .filter(lasts)
            .into_model()
            .one(&self.reads)
            .await?;
        let size = |number: i64| usize::try_from(number).unwrap_or(0);
        Ok(sums.map_or_else(Kept::default, |sums| Kept { keys: size(sums.keys), bytes: size(sums.bytes.unwrap_or(0)) }))
    }

    /// When plugins were asked about a message as it came in or was to be sent, and what their
    /// randomness began with; nothing where it was not processed, or is not there.
    pub async fn asked(&self, id: MessageId) -> Result<Option<Asked>, Error> {
        let Some(message) = messages::Entity::find_by_id(id.0).one(&self.reads).await? else { return Ok(None) };
        let inbound = message.direction == "inbound";
        if let Some(asking) = asking(&message) {
            return Ok(Some(Asked { at: time(asking.at), seed: seed(message.seed), moment: asking.id }));
        }
        let hook = if inbound { Hook::Inbound } else { Hook::Outbound };
        let first = traces::Entity::find()
            .filter(traces::Column::MessageId.eq(id.0))
            .filter(traces::Column::Hook.eq(hook.as_str()))
            .order_by_asc(traces::Column::Id)
            .one(&self.reads)
            .await?;
        if let Some(first) = first {
            let at = time(first.created_at);
            return Ok(Some(Asked { at, seed: seed(message.seed), moment: first.id }));
        }
        let at = if inbound { message.processed_at } else { Some(message.created_at) };
        Ok(at.map(time).map(|at| Asked { at, seed: seed(message.seed), moment: first_id(at) }))
    }
}

fn named(key: &StateKey) -> sea_orm::Select<plugin_state::Entity> {
    plugin_state::Entity::find()
        .filter(plugin_state::Column::Plugin.eq(&key.plugin))
        .filter(plugin_state::Column::Scope.eq(key.scope))
        .filter(plugin_state::Column::Subject.eq(key.subject))
        .filter(plugin_state::Column::Key.eq(&key.key))
}

fn is_there(row: &plugin_state::Model, at: Timestamp) -> bool {
    row.expires_at.is_none_or(|expires_at| expires_at > at.as_millisecond())
}

fn to_value(row: plugin_state::Model) -> StoredValue {
    StoredValue { value: row.value, version: row.version, expires_at: row.expires_at.map(time) }
}

pub(super) fn to_thread((row, contact): (conversations::Model, Option<contacts::Model>)) -> Thread {
    let is_erased = contact.as_ref().is_some_and(|contact| contact.erased_at.is_some());
    let (name, attributes) = contact.map(|contact| (contact.name, contact.attributes)).unwrap_or_default();
    Thread {
        is_erased,
        contact: Contact { id: ContactId(row.contact_id), name, attributes: to_attributes(attributes) },
        conversation: to_conversation(row),
    }
}

pub(super) fn to_attributes(json: Option<serde_json::Value>) -> BTreeMap<String, String> {
    json.and_then(|json| serde_json::from_value(json).ok()).unwrap_or_default()
}

pub(super) fn seed(bits: Option<i64>) -> Option<u64> {
    bits.map(i64::cast_unsigned)
}

/// Before every id that was made in this millisecond, and after all that were made earlier.
pub(super) fn first_id(at: Timestamp) -> Uuid {
    let millis = u64::try_from(at.as_millisecond()).unwrap_or(0);
    Uuid::from_u64_pair(millis << 16, 0)
}
