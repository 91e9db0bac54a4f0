//! The gate: whether somebody may be written to, asked in the transaction that stores it, and what is kept of
//! the answer. It is never asked again for an explanation, since consent changes.

use std::collections::BTreeMap;

use sea_orm::DatabaseTransaction;
use serde_json::{Value, json};

use super::consent;
use super::conversation::Key;
use crate::message::consent::Choice;
use crate::store::Error;
use crate::store::entities::consents;
use crate::store::reads::time;
use crate::store::records::NewOutbound;

/// What is on record about what some people allow, as of this transaction.
#[derive(Default)]
pub(super) struct Gate(BTreeMap<Key, consents::Model>);

impl Gate {
    pub(super) async fn look(transaction: &DatabaseTransaction, keys: &[(&str, &str)]) -> Result<Self, Error> {
        Ok(Self(consent::known(transaction, keys).await?))
    }

    /// The proof that the recipient wants no messages on this channel, where there is one.
    pub(super) fn opted_out(&self, message: &NewOutbound) -> Option<&consents::Model> {
        self.proof(message).filter(|proof| proof.state == Choice::OptedOut.as_str())
    }

    /// What is kept with a message that is stored: none with one that plugins refused, which came to no gate.
    pub(super) fn allowed(&self, message: &NewOutbound) -> Option<Value> {
        if message.rejected.is_some() {
            return None;
        }
        Some(match self.proof(message) {
            Some(proof) => {
                json!({ "verdict": "allowed", "consent": proof.state, "since": time(proof.at), "at": message.at })
            }
            None => json!({ "verdict": "allowed", "consent": "never_opted_out", "at": message.at }),
        })
    }

    /// What is kept with the decision that led to a message which is not stored.
    pub(super) fn refused(what: &str, message: &NewOutbound, proof: &consents::Model) -> Value {
        json!({
            "verdict": "refused",
            "message": what,
            "channel": message.channel,
            "to": message.recipient.redacted(),
            "consent": proof.state,
            "since": time(proof.at),
            "reason": consent::REASON,
            "at": message.at,
        })
    }

    fn proof(&self, message: &NewOutbound) -> Option<&consents::Model> {
        self.0.get(&(message.channel.clone(), message.recipient.as_str().to_owned()))
    }
}
