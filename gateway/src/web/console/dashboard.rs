//! `/console/dashboard`: how much went in and out lately, and what went wrong. One look at the last days serves
//! everybody for a minute.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use jiff::{SignedDuration, Timestamp};

use super::page::{Page, shown};
use super::session::Visitor;
use super::thread::times;
use super::times::{Times, length};
use super::trouble::Trouble;
use crate::message::{Direction, Status};
use crate::store::Volume;
use crate::web::App;

const DAYS: i64 = 14;
const DAY_MS: i64 = 86_400_000;
/// How long a look is good for.
const FRESH: SignedDuration = SignedDuration::from_mins(1);
/// The most kinds of errors that are shown.
const ERRORS: usize = 20;

/// The last look.
#[derive(Default)]
pub(super) struct Kept(Option<(Timestamp, Arc<Vec<Volume>>)>);

#[derive(Template)]
#[template(path = "dashboard.html")]
struct Dashboard {
    p: Page,
    received: u64,
    sent: u64,
    rate: Option<String>,
    took: Option<String>,
    failed: u64,
    days: Vec<Day>,
    errors: Vec<Known>,
}

struct Day {
    name: String,
    received: u64,
    sent: u64,
    /// Of the busiest day, in per cent.
    received_share: u64,
    sent_share: u64,
}

struct Known {
    channel: String,
    code: i32,
    title: Option<&'static str>,
    remedy: Option<&'static str>,
    messages: u64,
}

/// `GET /console/dashboard`
pub(super) async fn page(State(app): State<App>, visitor: Visitor) -> Result<Response, Trouble> {
    let mut p = Page::of(&app, &visitor, "dashboard", "");
    p.title = p.words.dashboard.to_owned();
    let (times, offset) = (times(&app, &p), offset_ms(&app));
    let today = (app.clock.now().as_millisecond() + offset).div_euclid(DAY_MS);
    let volume = look(&app, today, offset).await?;
    shown(&summed(&app, p, &times, today, &volume))
}

/// How far the place's days are from those of UTC, now.
fn offset_ms(app: &App) -> i64 {
    let seconds = app.console.0.zone.to_offset(app.clock.now()).seconds();
    i64::from(seconds) * 1_000
}

async fn look(app: &App, today: i64, offset: i64) -> Result<Arc<Vec<Volume>>, Trouble> {
    let now = app.clock.now();
    let kept = &app.console.0.dashboard;
    let before = kept.lock().unwrap_or_else(PoisonError::into_inner).0.clone();
    if let Some((_, volume)) = before.filter(|(at, _)| now.duration_since(*at) < FRESH) {
        return Ok(volume);
    }
    let since = Timestamp::from_millisecond((today - DAYS + 1) * DAY_MS - offset).unwrap_or(now);
    let volume = Arc::new(app.store.volume(since, offset).await?);
    kept.lock().unwrap_or_else(PoisonError::into_inner).0 = Some((now, Arc::clone(&volume)));
    Ok(volume)
}

fn summed(app: &App, p: Page, times: &Times, today: i64, volume: &[Volume]) -> Dashboard {
    let sum = |wanted: &dyn Fn(&Volume) -> bool| -> u64 {
        volume.iter().filter(|one| wanted(one)).map(|one| one.messages).sum()
    };
    let is_out = |one: &Volume| one.direction == Direction::Outbound;
    let arrived = |one: &Volume| is_out(one) && matches!(one.status, Status::Delivered | Status::Read);
    let lost = |one: &Volume| is_out(one) && one.status.is_lost() && one.status != Status::Canceled;
    let (delivered, failed) = (sum(&arrived), sum(&lost));
    let took: u64 = volume.iter().filter(|one| arrived(one)).map(|one| one.took_ms).sum();
    let on = |day: i64, out: bool| sum(&|one: &Volume| one.day == day && is_out(one) == out);
    let days: Vec<(i64, u64, u64)> =
        (today - DAYS + 1..=today).map(|day| (day, on(day, false), on(day, true))).collect();
    let busiest = days.iter().map(|(_, received, sent)| *received.max(sent)).max().unwrap_or(0).max(1);
    let share = |messages: u64| (messages * 100).div_ceil(busiest);
    let of_day = |(day, received, sent): (i64, u64, u64)| Day {
        name: times.of_day(day),
        received,
        sent,
        received_share: share(received),
        sent_share: share(sent),
    };
    let ended = delivered + failed;
    Dashboard {
        received: sum(&|one| !is_out(one)),
        sent: sum(&is_out),
        rate: (ended > 0).then(|| format!("{}.{} %", delivered * 100 / ended, delivered * 1_000 / ended % 10)),
        took: (delivered > 0).then(|| length(took / delivered)),
        failed,
        days: days.into_iter().map(of_day).collect(),
        errors: errors(app, &p, volume),
        p,
    }
}

fn errors(app: &App, p: &Page, volume: &[Volume]) -> Vec<Known> {
    let mut counted: BTreeMap<(&str, i32), u64> = BTreeMap::new();
    for one in volume {
        if let Some(code) = one.error_code {
            *counted.entry((&one.channel, code)).or_default() += one.messages;
        }
    }
    let known = |((channel, code), messages): ((&str, i32), u64)| {
        let explained = app.channels.get(channel).and_then(|channel| channel.explain(code, p.locale()));
        Known {
            channel: channel.to_owned(),
            code,
            title: explained.map(|explained| explained.title),
            remedy: explained.map(|explained| explained.remedy),
            messages,
        }
    };
    let mut errors: Vec<Known> = counted.into_iter().map(known).collect();
    errors.sort_by_key(|error| std::cmp::Reverse(error.messages));
    errors.truncate(ERRORS);
    errors
}
