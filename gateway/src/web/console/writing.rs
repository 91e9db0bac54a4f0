//! `/console/contacts/{id}/messages`: writing first to a person, at one of their addresses.

use askama::Template;
use axum::extract::{Request, State};
use axum::response::Response;
use uuid::Uuid;

use super::addressee::Addressee;
use super::attaching::longest;
use super::composer::{Composer, Fragment};
use super::contact::named;
use super::made::previewed;
use super::page::{self, Page, shown};
use super::path::Path;
use super::posted::Posted;
use super::sending::{Came, take};
use super::session::Visitor;
use super::trouble::{Trouble, redirect};
use super::words::{ContactWords, PeopleWords};
use crate::message::ContactId;
use crate::store::{ContactDetails, Role};
use crate::web::App;

#[derive(Template)]
#[template(path = "writing.html")]
struct WritingPage {
    p: Page,
    words: &'static PeopleWords,
    id: String,
    who: String,
    /// None where no channel writes to them.
    composer: Option<Composer>,
}

/// `GET /console/contacts/{id}/messages`
pub(super) async fn page(State(app): State<App>, visitor: Visitor, Path(id): Path<Uuid>) -> Result<Response, Trouble> {
    visitor.must_be(Role::Agent)?;
    let found = find(&app, id).await?;
    let p = Page::of(&app, &visitor, "people", "");
    let composer = match Addressee::person(&app, &p, &found, "") {
        Some(to) => Some(Composer::new(&app, &p, &to).await?),
        None => None,
    };
    shown(&whole(p, &found, composer))
}

/// `POST /console/contacts/{id}/messages`: as in a thread; what is sent is in the person's conversation then.
pub(super) async fn send(State(app): State<App>, Path(id): Path<Uuid>, request: Request) -> Result<Response, Trouble> {
    let posted = <Posted>::read(request, &app, Role::Agent, longest(&app)).await?;
    let found = find(&app, id).await?;
    let p = Page::of(&app, &posted.visitor, "people", "");
    let way = posted.fields.get("way");
    let Some(to) = Addressee::person(&app, &p, &found, way) else {
        return page::refused(&whole(p, &found, None));
    };
    let came = if to.is(way) {
        take(&app, &posted, &to, &p).await?
    } else {
        // It was there when the form was made, and goes nowhere else now.
        let mut composer = Composer::written(&app, &p, &to, &posted.fields).await?;
        composer.error = Some(ContactWords::of(p.locale()).way_missing.to_owned());
        Came::Refused(Box::new(composer))
    };
    match came {
        Came::Sent(message) => {
            let message = app.store.message(message).await?.ok_or(Trouble::NotFound)?;
            let there = format!("{}/conversations/{}", p.base, message.conversation_id);
            Ok(redirect(&there, posted.is_partial))
        }
        Came::Shown(composer) if posted.is_partial => shown(&Fragment { p, composer: *composer }),
        Came::Shown(composer) => shown(&whole(p, &found, Some(*composer))),
        Came::Refused(composer) if posted.is_partial => page::refused(&Fragment { p, composer: *composer }),
        Came::Refused(composer) => page::refused(&whole(p, &found, Some(*composer))),
    }
}

/// `POST /console/contacts/{id}/preview`: what arrives, as far as a template is filled in.
pub(super) async fn preview(State(app): State<App>, Path(id): Path<Uuid>, posted: Posted) -> Result<Response, Trouble> {
    posted.visitor.must_be(Role::Agent)?;
    let found = find(&app, id).await?;
    let p = Page::of(&app, &posted.visitor, "people", "");
    let to = Addressee::person(&app, &p, &found, posted.fields.get("way")).ok_or(Trouble::NotFound)?;
    previewed(&app, &posted, &to.channel).await
}

async fn find(app: &App, id: Uuid) -> Result<ContactDetails, Trouble> {
    app.store.contact(ContactId(id)).await?.ok_or(Trouble::NotFound)
}

fn whole(mut p: Page, found: &ContactDetails, composer: Option<Composer>) -> WritingPage {
    let words = PeopleWords::of(p.locale());
    let who = named(found.contact.name.as_deref()).map(str::to_owned);
    let address = || found.contact.addresses.first().map(|address| address.as_str().to_owned());
    let who = who.or_else(address).unwrap_or_else(|| ContactWords::of(p.locale()).unnamed.to_owned());
    p.title = format!("{} {who}", words.write_to);
    WritingPage { id: found.contact.id.to_string(), words, who, composer, p }
}
