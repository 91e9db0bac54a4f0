//! Erasing a person: their name, what is noted and remembered of them, their texts and files, and that their
//! addresses are theirs. Ids stay, so that what comes again is known as a repeat; so does the ledger of consents, so
//! that who opted out is sent nothing, whoever they are.
//!
//! Texts go in steps, so that others write in between; the last step does all else at once.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use sea_orm::sea_query::{Expr, LockType, Query, SelectStatement};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, Condition, DatabaseTransaction, EntityTrait, IntoActiveModel, QueryFilter,
    QueryOrder, QuerySelect, Set,
};
use serde_json::json;
use uuid::Uuid;

use super::consent::{Change, Proof};
use super::contacts::locked;
use super::gateways::ASIDE;
use super::moves::Moves;
use super::{dropped, files, millis, reach, redact, tell, uploads};
use crate::message::consent::{Choice, Source};
use crate::message::{Consent, ConversationStatus, MessageId, Status};
use crate::store::contacts::{Erased, Erasure, survivor, with_addresses};
use crate::store::entities::{
    addresses, bulk_recipients, conversations, lookups, media, messages, notes, parts, plugin_state, reports, timers,
};
use crate::store::media::MediaState;
use crate::store::reporting::Reporting;
use crate::store::shown::Redaction;
use crate::store::writer::Operation;
use crate::store::{Act, Error, Store};

/// Why an opting out stands at an address that nothing ties to the one where it was said any more.
const NOTE: &str = "somebody was erased who had opted out at another of their addresses";

struct Erasing {
    erasure: Erasure,
    /// Of what is added to the ledger.
    id: Uuid,
    reporting: Reporting,
}

#[async_trait]
impl Operation for Erasing {
    type Output = Erased;

    async fn apply(&self, transaction: &DatabaseTransaction) -> Result<Erased, Error> {
        let Some(found) = survivor(transaction, self.erasure.id.0).await? else { return Ok(Erased::NotFound) };
        // Before the person, as a merge does.
        let conversations = conversations::Entity::find()
            .filter(conversations::Column::ContactId.eq(found.id))
            .order_by_asc(conversations::Column::Id)
            .lock(LockType::NoKeyUpdate)
            .all(transaction)
            .await?;
        let Some(contact) = locked(transaction, found.id).await? else { return Ok(Erased::NotFound) };
        let known = with_addresses(transaction, vec![contact.clone()]).await?.pop();
        if self.erasure.expected.is_some() && self.erasure.expected != known.map(|known| known.mark()) {
            return Ok(Erased::Mismatch);
        }
        if is_under_way(transaction, contact.id).await? {
            return Ok(Erased::UnderWay);
        }
        self.cancel_what_waits(transaction, contact.id).await?;
        want_no_files(transaction, contact.id).await?;
        if Box::pin(self.forget_texts(transaction, contact.id)).await? >= self.erasure.limit {
            return Ok(Erased::Some);
        }
        if !self.erasure.files_are_gone {
            let files = files::of_nobody_else(transaction, contact.id).await?;
            if !files.is_empty() {
                uploads::forget_files(transaction, &files).await?;
                return Ok(Erased::Files(files));
            }
        }
        Box::pin(self.forget_addresses(transaction, contact.id)).await?;
        self.forget_conversations(transaction, contact.id, conversations).await?;
        let mut row = contact.into_active_model();
        row.name = Set(None);
        row.attributes = Set(None);
        row.erased_at = Set(Some(millis(self.erasure.at)));
        row.updated_at = Set(millis(self.erasure.at));
        row.update(transaction).await?;
        Ok(Erased::Done)
    }
}

impl Erasing {
    /// What was not handed over is not sent any more.
    async fn cancel_what_waits(&self, transaction: &DatabaseTransaction, contact: Uuid) -> Result<(), Error> {
        let waiting = parts::Entity::find()
            .filter(parts::Column::ConversationId.in_subquery(conversations_of(contact)))
            // Word for word the condition of the partial index, so that SQLite uses it.
            .filter(Expr::cust("state IN ('queued', 'sending')"))
            .filter(parts::Column::State.eq("queued"))
            .order_by_asc(parts::Column::Id)
            .lock_exclusive()
            .all(transaction)
            .await?;
        let ids: BTreeSet<Uuid> = waiting.iter().map(|part| part.message_id).collect();
        if ids.is_empty() {
            return Ok(());
        }
        let mut moves = Moves::load(transaction, &ids, &self.reporting).await?;
        for mut part in waiting {
            "settled".clone_into(&mut part.state);
            Status::Canceled.as_str().clone_into(&mut part.status);
            part.updated_at = millis(self.erasure.at);
            moves.put(part);
        }
        for id in ids {
            moves.reduce(id, self.erasure.at)?;
        }
        moves.write(transaction).await
    }

