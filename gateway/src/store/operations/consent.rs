//! Who wants no messages: keeping it, ending what waits for them, and asking before more is stored.
//!
//! Whoever stores something to be sent holds the lock of the open conversation with the address and
//! asks then; whoever keeps an opting out takes the same lock first. So of the two that come at
//! once, the second sees the first. Should there be no open conversation to lock, `claim` still
//! hands out nothing to an address that opted out.

use std::collections::BTreeSet;

use jiff::Timestamp;
use sea_orm::sea_query::{Expr, LockType, OnConflict, Query};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseTransaction, DbBackend, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    Set,
};
use uuid::Uuid;

use super::moves::Moves;
use super::reach::{self, Reach};
use super::{last_word, millis, storable};
use crate::message::consent::{Choice, Source};
use crate::message::{Consent, Status};
use crate::store::Error;
use crate::store::entities::{addresses, consent_events, consents, conversations, parts};
use crate::store::reporting::Reporting;

/// What a part that is not sent any more says.
pub(super) const REASON: &str = "the recipient has opted out of messages on this channel";

/// The longest words that are kept with a consent, in characters.
const LONGEST_WORDS: usize = 200;

/// What somebody allows from now on, and what shows it.
pub(super) struct Change<'a> {
    /// Of what brought it.
    pub(super) id: Uuid,
    pub(super) channel: &'a str,
    pub(super) address: &'a str,
    pub(super) consent: Consent,
    /// The message that says so, or that could not be sent.
    pub(super) message_id: Option<Uuid>,
    pub(super) proof: Proof<'a>,
    /// When it was said, and when we came to know.
    pub(super) at: Timestamp,
    pub(super) now: Timestamp,
    /// The latest that an opting out may have been said. None of what is said just now: whatever is on record was said
    /// before, even if another clock has it later.
    pub(super) latest: Option<Timestamp>,
    pub(super) reporting: &'a Reporting,
}

/// What there is to show for a consent, besides the message.
#[derive(Clone, Copy, Default)]
pub(super) struct Proof<'a> {
    pub(super) words: Option<&'a str>,
    /// What a person or a document says for it.
    pub(super) evidence: Option<&'a str>,
    pub(super) note: Option<&'a str>,
    pub(super) actor: Option<&'a str>,
}

