//! People as others see them, and what somebody wants to be another about them.

use std::collections::BTreeMap;

use jiff::Timestamp;
use sea_orm::sea_query::{Expr, ExprTrait, Func, Query, SelectStatement};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DbBackend, EntityTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait,
};
use serde::Serialize;
use uuid::Uuid;

use super::consents::to_consent;
use super::entities::{addresses, consents, contacts, conversations};
use super::plugins::to_attributes;
use super::reads::{Page, cut, time, to_conversation};
use super::searching::{holds, like};
use super::shown::{Conversation, KnownConsent};
use super::{Error, Store};
use crate::message::{Address, ContactId};

/// The most that is noted about one.
pub const MOST_ATTRIBUTES: usize = 100;
/// The most conversations of one that are shown with it.
const CONVERSATIONS: u64 = 50;

/// A person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = Contact)]
pub struct KnownContact {
    pub id: ContactId,
    pub name: Option<String>,
    pub attributes: BTreeMap<String, String>,
    /// Where the person can be reached.
    pub addresses: Vec<Address>,
    /// The ids of others that were merged into this one. Each stands for it.
    pub merged: Vec<ContactId>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// A person, with what there is about them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct ContactDetails {
    #[serde(flatten)]
    pub contact: KnownContact,
    /// The 50 in which something happened last.
    pub conversations: Vec<Conversation>,
    /// What the person allows at each address, on each channel where they ever said so.
    pub consents: Vec<KnownConsent>,
}

/// Which ones.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ContactFilter {
    /// A piece of a name or an address.
    pub search: Option<String>,
    /// The one with this address.
    pub address: Option<Address>,
    /// Those of whom this is noted: a name and its value.
    pub attribute: Option<(String, String)>,
}

/// How many people are looked through for one page, by what is noted of them.
const WINDOW: u64 = 20_000;

/// Somebody who is put down.
#[derive(Clone, Debug)]
pub struct NewContact {
    pub id: ContactId,
    pub name: Option<String>,
    pub attributes: BTreeMap<String, String>,
    pub addresses: Vec<Address>,
    pub at: Timestamp,
}

/// What became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ContactMade {
    Done(KnownContact),
    /// An address is another's.
    Taken {
        address: Address,
        by: ContactId,
    },
}

/// What somebody wants to be another about a person; nothing that is not named changes.
#[derive(Clone, Debug)]
pub struct ContactChange {
    pub id: ContactId,
    pub name: Option<Option<String>>,
    /// Those without a value go.
    pub attributes: BTreeMap<String, Option<String>>,
    /// The mark that the person must have.
    pub expected: Option<String>,
    pub at: Timestamp,
}

/// One person who turns out to be another.
#[derive(Clone, Debug)]
pub struct Merge {
    pub into: ContactId,
    pub from: ContactId,
    /// The mark that the first must have.
    pub expected: Option<String>,
    /// The mark that the other must have.
    pub expected_from: Option<String>,
    pub at: Timestamp,
}

/// What became of a change, or of a merge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ContactChanged {
    Done(KnownContact),
    /// It was like that already.
    Same(KnownContact),
    NotFound,
    /// The one that was to be merged into it.
    OtherNotFound,
    Mismatch,
    /// More would be noted than there is room for.
    TooMany,
}

/// A person who is to be forgotten.
#[derive(Clone, Debug)]
pub struct Erasure {
    pub id: ContactId,
    /// The mark that the person must have.
    pub expected: Option<String>,
    /// The most texts that go at once.
    pub limit: usize,
    /// Those that were named before.
    pub files_are_gone: bool,
    pub at: Timestamp,
}

/// What became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Erased {
    Done,
    /// Some of the texts are gone; it is to be asked for again.
    Some,
    /// The texts are gone; these files, by their SHA-256, are to go before it is asked for again.
    Files(Vec<String>),
    NotFound,
    Mismatch,
    /// Something of theirs is to be processed, is being sent or may have been, or the provider keeps it until its
    /// time. Nothing more was done.
    UnderWay,
}

