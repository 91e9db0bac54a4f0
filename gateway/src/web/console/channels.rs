//! `/console/channels`: whether each one sends, how fast, what waits, what its provider says of it, and pausing it.

use std::borrow::Cow;
use std::time::Duration;

use askama::Template;
use axum::extract::State;
use axum::response::Response;

use super::page::{Page, shown};
use super::path::Path;
use super::posted::Posted;
use super::session::Visitor;
use super::thread::times;
use super::trouble::{Trouble, redirect};
use super::words::More;
use crate::channels::{self, Finding};
use crate::message::Line;
use crate::store::Role;
use crate::web::api::channels::{Reason, paused};
use crate::web::{App, Examine};

/// How long a channel is looked at; within that of a request, and of somebody's patience.
const LOOK: Duration = Duration::from_secs(25);
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
    /// What was found, if somebody asked; empty if there was no answer in time.
    found: Option<Vec<Found>>,
}

struct Found {
    class: &'static str,
    word: &'static str,
    check: String,
    finding: String,
    remedy: Option<String>,
}

impl Found {
    fn new(found: Finding, more: &More) -> Self {
        let (class, word) = match found.state {
            channels::State::Ok => ("delivered", more.found_good),
            channels::State::Warning => ("unknown", more.found_warning),
            channels::State::Failed => ("failed", more.found_bad),
            channels::State::Skipped => ("skipped", more.found_skipped),
        };
        Self { class, word, check: found.check, finding: found.finding, remedy: found.remedy }
    }
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
    shown(&list(&app, &visitor).await?)
}

async fn list(app: &App, visitor: &Visitor) -> Result<ChannelsPage, Trouble> {
    let mut p = Page::of(app, visitor, "channels", "");
    p.title = p.words.channels.to_owned();
    let times = times(app, &p);
    let now = app.clock.now();
    let mut paused = paused(app, p.locale()).await?;
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
            found: None,
        });
    }
    Ok(ChannelsPage { p, channels })
}

/// `POST /console/channels/{name}/check`: what `recado doctor` says of it. Changes nothing.
pub(super) async fn check(
    State(app): State<App>,
    Path(name): Path<String>,
    posted: Posted,
) -> Result<Response, Trouble> {
    posted.visitor.must_be(Role::Agent)?;
    app.channels.get(&name).ok_or(Trouble::NotFound)?;
    let found = look(&app.examine, &name).await;
    let mut page = list(&app, &posted.visitor).await?;
    let more = page.p.more;
    for one in page.channels.iter_mut().filter(|one| one.name == name) {
        let found = found.iter().flatten().cloned();
        one.found = Some(found.map(|found| Found::new(found, more)).collect());
    }
    shown(&page)
}

/// What was found in time.
async fn look(examine: &Examine, name: &str) -> Option<Vec<Finding>> {
    tokio::time::timeout(LOOK, examine(name.to_owned())).await.ok()
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_for_long() {
        let after = |wait: Duration| -> Examine {
            Arc::new(move |name| {
                Box::pin(async move {
                    tokio::time::sleep(wait).await;
                    vec![Finding::ok(name, "well")]
                })
            })
        };
        let soon = look(&after(LOOK / 2), "sms").await;
        assert_eq!(soon.map(|found| found[0].check.clone()).as_deref(), Some("sms"));
        assert!(look(&after(LOOK * 2), "sms").await.is_none());
    }
}
