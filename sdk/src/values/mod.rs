//! Short ways to make what a plugin gives back, and to read what it is told.

mod decision;
mod manifest;
mod parts;
mod told;
mod verdict;

use std::fmt::Display;

use crate::Failure;

impl Failure {
    /// The configuration passed the schema, but makes no sense.
    ///
    /// ```
    /// use recado_sdk::Failure;
    ///
    /// let port: Result<u16, Failure> = "eighty".parse().map_err(Failure::bad_config);
    /// assert_eq!(port, Err(Failure::BadConfig("invalid digit found in string".to_owned())));
    /// ```
    pub fn bad_config(reason: impl Display) -> Self {
        Self::BadConfig(reason.to_string())
    }

    /// Anything else. The reason goes to the log and the trace.
    ///
    /// ```
    /// assert_eq!(recado_sdk::Failure::failed("no idea"), recado_sdk::Failure::Failed("no idea".to_owned()));
    /// ```
    pub fn failed(reason: impl Display) -> Self {
        Self::Failed(reason.to_string())
    }
}
