//! Committing what processing came to, of messages, reports and timers: each as one, many at once.

use std::collections::{BTreeMap, BTreeSet};

use sea_orm::{ConnectionTrait, DatabaseTransaction, DbBackend, Statement, Value};
use uuid::Uuid;

use super::gate::Gate;
use super::gateways::{ASIDE, EARLIER};
use super::outbound_rows::OutboundRows;
use super::rows::{Rows, ids, places};
use super::sizes::filled;
use super::state::{Book, Entry};
use super::submit::hurry;
use super::{follow, millis, reach, storable, tell, timers, traces};
use crate::message::MessageId;
use crate::store::Error;
use crate::store::decisions::{Cause, Committed, Processed};
use crate::store::lines::ahead;
use crate::store::records::{NewOutbound, Route, Submission};
use crate::store::reporting::Reporting;

/// For each, in order, what became of it.
pub(in crate::store) async fn apply(
    transaction: &DatabaseTransaction,
    all: &[&Processed],
    reporting: &Reporting,
) -> Result<Vec<Committed>, Error> {
    if all.is_empty() {
        return Ok(Vec::new());
    }
    let mut seen = BTreeSet::new();
    // Of the same one twice in a batch, the first counts.
    let first: Vec<bool> = all.iter().map(|processed| seen.insert(processed.key())).collect();
    let once: Vec<&Processed> =
        all.iter().zip(&first).filter(|(_, first)| **first).map(|(processed, _)| *processed).collect();
    let Allowed { instead, unanswered, gate } = allowed(transaction, &once, reporting).await?;
    let once: Vec<&Processed> =
        once.into_iter().map(|processed| instead.get(&processed.key()).unwrap_or(processed)).collect();
    let mut book = Book::open(transaction, once.iter().flat_map(|processed| &processed.state).collect()).await?;
    let mut stale = BTreeSet::new();
    let mut fresh = Vec::with_capacity(once.len());
    for processed in once {
        if book.accepts(&processed.state, processed.at) {
            fresh.push(processed);
        } else {
            stale.insert(processed.key());
        }
    }
    let marked = mark(transaction, &fresh).await?;
    let (done, unmarked): (Vec<_>, Vec<_>) = fresh.into_iter().partition(|processed| marked.contains(&processed.key()));
    let early = too_early(transaction, &unmarked).await?;
    carry_out(transaction, &done, book, &gate, reporting).await?;
    let committed = |(processed, first): (&&Processed, bool)| match processed.key() {
        _ if !first => Committed::Before,
        key if stale.contains(&key) => Committed::Stale,
        key if early.contains(&key) => Committed::Early,
        key if !marked.contains(&key) => Committed::Before,
        key if unanswered.contains(&key) => Committed::Unanswered,
        _ => Committed::Done,
    };
    Ok(all.iter().zip(first).map(committed).collect())
}

/// All that follows from what was processed now.
async fn carry_out(
    transaction: &DatabaseTransaction,
    done: &[&Processed],
    book: Book,
    gate: &Gate,
    reporting: &Reporting,
) -> Result<(), Error> {
    let mut before = follow::before(transaction, done, reporting).await?;
    follow::change(transaction, done, reporting).await?;
    let sends: Vec<&Submission> = done.iter().flat_map(|processed| &processed.sends).collect();
    let places = follow::place(transaction, &sends, &mut before, reporting).await?;
    // Once more: a conversation that was not there could not be locked, and another gateway may have learned just
    // now that somebody wants no messages.
    if !sends.is_empty() && transaction.get_database_backend() == DbBackend::Postgres {
        let keys: Vec<(&str, &str)> = sends.iter().map(|send| recipient(&send.message)).collect();
        if !reach::opted_out(transaction, &keys, reporting).await?.is_empty() {
            return Err(Error::Overtaken("a recipient opted out just now".to_owned()));
        }
    }
    let replies =
        done.iter().flat_map(|processed| processed.replies.iter().map(|reply| (reply, processed.conversation_id.0)));
    let messages: Vec<(&NewOutbound, Uuid)> =
        replies.chain(sends.iter().map(|send| &send.message).zip(places)).collect();
    OutboundRows::of(transaction, &messages, gate).await?.insert(transaction).await?;
    reporting.count_new(&messages);
    hurry(transaction, &messages, gate).await?;
    timers::change(transaction, done, reporting).await?;
    let entries = done.iter().map(|processed| Entry {
        changes: &processed.state,
        message_id: processed.message_id,
        at: processed.at,
    });
    book.write(transaction, entries.collect()).await?;
    tell::of_processed(transaction, done, &messages, &before, reporting).await?;
    traces::explain(transaction, done.iter().flat_map(|processed| traces::apart(processed)).collect()).await
}

