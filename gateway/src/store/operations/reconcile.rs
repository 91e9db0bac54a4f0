//! Bringing unknown parts together with what the provider lists.
//!
//! A message is given to a part only if no other part has it and none is being sent that might
//! be it. A part goes back to the outbox only if every message of the list is accounted for.
//! Everything is looked up in the transaction that decides, with the unknown parts locked.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use sea_orm::sea_query::{Expr, LockType};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, DatabaseTransaction, DbBackend, EntityTrait, IntoActiveModel,
    QueryFilter, QueryOrder, QuerySelect, Set,
};
use uuid::Uuid;

use super::cancel::taken_back;
use super::check::{Tries, open_tries};
use super::consent::{self, Change, Proof};
use super::matching::{Unknown, Way, only_choice};
use super::moves::reduce_message;
use super::{bulk_parts, count, looks, millis, reach, storable};
use crate::message::{MessageId, PartId, Status, status};
use crate::store::entities::{messages, parts};
use crate::store::questions::{Fate, Found, Hold, Look, Questions, Reconciled, Reconciliation};
use crate::store::reporting::Reporting;
use crate::store::writer::Operation;
use crate::store::{Error, Store};

/// Word for word the condition of the partial index on recipients, so that SQLite uses it.
const UNCERTAIN: &str = "state IN ('sending', 'unknown')";

#[derive(Clone, Debug)]
struct Reconcile {
    listed: Reconciliation,
    questions: Questions,
    reporting: Reporting,
}

#[async_trait]
impl Operation for Reconcile {
    type Output = Vec<Reconciled>;

    async fn apply(&self, transaction: &DatabaseTransaction) -> Result<Vec<Reconciled>, Error> {
        let unknown = self.unknown(transaction).await?;
        hold_messages(transaction, &unknown).await?;
        let taken = self.taken(transaction).await?;
        let sending = self.sending(transaction).await?;
        let elsewhere = self.unknown_elsewhere(transaction, &unknown).await?;
        let mut free: Vec<&Found> =
            self.listed.found.iter().rev().filter(|found| !taken.contains(&found.provider_id)).collect();
        free.sort_by_key(|found| found.created_at);
        let mut bound = Vec::new();
        let mut missing = Vec::new();
        for unknown in unknown {
            let fits = free.iter().position(|found| unknown.is(found));
            match fits {
                // The one that is being sent may be the one that is listed.
                Some(_) if sending.contains(&unknown.part.text) => missing.push((unknown, Some(Fate::Open))),
                Some(index) => bound.push((unknown.part, free.remove(index))),
                None => missing.push((unknown, None)),
            }
        }
        if sending.is_empty() && !elsewhere {
            while let Some((index, choice)) = choose(&missing, &free) {
                bound.push((missing.remove(index).0.part, free.remove(choice)));
            }
        }
        let mut fates = Vec::new();
        for (part, found) in bound {
            fates.push((self.bind(transaction, part, found).await?, Fate::Found(found.status)));
        }
        for (unknown, fate) in missing {
            let fate = fate.unwrap_or_else(|| self.judge(&unknown, &free, !sending.is_empty()));
            let look = looks::missed(self.listed.at, self.listed.found.len(), &unknown, &free, fate);
            fates.push((self.leave(transaction, unknown, fate, look).await?, fate));
        }
        let done: BTreeSet<Uuid> = fates.iter().map(|(part, _)| part.message_id).collect();
        for message_id in done {
            reduce_message(transaction, message_id, self.listed.at, &self.reporting).await?;
        }
        let told = |(part, fate): (parts::Model, Fate)| Reconciled {
            part_id: PartId(part.id),
            message_id: MessageId(part.message_id),
            fate,
        };
        Ok(fates.into_iter().map(told).collect())
    }
}

/// The first of the missing parts whose text does not tell and that can be but one of the free messages.
fn choose(missing: &[(Unknown, Option<Fate>)], free: &[&Found]) -> Option<(usize, usize)> {
    missing.iter().enumerate().find_map(|(index, (unknown, _))| {
        let others: Vec<&Unknown> =
            missing.iter().enumerate().filter(|(other, _)| *other != index).map(|(_, (other, _))| other).collect();
        Some((index, only_choice(unknown, &others, free)?))
    })
}

impl Reconcile {
    /// Oldest first; but those that may have gone either way last, so that they take no message
    /// that can only be another's.
    async fn unknown(&self, transaction: &DatabaseTransaction) -> Result<Vec<Unknown>, Error> {
        let sender = match &self.listed.sender {
            Some(sender) => parts::Column::Sender.eq(sender.as_str()),
            None => parts::Column::Sender.is_null(),
        };
        let rows = parts::Entity::find()
            .filter(Expr::cust(UNCERTAIN))
            .filter(parts::Column::State.eq("unknown"))
            .filter(parts::Column::Channel.eq(&self.listed.channel))
            .filter(parts::Column::Recipient.eq(self.listed.recipient.as_str()))
            .filter(parts::Column::UnknownAt.is_not_null())
            .filter(parts::Column::ProviderId.is_null())
            .filter(sender)
            .order_by_asc(parts::Column::Id)
            .lock_exclusive()
            .all(transaction)
            .await?;
        let tries: BTreeMap<Uuid, Tries> = open_tries(transaction, &rows).await?;
        let mut unknown: Vec<Unknown> = rows
            .into_iter()
            .map(|part| {
                let tries = tries.get(&part.id).copied().unwrap_or_default();
                Unknown::new(part, tries)
            })
            .filter(|unknown| unknown.is_covered(self.listed.since))
            .collect();
        unknown.sort_by_key(|unknown| (unknown.way == Way::Either, unknown.part.id));
        Ok(unknown)
    }

