//! What an API key may be used for.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// One thing that a key allows: to look at something, or to change it. Changing does not include looking.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Scope {
    #[serde(rename = "messages:read")]
    MessagesRead,
    /// Sending, canceling, trying again, uploading.
    #[serde(rename = "messages:write")]
    MessagesWrite,
    /// Their messages among it.
    #[serde(rename = "conversations:read")]
    ConversationsRead,
    #[serde(rename = "conversations:write")]
    ConversationsWrite,
    #[serde(rename = "contacts:read")]
    ContactsRead,
    #[serde(rename = "contacts:write")]
    ContactsWrite,
    #[serde(rename = "consents:read")]
    ConsentsRead,
    #[serde(rename = "consents:write")]
    ConsentsWrite,
    #[serde(rename = "templates:read")]
    TemplatesRead,
    #[serde(rename = "templates:write")]
    TemplatesWrite,
    #[serde(rename = "channels:read")]
    ChannelsRead,
    /// Pausing and resuming.
    #[serde(rename = "channels:write")]
    ChannelsWrite,
    #[serde(rename = "plugins:read")]
    PluginsRead,
    /// Reloading and replaying.
    #[serde(rename = "plugins:write")]
    PluginsWrite,
    #[serde(rename = "endpoints:read")]
    EndpointsRead,
    /// Enabling, and telling events again.
    #[serde(rename = "endpoints:write")]
    EndpointsWrite,
    /// Asking a provider about a number, which it may bill.
    #[serde(rename = "lookup:read")]
    LookupRead,
    #[serde(rename = "metrics:read")]
    MetricsRead,
}

impl Scope {
    pub const ALL: [Self; 18] = [
        Self::MessagesRead,
        Self::MessagesWrite,
        Self::ConversationsRead,
        Self::ConversationsWrite,
        Self::ContactsRead,
        Self::ContactsWrite,
        Self::ConsentsRead,
        Self::ConsentsWrite,
        Self::TemplatesRead,
        Self::TemplatesWrite,
        Self::ChannelsRead,
        Self::ChannelsWrite,
        Self::PluginsRead,
        Self::PluginsWrite,
        Self::EndpointsRead,
        Self::EndpointsWrite,
        Self::LookupRead,
        Self::MetricsRead,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::MessagesRead => "messages:read",
            Self::MessagesWrite => "messages:write",
            Self::ConversationsRead => "conversations:read",
            Self::ConversationsWrite => "conversations:write",
            Self::ContactsRead => "contacts:read",
            Self::ContactsWrite => "contacts:write",
            Self::ConsentsRead => "consents:read",
            Self::ConsentsWrite => "consents:write",
            Self::TemplatesRead => "templates:read",
            Self::TemplatesWrite => "templates:write",
            Self::ChannelsRead => "channels:read",
            Self::ChannelsWrite => "channels:write",
            Self::PluginsRead => "plugins:read",
            Self::PluginsWrite => "plugins:write",
            Self::EndpointsRead => "endpoints:read",
            Self::EndpointsWrite => "endpoints:write",
            Self::LookupRead => "lookup:read",
            Self::MetricsRead => "metrics:read",
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl FromStr for Scope {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == text).ok_or_else(|| {
            let all = Self::ALL.map(Self::as_str).join(", ");
            format!("`{text}` is no scope; there are: {all}")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_is_its_word_everywhere() {
        for scope in Scope::ALL {
            assert_eq!(scope.as_str().parse(), Ok(scope));
            assert_eq!(serde_json::to_value(scope).unwrap(), scope.as_str());
        }
        let all: std::collections::BTreeSet<Scope> = Scope::ALL.into_iter().collect();
        assert_eq!(all.len(), Scope::ALL.len());
        assert!("messages".parse::<Scope>().unwrap_err().contains("messages:read, messages:write"));
    }
}
