//! `/v1/contacts`

use std::collections::BTreeMap;

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use serde::Deserialize;

use super::fields::{LONGEST_NAME, given, line, value, word};
use super::marks::{expected, marked};
use super::messages::negotiate;
use super::reading::step;
use super::{List, Paging, id, read};
use crate::message::{Address, ContactId, Scope};
use crate::store::{
    ContactChange, ContactChanged, ContactDetails, ContactFilter, ContactMade, KnownContact, MOST_ATTRIBUTES, Merge,
    NewContact,
};
use crate::web::auth::{Caller, ContactsRead, ContactsWrite};
use crate::web::files::read_body;
use crate::web::openapi::{Changed, Conflict, Invalid, NotFound, TooLarge, Unread, Usual};
use crate::web::problem::Problem;
use crate::web::query::Query;
use crate::web::{API_BODY, App};

/// The most addresses that somebody is put down with.
pub(in crate::web) const MOST_ADDRESSES: usize = 20;

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(in crate::web) struct Filter {
    /// A piece of a name or of an address.
    search: Option<String>,
    /// The one with this number, in any usual form, or other address.
    address: Option<String>,
    /// Those of whom that is noted, as `NAME:VALUE`: what stands before the first colon is the name.
    #[param(example = "plan:oro")]
    attribute: Option<String>,
    /// How many, 1 to 200.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u64>,
    /// `next_cursor` of the page before.
    #[param(value_type = Option<Uuid>)]
    cursor: Option<String>,
}

/// Newest first. By `attribute`, a page looks through 20,000 contacts at the most: it may be shorter than `limit`, or
/// empty, and have a `next_cursor` all the same: older ones may fit.
#[utoipa::path(
    get,
    path = "/v1/contacts",
    tag = "contacts",
    operation_id = "contacts_list",
    security(("key" = ["contacts:read"])),
    params(Filter),
    responses((status = 200, description = "A page", body = List<KnownContact>), Usual, Unread, Invalid)
)]
pub(in crate::web) async fn list(
    State(app): State<App>,
    _: Caller<ContactsRead>,
    Query(filter): Query<Filter>,
    headers: HeaderMap,
) -> Result<Json<List<KnownContact>>, Problem> {
    let (after, limit) = Paging { limit: filter.limit, cursor: filter.cursor }.read()?;
    let address = filter.address.map(|text| address(&app, &text, "address", &headers)).transpose()?;
    let attribute = filter.attribute.map(|text| attribute(&text)).transpose()?;
    let wanted = ContactFilter { search: filter.search, address, attribute };
    app.store.contacts(&wanted, after, limit).await.map(List::of).map_err(|error| Problem::store(&error))
}

/// With conversations and consents, as far as the key may read these (`conversations:read`, `consents:read`). The id of one that was merged into another gives that one; so does
/// it in all that follows. The `ETag` is of the contact alone.
#[utoipa::path(
    get,
    path = "/v1/contacts/{id}",
    tag = "contacts",
    operation_id = "contacts_one",
    security(("key" = ["contacts:read"])),
    params(("id" = String, Path)),
    responses((status = 200, description = "As it is now", body = ContactDetails, headers(("ETag", description = "Of this state of it; `If-Match` takes it"), ("Content-Location", description = "Where it is, by its own id"))), Usual, NotFound)
)]
pub(in crate::web) async fn one(
    State(app): State<App>,
    caller: Caller<ContactsRead>,
    Path(text): Path<String>,
) -> Result<Response, Problem> {
    let found = app.store.contact(id_of(&text)?).await.map_err(|error| Problem::store(&error))?;
    let mut found = found.ok_or_else(|| Problem::not_found("contact"))?;
    if !caller.may(Scope::ConversationsRead) {
        found.conversations.clear();
    }
    if !caller.may(Scope::ConsentsRead) {
        found.consents.clear();
    }
    let mut response = marked(StatusCode::OK, &found.contact.mark(), &found);
    put_location(&mut response, header::CONTENT_LOCATION, &found.contact);
    Ok(response)
}

/// Somebody who is put down.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[schema(as = NewContact)]
#[serde(deny_unknown_fields)]
struct New {
    name: Option<String>,
    #[serde(default)]
    attributes: BTreeMap<String, String>,
    /// Numbers in any usual form, and other addresses.
    #[schema(min_items = 1, max_items = 20)]
    addresses: Vec<String>,
}