    /// The listed messages that some part has.
    async fn taken(&self, transaction: &DatabaseTransaction) -> Result<BTreeSet<String>, Error> {
        let mut taken = BTreeSet::new();
        for some in self.listed.found.chunks(500) {
            let ids: Vec<Option<String>> = parts::Entity::find()
                .select_only()
                .column(parts::Column::ProviderId)
                .filter(parts::Column::Channel.is_in(&self.listed.channels))
                .filter(parts::Column::ProviderId.is_in(some.iter().map(|found| found.provider_id.as_str())))
                .into_tuple()
                .all(transaction)
                .await?;
            taken.extend(ids.into_iter().flatten());
        }
        Ok(taken)
    }

    /// The texts that are on their way to this recipient.
    async fn sending(&self, transaction: &DatabaseTransaction) -> Result<BTreeSet<String>, Error> {
        let texts: Vec<String> = parts::Entity::find()
            .select_only()
            .column(parts::Column::Text)
            .filter(Expr::cust(UNCERTAIN))
            .filter(parts::Column::State.eq("sending"))
            .filter(parts::Column::Recipient.eq(self.listed.recipient.as_str()))
            .filter(parts::Column::Channel.is_in(&self.listed.channels))
            .into_tuple()
            .all(transaction)
            .await?;
        Ok(texts.into_iter().collect())
    }

    /// Whether further parts to this recipient are unknown, of other senders or from before what was listed:
    /// a message whose text does not tell may be one of those.
    async fn unknown_elsewhere(&self, transaction: &DatabaseTransaction, here: &[Unknown]) -> Result<bool, Error> {
        let further = parts::Entity::find()
            .select_only()
            .column(parts::Column::Id)
            .filter(Expr::cust(UNCERTAIN))
            .filter(parts::Column::State.eq("unknown"))
            .filter(parts::Column::Recipient.eq(self.listed.recipient.as_str()))
            .filter(parts::Column::Channel.is_in(&self.listed.channels))
            .filter(parts::Column::Id.is_not_in(here.iter().map(|unknown| unknown.part.id)))
            .into_tuple::<Uuid>()
            .one(transaction)
            .await?;
        Ok(further.is_some())
    }

    async fn bind(
        &self,
        transaction: &DatabaseTransaction,
        part: parts::Model,
        found: &Found,
    ) -> Result<parts::Model, Error> {
        let reached = status::reduce(super::read(&part.status), found.status).status;
        let named = part.sender.is_some();
        let looks = looks::add(part.looks.as_deref(), looks::found(self.listed.at, self.listed.found.len()));
        let mut row = part.into_active_model();
        row.looks = Set(looks);
        row.state = Set("settled".to_owned());
        row.provider_id = Set(Some(found.provider_id.clone()));
        row.status = Set(reached.as_str().to_owned());
        if let Some(sender) = found.sender.as_ref().filter(|_| !named) {
            row.sender = Set(Some(storable(sender.as_str())));
        }
        if let Some(segments) = found.segments {
            row.segments = Set(Some(count(segments)));
        }
        row.error_code = Set(found.error.as_ref().and_then(|error| error.code));
        row.error_message = Set(found.error.as_ref().and_then(|error| error.message.as_deref().map(storable)));
        row.unknown_at = Set(None);
        row.checks = Set(0);
        row.check_at = Set(self.questions.after(reached, self.listed.at).map(millis));
        row.updated_at = Set(millis(self.listed.at));
        let row = row.update(transaction).await?;
        self.mind_consent(transaction, &row, found).await?;
        Ok(row)
    }

    /// A listed message that did not go since its recipient wants none counts as a report of it would,
    /// unless they changed their mind between then and now.
    async fn mind_consent(
        &self,
        transaction: &DatabaseTransaction,
        part: &parts::Model,
        found: &Found,
    ) -> Result<(), Error> {
        let Some(consent) = found.consent else { return Ok(()) };
        let (channel, address) = (part.channel.as_str(), part.recipient.as_str());
        consent::lock(transaction, channel, address).await?;
        let made_at = found.created_at.min(self.listed.at);
        let change = Change {
            // A part is found once.
            id: part.id,
            channel,
            address,
            consent,
            message_id: Some(part.message_id),
            proof: Proof::default(),
            at: made_at,
            now: self.listed.at,
            latest: Some(made_at),
            reporting: &self.reporting,
        };
        change.keep(transaction).await.map(|_| ())
    }