/// A line of a list that is brought along.
#[derive(Clone, Debug)]
pub struct ContactLine {
    /// Of the person, should they be new.
    pub id: ContactId,
    pub address: Address,
    pub name: Option<String>,
    pub attributes: BTreeMap<String, String>,
}

/// What becomes of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LineCame {
    Created,
    /// What of the person is another: `name`, or the names of attributes.
    Changed {
        id: ContactId,
        what: Vec<String>,
    },
    /// All of it was known.
    Known {
        id: ContactId,
    },
    /// More would be noted than there is room for.
    TooMany {
        id: ContactId,
    },
}

impl LineCame {
    /// Whether something is different by it.
    pub fn changes(&self) -> bool {
        matches!(self, Self::Created | Self::Changed { .. })
    }
}

impl Store {
    /// Newest first; without those that were merged into others. By what is noted of them, a page may be shorter, or
    /// empty, though there are more behind it.
    pub async fn contacts(
        &self,
        filter: &ContactFilter,
        after: Option<Uuid>,
        limit: u64,
    ) -> Result<Page<KnownContact>, Error> {
        use contacts::Column;
        let snapshot = self.snapshot().await?;
        let before = after.map(|after| Column::Id.lt(after));
        let newest_first =
            contacts::Entity::find().filter(Condition::all().add_option(before)).order_by_desc(Column::Id);
        let mut end = None;
        if filter.attribute.is_some() && filter.address.is_none() {
            let last = newest_first.clone().select_only().column(Column::Id).offset(WINDOW - 1).limit(1);
            end = last.into_tuple::<Uuid>().one(&snapshot).await?;
        }
        let query = newest_first
            .filter(matching(filter, snapshot.get_database_backend()))
            .filter(Column::MergedInto.is_null())
            .filter(Column::ErasedAt.is_null())
            .filter(Condition::all().add_option(end.map(|end| Column::Id.gte(end))))
            .limit(limit + 1);
        let (rows, next) = cut(query.all(&snapshot).await?, limit, |row| row.id);
        Ok(Page { items: with_addresses(&snapshot, rows).await?, next: next.or(end) })
    }

    /// The person of that id, or whom it was merged into.
    pub async fn contact(&self, id: ContactId) -> Result<Option<ContactDetails>, Error> {
        let snapshot = self.snapshot().await?;
        let Some(contact) = find(&snapshot, id).await? else { return Ok(None) };
        let of_contact = conversations::Entity::find()
            .filter(conversations::Column::ContactId.eq(contact.id.0))
            .order_by_desc(conversations::Column::LastMessageAt)
            .order_by_desc(conversations::Column::Id)
            .limit(CONVERSATIONS);
        let conversations = of_contact.all(&snapshot).await?.into_iter().map(to_conversation).collect();
        let of_addresses = consents::Entity::find()
            .filter(consents::Column::Address.is_in(contact.addresses.iter().map(Address::as_str)))
            .order_by_asc(consents::Column::Address)
            .order_by_asc(consents::Column::Channel);
        let consents = of_addresses.all(&snapshot).await?.into_iter().map(to_consent).collect();
        Ok(Some(ContactDetails { contact, conversations, consents }))
    }
}

fn matching(filter: &ContactFilter, backend: DbBackend) -> Condition {
    use contacts::Column;
    let of = |condition: Condition| {
        addresses::Entity::find().select_only().column(addresses::Column::ContactId).filter(condition).into_query()
    };
    let mut all = Condition::all();
    if let Some(address) = &filter.address {
        let theirs = Condition::all().add(addresses::Column::Address.eq(address.as_str()));
        all = all.add(Column::Id.in_subquery(of(theirs)));
    }
    if let Some((name, value)) = &filter.attribute {
        all = all.add(noted(backend, name, value));
    }
    if let Some(search) = filter.search.as_deref().map(str::trim).filter(|search| !search.is_empty()) {
        let search = search.replace('\0', "");
        // A number as people write it.
        let digits: String = search.chars().filter(char::is_ascii_digit).collect();
        let is_number = !digits.is_empty() && search.chars().all(|c| c.is_ascii_digit() || " +-().".contains(c));
        let address = if is_number { &digits } else { &search };
        let theirs = Condition::all().add(like("LOWER(addresses.address)", &address.to_lowercase()));
        let any =
            Condition::any().add(holds(backend, "contacts.name", &search)).add(Column::Id.in_subquery(of(theirs)));
        all = all.add(any);
    }
    all
}

