//! What would come of a bulk send, for who only wants to know.

use std::collections::BTreeMap;

use serde::Serialize;

use super::bulks::{Counts, ShownProblem, ShownRecipient};
use crate::store::{BulkCounts, DUPLICATE, NewRecipient, RecipientProblem, RecipientState};

/// What would come of a bulk send. Who has opted out, and what plugins refuse, is known only when it is sent.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = BulkCheck)]
pub(super) struct Checked {
    total: u32,
    counts: Counts,
    /// How many would be refused for what.
    refused_for: BTreeMap<String, u64>,
    /// Those who would get nothing, in the order of the call.
    recipients: Vec<ShownRecipient>,
}

impl Checked {
    pub(super) fn of(looked: Vec<NewRecipient>) -> Self {
        let total = u32::try_from(looked.len()).unwrap_or(u32::MAX);
        let mut counts = BulkCounts::default();
        let mut recipients = Vec::new();
        for (position, NewRecipient { recipient, problem, .. }) in (0..).zip(looked) {
            let state = match &problem {
                None => RecipientState::Waiting,
                Some(problem) if problem.code == DUPLICATE => RecipientState::Duplicate,
                Some(_) => RecipientState::Refused,
            };
            *counts.of.entry(state).or_insert(0) += 1;
            let Some(RecipientProblem { code, detail }) = problem else { continue };
            if state == RecipientState::Refused {
                *counts.refused.entry(code.clone()).or_insert(0) += 1;
            }
            recipients.push(ShownRecipient {
                position,
                to: recipient,
                state,
                message_id: None,
                problem: Some(ShownProblem { code, detail }),
                error_code: None,
                error_message: None,
            });
        }
        let refused_for = std::mem::take(&mut counts.refused);
        Self { total, counts: Counts::of(&counts), refused_for, recipients }
    }
}
