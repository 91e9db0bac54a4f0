//! What a try came to, and what that makes of the message.

use async_trait::async_trait;
use jiff::Timestamp;
use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, Condition, DatabaseTransaction, EntityTrait, IntoActiveModel, QueryFilter,
    QueryOrder, QuerySelect, Set,
};
use uuid::Uuid;

use super::consent::{self, Change};
use super::locks::Touched;
use super::{callbacks, count, millis, redact, removals, reports, storable, tell};
use crate::message::{ProviderError, Status, status};
use crate::store::entities::{attempts, messages, parts};
use crate::store::questions::Questions;
use crate::store::records::{Settled, Settlement};
use crate::store::reporting::Reporting;
use crate::store::writer::Operation;
use crate::store::{Error, Store};

/// A settlement, and when the provider is asked about what it leaves open.
#[derive(Clone, Debug)]
struct Settle {
    settlement: Settlement,
    questions: Questions,
    reporting: Reporting,
}

#[async_trait]
impl Operation for Settle {
    type Output = ();

    async fn apply(&self, transaction: &DatabaseTransaction) -> Result<(), Error> {
        let settlement = &self.settlement;
        let found = parts::Entity::find_by_id(settlement.part_id.0).lock_exclusive().one(transaction).await?;
        let Some(part) = found else {
            return Err(Error::Refused("a part was settled that is not there".to_owned()));
        };
        let exchange = settlement.exchange_to_keep(transaction, &part).await?;
        if !settlement.finish_attempt(transaction, part.attempts, exchange.as_deref()).await? {
            return Ok(());
        }
        if part.state != "sending" && settlement.is_late(transaction, &part).await? {
            return Ok(());
        }
        let message_id = part.message_id;
        // Proven to be sent, whatever this try seemed to come to.
        let proven = part.provider_id.is_some();
        let whom = Whom { channel: part.channel.clone(), recipient: part.recipient.clone(), message_id };
        let mut row = settlement.settled(part, self.questions);
        if !proven {
            settlement.mind_consent(transaction, &mut row, &whom, &self.reporting).await?;
        }
        row.update(transaction).await?;
        reduce_message(transaction, message_id, settlement.at, &self.reporting).await
    }

    fn touches<'a>(&'a self, touched: &mut Touched<'a>) {
        touched.part(self.settlement.part_id.0);
    }
}

/// Whose part it is.
struct Whom {
    channel: String,
    recipient: String,
    message_id: Uuid,
}

impl Settlement {
    /// Whether the part's fate was decided meanwhile, by what the provider listed: the part has
    /// another message of the provider, or an identical part has this one.
    async fn is_late(&self, transaction: &DatabaseTransaction, part: &parts::Model) -> Result<bool, Error> {
        let Settled::Accepted { provider_id, .. } = &self.result else { return Ok(false) };
        if let Some(bound) = &part.provider_id {
            return Ok(bound != provider_id);
        }
        let others = parts::Entity::find()
            .filter(parts::Column::Channel.eq(&part.channel))
            .filter(parts::Column::ProviderId.eq(provider_id))
            .one(transaction)
            .await?;
        Ok(others.is_some())
    }

