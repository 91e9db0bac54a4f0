//! Whose a webhook seems to be, when its address names no channel.
//!
//! A look at parameters that nobody has verified: it chooses whose tokens they are checked with,
//! and nothing else.

use super::events::{Reported, first, status};
use crate::channels::Claim;
use crate::message::Address;

/// By what a channel knows its own webhooks.
#[derive(Clone, Debug)]
pub(super) struct Identity {
    pub(super) account: String,
    pub(super) number: Option<Address>,
    pub(super) service: Option<String>,
}

impl Identity {
    /// Our number goes first: a message came to it, a report is of a message from it. A service
    /// counts only together with the account: whoever knows one of the two knows little.
    pub(super) fn claims(&self, parameters: &[(String, String)]) -> Option<Claim> {
        let account = first(parameters, &["AccountSid"]);
        if account.is_some_and(|account| account != self.account) {
            return None;
        }
        let ours = match status(parameters) {
            Reported::Received => "To",
            Reported::Known(_) | Reported::Unknown => "From",
        };
        let number = first(parameters, &[ours]).map(Address::received);
        if number.is_some() && number == self.number {
            return Some(Claim::Address);
        }
        let service = first(parameters, &["MessagingServiceSid"]);
        (account.is_some() && service.is_some() && service == self.service.as_deref()).then_some(Claim::Service)
    }
}
