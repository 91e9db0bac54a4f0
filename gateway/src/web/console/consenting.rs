//! Opting a person out and in by hand, with what there is to show for it.

use axum::extract::State;
use axum::response::Response;
use uuid::Uuid;

use super::contact::{Kept, whole};
use super::page;
use super::path::Path;
use super::posted::Posted;
use super::trouble::{Trouble, redirect};
use super::words::ContactWords;
use crate::message::consent::{Choice, Source};
use crate::message::{Address, ContactId};
use crate::store::{KnownConsent, NewConsent, Role, Said};
use crate::web::App;

/// The longest proof, in characters, as the API has it.
const LONGEST: usize = 2_000;

/// An address on a channel.
pub(super) struct Way {
    pub(super) channel: String,
    pub(super) address: Address,
    pub(super) state: Option<Choice>,
    /// They said so themselves.
    pub(super) is_own: bool,
}

impl Way {
    /// What a form calls it.
    pub(super) fn name(&self) -> String {
        format!("{} · {}", self.address.as_str(), self.channel)
    }
}

/// All ways to a person, with what they allow there.
pub(super) fn ways(app: &App, addresses: &[Address], consents: &[KnownConsent]) -> Vec<Way> {
    let mut ways = Vec::new();
    for address in addresses {
        let open = app.channels.names().filter(|name| app.channels.get(name).is_some_and(|one| one.takes(address)));
        let of = |one: &&KnownConsent| one.address == *address;
        // Also where a channel is gone by now: what was said there is on record.
        let mut channels: Vec<&str> = open.collect();
        channels.extend(consents.iter().filter(of).map(|one| one.channel.as_str()));
        channels.sort_unstable();
        channels.dedup();
        for channel in channels {
            let known = consents.iter().filter(of).find(|one| one.channel == channel);
            ways.push(Way {
                channel: channel.to_owned(),
                address: address.clone(),
                state: known.and_then(|known| Choice::from_word(&known.state)),
                is_own: known.and_then(|known| Source::from_word(&known.source)).is_some_and(Source::is_own),
            });
        }
    }
    ways
}

/// `POST /console/contacts/{id}/consent`
pub(super) async fn say(State(app): State<App>, Path(id): Path<Uuid>, posted: Posted) -> Result<Response, Trouble> {
    posted.visitor.must_be(Role::Agent)?;
    let user = &posted.visitor.session.user;
    let words = ContactWords::of(user.locale);
    let choice = Choice::from_word(posted.fields.get("choice")).ok_or(Trouble::Unreadable)?;
    let (named, proof) = (posted.fields.get("way"), posted.fields.text("proof").trim().to_owned());
    let found = app.store.contact(ContactId(id)).await?.ok_or(Trouble::NotFound)?;
    let way = ways(&app, &found.contact.addresses, &found.consents).into_iter().find(|way| way.name() == named);
    let wrong = match way {
        None => words.way_missing,
        Some(_) if proof.is_empty() || proof.chars().count() > LONGEST => words.proof_missing,
        Some(way) => {
            let now = app.clock.now();
            let new = NewConsent {
                id: app.outbound.new_id(now),
                channel: way.channel,
                address: way.address,
                choice,
                source: Source::Console,
                proof: Some(proof.clone()),
                note: None,
                actor: Some(format!("user {}", user.name)),
                at: now,
                now,
            };
            let action = match choice {
                Choice::OptedOut => "consent.opted_out",
                Choice::OptedIn => "consent.opted_in",
            };
            // By the line of the ledger that tells whose it is: numbers are in one place.
            let act = posted.visitor.act(&app, action, &new.id);
            match app.store.say_consents(vec![new], false, act).await?.pop() {
                Some(Said::Changed) => {
                    app.outbound.wake();
                    tracing::info!(contact_id = %id, user_id = %user.id, "a consent was put down by hand");
                    return Ok(redirect(&format!("{}/contacts/{id}#consents", app.console.0.base), posted.is_partial));
                }
                Some(Said::NeedsProof(_)) => words.proof_missing,
                Some(Said::Known(_)) | None => words.known,
            }
        }
    };
    let kept = Kept { choice: Some(choice), way: named.to_owned(), proof, is_erasing: false };
    page::refused(&Box::pin(whole(&app, &posted.visitor, id, Some(wrong), kept)).await?)
}