/// Puts somebody down. An address of another contact is refused, with that one's id.
#[utoipa::path(
    post,
    path = "/v1/contacts",
    tag = "contacts",
    operation_id = "contacts_create",
    security(("key" = ["contacts:write"])),
    request_body = New,
    responses((status = 201, description = "It is there", body = KnownContact, headers(("ETag", description = "Of this state of it; `If-Match` takes it"), ("Location", description = "Where it is"))), Usual, Unread, Invalid, TooLarge, Conflict)
)]
pub(in crate::web) async fn create(
    State(app): State<App>,
    caller: Caller<ContactsWrite>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let New { name, attributes, addresses } = read(&read_body(body, API_BODY).await?)?;
    if !(1..=MOST_ADDRESSES).contains(&addresses.len()) {
        let detail = format!("`addresses` must have 1 to {MOST_ADDRESSES}");
        return Err(Problem::invalid("/addresses", "how-many", detail));
    }
    let name = checked_name(name)?;
    for (attribute, text) in &attributes {
        check_attribute(attribute, Some(text))?;
    }
    if attributes.len() > MOST_ATTRIBUTES {
        return Err(too_many());
    }
    let read = addresses.iter().enumerate();
    let addresses = read.map(|(place, text)| address(&app, text, &format!("/addresses/{place}"), &headers));
    let addresses = addresses.collect::<Result<Vec<_>, _>>()?;
    let at = app.clock.now();
    let id = ContactId(app.ids.next(at));
    let act = caller.act(&app, "contact.created", &id);
    let new = NewContact { id, name, attributes, addresses: addresses.clone(), at };
    match app.store.create_contact(new, act).await.map_err(|error| Problem::store(&error))? {
        ContactMade::Done(contact) => {
            tracing::info!(contact_id = %id, "put down");
            let mut response = marked(StatusCode::CREATED, &contact.mark(), &contact);
            put_location(&mut response, header::LOCATION, &contact);
            Ok(response)
        }
        ContactMade::Taken { address, by } => {
            let place = addresses.iter().position(|one| *one == address).unwrap_or(0);
            Err(Problem::address_taken(&format!("/addresses/{place}"), &address, by))
        }
    }
}

/// What is to be another; what is not named stays as it is.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[schema(as = ContactChange)]
#[serde(deny_unknown_fields)]
#[expect(clippy::option_option, reason = "what is null is another thing than what is not there")]
struct Wanted {
    /// Null: none.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    name: Option<Option<String>>,
    /// Those that are null go.
    #[serde(default)]
    attributes: BTreeMap<String, Option<String>>,
}

/// Changes it. With `If-Match`, only if it is still as it was when it got that `ETag`.
#[utoipa::path(
    patch,
    path = "/v1/contacts/{id}",
    tag = "contacts",
    operation_id = "contacts_change",
    security(("key" = ["contacts:write"])),
    params(("id" = String, Path), ("If-Match" = Option<String>, Header)),
    request_body = Wanted,
    responses((status = 200, description = "As it is now", body = KnownContact, headers(("ETag", description = "Of this state of it; `If-Match` takes it"))), Usual, Unread, Invalid, TooLarge, NotFound, Changed)
)]
pub(in crate::web) async fn change(
    State(app): State<App>,
    caller: Caller<ContactsWrite>,
    Path(text): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let expected = expected(&headers);
    let Wanted { name, attributes } = read(&read_body(body, API_BODY).await?)?;
    let id = id_of(&text)?;
    let name = name.map(checked_name).transpose()?;
    for (attribute, text) in &attributes {
        check_attribute(attribute, text.as_deref())?;
    }
    let act = caller.act(&app, "contact.changed", &id);
    let change = ContactChange { id, name, attributes, expected, at: act.at };
    came(app.store.change_contact(change, act).await.map_err(|error| Problem::store(&error))?)
}

/// Which other one it is.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[schema(as = ContactMerge)]
#[serde(deny_unknown_fields)]
struct Other {
    /// The id of the contact that there is no more afterwards.
    from: String,
}