    /// What to do about a part that is not in the list.
    fn judge(&self, unknown: &Unknown, free: &[&Found], sending: bool) -> Fate {
        let asked = self.listed.asked.iter().any(|(id, _)| id.0 == unknown.part.id);
        if !asked || sending {
            return Fate::Open;
        }
        if free.iter().any(|found| unknown.may_be(found)) {
            return Fate::Held(Hold::Unexplained);
        }
        // A clock that was ahead must not make it absent.
        if free.iter().any(|found| unknown.may_be_misdated(found)) {
            return Fate::Held(Hold::Misdated);
        }
        let is_taken_back = unknown.part.taken_back_at.is_some();
        let before = match self.listed.resend_before {
            Some(before) => before,
            // Nothing is sent again by that: it ends once it was missing for long enough.
            None if is_taken_back => self.listed.at,
            None => return Fate::Held(Hold::Policy),
        };
        let ended_before = unknown.part.unknown_at.is_some_and(|ended_at| ended_at <= millis(before));
        if !ended_before || !self.listed.waited.contains(&PartId(unknown.part.id)) {
            return Fate::Open;
        }
        if is_taken_back {
            return Fate::Canceled;
        }
        if unknown.handed_over >= count(self.listed.tries) { Fate::GivenUp } else { Fate::Resent }
    }

    async fn leave(
        &self,
        transaction: &DatabaseTransaction,
        unknown: Unknown,
        fate: Fate,
        look: Look,
    ) -> Result<parts::Model, Error> {
        let Unknown { mut part, way, .. } = unknown;
        let next = self.listed.asked.iter().find(|(id, _)| id.0 == part.id);
        let Some((_, next)) = next else { return Ok(part) };
        part.looks = looks::add(part.looks.as_deref(), look);
        part.updated_at = millis(self.listed.at);
        part.check_at = next.map(millis);
        match fate {
            Fate::Open | Fate::Found(_) => {}
            Fate::Held(hold) => part.error_message = Some(hold.reason().to_owned()),
            Fate::Resent => {
                "queued".clone_into(&mut part.state);
                Status::Pending.as_str().clone_into(&mut part.status);
                part.due_at = millis(self.listed.at);
                bulk_parts::stopped(transaction, &mut part).await?;
                let (channel, recipient) = (&self.listed.channel, self.listed.recipient.as_str());
                consent::lock(transaction, channel, recipient).await?;
                if !part.confirms
                    && let Some(proof) = reach::opted_out_one(transaction, channel, recipient, &self.reporting).await?
                {
                    consent::refuse(&mut part, proof.error_code);
                }
            }
            Fate::Canceled => {
                taken_back(&mut part);
                part.error_message = Some("it was taken back, and the provider never got it".to_owned());
            }
            Fate::GivenUp => {
                "settled".clone_into(&mut part.state);
                Status::Failed.as_str().clone_into(&mut part.status);
                part.given_up_at = Some(millis(self.listed.at));
                part.error_message = Some("the provider never took it, as often as it was tried".to_owned());
            }
        }
        if matches!(fate, Fate::Resent | Fate::Canceled | Fate::GivenUp) {
            part.check_at = None;
            part.unknown_at = None;
            part.checks = 0;
            if way != Way::Request {
                forget_answer(transaction, part.message_id).await?;
            }
        }
        Ok(part.into_active_model().reset_all().update(transaction).await?)
    }
}

/// Messages before the conversation with their recipient, which `consent::lock` takes, as wherever parts are settled: so
/// that no two wait for each other. SQLite has one writer.
async fn hold_messages(transaction: &DatabaseTransaction, unknown: &[Unknown]) -> Result<(), Error> {
    if unknown.is_empty() || transaction.get_database_backend() != DbBackend::Postgres {
        return Ok(());
    }
    messages::Entity::find()
        .select_only()
        .column(messages::Column::Id)
        .filter(messages::Column::Id.is_in(unknown.iter().map(|unknown| unknown.part.message_id)))
        .order_by_asc(messages::Column::Id)
        .lock(LockType::NoKeyUpdate)
        .into_tuple::<Uuid>()
        .all(transaction)
        .await?;
    Ok(())
}

/// Should the webhook come again after all, it must not bring the reply a second time.
pub(super) async fn forget_answer(transaction: &DatabaseTransaction, reply_id: Uuid) -> Result<(), Error> {
    let reply = messages::Entity::find_by_id(reply_id).one(transaction).await?;
    let Some(answered) = reply.and_then(|reply| reply.in_reply_to) else { return Ok(()) };
    messages::Entity::update_many()
        .col_expr(messages::Column::Answer, Expr::value(None::<String>))
        .filter(messages::Column::Id.eq(answered))
        .exec(transaction)
        .await?;
    Ok(())
}

impl Store {
    /// Brings unknown parts together with what the provider lists, and says what became of each.
    pub async fn reconcile(&self, listed: Reconciliation) -> Result<Vec<Reconciled>, Error> {
        self.write(Reconcile { listed, questions: self.questions, reporting: self.reporting.clone() }).await
    }
}
