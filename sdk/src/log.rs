//! Lines for the gateway's log. They carry the plugin's name; too many are dropped.
//!
//! Leave out what people wrote and their numbers: logs are read by more eyes than messages are.
//!
//! ```
//! use recado_sdk::log;
//!
//! let ((), lines) = recado_sdk::testing::logged(|| {
//!     log::debug("looked at 3 rules");
//!     log::warn(format!("rule {} never matches", 2));
//! });
//! assert_eq!(
//!     lines,
//!     [(log::Level::Debug, "looked at 3 rules".to_owned()), (log::Level::Warn, "rule 2 never matches".to_owned())],
//! );
//! ```

#[doc(inline)]
pub use crate::bindings::recado::plugin::log::Level;

/// What helps to follow a decision; usually off.
pub fn debug(message: impl AsRef<str>) {
    write(Level::Debug, message.as_ref());
}

/// What an operator may want to know, on a good day too.
pub fn info(message: impl AsRef<str>) {
    write(Level::Info, message.as_ref());
}

/// What an operator should look at some day.
pub fn warn(message: impl AsRef<str>) {
    write(Level::Warn, message.as_ref());
}

/// What went wrong. A plugin that can't decide returns a [`Failure`](crate::Failure) instead.
pub fn error(message: impl AsRef<str>) {
    write(Level::Error, message.as_ref());
}

/// A line of any level.
///
/// ```
/// recado_sdk::log::write(recado_sdk::log::Level::Info, "ready");
/// ```
pub fn write(level: Level, message: &str) {
    crate::host::log::write(level, message);
}
