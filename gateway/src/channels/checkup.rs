//! Finding out whether a provider is set up right.
//!
//! Owns the words in which that is told, and the order of talk: a checkup names a request, is given what
//! came of it, and goes on from there. Must not know who carries the requests.

use bytes::Bytes;
use serde::Serialize;

/// A talk with a provider about its own settings.
pub trait Checkup: Send {
    /// The next request; none when all is known.
    fn next(&mut self) -> Option<http::Request<Bytes>>;

    /// What came of it: the response, or why there is none.
    fn take(&mut self, answer: Result<&http::Response<Bytes>, String>);

    /// What was found so far.
    fn findings(&mut self) -> Vec<Finding>;

    /// What the response to the request of a [`Fix`] came to; an error says why nothing changed.
    fn fixed(&self, response: &http::Response<Bytes>) -> Result<(), String>;

    /// A webhook to this address that means nothing, signed as the provider would or with a wrong signature:
    /// it shows who answers there without leaving a trace.
    fn webhook(&self, url: &str, genuine: bool) -> Option<http::Request<Bytes>>;
}

/// What a checkup is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The channel's name in the settings.
    pub channel: String,
    /// Where the provider shall send what comes in; none while the gateway has no public address.
    pub inbound_url: Option<String>,
    /// Where it may send it as well: the address that all channels of the kind share.
    pub shared_url: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    Ok,
    /// It works, but not as well as it could, or not for everyone.
    Warning,
    /// It does not work.
    Failed,
    /// It could not be looked at.
    Skipped,
}

/// One thing that was looked at.
#[derive(Clone, Debug, Serialize)]
pub struct Finding {
    pub check: String,
    pub state: State,
    pub finding: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
    /// What would set it right, where a request to the provider can.
    #[serde(skip)]
    pub fix: Option<Fix>,
}

/// A change at the provider.
#[derive(Clone, Debug)]
pub struct Fix {
    /// What it changes, for the person who is asked.
    pub change: String,
    pub request: http::Request<Bytes>,
}

impl Finding {
    pub fn ok(check: impl Into<String>, finding: impl Into<String>) -> Self {
        Self { check: check.into(), state: State::Ok, finding: finding.into(), remedy: None, fix: None }
    }

    pub fn warning(check: impl Into<String>, finding: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { state: State::Warning, remedy: Some(remedy.into()), ..Self::ok(check, finding) }
    }

    pub fn failed(check: impl Into<String>, finding: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { state: State::Failed, remedy: Some(remedy.into()), ..Self::ok(check, finding) }
    }

    pub fn skipped(check: impl Into<String>, finding: impl Into<String>) -> Self {
        Self { state: State::Skipped, ..Self::ok(check, finding) }
    }
}