/// Whether that is among the attributes, word for word.
fn noted(backend: DbBackend, name: &str, value: &str) -> Expr {
    let each = if backend == DbBackend::Postgres { "json_each_text" } else { "json_each" };
    let attributes = Func::cust(each).arg(Expr::cust("contacts.attributes"));
    let such = Query::select()
        .expr(Expr::val(1))
        .from_function(attributes, "noted")
        .and_where(Expr::cust("noted.key").eq(name.replace('\0', "")))
        .and_where(Expr::cust("noted.value").eq(value.replace('\0', "")))
        .take();
    Expr::exists(such)
}

/// The person of that id, or whom it was merged into.
pub(super) async fn find(database: &impl ConnectionTrait, id: ContactId) -> Result<Option<KnownContact>, Error> {
    let Some(row) = survivor(database, id.0).await? else { return Ok(None) };
    Ok(with_addresses(database, vec![row]).await?.pop())
}

/// Likewise, as it is stored. Whom somebody was merged into was not merged into anybody.
pub(super) async fn survivor(database: &impl ConnectionTrait, id: Uuid) -> Result<Option<contacts::Model>, Error> {
    let Some(row) = contacts::Entity::find_by_id(id).one(database).await? else { return Ok(None) };
    let row = match row.merged_into {
        None => Some(row),
        Some(id) => contacts::Entity::find_by_id(id).one(database).await?,
    };
    Ok(row.filter(|row| row.erased_at.is_none()))
}

/// The id of one that was not merged; of one that was, that of whom it stands for.
pub(super) fn stands_for(contact: ContactId) -> SelectStatement {
    contacts::Entity::find()
        .select_only()
        .expr(Expr::cust("COALESCE(contacts.merged_into, contacts.id)"))
        .filter(contacts::Column::Id.eq(contact.0))
        .into_query()
}

pub(super) async fn with_addresses(
    database: &impl ConnectionTrait,
    rows: Vec<contacts::Model>,
) -> Result<Vec<KnownContact>, Error> {
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let ids = || rows.iter().map(|row| row.id);
    let mut theirs: BTreeMap<Uuid, Vec<Address>> = BTreeMap::new();
    let found = addresses::Entity::find()
        .filter(addresses::Column::ContactId.is_in(ids()))
        .order_by_asc(addresses::Column::Address);
    for row in found.all(database).await? {
        theirs.entry(row.contact_id).or_default().push(Address::received(&row.address));
    }
    let mut merged: BTreeMap<Uuid, Vec<ContactId>> = BTreeMap::new();
    let found: Vec<(Uuid, Option<Uuid>)> = contacts::Entity::find()
        .select_only()
        .columns([contacts::Column::Id, contacts::Column::MergedInto])
        .filter(contacts::Column::MergedInto.is_in(ids()))
        .order_by_asc(contacts::Column::Id)
        .into_tuple()
        .all(database)
        .await?;
    for (id, into) in found {
        merged.entry(into.unwrap_or_default()).or_default().push(ContactId(id));
    }
    let known = |row: contacts::Model| KnownContact {
        id: ContactId(row.id),
        name: row.name,
        attributes: to_attributes(row.attributes),
        addresses: theirs.remove(&row.id).unwrap_or_default(),
        merged: merged.remove(&row.id).unwrap_or_default(),
        created_at: time(row.created_at),
        updated_at: time(row.updated_at),
    };
    Ok(rows.into_iter().map(known).collect())
}
