//! How far an opting out reaches: the channel and address where it was said; or, where it counts for the whole
//! business, all channels, the same number on WhatsApp, and all other addresses of the person.

use std::collections::{BTreeMap, BTreeSet};

use sea_orm::sea_query::{LockType, Query};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    Statement, Value,
};

use super::conversation::Key;
use super::rows::places;
use super::sizes::filled;
use crate::message::consent::Choice;
use crate::store::Error;
use crate::store::entities::{addresses, consents, conversations};
use crate::store::reporting::Reporting;

const WHATSAPP: &str = "whatsapp:";

/// In a claim: that the recipient of the part `due` has opted out of this channel.
pub(in crate::store) const OF_CHANNEL: &str = "SELECT 1 FROM consents WHERE consents.channel = due.channel \
    AND consents.address = due.recipient AND consents.state = 'opted_out' LIMIT 1";

/// The same where an opting out counts everywhere.
pub(in crate::store) const OF_BUSINESS: &str = "SELECT 1 FROM consents WHERE consents.state = 'opted_out' \
    AND consents.address IN (SELECT due.recipient UNION ALL \
    SELECT CASE WHEN due.recipient LIKE 'whatsapp:%' THEN substr(due.recipient, 10) \
    ELSE 'whatsapp:' || due.recipient END UNION ALL \
    SELECT other.address FROM addresses AS own JOIN addresses AS other ON other.contact_id = own.contact_id \
    WHERE own.address = due.recipient) LIMIT 1";

/// Which addresses are one person's.
pub(super) struct Reach(BTreeMap<String, BTreeSet<String>>);

impl Reach {
    pub(super) async fn of(transaction: &DatabaseTransaction, addresses: &[&str]) -> Result<Self, Error> {
        let mut reach: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for address in addresses {
            reach.entry((*address).to_owned()).or_insert_with(|| [(*address).to_owned(), twin(address)].into());
        }
        let values: Vec<Value> = filled(reach.keys().map(|address| address.as_str().into()));
        if values.is_empty() {
            return Ok(Self(reach));
        }
        let backend = transaction.get_database_backend();
        let sql = format!(
            "SELECT own.address AS one, other.address AS other FROM addresses AS own \
             JOIN addresses AS other ON other.contact_id = own.contact_id WHERE own.address IN ({})",
            places(backend, 1, values.len()).join(", ")
        );
        let statement = Statement::from_sql_and_values(backend, sql, values);
        for row in transaction.query_all_raw(statement).await? {
            let (one, other): (String, String) = (row.try_get("", "one")?, row.try_get("", "other")?);
            reach.entry(one).or_default().insert(other);
        }
        Ok(Self(reach))
    }

    pub(super) fn all<'a>(&'a self, address: &str) -> impl Iterator<Item = &'a str> {
        self.0.get(address).into_iter().flatten().map(String::as_str)
    }
}

/// The same number on WhatsApp, or off it.
fn twin(address: &str) -> String {
    address.strip_prefix(WHATSAPP).map_or_else(|| format!("{WHATSAPP}{address}"), str::to_owned)
}