impl Change<'_> {
    /// Says whether anything is different now. What was said last counts, not what came last: an older word changes
    /// nothing. The open conversation with the address must be locked by now.
    pub(super) async fn keep(&self, transaction: &DatabaseTransaction) -> Result<bool, Error> {
        match self.consent.choice {
            Choice::OptedOut => self.opt_out(transaction).await,
            Choice::OptedIn => self.opt_in(transaction).await,
        }
    }

    async fn opt_out(&self, transaction: &DatabaseTransaction) -> Result<bool, Error> {
        if self.later(transaction).await?.is_some() {
            return Ok(false);
        }
        let changed = self.write(transaction).await?;
        if changed {
            self.note(transaction, self.channel, self.address).await?;
        } else {
            last_word::again(transaction, self, self.channel, self.address).await?;
        }
        // Also of whoever says so again: something may have slipped by.
        self.end_what_waits(transaction).await?;
        Ok(changed)
    }

    /// The opting in that was said after this opting out, if one was.
    pub(super) async fn later(&self, transaction: &DatabaseTransaction) -> Result<Option<consents::Model>, Error> {
        match self.latest.filter(|_| self.consent.choice == Choice::OptedOut) {
            Some(latest) => last_word::after(transaction, self, self.standing(transaction).await?, latest).await,
            None => Ok(None),
        }
    }

    /// The state, unless it is that already: who says so twice has said it the first time.
    async fn write(&self, transaction: &DatabaseTransaction) -> Result<bool, Error> {
        use consents::Column::{At, ErrorCode, MessageId, SaidAgainAt, Source, State};
        let state = self.consent.choice.as_str();
        let row = consents::ActiveModel {
            channel: Set(self.channel.to_owned()),
            address: Set(self.address.to_owned()),
            state: Set(state.to_owned()),
            source: Set(self.consent.source.as_str().to_owned()),
            error_code: Set(self.code()),
            message_id: Set(self.message_id),
            at: Set(millis(self.at)),
            said_again_at: Set(None),
        };
        let mut again = OnConflict::columns([consents::Column::Channel, consents::Column::Address]);
        again.update_columns([State, Source, ErrorCode, MessageId, At, SaidAgainAt]);
        again.action_and_where(Expr::cust(format!("consents.state <> '{state}'")));
        let written = consents::Entity::insert(row).on_conflict(again).exec_without_returning(transaction).await?;
        Ok(written > 0)
    }

    /// Of an opting out alone: what the provider calls it.
    fn code(&self) -> Option<i32> {
        self.consent.code.filter(|_| self.consent.choice == Choice::OptedOut)
    }

    /// A person's word only takes an opting out back: YES is a word like any other to whoever never opted out.
    /// Where it counts for the whole business, it takes back all that there are, or none if one was said later.
    async fn opt_in(&self, transaction: &DatabaseTransaction) -> Result<bool, Error> {
        let standing = self.standing(transaction).await?;
        let (out, in_already): (Vec<_>, Vec<_>) =
            standing.into_iter().partition(|row| row.state == Choice::OptedOut.as_str());
        if out.iter().any(|row| last_word::said(row) >= millis(self.at)) {
            return Ok(false);
        }
        if self.consent.source.is_own() {
            for row in &in_already {
                last_word::again(transaction, self, &row.channel, &row.address).await?;
            }
        }
        for row in &out {
            consents::Entity::update_many()
                .col_expr(consents::Column::State, Expr::value(self.consent.choice.as_str()))
                .col_expr(consents::Column::Source, Expr::value(self.consent.source.as_str()))
                .col_expr(consents::Column::ErrorCode, Expr::value(None::<i32>))
                .col_expr(consents::Column::MessageId, Expr::value(self.message_id))
                .col_expr(consents::Column::At, Expr::value(millis(self.at)))
                .col_expr(consents::Column::SaidAgainAt, Expr::value(None::<i64>))
                .filter(consents::Column::Channel.eq(&row.channel))
                .filter(consents::Column::Address.eq(&row.address))
                .exec(transaction)
                .await?;
            self.note(transaction, &row.channel, &row.address).await?;
        }
        // What was out is in by now, so that this is another, or new.
        let written = !self.consent.source.is_own() && self.write(transaction).await?;
        if written {
            self.note(transaction, self.channel, self.address).await?;
        }
        Ok(written || !out.is_empty())
    }

    /// What is on record of whom it is about, locked: of the address on its channel; or of all addresses of the person
    /// on all channels, where it counts for the whole business.
    async fn standing(&self, transaction: &DatabaseTransaction) -> Result<Vec<consents::Model>, Error> {
        let mut standing = consents::Entity::find()
            .filter(consents::Column::Address.is_in(self.reach(transaction).await?))
            .order_by_asc(consents::Column::Channel)
            .order_by_asc(consents::Column::Address)
            .lock_exclusive();
        if !self.reporting.rules().is_business_wide() {
            standing = standing.filter(consents::Column::Channel.eq(self.channel));
        }
        Ok(standing.all(transaction).await?)
    }

    /// Adds how it came about to the ledger, which is never changed.
    async fn note(&self, transaction: &DatabaseTransaction, channel: &str, address: &str) -> Result<(), Error> {
        let kept = |text: Option<&str>| text.map(storable);
        let words = self.proof.words.map(|words| words.trim().chars().take(LONGEST_WORDS).collect::<String>());
        let row = consent_events::ActiveModel {
            id: Set(self.id),
            channel: Set(channel.to_owned()),
            address: Set(address.to_owned()),
            choice: Set(self.consent.choice.as_str().to_owned()),
            source: Set(self.consent.source.as_str().to_owned()),
            words: Set(kept(words.as_deref())),
            proof: Set(kept(self.proof.evidence)),
            note: Set(kept(self.proof.note)),
            actor: Set(kept(self.proof.actor)),
            message_id: Set(self.message_id),
            error_code: Set(self.code()),
            at: Set(millis(self.at)),
            recorded_at: Set(millis(self.now)),
        };
        consent_events::Entity::insert(row).exec_without_returning(transaction).await?;
        Ok(())
    }

    /// The addresses that it is about.
    async fn reach(&self, transaction: &DatabaseTransaction) -> Result<Vec<String>, Error> {
        if !self.reporting.rules().is_business_wide() {
            return Ok(vec![self.address.to_owned()]);
        }
        Ok(Reach::of(transaction, &[self.address]).await?.all(self.address).map(str::to_owned).collect())
    }

    /// The queues that it is about: of each address of the person on each channel, where it is business-wide.
    async fn queues(&self, transaction: &DatabaseTransaction) -> Result<Vec<(String, String)>, Error> {
        if !self.reporting.rules().is_business_wide() {
            return Ok(vec![(self.channel.to_owned(), self.address.to_owned())]);
        }
        let addresses = self.reach(transaction).await?;
        reach::open_conversations(transaction, &addresses).await
    }

    async fn end_what_waits(&self, transaction: &DatabaseTransaction) -> Result<(), Error> {
        let mut conversations = BTreeSet::new();
        for (channel, address) in self.queues(transaction).await? {
            conversations.extend(conversations_with(transaction, &channel, &address).await?);
        }
        if conversations.is_empty() {
            return Ok(());
        }
        let waiting = parts::Entity::find()
            // Word for word the condition of the partial index, so that SQLite uses it.
            .filter(Expr::cust("state IN ('queued', 'sending')"))
            .filter(parts::Column::ConversationId.is_in(conversations))
            .filter(parts::Column::State.eq("queued"))
            .filter(parts::Column::Confirms.eq(false))
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
            refuse(&mut part, self.code());
            part.updated_at = millis(self.now);
            moves.put(part);
        }
        for message_id in message_ids {
            moves.reduce(message_id, self.now)?;
        }
        moves.write(transaction).await
    }
}

