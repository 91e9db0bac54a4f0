//! What a plugin is told, with everything filled in.

use crate::fetch::Response;
use crate::{
    Contact, Context, Conversation, ConversationStatus, InboundMessage, MessageStatus, Origin, OutboundMessage,
    StatusReport, Timer,
};

/// The moment of all samples, and of a clock that was not set: a Monday, 2026-09-21T14:13:20Z.
pub const NOW: f64 = 1_790_000_000_000.0;

pub(super) const CHANNEL: &str = "sms";
pub(super) const PERSON: &str = "+525512345678";
const OPERATOR: &str = "+529983162438";
pub(super) const CONVERSATION: &str = "0198c0de-0000-7000-8000-000000000002";
pub(super) const CONTACT: &str = "0198c0de-0000-7000-8000-000000000003";

/// A text from a person, the first of its conversation, with everything else filled in.
///
/// ```
/// let message = recado_sdk::testing::message("¿Precio?");
/// assert_eq!(message.text, "¿Precio?");
/// ```
pub fn message(text: impl Into<String>) -> InboundMessage {
    InboundMessage {
        id: "0198c0de-0000-7000-8000-000000000001".to_owned(),
        channel: CHANNEL.to_owned(),
        sender: PERSON.to_owned(),
        recipient: OPERATOR.to_owned(),
        text: text.into(),
        media: Vec::new(),
        received_at: NOW,
        extra: Vec::new(),
    }
}

/// The conversation of somebody who writes for the first time.
///
/// ```
/// assert_eq!(recado_sdk::testing::conversation().inbound_count, 1);
/// ```
pub fn conversation() -> Conversation {
    Conversation {
        id: CONVERSATION.to_owned(),
        channel: CHANNEL.to_owned(),
        address: PERSON.to_owned(),
        status: ConversationStatus::Pending,
        subject: String::new(),
        tags: Vec::new(),
        assignee: None,
        contact: Contact { id: CONTACT.to_owned(), name: None, attributes: Vec::new() },
        inbound_count: 1,
        previous_inbound_at: None,
        extra: Vec::new(),
    }
}

/// A call in Spanish as spoken in Mexico, with the usual deadline.
///
/// ```
/// assert_eq!(recado_sdk::testing::context().locale, "es-MX");
/// ```
pub fn context() -> Context {
    Context {
        plugin: "test".to_owned(),
        locale: "es-MX".to_owned(),
        time_zone: "America/Cancun".to_owned(),
        deadline: 100,
        extra: Vec::new(),
    }
}

/// A text that an application wants sent at once.
///
/// ```
/// let message = recado_sdk::testing::outbound_message("Tu pedido va en camino");
/// assert_eq!(message.recipient, recado_sdk::testing::message("").sender);
/// ```
pub fn outbound_message(text: impl Into<String>) -> OutboundMessage {
    OutboundMessage {
        id: "0198c0de-0000-7000-8000-000000000004".to_owned(),
        channel: CHANNEL.to_owned(),
        sender: None,
        recipient: PERSON.to_owned(),
        text: text.into(),
        media: Vec::new(),
        origin: Origin::Api,
        send_at: None,
        created_at: NOW,
        extra: Vec::new(),
    }
}

/// What became of [`outbound_message`].
///
/// ```
/// use recado_sdk::{MessageStatus, testing};
///
/// let mut report = testing::report(MessageStatus::Failed);
/// report.error_code = Some(30003);
/// assert_eq!(report.message_id, testing::outbound_message("").id);
/// ```
pub fn report(status: MessageStatus) -> StatusReport {
    StatusReport {
        message_id: outbound_message("").id,
        channel: CHANNEL.to_owned(),
        recipient: PERSON.to_owned(),
        status,
        error_code: None,
        error_message: None,
        plugin: None,
        at: NOW,
        extra: Vec::new(),
    }
}

/// A timer that was started an hour ago and runs out now.
///
/// ```
/// let timer = recado_sdk::testing::timer("reminder");
/// assert_eq!(timer.due_at - timer.started_at, recado_sdk::clock::HOUR);
/// ```
pub fn timer(name: impl Into<String>) -> Timer {
    Timer { name: name.into(), payload: String::new(), started_at: NOW - crate::clock::HOUR, due_at: NOW }
}

/// Another host's answer.
///
/// ```
/// assert_eq!(recado_sdk::testing::response(404, "not found").status, 404);
/// ```
pub fn response(status: u32, body: impl Into<String>) -> Response {
    Response { status, headers: Vec::new(), body: body.into() }
}
