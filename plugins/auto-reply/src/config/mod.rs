//! What the operator may configure: `schema.json` in Rust.

use recado_conditions::{Hours, Keyword, Matching};
use recado_sdk::ConversationStatus;
use serde::Deserialize;

use crate::texts::Texts;

/// The JSON Schema that the gateway checks the configuration against.
pub(crate) const SCHEMA: &str = include_str!("../schema.json");

const TEXT: &str = "Gracias por tu mensaje. Te responderemos pronto. Para emergencias llama al +52 998 316 2438";

#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Config {
    /// The answer when no rule matches; empty for none.
    pub(crate) text: Texts,
    pub(crate) rules: Vec<Rule>,
    pub(crate) cool_down_minutes: f64,
    /// Of people whose language is not known; empty for the gateway's.
    pub(crate) language: String,
    pub(crate) hours: Hours,
    /// In place of `text` while closed; empty for `text`.
    pub(crate) out_of_hours: Texts,
    pub(crate) menu: Menu,
}

#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
#[serde(deny_unknown_fields)]
pub(crate) struct Rule {
    pub(crate) keywords: Vec<Keyword>,
    #[serde(default, rename = "match")]
    pub(crate) matching: Matching,
    #[serde(default)]
    pub(crate) when: When,
    /// Empty for none.
    #[serde(default)]
    pub(crate) reply: Texts,
    #[serde(default)]
    pub(crate) media: Vec<String>,
    #[serde(default)]
    pub(crate) cool_down_minutes: f64,
    /// In the menu; empty for not there.
    #[serde(default)]
    pub(crate) label: Texts,
    #[serde(default)]
    pub(crate) tags: Vec<String>,
    #[serde(default)]
    pub(crate) status: Option<Status>,
    #[serde(default)]
    pub(crate) stop: bool,
}

/// The rules that have a label, as a numbered list.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Menu {
    /// Empty for no menu.
    pub(crate) keywords: Vec<Keyword>,
    pub(crate) heading: Texts,
    pub(crate) footer: Texts,
    /// How long a number is taken for a choice.
    pub(crate) minutes: f64,
}

/// When a rule holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
#[serde(rename_all = "lowercase")]
pub(crate) enum When {
    #[default]
    Always,
    Open,
    Closed,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
#[serde(rename_all = "lowercase")]
pub(crate) enum Status {
    Pending,
    Active,
    Closed,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            text: Texts::One(TEXT.to_owned()),
            rules: Vec::new(),
            cool_down_minutes: 0.0,
            language: String::new(),
            hours: Hours::default(),
            out_of_hours: Texts::default(),
            menu: Menu::default(),
        }
    }
}

impl Default for Menu {
    fn default() -> Self {
        Self { keywords: Vec::new(), heading: Texts::default(), footer: Texts::default(), minutes: 60.0 }
    }
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

#[cfg(test)]
mod tests;
