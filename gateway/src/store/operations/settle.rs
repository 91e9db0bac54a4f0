//! What a try came to, and what that makes of the part.

use std::collections::{BTreeMap, BTreeSet};

use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, Condition, DatabaseTransaction, EntityTrait, QueryFilter, Value};

use super::cancel::taken_back;
use super::consent;
use super::conversation::Key;
use super::discarding::discards;
use super::moves::Moves;
use super::rows::Rows;
use super::{count, millis, storable};
use crate::message::{ProviderError, Status, status};
use crate::store::Error;
use crate::store::entities::{attempts, consents, parts};
use crate::store::questions::Questions;
use crate::store::records::{Settled, Settlement};

pub(in crate::store) fn read(status: &str) -> Status {
    status.parse().unwrap_or(Status::Unknown)
}

/// Puts down how attempts ended, and says which of these settlements count. One does not when its attempt's end was
/// known before: a worker settles again when it did not see the first time succeed, and by then the part may be on
/// its way once more. An attempt whose lease ended may still come to a known end, which counts unless there was a
/// newer attempt.
pub(super) async fn end_attempts(
    transaction: &DatabaseTransaction,
    all: &[&Settlement],
    moves: &Moves<'_>,
) -> Result<Vec<bool>, Error> {
    let mut seen = BTreeSet::new();
    // Most: those of what is being sent, which is not removed, so that all is kept of the exchange.
    let plain: Vec<bool> = all.iter().map(|it| it.is_being_sent(moves) && seen.insert(it.attempt_id)).collect();
    let mut rows = Rows::new(transaction, &["", "BIGINT", "TEXT", "INTEGER", "TEXT", "TEXT"]);
    for (settlement, _) in all.iter().zip(&plain).filter(|(_, plain)| **plain) {
        let (outcome, error) = settlement.outcome();
        rows.push([
            Value::from(settlement.attempt_id),
            millis(settlement.at).into(),
            outcome.into(),
            error.and_then(|error| error.code).into(),
            error.and_then(|error| error.message.as_deref().map(storable)).into(),
            settlement.exchange.as_ref().map(ToString::to_string).into(),
        ]);
    }
    let update = "UPDATE attempts SET finished_at = new.column2, outcome = new.column3, error_code = new.column4, \
        error_message = new.column5, exchange = new.column6";
    let condition = "WHERE attempts.id = new.column1 AND attempts.finished_at IS NULL RETURNING attempts.id AS id";
    let ended = rows.update_and_tell(transaction, update, condition).await?;
    let mut counts = Vec::with_capacity(all.len());
    for (settlement, plain) in all.iter().zip(plain) {
        let ended = plain && ended.contains(&settlement.attempt_id);
        counts.push(ended || settlement.end_attempt_late(transaction, moves).await?);
    }
    Ok(counts)
}

impl Settlement {
    fn is_being_sent(&self, moves: &Moves<'_>) -> bool {
        moves.part(self.part_id.0).is_some_and(|part| part.state == "sending")
    }

    fn outcome(&self) -> (&'static str, Option<&ProviderError>) {
        match &self.result {
            Settled::Accepted { .. } => ("accepted", None),
            Settled::Retry { error, .. } => ("retry", Some(error)),
            Settled::Held { error, .. } => ("held", Some(error)),
            Settled::Failed { error } => ("rejected", Some(error)),
            Settled::GivenUp { error } => ("given-up", Some(error)),
            Settled::OptedOut { error } => ("opted-out", Some(error)),
            Settled::Unknown { error } => ("unknown", Some(error)),
        }
    }

    async fn end_attempt_late(&self, transaction: &DatabaseTransaction, moves: &Moves<'_>) -> Result<bool, Error> {
        let exchange = self.exchange_to_keep(moves);
        let under_way = Condition::all().add(attempts::Column::FinishedAt.is_null());
        if self.end_attempt(transaction, under_way, exchange.as_deref()).await? {
            return Ok(true);
        }
        let given_up = Condition::all().add(attempts::Column::Outcome.eq("unknown"));
        if !self.end_attempt(transaction, given_up, exchange.as_deref()).await? {
            return Ok(false);
        }
        let newest = moves.part(self.part_id.0).map_or(0, |part| part.attempts);
        let attempt = attempts::Entity::find_by_id(self.attempt_id).one(transaction).await?;
        Ok(attempt.is_some_and(|attempt| attempt.number >= newest))
    }

    async fn end_attempt(
        &self,
        transaction: &DatabaseTransaction,
        standing: Condition,
        exchange: Option<&str>,
    ) -> Result<bool, Error> {
        let (outcome, error) = self.outcome();
        let finished = attempts::Entity::update_many()
            .col_expr(attempts::Column::FinishedAt, Expr::value(millis(self.at)))
            .col_expr(attempts::Column::Outcome, Expr::value(outcome))
            .col_expr(attempts::Column::ErrorCode, Expr::value(error.and_then(|error| error.code)))
            .col_expr(
                attempts::Column::ErrorMessage,
                Expr::value(error.and_then(|error| error.message.as_deref().map(storable))),
            )
            .col_expr(attempts::Column::Exchange, Expr::value(exchange))
            .filter(attempts::Column::Id.eq(self.attempt_id))
            .filter(standing)
            .exec(transaction)
            .await?;
        Ok(finished.rows_affected > 0)
    }

