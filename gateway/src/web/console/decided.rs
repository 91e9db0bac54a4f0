//! `/console/plugins/{name}/decisions`: what a plugin decided lately, each with the message that it was about.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;
use uuid::Uuid;

use super::page::{Page, shown};
use super::path::Path;
use super::plugin;
use super::session::Visitor;
use super::thread::times;
use super::times::{Times, micros};
use super::trouble::Trouble;
use super::words::{self, DecidedWords};
use crate::store::{DecidedOn, DecisionFilter};
use crate::web::App;
use crate::web::api::decided;
use crate::web::query::Query;

const SHOWN: u64 = 30;

#[derive(Template)]
#[template(path = "decided.html")]
struct DecidedPage {
    p: Page,
    words: &'static DecidedWords,
    path: String,
    failed: bool,
    /// Not the newest.
    is_further: bool,
    next: Option<Uuid>,
    decisions: Vec<Shown>,
}

struct Shown {
    message: String,
    who: String,
    text: String,
    hook: &'static str,
    version: String,
    took: String,
    at: String,
    error: Option<String>,
    lines: Vec<String>,
}

#[derive(Deserialize)]
pub(super) struct Asked {
    failed: Option<String>,
    before: Option<Uuid>,
}

/// `GET /console/plugins/{name}/decisions`
pub(super) async fn page(
    State(app): State<App>,
    visitor: Visitor,
    Path(name): Path<String>,
    Query(asked): Query<Asked>,
) -> Result<Response, Trouble> {
    let words = DecidedWords::of(visitor.session.user.locale);
    let filter = DecisionFilter { plugin: name, failed: asked.failed.is_some() };
    let found = decided::page(&app, &filter, asked.before, SHOWN).await?.ok_or(Trouble::NotFound)?;
    let p = Page::of(&app, &visitor, "plugins", format!("{} {}", words.title, filter.plugin));
    let times = times(&app, &p);
    let page = DecidedPage {
        words,
        path: plugin::path(&filter.plugin),
        failed: filter.failed,
        is_further: asked.before.is_some(),
        next: found.next,
        decisions: found.items.into_iter().map(|decided| show(decided, &p, &times)).collect(),
        p,
    };
    shown(&page)
}

fn show(DecidedOn { trace, theirs, text }: DecidedOn, p: &Page, times: &Times) -> Shown {
    Shown {
        message: trace.message_id.to_string(),
        who: theirs.as_str().to_owned(),
        text,
        hook: words::hook(p.locale(), trace.hook),
        lines: words::decided(p.locale(), &trace),
        version: trace.version,
        took: micros(trace.duration_micros),
        at: times.full(trace.at),
        error: trace.error,
    }
}
