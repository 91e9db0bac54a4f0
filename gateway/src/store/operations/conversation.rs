//! Finding the open conversation with an address, or making it with its contact.
//!
//! Set-based: a constant number of statements for any number of addresses.

use std::collections::BTreeMap;

use jiff::Timestamp;
use sea_orm::sea_query::{Expr, LockType};
use sea_orm::{ColumnTrait, Condition, DatabaseTransaction, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Set};
use uuid::Uuid;

use super::inserting::{insert, insert_or};
use super::millis;
use super::sizes::filled;
use crate::message::ConversationStatus;
use crate::store::Error;
use crate::store::entities::{addresses, contacts, conversations};

/// A channel and an address on it.
pub(super) type Key = (String, String);

/// What a conversation is made with, when there is none.
pub(super) struct Wanted {
    pub(super) conversation_id: Uuid,
    pub(super) contact_id: Uuid,
    pub(super) subject: String,
    pub(super) status: ConversationStatus,
    pub(super) at: Timestamp,
}

/// The open conversation of each key; those that did not exist are there afterwards.
pub(super) async fn find_or_create(
    transaction: &DatabaseTransaction,
    wanted: &BTreeMap<Key, Wanted>,
) -> Result<BTreeMap<Key, conversations::Model>, Error> {
    let mut found = open(transaction, wanted.keys()).await?;
    let missing: Vec<(&Key, &Wanted)> = wanted.iter().filter(|(key, _)| !found.contains_key(*key)).collect();
    if missing.is_empty() {
        return Ok(found);
    }
    let contacts = contacts_of(transaction, &missing).await?;
    let rows =
        missing.iter().filter_map(|(key, wanted)| contacts.get(&key.1).map(|contact_id| row(key, wanted, *contact_id)));
    // Another process may have made the same one meanwhile; then that one is taken.
    insert_or(transaction, rows.collect(), "ON CONFLICT DO NOTHING").await?;
    found.extend(open(transaction, missing.iter().map(|(key, _)| *key)).await?);
    Ok(found)
}

pub(super) async fn open(
    transaction: &DatabaseTransaction,
    keys: impl Iterator<Item = &Key>,
) -> Result<BTreeMap<Key, conversations::Model>, Error> {
    let mut any = Condition::any();
    let mut by_channel: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (channel, address) in keys {
        by_channel.entry(channel).or_default().push(address);
    }
    for (channel, addresses) in by_channel {
        any = any.add(
            Condition::all()
                .add(conversations::Column::Channel.eq(channel))
                .add(conversations::Column::Address.is_in(filled(addresses))),
        );
    }
    let rows = conversations::Entity::find()
        .filter(any)
        // Word for word the condition of the partial index, so that SQLite uses it.
        .filter(Expr::cust("status <> 'closed'"))
        // In one order for all, and so that rows that refer to them may be written meanwhile.
        .order_by_asc(conversations::Column::Id)
        .lock(LockType::NoKeyUpdate)
        .all(transaction)
        .await?;
    Ok(rows.into_iter().map(|row| ((row.channel.clone(), row.address.clone()), row)).collect())
}

/// The contact of each missing key's address, made if there is none.
async fn contacts_of(
    transaction: &DatabaseTransaction,
    missing: &[(&Key, &Wanted)],
) -> Result<BTreeMap<String, Uuid>, Error> {
    let mut found = known(transaction, missing).await?;
    let mut new: BTreeMap<&str, &Wanted> = BTreeMap::new();
    for (key, wanted) in missing {
        if !found.contains_key(&key.1) {
            new.insert(&key.1, wanted);
        }
    }
    if new.is_empty() {
        return Ok(found);
    }
    let rows = new.values().map(|wanted| contacts::ActiveModel {
        id: Set(wanted.contact_id),
        name: Set(None),
        created_at: Set(millis(wanted.at)),
        updated_at: Set(millis(wanted.at)),
        attributes: Set(None),
        merged_into: Set(None),
        erased_at: Set(None),
    });
    insert(transaction, rows.collect()).await?;
    let rows = new.iter().map(|(address, wanted)| addresses::ActiveModel {
        address: Set((*address).to_owned()),
        contact_id: Set(wanted.contact_id),
        created_at: Set(millis(wanted.at)),
    });
    insert_or(transaction, rows.collect(), "ON CONFLICT DO NOTHING").await?;
    found.extend(known(transaction, missing).await?);
    // Another process may have made the same address meanwhile; then our contact is nobody.
    let nobody = new.iter().filter(|(address, wanted)| found.get(**address) != Some(&wanted.contact_id));
    let nobody: Vec<Uuid> = nobody.map(|(_, wanted)| wanted.contact_id).collect();
    if !nobody.is_empty() {
        contacts::Entity::delete_many().filter(contacts::Column::Id.is_in(nobody)).exec(transaction).await?;
    }
    Ok(found)
}

async fn known(
    transaction: &DatabaseTransaction,
    missing: &[(&Key, &Wanted)],
) -> Result<BTreeMap<String, Uuid>, Error> {
    let rows = addresses::Entity::find()
        .filter(addresses::Column::Address.is_in(filled(missing.iter().map(|(key, _)| key.1.as_str()))))
        // Whose they are stays so until the conversation is there: who merges contacts moves addresses first.
        .order_by_asc(addresses::Column::Address)
        .lock_shared()
        .all(transaction)
        .await?;
    Ok(rows.into_iter().map(|row| (row.address, row.contact_id)).collect())
}

fn row(key: &Key, wanted: &Wanted, contact_id: Uuid) -> conversations::ActiveModel {
    conversations::ActiveModel {
        id: Set(wanted.conversation_id),
        channel: Set(key.0.clone()),
        address: Set(key.1.clone()),
        contact_id: Set(contact_id),
        status: Set(wanted.status.as_str().to_owned()),
        subject: Set(wanted.subject.clone()),
        tags: Set(serde_json::json!([])),
        unread: Set(0),
        inbound_count: Set(0),
        last_message_at: Set(millis(wanted.at)),
        last_inbound_at: Set(None),
        created_at: Set(millis(wanted.at)),
        updated_at: Set(millis(wanted.at)),
        assignee: Set(None),
        closed_at: Set(None),
    }
}
