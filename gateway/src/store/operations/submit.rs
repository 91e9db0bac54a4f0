//! Storing an outbound message with its parts.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, ConnectionTrait, DatabaseTransaction, DbBackend, EntityTrait, ExprTrait, QueryFilter, Set};
use uuid::Uuid;

use super::check::answer_ends;
use super::gate::Gate;
use super::locks::Touched;
use super::state::{Book, Entry};
use super::tell::{self, Before};
use super::{consent, count, follow, insert_media, media_rows, millis, outbound_row, storable, storable_json, traces};
use crate::message::{MessageId, Priority, Status};
use crate::store::entities::{idempotency_keys, messages, parts};
use crate::store::reads::time;
use crate::store::records::{Idempotency, NewOutbound, NewPart, Route, Schedule, Sender, Submission, Submitted};
use crate::store::reporting::Reporting;
use crate::store::writer::Operation;
use crate::store::{Error, Store};

#[derive(Clone, Debug)]
struct Submit {
    submission: Submission,
    reporting: Reporting,
}

#[async_trait]
impl Operation for Submit {
    type Output = Submitted;

    async fn apply(&self, transaction: &DatabaseTransaction) -> Result<Submitted, Error> {
        self.submission.apply(transaction, &self.reporting).await
    }

    fn touches<'a>(&'a self, touched: &mut Touched<'a>) {
        touched.submit(&self.submission);
    }
}

impl Submission {
    async fn apply(&self, transaction: &DatabaseTransaction, reporting: &Reporting) -> Result<Submitted, Error> {
        if let Some(idempotency) = &self.idempotency
            && let Some(before) = called_before(transaction, idempotency).await?
        {
            return Ok(before);
        }
        let gate = Gate::look(transaction, &[self.recipient()]).await?;
        // What is only kept is sent to nobody.
        if let Some(proof) = gate.opted_out(&self.message).filter(|_| self.message.rejected.is_none()) {
            return Ok(Submitted::OptedOut { since: time(proof.at) });
        }
        let mut book = Book::open(transaction, self.state.iter().collect()).await?;
        if !book.accepts(&self.state, self.message.at) {
            return Ok(Submitted::Stale);
        }
        let mut before = Before::new();
        let conversations = follow::place(transaction, &[self], &mut before, reporting).await?;
        // Once more with the conversation locked: where there are several writers, one of them may
        // have learned of it just now.
        if transaction.get_database_backend() == DbBackend::Postgres
            && self.message.rejected.is_none()
            && !consent::opted_out(transaction, &[self.recipient()]).await?.is_empty()
        {
            return Err(Error::Overtaken("the recipient opted out just now".to_owned()));
        }
        let placed: Vec<_> = conversations.into_iter().map(|id| (&self.message, id)).collect();
        insert_outbound(transaction, &placed, &gate).await?;
        reporting.count_new(&placed);
        // A conversation that is new has nothing that waits.
        if placed.iter().any(|(_, conversation_id)| *conversation_id != self.conversation_id.0) {
            hurry(transaction, &placed).await?;
        }
        let entry = Entry { changes: &self.state, message_id: self.message.id, at: self.message.at };
        book.write(transaction, vec![entry]).await?;
        traces::explain(transaction, self.traces.iter().collect()).await?;
        tell::of_submitted(transaction, &placed, &before, reporting).await?;
        if let Some(idempotency) = &self.idempotency {
            let row = idempotency_keys::ActiveModel {
                api_key_id: Set(idempotency.api_key_id),
                key: Set(idempotency.key.clone()),
                fingerprint: Set(idempotency.fingerprint.clone()),
                message_id: Set(self.message.id.0),
                created_at: Set(millis(self.message.at)),
            };
            idempotency_keys::Entity::insert(row).exec_without_returning(transaction).await?;
        }
        Ok(Submitted::Stored(self.message.id))
    }
}

async fn called_before(database: &impl ConnectionTrait, idempotency: &Idempotency) -> Result<Option<Submitted>, Error> {
    let before =
        idempotency_keys::Entity::find_by_id((idempotency.api_key_id, idempotency.key.clone())).one(database).await?;
    Ok(before.map(|row| {
        if row.fingerprint == idempotency.fingerprint {
            Submitted::Before(MessageId(row.message_id))
        } else {
            Submitted::KeyReused
        }
    }))
}

impl Submission {
    fn recipient(&self) -> (&str, &str) {
        (self.message.channel.as_str(), self.message.recipient.as_str())
    }
}