/// What is on record about the addresses. Of what was said elsewhere, an opting out alone counts.
pub(super) async fn known(
    transaction: &DatabaseTransaction,
    keys: &[(&str, &str)],
    reporting: &Reporting,
) -> Result<BTreeMap<Key, consents::Model>, Error> {
    if keys.is_empty() {
        return Ok(BTreeMap::new());
    }
    if !reporting.rules().is_business_wide() {
        return of_channels(transaction, keys).await;
    }
    let addresses: Vec<&str> = keys.iter().map(|(_, address)| *address).collect();
    let reach = Reach::of(transaction, &addresses).await?;
    let all: BTreeSet<&str> = addresses.iter().flat_map(|address| reach.all(address)).collect();
    let rows = consents::Entity::find()
        .filter(consents::Column::Address.is_in(filled(all)))
        .order_by_asc(consents::Column::At)
        .all(transaction)
        .await?;
    let mut by_address: BTreeMap<&str, Vec<&consents::Model>> = BTreeMap::new();
    for row in &rows {
        by_address.entry(&row.address).or_default().push(row);
    }
    let mut known = BTreeMap::new();
    for (channel, address) in keys {
        let theirs = || reach.all(address).flat_map(|address| by_address.get(address).into_iter().flatten());
        let out = theirs().find(|row| row.state == Choice::OptedOut.as_str());
        let own = || theirs().find(|row| row.channel == *channel && row.address == *address);
        if let Some(row) = out.or_else(own) {
            known.insert(((*channel).to_owned(), (*address).to_owned()), (*row).clone());
        }
    }
    Ok(known)
}

async fn of_channels(
    transaction: &DatabaseTransaction,
    keys: &[(&str, &str)],
) -> Result<BTreeMap<Key, consents::Model>, Error> {
    let mut by_channel: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (channel, address) in keys {
        by_channel.entry(channel).or_default().insert(address);
    }
    let mut any = Condition::any();
    for (channel, addresses) in by_channel {
        any = any.add(
            Condition::all()
                .add(consents::Column::Channel.eq(channel))
                .add(consents::Column::Address.is_in(filled(addresses))),
        );
    }
    let rows = consents::Entity::find().filter(any).all(transaction).await?;
    Ok(rows.into_iter().map(|row| ((row.channel.clone(), row.address.clone()), row)).collect())
}

/// Those of the addresses that have opted out.
pub(super) async fn opted_out(
    transaction: &DatabaseTransaction,
    keys: &[(&str, &str)],
    reporting: &Reporting,
) -> Result<BTreeMap<Key, consents::Model>, Error> {
    let mut known = known(transaction, keys, reporting).await?;
    known.retain(|_, consent| consent.state == Choice::OptedOut.as_str());
    Ok(known)
}

/// Each opting out of a person on any channel, where one counts for the whole business; else none.
pub(super) async fn all_opted_out(
    transaction: &DatabaseTransaction,
    address: &str,
    reporting: &Reporting,
) -> Result<Vec<consents::Model>, Error> {
    if !reporting.rules().is_business_wide() {
        return Ok(Vec::new());
    }
    let reach = Reach::of(transaction, &[address]).await?;
    let rows = consents::Entity::find()
        .filter(consents::Column::Address.is_in(reach.all(address)))
        .filter(consents::Column::State.eq(Choice::OptedOut.as_str()));
    Ok(rows.all(transaction).await?)
}

/// The proof of one address's opting out, when it has.
pub(super) async fn opted_out_one(
    transaction: &DatabaseTransaction,
    channel: &str,
    address: &str,
    reporting: &Reporting,
) -> Result<Option<consents::Model>, Error> {
    Ok(opted_out(transaction, &[(channel, address)], reporting).await?.into_values().next())
}

/// The open conversations with these addresses: channel and address. They are locked, by id.
pub(super) async fn open_conversations(
    transaction: &DatabaseTransaction,
    theirs: &[String],
) -> Result<Vec<(String, String)>, Error> {
    // By the person, since conversations are found by that on any channel.
    let people = Query::select()
        .column(addresses::Column::ContactId)
        .from(addresses::Entity)
        .and_where(addresses::Column::Address.is_in(theirs.iter().map(String::as_str)))
        .to_owned();
    let rows = conversations::Entity::find()
        .filter(conversations::Column::ContactId.in_subquery(people))
        .order_by_asc(conversations::Column::Id)
        .lock(LockType::NoKeyUpdate)
        .all(transaction)
        .await?;
    let pairs: BTreeSet<(String, String)> = rows.into_iter().map(|row| (row.channel, row.address)).collect();
    Ok(pairs.into_iter().collect())
}
