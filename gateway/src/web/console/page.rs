//! What every page has: who looks at it, in which language, and what is around it.

use askama::Template;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::assets;
use super::session::Visitor;
use super::trouble::Trouble;
use super::words::{BulkWords, More, TemplateWords, Words};
use crate::message::Locale;
use crate::store::Role;
use crate::web::App;

/// Around a page.
pub(super) struct Page {
    /// The path of the console.
    pub(super) base: String,
    pub(super) words: &'static Words,
    pub(super) more: &'static More,
    pub(super) bulk: &'static BulkWords,
    pub(super) template: &'static TemplateWords,
    /// Which of the menu's pages it belongs to.
    pub(super) active: &'static str,
    pub(super) title: String,
    pub(super) user: String,
    pub(super) role: Role,
    pub(super) csrf: String,
}

impl Page {
    pub(super) fn of(app: &App, visitor: &Visitor, active: &'static str, title: impl Into<String>) -> Self {
        let user = &visitor.session.user;
        Self {
            base: app.console.0.base.clone(),
            words: Words::of(user.locale),
            more: More::of(user.locale),
            bulk: BulkWords::of(user.locale),
            template: TemplateWords::of(user.locale),
            active,
            title: title.into(),
            user: user.name.clone(),
            role: user.role,
            csrf: visitor.session.csrf.clone(),
        }
    }

    /// The pages that somebody of this role may see: name, path and word.
    pub(super) fn menu(&self) -> Vec<(&'static str, &'static str, &'static str)> {
        let words = self.words;
        let mut menu = vec![
            ("inbox", "", words.inbox),
            ("people", "/contacts", words.people),
            ("bulks", "/bulks", words.bulks),
            ("templates", "/templates", self.template.title),
            ("dashboard", "/dashboard", words.dashboard),
            ("channels", "/channels", words.channels),
            ("plugins", "/plugins", words.plugins),
            ("endpoints", "/endpoints", words.endpoints),
        ];
        if self.is_owner() {
            menu.push(("users", "/users", words.users));
        }
        menu
    }

    pub(super) fn may_answer(&self) -> bool {
        self.role >= Role::Agent
    }

    pub(super) fn is_owner(&self) -> bool {
        self.role >= Role::Owner
    }

    pub(super) fn locale(&self) -> Locale {
        self.words.locale()
    }

    /// Where an asset is, with what makes it another one when it changes.
    pub(super) fn asset(&self, name: &str) -> String {
        asset(&self.base, name)
    }
}

pub(super) fn asset(base: &str, name: &str) -> String {
    format!("{base}/assets/{name}?v={}", assets::version(name))
}

/// A page for whom nothing is known of.
#[derive(Template)]
#[template(path = "bare.html")]
pub(super) struct Bare {
    pub(super) title: &'static str,
    /// Language and text.
    pub(super) texts: [(&'static str, String); 2],
}

pub(super) fn html(status: StatusCode, page: &impl Template) -> Result<Response, Trouble> {
    let text = page.render()?;
    Ok((status, [(header::CONTENT_TYPE, "text/html; charset=utf-8")], text).into_response())
}

/// A page that is as it should be.
pub(super) fn shown(page: &impl Template) -> Result<Response, Trouble> {
    html(StatusCode::OK, page)
}

/// A page that says why what was sent is not done.
pub(super) fn refused(page: &impl Template) -> Result<Response, Trouble> {
    html(StatusCode::UNPROCESSABLE_ENTITY, page)
}

/// Somebody is to wait.
pub(super) fn too_many(page: &impl Template) -> Result<Response, Trouble> {
    html(StatusCode::TOO_MANY_REQUESTS, page)
}
