//! Storing outbound messages with their parts, many at once.

use std::borrow::Cow;

use sea_orm::{ConnectionTrait, DatabaseTransaction, DbBackend, Set, Value};
use uuid::Uuid;

use super::bulk_parts::{self, Awaited};
use super::calls::Calls;
use super::gate::Gate;
use super::inserting::insert;
use super::kept::kept;
use super::outbound_rows::{OutboundRows, leaves};
use super::rows::Rows;
use super::state::{Book, Entry};
use super::tell::{self, Before};
use super::{follow, millis, reach, traces};
use crate::message::Priority;
use crate::store::entities::idempotency_keys;
use crate::store::lines::keeps_its_place;
use crate::store::records::{NewOutbound, Route, Submission, Submitted};
use crate::store::reporting::Reporting;
use crate::store::writer::Job;
use crate::store::{Error, Message, Rejection, Store};

/// For each, in order, what became of it.
pub(in crate::store) async fn apply(
    transaction: &DatabaseTransaction,
    all: &[&Submission],
    reporting: &Reporting,
) -> Result<Vec<Submitted>, Error> {
    if all.is_empty() {
        return Ok(Vec::new());
    }
    let mut calls = Calls::known(transaction, all).await?;
    let messages: Vec<&NewOutbound> = all.iter().map(|submission| &submission.message).collect();
    let mut gate = Gate::look(transaction, &messages, reporting).await?;
    let mut book = Book::open(transaction, all.iter().flat_map(|submission| &submission.state).collect()).await?;
    let mut awaited = Awaited::look(transaction, all).await?;
    let mut stored: Vec<Cow<'_, Submission>> = Vec::with_capacity(all.len());
    // Nothing of those that are stored.
    let mut done: Vec<Option<Submitted>> = Vec::with_capacity(all.len());
    for submission in all {
        if let Some(before) = calls.before(submission) {
            done.push(Some(before));
            continue;
        }
        if awaited.misses(submission) {
            done.push(Some(Submitted::NotAwaited));
            continue;
        }
        let (message, refusal) = (&submission.message, gate.judge(&submission.message).cloned());
        let said_no = refusal.clone();
        let came = match refusal {
            // The recipient of a bulk send has the reason. Of somebody who is gone, or never was here, nothing is kept
            // but that they want no messages.
            Some(refusal) if message.bulk.is_some() || !gate.knows(message) => {
                Some(Submitted::Refused { refusal, kept: None })
            }
            Some(refusal) if calls.refused_before(submission).is_some() => {
                Some(Submitted::Refused { refusal, kept: calls.refused_before(submission) })
            }
            _ if !book.accepts(&submission.state, message.at) => Some(Submitted::Stale),
            Some(refusal) => {
                calls.add(submission, true);
                stored.push(Cow::Owned(kept(submission, refusal)));
                None
            }
            None => {
                calls.add(submission, false);
                stored.push(Cow::Borrowed(*submission));
                None
            }
        };
        if let Some(refusal) = said_no.filter(|_| came != Some(Submitted::Stale)) {
            reporting.count_refused(&message.channel, &refusal);
        }
        done.push(came);
    }
    let stored: Vec<&Submission> = stored.iter().map(AsRef::as_ref).collect();
    calls.forget_outdated(transaction).await?;
    let mut messages = store(transaction, &stored, book, &gate, reporting).await?.into_iter().zip(&stored);
    let lost = || Error::Refused("a message that was stored is not whole".to_owned());
    let stored = |done: Option<Submitted>| match done {
        Some(done) => Ok(done),
        None => messages.next().map(|(message, submission)| came_to(message, submission)).ok_or_else(lost),
    };
    done.into_iter().map(stored).collect()
}

fn came_to(message: Message, submission: &Submission) -> Submitted {
    match &submission.message.rejected {
        Some(Rejection::Gate(refusal)) => Submitted::Refused { refusal: refusal.clone(), kept: Some(message.id) },
        _ => Submitted::Stored(Box::new(message)),
    }
}

