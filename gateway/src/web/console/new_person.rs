//! `/console/contacts/new`: somebody is put down before they write.

use std::collections::BTreeMap;

use askama::Template;
use axum::extract::State;
use axum::response::Response;

use super::contact::{is_name, named};
use super::page::{self, Page, shown};
use super::posted::{Fields, Posted};
use super::session::Visitor;
use super::trouble::{Trouble, redirect};
use super::words::{ContactWords, PeopleWords};
use crate::message::{Address, ContactId};
use crate::store::{ContactMade, NewContact, Role};
use crate::web::App;
use crate::web::api::contacts::MOST_ADDRESSES;

#[derive(Template)]
#[template(path = "new_person.html")]
struct NewPage {
    p: Page,
    words: &'static PeopleWords,
    name: String,
    addresses: String,
    wrong: Wrong,
}

/// What is wrong with each field.
#[derive(Default)]
struct Wrong {
    name: Option<&'static str>,
    /// In words.
    addresses: Vec<String>,
    taken: Option<Taken>,
}

/// An address that is another's.
struct Taken {
    address: String,
    id: String,
    who: String,
}

impl Wrong {
    fn is_about_addresses(&self) -> bool {
        !self.addresses.is_empty() || self.taken.is_some()
    }
}

/// `GET /console/contacts/new`
pub(super) async fn page(State(app): State<App>, visitor: Visitor) -> Result<Response, Trouble> {
    visitor.must_be(Role::Agent)?;
    shown(&form(&app, &visitor, &Fields::default(), Wrong::default()))
}

fn form(app: &App, visitor: &Visitor, fields: &Fields, wrong: Wrong) -> NewPage {
    let mut p = Page::of(app, visitor, "people", "");
    let words = PeopleWords::of(p.locale());
    words.new.clone_into(&mut p.title);
    NewPage { name: fields.get("name").to_owned(), addresses: fields.text("addresses"), words, wrong, p }
}

/// `POST /console/contacts`
pub(super) async fn create(State(app): State<App>, posted: Posted) -> Result<Response, Trouble> {
    posted.visitor.must_be(Role::Agent)?;
    let Posted { visitor, fields, is_partial, .. } = posted;
    let name = fields.get("name");
    let (addresses, mut wrong) = read(&app, &visitor, &fields);
    if wrong.name.is_none() && !wrong.is_about_addresses() {
        let at = app.clock.now();
        let id = ContactId(app.ids.next(at));
        let act = visitor.act(&app, "contact.created", &id);
        let name = named(Some(name)).map(str::to_owned);
        let new = NewContact { id, name, attributes: BTreeMap::new(), addresses, at };
        match app.store.create_contact(new, act).await? {
            ContactMade::Done(contact) => {
                tracing::info!(contact_id = %contact.id, user_id = %visitor.session.user.id, "put down by hand");
                return Ok(redirect(&format!("{}/contacts/{}", app.console.0.base, contact.id), is_partial));
            }
            ContactMade::Taken { address, by } => wrong.taken = Some(taken(&app, &address, by).await?),
        }
    }
    page::refused(&form(&app, &visitor, &fields, wrong))
}

/// The addresses that are written there, and what is wrong.
fn read(app: &App, visitor: &Visitor, fields: &Fields) -> (Vec<Address>, Wrong) {
    let locale = visitor.session.user.locale;
    let words = PeopleWords::of(locale);
    let (mut addresses, mut wrong) = (Vec::new(), Wrong::default());
    if !is_name(fields.get("name")) {
        wrong.name = Some(ContactWords::of(locale).bad_name);
    }
    let text = fields.text("addresses");
    let lines = text.split(['\n', ',', ';']).map(str::trim).filter(|line| !line.is_empty());
    // One more, so that it is said that there are too many.
    for line in lines.take(MOST_ADDRESSES + 1) {
        match Address::recipient(line, &app.region) {
            Ok(address) => addresses.push(address),
            Err(refusal) => wrong.addresses.push(format!("{line}: {}", refusal.reason(locale))),
        }
    }
    if addresses.len() + wrong.addresses.len() > MOST_ADDRESSES {
        wrong.addresses = vec![words.too_many_addresses.to_owned()];
    } else if addresses.is_empty() && wrong.addresses.is_empty() {
        wrong.addresses = vec![words.address_missing.to_owned()];
    }
    (addresses, wrong)
}

async fn taken(app: &App, address: &Address, by: ContactId) -> Result<Taken, Trouble> {
    let found = app.store.contact(by).await?;
    let name = found.as_ref().and_then(|found| named(found.contact.name.as_deref())).map(str::to_owned);
    let address = address.as_str().to_owned();
    Ok(Taken { who: name.unwrap_or_else(|| address.clone()), id: by.to_string(), address })
}
