//! What others say about somebody's consent: an application, the console, a list that is brought along.

use async_trait::async_trait;
use sea_orm::{DatabaseTransaction, EntityTrait};

use super::consent::{self, Change, Proof};
use super::{last_word, millis, reach};
use crate::message::Consent;
use crate::message::consent::{Choice, Source};
use crate::store::consents::to_consent;
use crate::store::entities::consents;
use crate::store::records::{NewConsent, Said};
use crate::store::reporting::Reporting;
use crate::store::writer::Operation;
use crate::store::{Act, Error, Store};

struct Say {
    all: Vec<NewConsent>,
    dry_run: bool,
    reporting: Reporting,
}

#[async_trait]
impl Operation for Say {
    type Output = Vec<Said>;

    async fn apply(&self, transaction: &DatabaseTransaction) -> Result<Vec<Said>, Error> {
        let mut said = Vec::with_capacity(self.all.len());
        for new in &self.all {
            said.push(Box::pin(self.say(transaction, new)).await?);
        }
        Ok(said)
    }
}

impl Say {
    async fn say(&self, transaction: &DatabaseTransaction, new: &NewConsent) -> Result<Said, Error> {
        let (channel, address) = (new.channel.as_str(), new.address.as_str());
        consent::lock(transaction, channel, address).await?;
        let known = consents::Entity::find_by_id((channel.to_owned(), address.to_owned())).one(transaction).await?;
        // Where it counts for the whole business, opting in undoes all of that, and has to stand up to each.
        let out = match new.choice {
            Choice::OptedIn => reach::all_opted_out(transaction, address, &self.reporting).await?,
            Choice::OptedOut => Vec::new(),
        };
        let elsewhere = out.into_iter().filter(|row| (&*row.channel, &*row.address) != (channel, address));
        let mut all: Vec<consents::Model> = elsewhere.collect();
        // One that says so already is not all there is to it while others say otherwise.
        all.extend(known.filter(|known| all.is_empty() || known.state != new.choice.as_str()));
        let change = self.change(new);
        for known in all {
            let same = known.state == new.choice.as_str();
            if same && new.choice == Choice::OptedOut && !self.dry_run {
                last_word::again(transaction, &change, channel, address).await?;
            }
            // A list from before must not undo what was said since, and in doubt opting out was said last.
            let said = last_word::said(&known);
            let is_older = match new.choice {
                Choice::OptedOut => change.latest.is_some_and(|latest| said > millis(latest)),
                Choice::OptedIn => said >= millis(new.at),
            };
            if same || is_older {
                return Ok(Said::Known(to_consent(known)));
            }
            let own = Source::from_word(&known.source).is_some_and(Source::is_own);
            if own && new.choice == Choice::OptedIn && new.proof.is_none() {
                return Ok(Said::NeedsProof(to_consent(known)));
            }
        }
        if let Some(later) = change.later(transaction).await? {
            return Ok(Said::Known(to_consent(later)));
        }
        if self.dry_run {
            return Ok(Said::Changed);
        }
        change.keep(transaction).await?;
        Ok(Said::Changed)
    }

    fn change<'a>(&'a self, new: &'a NewConsent) -> Change<'a> {
        Change {
            id: new.id,
            channel: &new.channel,
            address: new.address.as_str(),
            consent: Consent { choice: new.choice, source: new.source, code: None },
            message_id: None,
            proof: Proof {
                words: None,
                evidence: new.proof.as_deref(),
                note: new.note.as_deref(),
                actor: new.actor.as_deref(),
            },
            at: new.at,
            now: new.now,
            latest: (new.at < new.now).then_some(new.at),
            reporting: &self.reporting,
        }
    }
}

impl Store {
    /// Whether an opting out on one channel counts on all of them, and for all of the person's addresses.
    pub fn consents_are_business_wide(&self) -> bool {
        self.reporting.rules().is_business_wide()
    }

    /// Keeps what others say about somebody's consent, in this order: all of it or nothing. A dry run changes
    /// nothing, leaves nothing on record, and says the same.
    pub async fn say_consents(&self, all: Vec<NewConsent>, dry_run: bool, act: Act) -> Result<Vec<Said>, Error> {
        let say = Say { all, dry_run, reporting: self.reporting.clone() };
        if dry_run {
            return self.write(say).await;
        }
        self.write_by(say, act, |said| said.iter().any(|said| matches!(said, Said::Changed))).await
    }
}