/// What is to be committed instead, since the gate refuses something or holds it.
struct Allowed {
    instead: BTreeMap<Uuid, Processed>,
    /// Those whose answer is empty.
    unanswered: BTreeSet<Uuid>,
    gate: Gate,
}

async fn allowed(
    transaction: &DatabaseTransaction,
    all: &[&Processed],
    reporting: &Reporting,
) -> Result<Allowed, Error> {
    let messages: Vec<&NewOutbound> = all.iter().flat_map(|processed| outgoing(processed)).collect();
    // Whoever keeps an opting out holds the lock of the conversation, as this transaction does by now.
    let mut gate = Gate::look(transaction, &messages, reporting).await?;
    let (mut instead, mut unanswered) = (BTreeMap::new(), BTreeSet::new());
    // What rides an answer would overtake what waits in the outbox for the same person.
    let riding = all.iter().filter(|processed| processed.answer.is_some());
    let ahead = ahead(transaction, riding.map(|processed| (processed.conversation_id, millis(processed.at)))).await?;
    for processed in all {
        let overtakes = processed.answer.is_some() && ahead.contains(&processed.conversation_id);
        let mut kept = overtakes;
        for message in outgoing(processed) {
            if let Some(refusal) = gate.judge(message) {
                reporting.count_refused(&message.channel, refusal);
                kept = true;
            }
            kept |= gate.held_until(message).is_some();
        }
        if !kept {
            continue;
        }
        let is_kept = |reply| gate.refusal(reply).is_some() || gate.held_until(reply).is_some();
        let rides = !overtakes && !processed.replies.iter().any(is_kept);
        if !rides {
            unanswered.insert(processed.key());
        }
        instead.insert(processed.key(), without((*processed).clone(), &gate, rides));
    }
    Ok(Allowed { instead, unanswered, gate })
}

fn outgoing(processed: &Processed) -> impl Iterator<Item = &NewOutbound> {
    processed.replies.iter().chain(processed.sends.iter().map(|send| &send.message))
}

fn recipient(message: &NewOutbound) -> (&str, &str) {
    (message.channel.as_str(), message.recipient.as_str())
}

/// Without what is refused. That something was left out is part of the explanation.
fn without(mut processed: Processed, gate: &Gate, rides: bool) -> Processed {
    let (refused, replies): (Vec<_>, Vec<_>) =
        std::mem::take(&mut processed.replies).into_iter().partition(|reply| gate.refusal(reply).is_some());
    processed.replies = replies;
    let mut left_out: Vec<(&str, NewOutbound)> = refused.into_iter().map(|reply| ("a reply", reply)).collect();
    if !rides {
        // None of them: an answer rides one webhook, and was made of all.
        processed.answer = None;
        for reply in &mut processed.replies {
            reply.route = Route::Outbox;
        }
    }
    let (refused, sends): (Vec<_>, Vec<_>) =
        std::mem::take(&mut processed.sends).into_iter().partition(|send| gate.refusal(&send.message).is_some());
    processed.sends = sends;
    left_out.extend(refused.into_iter().map(|send| ("a message to send", send.message)));
    let ids: BTreeSet<MessageId> = left_out.iter().map(|(_, message)| message.id).collect();
    processed.traces.retain(|trace| !ids.contains(&trace.message_id));
    for (what, message) in left_out {
        if let Some(refusal) = gate.refusal(&message) {
            processed.silence(what, &message, refusal);
        }
    }
    processed
}