async fn store(
    transaction: &DatabaseTransaction,
    all: &[&Submission],
    book: Book,
    gate: &Gate,
    reporting: &Reporting,
) -> Result<Vec<Message>, Error> {
    let mut before = Before::new();
    let conversations = follow::place(transaction, all, &mut before, reporting).await?;
    // Once more with the conversations locked: where there are several writers, one of them may
    // have learned of it just now.
    let sent = all.iter().filter(|submission| submission.message.rejected.is_none());
    let recipients: Vec<(&str, &str)> = sent.map(|submission| submission.recipient()).collect();
    if transaction.get_database_backend() == DbBackend::Postgres
        && !recipients.is_empty()
        && !reach::opted_out(transaction, &recipients, reporting).await?.is_empty()
    {
        return Err(Error::Overtaken("a recipient opted out just now".to_owned()));
    }
    let placed: Vec<(&NewOutbound, Uuid)> =
        all.iter().map(|submission| &submission.message).zip(conversations).collect();
    let rows = OutboundRows::of(transaction, &placed, gate).await?;
    let stored = rows.messages()?;
    rows.insert(transaction).await?;
    bulk_parts::submitted(transaction, all).await?;
    reporting.count_new(&placed);
    // A conversation that is new has nothing that waits, but for what is stored just now.
    let known = all.iter().zip(&placed).filter(|(submission, placed)| submission.conversation_id.0 != placed.1);
    let known: Vec<(&NewOutbound, Uuid)> = known.map(|(_, placed)| *placed).collect();
    hurry(transaction, &known, gate).await?;
    let entries = all.iter().map(|submission| Entry {
        changes: &submission.state,
        message_id: submission.message.id,
        at: submission.message.at,
    });
    book.write(transaction, entries.collect()).await?;
    traces::explain(transaction, all.iter().flat_map(|submission| &submission.traces).collect()).await?;
    tell::of_submitted(transaction, &placed, &before, reporting).await?;
    let rows = all.iter().filter_map(|submission| {
        let idempotency = submission.idempotency.as_ref()?;
        Some(idempotency_keys::ActiveModel {
            api_key_id: Set(idempotency.api_key_id),
            key: Set(idempotency.key.clone()),
            fingerprint: Set(idempotency.fingerprint.clone()),
            message_id: Set(submission.message.id.0),
            created_at: Set(millis(submission.message.at)),
        })
    });
    insert(transaction, rows.collect()).await?;
    Ok(stored)
}

impl Submission {
    fn recipient(&self) -> (&str, &str) {
        (self.message.channel.as_str(), self.message.recipient.as_str())
    }
}

/// A message waits for every older one of its conversation, and must not wait longer than its priority
/// allows: so these get its priority. Those that come after it keep theirs, also where they are stored together.
pub(super) async fn hurry(
    transaction: &DatabaseTransaction,
    new: &[(&NewOutbound, Uuid)],
    gate: &Gate,
) -> Result<(), Error> {
    for priority in [Priority::Normal, Priority::High] {
        let mut rows = Rows::new(transaction, &["", "BIGINT", ""]);
        for (message, conversation_id) in new.iter().filter(|(message, _)| message.priority == priority) {
            let Some(first) = message.parts.first().filter(|_| message.route == Route::Outbox) else { continue };
            let due_at = gate.held_until(message).unwrap_or_else(|| leaves(message));
            rows.push([Value::from(*conversation_id), millis(due_at).into(), first.id.0.into()]);
        }
        let urgent = priority.number();
        let update = format!("UPDATE parts SET priority = {urgent}");
        let keeps_its_place = keeps_its_place("parts", "new.column2");
        // The state first word for word as the partial index has it, so that SQLite uses it.
        let condition = format!(
            "WHERE parts.state IN ('queued', 'sending') AND parts.state = 'queued' \
             AND parts.conversation_id = new.column1 AND parts.id < new.column3 \
             AND parts.priority > {urgent} AND {keeps_its_place}"
        );
        rows.update(transaction, &update, &condition).await?;
    }
    Ok(())
}

impl Store {
    /// Stores an outbound message for the workers to send.
    pub async fn submit(&self, submission: Submission) -> Result<Submitted, Error> {
        self.ask(submission, Job::Submit).await
    }
}
