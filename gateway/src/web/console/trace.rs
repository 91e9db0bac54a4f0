//! `/console/messages/{id}/trace`: all that is on record about one message, to be read.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use serde::Serialize;
use uuid::Uuid;

use super::bubbles::{Bubble, Told, bubbles, told};
use super::page::{Page, shown};
use super::path::Path;
use super::session::Visitor;
use super::thread::{find, times, who};
use super::times::{Times, micros};
use super::trouble::Trouble;
use super::words;
use crate::message::MessageId;
use crate::store::{History, KnownEvent, KnownRemoval, Trace};
use crate::web::App;
use crate::web::api::waits::Waits;

#[derive(Template)]
#[template(path = "trace.html")]
struct TracePage {
    p: Page,
    conversation: String,
    bubbles: Vec<Bubble>,
    error: Option<Told>,
    /// The name and the version.
    template: Option<(String, u32)>,
    waits: Option<(String, String)>,
    plugins: Vec<Asked>,
    /// In a sentence, and as it is on record.
    gate: Option<(String, String)>,
    sections: Vec<Section>,
}

/// What a plugin decided.
struct Asked {
    plugin: String,
    version: String,
    hook: &'static str,
    took: String,
    at: String,
    error: Option<String>,
    lines: Vec<String>,
    decision: String,
}

/// What happened of one kind.
struct Section {
    title: &'static str,
    lines: Vec<Line>,
}

struct Line {
    when: String,
    what: String,
    /// More of it, and the link to another message.
    detail: Option<String>,
    message: Option<String>,
}

impl Line {
    fn new(when: String, what: String) -> Self {
        Self { when, what, detail: None, message: None }
    }
}

/// `GET /console/messages/{id}/trace`
pub(super) async fn page(State(app): State<App>, visitor: Visitor, Path(id): Path<Uuid>) -> Result<Response, Trouble> {
    let id = MessageId(id);
    let message = app.store.message(id).await?.ok_or(Trouble::NotFound)?;
    let mut p = Page::of(&app, &visitor, "inbox", "");
    p.title = p.more.trace_title.to_owned();
    let times = times(&app, &p);
    let thread = find(&app, message.conversation_id.0).await?;
    let plugins = app.store.traces(id).await?;
    let history = app.store.history(id).await?;
    let waits = Waits::of(&app, &message, history.gate.as_ref(), p.locale()).await?;
    let waits = waits.map(|waits| waiting(waits, &p, &times));
    let gate = history.gate.as_ref();
    let gate = gate.map(|gate| (words::gate(p.locale(), gate, &times).unwrap_or_default(), pretty(gate)));
    let events = app.store.events_of(id).await?;
    let removals = app.store.removals(id).await?;
    let page = TracePage {
        conversation: message.conversation_id.to_string(),
        error: told(&app, &p, &message),
        template: message.template.clone().map(|used| (used.name, used.version)),
        bubbles: bubbles(&app, &p, &times, vec![message], &who(&thread)).await?,
        waits,
        plugins: plugins.into_iter().map(|trace| asked(trace, &p, &times)).collect(),
        gate,
        sections: sections(history, events, removals, &p, &times),
        p,
    };
    shown(&page)
}

fn asked(trace: Trace, p: &Page, times: &Times) -> Asked {
    Asked {
        lines: words::decided(p.locale(), &trace),
        hook: words::hook(p.locale(), trace.hook),
        plugin: trace.plugin,
        version: trace.version,
        took: micros(trace.duration_micros),
        at: times.full(trace.at),
        error: trace.error,
        decision: pretty(&trace.decision),
    }
}

fn waiting(waits: Waits, p: &Page, times: &Times) -> (String, String) {
    match waits {
        Waits::Time { until } => (p.more.waits_time.to_owned(), times.full(until)),
        Waits::Gate { until, time_zone, .. } => {
            (p.more.waits_gate.to_owned(), format!("{} · {time_zone}", times.full(until)))
        }
        Waits::Channel { reason } => {
            let words = [reason.title.as_deref(), reason.words.as_deref(), reason.remedy.as_deref()];
            (p.more.waits_channel.to_owned(), words.into_iter().flatten().collect::<Vec<_>>().join(" · "))
        }
        Waits::Sender { until, .. } => (p.more.waits_sender.to_owned(), times.full(until)),
    }
}

fn sections(
    history: History,
    events: Vec<KnownEvent>,
    removals: Vec<KnownRemoval>,
    p: &Page,
    times: &Times,
) -> Vec<Section> {
    let code = |code: Option<i32>| code.map_or_else(String::new, |code| format!(" · {code}"));
    let attempts = history.attempts.into_iter().map(|attempt| {
        let outcome = attempt.outcome.as_deref().map_or(p.more.dash, |one| words::outcome(p.locale(), one));
        let message = attempt.error_message.map_or_else(String::new, |message| format!(" · {message}"));
        let what = format!("{}. {outcome}{}{message}", attempt.number, code(attempt.error_code));
        Line { detail: attempt.exchange.as_ref().map(pretty), ..Line::new(times.full(attempt.started_at), what) }
    });
    let reports = history.observations.into_iter().map(|report| {
        let times_told = if report.times > 1 { format!(" ×{}", report.times) } else { String::new() };
        let conflict = if report.conflict { format!(" · {}", p.words.conflict) } else { String::new() };
        let status = words::status(p.locale(), report.status);
        let what = format!("{status}{}{times_told}{conflict}", code(report.error_code));
        Line { detail: report.error_message, ..Line::new(times.full(report.received_at), what) }
    });
    let looks = history.looks.iter().map(|known| {
        let what = format!("{} · {}", word(&known.look.found), known.look.concluded);
        Line { detail: known.look.reason.clone(), ..Line::new(times.full(known.look.at), what) }
    });
    let led_to = history.led_to.into_iter().map(|led| {
        let plugin = led.plugin.unwrap_or_default();
        let what = format!("{plugin} · {}", words::status(p.locale(), led.status));
        Line { message: Some(led.message_id.to_string()), ..Line::new(times.full(led.created_at), what) }
    });
    let waiting_timers = history
        .timers
        .into_iter()
        .map(|timer| Line::new(times.full(timer.due_at), format!("{} · {}", timer.plugin, timer.name)));
    let told = events.into_iter().map(|event| {
        let what = format!("{} · {} · {}", event.endpoint, event.kind, word(&event.state));
        Line { detail: event.problem, ..Line::new(times.full(event.created_at), what) }
    });
    let removed = removals.into_iter().map(|removal| {
        let what = format!("{} · {}", removal.provider_id, removal.tries);
        Line { detail: removal.problem, ..Line::new(times.full(removal.asked_at), what) }
    });
    let all: [(&'static str, Vec<Line>); 7] = [
        (p.more.trace_attempts, attempts.collect()),
        (p.more.trace_reports, reports.collect()),
        (p.more.trace_looks, looks.collect()),
        (p.more.trace_led_to, led_to.collect()),
        (p.more.trace_timers, waiting_timers.collect()),
        (p.more.trace_events, told.collect()),
        (p.more.trace_removals, removed.collect()),
    ];
    let there = all.into_iter().filter(|(_, lines)| !lines.is_empty());
    there.map(|(title, lines)| Section { title, lines }).collect()
}

fn pretty(value: &serde_json::Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}

/// What it is called in the API.
fn word(value: &impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        Ok(other) => other.to_string(),
        Err(_) => String::new(),
    }
}
