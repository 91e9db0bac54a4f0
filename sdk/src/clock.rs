//! The time. It stands still during a call, and a replayed message finds the time it came at.
//!
//! Moments are milliseconds since 1970-01-01T00:00:00Z, as in the messages.
//!
//! ```
//! use recado_sdk::{clock, testing};
//!
//! let mut host = testing::Host::new().at("2026-08-03 20:15", "America/Cancun");
//! host.run(|| {
//!     let local = clock::local(clock::now(), "America/Cancun").unwrap();
//!     assert_eq!((local.hour, local.minute, local.weekday), (20, 15, 1));
//!     let there = clock::local(clock::now(), "Europe/Madrid").unwrap();
//!     assert_eq!((there.day, there.hour), (4, 3));
//!     assert_eq!(clock::local(clock::now(), "Mars/Base"), None);
//! });
//! ```

use std::time::Duration;

#[doc(inline)]
pub use crate::bindings::recado::plugin::clock::LocalTime;

/// A second, in the unit of all moments.
pub const SECOND: f64 = 1_000.0;
/// A minute, likewise.
pub const MINUTE: f64 = 60.0 * SECOND;
/// An hour, likewise.
pub const HOUR: f64 = 60.0 * MINUTE;
/// A day of 24 hours, likewise.
pub const DAY: f64 = 24.0 * HOUR;

/// The moment of this call.
///
/// ```
/// use recado_sdk::{clock, testing};
///
/// let mut host = testing::Host::new();
/// let before = host.run(clock::now);
/// host.advance(std::time::Duration::from_secs(60));
/// assert_eq!(host.run(clock::now), before + clock::MINUTE);
/// ```
pub fn now() -> f64 {
    crate::host::clock::now()
}

/// A moment as the clocks of a time zone (IANA) show it; nothing for an unknown zone. The
/// [module's page](self) has an example.
pub fn local(moment: f64, time_zone: &str) -> Option<LocalTime> {
    crate::host::clock::local(moment, time_zone)
}

impl LocalTime {
    /// How many minutes of its day have passed.
    ///
    /// ```
    /// let noon = recado_sdk::clock::local(0.0, "Europe/Madrid").unwrap();
    /// assert_eq!((noon.hour, noon.minute_of_day()), (1, 60));
    /// ```
    pub fn minute_of_day(&self) -> u32 {
        self.hour * 60 + self.minute
    }
}

/// A length of time in the host's unit.
pub(crate) fn millis(length: Duration) -> f64 {
    length.as_secs_f64() * SECOND
}
