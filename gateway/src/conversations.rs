//! What becomes of conversations by rule: who looks after those that get a tag, when one is opened again, and
//! closing those in which nothing happens, in small steps.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use tokio::sync::watch;

use crate::clock::Clock;
use crate::store::{ConversationRules, Store};

/// `[conversations]`: hours, also parts of them; 0 is never.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// A text opens the last conversation with its sender again if that was closed less than so long ago.
    pub reopen_within_h: f64,
    /// One without a message for so long is closed.
    pub close_after_h: f64,
    /// Who looks after a conversation that gets a tag and that nobody looks after; the first that fits.
    #[serde(default)]
    pub assign: Vec<Assign>,
}

/// `[[conversations.assign]]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Assign {
    pub tag: String,
    pub to: To,
}

/// One name, or several who take turns.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged, expecting = "must be a name, or a list of names")]
pub enum To {
    One(String),
    Several(Vec<String>),
}

impl To {
    fn names(&self) -> &[String] {
        match self {
            Self::One(name) => std::slice::from_ref(name),
            Self::Several(names) => names,
        }
    }
}

/// The longest, ten years: beyond it, somebody meant something else.
const MOST_HOURS: f64 = 87_600.0;
const SECONDS_AN_HOUR: f64 = 3_600.0;
/// The longest tag, and the longest name, in characters.
const LONGEST: usize = 64;
/// The most who take turns: each is looked at for each conversation.
const MOST_NAMES: usize = 50;

impl Settings {
    /// The key that makes no sense, and why.
    pub fn check(&self) -> Result<(), (String, String)> {
        for (key, hours) in [("reopen_within_h", self.reopen_within_h), ("close_after_h", self.close_after_h)] {
            if !(0.0..=MOST_HOURS).contains(&hours) {
                let problem = format!("is {hours}, but must be 0 (never) to {MOST_HOURS} hours");
                return Err((key.to_owned(), problem));
            }
        }
        for (place, assign) in self.assign.iter().enumerate() {
            let names = assign.to.names();
            let twice = names.iter().enumerate().find(|(place, name)| names[..*place].contains(name));
            if let Some((_, name)) = twice {
                return Err((format!("assign.{place}.to"), format!("has `{name}` twice")));
            }
            if !(1..=MOST_NAMES).contains(&names.len()) {
                let problem = format!("must have 1 to {MOST_NAMES} names, but has {}", names.len());
                return Err((format!("assign.{place}.to"), problem));
            }
            let names = names.iter().map(|name| ("to", name));
            for (name, word) in [("tag", &assign.tag)].into_iter().chain(names) {
                if word.trim().is_empty() || word.trim() != word || word.chars().count() > LONGEST {
                    let problem = format!("must have 1 to {LONGEST} characters, without blanks around them");
                    return Err((format!("assign.{place}.{name}"), problem));
                }
            }
        }
        Ok(())
    }

    /// What the store goes by.
    pub fn rules(&self) -> ConversationRules {
        let assign = self.assign.iter().map(|assign| (assign.tag.clone(), assign.to.names().to_vec())).collect();
        ConversationRules { reopen_within: hours(self.reopen_within_h), assign }
    }

    /// Those without a message since then are closed; none: none ever.
    fn quiet_since(&self, now: Timestamp) -> Option<Timestamp> {
        now.checked_sub(hours(self.close_after_h)?).ok()
    }
}

fn hours(hours: f64) -> Option<SignedDuration> {
    SignedDuration::try_from_secs_f64(hours * SECONDS_AN_HOUR).ok().filter(|_| hours > 0.0)
}

/// What the worker is made of.
pub struct Parts {
    pub store: Store,
    pub clock: Arc<dyn Clock>,
    pub settings: Settings,
}

/// How often it looks.
const LOOK: Duration = Duration::from_secs(5);
/// The pause after a step: others write, too.
const PAUSE: Duration = Duration::from_millis(100);
/// Conversations in one step.
const STEP: u64 = 50;

/// Closes what is quiet until told to stop.
pub async fn run(parts: Parts, mut stop: watch::Receiver<bool>) {
    let for_ever = async {
        loop {
            parts.close_all().await;
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
    async fn close_all(&self) {
        let mut closed = 0;
        loop {
            let now = self.clock.now();
            let Some(since) = self.settings.quiet_since(now) else { return };
            match self.store.close_quiet(since, STEP, now).await {
                Ok(some) => {
                    closed += some;
                    if some < STEP {
                        break;
                    }
                }
                Err(error) => {
                    tracing::warn!(%error, "what is quiet stays open for now");
                    break;
                }
            }
            tokio::time::sleep(PAUSE).await;
        }
        if closed > 0 {
            tracing::info!(conversations = closed, "nothing happened in them, so they were closed");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(reopen_within_h: f64, close_after_h: f64) -> Settings {
        Settings { reopen_within_h, close_after_h, assign: Vec::new() }
    }

    #[test]
    fn nothing_happens_unless_a_time_is_set() {
        let now = Timestamp::from_second(1_000_000).unwrap();
        assert_eq!(settings(0.0, 0.0).quiet_since(now), None);
        assert_eq!(settings(0.0, 0.5).quiet_since(now), Some(Timestamp::from_second(1_000_000 - 1_800).unwrap()));
        assert_eq!(settings(0.0, 0.0).rules().reopen_within, None);
        assert_eq!(settings(2.0, 0.0).rules().reopen_within, Some(SignedDuration::from_hours(2)));
    }

    #[test]
    fn what_makes_no_sense_is_refused_with_its_key() {
        for hours in [-1.0, f64::NAN, f64::INFINITY, 90_000.0] {
            assert_eq!(settings(hours, 0.0).check().unwrap_err().0, "reopen_within_h", "{hours}");
            assert_eq!(settings(0.0, hours).check().unwrap_err().0, "close_after_h", "{hours}");
        }
        let assign = |tag: &str, to: &str| Assign { tag: tag.to_owned(), to: To::One(to.to_owned()) };
        let of = |assign: Assign| Settings { assign: vec![assign], ..settings(0.0, 0.0) }.check();
        assert_eq!(of(assign("ventas", "ana")), Ok(()));
        assert_eq!(of(assign(" ventas", "ana")).unwrap_err().0, "assign.0.tag");
        assert_eq!(of(assign("ventas", "")).unwrap_err().0, "assign.0.to");
        let several = |to: &[&str]| {
            let to = To::Several(to.iter().map(|name| (*name).to_owned()).collect());
            of(Assign { tag: "ventas".to_owned(), to })
        };
        assert_eq!(several(&["ana", "luis"]), Ok(()));
        let many: Vec<String> = (0..51).map(|number| number.to_string()).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        for wrong in [&[][..], &["ana", "ana"], &["ana", " luis"], &many] {
            assert_eq!(several(wrong).unwrap_err().0, "assign.0.to", "{wrong:?}");
        }
    }
}
