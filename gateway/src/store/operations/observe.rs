//! Keeping a status report, and what it changes.

use std::collections::BTreeMap;

use sea_orm::{ActiveModelTrait, ConnectionTrait, DatabaseTransaction, IntoActiveModel, Statement, Value};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::inserting::insert_or;
use super::learned::Consented;
use super::moves::Moves;
use super::rows::{Rows, ids, places};
use super::settle::read;
use super::sizes::filled;
use super::{millis, storable, storable_json};
use crate::message::status::{self, Reduction};
use crate::message::{MessageId, ProviderError};
use crate::store::Error;
use crate::store::entities::{observations, parts};
use crate::store::questions::Questions;
use crate::store::records::{NewObservation, Observed};

impl NewObservation {
    pub(super) fn apply(
        &self,
        moves: &mut Moves<'_>,
        questions: Questions,
        kept: &mut Kept,
        consented: &mut Vec<Consented>,
    ) -> Result<Observed, Error> {
        let Some(part) = self.part(moves).cloned() else {
            kept.add(self, None, false);
            return Ok(Observed::Unrelated);
        };
        let reduction = status::reduce(read(&part.status), self.status);
        let Reduction { status, conflict, .. } = reduction;
        kept.add(self, Some(part.id), conflict);
        let message_id = part.message_id;
        let news = self.tells_more(&part, reduction);
        // An old report that comes again must not undo what the person said since.
        if let Some(consent) = self.consent.filter(|_| news) {
            consented.push(Consented { id: self.id, part: part.clone(), consent, now: self.received_at });
        }
        moves.put(self.moved(part, reduction, news, questions));
        moves.reduce(message_id, self.received_at)?;
        Ok(Observed::Message { id: MessageId(message_id), status, conflict })
    }

    /// Whether what it says of an error counts: it moves the part, or it repeats where the part stands and
    /// brings the code that was missing, or words where there was neither.
    fn tells_more(&self, part: &parts::Model, reduction: Reduction) -> bool {
        let has_code = self.error.as_ref().is_some_and(|error| error.code.is_some());
        let has_words = self.error.as_ref().is_some_and(|error| error.message.is_some());
        let brings_more = has_code || (has_words && part.error_message.is_none());
        reduction.changed || (reduction.status == self.status && part.error_code.is_none() && brings_more)
    }

    fn moved(&self, mut part: parts::Model, reduction: Reduction, news: bool, questions: Questions) -> parts::Model {
        // The provider reports only what it has: the part was sent, whatever we thought of it.
        if part.state != "sending" {
            let asked_before = part.check_at.filter(|_| part.state == "settled");
            let first = questions.after(reduction.status, self.received_at).map(millis);
            part.check_at = first.map(|first| asked_before.unwrap_or(first));
            part.unknown_at = None;
            if part.state == "unknown" {
                part.checks = 0;
            }
            "settled".clone_into(&mut part.state);
        }
        part.provider_id = Some(self.provider_id.clone());
        part.given_up_at = None;
        reduction.status.as_str().clone_into(&mut part.status);
        part.updated_at = millis(self.received_at);
        if part.sender.is_none() {
            part.sender = self.sender.as_ref().map(|sender| storable(sender.as_str()));
        }
        if news {
            let ProviderError { code, message } = self.error.clone().unwrap_or_default();
            part.error_code = code;
            // What was told without a code stays, if the code comes without words.
            if reduction.changed || message.is_some() {
                part.error_message = message.as_deref().map(storable);
            }
        }
        part
    }

    /// The part that has this provider's id; else the one whose id rode the callback, if it is of
    /// this channel and has no other provider's id.
    ///
    /// In this order, since of two identical parts one may have been given the other's message.
    /// Then the report is of the part that has the message, and the other stays to be found.
    fn part<'a>(&self, moves: &'a Moves<'_>) -> Option<&'a parts::Model> {
        moves.holder(&self.channel, &self.provider_id).or_else(|| {
            let part = moves.part(self.part_id?.0)?;
            (part.channel == self.channel && part.provider_id.is_none()).then_some(part)
        })
    }
}

/// Reports as they are to be kept: as rows of their own, or as one more time of the same report. A provider
/// repeats what was not answered in time, and whoever recorded a webhook can send it for ever.
#[derive(Default)]
pub(super) struct Kept {
    rows: Vec<observations::Model>,
    /// Where the first of each is: databases take no row twice in one statement.
    known: BTreeMap<(String, String, String, String), usize>,
}

