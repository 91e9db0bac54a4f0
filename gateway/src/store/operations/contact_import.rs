//! A list of people that is brought along: who is new, and what is another about those who are known. A
//! constant number of statements, and one for each who changes.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use jiff::Timestamp;
use sea_orm::sea_query::LockType;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, DatabaseTransaction, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder,
    QuerySelect, Set,
};
use uuid::Uuid;

use super::contacts::{insert_addresses, row, to_json};
use super::inserting::insert;
use super::{millis, storable};
use crate::message::ContactId;
use crate::store::contacts::{ContactLine, LineCame, MOST_ATTRIBUTES};
use crate::store::entities::{addresses, contacts};
use crate::store::plugins::to_attributes;
use crate::store::writer::Operation;
use crate::store::{Act, Error, Store};

struct Import {
    lines: Vec<ContactLine>,
    dry_run: bool,
    at: Timestamp,
}

/// A person, as the lines so far leave them.
struct Person {
    /// None: new.
    stored: Option<contacts::Model>,
    name: Option<String>,
    attributes: BTreeMap<String, String>,
}

#[async_trait]
impl Operation for Import {
    type Output = Vec<LineCame>;

    async fn apply(&self, transaction: &DatabaseTransaction) -> Result<Vec<LineCame>, Error> {
        let known = self.known(transaction).await?;
        let mut people = self.people(transaction, &known).await?;
        let mut owners: BTreeMap<&str, Uuid> =
            known.iter().map(|(address, contact)| (address.as_str(), *contact)).collect();
        let mut came = Vec::with_capacity(self.lines.len());
        for line in &self.lines {
            let Some(owner) = owners.get(line.address.as_str()).copied() else {
                owners.insert(line.address.as_str(), line.id.0);
                people.insert(line.id.0, new(line));
                came.push(LineCame::Created);
                continue;
            };
            let Some(person) = people.get_mut(&owner) else {
                return Err(Error::Overtaken("a contact was merged just now".to_owned()));
            };
            came.push(person.take(ContactId(owner), line));
        }
        if !self.dry_run {
            self.write(transaction, people, &owners, &known).await?;
        }
        Ok(came)
    }
}

impl Import {
    /// Whose the addresses are.
    async fn known(&self, transaction: &DatabaseTransaction) -> Result<BTreeMap<String, Uuid>, Error> {
        let wanted: BTreeSet<&str> = self.lines.iter().map(|line| line.address.as_str()).collect();
        let found = addresses::Entity::find().filter(addresses::Column::Address.is_in(wanted));
        Ok(found.all(transaction).await?.into_iter().map(|row| (row.address, row.contact_id)).collect())
    }

    async fn people(
        &self,
        transaction: &DatabaseTransaction,
        known: &BTreeMap<String, Uuid>,
    ) -> Result<BTreeMap<Uuid, Person>, Error> {
        let ids: BTreeSet<Uuid> = known.values().copied().collect();
        if ids.is_empty() {
            return Ok(BTreeMap::new());
        }
        let mut found = contacts::Entity::find()
            .filter(contacts::Column::Id.is_in(ids))
            .filter(contacts::Column::MergedInto.is_null())
            .filter(contacts::Column::ErasedAt.is_null())
            .order_by_asc(contacts::Column::Id);
        if !self.dry_run {
            found = found.lock(LockType::NoKeyUpdate);
        }
        let person = |row: contacts::Model| {
            let attributes = to_attributes(row.attributes.clone());
            (row.id, Person { name: row.name.clone(), attributes, stored: Some(row) })
        };
        Ok(found.all(transaction).await?.into_iter().map(person).collect())
    }

    async fn write(
        &self,
        transaction: &DatabaseTransaction,
        people: BTreeMap<Uuid, Person>,
        owners: &BTreeMap<&str, Uuid>,
        known: &BTreeMap<String, Uuid>,
    ) -> Result<(), Error> {
        let mut rows = Vec::new();
        for (id, person) in people {
            let Some(stored) = person.stored else {
                rows.push(row(id, person.name.as_deref(), &person.attributes, self.at));
                continue;
            };
            // Who is on the list twice may be as they were at its end.
            if person.name != stored.name || person.attributes != to_attributes(stored.attributes.clone()) {
                let mut changed = stored.into_active_model();
                changed.name = Set(person.name);
                changed.attributes = Set(Some(to_json(&person.attributes)));
                changed.updated_at = Set(millis(self.at));
                changed.update(transaction).await?;
            }
        }
        insert(transaction, rows).await?;
        let fresh = owners.iter().filter(|(address, _)| !known.contains_key(**address));
        insert_addresses(transaction, fresh.map(|(address, id)| (*address, *id)).collect(), self.at).await
    }
}

fn new(line: &ContactLine) -> Person {
    let name = line.name.as_deref().map(storable);
    let attributes = kept(line).collect();
    Person { stored: None, name, attributes }
}

fn kept(line: &ContactLine) -> impl Iterator<Item = (String, String)> {
    line.attributes.iter().map(|(name, value)| (storable(name), storable(value)))
}

impl Person {
    /// What a line says; what it says nothing of stays.
    fn take(&mut self, id: ContactId, line: &ContactLine) -> LineCame {
        let mut what = Vec::new();
        let mut attributes = self.attributes.clone();
        for (name, value) in kept(line) {
            if attributes.get(&name) != Some(&value) {
                what.push(name.clone());
                attributes.insert(name, value);
            }
        }
        if attributes.len() > MOST_ATTRIBUTES.max(self.attributes.len()) {
            return LineCame::TooMany { id };
        }
        if let Some(name) = line.name.as_deref().map(storable)
            && self.name.as_ref() != Some(&name)
        {
            what.insert(0, "name".to_owned());
            self.name = Some(name);
        }
        if what.is_empty() {
            return LineCame::Known { id };
        }
        self.attributes = attributes;
        LineCame::Changed { id, what }
    }
}

impl Store {
    /// Takes a list of people, in this order: all of it or nothing. A dry run changes nothing and says the same.
    pub async fn import_contacts(
        &self,
        lines: Vec<ContactLine>,
        dry_run: bool,
        act: Act,
    ) -> Result<Vec<LineCame>, Error> {
        let import = Import { lines, dry_run, at: act.at };
        if dry_run {
            return self.write(import).await;
        }
        self.write_by(import, act, |came| came.iter().any(LineCame::changes)).await
    }
}
