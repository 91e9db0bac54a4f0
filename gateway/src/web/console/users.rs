//! `/console/users`: who may work here, for owners.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use uuid::Uuid;

use super::page::{self, Page, shown};
use super::password::{Error, is_name};
use super::path::Path;
use super::posted::Posted;
use super::session::Visitor;
use super::thread::times;
use super::trouble::{Trouble, redirect};
use crate::message::Locale;
use crate::store::{NewUser, Role};
use crate::web::App;

#[derive(Template)]
#[template(path = "users.html")]
struct UsersPage {
    p: Page,
    users: Vec<Shown>,
    error: Option<&'static str>,
    name: String,
}

struct Shown {
    id: String,
    name: String,
    role: &'static str,
    role_word: &'static str,
    locale: &'static str,
    since: String,
    is_disabled: bool,
    is_me: bool,
}

async fn list(app: &App, visitor: &Visitor) -> Result<UsersPage, Trouble> {
    visitor.must_be(Role::Owner)?;
    let mut p = Page::of(app, visitor, "users", "");
    p.title = p.words.users.to_owned();
    let times = times(app, &p);
    let users = app.store.users().await?.into_iter().map(|user| Shown {
        id: user.id.to_string(),
        role: user.role.as_str(),
        role_word: p.words.role(user.role),
        locale: user.locale.as_str(),
        since: times.day(user.created_at),
        is_disabled: user.disabled_at.is_some(),
        is_me: user.id == visitor.session.user.id,
        name: user.name,
    });
    let users = users.collect();
    Ok(UsersPage { p, users, error: None, name: String::new() })
}

/// `GET /console/users`
pub(super) async fn page(State(app): State<App>, visitor: Visitor) -> Result<Response, Trouble> {
    shown(&list(&app, &visitor).await?)
}

/// `POST /console/users`: lets somebody in.
pub(super) async fn create(State(app): State<App>, posted: Posted) -> Result<Response, Trouble> {
    let page = list(&app, &posted.visitor).await?;
    let name = posted.fields.get("name").to_owned();
    let again = |page: UsersPage, error: &'static str| {
        page::refused(&UsersPage { error: Some(error), name: name.clone(), ..page })
    };
    if !is_name(&name) {
        let error = page.p.more.name_bad;
        return again(page, error);
    }
    let role = Role::from_word(posted.fields.get("role")).ok_or(Trouble::Unreadable)?;
    let locale: Locale = posted.fields.get("locale").parse().map_err(|_| Trouble::Unreadable)?;
    let Some(password) = hashed(&app, &posted).await? else {
        let error = page.p.more.password_short;
        return again(page, error);
    };
    let at = app.clock.now();
    let id = app.console.0.ids.next(at);
    let new = NewUser { id, name: name.clone(), password, role, locale, at };
    if !app.store.create_user(new, posted.visitor.act(&app, "user.created", &id)).await? {
        let error = page.p.more.name_taken;
        return again(page, error);
    }
    tracing::info!(user_id = %posted.visitor.session.user.id, "somebody was let in");
    Ok(redirect(&format!("{}/users", app.console.0.base), posted.is_partial))
}

/// The hash of the password in the form, unless that is too short or too long.
async fn hashed(app: &App, posted: &Posted) -> Result<Option<String>, Trouble> {
    let console = &app.console.0;
    let salt = (console.random)().ok_or(Trouble::Internal)?;
    match console.passwords.hash(posted.fields.raw("password").to_owned(), salt).await {
        Ok(hashed) => Ok(Some(hashed)),
        Err(Error::TooShort | Error::TooLong) => Ok(None),
        Err(Error::Failed) => Err(Trouble::Internal),
    }
}

/// `POST /console/users/{id}`: another role or password, locked out, or let in again.
pub(super) async fn change(State(app): State<App>, Path(id): Path<Uuid>, posted: Posted) -> Result<Response, Trouble> {
    let page = list(&app, &posted.visitor).await?;
    let wanted = posted.fields.get("do");
    // Whoever is the only owner would be locked out by their own hand.
    if id == posted.visitor.session.user.id && wanted != "password" {
        let error = Some(page.p.more.not_yourself);
        return page::refused(&UsersPage { error, ..page });
    }
    let act = |action| posted.visitor.act(&app, action, &id);
    let found = match wanted {
        "disable" => app.store.disable_user(id, Some(app.clock.now()), act("user.disabled")).await?,
        "enable" => app.store.disable_user(id, None, act("user.enabled")).await?,
        "role" => {
            let role = Role::from_word(posted.fields.get("role")).ok_or(Trouble::Unreadable)?;
            app.store.set_role(id, role, act("user.role_set")).await?
        }
        "password" => {
            let Some(password) = hashed(&app, &posted).await? else {
                let error = Some(page.p.more.password_short);
                return page::refused(&UsersPage { error, ..page });
            };
            app.store.set_password(id, password, act("user.password_set")).await?
        }
        _ => return Err(Trouble::Unreadable),
    };
    if !found {
        return Err(Trouble::NotFound);
    }
    tracing::info!(user_id = %id, by = %posted.visitor.session.user.id, "somebody's access was changed");
    Ok(redirect(&format!("{}/users", app.console.0.base), posted.is_partial))
}
