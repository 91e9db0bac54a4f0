//! By what one knows again how something stood that others may change meanwhile.

use serde::Serialize;
use sha2::{Digest, Sha256};

use super::contacts::KnownContact;
use super::shown::Conversation;

/// Bytes of the hash.
const LENGTH: usize = 16;

/// Another one as soon as anything that is shown of it is another.
fn mark(shown: &impl Serialize) -> String {
    let text = serde_json::to_vec(shown).unwrap_or_default();
    hex::encode(Sha256::digest(text).get(..LENGTH).unwrap_or_default())
}

impl Conversation {
    /// Another one after every change, a message that came in among them.
    pub fn mark(&self) -> String {
        mark(self)
    }
}

impl KnownContact {
    /// Another one after every change.
    pub fn mark(&self) -> String {
        mark(self)
    }
}
