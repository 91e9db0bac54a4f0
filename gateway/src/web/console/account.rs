//! What people set for themselves: language and password.

use askama::Template;
use axum::extract::{RawQuery, State};
use axum::response::Response;

use super::attempts::Origin;
use super::page::{self, Page, shown};
use super::password::Error;
use super::posted::{Fields, Posted};
use super::session::Visitor;
use super::trouble::{Trouble, redirect};
use crate::message::Locale;
use crate::web::App;

#[derive(Template)]
#[template(path = "account.html")]
struct Account {
    p: Page,
    error: Option<&'static str>,
    saved: bool,
}

impl Account {
    fn of(app: &App, visitor: &Visitor) -> Self {
        let mut p = Page::of(app, visitor, "account", "");
        p.title = p.words.account.to_owned();
        Self { p, error: None, saved: false }
    }
}

/// `GET /console/account`
pub(super) async fn page(
    State(app): State<App>,
    visitor: Visitor,
    RawQuery(query): RawQuery,
) -> Result<Response, Trouble> {
    let saved = Fields::read(query.unwrap_or_default().as_bytes()).has("saved");
    shown(&Account { saved, ..Account::of(&app, &visitor) })
}

/// `POST /console/account`: another language.
pub(super) async fn change(State(app): State<App>, posted: Posted) -> Result<Response, Trouble> {
    let locale: Locale = posted.fields.get("locale").parse().map_err(|_| Trouble::Unreadable)?;
    app.store.set_locale(posted.visitor.session.user.id, locale).await?;
    Ok(redirect(&format!("{}/account?saved", app.console.0.base), posted.is_partial))
}

/// `POST /console/account/password`: another password, which ends all sessions of theirs, this one too.
pub(super) async fn change_password(State(app): State<App>, posted: Posted) -> Result<Response, Trouble> {
    let console = &app.console.0;
    let user = &posted.visitor.session.user;
    let again = |error: fn(&Page) -> &'static str| {
        let account = Account::of(&app, &posted.visitor);
        let error = Some(error(&account.p));
        page::refused(&Account { error, ..account })
    };
    // Somebody at a screen that was left open must not guess it either.
    if !console.attempts.may_try(&user.name, Origin::Inside, app.clock.now()) {
        return again(|p| p.words.too_often);
    }
    let current = posted.fields.raw("current").to_owned();
    if !console.passwords.is_right(current, Some(user.password.clone())).await {
        return again(|p| p.words.wrong);
    }
    console.attempts.succeeded(&user.name, Origin::Inside);
    let salt = (console.random)().ok_or(Trouble::Internal)?;
    let hashed = match console.passwords.hash(posted.fields.raw("password").to_owned(), salt).await {
        Ok(hashed) => hashed,
        Err(Error::TooShort | Error::TooLong) => return again(|p| p.more.password_short),
        Err(Error::Failed) => return Err(Trouble::Internal),
    };
    app.store.set_password(user.id, hashed, posted.visitor.act(&app, "user.password_set", &user.id)).await?;
    tracing::info!(user_id = %user.id, "changed their password");
    Ok(redirect(&format!("{}/sign-in", console.base), posted.is_partial))
}
