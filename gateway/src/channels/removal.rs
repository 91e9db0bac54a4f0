//! What a provider says that was to forget something.

use std::time::Duration;

use crate::message::ProviderError;

/// The provider still has it, or does not say that it hasn't.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the provider has not removed it")]
pub struct NotRemoved {
    /// When it may be asked again, if it says so.
    pub after: Option<Duration>,
    pub error: ProviderError,
}
