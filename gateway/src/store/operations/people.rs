//! What the gate wants to know of people besides their consent: when they wrote, what time it is where they are,
//! and what they were sent. Nothing is read where no rule asks for it.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use sea_orm::sea_query::Expr;
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter, QuerySelect, Statement,
    Value,
};
use uuid::Uuid;

use super::conversation::Key;
use super::millis;
use crate::gate::Sent;
use crate::store::Error;
use crate::store::entities::{addresses, contacts, conversations};
use crate::store::plugins::to_attributes;
use crate::store::reads::{lowest_id, time};
use crate::store::reporting::Reporting;

/// What an operator or a plugin notes of somebody whose time is not that of their number.
const TIME_ZONE: &str = "time_zone";

const DAY: SignedDuration = SignedDuration::from_hours(24);
const WEEK: SignedDuration = SignedDuration::from_hours(7 * 24);

#[derive(Default)]
pub(super) struct People {
    contacts: BTreeMap<String, Uuid>,
    zones: BTreeMap<Uuid, String>,
    wrote: BTreeMap<Key, Timestamp>,
    sent: BTreeMap<Uuid, Sent>,
    /// What is stored in this transaction: by person, or by the address of whom nothing is known yet.
    sent_to: BTreeMap<String, u32>,
}

impl People {
    pub(super) async fn look(
        transaction: &DatabaseTransaction,
        keys: &[(&str, &str)],
        now: Timestamp,
        reporting: &Reporting,
    ) -> Result<Self, Error> {
        let rules = reporting.rules();
        if !rules.looks_further() || keys.is_empty() {
            return Ok(Self::default());
        }
        let all: BTreeSet<&str> = keys.iter().map(|(_, address)| *address).collect();
        let rows = addresses::Entity::find().filter(addresses::Column::Address.is_in(all)).all(transaction).await?;
        let contacts: BTreeMap<String, Uuid> = rows.into_iter().map(|row| (row.address, row.contact_id)).collect();
        let ids: BTreeSet<Uuid> = contacts.values().copied().collect();
        let sent = if rules.has_caps() { sent(transaction, &ids, now).await? } else { BTreeMap::new() };
        Ok(Self {
            zones: zones(transaction, ids).await?,
            wrote: wrote(transaction, keys).await?,
            contacts,
            sent,
            sent_to: BTreeMap::new(),
        })
    }

    pub(super) fn time_zone(&self, address: &str) -> Option<&str> {
        self.zones.get(self.contacts.get(address)?).map(String::as_str)
    }

    pub(super) fn wrote(&self, key: &Key) -> Option<Timestamp> {
        self.wrote.get(key).copied()
    }

    pub(super) fn sent(&self, address: &str) -> Sent {
        let known = self.contacts.get(address).and_then(|id| self.sent.get(id)).copied().unwrap_or_default();
        let new = self.sent_to.get(&self.who(address)).copied().unwrap_or(0);
        Sent { in_a_day: known.in_a_day.saturating_add(new), in_a_week: known.in_a_week.saturating_add(new) }
    }

    /// One more is stored to this address.
    pub(super) fn count(&mut self, address: &str) {
        *self.sent_to.entry(self.who(address)).or_default() += 1;
    }

    /// All addresses of one person are one.
    fn who(&self, address: &str) -> String {
        self.contacts.get(address).map_or_else(|| address.to_owned(), Uuid::to_string)
    }
}

async fn zones(transaction: &DatabaseTransaction, ids: BTreeSet<Uuid>) -> Result<BTreeMap<Uuid, String>, Error> {
    let rows: Vec<(Uuid, Option<serde_json::Value>)> = contacts::Entity::find()
        .select_only()
        .columns([contacts::Column::Id, contacts::Column::Attributes])
        .filter(contacts::Column::Id.is_in(ids))
        .filter(contacts::Column::Attributes.is_not_null())
        .into_tuple()
        .all(transaction)
        .await?;
    let noted = |(id, attributes)| Some((id, to_attributes(attributes).remove(TIME_ZONE)?));
    Ok(rows.into_iter().filter_map(noted).collect())
}

/// When each wrote last, in the conversation that is open.
async fn wrote(transaction: &DatabaseTransaction, keys: &[(&str, &str)]) -> Result<BTreeMap<Key, Timestamp>, Error> {
    let mut any = Condition::any();
    let mut by_channel: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (channel, address) in keys {
        by_channel.entry(channel).or_default().insert(address);
    }
    for (channel, addresses) in by_channel {
        let of_one = Condition::all()
            .add(conversations::Column::Channel.eq(channel))
            .add(conversations::Column::Address.is_in(addresses));
        any = any.add(of_one);
    }
    let rows: Vec<(String, String, Option<i64>)> = conversations::Entity::find()
        .select_only()
        .columns([conversations::Column::Channel, conversations::Column::Address, conversations::Column::LastInboundAt])
        .filter(any)
        // Word for word the condition of the partial index, so that SQLite uses it.
        .filter(Expr::cust("status <> 'closed'"))
        .into_tuple()
        .all(transaction)
        .await?;
    Ok(rows.into_iter().filter_map(|(channel, address, at)| Some(((channel, address), time(at?)))).collect())
}

/// What each was sent without being asked, in all their conversations. Ids are in the order of time, so that what is
/// older is not looked at.
async fn sent(
    transaction: &DatabaseTransaction,
    ids: &BTreeSet<Uuid>,
    now: Timestamp,
) -> Result<BTreeMap<Uuid, Sent>, Error> {
    if ids.is_empty() {
        return Ok(BTreeMap::new());
    }
    let before = |length| now.checked_sub(length).unwrap_or(Timestamp::MIN);
    let mut values: Vec<Value> =
        vec![millis(before(DAY)).into(), lowest_id(before(WEEK)).into(), millis(before(WEEK)).into()];
    let first = values.len() + 1;
    values.extend(ids.iter().map(|id| Value::from(*id)));
    let places: Vec<String> = (first..=values.len()).map(|place| format!("${place}")).collect();
    let sql = format!(
        "SELECT conversations.contact_id AS contact_id, COUNT(*) AS in_a_week, \
         SUM(CASE WHEN messages.created_at > $1 THEN 1 ELSE 0 END) AS in_a_day \
         FROM conversations JOIN messages ON messages.conversation_id = conversations.id \
         WHERE conversations.contact_id IN ({}) AND messages.id >= $2 AND messages.created_at > $3 \
         AND messages.direction = 'outbound' AND messages.in_reply_to IS NULL \
         AND messages.status NOT IN ('failed', 'canceled', 'undelivered') GROUP BY conversations.contact_id",
        places.join(", ")
    );
    let statement = Statement::from_sql_and_values(transaction.get_database_backend(), sql, values);
    let rows = transaction.query_all_raw(statement).await?;
    let count = |number: i64| u32::try_from(number).unwrap_or(u32::MAX);
    rows.iter()
        .map(|row| {
            let (day, week): (i64, i64) = (row.try_get("", "in_a_day")?, row.try_get("", "in_a_week")?);
            Ok((row.try_get("", "contact_id")?, Sent { in_a_day: count(day), in_a_week: count(week) }))
        })
        .collect()
}
