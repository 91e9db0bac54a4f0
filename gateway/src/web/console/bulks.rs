//! `/console/bulks`: what was sent to many, how far each has come, who was not reached and why; and stopping it.

use askama::Template;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use uuid::Uuid;

use super::page::{Page, refused, shown};
use super::path::Path;
use super::posted::{Fields, Posted};
use super::session::Visitor;
use super::thread::times;
use super::times::Times;
use super::trouble::{Trouble, redirect};
use super::words::{bulk_state, recipient_state};
use crate::bulks;
use crate::store::{BulkState, KnownBulk, KnownRecipient, RecipientState, Role};
use crate::web::App;

/// How many bulk sends, and how many recipients, are on a page.
const SHOWN: u64 = 30;
const RECIPIENTS: u64 = 50;

/// In this order, which is the one that they go through.
const STATES: [(&str, RecipientState); 8] = [
    ("waiting", RecipientState::Waiting),
    ("submitted", RecipientState::Submitted),
    ("sent", RecipientState::Sent),
    ("delivered", RecipientState::Delivered),
    ("failed", RecipientState::Failed),
    ("refused", RecipientState::Refused),
    ("duplicate", RecipientState::Duplicate),
    ("canceled", RecipientState::Canceled),
];

#[derive(Template)]
#[template(path = "bulks.html")]
struct BulksPage {
    p: Page,
    bulks: Vec<Shown>,
    next: Option<Uuid>,
}

#[derive(Template)]
#[template(path = "bulk.html")]
struct BulkPage {
    p: Page,
    bulk: Shown,
    counts: Vec<Count>,
    recipients: Vec<Person>,
    /// Of whom the recipients are, if it is not those who were not reached.
    state: &'static str,
    next: Option<u32>,
    /// What the page asks for again.
    query: String,
    error: Option<&'static str>,
}

struct Shown {
    id: String,
    name: String,
    state: (&'static str, &'static str),
    is_running: bool,
    is_paused: bool,
    text: String,
    template: Option<String>,
    total: u32,
    settled: u64,
    made: String,
    planned: Option<String>,
    finished: Option<String>,
}

struct Count {
    word: &'static str,
    look: (&'static str, &'static str),
    number: u64,
}

struct Person {
    position: u32,
    to: String,
    state: (&'static str, &'static str),
    reason: Option<String>,
    remedy: Option<&'static str>,
    message: Option<String>,
}

async fn show(app: &App, p: &Page, times: &Times, known: KnownBulk) -> Result<(Shown, Vec<Count>), Trouble> {
    let counts = app.store.bulk_counts(known.id).await?;
    let of = |state| counts.of.get(&state).copied().unwrap_or(0);
    let to_come = of(RecipientState::Waiting) + of(RecipientState::Submitted);
    let template = known.content.get("template").and_then(|template| {
        let name = template.get("name")?.as_str()?;
        Some(format!("{name}, {} {}", p.bulk.version, template.get("version")?))
    });
    let shown = Shown {
        id: known.id.to_string(),
        name: known.name.unwrap_or_else(|| p.bulk.unnamed.to_owned()),
        state: bulk_state(p.locale(), known.state),
        is_running: known.state == BulkState::Running,
        is_paused: known.state == BulkState::Paused,
        text: known.content.get("text").and_then(|text| text.as_str()).unwrap_or_default().to_owned(),
        template,
        total: known.total,
        settled: u64::from(known.total).saturating_sub(to_come),
        made: times.full(known.created_at),
        planned: known.send_at.map(|at| times.full(at)),
        finished: known.finished_at.map(|at| times.full(at)),
    };
    let counts =
        STATES.map(|(word, state)| Count { word, look: recipient_state(p.locale(), state), number: of(state) });
    Ok((shown, counts.into()))
}

/// `GET /console/bulks`: newest first.
pub(super) async fn page(
    State(app): State<App>,
    visitor: Visitor,
    RawQuery(query): RawQuery,
) -> Result<Response, Trouble> {
    let mut p = Page::of(&app, &visitor, "bulks", "");
    p.title = p.words.bulks.to_owned();
    let times = times(&app, &p);
    let after = Fields::read(query.unwrap_or_default().as_bytes()).get("after").parse().ok();
    let page = app.store.bulks(None, after, SHOWN).await?;
    let mut bulks = Vec::with_capacity(page.items.len());
    for known in page.items {
        bulks.push(show(&app, &p, &times, known).await?.0);
    }
    shown(&BulksPage { p, bulks, next: page.next })
}

