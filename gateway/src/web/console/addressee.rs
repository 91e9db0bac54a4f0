//! To whom something is written: whoever a conversation is with, or a person at one of their addresses.

use std::collections::BTreeMap;

use super::consenting::{Way, ways};
use super::inbox::Choice;
use super::page::Page;
use super::thread::is_closed;
use crate::message::Address;
use crate::message::consent;
use crate::store::{ContactDetails, Thread};
use crate::web::App;

pub(super) struct Addressee {
    /// Below the console's, where it goes.
    pub(super) path: String,
    /// Of a form that is sent twice, the same.
    pub(super) subject: String,
    pub(super) address: Address,
    pub(super) channel: String,
    pub(super) name: Option<String>,
    pub(super) attributes: BTreeMap<String, String>,
    pub(super) is_closed: bool,
    /// What else it could be, by name and label; nothing in a conversation.
    others: Vec<(String, String)>,
}

impl Addressee {
    /// Whoever the conversation is with.
    pub(super) fn of(thread: &Thread) -> Self {
        let conversation = &thread.conversation;
        Self {
            path: format!("conversations/{}", conversation.id),
            subject: conversation.id.to_string(),
            address: conversation.address.clone(),
            channel: conversation.channel.clone(),
            name: thread.contact.name.clone(),
            attributes: thread.contact.attributes.clone(),
            is_closed: is_closed(thread),
            others: Vec::new(),
        }
    }

    /// The person, at the address on the channel that is called this; or where it would be written first, if none is.
    /// None where no channel writes to them.
    pub(super) fn person(app: &App, p: &Page, found: &ContactDetails, named: &str) -> Option<Self> {
        let contact = &found.contact;
        let mut open: Vec<Way> = ways(app, &contact.addresses, &found.consents);
        // Also those are known that a channel had which is gone.
        open.retain(|way| app.channels.get(&way.channel).is_some_and(|channel| channel.takes(&way.address)));
        let last = found.conversations.first();
        let is_last = |way: &Way| last.is_some_and(|one| one.channel == way.channel && one.address == way.address);
        let is_out = |way: &Way| way.state == Some(consent::Choice::OptedOut);
        open.sort_by_key(|way| (is_out(way), !is_last(way)));
        let label = |way: &Way| {
            if is_out(way) { format!("{} ({})", way.name(), p.words.opted_out) } else { way.name() }
        };
        let others = open.iter().map(|way| (way.name(), label(way))).collect();
        let place = open.iter().position(|way| way.name() == named).unwrap_or(0);
        let way = open.into_iter().nth(place)?;
        Some(Self {
            path: format!("contacts/{}", contact.id),
            subject: format!("{} {}", contact.id, way.name()),
            address: way.address,
            channel: way.channel,
            name: contact.name.clone(),
            attributes: contact.attributes.clone(),
            is_closed: false,
            others,
        })
    }

    /// What a form calls it.
    fn way(&self) -> String {
        format!("{} · {}", self.address.as_str(), self.channel)
    }

    /// Whether it is what a form calls this.
    pub(super) fn is(&self, named: &str) -> bool {
        self.way() == named
    }

    pub(super) fn ways(&self) -> Vec<Choice> {
        let choice = |(value, label): &(String, String)| Choice {
            chosen: self.is(value),
            value: value.clone(),
            label: label.clone(),
        };
        self.others.iter().map(choice).collect()
    }
}
