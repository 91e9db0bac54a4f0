//! What the operator may configure: `schema.json` in Rust.

use std::collections::BTreeMap;

use recado_conditions::{Hours, Keyword, Matching, Window};
use recado_sdk::ConversationStatus;
use serde::Deserialize;

use crate::pattern::Pattern;

/// The JSON Schema that the gateway checks the configuration against.
pub(crate) const SCHEMA: &str = include_str!("../schema.json");

#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Config {
    /// Of people whose language is not known; empty for the gateway's.
    pub(crate) language: String,
    pub(crate) hours: Hours,
    pub(crate) inbound: Table<InboundResults>,
    pub(crate) outbound: Table<OutboundResults>,
}

/// Routes, tried from top to bottom.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Table<R: Default> {
    pub(crate) routes: Vec<Route<R>>,
    /// What follows when no route decides.
    pub(crate) default: R,
}

#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Route<R: Default> {
    /// For the log and the trace.
    pub(crate) name: String,
    pub(crate) when: Conditions,
    pub(crate) then: R,
    /// Whether the routes below are tried, too.
    #[serde(rename = "continue")]
    pub(crate) goes_on: bool,
}

/// What must hold: all that is given, and one of each list.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Conditions {
    pub(crate) keywords: Vec<Keyword>,
    #[serde(rename = "match")]
    pub(crate) matching: Matching,
    pub(crate) regex: Pattern,
    pub(crate) tags: Vec<String>,
    pub(crate) without_tags: Vec<String>,
    /// Beginnings of the address it comes from.
    pub(crate) sender: Vec<String>,
    /// Beginnings of the address it goes to.
    pub(crate) recipient: Vec<String>,
    /// Of the person, in ISO 3166 codes.
    pub(crate) country: Vec<String>,
    pub(crate) channel: Vec<String>,
    pub(crate) language: Vec<String>,
    pub(crate) hours: Option<Opening>,
    pub(crate) times: Vec<Window>,
    pub(crate) status: Vec<Status>,
    pub(crate) assigned: Option<bool>,
    /// Who wants it sent.
    pub(crate) origin: Vec<Origin>,
}

#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
#[serde(default, deny_unknown_fields)]
pub(crate) struct InboundResults {
    pub(crate) tag: Vec<String>,
    pub(crate) untag: Vec<String>,
    pub(crate) assign: Assign,
    pub(crate) status: Option<Status>,
    pub(crate) attributes: BTreeMap<String, String>,
    /// Endpoints.
    pub(crate) forward: Vec<String>,
    /// The reason; empty for not at all.
    pub(crate) discard: String,
    pub(crate) stop: bool,
}

#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Assign {
    /// Empty for leaving it as it is; of several it is one after the other's turn.
    pub(crate) to: Vec<String>,
    /// Whether it goes to whom it went to the last time.
    pub(crate) sticky: bool,
}

#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
#[serde(default, deny_unknown_fields)]
pub(crate) struct OutboundResults {
    /// Empty for as it is.
    pub(crate) channel: String,
    /// Empty for as it is.
    pub(crate) sender: String,
    pub(crate) tag: Vec<String>,
    /// The reason; empty for not at all.
    pub(crate) reject: String,
    /// Whether it waits for the business hours.
    pub(crate) wait_until_open: bool,
    pub(crate) stop: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
#[serde(rename_all = "lowercase")]
pub(crate) enum Opening {
    Open,
    Closed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
#[serde(rename_all = "lowercase")]
pub(crate) enum Status {
    Pending,
    Active,
    Closed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
#[serde(rename_all = "lowercase")]
pub(crate) enum Origin {
    Api,
    Console,
    Plugin,
    Bulk,
}

impl From<Status> for ConversationStatus {
    fn from(status: Status) -> Self {
        match status {
            Status::Pending => Self::Pending,
            Status::Active => Self::Active,
            Status::Closed => Self::Closed,
        }
    }
}

impl From<Origin> for recado_sdk::Origin {
    fn from(origin: Origin) -> Self {
        match origin {
            Origin::Api => Self::Api,
            Origin::Console => Self::Console,
            Origin::Plugin => Self::Plugin,
            Origin::Bulk => Self::Bulk,
        }
    }
}

#[cfg(test)]
mod tests;
