//! Giving up what is old: texts, files, traces, what reports and attempts said, and what was told.
//!
//! Goes on for ever in small steps, with a pause after each, so that nobody who waits for the database notices.
//! How far it came is on record, so that it may be stopped at any time; what may go is decided in the store.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use crate::clock::Clock;
use crate::media::Files;
use crate::store::{self, Aged, AgedStep, Store};

/// `[retention]`: ages in days, also in parts of them; 0 is for ever.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Of messages, wherever they stand.
    pub texts_days: f64,
    /// The files of messages.
    pub media_days: f64,
    /// Of uploads, since they were used last.
    pub uploads_days: f64,
    /// What plugins decided.
    pub traces_days: f64,
    /// What reports, and the exchanges of attempts, said word by word.
    pub observations_days: f64,
    /// Events and callbacks that were told, or given up.
    pub events_days: f64,
}

/// The longest age, a hundred years: beyond it, somebody meant something else.
const MOST_DAYS: f64 = 36_500.0;
const SECONDS_A_DAY: f64 = 86_400.0;

impl Settings {
    /// The key that makes no sense, and why.
    pub fn check(&self) -> Result<(), (&'static str, String)> {
        let ages = [
            ("texts_days", self.texts_days),
            ("media_days", self.media_days),
            ("uploads_days", self.uploads_days),
            ("traces_days", self.traces_days),
            ("observations_days", self.observations_days),
            ("events_days", self.events_days),
        ];
        match ages.into_iter().find(|(_, days)| !(0.0..=MOST_DAYS).contains(days)) {
            Some((key, days)) => Err((key, format!("is {days}, but must be 0 (for ever) to {MOST_DAYS} days"))),
            None => Ok(()),
        }
    }

    fn days(&self, aged: Aged) -> f64 {
        match aged {
            Aged::Texts => self.texts_days,
            Aged::Media => self.media_days,
            Aged::Uploads => self.uploads_days,
            Aged::Decided | Aged::Traces => self.traces_days,
            Aged::Observations | Aged::Attempts => self.observations_days,
            Aged::Events | Aged::Callbacks => self.events_days,
        }
    }

    /// What is older than this may go; none: nothing ever.
    fn before(&self, aged: Aged, now: Timestamp) -> Option<Timestamp> {
        let days = self.days(aged);
        let age = SignedDuration::try_from_secs_f64(days * SECONDS_A_DAY).ok()?;
        now.checked_sub(age).ok().filter(|_| days > 0.0)
    }
}

/// What is old by now, and how much of it is still there.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Due {
    pub what: Aged,
    /// 0 is for ever.
    pub days: f64,
    /// Null: nothing will ever be.
    pub due: Option<u64>,
}

/// What a gateway with these settings would give up now.
pub async fn due(store: &Store, settings: &Settings, now: Timestamp) -> Result<Vec<Due>, store::Error> {
    let mut found = Vec::with_capacity(Aged::ALL.len());
    for what in Aged::ALL {
        let due = match settings.before(what, now) {
            Some(before) => Some(store.aged(what, before).await?),
            None => None,
        };
        found.push(Due { what, days: settings.days(what), due });
    }
    Ok(found)
}

/// What the worker is made of.
pub struct Parts {
    pub store: Store,
    pub files: Files,
    pub clock: Arc<dyn Clock>,
    pub settings: Settings,
}

/// How often it looks.
const LOOK: Duration = Duration::from_secs(15);
/// The pause after a step: others write, too.
const PAUSE: Duration = Duration::from_millis(100);
/// Rows in one step. A text stands in many tables.
const STEP: usize = 200;
const TEXTS: usize = 20;

/// Gives up what is old until told to stop.
pub async fn run(parts: Parts, mut stop: watch::Receiver<bool>) {
    let for_ever = async {
        loop {
            for aged in Aged::ALL {
                parts.give_up(aged).await;
            }
            parts.remove_files().await;
            tokio::time::sleep(LOOK).await;
        }
    };
    tokio::select! {
        // A step that is under way is committed, or not begun.
        _ = stop.wait_for(|stop| *stop) => {}
        () = for_ever => {}
    }
}

