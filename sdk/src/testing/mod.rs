//! Stand-ins for the gateway, so that a plugin's tests are plain Rust. Not there in WebAssembly.
//!
//! [`Gateway`] holds whole conversations with a plugin: it feeds it messages and timers in order,
//! and does with its decisions what the real one would. For a single call there are messages to try
//! it on ([`message`] and its siblings), [`with_config`], [`logged`], and [`Host`], which stands in
//! for state, clock, randomness and other hosts.
//!
//! All of it belongs to the thread that set it: tests that run at the same time don't meet. Outside
//! of a [`Host`] and a [`Gateway`] nothing is remembered, no other host answers, and the clock shows
//! [`NOW`].

mod gateway;
pub(crate) mod host;
mod memory;
mod samples;

use std::cell::RefCell;

pub use gateway::{Gateway, Outcome, Refusal};
pub use host::Host;
pub use samples::{NOW, context, conversation, message, outbound_message, report, response, timer};

use crate::log::Level;

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

fn config() -> String {
    CONFIG.with_borrow(Option::clone).unwrap_or_else(|| "{}".to_owned())
}

fn log(level: Level, message: &str) {
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
mod tests;
