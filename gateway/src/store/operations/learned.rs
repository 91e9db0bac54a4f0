//! What is learned about parts, from tries and from reports: many at once.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use sea_orm::sea_query::LockType;
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseTransaction, DbBackend, EntityTrait, ExprTrait, QueryFilter, QueryOrder,
    QuerySelect, Statement, Value,
};
use uuid::Uuid;

use super::consent::{self, Change, Proof};
use super::conversation::Key;
use super::moves::Moves;
use super::observe::Kept;
use super::reach;
use super::rows::{ids, places};
use super::settle::end_attempts;
use super::sizes::filled;
use crate::message::Consent;
use crate::store::entities::{attempts, consents, parts};
use crate::store::questions::Questions;
use crate::store::reads::time;
use crate::store::records::{NewObservation, Observed, Settled, Settlement};
use crate::store::reporting::Reporting;
use crate::store::writer::Job;
use crate::store::{Error, Store};

/// What was learned, and when the provider is asked about what it leaves open.
#[derive(Clone, Debug)]
pub(in crate::store) struct Learned {
    pub(in crate::store) about: About,
    pub(in crate::store) questions: Questions,
}

#[derive(Clone, Debug)]
pub(in crate::store) enum About {
    Try(Settlement),
    Report(NewObservation),
}

impl Learned {
    fn settlement(&self) -> Option<&Settlement> {
        match &self.about {
            About::Try(settlement) => Some(settlement),
            About::Report(_) => None,
        }
    }

    fn observation(&self) -> Option<&NewObservation> {
        match &self.about {
            About::Try(_) => None,
            About::Report(observation) => Some(observation),
        }
    }

    fn part_id(&self) -> Option<Uuid> {
        match &self.about {
            About::Try(settlement) => Some(settlement.part_id.0),
            About::Report(observation) => observation.part_id.map(|id| id.0),
        }
    }
}

/// What somebody allows, as it was learned with their part. Kept once all parts are written, since other parts may
/// end by it.
pub(super) struct Consented {
    /// Of the try or the report.
    pub(super) id: Uuid,
    pub(super) part: parts::Model,
    pub(super) consent: Consent,
    pub(super) now: Timestamp,
}

impl Consented {
    async fn keep(self, transaction: &DatabaseTransaction, reporting: &Reporting) -> Result<(), Error> {
        let Self { id, part, consent, now } = self;
        let (channel, address) = (part.channel.as_str(), part.recipient.as_str());
        consent::lock(transaction, channel, address).await?;
        let at = asked_at(transaction, &part).await?.min(now);
        let (message_id, proof, latest) = (Some(part.message_id), Proof::default(), Some(at));
        let change = Change { id, channel, address, consent, message_id, proof, at, now, latest, reporting };
        change.keep(transaction).await.map(drop)
    }
}

/// Since when the provider can know of what it says about the recipient: a report may come long after they changed
/// their mind. What it keeps until a time is looked at then.
async fn asked_at(transaction: &DatabaseTransaction, part: &parts::Model) -> Result<Timestamp, Error> {
    let began: Option<Option<i64>> = attempts::Entity::find()
        .select_only()
        .column_as(attempts::Column::StartedAt.max(), "began")
        .filter(attempts::Column::PartId.eq(part.id))
        .into_tuple()
        .one(transaction)
        .await?;
    // A reply that rides an answer has no try of its own.
    let began = began.flatten().unwrap_or(part.created_at);
    Ok(time(Ord::max(began, part.send_at.unwrap_or(began))))
}

/// For each, in order, what a report changed; none of a try.
pub(in crate::store) async fn apply(
    transaction: &DatabaseTransaction,
    all: &[&Learned],
    reporting: &Reporting,
) -> Result<Vec<Option<Observed>>, Error> {
    if all.is_empty() {
        return Ok(Vec::new());
    }
    let mut moves = Moves::load(transaction, &messages(transaction, all).await?, reporting).await?;
    let settlements: Vec<&Settlement> = all.iter().filter_map(|learned| learned.settlement()).collect();
    if settlements.iter().any(|settlement| moves.part(settlement.part_id.0).is_none()) {
        return Err(Error::Refused("a part was settled that is not there".to_owned()));
    }
    let mut counts = end_attempts(transaction, &settlements, &moves).await?.into_iter();
    let opted_out = opted_out(transaction, &settlements, &moves, reporting).await?;
    let mut kept = Kept::default();
    let mut consented = Vec::new();
    let mut done = Vec::with_capacity(all.len());
    for Learned { about, questions } in all {
        done.push(match about {
            About::Report(observation) => Some(observation.apply(&mut moves, *questions, &mut kept, &mut consented)?),
            About::Try(settlement) => {
                if counts.next() == Some(true) {
                    settle(transaction, settlement, *questions, &opted_out, &mut moves, &mut consented).await?;
                }
                None
            }
        });
    }
    kept.write(transaction).await?;
    moves.write(transaction).await?;
    for consented in consented {
        consented.keep(transaction, reporting).await?;
    }
    Ok(done)
}