    fn settled(&self, part: parts::Model, questions: Questions) -> parts::ActiveModel {
        // A status report that came first proves that the provider has the part, whatever this
        // try seemed to come to; then it must not be sent again.
        let proven = part.provider_id.is_some();
        let current = read(&part.status);
        let named = part.sender.is_some();
        let mut row = part.into_active_model();
        row.updated_at = Set(millis(self.at));
        row.lease_until = Set(None);
        row.unknown_at = Set(None);
        row.checks = Set(0);
        row.check_at = Set(None);
        match &self.result {
            Settled::Accepted { provider_id, status, segments, sender } => {
                row.state = Set("settled".to_owned());
                row.provider_id = Set(Some(provider_id.clone()));
                row.given_up_at = Set(None);
                let reached = status::reduce(current, *status).status;
                row.status = Set(reached.as_str().to_owned());
                row.check_at = Set(questions.after(reached, self.at).map(millis));
                if let Some(segments) = segments {
                    row.segments = Set(Some(count(*segments)));
                }
                if !named {
                    row.sender = Set(sender.as_ref().map(|sender| sender.as_str().to_owned()));
                }
                // A report that came first may have told an error; an earlier try's is over.
                if !proven {
                    row.error_code = Set(None);
                    row.error_message = Set(None);
                }
            }
            _ if proven => {
                row.state = Set("settled".to_owned());
                row.check_at = Set(questions.after(current, self.at).map(millis));
            }
            Settled::Retry { error, .. } | Settled::Held { error } => {
                row.state = Set("queued".to_owned());
                match &self.result {
                    Settled::Retry { due_at, .. } => row.due_at = Set(millis(*due_at)),
                    // As if it had not been tried: it keeps its place, too.
                    _ => row.attempts = Set(row.attempts.take().unwrap_or(1) - 1),
                }
                keep_error(&mut row, error);
            }
            Settled::Failed { error } | Settled::OptedOut { error } | Settled::GivenUp { error } => {
                if let Settled::GivenUp { .. } = self.result {
                    row.given_up_at = Set(Some(millis(self.at)));
                }
                row.state = Set("settled".to_owned());
                row.status = Set(Status::Failed.as_str().to_owned());
                keep_error(&mut row, error);
            }
            Settled::Unknown { error } => {
                row.state = Set("unknown".to_owned());
                row.status = Set(status::reduce(current, Status::Unknown).status.as_str().to_owned());
                row.unknown_at = Set(Some(millis(self.at)));
                row.check_at = Set(questions.after(Status::Unknown, self.at).map(millis));
                keep_error(&mut row, error);
            }
        }
        row
    }

    /// What a settled part means for the recipient's consent, and their consent for the part. One
    /// that is to be tried again is not, if its recipient has opted out meanwhile: when they did, it
    /// was not waiting and so was not ended with the others.
    async fn mind_consent(
        &self,
        transaction: &DatabaseTransaction,
        row: &mut parts::ActiveModel,
        whom: &Whom,
        reporting: &Reporting,
    ) -> Result<(), Error> {
        let Whom { channel, recipient, message_id } = whom;
        match &self.result {
            Settled::Retry { .. } | Settled::Held { .. } => {
                consent::lock(transaction, channel, recipient).await?;
                if let Some(proof) = consent::opted_out_one(transaction, channel, recipient).await? {
                    consent::refuse(row, proof.error_code);
                }
                Ok(())
            }
            Settled::OptedOut { error } => {
                consent::lock(transaction, channel, recipient).await?;
                let consent = consent::refused(error.code);
                let (address, message_id, at) = (recipient, *message_id, self.at);
                let change = Change { channel, address, consent, message_id, at, reporting };
                change.keep(transaction).await
            }
            Settled::Accepted { .. } | Settled::Failed { .. } | Settled::GivenUp { .. } | Settled::Unknown { .. } => {
                Ok(())
            }
        }
    }

    /// False when its end was known before: a worker settles again when it did not see the first
    /// time succeed, and by then the part may be on its way once more. An attempt whose lease
    /// ended may still come to a known end, which counts unless there was a newer attempt.
    async fn finish_attempt(
        &self,
        transaction: &DatabaseTransaction,
        attempts: i32,
        exchange: Option<&str>,
    ) -> Result<bool, Error> {
        let under_way = Condition::all().add(attempts::Column::FinishedAt.is_null());
        if self.end_attempt(transaction, under_way, exchange).await? {
            return Ok(true);
        }
        let given_up = Condition::all().add(attempts::Column::Outcome.eq("unknown"));
        if !self.end_attempt(transaction, given_up, exchange).await? {
            return Ok(false);
        }
        let attempt = attempts::Entity::find_by_id(self.attempt_id).one(transaction).await?;
        Ok(attempt.is_some_and(|attempt| attempt.number >= attempts))
    }

