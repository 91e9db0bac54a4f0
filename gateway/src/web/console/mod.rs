//! The console: pages for the people who answer, made here and sent whole. What a browser runs comes with the
//! program, and every page works without it, but for what is live.
//!
//! Whoever comes is a `Visitor` with a session; what changes something is `Posted`, which also checks that it
//! came from a page of ours. Handlers call the same flows as the API does.

mod account;
mod addressee;
mod assets;
mod attaching;
mod attempts;
mod bubbles;
mod bulks;
mod channels;
mod composer;
mod consenting;
mod contact;
mod dashboard;
mod decided;
mod edit_template;
mod endpoints;
mod erasing;
mod form;
mod imported;
mod importing;
mod inbox;
mod live;
mod made;
mod merging;
mod new_bulk;
mod new_person;
mod origin;
mod page;
mod panel;
mod password;
mod path;
mod people;
mod plugin;
mod plugins;
mod posted;
mod recipients;
mod replayed;
mod sending;
mod session;
mod sign_in;
mod template_form;
mod template_preview;
mod templates;
mod thread;
mod times;
mod trace;
mod trouble;
mod users;
mod words;
mod writing;

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue, header};
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::{get, post};
use jiff::SignedDuration;
use jiff::tz::TimeZone;
use serde::Deserialize;

use super::App;
use super::listening::Seats;
use crate::clock::Ids;
use crate::message::Place;
use attempts::Attempts;

pub use password::{Passwords, SHORTEST_PASSWORD, is_name};

/// `[console]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// After how many hours without a sign of life somebody has to sign in again.
    pub session_idle_h: u32,
    /// After how many hours in any case.
    pub session_max_h: u32,
}

impl Settings {
    /// The key that makes no sense, and why.
    pub fn check(&self) -> Result<(), (&'static str, String)> {
        if self.session_idle_h == 0 || self.session_max_h == 0 {
            let key = if self.session_idle_h == 0 { "session_idle_h" } else { "session_max_h" };
            return Err((key, "must be 1 at least: nobody could work".to_owned()));
        }
        if self.session_idle_h > self.session_max_h {
            let problem = "must not be more than `console.session_max_h`, which would never be reached".to_owned();
            return Err(("session_idle_h", problem));
        }
        Ok(())
    }

    fn idle(&self) -> SignedDuration {
        SignedDuration::from_hours(i64::from(self.session_idle_h))
    }

    fn longest(&self) -> SignedDuration {
        SignedDuration::from_hours(i64::from(self.session_max_h))
    }
}

/// What the pages share. Cheap to clone.
#[derive(Clone)]
pub struct Console(Arc<Inner>);

struct Inner {
    settings: Settings,
    place: Place,
    zone: TimeZone,
    ids: Arc<Ids>,
    random: fn() -> Option<[u8; 24]>,
    passwords: Passwords,
    attempts: Attempts,
    /// How many pages may be live at once.
    live: Seats,
    /// The path of the console as browsers see it: behind a proxy, with its prefix.
    base: String,
    /// Scheme, host and port of the gateway as browsers see it.
    origin: String,
    secure: bool,
    dashboard: Mutex<dashboard::Kept>,
}

/// The most pages that are live at the same time.
const LIVE: usize = 512;
/// And of one who is signed in.
const LIVE_EACH: usize = 24;

impl Console {
    /// `random` gives nothing when the system has none; then nobody can sign in.
    pub fn new(
        settings: Settings,
        place: Place,
        ids: Arc<Ids>,
        public_url: &str,
        random: fn() -> Option<[u8; 24]>,
    ) -> Self {
        let url = url::Url::parse(public_url).ok();
        let prefix = url.as_ref().map_or("", |url| url.path().trim_end_matches('/')).to_owned();
        Self(Arc::new(Inner {
            zone: TimeZone::get(&place.time_zone).unwrap_or(TimeZone::UTC),
            passwords: Passwords::default(),
            attempts: Attempts::default(),
            live: Seats::new(LIVE, LIVE_EACH),
            base: format!("{prefix}/console"),
            origin: url.as_ref().map(|url| url.origin().ascii_serialization()).unwrap_or_default(),
            secure: url.is_some_and(|url| url.scheme() == "https"),
            dashboard: Mutex::default(),
            settings,
            place,
            ids,
            random,
        }))
    }
}