/// Those whose parts these are about; the parts are locked.
async fn messages(transaction: &DatabaseTransaction, all: &[&Learned]) -> Result<BTreeSet<Uuid>, Error> {
    let parts: BTreeSet<Uuid> = all.iter().filter_map(|learned| learned.part_id()).collect();
    let mut provided: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for observation in all.iter().filter_map(|learned| learned.observation()) {
        provided.entry(&observation.channel).or_default().insert(&observation.provider_id);
    }
    if transaction.get_database_backend() == DbBackend::Sqlite {
        return found(transaction, &parts, &provided).await;
    }
    let by_provider = provided
        .into_iter()
        .map(|(channel, ids)| parts::Column::Channel.eq(channel).and(parts::Column::ProviderId.is_in(filled(ids))));
    let by_id = (!parts.is_empty()).then(|| parts::Column::Id.is_in(filled(parts)));
    let mut messages = BTreeSet::new();
    for condition in by_provider.chain(by_id) {
        let found: Vec<Uuid> = parts::Entity::find()
            .select_only()
            .column(parts::Column::MessageId)
            .filter(condition)
            .order_by_asc(parts::Column::Id)
            .lock(LockType::NoKeyUpdate)
            .into_tuple()
            .all(transaction)
            .await?;
        messages.extend(found);
    }
    Ok(messages)
}

/// The same in one statement, where nothing has to be locked.
async fn found(
    transaction: &DatabaseTransaction,
    parts: &BTreeSet<Uuid>,
    provided: &BTreeMap<&str, BTreeSet<&str>>,
) -> Result<BTreeSet<Uuid>, Error> {
    let mut values: Vec<Value> = Vec::new();
    let mut selects = Vec::new();
    for (channel, ids) in provided {
        values.push((*channel).into());
        let ids = filled(ids.iter().map(|id| Value::from(*id)));
        let places = places(DbBackend::Sqlite, 1, ids.len()).join(", ");
        values.extend(ids);
        selects.push(format!("SELECT message_id AS id FROM parts WHERE channel = ? AND provider_id IN ({places})"));
    }
    if !parts.is_empty() {
        let parts = filled(parts.iter().map(|id| Value::from(*id)));
        let places = places(DbBackend::Sqlite, 1, parts.len()).join(", ");
        values.extend(parts);
        selects.push(format!("SELECT message_id AS id FROM parts WHERE id IN ({places})"));
    }
    if selects.is_empty() {
        return Ok(BTreeSet::new());
    }
    let sql = selects.join(" UNION ALL ");
    ids(transaction, Statement::from_sql_and_values(DbBackend::Sqlite, sql, values)).await
}

/// Those who want no messages, among the recipients of what is to go back to the queue.
async fn opted_out(
    transaction: &DatabaseTransaction,
    settlements: &[&Settlement],
    moves: &Moves<'_>,
    reporting: &Reporting,
) -> Result<BTreeMap<Key, consents::Model>, Error> {
    let put_back = settlements.iter().filter(|settlement| settlement.is_put_back());
    let parts = put_back.filter_map(|settlement| moves.part(settlement.part_id.0));
    let keys: BTreeSet<(&str, &str)> = parts.map(|part| (part.channel.as_str(), part.recipient.as_str())).collect();
    if keys.is_empty() {
        return Ok(BTreeMap::new());
    }
    for (channel, recipient) in &keys {
        consent::lock(transaction, channel, recipient).await?;
    }
    let keys: Vec<(&str, &str)> = keys.into_iter().collect();
    reach::opted_out(transaction, &keys, reporting).await
}

async fn settle(
    transaction: &DatabaseTransaction,
    settlement: &Settlement,
    questions: Questions,
    opted_out: &BTreeMap<Key, consents::Model>,
    moves: &mut Moves<'_>,
    consented: &mut Vec<Consented>,
) -> Result<(), Error> {
    let Some(part) = moves.part(settlement.part_id.0).cloned() else { return Ok(()) };
    if settlement.is_late(transaction, moves, &part).await? {
        return Ok(());
    }
    if let (Settled::OptedOut { error }, None) = (&settlement.result, &part.provider_id) {
        consented.push(Consented {
            id: settlement.attempt_id,
            part: part.clone(),
            consent: consent::refused(error.code),
            now: settlement.at,
        });
    }
    let message_id = part.message_id;
    moves.put(settlement.settled(part, questions, opted_out));
    moves.reduce(message_id, settlement.at)
}

impl Store {
    /// Records what a try to send a part came to. Once: the same again changes nothing.
    pub async fn settle(&self, settlement: Settlement) -> Result<(), Error> {
        self.learn(About::Try(settlement)).await.map(|_| ())
    }

    /// Keeps a status report and moves its message, never backwards.
    pub async fn observe(&self, observation: NewObservation) -> Result<Observed, Error> {
        Ok(self.learn(About::Report(observation)).await?.unwrap_or(Observed::Unrelated))
    }

    async fn learn(&self, about: About) -> Result<Option<Observed>, Error> {
        self.ask(Learned { about, questions: self.questions }, Job::Learn).await
    }
}