    async fn end_attempt(
        &self,
        transaction: &DatabaseTransaction,
        standing: Condition,
        exchange: Option<&str>,
    ) -> Result<bool, Error> {
        let (outcome, error) = match &self.result {
            Settled::Accepted { .. } => ("accepted", None),
            Settled::Retry { error, .. } => ("retry", Some(error)),
            Settled::Held { error } => ("held", Some(error)),
            Settled::Failed { error } => ("rejected", Some(error)),
            Settled::GivenUp { error } => ("given-up", Some(error)),
            Settled::OptedOut { error } => ("opted-out", Some(error)),
            Settled::Unknown { error } => ("unknown", Some(error)),
        };
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
    async fn exchange_to_keep(
        &self,
        transaction: &DatabaseTransaction,
        part: &parts::Model,
    ) -> Result<Option<String>, Error> {
        let exchange = self.exchange.as_ref().map(ToString::to_string);
        // What is being sent is not removed.
        if part.state == "sending" {
            return Ok(exchange);
        }
        let message = messages::Entity::find_by_id(part.message_id).one(transaction).await?;
        let removed = discards(std::slice::from_ref(part)) || message.is_none_or(|it| it.redacted_at.is_some());
        Ok(exchange.filter(|_| !removed))
    }
}

fn keep_error(row: &mut parts::ActiveModel, error: &ProviderError) {
    row.error_code = Set(error.code);
    row.error_message = Set(error.message.as_deref().map(storable));
}

pub(in crate::store) fn read(status: &str) -> Status {
    status.parse().unwrap_or(Status::Unknown)
}

/// Brings a message to where its parts are: as far as the least of them.
pub(super) async fn reduce_message(
    transaction: &DatabaseTransaction,
    message_id: Uuid,
    now: Timestamp,
    reporting: &Reporting,
) -> Result<(), Error> {
    // The lock first: another process may be changing another part, and then waits for this one
    // or has been waited for.
    let Some(message) = messages::Entity::find_by_id(message_id).lock_exclusive().one(transaction).await? else {
        return Ok(());
    };
    let parts = parts::Entity::find()
        .filter(parts::Column::MessageId.eq(message_id))
        .order_by_asc(parts::Column::Position)
        .all(transaction)
        .await?;
    let Some(reached) = status::least(parts.iter().map(|part| read(&part.status))) else { return Ok(()) };
    let failed = parts.iter().find(|part| read(&part.status) == reached && part.error_code.is_some());
    let shown = failed.or_else(|| parts.iter().find(|part| part.error_message.is_some()));
    let mut row = message.clone().into_active_model();
    row.status = Set(reached.as_str().to_owned());
    // Chosen by the provider: known once it is known of a part.
    if message.sender.is_none() {
        row.sender = Set(parts.iter().find_map(|part| part.sender.clone()));
    }
    row.segments = Set(Some(parts.iter().filter_map(|part| part.segments).sum()));
    row.error_code = Set(shown.and_then(|part| part.error_code));
    row.error_message = Set(shown.and_then(|part| part.error_message.clone()));
    // Gateways' clocks differ, and what is told of a message is told in order.
    let behind = (millis(now) < message.updated_at).then(|| message.updated_at + 1);
    row.updated_at = Set(behind.unwrap_or(millis(now)));
    stamp(&mut row, &message, reached, millis(now));
    let after = row.update(transaction).await?;
    if read(&message.status) != reached {
        reporting.count(&message.channel, reached);
    }
    // Seldom done, so that it need not take room in every other write.
    Box::pin(removals::follow(transaction, &after, &parts, now)).await?;
    if reached.is_final() && !read(&message.status).is_final() && discards(&parts) {
        Box::pin(redact::clear(transaction, &after, now)).await?;
    }
    callbacks::enqueue(transaction, &message, &after).await?;
    reports::enqueue(transaction, &message, &after, reporting).await?;
    tell::of_status(transaction, &message, &after, &parts, reporting).await
}

/// Whether the sender asked that the text be kept no longer than it takes to send it.
fn discards(parts: &[parts::Model]) -> bool {
    parts.iter().any(|part| part.options.as_ref().is_some_and(|options| options["discard_content"] == true))
}

/// The first time that a message was seen to have come so far.
fn stamp(row: &mut messages::ActiveModel, before: &messages::Model, reached: Status, now: i64) {
    let sent = matches!(reached, Status::Sent | Status::Delivered | Status::Undelivered | Status::Read);
    if sent && before.sent_at.is_none() {
        row.sent_at = Set(Some(now));
    }
    if matches!(reached, Status::Delivered | Status::Read) && before.delivered_at.is_none() {
        row.delivered_at = Set(Some(now));
    }
    if matches!(reached, Status::Failed | Status::Undelivered | Status::Canceled) && before.failed_at.is_none() {
        row.failed_at = Set(Some(now));
    }
    if reached == Status::Read && before.read_at.is_none() {
        row.read_at = Set(Some(now));
    }
}

impl Store {
    /// Records what a try to send a part came to. Once: the same again changes nothing.
    pub async fn settle(&self, settlement: Settlement) -> Result<(), Error> {
        self.write(Settle { settlement, questions: self.questions, reporting: self.reporting.clone() }).await
    }
}