impl Parts {
    /// All of a kind that is old now.
    async fn give_up(&self, aged: Aged) {
        let Some(before) = self.settings.before(aged, self.clock.now()) else { return };
        let mut changed = 0;
        loop {
            match self.step(aged, before).await {
                Ok(step) => {
                    changed += step.changed;
                    if !step.more {
                        break;
                    }
                }
                Err(error) => {
                    tracing::warn!(what = aged.as_str(), %error, "what is old stays for now");
                    break;
                }
            }
            tokio::time::sleep(PAUSE).await;
        }
        if aged == Aged::Texts {
            changed += self.give_up_held().await;
        }
        if changed > 0 {
            tracing::info!(what = aged.as_str(), rows = changed, "what was old is gone");
        }
    }

    async fn step(&self, aged: Aged, before: Timestamp) -> Result<AgedStep, store::Error> {
        let now = self.clock.now();
        if aged != Aged::Media {
            let limit = if aged == Aged::Texts { TEXTS } else { STEP };
            return self.store.age(aged, before, limit, now).await;
        }
        let media = self.store.aged_media(before, STEP).await?;
        self.store.forget_media(media).await
    }

    /// Once through the files that somebody let go of: those that nobody has any more go.
    async fn remove_files(&self) {
        let (mut removed, mut after) = (0, Some(String::new()));
        while let Some(last) = after {
            match self.remove_some(&last).await {
                Ok((some, next)) => (removed, after) = (removed + some, next),
                Err(error) => {
                    tracing::warn!(%error, "files that nobody has any more stay for now");
                    break;
                }
            }
            if after.is_some() {
                tokio::time::sleep(PAUSE).await;
            }
        }
        if removed > 0 {
            tracing::info!(what = "files", files = removed, "what nobody has any more is gone");
        }
    }

    /// How many went, and where to go on.
    async fn remove_some(&self, after: &str) -> Result<(usize, Option<String>), store::Error> {
        let now = self.clock.now();
        let dropped = self.store.dropped_files(after, STEP).await?;
        let next = dropped.last().filter(|_| dropped.len() == STEP).map(|file| file.digest.clone());
        if dropped.iter().any(|file| file.is_linked) {
            // Those that have expired would be there until the next file is sent.
            self.store.publish(Vec::new(), BTreeSet::new(), now).await?;
        }
        let (mut done, mut removed) = (Vec::new(), 0);
        for file in dropped {
            if !file.is_had && file.is_linked {
                continue;
            }
            if !file.is_had {
                match self.files.remove(&file.digest, now).await {
                    Ok(true) => removed += 1,
                    Ok(false) => continue,
                    Err(error) => {
                        tracing::warn!(%error, "a file that nobody has any more can't be removed");
                        continue;
                    }
                }
            }
            done.push(file);
        }
        self.store.forget_dropped(done).await?;
        Ok((removed, next))
    }

    /// Once through what was not done when its turn came.
    async fn give_up_held(&self) -> u64 {
        let (mut changed, mut after) = (0, None);
        loop {
            match self.store.age_held(after, TEXTS as u64, self.clock.now()).await {
                Ok((_, None)) => return changed,
                Ok((some, last)) => (changed, after) = (changed + some, last),
                Err(error) => {
                    tracing::warn!(%error, "texts that were old before they were done stay for now");
                    return changed;
                }
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(days: f64) -> Settings {
        Settings {
            texts_days: days,
            media_days: 0.0,
            uploads_days: 2.0,
            traces_days: 0.0,
            observations_days: 1.5,
            events_days: 0.0,
        }
    }

    #[test]
    fn nothing_goes_unless_an_age_is_set() {
        let now = Timestamp::from_second(1_000_000).unwrap();
        let before = |aged| settings(0.0).before(aged, now).map(Timestamp::as_second);
        assert_eq!(before(Aged::Texts), None);
        assert_eq!(before(Aged::Events), None);
        assert_eq!(before(Aged::Observations), Some(1_000_000 - 129_600));
        assert_eq!(before(Aged::Attempts), Some(1_000_000 - 129_600));
        assert_eq!((before(Aged::Media), before(Aged::Uploads)), (None, Some(1_000_000 - 172_800)));
    }

    #[test]
    fn an_age_that_makes_no_sense_is_refused() {
        for days in [0.0, 0.25, 1.0, 36_500.0] {
            assert_eq!(settings(days).check(), Ok(()), "{days}");
        }
        for days in [-1.0, f64::NAN, f64::INFINITY, 40_000.0] {
            assert_eq!(settings(days).check().unwrap_err().0, "texts_days", "{days}");
        }
    }
}
