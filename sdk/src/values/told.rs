//! Short ways to read what a plugin is told.

use crate::{Contact, Conversation, InboundMessage};

impl Conversation {
    /// Whether the conversation has this label.
    ///
    /// ```
    /// let mut conversation = recado_sdk::testing::conversation();
    /// conversation.tags.push("vip".to_owned());
    /// assert!(conversation.has_tag("vip"));
    /// assert!(!conversation.has_tag("new"));
    /// ```
    pub fn has_tag(&self, tag: &str) -> bool {
        self.tags.iter().any(|known| known == tag)
    }
}

impl Contact {
    /// What plugins and people noted under this name.
    ///
    /// ```
    /// let mut contact = recado_sdk::testing::conversation().contact;
    /// contact.attributes.push(("language".to_owned(), "en".to_owned()));
    /// assert_eq!(contact.attribute("language"), Some("en"));
    /// assert_eq!(contact.attribute("tier"), None);
    /// ```
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

impl InboundMessage {
    /// What else the provider told under this name of its own.
    ///
    /// ```
    /// let mut message = recado_sdk::testing::message("hola");
    /// message.extra.push(("FromCity".to_owned(), "CANCUN".to_owned()));
    /// assert_eq!(message.extra("FromCity"), Some("CANCUN"));
    /// assert_eq!(message.extra("FromZip"), None);
    /// ```
    pub fn extra(&self, name: &str) -> Option<&str> {
        self.extra.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}