/// The rows of outbound messages, their media and their parts.
pub(super) async fn insert_outbound(
    transaction: &DatabaseTransaction,
    new: &[(&NewOutbound, Uuid)],
    gate: &Gate,
) -> Result<(), Error> {
    if new.is_empty() {
        return Ok(());
    }
    let rows = new.iter().map(|(message, conversation_id)| messages::ActiveModel {
        gate: Set(gate.allowed(message).map(|allowed| allowed.to_string())),
        ..outbound_row(message, *conversation_id, starting_status(message).as_str())
    });
    messages::Entity::insert_many(rows).exec_without_returning(transaction).await?;
    let media = new
        .iter()
        .flat_map(|(message, _)| media_rows(message.id.0, None, message.media.iter().map(|url| (url.as_str(), None))));
    insert_media(transaction, media.collect()).await?;
    let rows = new.iter().flat_map(|(message, conversation_id)| {
        (0u32..).zip(&message.parts).map(|(position, part)| part_row(message, *conversation_id, position, part))
    });
    let rows: Vec<parts::ActiveModel> = rows.collect();
    if !rows.is_empty() {
        parts::Entity::insert_many(rows).exec_without_returning(transaction).await?;
    }
    Ok(())
}

/// A message waits for every older one of its conversation, and must not wait longer than its priority
/// allows: so these get its priority.
pub(super) async fn hurry(transaction: &DatabaseTransaction, new: &[(&NewOutbound, Uuid)]) -> Result<(), Error> {
    // By when they leave; those that leave now together.
    let mut hurried: BTreeMap<(Priority, i64), BTreeSet<Uuid>> = BTreeMap::new();
    let at_once = new.iter().map(|(message, _)| millis(message.at)).max().unwrap_or_default();
    for (message, conversation_id) in new.iter().filter(|(message, _)| message.route == Route::Outbox) {
        let leaves = match message.schedule {
            Schedule::At(at) => millis(at),
            Schedule::Now | Schedule::AtProvider(_) => at_once,
        };
        hurried.entry((message.priority, leaves)).or_default().insert(*conversation_id);
    }
    for ((priority, leaves), conversations) in
        hurried.into_iter().filter(|((priority, _), _)| *priority != Priority::Bulk)
    {
        parts::Entity::update_many()
            .col_expr(parts::Column::Priority, Expr::value(priority.number()))
            // The first word for word the condition of the partial index, so that SQLite uses it.
            .filter(Expr::cust("state IN ('queued', 'sending')"))
            .filter(parts::Column::State.eq("queued"))
            .filter(parts::Column::ConversationId.is_in(conversations))
            .filter(parts::Column::Priority.gt(priority.number()))
            // What waits for a later time holds nobody up.
            .filter(parts::Column::Attempts.gt(0).or(parts::Column::DueAt.lte(leaves)))
            .exec(transaction)
            .await?;
    }
    Ok(())
}

pub(in crate::store) fn starting_status(message: &NewOutbound) -> Status {
    match message.route {
        _ if message.rejected.is_some() => Status::Failed,
        Route::Outbox => Status::Pending,
        Route::Answer { .. } => Status::Unknown,
    }
}

fn part_row(message: &NewOutbound, conversation_id: Uuid, position: u32, part: &NewPart) -> parts::ActiveModel {
    let (state, attempts, ask_at) = match message.route {
        Route::Outbox => ("queued", 0, None),
        Route::Answer { ask_at } => ("unknown", 1, Some(ask_at)),
    };
    parts::ActiveModel {
        id: Set(part.id.0),
        message_id: Set(message.id.0),
        conversation_id: Set(conversation_id),
        channel: Set(message.channel.clone()),
        position: Set(count(position)),
        sender: Set(message.sender.address().map(|sender| sender.as_str().to_owned())),
        service: Set(message.service.clone()),
        recipient: Set(message.recipient.as_str().to_owned()),
        text: Set(storable(&part.text)),
        media: Set(storable_json(serde_json::json!(part.media))),
        state: Set(state.to_owned()),
        status: Set(starting_status(message).as_str().to_owned()),
        provider_id: Set(None),
        segments: Set(Some(count(part.segments))),
        error_code: Set(None),
        error_message: Set(None),
        attempts: Set(attempts),
        due_at: Set(millis(match message.schedule {
            Schedule::Now | Schedule::AtProvider(_) => message.at,
            Schedule::At(at) => at,
        })),
        lease_until: Set(None),
        send_at: Set(match message.schedule {
            Schedule::Now | Schedule::At(_) => None,
            Schedule::AtProvider(at) => Some(millis(at)),
        }),
        options: Set((!message.options.is_default()).then(|| storable_json(serde_json::json!(message.options)))),
        created_at: Set(millis(message.at)),
        updated_at: Set(millis(message.at)),
        check_at: Set(ask_at.map(millis)),
        unknown_at: Set(ask_at.map(|_| millis(answer_ends(message.at)))),
        checks: Set(0),
        own_sender: Set(matches!(message.sender, Sender::Own(_))),
        looks: Set(None),
        priority: Set(message.priority.number()),
        given_up_at: Set(None),
    }
}

impl Store {
    /// What a call with this key came to before, if there was one.
    pub async fn called_before(&self, idempotency: &Idempotency) -> Result<Option<Submitted>, Error> {
        called_before(&self.reads, idempotency).await
    }

    /// Stores an outbound message for the workers to send.
    pub async fn submit(&self, submission: Submission) -> Result<Submitted, Error> {
        self.write(Submit { submission, reporting: self.reporting.clone() }).await
    }
}