    /// A text may have been removed while nobody knew whether it was sent; then nothing more is kept of it.
    fn exchange_to_keep(&self, moves: &Moves<'_>) -> Option<String> {
        let exchange = self.exchange.as_ref().map(ToString::to_string);
        let part = moves.part(self.part_id.0)?;
        // What is being sent is not removed.
        if part.state == "sending" {
            return exchange;
        }
        let message = moves.message(part.message_id);
        let removed = discards(part) || message.is_none_or(|message| message.redacted_at.is_some());
        exchange.filter(|_| !removed)
    }

    /// Whether the part's fate was decided meanwhile, by what the provider listed: the part has
    /// another message of the provider, or an identical part has this one.
    pub(super) async fn is_late(
        &self,
        transaction: &DatabaseTransaction,
        moves: &Moves<'_>,
        part: &parts::Model,
    ) -> Result<bool, Error> {
        let Settled::Accepted { provider_id, .. } = &self.result else { return Ok(false) };
        if part.state == "sending" {
            return Ok(false);
        }
        if let Some(bound) = &part.provider_id {
            return Ok(bound != provider_id);
        }
        if moves.holder(&part.channel, provider_id).is_some() {
            return Ok(true);
        }
        let others = parts::Entity::find()
            .filter(parts::Column::Channel.eq(&part.channel))
            .filter(parts::Column::ProviderId.eq(provider_id))
            .one(transaction)
            .await?;
        Ok(others.is_some())
    }

    /// Whether the part goes back to the queue.
    pub(super) fn is_put_back(&self) -> bool {
        matches!(self.result, Settled::Retry { .. } | Settled::Held { .. })
    }

    /// The part as it is now. One that is to be tried again is not, if its recipient has opted out meanwhile: when
    /// they did, it was not waiting and so was not ended with the others.
    pub(super) fn settled(
        &self,
        mut part: parts::Model,
        questions: Questions,
        opted_out: &BTreeMap<Key, consents::Model>,
    ) -> parts::Model {
        // A status report that came first proves that the provider has the part, whatever this
        // try seemed to come to; then it must not be sent again.
        let proven = part.provider_id.is_some();
        let current = read(&part.status);
        part.updated_at = millis(self.at);
        part.lease_until = None;
        part.unknown_at = None;
        part.checks = 0;
        part.check_at = None;
        match &self.result {
            Settled::Accepted { provider_id, status, segments, sender } => {
                "settled".clone_into(&mut part.state);
                part.provider_id = Some(provider_id.clone());
                part.given_up_at = None;
                let reached = status::reduce(current, *status).status;
                reached.as_str().clone_into(&mut part.status);
                part.check_at = questions.after(reached, self.at).map(millis);
                if let Some(segments) = segments {
                    part.segments = Some(count(*segments));
                }
                if part.sender.is_none() {
                    part.sender = sender.as_ref().map(|sender| sender.as_str().to_owned());
                }
                // A report that came first may have told an error; an earlier try's is over.
                if !proven {
                    part.error_code = None;
                    part.error_message = None;
                }
            }
            _ if proven => {
                "settled".clone_into(&mut part.state);
                part.check_at = questions.after(current, self.at).map(millis);
            }
            Settled::Retry { error, .. } | Settled::Held { error, .. } => {
                "queued".clone_into(&mut part.state);
                match &self.result {
                    Settled::Retry { due_at, .. } => part.due_at = millis(*due_at),
                    Settled::Held { until: Some(until), .. } => {
                        part.attempts -= 1;
                        part.due_at = millis(*until);
                    }
                    // As if it had not been tried: it keeps its place, too.
                    _ => part.attempts -= 1,
                }
                keep_error(&mut part, error);
                if !taken_back(&mut part)
                    && !part.confirms
                    && let Some(proof) = opted_out.get(&(part.channel.clone(), part.recipient.clone()))
                {
                    consent::refuse(&mut part, proof.error_code);
                }
            }
            Settled::GivenUp { error } => {
                keep_error(&mut part, error);
                // Nobody is to try it again by hand, with all others that were given up.
                if !taken_back(&mut part) {
                    part.given_up_at = Some(millis(self.at));
                    fail(&mut part);
                }
            }
            Settled::Failed { error } | Settled::OptedOut { error } => {
                fail(&mut part);
                keep_error(&mut part, error);
            }
            Settled::Unknown { error } => {
                "unknown".clone_into(&mut part.state);
                status::reduce(current, Status::Unknown).status.as_str().clone_into(&mut part.status);
                part.unknown_at = Some(millis(self.at));
                part.check_at = questions.after(Status::Unknown, self.at).map(millis);
                keep_error(&mut part, error);
            }
        }
        part
    }
}

fn fail(part: &mut parts::Model) {
    "settled".clone_into(&mut part.state);
    Status::Failed.as_str().clone_into(&mut part.status);
}

fn keep_error(part: &mut parts::Model, error: &ProviderError) {
    part.error_code = error.code;
    part.error_message = error.message.as_deref().map(storable);
}
