//! What a bulk send would come to, before it is made: who is sent nothing and why, and what the first gets.

use super::taking::NewBulk;
use super::{Bulks, Error};
use crate::message::Locale;
use crate::store::RecipientProblem;

/// What would come of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Looked {
    /// How many could be sent to, as far as can be told before the gate and the plugins are asked.
    pub valid: usize,
    /// All others, in the order of the list.
    pub wrong: Vec<Wrong>,
    /// To whom the first message would go, and what it says; null where nobody can be sent to.
    pub first: Option<(String, String)>,
    /// Of its template, if it has one.
    pub version: Option<u32>,
}

/// Somebody who would be sent nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong {
    /// From 0, in the list.
    pub position: usize,
    pub to: String,
    pub problem: RecipientProblem,
}

impl Bulks {
    /// Looks at a bulk send as taking it does, and keeps nothing.
    pub async fn look(&self, mut new: NewBulk, locale: Locale) -> Result<Looked, Error> {
        let (look, recipients) = self.prepare(&mut new, locale).await?;
        let version = new.content.template.as_ref().and_then(|wish| wish.version);
        // Thousands of them take a while.
        let looked = tokio::task::spawn_blocking(move || -> Result<Looked, Error> {
            let checked = look.all(recipients.clone())?;
            let first = checked.iter().zip(&recipients).find(|(checked, _)| checked.problem.is_none());
            let first = match first {
                Some((checked, as_given)) => Some((checked.recipient.clone(), look.text(as_given)?)),
                None => None,
            };
            let valid = checked.iter().filter(|one| one.problem.is_none()).count();
            let wrong = checked.into_iter().enumerate().filter_map(|(position, one)| {
                one.problem.map(|problem| Wrong { position, to: one.recipient, problem })
            });
            Ok(Looked { valid, wrong: wrong.collect(), first, version })
        });
        looked.await.map_err(|error| Error::Broken(error.to_string()))?
    }
}