/// Marks what was not processed before, and says which that was.
async fn mark(transaction: &DatabaseTransaction, all: &[&Processed]) -> Result<BTreeSet<Uuid>, Error> {
    let (mut inbound, mut reports, mut timers) = (Vec::new(), Vec::new(), Vec::new());
    for processed in all {
        match processed.cause {
            Cause::Message => inbound.push(*processed),
            Cause::Report(id) => reports.push(id),
            Cause::Timer(id) => timers.push(id),
        }
    }
    let mut marked = mark_messages(transaction, &inbound).await?;
    marked.extend(remove(transaction, "reports", &reports).await?);
    marked.extend(remove(transaction, "timers", &timers).await?);
    Ok(marked)
}

async fn mark_messages(transaction: &DatabaseTransaction, all: &[&Processed]) -> Result<BTreeSet<Uuid>, Error> {
    if all.is_empty() {
        return Ok(BTreeSet::new());
    }
    let mut rows = Rows::new(transaction, &["", "BIGINT", "TEXT", "BIGINT", "TEXT", "TEXT", "TEXT"]);
    for processed in all {
        rows.push([
            Value::from(processed.message_id.0),
            Value::from(millis(processed.at)),
            Value::from(processed.answer.as_deref().map(storable)),
            Value::from(processed.seed.map(u64::cast_signed)),
            Value::from(processed.discarded.as_deref().map(storable)),
            Value::from(processed.seen.as_ref().and_then(|seen| serde_json::to_string(seen).ok())),
            Value::from(traces::decided(processed)),
        ]);
    }
    let aside = rows.place(ASIDE);
    let condition = format!(
        "WHERE messages.id = new.column1 AND messages.processed_at IS NULL \
         AND NOT EXISTS ({}{aside})) RETURNING messages.id AS id",
        EARLIER.replace("later.", "messages.")
    );
    let update = "UPDATE messages SET processed_at = new.column2, updated_at = new.column2, answer = new.column3, \
         seed = new.column4, discarded = new.column5, seen = new.column6, decided = new.column7";
    rows.update_and_tell(transaction, update, &condition).await
}

/// Of those that were not marked, the messages that were not processed before: an earlier one of their conversation
/// was not either.
async fn too_early(transaction: &DatabaseTransaction, unmarked: &[&Processed]) -> Result<BTreeSet<Uuid>, Error> {
    let of_messages = unmarked.iter().filter(|processed| processed.cause == Cause::Message);
    let values: Vec<Value> = filled(of_messages.map(|processed| processed.message_id.0.into()));
    if values.is_empty() {
        return Ok(BTreeSet::new());
    }
    let backend = transaction.get_database_backend();
    let places = places(backend, 1, values.len()).join(", ");
    let sql = format!("SELECT id FROM messages WHERE id IN ({places}) AND processed_at IS NULL");
    ids(transaction, Statement::from_sql_and_values(backend, sql, values)).await
}

async fn remove(transaction: &DatabaseTransaction, table: &str, all: &[Uuid]) -> Result<BTreeSet<Uuid>, Error> {
    if all.is_empty() {
        return Ok(BTreeSet::new());
    }
    let backend = transaction.get_database_backend();
    let values = filled(all.iter().map(|id| Value::from(*id)));
    let sql = format!("DELETE FROM {table} WHERE id IN ({}) RETURNING id", places(backend, 1, values.len()).join(", "));
    ids(transaction, Statement::from_sql_and_values(backend, sql, values)).await
}