/// Nothing but what comes from here is shown, run or sent to, and nobody may frame it.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; media-src 'self'; connect-src 'self'; \
     form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
);

/// All pages.
pub(super) fn router(app: &App) -> Router<App> {
    let pages = Router::new()
        .route("/console", get(inbox::page))
        .route("/console/sign-in", get(sign_in::page).post(sign_in::enter))
        .route("/console/sign-out", post(sign_in::leave))
        .route("/console/account", get(account::page).post(account::change))
        .route("/console/account/password", post(account::change_password))
        .route("/console/live", get(live::stream))
        .route("/console/segments", post(composer::segments))
        .route("/console/contacts", get(people::page).post(new_person::create))
        .route("/console/contacts/new", get(new_person::page))
        .route("/console/contacts/import", get(importing::page).post(importing::post))
        .route("/console/contacts/{id}", get(contact::page).post(contact::change))
        .route("/console/contacts/{id}/consent", post(consenting::say))
        .route("/console/contacts/{id}/erase", post(erasing::erase))
        .route("/console/contacts/{id}/merge", get(merging::page).post(merging::merge))
        .route("/console/contacts/{id}/messages", get(writing::page).post(writing::send))
        .route("/console/contacts/{id}/preview", post(writing::preview))
        .route("/console/conversations/{id}", get(thread::page))
        .route("/console/conversations/{id}/messages", get(thread::messages).post(sending::send))
        .route("/console/conversations/{id}/preview", post(made::preview))
        .route("/console/conversations/{id}/older", get(thread::older))
        .route("/console/conversations/{id}/panel", get(panel::show).post(panel::change))
        .route("/console/conversations/{id}/notes", post(panel::note))
        .route("/console/messages/{id}/trace", get(trace::page))
        .route("/console/messages/{id}/cancel", post(composer::cancel))
        .route("/console/messages/{id}/retry", post(composer::retry))
        .route("/console/messages/{id}/media/{number}", get(bubbles::medium))
        .route("/console/bulks", get(bulks::page).post(new_bulk::post))
        .route("/console/bulks/new", get(new_bulk::page))
        .route("/console/bulks/{id}", get(bulks::one))
        .route("/console/bulks/{id}/{what}", post(bulks::change))
        .route("/console/templates", get(templates::page).post(edit_template::create))
        .route("/console/templates/{name}", get(templates::one).post(edit_template::save))
        .route("/console/templates/{name}/edit", get(edit_template::page))
        .route("/console/templates/{name}/archive", post(templates::archive))
        // Beside them, since a template may have any name.
        .route("/console/new-template", get(edit_template::fresh))
        .route("/console/preview", post(edit_template::preview))
        .route("/console/dashboard", get(dashboard::page))
        .route("/console/channels", get(channels::page))
        .route("/console/channels/{name}/check", post(channels::check))
        .route("/console/channels/{name}/pause", post(channels::pause))
        .route("/console/channels/{name}/resume", post(channels::resume))
        .route("/console/plugins", get(plugins::page))
        .route("/console/reload", post(plugins::reload))
        .route("/console/replay", post(plugins::replay))
        .route("/console/plugins/{name}", get(plugin::page).post(plugin::change))
        .route("/console/plugins/{name}/decisions", get(decided::page))
        .route("/console/endpoints", get(endpoints::page))
        .route("/console/endpoints/{name}", get(endpoints::one))
        .route("/console/endpoints/{name}/enable", post(endpoints::enable))
        .route("/console/endpoints/{name}/events/{id}/replay", post(endpoints::replay))
        .route("/console/users", get(users::page).post(users::create))
        .route("/console/users/{id}", post(users::change))
        .route_layer(middleware::from_fn_with_state(app.clone(), origin::same_site))
        .layer(middleware::from_fn(private));
    pages.route("/console/assets/{name}", get(assets::one))
}

/// What a browser has to know of every page here.
async fn private(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    let usual = [
        (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (header::REFERRER_POLICY, HeaderValue::from_static("same-origin")),
        (HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin")),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    for (name, value) in usual {
        // A file says it better.
        headers.entry(name).or_insert(value);
    }
    response
}
