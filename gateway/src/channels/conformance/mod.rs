//! What every channel must do, as named checks on recorded examples.
//!
//! Pure, as channels are: nothing is sent. Each check says what it found; without the examples that it
//! needs it says so. Owns what a channel owes its callers; must not know which provider it looks at.

mod examples;
mod responses;
mod sending;
#[cfg(test)]
mod tests;
mod webhooks;

use std::panic::{AssertUnwindSafe, catch_unwind};

use serde::Serialize;

pub use examples::{Examples, Unreadable};

use super::{Channel, Part, Unencodable};

/// Writes a part's request before secrets are put in.
pub type Drafting<'a> = dyn Fn(&Part) -> Result<String, Unencodable> + 'a;

/// A channel, and what else is known of it.
pub struct Subject<'a> {
    pub channel: &'a dyn Channel,
    /// What must not be seen anywhere but where it is meant to go.
    pub secrets: Vec<String>,
    /// A part's request before secrets are put in, as text, where there is such a thing.
    pub draft: Option<&'a Drafting<'a>>,
}

/// What a check came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    pub name: &'static str,
    #[serde(flatten)]
    pub verdict: Verdict,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "verdict", content = "reason", rename_all = "lowercase")]
pub enum Verdict {
    Passed,
    Failed(String),
    /// There was nothing to check it with.
    Skipped(String),
}

/// A check, by its name.
type Named = (&'static str, fn(&Subject<'_>, &Examples) -> Verdict);

const CHECKS: [Named; 15] = [
    ("capabilities-are-consistent", sending::capabilities),
    ("genuine-webhooks-are-read", webhooks::genuine),
    ("refused-webhooks-are-refused", webhooks::refused),
    ("unproven-webhooks-are-refused", webhooks::unproven),
    ("changed-webhooks-do-no-harm", webhooks::changed),
    ("reading-is-deterministic", webhooks::deterministic),
    ("media-that-come-have-a-request", webhooks::media),
    ("split-keeps-limits-and-characters", sending::split),
    ("a-part-is-one-request", sending::encode),
    ("secrets-stay-out-of-sight", sending::secrets),
    ("any-response-is-read", responses::total),
    ("too-many-requests-are-tried-again", responses::too_many),
    ("server-errors-are-unknown", responses::server_errors),
    ("success-without-id-is-unknown", responses::without_id),
    ("responses-mean-what-is-recorded", responses::recorded),
];

/// Runs all checks. One that panics has failed, and the others run.
pub fn check(subject: &Subject<'_>, examples: &Examples) -> Vec<Check> {
    let run = |(name, check): Named| {
        let verdict = catch_unwind(AssertUnwindSafe(|| check(subject, examples)));
        Check { name, verdict: verdict.unwrap_or_else(|_| Verdict::Failed("it panicked".to_owned())) }
    };
    CHECKS.into_iter().map(run).collect()
}

impl Verdict {
    /// Passed, unless something was found.
    fn of(problem: Option<String>) -> Self {
        problem.map_or(Self::Passed, Self::Failed)
    }

    fn skipped(reason: &str) -> Self {
        Self::Skipped(reason.to_owned())
    }
}
