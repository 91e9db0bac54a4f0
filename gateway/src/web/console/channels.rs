//! `/console/channels`: whether each one sends, how fast, what waits, and pausing it.

use askama::Template;
use std::borrow::Cow;

use axum::extract::{Path, State};
use axum::response::Response;

use super::page::{Page, shown};
use super::posted::Posted;
use super::session::Visitor;
use super::thread::times;
use super::trouble::{Trouble, redirect};
use crate::message::Line;
use crate::store::Role;
use crate::web::App;
use crate::web::api::channels::{Reason, paused};

/// The longest reason, in characters.
const LONGEST_REASON: usize = 500;

#[derive(Template)]
#[template(path = "channels.html")]
struct ChannelsPage {
    p: Page,
    channels: Vec<Shown>,
}

struct Shown {
    name: String,
    kind: &'static str,
    sender: Option<String>,
    provider: Option<String>,
    rate: String,
    slowed: Option<String>,
    /// Parts that are due, and since when the first is.
    due: u64,
    due_since: Option<String>,
    pause: Option<Pause>,
}

struct Pause {
    by_hand: bool,
    since: String,
    until: Option<String>,
    code: Option<i32>,
    title: Option<String>,
    remedy: Option<String>,
    words: Option<String>,
}

/// `GET /console/channels`
pub(super) async fn page(State(app): State<App>, visitor: Visitor) -> Result<Response, Trouble> {
    let mut p = Page::of(&app, &visitor, "channels", "");
    p.title = p.words.channels.to_owned();
    let times = times(&app, &p);
    let now = app.clock.now();
    let mut paused = paused(&app, p.locale()).await?;
    let backlog = app.store.backlog(now).await?;
    let pause = |reason: Reason| Pause {
        by_hand: reason.is_by_hand(),
        since: times.full(reason.paused_since),
        until: reason.until.map(|until| times.full(until)),
        code: reason.code,
        title: reason.title.map(Cow::into_owned),
        // The remedy of one that was paused by hand is a command; here there is a button.
        remedy: reason.remedy.filter(|_| reason.until.is_some()).map(Cow::into_owned),
        words: reason.words,
    };
    let mut channels = Vec::new();
    for (name, channel) in app.channels.iter() {
        let line = Line::of(name, channel.sender(), channel.known_as().service);
        let rate = app.rates.rate(&line, now);
        let per_second = |rate: f64| format!("{rate} {}", p.more.per_second);
        let due: Vec<_> = backlog.outbound.iter().filter(|due| due.channel == *name).collect();
        channels.push(Shown {
            name: name.to_owned(),
            kind: channel.kind(),
            sender: channel.sender().map(|sender| sender.as_str().to_owned()),
            provider: channel.provider_url().map(str::to_owned),
            rate: rate.limit.map_or_else(|| p.more.unlimited.to_owned(), per_second),
            slowed: rate.slowed_to.map(per_second),
            due: due.iter().map(|due| due.parts).sum(),
            due_since: due.iter().map(|due| due.since).min().map(|since| times.full(since)),
            pause: paused.remove(name).map(pause),
        });
    }
    shown(&ChannelsPage { p, channels })
}

/// `POST /console/channels/{name}/pause`
pub(super) async fn pause(
    State(app): State<App>,
    Path(name): Path<String>,
    posted: Posted,
) -> Result<Response, Trouble> {
    posted.visitor.must_be(Role::Owner)?;
    app.channels.get(&name).ok_or(Trouble::NotFound)?;
    let reason: String = posted.fields.get("reason").chars().take(LONGEST_REASON).collect();
    let reason = Some(reason).filter(|reason| !reason.is_empty());
    let act = posted.visitor.act(&app, "channel.paused", &name);
    if app.store.pause(&name, reason, act).await? {
        tracing::info!(channel = name, user_id = %posted.visitor.session.user.id, "paused from the console");
    }
    done(&app, &posted).await
}

/// `POST /console/channels/{name}/resume`
pub(super) async fn resume(
    State(app): State<App>,
    Path(name): Path<String>,
    posted: Posted,
) -> Result<Response, Trouble> {
    posted.visitor.must_be(Role::Owner)?;
    app.channels.get(&name).ok_or(Trouble::NotFound)?;
    let act = posted.visitor.act(&app, "channel.resumed", &name);
    if app.store.resume(&name, act).await? {
        tracing::info!(channel = name, user_id = %posted.visitor.session.user.id, "resumed from the console");
    }
    let done = done(&app, &posted).await;
    app.outbound.wake();
    done
}

/// This process knows it from here on, too.
async fn done(app: &App, posted: &Posted) -> Result<Response, Trouble> {
    app.pauses.set_by_hand(app.store.paused().await?.into_keys());
    Ok(redirect(&format!("{}/channels", app.console.0.base), posted.is_partial))
}
