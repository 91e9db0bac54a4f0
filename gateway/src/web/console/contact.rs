//! `/console/contacts/{id}`: a person, with where they are reached, what they allow and how that came about, and all
//! their conversations.

use std::collections::BTreeMap;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use uuid::Uuid;

use super::consenting::{Way, ways};
use super::inbox::{Choice, choices};
use super::page::{self, Page, shown};
use super::path::Path;
use super::posted::Posted;
use super::session::Visitor;
use super::thread::times;
use super::times::Times;
use super::trouble::{Trouble, redirect};
use super::words::{ContactWords, PeopleWords};
use crate::message::{ContactId, consent};
use crate::store::{ConsentEvent, ContactChange, ContactChanged, ContactDetails, Conversation, KnownConsent, Role};
use crate::web::App;

/// As the API has them, in characters.
const LONGEST_NAME: usize = 200;
const LONGEST_ATTRIBUTE: usize = 64;
const LONGEST_VALUE: usize = 4_000;

#[derive(Template)]
#[template(path = "contact.html")]
pub(super) struct ContactPage {
    p: Page,
    words: &'static ContactWords,
    people: &'static PeopleWords,
    id: String,
    name: String,
    since: String,
    addresses: Vec<String>,
    attributes: Vec<(String, String)>,
    consents: Vec<Consent>,
    history: Vec<Said>,
    conversations: Vec<Thread>,
    error: Option<&'static str>,
    /// What may be put down by hand.
    by_hand: Vec<ByHand>,
    is_everywhere: bool,
    /// Somebody was about to erase them.
    is_erasing: bool,
}

/// A form to opt somebody out, or in.
struct ByHand {
    /// As the API has it.
    choice: &'static str,
    is_out: bool,
    ways: Vec<Choice>,
    /// They opted out by their own word somewhere.
    is_own: bool,
    is_open: bool,
    proof: String,
}

/// What was written in a form that was refused.
#[derive(Default)]
pub(super) struct Kept {
    pub(super) choice: Option<consent::Choice>,
    pub(super) way: String,
    pub(super) proof: String,
    pub(super) is_erasing: bool,
}

struct Consent {
    address: String,
    channel: String,
    is_out: bool,
    at: String,
}

struct Said {
    at: String,
    address: String,
    channel: String,
    is_out: bool,
    source: &'static str,
    /// Who put it down, where that was by hand.
    who: Option<String>,
    proofs: Vec<String>,
    message: Option<String>,
}

struct Thread {
    id: String,
    subject: String,
    channel: String,
    status: (&'static str, &'static str),
    at: String,
    tags: Vec<String>,
}

/// `GET /console/contacts/{id}`
pub(super) async fn page(State(app): State<App>, visitor: Visitor, Path(id): Path<Uuid>) -> Result<Response, Trouble> {
    shown(&whole(&app, &visitor, id, None, Kept::default()).await?)
}

pub(super) async fn whole(
    app: &App,
    visitor: &Visitor,
    id: Uuid,
    error: Option<&'static str>,
    kept: Kept,
) -> Result<ContactPage, Trouble> {
    let found = app.store.contact(ContactId(id)).await?.ok_or(Trouble::NotFound)?;
    let ContactDetails { contact, conversations, consents } = found;
    let mut history = Vec::new();
    for address in &contact.addresses {
        history.extend(app.store.consent_history(address).await?);
    }
    history.sort_by_key(|said| std::cmp::Reverse(said.recorded_at));
    let mut p = Page::of(app, visitor, "people", "");
    let words = ContactWords::of(p.locale());
    named(contact.name.as_deref()).unwrap_or(words.unnamed).clone_into(&mut p.title);
    let name = contact.name.clone().unwrap_or_default();
    let times = times(app, &p);
    let ways = ways(app, &contact.addresses, &consents);
    Ok(ContactPage {
        by_hand: [consent::Choice::OptedOut, consent::Choice::OptedIn].map(|one| by_hand(one, &ways, &kept)).into(),
        is_everywhere: app.store.consents_are_business_wide(),
        is_erasing: kept.is_erasing,
        id: contact.id.to_string(),
        since: times.full(contact.created_at),
        addresses: contact.addresses.iter().map(|address| address.as_str().to_owned()).collect(),
        attributes: contact.attributes.into_iter().collect(),
        consents: consents.into_iter().map(|known| consent(known, &times)).collect(),
        history: history.into_iter().map(|event| said(event, words, &times)).collect(),
        conversations: conversations.into_iter().map(|one| thread(one, &p, &times)).collect(),
        people: PeopleWords::of(p.locale()),
        name,
        words,
        error,
        p,
    })
}

/// A name that says something.
pub(super) fn named(name: Option<&str>) -> Option<&str> {
    name.filter(|name| !name.trim().is_empty())
}

