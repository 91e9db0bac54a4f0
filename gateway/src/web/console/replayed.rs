//! What a replay came to, as pages show it.

use super::page::Page;
use super::thread::times;
use super::words;
use crate::replay::{Changed, Effect, Report};
use crate::web::App;

/// The most messages that are replayed for one request, and how many are usual.
pub(super) const MOST: u64 = 1_000;
pub(super) const USUAL: u64 = 100;
/// The most messages that are shown with what would be different.
const SHOWN: usize = 50;

pub(super) struct Replayed {
    pub(super) total: u64,
    pub(super) same: u64,
    pub(super) changed: u64,
    pub(super) not_comparable: u64,
    pub(super) messages: Vec<Different>,
}

pub(super) struct Different {
    pub(super) id: String,
    pub(super) conversation: String,
    pub(super) at: String,
    pub(super) from: String,
    pub(super) text: String,
    pub(super) before: Vec<String>,
    pub(super) after: Vec<String>,
}

impl Replayed {
    pub(super) fn of(app: &App, p: &Page, report: Report) -> Self {
        let times = times(app, p);
        let only = |here: &[Effect], there: &[Effect]| -> Vec<String> {
            let only = here.iter().filter(|effect| !there.contains(effect));
            only.map(|effect| words::effect(p.locale(), effect)).collect()
        };
        let different = |changed: Changed| Different {
            at: times.full(changed.at),
            id: changed.message_id.to_string(),
            conversation: changed.conversation_id.to_string(),
            before: only(&changed.before, &changed.after),
            after: only(&changed.after, &changed.before),
            from: changed.from,
            text: changed.text,
        };
        Replayed {
            total: report.replayed,
            same: report.same,
            changed: report.changed,
            not_comparable: report.not_comparable + report.redacted,
            messages: report.messages.into_iter().rev().take(SHOWN).map(different).collect(),
        }
    }
}
