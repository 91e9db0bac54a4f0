//! `/console/dashboard`: how much went in and out lately, and what went wrong. One look at the last days serves
//! everybody for a minute.

use std::collections::{BTreeMap, BTreeSet};
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
use super::words;
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
    all: Figures,
    /// By channel, where there are several.
    channels: Vec<(String, Figures)>,
    days: Vec<Day>,
    errors: Vec<Known>,
    refusals: Vec<(&'static str, u64)>,
}

/// What some messages came to.
struct Figures {
    received: u64,
    sent: u64,
    rate: Option<String>,
    /// How long half of the deliveries took at the most, and 95 of 100.
    half: Option<String>,
    most: Option<String>,
    failed: u64,
    /// What the gate or a plugin kept back.
    refused: u64,
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
    let on = |day: i64, out: bool| sum(&|one: &Volume| one.day == day && went(one) == Some(out));
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
    let names: BTreeSet<&str> = volume.iter().map(|one| one.channel.as_str()).collect();
    let of_channel = |name: &str| (name.to_owned(), Figures::of(&|one| one.channel == name, volume));
    Dashboard {
        all: Figures::of(&|_| true, volume),
        channels: if names.len() > 1 { names.into_iter().map(of_channel).collect() } else { Vec::new() },
        days: days.into_iter().map(of_day).collect(),
        errors: errors(app, &p, volume),
        refusals: refusals(&p, volume),
        p,
    }
}

/// Whether it was sent, or received; nothing of what was kept back.
fn went(one: &Volume) -> Option<bool> {
    one.refused_for.is_none().then_some(one.direction == Direction::Outbound)
}

impl Figures {
    fn of(wanted: &dyn Fn(&Volume) -> bool, volume: &[Volume]) -> Self {
        let (mut received, mut sent, mut delivered, mut failed, mut refused) = (0, 0, 0, 0, 0);
        let mut steps: BTreeMap<i64, u64> = BTreeMap::new();
        for one in volume.iter().filter(|one| wanted(one)) {
            match went(one) {
                None => refused += one.messages,
                Some(false) => received += one.messages,
                Some(true) => {
                    sent += one.messages;
                    if matches!(one.status, Status::Delivered | Status::Read) {
                        delivered += one.messages;
                    } else if one.status.is_lost() && one.status != Status::Canceled {
                        failed += one.messages;
                    }
                    if let Some(step) = one.took_at_most_ms {
                        *steps.entry(step).or_default() += one.messages;
                    }
                }
            }
        }
        let ended: u64 = delivered + failed;
        Self {
            received,
            sent,
            rate: (ended > 0).then(|| format!("{}.{} %", delivered * 100 / ended, delivered * 1_000 / ended % 10)),
            half: within(&steps, 50),
            most: within(&steps, 95),
            failed,
            refused,
        }
    }
}

/// The step within which so many of a hundred deliveries were.
fn within(steps: &BTreeMap<i64, u64>, percent: u64) -> Option<String> {
    let all: u64 = steps.values().sum();
    let (mut seen, mut longest) = (0, 0);
    for (step, messages) in steps {
        seen += messages;
        let millis = u64::try_from(*step).unwrap_or_default();
        if *step == i64::MAX {
            return Some(format!("> {}", length(longest)));
        }
        longest = millis;
        if seen * 100 >= all * percent {
            return Some(format!("≤ {}", length(millis)));
        }
    }
    None
}

fn refusals(p: &Page, volume: &[Volume]) -> Vec<(&'static str, u64)> {
    let mut counted: BTreeMap<&str, u64> = BTreeMap::new();
    for one in volume {
        if let Some(code) = one.refused_for.as_deref() {
            *counted.entry(code).or_default() += one.messages;
        }
    }
    let mut refusals: Vec<(&'static str, u64)> = counted
        .into_iter()
        .map(|(code, messages)| (words::refused_for(p.locale(), code).unwrap_or(p.more.by_plugin), messages))
        .collect();
    refusals.sort_by_key(|(_, messages)| std::cmp::Reverse(*messages));
    refusals
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_long_deliveries_take_is_the_step_that_holds_so_many() {
        let told = |steps: &[(i64, u64)]| {
            let steps = steps.iter().copied().collect();
            [50, 95].map(|percent| within(&steps, percent).unwrap_or_default())
        };
        assert_eq!(told(&[]), ["", ""]);
        assert_eq!(told(&[(500, 1)]), ["≤ 500 ms", "≤ 500 ms"]);
        assert_eq!(told(&[(1_000, 50), (8_000, 45), (60_000, 5)]), ["≤ 1.0 s", "≤ 8.0 s"]);
        assert_eq!(told(&[(1_000, 49), (8_000, 45), (60_000, 6)]), ["≤ 8.0 s", "≤ 60.0 s"]);
        assert_eq!(told(&[(2_000, 90), (i64::MAX, 10)]), ["≤ 2.0 s", "> 2.0 s"]);
    }

    #[test]
    fn what_was_kept_back_is_neither_sent_nor_lost() {
        let of = |direction, status, refused_for: Option<&str>, took_at_most_ms, messages| Volume {
            day: 0,
            channel: "sms".to_owned(),
            direction,
            status,
            error_code: None,
            refused_for: refused_for.map(str::to_owned),
            took_at_most_ms,
            messages,
        };
        let volume = [
            of(Direction::Inbound, Status::Received, None, None, 7),
            of(Direction::Outbound, Status::Delivered, None, Some(1_000), 2),
            of(Direction::Outbound, Status::Undelivered, None, None, 1),
            of(Direction::Outbound, Status::Canceled, None, None, 1),
            of(Direction::Outbound, Status::Failed, Some("opted-out"), None, 4),
            of(Direction::Outbound, Status::Failed, Some("plugin"), None, 5),
        ];
        let all = Figures::of(&|_| true, &volume);
        assert_eq!((all.received, all.sent, all.failed, all.refused), (7, 4, 1, 9));
        assert_eq!(
            (all.rate.as_deref(), all.half.as_deref(), all.most.as_deref()),
            (Some("66.6 %"), Some("≤ 1.0 s"), Some("≤ 1.0 s"))
        );
        assert_eq!(Figures::of(&|one| one.channel == "other", &volume).received, 0);
    }
}
