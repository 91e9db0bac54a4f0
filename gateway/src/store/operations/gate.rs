//! The gate: whether somebody may be written to, asked in the transaction that stores it, and what is kept of
//! the answer. It is never asked again for an explanation, since consent changes.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use sea_orm::{ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter, QuerySelect};
use serde_json::{Value, json};
use uuid::Uuid;

use super::conversation::Key;
use super::outbound_rows::leaves;
use super::people::People;
use super::reach;
use crate::gate::{Facts, Refusal, Verdict};
use crate::message::consent::Choice;
use crate::store::Error;
use crate::store::entities::{addresses, consents};
use crate::store::reads::time;
use crate::store::records::{NewOutbound, Schedule};
use crate::store::reporting::Reporting;

/// What is on record about some people as of this transaction, and what was said of messages to them.
pub(super) struct Gate {
    consents: BTreeMap<Key, consents::Model>,
    people: People,
    verdicts: BTreeMap<Uuid, Verdict>,
    /// When each must have left, and by whose clock.
    nights: BTreeMap<Uuid, (Timestamp, String)>,
    /// The addresses of those who opted out and are somebody here.
    known: BTreeSet<String>,
    reporting: Reporting,
}

impl Gate {
    pub(super) async fn look(
        transaction: &DatabaseTransaction,
        messages: &[&NewOutbound],
        reporting: &Reporting,
    ) -> Result<Self, Error> {
        let mut keys: Vec<(&str, &str)> =
            messages.iter().map(|message| (message.channel.as_str(), message.recipient.as_str())).collect();
        keys.sort_unstable();
        keys.dedup();
        let now = messages.iter().map(|message| message.at).max().unwrap_or(Timestamp::UNIX_EPOCH);
        let consents = reach::known(transaction, &keys, reporting).await?;
        Ok(Self {
            known: known(transaction, &consents).await?,
            consents,
            people: People::look(transaction, &keys, now, reporting).await?,
            verdicts: BTreeMap::new(),
            nights: BTreeMap::new(),
            reporting: reporting.clone(),
        })
    }

    /// Says whether it may leave, and keeps that. In the order in which they are stored: each counts for the next.
    pub(super) fn judge(&mut self, message: &NewOutbound) -> Option<&Refusal> {
        // What is only kept is sent to nobody, and comes to no gate.
        if message.rejected.is_some() {
            return None;
        }
        let address = message.recipient.as_str();
        let facts = Facts {
            recipient: &message.recipient,
            confirms: message.confirms,
            opted_out: self.opted_out(message).map(|proof| time(proof.at)),
            reply: message.in_reply_to.is_some(),
            last_inbound_at: self.people.wrote(&key(message)),
            priority: message.priority,
            time_zone: self.people.time_zone(address),
            sent: self.people.sent(address),
            leaves: match message.schedule {
                // It is handed over at once, and leaves there.
                Schedule::AtProvider(at) => at,
                Schedule::Now | Schedule::At(_) => leaves(message),
            },
            now: message.at,
        };
        let rules = self.reporting.rules();
        let verdict = rules.judge(&facts);
        let leaves = if let Verdict::Held { until, .. } = &verdict { *until } else { facts.leaves };
        if let Some(night) = rules.night(&facts, leaves) {
            self.nights.insert(message.id.0, night);
        }
        if message.in_reply_to.is_none() && !matches!(verdict, Verdict::Refused(_)) {
            self.people.count(address);
        }
        self.verdicts.insert(message.id.0, verdict);
        self.refusal(message)
    }

    /// Whether there is a person to keep of whom that something was refused.
    pub(super) fn knows(&self, message: &NewOutbound) -> bool {
        self.opted_out(message).is_none() || self.known.contains(message.recipient.as_str())
    }

    pub(super) fn refusal(&self, message: &NewOutbound) -> Option<&Refusal> {
        match self.verdicts.get(&message.id.0) {
            Some(Verdict::Refused(refusal)) => Some(refusal),
            _ => None,
        }
    }

    /// When it may leave, if not yet.
    pub(super) fn held_until(&self, message: &NewOutbound) -> Option<Timestamp> {
        match self.verdicts.get(&message.id.0) {
            Some(Verdict::Held { until, .. }) => Some(*until),
            _ => None,
        }
    }

    /// When it must have left, and by which clock.
    pub(super) fn night(&self, message: &NewOutbound) -> Option<&(Timestamp, String)> {
        self.nights.get(&message.id.0)
    }

    /// What is kept with a message that is stored: none with one that plugins refused, which came to no gate.
    pub(super) fn told(&self, message: &NewOutbound) -> Option<Value> {
        let mut told = match self.verdicts.get(&message.id.0)? {
            Verdict::Refused(refusal) => refusal.explained(),
            Verdict::Allowed(None) => json!({ "verdict": "allowed" }),
            Verdict::Allowed(Some(exempt)) => json!({ "verdict": "allowed", "exempt": exempt.as_str() }),
            Verdict::Held { until, time_zone } => {
                json!({ "verdict": "held", "code": "quiet-hours", "until": until, "time_zone": time_zone })
            }
        };
        if let Some(fields) = told.as_object_mut() {
            let proof = self.consents.get(&key(message));
            let consent = proof.map_or("never_opted_out", |proof| proof.state.as_str());
            fields.insert("consent".to_owned(), consent.into());
            if let Some(proof) = proof {
                fields.insert("since".to_owned(), json!(time(proof.at)));
            }
            fields.insert("at".to_owned(), json!(message.at));
        }
        Some(told)
    }

    /// The proof that the recipient wants no messages, where there is one.
    fn opted_out(&self, message: &NewOutbound) -> Option<&consents::Model> {
        self.consents.get(&key(message)).filter(|proof| proof.state == Choice::OptedOut.as_str())
    }
}

async fn known(
    transaction: &DatabaseTransaction,
    consents: &BTreeMap<Key, consents::Model>,
) -> Result<BTreeSet<String>, Error> {
    let out = consents.iter().filter(|(_, proof)| proof.state == Choice::OptedOut.as_str());
    let out: BTreeSet<&str> = out.map(|((_, address), _)| address.as_str()).collect();
    if out.is_empty() {
        return Ok(BTreeSet::new());
    }
    let rows: Vec<String> = addresses::Entity::find()
        .select_only()
        .column(addresses::Column::Address)
        .filter(addresses::Column::Address.is_in(out))
        .into_tuple()
        .all(transaction)
        .await?;
    Ok(rows.into_iter().collect())
}

fn key(message: &NewOutbound) -> Key {
    (message.channel.clone(), message.recipient.as_str().to_owned())
}