    /// Some of them, and how many.
    async fn forget_texts(&self, transaction: &DatabaseTransaction, contact: Uuid) -> Result<usize, Error> {
        let texts: Vec<Uuid> = messages::Entity::find()
            .select_only()
            .column(messages::Column::Id)
            .filter(messages::Column::ConversationId.in_subquery(conversations_of(contact)))
            .filter(messages::Column::RedactedAt.is_null())
            .filter(messages::Column::DeletedAt.is_null())
            .order_by_asc(messages::Column::Id)
            .limit(u64::try_from(self.erasure.limit).unwrap_or(u64::MAX))
            .into_tuple()
            .all(transaction)
            .await?;
        for id in &texts {
            if redact::forget(transaction, MessageId(*id), self.erasure.at).await? == Redaction::UnderWay {
                return Err(Error::Overtaken("something of theirs is on its way again".to_owned()));
            }
        }
        Ok(texts.len())
    }

    /// Whoever writes from one of them is somebody new, and whoever opted out still has.
    async fn forget_addresses(&self, transaction: &DatabaseTransaction, contact: Uuid) -> Result<(), Error> {
        let theirs: Vec<String> = addresses::Entity::find()
            .select_only()
            .column(addresses::Column::Address)
            .filter(addresses::Column::ContactId.eq(contact))
            .order_by_asc(addresses::Column::Address)
            .lock_exclusive()
            .into_tuple()
            .all(transaction)
            .await?;
        if let Some(first) = theirs.first() {
            let out = reach::all_opted_out(transaction, first, &self.reporting).await?;
            for address in &theirs {
                if let Some(said) = out.first().filter(|_| out.iter().all(|row| row.address != *address)) {
                    self.opt_out(transaction, &said.channel, address, &said.source).await?;
                }
            }
        }
        bulk_recipients::Entity::update_many()
            .col_expr(bulk_recipients::Column::State, Expr::value("canceled"))
            .col_expr(bulk_recipients::Column::Variables, Expr::value(None::<serde_json::Value>))
            .filter(Expr::cust("state = 'waiting'"))
            .filter(bulk_recipients::Column::Recipient.is_in(theirs.iter().map(String::as_str)))
            .exec(transaction)
            .await?;
        lookups::Entity::delete_many()
            .filter(lookups::Column::Number.is_in(theirs.iter().map(String::as_str)))
            .exec(transaction)
            .await?;
        addresses::Entity::delete_many().filter(addresses::Column::ContactId.eq(contact)).exec(transaction).await?;
        Ok(())
    }

    async fn opt_out(
        &self,
        transaction: &DatabaseTransaction,
        channel: &str,
        address: &str,
        source: &str,
    ) -> Result<(), Error> {
        let source = Source::from_word(source).unwrap_or(Source::Console);
        let change = Change {
            id: self.id,
            channel,
            address,
            consent: Consent { choice: Choice::OptedOut, source, code: None },
            message_id: None,
            proof: Proof { note: Some(NOTE), ..Proof::default() },
            at: self.erasure.at,
            now: self.erasure.at,
            latest: None,
            reporting: &self.reporting,
        };
        change.keep(transaction).await.map(drop)
    }