/// Whether somebody may be called this.
pub(super) fn is_name(text: &str) -> bool {
    is_line(text, LONGEST_NAME)
}

fn fits(text: &str, most: usize) -> bool {
    text.chars().count() <= most && !text.contains('\0')
}

fn is_line(text: &str, most: usize) -> bool {
    fits(text, most) && !text.contains(char::is_control)
}

/// For those ways where it would change something.
fn by_hand(choice: consent::Choice, ways: &[Way], kept: &Kept) -> ByHand {
    let open: Vec<&Way> = ways.iter().filter(|way| way.state != Some(choice)).collect();
    let is_out = choice == consent::Choice::OptedOut;
    let is_kept = kept.choice == Some(choice);
    ByHand {
        choice: choice.as_str(),
        is_out,
        is_own: !is_out && open.iter().any(|way| way.is_own && way.state == Some(consent::Choice::OptedOut)),
        // Who opted out comes first among those who may opt in.
        ways: choices(
            open.iter()
                .filter(|way| way.state.is_some())
                .chain(open.iter().filter(|way| way.state.is_none()))
                .map(|way| (way.name(), way.name())),
            if is_kept { &kept.way } else { "" },
        ),
        is_open: is_kept,
        proof: if is_kept { kept.proof.clone() } else { String::new() },
    }
}

fn consent(known: KnownConsent, times: &Times) -> Consent {
    Consent {
        address: known.address.as_str().to_owned(),
        channel: known.channel,
        is_out: known.state == "opted_out",
        at: times.full(known.at),
    }
}

fn said(event: ConsentEvent, words: &ContactWords, times: &Times) -> Said {
    Said {
        at: times.full(event.at),
        address: event.address.as_str().to_owned(),
        channel: event.channel,
        is_out: event.choice == "opted_out",
        source: words.source(&event.source),
        who: event.actor.as_deref().and_then(|actor| actor.strip_prefix("user ")).map(str::to_owned),
        proofs: [event.words, event.proof, event.note].into_iter().flatten().collect(),
        message: event.message_id.map(|id| id.to_string()),
    }
}

fn thread(one: Conversation, p: &Page, times: &Times) -> Thread {
    Thread {
        id: one.id.to_string(),
        subject: one.subject,
        channel: one.channel,
        status: (one.status.as_str(), p.words.conversation(one.status)),
        at: times.full(one.last_message_at),
        tags: one.tags,
    }
}

/// `POST /console/contacts/{id}`: what somebody notes about the person.
pub(super) async fn change(State(app): State<App>, Path(id): Path<Uuid>, posted: Posted) -> Result<Response, Trouble> {
    posted.visitor.must_be(Role::Agent)?;
    let act = posted.visitor.act(&app, "contact.changed", &id);
    let words = ContactWords::of(posted.visitor.session.user.locale);
    let change = match wanted(&posted, words)? {
        Ok((name, attributes)) => ContactChange { id: ContactId(id), name, attributes, expected: None, at: act.at },
        Err(reason) => return page::refused(&whole(&app, &posted.visitor, id, Some(reason), Kept::default()).await?),
    };
    match app.store.change_contact(change, act).await? {
        ContactChanged::Done(_) | ContactChanged::Same(_) => {
            Ok(redirect(&format!("{}/contacts/{id}", app.console.0.base), posted.is_partial))
        }
        ContactChanged::TooMany => {
            page::refused(&whole(&app, &posted.visitor, id, Some(words.too_many), Kept::default()).await?)
        }
        ContactChanged::NotFound | ContactChanged::OtherNotFound | ContactChanged::Mismatch => Err(Trouble::NotFound),
    }
}

/// A name, and attributes that are set or go.
type Wanted = (Option<Option<String>>, BTreeMap<String, Option<String>>);

fn wanted(posted: &Posted, words: &'static ContactWords) -> Result<Result<Wanted, &'static str>, Trouble> {
    let fields = &posted.fields;
    let mut attributes = BTreeMap::new();
    match fields.get("do") {
        "name" => {
            let name = fields.get("name");
            if !is_name(name) {
                return Ok(Err(words.bad_name));
            }
            return Ok(Ok((Some(Some(name.to_owned()).filter(|name| !name.is_empty())), attributes)));
        }
        "set" => {
            let (name, value) = (fields.get("attribute"), fields.text("value"));
            if name.is_empty() || !is_line(name, LONGEST_ATTRIBUTE) || !fits(&value, LONGEST_VALUE) {
                return Ok(Err(words.bad_attribute));
            }
            attributes.insert(name.to_owned(), Some(value));
        }
        "remove" => drop(attributes.insert(fields.raw("attribute").to_owned(), None)),
        _ => return Err(Trouble::Unreadable),
    }
    Ok(Ok((None, attributes)))
}