/// Makes one person of two: this one gets the addresses, the conversations and what plugins remember of the other,
/// and the name and attributes that it lacks. The other's id stands for this one from then on. The same again changes
/// nothing; nothing takes it back.
#[utoipa::path(
    post,
    path = "/v1/contacts/{id}/merge",
    tag = "contacts",
    operation_id = "contacts_merge",
    security(("key" = ["contacts:write"])),
    params(("id" = String, Path), ("If-Match" = Option<String>, Header)),
    request_body = Other,
    responses((status = 200, description = "As it is now", body = KnownContact, headers(("ETag", description = "Of this state of it; `If-Match` takes it"))), Usual, Unread, Invalid, TooLarge, NotFound, Changed)
)]
pub(in crate::web) async fn merge(
    State(app): State<App>,
    caller: Caller<ContactsWrite>,
    Path(text): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let expected = expected(&headers);
    let Other { from } = read(&read_body(body, API_BODY).await?)?;
    let into = id_of(&text)?;
    let from = id(&from).map(ContactId).ok_or_else(unknown_other)?;
    if from == into {
        return Err(Problem::invalid("/from", "itself", "`from` must be another contact than that of the address"));
    }
    let act = caller.act(&app, "contact.merged", &format_args!("{from} into {into}"));
    let merge = Merge { into, from, expected, expected_from: None, at: act.at };
    let changed = app.store.merge_contacts(merge, act).await.map_err(|error| Problem::store(&error))?;
    if let ContactChanged::Done(contact) = &changed {
        tracing::info!(contact_id = %contact.id, %from, "merged");
    }
    came(changed)
}

fn came(changed: ContactChanged) -> Result<Response, Problem> {
    match changed {
        ContactChanged::Done(contact) | ContactChanged::Same(contact) => {
            Ok(marked(StatusCode::OK, &contact.mark(), &contact))
        }
        ContactChanged::NotFound => Err(Problem::not_found("contact")),
        ContactChanged::OtherNotFound => Err(unknown_other()),
        ContactChanged::Mismatch => Err(Problem::changed_meanwhile("contact")),
        ContactChanged::TooMany => Err(too_many()),
    }
}

fn unknown_other() -> Problem {
    Problem::invalid("/from", "unknown-contact", "`from` must be a contact's id, as a list gives it")
}

fn too_many() -> Problem {
    let detail = format!("a contact has {MOST_ATTRIBUTES} attributes at the most: null takes one away");
    Problem::invalid("/attributes", "too-many", detail)
}

/// A name of blanks is none.
fn checked_name(name: Option<String>) -> Result<Option<String>, Problem> {
    let name = name.map(|name| name.trim().to_owned()).filter(|name| !name.is_empty());
    if let Some(name) = &name {
        line(name, LONGEST_NAME).map_err(|wrong| wrong.at("/name"))?;
    }
    Ok(name)
}

fn check_attribute(name: &str, text: Option<&str>) -> Result<(), Problem> {
    let Some(text) = text else { return Ok(()) };
    word(name).and_then(|()| value(text)).map_err(|wrong| wrong.at(&format!("/attributes{}", step(name))))
}

/// A name, and the value that it has.
fn attribute(text: &str) -> Result<(String, String), Problem> {
    let wrong = || Problem::invalid("attribute", "invalid", "`attribute` must be NAME:VALUE, as in `plan:oro`");
    let (name, value) = text.split_once(':').filter(|(name, _)| !name.is_empty()).ok_or_else(wrong)?;
    Ok((name.to_owned(), value.to_owned()))
}

fn address(app: &App, text: &str, field: &str, headers: &HeaderMap) -> Result<Address, Problem> {
    let locale = negotiate(headers, app.locale);
    Address::recipient(text, &app.region)
        .map_err(|refusal| Problem::invalid(field, refusal.code(), refusal.reason(locale)))
}

pub(super) fn id_of(text: &str) -> Result<ContactId, Problem> {
    id(text).map(ContactId).ok_or_else(|| Problem::not_found("contact"))
}

fn put_location(response: &mut Response, name: header::HeaderName, contact: &KnownContact) {
    if let Ok(location) = HeaderValue::from_str(&format!("/v1/contacts/{}", contact.id)) {
        response.headers_mut().insert(name, location);
    }
}
