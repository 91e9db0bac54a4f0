//! Who wants no messages: keeping it, ending what waits for them, and asking before more is stored.
//!
//! Whoever stores something to be sent holds the lock of the open conversation with the address and
//! asks then; whoever keeps an opting out takes the same lock first. So of the two that come at
//! once, the second sees the first. Should there be no open conversation to lock, `claim` still
//! hands out nothing to an address that opted out.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use sea_orm::sea_query::{Expr, LockType, OnConflict};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DatabaseTransaction, DbBackend, EntityTrait, QueryFilter, QueryOrder,
    QuerySelect, Set,
};
use uuid::Uuid;

use super::conversation::Key;
use super::millis;
use super::moves::Moves;
use crate::message::consent::{Choice, Source};
use crate::message::{Consent, Status};
use crate::store::Error;
use crate::store::entities::{consents, conversations, parts};
use crate::store::reporting::Reporting;

/// What a part that is not sent any more says.
pub(super) const REASON: &str = "the recipient has opted out of messages on this channel";

/// What somebody allows from now on, and the message that shows it.
pub(super) struct Change<'a> {
    pub(super) channel: &'a str,
    pub(super) address: &'a str,
    pub(super) consent: Consent,
    pub(super) message_id: Uuid,
    pub(super) at: Timestamp,
    pub(super) reporting: &'a Reporting,
}

impl Change<'_> {
    /// The open conversation with the address must be locked by now.
    pub(super) async fn keep(&self, transaction: &DatabaseTransaction) -> Result<(), Error> {
        match self.consent.choice {
            Choice::OptedOut => {
                self.opt_out(transaction).await?;
                self.end_what_waits(transaction).await
            }
            Choice::OptedIn => self.opt_in(transaction).await,
        }
    }

    async fn opt_out(&self, transaction: &DatabaseTransaction) -> Result<(), Error> {
        use consents::Column::{At, ErrorCode, MessageId, Source, State};
        let row = consents::ActiveModel {
            channel: Set(self.channel.to_owned()),
            address: Set(self.address.to_owned()),
            state: Set(self.consent.choice.as_str().to_owned()),
            source: Set(self.consent.source.as_str().to_owned()),
            error_code: Set(self.consent.code),
            message_id: Set(Some(self.message_id)),
            at: Set(millis(self.at)),
        };
        let mut again = OnConflict::columns([consents::Column::Channel, consents::Column::Address]);
        again.update_columns([State, Source, ErrorCode, MessageId, At]);
        // Who says so twice has opted out the first time.
        again.action_and_where(Expr::cust("consents.state <> 'opted_out'"));
        consents::Entity::insert(row).on_conflict(again).exec_without_returning(transaction).await?;
        Ok(())
    }

    /// Only what was taken back is worth a row: YES is a word like any other to whoever never
    /// opted out.
    async fn opt_in(&self, transaction: &DatabaseTransaction) -> Result<(), Error> {
        consents::Entity::update_many()
            .col_expr(consents::Column::State, Expr::value(self.consent.choice.as_str()))
            .col_expr(consents::Column::Source, Expr::value(self.consent.source.as_str()))
            .col_expr(consents::Column::ErrorCode, Expr::value(None::<i32>))
            .col_expr(consents::Column::MessageId, Expr::value(self.message_id))
            .col_expr(consents::Column::At, Expr::value(millis(self.at)))
            .filter(consents::Column::Channel.eq(self.channel))
            .filter(consents::Column::Address.eq(self.address))
            .filter(consents::Column::State.eq(Choice::OptedOut.as_str()))
            .exec(transaction)
            .await?;
        Ok(())
    }

    async fn end_what_waits(&self, transaction: &DatabaseTransaction) -> Result<(), Error> {
        let waiting = parts::Entity::find()
            .filter(parts::Column::Channel.eq(self.channel))
            .filter(parts::Column::Recipient.eq(self.address))
            // Word for word the condition of the partial index, so that SQLite uses it.
            .filter(Expr::cust("state = 'queued'"))
            .order_by_asc(parts::Column::Id)
            .lock_exclusive()
            .all(transaction)
            .await?;
        let message_ids: BTreeSet<Uuid> = waiting.iter().map(|part| part.message_id).collect();
        if message_ids.is_empty() {
            return Ok(());
        }
        let mut moves = Moves::load(transaction, &message_ids, self.reporting).await?;
        for mut part in waiting {
            refuse(&mut part, self.consent.code);
            part.updated_at = millis(self.at);
            moves.put(part);
        }
        for message_id in message_ids {
            moves.reduce(message_id, self.at)?;
        }
        moves.write(transaction).await
    }
}

