//! `/console/endpoints`: what applications are told, whether they took it, and telling it again.

use askama::Template;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use uuid::Uuid;

use super::page::{Page, shown};
use super::path::Path;
use super::posted::{Fields, Posted};
use super::session::Visitor;
use super::thread::times;
use super::times::Times;
use super::trouble::{Trouble, redirect};
use super::words::More;
use crate::events::Endpoint;
use crate::store::{EventState, KnownEndpoint, KnownEvent, Role};
use crate::web::App;

/// How many events are on a page.
const SHOWN: u64 = 50;

#[derive(Template)]
#[template(path = "endpoints.html")]
struct EndpointsPage {
    p: Page,
    endpoints: Vec<Shown>,
}

#[derive(Template)]
#[template(path = "endpoint.html")]
struct EndpointPage {
    p: Page,
    endpoint: Shown,
    events: Vec<Told>,
    next: Option<Uuid>,
}

struct Shown {
    name: String,
    url: String,
    subscribed: Vec<String>,
    state: (&'static str, &'static str),
    /// It can be enabled from here.
    can_enable: bool,
    waiting: u64,
    last_success: Option<String>,
    failing: Option<String>,
    last_failure: Option<String>,
}

struct Told {
    id: String,
    kind: String,
    state: (&'static str, &'static str),
    tries: u32,
    answer: Option<u16>,
    problem: Option<String>,
    at: String,
    message: Option<String>,
}

fn show(endpoint: &Endpoint, known: KnownEndpoint, p: &Page, times: &Times) -> Shown {
    let off = endpoint.settings.disabled;
    let is_gone = known.gone_at.is_some();
    let state = match (off || known.disabled_at.is_some(), is_gone) {
        (_, true) => ("failed", p.more.endpoint_gone),
        (true, _) => ("failed", p.more.endpoint_disabled),
        _ => ("delivered", p.more.endpoint_active),
    };
    Shown {
        name: endpoint.name.clone(),
        url: endpoint.shown_url(),
        subscribed: endpoint.settings.events.clone(),
        state,
        can_enable: !off && (is_gone || known.disabled_at.is_some()),
        waiting: known.waiting,
        last_success: known.last_success_at.map(|at| times.full(at)),
        failing: known.failing_since.map(|at| times.full(at)),
        last_failure: known.last_failure,
    }
}

/// `GET /console/endpoints`
pub(super) async fn page(State(app): State<App>, visitor: Visitor) -> Result<Response, Trouble> {
    let mut p = Page::of(&app, &visitor, "endpoints", "");
    p.title = p.words.endpoints.to_owned();
    let times = times(&app, &p);
    let mut known = app.store.endpoints().await?;
    let endpoints = app
        .endpoints
        .iter()
        .map(|endpoint| show(endpoint, known.remove(&endpoint.name).unwrap_or_default(), &p, &times));
    let endpoints = endpoints.collect();
    shown(&EndpointsPage { p, endpoints })
}

/// `GET /console/endpoints/{name}`: what it was told, newest first.
pub(super) async fn one(
    State(app): State<App>,
    visitor: Visitor,
    Path(name): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, Trouble> {
    let endpoint = app.endpoints.get(&name).ok_or(Trouble::NotFound)?;
    let p = Page::of(&app, &visitor, "endpoints", name.clone());
    let times = times(&app, &p);
    let known = app.store.endpoints().await?.remove(&name).unwrap_or_default();
    let after = Fields::read(query.unwrap_or_default().as_bytes()).get("after").parse().ok();
    let events = app.store.events(&name, None, after, SHOWN).await?;
    let page = EndpointPage {
        endpoint: show(endpoint, known, &p, &times),
        events: events.items.into_iter().map(|event| told(event, p.more, &times)).collect(),
        next: events.next,
        p,
    };
    shown(&page)
}

fn told(event: KnownEvent, more: &More, times: &Times) -> Told {
    let state = match event.state {
        EventState::Waiting => ("pending", more.event_waiting),
        EventState::Sending => ("sending", more.event_sending),
        EventState::Delivered => ("delivered", more.event_delivered),
        EventState::GivenUp => ("failed", more.event_given_up),
    };
    Told {
        id: event.id.to_string(),
        kind: event.kind,
        state,
        tries: event.tries,
        answer: event.answer,
        problem: event.problem,
        at: times.full(event.created_at),
        message: event.message_id.map(|id| id.to_string()),
    }
}

/// `POST /console/endpoints/{name}/enable`
pub(super) async fn enable(
    State(app): State<App>,
    Path(name): Path<String>,
    posted: Posted,
) -> Result<Response, Trouble> {
    posted.visitor.must_be(Role::Owner)?;
    app.endpoints.get(&name).ok_or(Trouble::NotFound)?;
    app.store.enable_endpoint(&name, posted.visitor.act(&app, "endpoint.enabled", &name)).await?;
    tracing::info!(endpoint = name, user_id = %posted.visitor.session.user.id, "enabled from the console");
    app.endpoints.wake(&name);
    Ok(redirect(&format!("{}/endpoints/{name}", app.console.0.base), posted.is_partial))
}

/// `POST /console/endpoints/{name}/events/{id}/replay`
pub(super) async fn replay(
    State(app): State<App>,
    Path((name, id)): Path<(String, Uuid)>,
    posted: Posted,
) -> Result<Response, Trouble> {
    posted.visitor.must_be(Role::Owner)?;
    app.endpoints.get(&name).ok_or(Trouble::NotFound)?;
    if !app.store.replay_event(&name, id, posted.visitor.act(&app, "event.replayed", &id)).await? {
        return Err(Trouble::NotFound);
    }
    app.endpoints.wake(&name);
    Ok(redirect(&format!("{}/endpoints/{name}", app.console.0.base), posted.is_partial))
}