    /// They are closed for good, and nothing that people or plugins wrote stays with them.
    async fn forget_conversations(
        &self,
        transaction: &DatabaseTransaction,
        contact: Uuid,
        before: Vec<conversations::Model>,
    ) -> Result<(), Error> {
        use conversations::Column;
        let theirs = || conversations_of(contact);
        let known: BTreeSet<Uuid> = before.iter().map(|row| row.id).collect();
        let now: Vec<Uuid> = conversations::Entity::find()
            .select_only()
            .column(Column::Id)
            .filter(Column::ContactId.eq(contact))
            .into_tuple()
            .all(transaction)
            .await?;
        if now.iter().any(|id| !known.contains(id)) {
            return Err(Error::Overtaken("somebody wrote or was written to just now".to_owned()));
        }
        notes::Entity::delete_many()
            .filter(notes::Column::ConversationId.in_subquery(theirs()))
            .exec(transaction)
            .await?;
        timers::Entity::delete_many()
            .filter(timers::Column::ConversationId.in_subquery(theirs()))
            .exec(transaction)
            .await?;
        reports::Entity::delete_many()
            .filter(reports::Column::ConversationId.in_subquery(theirs()))
            .exec(transaction)
            .await?;
        let of = plugin_state::Column::Subject;
        for remembered in [of.in_subquery(theirs()), of.eq(contact)] {
            // Word for word the condition of the partial index.
            let remembered = Condition::all().add(Expr::cust("scope IN ('contact', 'conversation')")).add(remembered);
            plugin_state::Entity::delete_many().filter(remembered).exec(transaction).await?;
        }
        // Others may have them, or be erased just now as well.
        let files = files::of_messages(transaction, contact).await?;
        dropped::drop_files(transaction, files.into_iter().map(|file| file.digest)).await?;
        media::Entity::update_many()
            .col_expr(media::Column::State, Expr::value(MediaState::Linked.as_str()))
            .col_expr(media::Column::Digest, Expr::value(None::<String>))
            .col_expr(media::Column::Bytes, Expr::value(None::<i64>))
            .col_expr(media::Column::SniffedType, Expr::value(None::<String>))
            .col_expr(media::Column::DueAt, Expr::value(None::<i64>))
            .col_expr(media::Column::Error, Expr::value(None::<String>))
            .filter(media::Column::MessageId.in_subquery(messages_of(contact)))
            .exec(transaction)
            .await?;
        conversations::Entity::update_many()
            .col_expr(Column::Status, Expr::value(ConversationStatus::Closed.as_str()))
            // What has no time of closing is not opened again.
            .col_expr(Column::ClosedAt, Expr::value(None::<i64>))
            .col_expr(Column::Subject, Expr::value(""))
            .col_expr(Column::Tags, Expr::value(json!([])))
            .col_expr(Column::Unread, Expr::value(0))
            .col_expr(Column::UpdatedAt, Expr::value(millis(self.erasure.at)))
            .filter(Column::ContactId.eq(contact))
            .exec(transaction)
            .await?;
        let closed = ConversationStatus::Closed.as_str();
        let open: BTreeMap<_, _> =
            before.into_iter().filter(|row| row.status != closed).map(|row| (row.id, row)).collect();
        tell::of_change(transaction, &open, self.erasure.at, &self.reporting).await
    }
}

/// What is being fetched while its text goes would come back with its file.
async fn want_no_files(transaction: &DatabaseTransaction, contact: Uuid) -> Result<(), Error> {
    media::Entity::update_many()
        .col_expr(media::Column::State, Expr::value(MediaState::Linked.as_str()))
        .col_expr(media::Column::DueAt, Expr::value(None::<i64>))
        .filter(media::Column::State.eq(MediaState::Wanted.as_str()))
        .filter(media::Column::MessageId.in_subquery(messages_of(contact)))
        .exec(transaction)
        .await?;
    Ok(())
}

fn conversations_of(contact: Uuid) -> SelectStatement {
    Query::select()
        .column(conversations::Column::Id)
        .from(conversations::Entity)
        .and_where(conversations::Column::ContactId.eq(contact))
        .to_owned()
}

pub(super) fn messages_of(contact: Uuid) -> SelectStatement {
    Query::select()
        .column(messages::Column::Id)
        .from(messages::Entity)
        .and_where(messages::Column::ConversationId.in_subquery(conversations_of(contact)))
        .to_owned()
}

/// Whether something of theirs is to be processed, is being sent, may have been, or is kept by the provider to be.
async fn is_under_way(transaction: &DatabaseTransaction, contact: Uuid) -> Result<bool, Error> {
    let unprocessed = messages::Entity::find()
        .select_only()
        .column(messages::Column::Id)
        .filter(messages::Column::ConversationId.in_subquery(conversations_of(contact)))
        .filter(messages::Column::Direction.eq("inbound"))
        .filter(messages::Column::ProcessedAt.is_null())
        // What was set aside is processed by nobody any more.
        .filter(Condition::any().add(messages::Column::Gateway.is_null()).add(messages::Column::Gateway.ne(ASIDE)))
        .limit(1);
    if unprocessed.into_tuple::<Uuid>().one(transaction).await?.is_some() {
        return Ok(true);
    }
    let unknown = Condition::all().add(parts::Column::State.eq("unknown")).add(parts::Column::CheckAt.is_not_null());
    let planned = Condition::all()
        .add(parts::Column::State.eq("settled"))
        .add(parts::Column::Status.eq(Status::Scheduled.as_str()));
    let moves = Condition::any().add(parts::Column::State.eq("sending")).add(unknown).add(planned);
    let under_way = parts::Entity::find()
        .select_only()
        .column(parts::Column::Id)
        .filter(parts::Column::MessageId.in_subquery(messages_of(contact)))
        .filter(moves)
        .limit(1);
    Ok(under_way.into_tuple::<Uuid>().one(transaction).await?.is_some())
}

impl Store {
    /// Erases a person, or does a step towards it: again until it is done.
    pub async fn erase_contact(&self, erasure: Erasure, act: Act) -> Result<Erased, Error> {
        let erasing = Erasing { erasure, id: act.id, reporting: self.reporting.clone() };
        self.write_by(erasing, act, |erased| *erased == Erased::Done).await
    }
}