/// A part that will not be sent, since its recipient opted out.
pub(super) fn refuse(part: &mut parts::Model, code: Option<i32>) {
    "settled".clone_into(&mut part.state);
    Status::Failed.as_str().clone_into(&mut part.status);
    part.error_code = code;
    part.error_message = Some(REASON.to_owned());
}

/// Takes the lock that keeping and asking share; nothing where there is no open conversation. SQLite has one writer.
pub(super) async fn lock(transaction: &DatabaseTransaction, channel: &str, address: &str) -> Result<(), Error> {
    if transaction.get_database_backend() != DbBackend::Postgres {
        return Ok(());
    }
    conversations::Entity::find()
        .select_only()
        .column(conversations::Column::Id)
        .filter(conversations::Column::Channel.eq(channel))
        .filter(conversations::Column::Address.eq(address))
        .filter(Expr::cust("status <> 'closed'"))
        .lock(LockType::NoKeyUpdate)
        .into_tuple::<Uuid>()
        .all(transaction)
        .await?;
    Ok(())
}

/// What is on record about the addresses.
pub(super) async fn known(
    transaction: &DatabaseTransaction,
    keys: &[(&str, &str)],
) -> Result<BTreeMap<Key, consents::Model>, Error> {
    let mut by_channel: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (channel, address) in keys {
        by_channel.entry(channel).or_default().insert(address);
    }
    let mut any = Condition::any();
    for (channel, addresses) in by_channel {
        any = any.add(
            Condition::all().add(consents::Column::Channel.eq(channel)).add(consents::Column::Address.is_in(addresses)),
        );
    }
    let rows = consents::Entity::find().filter(any).all(transaction).await?;
    Ok(rows.into_iter().map(|row| ((row.channel.clone(), row.address.clone()), row)).collect())
}

/// Those of the addresses that have opted out.
pub(super) async fn opted_out(
    transaction: &DatabaseTransaction,
    keys: &[(&str, &str)],
) -> Result<BTreeMap<Key, consents::Model>, Error> {
    let mut known = known(transaction, keys).await?;
    known.retain(|_, consent| consent.state == Choice::OptedOut.as_str());
    Ok(known)
}

/// The proof of one address's opting out, when it has.
pub(super) async fn opted_out_one(
    transaction: &DatabaseTransaction,
    channel: &str,
    address: &str,
) -> Result<Option<consents::Model>, Error> {
    Ok(opted_out(transaction, &[(channel, address)]).await?.into_values().next())
}

/// Whether the address opted in again after this moment.
pub(super) async fn opted_in_after(
    transaction: &DatabaseTransaction,
    channel: &str,
    address: &str,
    moment: Timestamp,
) -> Result<bool, Error> {
    let known = consents::Entity::find()
        .filter(consents::Column::Channel.eq(channel))
        .filter(consents::Column::Address.eq(address))
        .filter(consents::Column::State.eq(Choice::OptedIn.as_str()))
        .filter(consents::Column::At.gt(millis(moment)))
        .one(transaction)
        .await?;
    Ok(known.is_some())
}

/// What a provider's refusal shows.
pub(super) fn refused(code: Option<i32>) -> Consent {
    Consent { choice: Choice::OptedOut, source: Source::Provider, code }
}
