//! Reading what people allow, and how that came about.

use std::collections::BTreeSet;

use jiff::Timestamp;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, ExprTrait, QueryFilter, QueryOrder, QuerySelect};
use serde::Serialize;
use uuid::Uuid;

use super::entities::{consent_events, consents};
use super::reads::time;
use super::shown::KnownConsent;
use super::{Error, Store};
use crate::message::consent::Choice;
use crate::message::{Address, MessageId};

/// Which consents to list.
#[derive(Clone, Debug, Default)]
pub struct ConsentFilter {
    pub address: Option<Address>,
    pub channel: Option<String>,
    pub state: Option<Choice>,
    /// Given, or taken back, at that time or later.
    pub since: Option<Timestamp>,
}

/// Where a page of consents begins: behind this one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsentCursor {
    pub at: Timestamp,
    pub channel: String,
    pub address: String,
}

/// How a consent came about: one line of the ledger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct ConsentEvent {
    /// What the audit names it by.
    pub id: Uuid,
    pub channel: String,
    pub address: Address,
    /// `opted_out` or `opted_in`.
    pub choice: String,
    /// `message`, `provider`, `import`, `api` or `console`.
    pub source: String,
    /// What the person wrote.
    pub words: Option<String>,
    /// What there is to show for it, where it was not the person who said so.
    pub proof: Option<String>,
    pub note: Option<String>,
    /// Who said so for the person.
    pub actor: Option<String>,
    /// The message that says so, or that could not be sent.
    pub message_id: Option<MessageId>,
    /// What the provider called it.
    pub error_code: Option<i32>,
    /// When it was said.
    pub at: Timestamp,
    /// When it came to be known here.
    pub recorded_at: Timestamp,
}

impl Store {
    /// What people allow, on each channel where they ever said so; the newest first, `limit` at the most, and where
    /// the next page begins.
    pub async fn list_consents(
        &self,
        filter: ConsentFilter,
        after: Option<ConsentCursor>,
        limit: u64,
    ) -> Result<(Vec<KnownConsent>, Option<ConsentCursor>), Error> {
        let mut query = consents::Entity::find()
            .order_by_desc(consents::Column::At)
            .order_by_desc(consents::Column::Channel)
            .order_by_desc(consents::Column::Address)
            .limit(limit + 1);
        if let Some(address) = filter.address {
            query = query.filter(consents::Column::Address.eq(address.as_str()));
        }
        if let Some(channel) = filter.channel {
            // In the order of the index on times: by the key, all that the channel has would be sorted first.
            query = query.filter(Expr::cust("COALESCE(channel, '')").eq(channel.replace('\0', "")));
        }
        if let Some(state) = filter.state {
            query = query.filter(consents::Column::State.eq(state.as_str()));
        }
        if let Some(since) = filter.since {
            query = query.filter(consents::Column::At.gte(since.as_millisecond()));
        }
        if let Some(ConsentCursor { at, channel, address }) = after {
            use consents::Column::{Address, At, Channel};
            let at = at.as_millisecond();
            let beside = Channel.lt(&channel).or(Channel.eq(&channel).and(Address.lt(&address)));
            // The first condition is what the index begins at.
            query = query.filter(At.lte(at)).filter(At.lt(at).or(beside));
        }
        let mut rows = query.all(&self.reads).await?;
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next = rows.last().filter(|_| more).map(|row| ConsentCursor {
            at: time(row.at),
            channel: row.channel.clone(),
            address: row.address.clone(),
        });
        Ok((rows.into_iter().map(to_consent).collect(), next))
    }

    /// What an address allows, on the channels where it ever said so.
    pub async fn consents(&self, address: &Address) -> Result<Vec<KnownConsent>, Error> {
        let rows = consents::Entity::find()
            .filter(consents::Column::Address.eq(address.as_str()))
            .order_by_asc(consents::Column::Channel)
            .all(&self.reads)
            .await?;
        Ok(rows.into_iter().map(to_consent).collect())
    }

    /// Those of these addresses that are opted out on some channel.
    pub async fn opted_out(&self, addresses: &[&Address]) -> Result<BTreeSet<String>, Error> {
        if addresses.is_empty() {
            return Ok(BTreeSet::new());
        }
        let out: Vec<String> = consents::Entity::find()
            .select_only()
            .column(consents::Column::Address)
            .filter(consents::Column::Address.is_in(addresses.iter().map(|address| address.as_str())))
            .filter(consents::Column::State.eq(Choice::OptedOut.as_str()))
            .into_tuple()
            .all(&self.reads)
            .await?;
        Ok(out.into_iter().collect())
    }

    /// How an address came to allow what it allows, oldest first.
    pub async fn consent_history(&self, address: &Address) -> Result<Vec<ConsentEvent>, Error> {
        let rows = consent_events::Entity::find()
            .filter(consent_events::Column::Address.eq(address.as_str()))
            .order_by_asc(consent_events::Column::RecordedAt)
            .order_by_asc(consent_events::Column::Id)
            .all(&self.reads)
            .await?;
        let event = |row: consent_events::Model| ConsentEvent {
            id: row.id,
            channel: row.channel,
            address: Address::received(&row.address),
            choice: row.choice,
            source: row.source,
            words: row.words,
            proof: row.proof,
            note: row.note,
            actor: row.actor,
            message_id: row.message_id.map(MessageId),
            error_code: row.error_code,
            at: time(row.at),
            recorded_at: time(row.recorded_at),
        };
        Ok(rows.into_iter().map(event).collect())
    }
}

pub(super) fn to_consent(row: consents::Model) -> KnownConsent {
    KnownConsent {
        channel: row.channel,
        address: Address::received(&row.address),
        state: row.state,
        source: row.source,
        error_code: row.error_code,
        message_id: row.message_id.map(MessageId),
        at: time(row.at),
    }
}
