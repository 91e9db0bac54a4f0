//! Who wrote and was written to, and the conversations with them: as the database has them.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::actions::Plan;
use crate::message::{Address, ContactId, ConversationId, ConversationStatus, MessageId, Place};
use crate::plugins::{ContactSeen, ConversationSeen};

/// Everybody, in the order they came up.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct People {
    contacts: Vec<Contact>,
    conversations: Vec<Conversation>,
    /// How many ids were made.
    ids: u64,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Contact {
    pub id: ContactId,
    pub address: Address,
    pub name: Option<String>,
    pub attributes: BTreeMap<String, String>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Conversation {
    pub id: ConversationId,
    pub channel: String,
    pub address: Address,
    pub contact: ContactId,
    pub status: ConversationStatus,
    pub subject: String,
    pub tags: Vec<String>,
    pub assignee: Option<String>,
    pub inbound_count: u32,
    pub last_inbound_at: Option<Timestamp>,
    pub previous_inbound_at: Option<Timestamp>,
}

/// Ids that are the same in every run.
const FIRST_ID: u128 = 0x0198_c0de_0000_7000_8000_0000_0000_0000;

impl People {
    /// An id that was not there before.
    pub(super) fn next_id(&mut self) -> Uuid {
        self.ids += 1;
        Uuid::from_u128(FIRST_ID + u128::from(self.ids))
    }

    pub(super) fn next_message(&mut self) -> MessageId {
        MessageId(self.next_id())
    }

    /// The open conversation with an address on a channel.
    pub(super) fn find(&self, channel: &str, address: &Address) -> Option<ConversationId> {
        let open = self.conversations.iter().find(|conversation| {
            conversation.channel == channel
                && conversation.address == *address
                && conversation.status != ConversationStatus::Closed
        });
        open.map(|conversation| conversation.id)
    }

    /// The same, begun if there is none.
    pub(super) fn open(&mut self, channel: &str, address: &Address, place: &Place) -> ConversationId {
        if let Some(id) = self.find(channel, address) {
            return id;
        }
        let known = self.contacts.iter().find(|contact| contact.address == *address).map(|contact| contact.id);
        let contact = known.unwrap_or_else(|| {
            let id = ContactId(self.next_id());
            let (address, attributes) = (address.clone(), BTreeMap::new());
            self.contacts.push(Contact { id, address, name: None, attributes });
            id
        });
        let id = ConversationId(self.next_id());
        self.conversations.push(Conversation {
            id,
            channel: channel.to_owned(),
            address: address.clone(),
            contact,
            status: ConversationStatus::Pending,
            subject: place.subject(channel, address.as_str()),
            tags: Vec::new(),
            assignee: None,
            inbound_count: 0,
            last_inbound_at: None,
            previous_inbound_at: None,
        });
        id
    }

    /// Counts a message that came in.
    pub(super) fn heard(&mut self, id: ConversationId, now: Timestamp) {
        if let Some(conversation) = self.conversation_mut(id) {
            conversation.inbound_count += 1;
            conversation.previous_inbound_at = conversation.last_inbound_at.replace(now);
        }
    }

    /// The last conversation with an address.
    pub fn last(&self, channel: &str, address: &Address) -> Option<&Conversation> {
        let mut with = self.conversations.iter().rev();
        with.find(|conversation| conversation.channel == channel && conversation.address == *address)
    }

    pub fn conversation(&self, id: ConversationId) -> Option<&Conversation> {
        self.conversations.iter().find(|conversation| conversation.id == id)
    }

    pub(super) fn conversation_mut(&mut self, id: ConversationId) -> Option<&mut Conversation> {
        self.conversations.iter_mut().find(|conversation| conversation.id == id)
    }

    pub fn contact(&self, id: ContactId) -> Option<&Contact> {
        self.contacts.iter().find(|contact| contact.id == id)
    }

    pub(super) fn contact_mut(&mut self, id: ContactId) -> Option<&mut Contact> {
        self.contacts.iter_mut().find(|contact| contact.id == id)
    }

    /// A conversation as the plugin sees it.
    pub(super) fn seen(&self, id: ConversationId) -> Option<ConversationSeen> {
        let conversation = self.conversation(id)?;
        let contact = self.contact(conversation.contact)?;
        let attributes = contact.attributes.iter().map(|(name, value)| (name.clone(), value.clone()));
        Some(ConversationSeen {
            id,
            channel: conversation.channel.clone(),
            address: conversation.address.clone(),
            status: conversation.status,
            subject: conversation.subject.clone(),
            tags: conversation.tags.clone(),
            assignee: conversation.assignee.clone(),
            contact: ContactSeen { id: contact.id, name: contact.name.clone(), attributes: attributes.collect() },
            inbound_count: conversation.inbound_count,
            previous_inbound_at: conversation.previous_inbound_at,
        })
    }

    /// What a plan changes about a conversation and its contact.
    pub(super) fn apply(&mut self, id: ConversationId, plan: &Plan) {
        let Some(conversation) = self.conversation_mut(id) else { return };
        conversation.status = plan.status.unwrap_or(conversation.status);
        if let Some(tags) = &plan.tags {
            conversation.tags.clone_from(tags);
        }
        if let Some(assignee) = &plan.assignee {
            conversation.assignee.clone_from(assignee);
        }
        let contact = conversation.contact;
        let Some(contact) = self.contact_mut(contact) else { return };
        for (name, value) in &plan.attributes {
            match value {
                Some(value) => drop(contact.attributes.insert(name.clone(), value.clone())),
                None => drop(contact.attributes.remove(name)),
            }
        }
    }
}