impl Kept {
    fn add(&mut self, report: &NewObservation, part_id: Option<Uuid>, conflict: bool) {
        let (status, digest) = (report.status.as_str().to_owned(), digest(&report.raw));
        let key = (report.channel.clone(), report.provider_id.clone(), status.clone(), digest.clone());
        if let Some(row) = self.known.get(&key).and_then(|place| self.rows.get_mut(*place)) {
            row.times += 1;
            row.repeated_at = Some(millis(report.received_at));
            row.part_id = row.part_id.or(part_id);
            row.conflict |= conflict;
            return;
        }
        self.known.insert(key, self.rows.len());
        self.rows.push(observations::Model {
            id: report.id,
            channel: report.channel.clone(),
            provider_id: report.provider_id.clone(),
            part_id,
            status,
            error_code: report.error.as_ref().and_then(|error| error.code),
            error_message: report.error.as_ref().and_then(|error| error.message.as_deref().map(storable)),
            conflict,
            raw: storable_json(serde_json::json!(report.raw)),
            received_at: millis(report.received_at),
            digest: Some(digest),
            times: 1,
            repeated_at: None,
        });
    }

    pub(super) async fn write(self, transaction: &DatabaseTransaction) -> Result<(), Error> {
        let rows = self.rows.iter().map(|row| row.clone().into_active_model().reset_all());
        let inserted = insert_or(transaction, rows.collect(), "ON CONFLICT DO NOTHING").await?;
        if usize::try_from(inserted).ok() == Some(self.rows.len()) {
            return Ok(());
        }
        let backend = transaction.get_database_backend();
        let values = filled(self.rows.iter().map(|row| Value::from(row.id)));
        let places = places(backend, 1, values.len()).join(", ");
        let sql = format!("SELECT id FROM observations WHERE id IN ({places})");
        let new = ids(transaction, Statement::from_sql_and_values(backend, sql, values)).await?;
        once_more(transaction, self.rows.iter().filter(|row| !new.contains(&row.id))).await
    }
}

/// What came before, once more. What was of no part, or no contradiction, when it came first may be one by now.
async fn once_more(
    transaction: &DatabaseTransaction,
    repeats: impl Iterator<Item = &observations::Model>,
) -> Result<(), Error> {
    let mut rows = Rows::new(transaction, &["TEXT", "TEXT", "TEXT", "TEXT", "INTEGER", "BIGINT", "UUID", "BOOLEAN"]);
    for row in repeats {
        rows.push([
            Value::from(row.channel.as_str()),
            row.provider_id.as_str().into(),
            row.status.as_str().into(),
            row.digest.clone().into(),
            row.times.into(),
            row.repeated_at.unwrap_or(row.received_at).into(),
            row.part_id.into(),
            row.conflict.into(),
        ]);
    }
    let update = "UPDATE observations SET times = observations.times + new.column5, repeated_at = new.column6, \
        part_id = COALESCE(observations.part_id, new.column7), conflict = observations.conflict OR new.column8";
    let condition = "WHERE observations.channel = new.column1 AND observations.provider_id = new.column2 \
        AND observations.status = new.column3 AND observations.digest = new.column4";
    rows.update(transaction, update, condition).await
}

/// What tells two reports apart: their parameters, in any order, each counted once. That is what a
/// provider's signature covers too, so that nobody makes a new report of an old one.
fn digest(raw: &[(String, String)]) -> String {
    let mut pairs: Vec<&(String, String)> = raw.iter().collect();
    pairs.sort_unstable();
    pairs.dedup();
    let mut hash = Sha256::new();
    for (name, value) in pairs {
        for text in [name, value] {
            // With its length, so that no text can pass for two.
            hash.update(text.len().to_be_bytes());
            hash.update(text);
        }
    }
    hex::encode(hash.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_known_by_its_parameters_in_any_order_and_number() {
        let pairs = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
            pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
        };
        let first = digest(&pairs(&[("a", "1"), ("b", "2")]));
        assert_eq!(digest(&pairs(&[("b", "2"), ("a", "1")])), first);
        assert_eq!(digest(&pairs(&[("b", "2"), ("a", "1"), ("b", "2")])), first);
        for other in
            [&[("a", "1")][..], &[("a", "1"), ("b", "3")], &[("a1", ""), ("b", "2")], &[("a", "1b"), ("", "2")]]
        {
            assert_ne!(digest(&pairs(other)), first, "{other:?}");
        }
    }
}
