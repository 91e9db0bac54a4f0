//! Whom the gateway knows, and its conversations with them.

use crate::testing::samples::{CHANNEL, CONTACT, CONVERSATION, PERSON};
use crate::{Action, Contact, Conversation, ConversationStatus, testing};

/// All conversations, in the order they began.
#[derive(Debug, Default)]
pub(super) struct People {
    conversations: Vec<Known>,
    ids: u32,
}

#[derive(Debug)]
struct Known {
    conversation: Conversation,
    heard_at: Option<f64>,
}

impl People {
    pub(super) fn next_id(&mut self) -> String {
        self.ids += 1;
        format!("0198c0de-0000-7000-8000-{:012x}", 0x1000 + self.ids)
    }

    pub(super) fn get(&self, place: usize) -> Conversation {
        self.conversations[place].conversation.clone()
    }

    /// The conversation that goes on with an address on a channel.
    pub(super) fn find(&self, channel: &str, address: &str) -> Option<Conversation> {
        self.position(channel, address).map(|place| self.get(place))
    }

    fn position(&self, channel: &str, address: &str) -> Option<usize> {
        self.conversations.iter().position(|Known { conversation, .. }| {
            (conversation.channel.as_str(), conversation.address.as_str()) == (channel, address)
                && conversation.status != ConversationStatus::Closed
        })
    }

    /// The same, begun if there is none.
    pub(super) fn open(&mut self, channel: &str, address: &str) -> usize {
        if let Some(place) = self.position(channel, address) {
            return place;
        }
        let id = if self.last(address).is_none() && (channel, address) == (CHANNEL, PERSON) {
            CONVERSATION.to_owned()
        } else {
            self.next_id()
        };
        let contact = self.contact(address);
        let conversation = Conversation {
            id,
            channel: channel.to_owned(),
            address: address.to_owned(),
            contact,
            inbound_count: 0,
            ..testing::conversation()
        };
        self.conversations.push(Known { conversation, heard_at: None });
        self.conversations.len() - 1
    }

    /// The same person on all channels.
    fn contact(&mut self, address: &str) -> Contact {
        match self.last(address) {
            Some(conversation) => conversation.contact.clone(),
            None if address == PERSON => Contact { id: CONTACT.to_owned(), name: None, attributes: Vec::new() },
            None => Contact { id: self.next_id(), name: None, attributes: Vec::new() },
        }
    }

    /// Counts a message that came in, and gives the conversation as the plugin sees it.
    pub(super) fn heard(&mut self, place: usize, now: f64) -> Conversation {
        let Known { conversation, heard_at } = &mut self.conversations[place];
        conversation.inbound_count += 1;
        conversation.previous_inbound_at = heard_at.replace(now);
        conversation.clone()
    }

    pub(super) fn last(&self, address: &str) -> Option<&Conversation> {
        let mut conversations = self.conversations.iter().rev().map(|known| &known.conversation);
        conversations.find(|conversation| conversation.address == address)
    }

    pub(super) fn change(&mut self, address: &str, change: impl FnOnce(&mut Conversation)) {
        let mut conversations = self.conversations.iter_mut().rev().map(|known| &mut known.conversation);
        if let Some(conversation) = conversations.find(|conversation| conversation.address == address) {
            change(conversation);
            let contact = conversation.contact.clone();
            self.share(&contact);
        }
    }

    /// Does what an action asks of a conversation and its contact.
    pub(super) fn apply(&mut self, place: usize, action: Action) {
        let conversation = &mut self.conversations[place].conversation;
        match action {
            Action::Tag(tag) if !conversation.has_tag(&tag) => conversation.tags.push(tag),
            Action::Untag(tag) => conversation.tags.retain(|known| *known != tag),
            Action::Assign(to) => conversation.assignee = to,
            Action::SetStatus(status) => conversation.status = status,
            Action::SetAttribute((name, value)) => {
                conversation.contact.attributes.retain(|(known, _)| *known != name);
                conversation.contact.attributes.extend(value.map(|value| (name, value)));
                let contact = conversation.contact.clone();
                self.share(&contact);
            }
            _ => {}
        }
    }

    /// A contact is the same in all its conversations.
    fn share(&mut self, contact: &Contact) {
        for Known { conversation, .. } in &mut self.conversations {
            if conversation.contact.id == contact.id {
                conversation.contact = contact.clone();
            }
        }
    }
}
