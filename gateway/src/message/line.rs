//! What waits for one sender.

use super::Address;

/// The parts of one channel that go from one address, or by one service of the provider's. They leave one
/// after the other, as fast as the sender may send, and hold up no other sender's.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Line {
    pub channel: String,
    /// The sender's address or the service's id; empty where the provider alone knows.
    pub sender: Address,
}

impl Line {
    /// A named sender counts before the service that it belongs to.
    pub fn of(channel: &str, sender: Option<&Address>, service: Option<&str>) -> Self {
        let sender = sender.map_or(service.unwrap_or_default(), Address::as_str);
        Self { channel: channel.to_owned(), sender: Address::received(sender) }
    }
}
