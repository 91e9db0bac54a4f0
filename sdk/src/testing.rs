//! Stand-ins for the gateway, so that a plugin's tests are plain Rust. Not there in WebAssembly.
//!
//! They belong to the thread that set them: tests that run at the same time don't meet.

use std::cell::RefCell;

use crate::log::Level;
use crate::{Contact, Context, Conversation, ConversationStatus, InboundMessage};

thread_local! {
    static CONFIG: RefCell<Option<String>> = const { RefCell::new(None) };
    static LINES: RefCell<Option<Vec<(Level, String)>>> = const { RefCell::new(None) };
}

/// Runs `body` with this configuration in place of an operator's; without it there is `{}`.
///
/// ```
/// use recado_sdk::testing::with_config;
///
/// let length = with_config(r#"{"text":""}"#, || recado_sdk::config().len());
/// assert_eq!(length, 11);
/// ```
pub fn with_config<T>(json: impl Into<String>, body: impl FnOnce() -> T) -> T {
    let previous = CONFIG.replace(Some(json.into()));
    let _restored = Restored(Some(|| {
        CONFIG.set(previous);
    }));
    body()
}

/// Runs `body` and gives back what it logged beside its own result. Lines that nobody asks for go
/// to the standard error.
///
/// ```
/// use recado_sdk::{log, testing::logged};
///
/// let (answer, lines) = logged(|| {
///     log::info("thinking");
///     42
/// });
/// assert_eq!((answer, lines), (42, vec![(log::Level::Info, "thinking".to_owned())]));
/// ```
pub fn logged<T>(body: impl FnOnce() -> T) -> (T, Vec<(Level, String)>) {
    let previous = LINES.replace(Some(Vec::new()));
    let mut lines = Vec::new();
    let value = {
        let _restored = Restored(Some(|| lines = LINES.replace(previous).unwrap_or_default()));
        body()
    };
    (value, lines)
}

/// A text from a person, the first of its conversation, with everything else filled in.
///
/// ```
/// let message = recado_sdk::testing::message("¿Precio?");
/// assert_eq!(message.text, "¿Precio?");
/// ```
pub fn message(text: impl Into<String>) -> InboundMessage {
    InboundMessage {
        id: "0198c0de-0000-7000-8000-000000000001".to_owned(),
        channel: "sms".to_owned(),
        sender: "+525512345678".to_owned(),
        recipient: "+529983162438".to_owned(),
        text: text.into(),
        media: Vec::new(),
        received_at: 1_790_000_000_000.0,
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
        id: "0198c0de-0000-7000-8000-000000000002".to_owned(),
        channel: "sms".to_owned(),
        address: "+525512345678".to_owned(),
        status: ConversationStatus::Pending,
        subject: String::new(),
        tags: Vec::new(),
        assignee: None,
        contact: Contact { id: "0198c0de-0000-7000-8000-000000000003".to_owned(), name: None, attributes: Vec::new() },
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

pub(crate) fn config() -> String {
    CONFIG.with_borrow(Option::clone).unwrap_or_else(|| "{}".to_owned())
}

pub(crate) fn log(level: Level, message: &str) {
    LINES.with_borrow_mut(|lines| match lines {
        Some(lines) => lines.push((level, message.to_owned())),
        None => eprintln!("{level:?}: {message}"),
    });
}

/// Runs its closure at the end of the scope, also when a test's assertion ends it.
struct Restored<F: FnOnce()>(Option<F>);

impl<F: FnOnce()> Drop for Restored<F> {
    fn drop(&mut self) {
        if let Some(restore) = self.0.take() {
            restore();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_test_set_ends_with_it_even_if_it_fails() {
        let failed = std::panic::catch_unwind(|| with_config("inner", || panic!("as a failed assertion does")));
        assert!(failed.is_err());
        assert_eq!(config(), "{}");
    }

    #[test]
    fn the_inner_of_two_wins_while_it_lasts() {
        with_config("outer", || {
            with_config("inner", || assert_eq!(config(), "inner"));
            assert_eq!(config(), "outer");
        });
        let ((), outer) = logged(|| {
            log(Level::Info, "outer");
            let ((), inner) = logged(|| log(Level::Warn, "inner"));
            assert_eq!(inner, [(Level::Warn, "inner".to_owned())]);
        });
        assert_eq!(outer, [(Level::Info, "outer".to_owned())]);
    }
}
