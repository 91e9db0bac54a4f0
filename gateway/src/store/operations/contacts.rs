//! Putting people down, and changing what is noted about them.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use jiff::Timestamp;
use sea_orm::ActiveModelTrait;
use sea_orm::sea_query::LockType;
use sea_orm::{ColumnTrait, DatabaseTransaction, EntityTrait, IntoActiveModel, QueryFilter, QuerySelect, Set};
use uuid::Uuid;

use super::inserting::{insert, insert_or};
use super::{millis, storable};
use crate::message::{Address, ContactId};
use crate::store::contacts::{
    ContactChange, ContactChanged, ContactMade, MOST_ATTRIBUTES, NewContact, find, survivor, with_addresses,
};
use crate::store::entities::{addresses, contacts};
use crate::store::plugins::to_attributes;
use crate::store::writer::Operation;
use crate::store::{Act, Error, Store};

#[async_trait]
impl Operation for NewContact {
    type Output = ContactMade;

    async fn apply(&self, transaction: &DatabaseTransaction) -> Result<ContactMade, Error> {
        let wanted: BTreeSet<&str> = self.addresses.iter().map(Address::as_str).collect();
        let taken = addresses::Entity::find()
            .filter(addresses::Column::Address.is_in(wanted.iter().copied()))
            .one(transaction)
            .await?;
        if let Some(row) = taken {
            return Ok(ContactMade::Taken { address: Address::received(&row.address), by: ContactId(row.contact_id) });
        }
        insert(transaction, vec![row(self.id.0, self.name.as_deref(), &self.attributes, self.at)]).await?;
        let theirs = wanted.into_iter().map(|address| (address, self.id.0)).collect();
        insert_addresses(transaction, theirs, self.at).await?;
        let made = find(transaction, self.id).await?;
        made.map(ContactMade::Done).ok_or_else(|| Error::Refused("a contact was not made".to_owned()))
    }
}

pub(super) fn row(
    id: Uuid,
    name: Option<&str>,
    attributes: &BTreeMap<String, String>,
    at: Timestamp,
) -> contacts::ActiveModel {
    contacts::ActiveModel {
        id: Set(id),
        name: Set(name.map(storable)),
        created_at: Set(millis(at)),
        updated_at: Set(millis(at)),
        attributes: Set((!attributes.is_empty()).then(|| to_json(attributes))),
        merged_into: Set(None),
        erased_at: Set(None),
    }
}

/// Addresses that nobody had a moment ago.
pub(super) async fn insert_addresses(
    transaction: &DatabaseTransaction,
    all: Vec<(&str, Uuid)>,
    at: Timestamp,
) -> Result<(), Error> {
    if all.is_empty() {
        return Ok(());
    }
    let count = all.len();
    let rows = all.into_iter().map(|(address, contact_id)| addresses::ActiveModel {
        address: Set(address.to_owned()),
        contact_id: Set(contact_id),
        created_at: Set(millis(at)),
    });
    let inserted = insert_or(transaction, rows.collect(), "ON CONFLICT DO NOTHING").await?;
    if usize::try_from(inserted).ok() != Some(count) {
        return Err(Error::Overtaken("somebody with that address came to be known just now".to_owned()));
    }
    Ok(())
}

pub(super) fn to_json(attributes: &BTreeMap<String, String>) -> serde_json::Value {
    let kept: BTreeMap<String, String> =
        attributes.iter().map(|(name, value)| (storable(name), storable(value))).collect();
    serde_json::json!(kept)
}

/// Whether a conversation's person was erased.
pub(super) async fn is_erased(transaction: &DatabaseTransaction, id: Uuid) -> Result<bool, Error> {
    let found = contacts::Entity::find_by_id(id).one(transaction).await?;
    Ok(found.is_some_and(|row| row.erased_at.is_some()))
}

/// The person of that id or whom it was merged into, locked.
pub(super) async fn locked(transaction: &DatabaseTransaction, id: Uuid) -> Result<Option<contacts::Model>, Error> {
    let Some(found) = survivor(transaction, id).await? else { return Ok(None) };
    let row = contacts::Entity::find_by_id(found.id).lock(LockType::NoKeyUpdate).one(transaction).await?;
    match row {
        Some(row) if row.merged_into.is_some() => Err(Error::Overtaken("the contact was merged just now".to_owned())),
        row => Ok(row.filter(|row| row.erased_at.is_none())),
    }
}

#[async_trait]
impl Operation for ContactChange {
    type Output = ContactChanged;

    async fn apply(&self, transaction: &DatabaseTransaction) -> Result<ContactChanged, Error> {
        let Some(before) = locked(transaction, self.id.0).await? else { return Ok(ContactChanged::NotFound) };
        let Some(known) = with_addresses(transaction, vec![before.clone()]).await?.pop() else {
            return Ok(ContactChanged::NotFound);
        };
        if self.expected.as_ref().is_some_and(|mark| *mark != known.mark()) {
            return Ok(ContactChanged::Mismatch);
        }
        let mut attributes = to_attributes(before.attributes.clone());
        for (name, value) in &self.attributes {
            match value {
                Some(value) => attributes.insert(storable(name), storable(value)),
                None => attributes.remove(&storable(name)),
            };
        }
        if attributes.len() > MOST_ATTRIBUTES.max(known.attributes.len()) {
            return Ok(ContactChanged::TooMany);
        }
        let name = self.name.as_ref().map_or_else(|| known.name.clone(), |name| name.as_deref().map(storable));
        if (&name, &attributes) == (&known.name, &known.attributes) {
            return Ok(ContactChanged::Same(known));
        }
        let mut row = before.into_active_model();
        row.name = Set(name);
        row.attributes = Set(Some(to_json(&attributes)));
        row.updated_at = Set(millis(self.at));
        let changed = row.update(transaction).await?;
        let changed = with_addresses(transaction, vec![changed]).await?.pop();
        Ok(changed.map_or(ContactChanged::NotFound, ContactChanged::Done))
    }
}

impl Store {
    /// Puts somebody down, unless an address is another's.
    pub async fn create_contact(&self, new: NewContact, act: Act) -> Result<ContactMade, Error> {
        self.write_by(new, act, |made| matches!(made, ContactMade::Done(_))).await
    }

    /// Changes what is noted about somebody.
    pub async fn change_contact(&self, change: ContactChange, act: Act) -> Result<ContactChanged, Error> {
        self.write_by(change, act, |changed| matches!(changed, ContactChanged::Done(_))).await
    }
}
