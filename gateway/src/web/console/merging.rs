//! `/console/contacts/{id}/merge`: one person of two. The other is looked for, both are shown side by side with what
//! will come of it, and only what was seen is done.

use askama::Template;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use uuid::Uuid;

use super::contact::named;
use super::page::{self, Page, shown};
use super::path::Path;
use super::people::{Row, find, piece, rows};
use super::posted::{Fields, Posted};
use super::session::Visitor;
use super::thread::times;
use super::trouble::{Trouble, redirect};
use super::words::{ContactWords, PeopleWords};
use crate::message::{Address, ContactId};
use crate::store::{ContactChanged, ContactDetails, Merge, Role};
use crate::web::App;

#[derive(Template)]
#[template(path = "merging.html")]
struct MergePage {
    p: Page,
    words: &'static PeopleWords,
    contact: &'static ContactWords,
    stays: Side,
    search: String,
    /// Whether somebody was looked for.
    is_searched: bool,
    rows: Vec<Row>,
    goes: Option<Side>,
    is_everywhere: bool,
    error: Option<&'static str>,
}

/// One of the two.
struct Side {
    id: String,
    /// By what it is known whether it is as it was seen.
    mark: String,
    who: String,
    since: String,
    addresses: Vec<String>,
    attributes: Vec<Attribute>,
    conversations: usize,
    is_out: bool,
    /// Its name is not that of the one person.
    is_name_lost: bool,
}

struct Attribute {
    name: String,
    value: String,
    is_lost: bool,
}

/// `GET /console/contacts/{id}/merge`: with `q`, who it could be; with `with`, both.
pub(super) async fn page(
    State(app): State<App>,
    visitor: Visitor,
    Path(id): Path<Uuid>,
    RawQuery(query): RawQuery,
) -> Result<Response, Trouble> {
    visitor.must_be(Role::Agent)?;
    let fields = Fields::read(query.unwrap_or_default().as_bytes());
    let page = whole(&app, &visitor, id, fields.get("with"), &piece(&fields), None).await?;
    if page.error.is_some() { page::refused(&page) } else { shown(&page) }
}

async fn whole(
    app: &App,
    visitor: &Visitor,
    id: Uuid,
    with: &str,
    search: &str,
    mut error: Option<&'static str>,
) -> Result<MergePage, Trouble> {
    let into = app.store.contact(ContactId(id)).await?.ok_or(Trouble::NotFound)?;
    let mut p = Page::of(app, visitor, "people", "");
    let words = PeopleWords::of(p.locale());
    p.title = words.merge_title.to_owned();
    let mut goes = None;
    if !with.is_empty() {
        match other(app, with).await? {
            None => error = error.or(Some(words.merge_unknown)),
            Some(from) if from.contact.id == into.contact.id => error = error.or(Some(words.merge_itself)),
            Some(from) => goes = Some(from),
        }
    }
    let mut found = if search.is_empty() || goes.is_some() { Vec::new() } else { find(app, search, None).await?.items };
    found.retain(|one| one.id != into.contact.id);
    Ok(MergePage {
        is_searched: !search.is_empty(),
        search: search.to_owned(),
        rows: rows(app, &p, found).await?,
        goes: goes.as_ref().map(|from| side(app, &p, from, Some(&into))),
        stays: side(app, &p, &into, None),
        is_everywhere: app.store.consents_are_business_wide(),
        contact: ContactWords::of(p.locale()),
        words,
        error,
        p,
    })
}

async fn other(app: &App, with: &str) -> Result<Option<ContactDetails>, Trouble> {
    let Ok(id) = with.parse() else { return Ok(None) };
    Ok(app.store.contact(ContactId(id)).await?)
}

/// Of the one that goes, with what of it is lost beside the one that stays.
fn side(app: &App, p: &Page, one: &ContactDetails, beside: Option<&ContactDetails>) -> Side {
    let contact = &one.contact;
    let name = named(contact.name.as_deref());
    let kept = |attribute: &str| beside.and_then(|other| other.contact.attributes.get(attribute));
    let attribute = |(name, value): (&String, &String)| Attribute {
        is_lost: kept(name).is_some_and(|kept| kept != value),
        name: name.clone(),
        value: value.clone(),
    };
    let addresses: Vec<String> = contact.addresses.iter().map(|address| Address::as_str(address).to_owned()).collect();
    let other_name = beside.and_then(|other| named(other.contact.name.as_deref()));
    Side {
        id: contact.id.to_string(),
        mark: contact.mark(),
        who: name.unwrap_or(ContactWords::of(p.locale()).unnamed).to_owned(),
        since: times(app, p).full(contact.created_at),
        addresses,
        attributes: contact.attributes.iter().map(attribute).collect(),
        conversations: one.conversations.len(),
        is_out: one.consents.iter().any(|known| known.state == "opted_out"),
        is_name_lost: name.is_some_and(|name| other_name.is_some_and(|other| other != name)),
    }
}

/// `POST /console/contacts/{id}/merge`: as by the API, if both are as they were seen.
pub(super) async fn merge(State(app): State<App>, Path(id): Path<Uuid>, posted: Posted) -> Result<Response, Trouble> {
    posted.visitor.must_be(Role::Agent)?;
    let fields = &posted.fields;
    let words = PeopleWords::of(posted.visitor.session.user.locale);
    let with = fields.get("from");
    let again = async |error| page::refused(&Box::pin(whole(&app, &posted.visitor, id, with, "", Some(error))).await?);
    let Some(from) = other(&app, with).await? else { return again(words.merge_unknown).await };
    let into = ContactId(id);
    if into == from.contact.id {
        return again(words.merge_itself).await;
    }
    let from = from.contact.id;
    let act = posted.visitor.act(&app, "contact.merged", &format_args!("{from} into {into}"));
    let [expected, expected_from] = ["seen_into", "seen_from"].map(|mark| Some(fields.get(mark).to_owned()));
    let merge = Merge { into, from, expected, expected_from, at: act.at };
    match app.store.merge_contacts(merge, act).await? {
        ContactChanged::Done(contact) | ContactChanged::Same(contact) => {
            tracing::info!(contact_id = %contact.id, %from, user_id = %posted.visitor.session.user.id, "merged by hand");
            Ok(redirect(&format!("{}/contacts/{}", app.console.0.base, contact.id), posted.is_partial))
        }
        ContactChanged::NotFound => Err(Trouble::NotFound),
        ContactChanged::OtherNotFound => again(words.merge_unknown).await,
        ContactChanged::Mismatch | ContactChanged::TooMany => again(words.merge_changed).await,
    }
}
