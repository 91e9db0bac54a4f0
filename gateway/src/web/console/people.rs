//! `/console/contacts`: the people that are known, newest first, and looking for one.

use askama::Template;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use uuid::Uuid;

use super::contact::named;
use super::page::{Page, shown};
use super::posted::Fields;
use super::session::Visitor;
use super::thread::times;
use super::trouble::Trouble;
use super::words::PeopleWords;
use crate::message::Address;
use crate::store::{self, ContactFilter, KnownContact};
use crate::web::App;

/// How many are on a page.
const SHOWN: u64 = 30;
/// The longest piece of a name or address that is looked for, in characters.
const LONGEST_SEARCH: usize = 200;

#[derive(Template)]
#[template(path = "people.html")]
struct PeoplePage {
    p: Page,
    words: &'static PeopleWords,
    search: String,
    rows: Vec<Row>,
    /// The query of the next page.
    next: Option<String>,
    is_first: bool,
}

/// Somebody in a list.
pub(super) struct Row {
    pub(super) id: String,
    pub(super) who: String,
    /// Those that are not shown as the name.
    pub(super) addresses: String,
    pub(super) since: String,
    pub(super) is_out: bool,
}

/// `GET /console/contacts`
pub(super) async fn page(
    State(app): State<App>,
    visitor: Visitor,
    RawQuery(query): RawQuery,
) -> Result<Response, Trouble> {
    let fields = Fields::read(query.unwrap_or_default().as_bytes());
    let search = piece(&fields);
    let after: Option<Uuid> = fields.get("after").parse().ok();
    let mut p = Page::of(&app, &visitor, "people", "");
    p.title = p.words.people.to_owned();
    let found = find(&app, &search, after).await?;
    let next = found.next.map(|next| {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.append_pair("q", &search).append_pair("after", &next.to_string()).finish()
    });
    shown(&PeoplePage {
        words: PeopleWords::of(p.locale()),
        rows: rows(&app, &p, found.items).await?,
        is_first: after.is_none(),
        search,
        next,
        p,
    })
}

/// What is looked for.
pub(super) fn piece(fields: &Fields) -> String {
    fields.get("q").chars().take(LONGEST_SEARCH).collect()
}

/// A page of those with this in their name or address.
pub(super) async fn find(app: &App, search: &str, after: Option<Uuid>) -> Result<store::Page<KnownContact>, Trouble> {
    let filter = ContactFilter { search: Some(search.to_owned()), ..ContactFilter::default() };
    let found = app.store.contacts(&filter, after, SHOWN).await?;
    if !found.items.is_empty() || after.is_some() {
        return Ok(found);
    }
    // A number as it is dialled is no piece of it as it is kept.
    let Ok(address) = Address::recipient(search, &app.region) else { return Ok(found) };
    let filter = ContactFilter { address: Some(address), ..ContactFilter::default() };
    Ok(app.store.contacts(&filter, None, SHOWN).await?)
}

pub(super) async fn rows(app: &App, p: &Page, people: Vec<KnownContact>) -> Result<Vec<Row>, Trouble> {
    let all: Vec<&Address> = people.iter().flat_map(|one| &one.addresses).collect();
    let out = app.store.opted_out(&all).await?;
    let times = times(app, p);
    let row = |one: KnownContact| {
        let mut addresses: Vec<&str> = one.addresses.iter().map(Address::as_str).collect();
        let who = named(one.name.as_deref()).map(str::to_owned);
        let who =
            who.unwrap_or_else(|| if addresses.is_empty() { String::new() } else { addresses.remove(0).to_owned() });
        Row {
            id: one.id.to_string(),
            who,
            addresses: addresses.join(", "),
            since: times.day(one.created_at),
            is_out: one.addresses.iter().any(|address| out.contains(address.as_str())),
        }
    };
    Ok(people.into_iter().map(row).collect())
}