/// `GET /console/bulks/{id}`: how far it has come, and who was not reached; with `state`, who stands there.
pub(super) async fn one(
    State(app): State<App>,
    visitor: Visitor,
    Path(id): Path<Uuid>,
    RawQuery(query): RawQuery,
) -> Result<Response, Trouble> {
    let fields = Fields::read(query.unwrap_or_default().as_bytes());
    shown(&look(&app, &visitor, id, &fields).await?)
}

async fn look(app: &App, visitor: &Visitor, id: Uuid, fields: &Fields) -> Result<BulkPage, Trouble> {
    let known = app.store.bulk(id).await?.ok_or(Trouble::NotFound)?;
    let mut p = Page::of(app, visitor, "bulks", "");
    let times = times(app, &p);
    let channel = known.content.get("channel").and_then(|name| name.as_str()).map(str::to_owned);
    let channel = channel.or_else(|| app.channels.names().next().map(str::to_owned)).unwrap_or_default();
    let (bulk, counts) = show(app, &p, &times, known).await?;
    p.title.clone_from(&bulk.name);
    let after: Option<u32> = fields.get("after").parse().ok();
    let chosen = STATES.into_iter().find(|(word, _)| *word == fields.get("state"));
    let wanted = chosen.map_or(vec![RecipientState::Failed, RecipientState::Refused], |(_, state)| vec![state]);
    let (mut people, mut next) = (Vec::new(), None);
    for state in wanted {
        let page = app.store.bulk_recipients(id, Some(state), after, RECIPIENTS).await?;
        // There may be more of either: only a list of one of them goes on.
        next = page.next.filter(|_| chosen.is_some()).and(page.items.last().map(|last| last.position));
        people.extend(page.items.into_iter().map(|known| person(app, &p, &channel, known)));
    }
    people.sort_by_key(|person| person.position);
    let state = chosen.map_or("", |(word, _)| word);
    let after = after.map(|after| format!("&after={after}")).unwrap_or_default();
    Ok(BulkPage {
        p,
        bulk,
        counts,
        recipients: people,
        state,
        next,
        query: format!("state={state}{after}"),
        error: None,
    })
}

fn person(app: &App, p: &Page, channel: &str, known: KnownRecipient) -> Person {
    let channel = app.channels.get(channel);
    let explained = known.error_code.and_then(|code| channel?.explain(code, p.locale()));
    let reason = known.problem.map(|problem| problem.detail);
    let reason = reason.or_else(|| explained.map(|known| known.title.to_owned())).or(known.error_message);
    let code = known.error_code.map(|code| format!("{} {code}", p.more.error));
    Person {
        position: known.position,
        to: known.to,
        state: recipient_state(p.locale(), known.state),
        reason: reason.or(code),
        remedy: explained.map(|known| known.remedy),
        message: known.message_id.map(|id| id.to_string()),
    }
}

/// `POST /console/bulks/{id}/pause`, `/resume`, `/cancel`
pub(super) async fn change(
    State(app): State<App>,
    Path((id, what)): Path<(Uuid, String)>,
    posted: Posted,
) -> Result<Response, Trouble> {
    posted.visitor.must_be(Role::Agent)?;
    let act = |action| posted.visitor.act(&app, action, &id);
    let changed = match what.as_str() {
        "pause" => app.bulks.pause(id, act("bulk.paused")).await,
        "resume" => app.bulks.resume(id, act("bulk.resumed")).await,
        "cancel" => app.bulks.cancel(id, act("bulk.canceled")).await,
        _ => return Err(Trouble::NotFound),
    };
    match changed {
        Ok(()) => Ok(redirect(&format!("{}/bulks/{id}", app.console.0.base), posted.is_partial)),
        Err(bulks::Error::NotFound) => Err(Trouble::NotFound),
        Err(bulks::Error::Store(error)) => Err(error.into()),
        Err(_) => {
            let mut page = look(&app, &posted.visitor, id, &Fields::default()).await?;
            page.error = Some(page.p.bulk.over);
            refused(&page)
        }
    }
}
