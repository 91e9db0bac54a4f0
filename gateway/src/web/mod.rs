//! The HTTP face: accept loop, routes, what a refusal looks like.
//!
//! Handlers read a request, call one flow and write its result; they decide nothing. Status
//! codes are made in `problem` alone, and those of pages in `console`.

mod api;
mod auth;
mod console;
pub mod contact_list;
mod early;
mod files;
mod health;
mod keys;
mod limit;
mod listening;
mod metrics;
mod openapi;
mod problem;
mod proxies;
mod query;
mod server;
mod stalled;
mod twilio;
mod webhooks;

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{MatchedPath, Request};
use axum::routing::{any, get};
use futures::future::BoxFuture;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::request_id::{MakeRequestUuid, PropagateRequestIdLayer, RequestId, SetRequestIdLayer};
use tower_http::trace::{DefaultOnResponse, TraceLayer};

use crate::bulks::Bulks;
use crate::channels::{Channels, Finding};
use crate::clock::{Clock, Ids};
use crate::configuring::Configuring;
use crate::events::Endpoints;
use crate::gauges::Gauges;
use crate::inbound::Inbound;
use crate::lookup::Lookup;
use crate::media::Uploads;
use crate::message::Locale;
use crate::outbound::Outbound;
use crate::pauses::Pauses;
use crate::plugins::Loader;
use crate::rates::Rates;
use crate::replay::Replay;
use crate::store::Store;

pub use auth::{hash_key, new_key};
pub use console::{Console, Passwords, SHORTEST_PASSWORD, Settings as ConsoleSettings, is_name};
pub use early::Doors;
pub use keys::Keys;
pub use listening::Listeners;
pub use openapi::document;
pub use proxies::{Network, Proxies};
pub use server::{BindError, Bound};

/// `[server]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    pub listen: std::net::SocketAddr,
    /// Where providers reach us: scheme, host and, behind a proxy, prefix. None is the listen
    /// address.
    pub public_url: Option<String>,
    /// Whose `X-Forwarded-For` counts.
    pub trusted_proxies: Vec<Network>,
    /// The most connections at the same time; further ones wait to be accepted.
    pub connections: usize,
    /// How long a stop waits for requests and sends that are under way, in seconds.
    pub drain_s: u32,
    /// How long a stop goes on as before while it says that it is not ready, in seconds.
    pub announce_s: u32,
    /// What lets one see the metrics, besides an API key.
    pub metrics_token: Option<SecretString>,
}

/// A shorter token could be guessed.
const TOKEN: usize = 16;

impl Settings {
    /// How long a stop waits for what is under way.
    pub fn drain(&self) -> Duration {
        Duration::from_secs(u64::from(self.drain_s))
    }

    /// The key that makes no sense, and why.
    pub fn check(&self) -> Result<(), (&'static str, String)> {
        match &self.metrics_token {
            Some(token) if token.expose_secret().len() < TOKEN => {
                let problem = format!("must have {TOKEN} characters at least, as from `openssl rand -hex 24`");
                Err(("metrics_token", problem))
            }
            _ => Ok(()),
        }
    }
}

/// Looks at the channel of this name and at its provider, and says what was found; changes nothing.
pub type Examine = Arc<dyn Fn(String) -> BoxFuture<'static, Vec<Finding>> + Send + Sync>;

/// What the handlers share. Every request clones it some times, so it is behind one counter.
#[derive(Clone)]
struct App(Arc<Shared>);

impl Deref for App {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}

/// What there is for them.
pub struct Shared {
    pub inbound: Inbound,
    pub outbound: Outbound,
    pub bulks: Bulks,
    pub uploads: Uploads,
    pub lookup: Lookup,
    pub store: Store,
    /// Who may call the API.
    pub keys: Keys,
    pub ids: Arc<Ids>,
    pub channels: Channels,
    pub examine: Examine,
    /// Which channels can't send for now.
    pub pauses: Pauses,
    /// How fast each sender sends.
    pub rates: Rates,
    pub plugins: Loader,
    pub configuring: Configuring,
    pub replay: Replay,
    pub endpoints: Endpoints,
    pub gauges: Gauges,
    pub console: Console,
    /// Who may say whom a request is from.
    pub proxies: Proxies,
    /// Who listens to what happens.
    pub listeners: Listeners,
    /// What lets one see the metrics, besides a key.
    pub metrics_token: Option<SecretString>,
    pub clock: Arc<dyn Clock>,
    pub locale: Locale,
    /// The locale of templates where none is asked for.
    pub place_locale: Arc<str>,
    /// Where numbers without a country code are dialled.
    pub region: Arc<str>,
    /// Scheme, host and prefix without a slash at the end.
    pub public_url: Arc<str>,
    /// Whether applications may be called back on this machine or in its network.
    pub private_callbacks: bool,
    /// True once the gateway has begun to stop.
    pub stopping: tokio::sync::watch::Receiver<bool>,
}

/// The longest webhook body, in bytes. Twilio's are some kilobytes.
const WEBHOOK_BODY: usize = 256 * 1024;
/// The longest API body, in bytes.
const API_BODY: usize = 256 * 1024;
/// The longest body of a bulk send, in bytes: 800 for each of the most recipients.
const BULK_BODY: usize = 8 * 1024 * 1024;
/// The longest list of people, in bytes of UTF-8 with one for each end of a line.
const LIST: usize = 4 * 1024 * 1024;
/// The longest form with such a list, in bytes: browsers make two of each end of a line, and other fields are with it.
const LIST_BODY: usize = 2 * LIST + 64 * 1024;
/// The longest a request may take altogether.
const REQUEST: Duration = Duration::from_mins(1);

/// What is served.
pub type Routes = Router;

/// All routes on one page.
pub fn router(shared: Shared) -> Router {
    let app = App(Arc::new(shared));
    let router = Router::new()
        .route("/", get(health::about))
        .route("/healthz", get(health::healthy))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(metrics::page))
        .route("/webhooks/{channel}/inbound", any(webhooks::receive))
        .route("/webhooks/{channel}/status", any(webhooks::receive))
        .route("/media/{token}/{name}", get(files::linked))
        .route("/openapi.json", get(openapi::shown))
        .merge(openapi::router().split_for_parts().0)
        .merge(openapi::page())
        .fallback(problem::no_such_route)
        .method_not_allowed_fallback(problem::no_such_method)
        .merge(twilio::router(&app))
        .merge(console::router(&app))
        .with_state(app);
    layered(router)
}

/// What goes around every request, whatever it is: from the outside in, and as one, since each layer by itself is two
/// more allocations for every request.
fn layered(router: Router) -> Router {
    router.layer((
        SetRequestIdLayer::x_request_id(MakeRequestUuid),
        PropagateRequestIdLayer::x_request_id(),
        TraceLayer::new_for_http().make_span_with(span).on_response(DefaultOnResponse::new()),
        CatchPanicLayer::custom(problem::panicked),
        limit::LimitLayer(REQUEST),
    ))
}

/// By the route's pattern, never the URL: that may hold a number.
fn span(request: &Request) -> tracing::Span {
    let route = request.extensions().get::<MatchedPath>().map_or("none", MatchedPath::as_str);
    let id = request.extensions().get::<RequestId>().and_then(|id| id.header_value().to_str().ok()).unwrap_or_default();
    tracing::info_span!("request", method = %request.method(), route, id)
}
