//! What a refusal looks like of conversations and contacts.

use axum::http::StatusCode;

use super::Problem;
use crate::message::{Address, ContactId, ConversationId};

impl Problem {
    /// A closed conversation stays closed.
    pub(in crate::web) fn another_is_open(another: ConversationId) -> Self {
        let detail =
            format!("the conversation {another} with the same address is open: close that one first, or go on in it");
        let problem = Self::new(StatusCode::CONFLICT, "another-is-open", "Another conversation is open", detail);
        let conversation_id = Some(Box::new(another));
        Self { conversation_id, ..problem.field("/status", "another-is-open") }
    }

    /// Likewise: nobody is to be written to here again.
    pub(in crate::web) fn is_erased() -> Self {
        let detail = "whose conversation it was has been erased: when they write again, there is a new one";
        Self::new(StatusCode::CONFLICT, "erased", "The person was erased", detail).field("/status", "erased")
    }

    pub(in crate::web) fn address_taken(pointer: &str, address: &Address, by: ContactId) -> Self {
        let detail =
            format!("`{}` is an address of the contact {by}: change that one, or merge the two", address.as_str());
        let problem = Self::new(StatusCode::CONFLICT, "address-taken", "The address is another contact's", detail);
        Self { contact_id: Some(Box::new(by)), ..problem.field(pointer, "address-taken") }
    }

    /// Somebody can't be erased while something of theirs still becomes of something.
    pub(in crate::web) fn under_way() -> Self {
        let detail = "a message of theirs is still to be processed, is being sent or may have been, or the provider keeps \
                      it until its time: cancel what is planned there, or try again in a while";
        Self::new(StatusCode::CONFLICT, "under-way", "Something is still on its way", detail)
    }
}