/// All that there ever were, since what waits may be in one that was closed. By the person: no index has those that were
/// closed before it was kept when.
async fn conversations_with(
    transaction: &DatabaseTransaction,
    channel: &str,
    address: &str,
) -> Result<Vec<Uuid>, Error> {
    let person = Query::select()
        .column(addresses::Column::ContactId)
        .from(addresses::Entity)
        .and_where(addresses::Column::Address.eq(address))
        .to_owned();
    Ok(conversations::Entity::find()
        .select_only()
        .column(conversations::Column::Id)
        .filter(conversations::Column::ContactId.in_subquery(person))
        .filter(conversations::Column::Channel.eq(channel))
        .filter(conversations::Column::Address.eq(address))
        .into_tuple()
        .all(transaction)
        .await?)
}

/// A part that will not be sent, since its recipient opted out.
pub(super) fn refuse(part: &mut parts::Model, code: Option<i32>) {
    "settled".clone_into(&mut part.state);
    Status::Failed.as_str().clone_into(&mut part.status);
    part.error_code = code;
    part.error_message = Some(REASON.to_owned());
}

/// Ends what waits for somebody who opted out at one of their addresses, where that counts for the whole business.
pub(super) async fn end_all_that_waits(
    transaction: &DatabaseTransaction,
    address: &str,
    now: Timestamp,
    reporting: &Reporting,
) -> Result<(), Error> {
    let out = reach::all_opted_out(transaction, address, reporting).await?;
    let Some(row) = out.first() else { return Ok(()) };
    let change = Change {
        id: Uuid::nil(),
        channel: &row.channel,
        address: &row.address,
        consent: refused(row.error_code),
        message_id: None,
        proof: Proof::default(),
        at: now,
        now,
        latest: None,
        reporting,
    };
    change.end_what_waits(transaction).await
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

/// What a provider's refusal shows.
pub(super) fn refused(code: Option<i32>) -> Consent {
    Consent { choice: Choice::OptedOut, source: Source::Provider, code }
}
