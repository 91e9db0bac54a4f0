//! What a provider tells about a number.
//!
//! Owns the form of such an answer, whoever gives it; must not know how long one is kept.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::message::ProviderError;

/// What a provider knows of a number; what it does not know is null.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LookedUp {
    pub valid: bool,
    /// Why not, in the provider's words.
    pub validation_errors: Vec<String>,
    /// An ISO 3166 code.
    pub country: Option<String>,
    pub national: Option<String>,
    /// The kind of line, in the provider's word.
    pub line_type: Option<String>,
    pub mobile: Option<bool>,
    pub carrier: Option<String>,
    pub mobile_country_code: Option<String>,
    pub mobile_network_code: Option<String>,
    /// Why the line is not known, as the provider's error code.
    pub error: Option<i32>,
}

/// Why a provider told nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Untold {
    /// It won't, until something is set right.
    #[error("the provider refused")]
    Refused(ProviderError),
    /// It may later, after the given time if one is named.
    #[error("the provider can't tell now")]
    Later { after: Option<Duration>, error: ProviderError },
}
