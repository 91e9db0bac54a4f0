//! Media that came with a message, and how they are asked for.

use bytes::Bytes;

/// How one comes to ask for a medium.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hop {
    /// A webhook named its address.
    First,
    /// The answer before led here. No credential goes along.
    Redirected,
}

/// A request for a medium.
#[derive(Clone, Debug)]
pub struct MediaRequest {
    pub request: http::Request<Bytes>,
    /// Whether it goes to a place that the operator named, which may be on this machine.
    pub chosen: bool,
    /// Whether the response only tells where the medium is, for [`Channel::media_found`](super::Channel::media_found)
    /// to read.
    pub lookup: bool,
}

/// Why there is no request for a medium, in words for whoever waits for it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotFound {
    /// An address that media are not fetched from.
    #[error("media are not fetched from there")]
    Elsewhere,
    /// Another try may help.
    #[error("{0}")]
    Passing(String),
    #[error("{0}")]
    Final(String),
}
