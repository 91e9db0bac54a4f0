//! An author's table of cases: what is given, what happens step by step, and what is expected of the
//! plugin. `sdk/README.md` is the manual of the format.
//!
//! What reaches a person is always compared: a step that names no `replies` expects none. All else is
//! compared where it is named.

mod compare;
mod expected;
mod given;
mod run;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

pub use expected::Expected;
pub use given::Given;
pub use run::{Bench, Report};

use crate::message::{ConversationStatus, Status};

/// A file of cases.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cases {
    /// The component, from the file's folder.
    #[serde(default)]
    pub component: Option<PathBuf>,
    /// What an operator would write under `[[plugins]]`, but for `component` and `config`.
    #[serde(default)]
    pub plugin: toml::Table,
    /// What is given in each case, unless it says otherwise.
    #[serde(default)]
    pub given: Given,
    #[serde(rename = "case")]
    pub cases: Vec<Case>,
}

/// One conversation with the plugin.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    pub name: String,
    #[serde(default)]
    pub given: Given,
    /// The configuration is refused, and this is said of it. There are no steps then.
    #[serde(default)]
    pub refused_config: Option<String>,
    #[serde(default)]
    pub steps: Vec<Step>,
}

/// Something that happens, and what is expected of it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Step {
    /// A text comes in.
    pub receive: Option<String>,
    /// A message is to be sent.
    pub send: Option<String>,
    /// A message that was sent is reported of.
    pub report: Option<Status>,
    /// A timer runs out now.
    pub timer: Option<String>,
    /// People change the conversation.
    pub change: Option<Change>,
    /// So much time passes first.
    pub wait: Option<String>,
    /// Time passes until then, first.
    pub at: Option<String>,
    /// The person, if it is another one.
    pub from: Option<String>,
    pub channel: Option<String>,
    /// URLs that come with a text, or are to go with a message.
    pub media: Vec<String>,
    /// What else the provider told.
    pub extra: BTreeMap<String, String>,
    /// For `send`.
    pub sender: Option<String>,
    pub send_at: Option<String>,
    pub origin: Option<String>,
    /// For `report`.
    pub error_code: Option<i32>,
    pub error_message: Option<String>,
    /// Whether this plugin had asked for the message that is reported of.
    pub own: bool,
    /// For `timer`.
    pub payload: Option<String>,
    #[serde(flatten)]
    pub expected: Expected,
}

/// What people change about a conversation.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Change {
    pub status: Option<ConversationStatus>,
    /// Empty: nobody.
    pub assignee: Option<String>,
    pub tags: Option<Vec<String>>,
    pub name: Option<String>,
    pub attributes: BTreeMap<String, String>,
}

/// Something that is not as expected.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// The step's number, from 1.
    pub step: usize,
    /// What happened in it.
    pub happened: String,
    /// Which expectation.
    pub what: String,
    pub expected: String,
    pub found: String,
}

/// Why the file can't be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{} can't be read: {source}", path.display())]
    Unreadable { path: PathBuf, source: std::io::Error },
    #[error("{}: {problem}", path.display())]
    Wrong { path: PathBuf, problem: String },
}

impl Cases {
    /// Reads a file. What makes no sense in it is named with its place.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let text =
            std::fs::read_to_string(path).map_err(|source| Error::Unreadable { path: path.to_owned(), source })?;
        let wrong = |problem: String| Error::Wrong { path: path.to_owned(), problem };
        let cases = Self::parse(&text).map_err(wrong)?;
        if cases.cases.is_empty() {
            return Err(wrong("there is no `[[case]]` in it".to_owned()));
        }
        Ok(cases)
    }

    fn parse(text: &str) -> Result<Self, String> {
        let cases: Self = toml::from_str(text).map_err(|error| error.to_string())?;
        for key in ["component", "config"] {
            if cases.plugin.contains_key(key) {
                return Err(format!("`plugin.{key}`: write `{}` instead", instead(key)));
            }
        }
        for case in &cases.cases {
            for (number, step) in case.steps.iter().enumerate() {
                step.check().map_err(|problem| format!("case `{}`, step {}: {problem}", case.name, number + 1))?;
            }
            if case.steps.is_empty() && case.refused_config.is_none() {
                return Err(format!("case `{}`: it has no `steps`", case.name));
            }
        }
        Ok(cases)
    }
}

fn instead(key: &str) -> &'static str {
    if key == "config" { "config under [given], or in a case's `given`" } else { "component at the top of the file" }
}

impl Step {
    /// One thing happens at a time, and what is said of it must belong to it.
    fn check(&self) -> Result<(), String> {
        let things = [
            ("receive", self.receive.is_some()),
            ("send", self.send.is_some()),
            ("report", self.report.is_some()),
            ("timer", self.timer.is_some()),
            ("change", self.change.is_some()),
        ];
        let named: Vec<&str> = things.iter().filter(|(_, there)| *there).map(|(name, _)| *name).collect();
        let passes = self.wait.is_some() || self.at.is_some();
        match named.as_slice() {
            [] if !passes => {
                return Err("nothing happens: give it `receive`, `send`, `report`, `timer`, `change`, `wait` or `at`"
                    .to_owned());
            }
            [] | [_] => {}
            [one, other, ..] => return Err(format!("`{one}` and `{other}` are two steps")),
        }
        if self.wait.is_some() && self.at.is_some() {
            return Err("`wait` and `at` both say how much time passes".to_owned());
        }
        let belongs = [
            ("error_code", self.error_code.is_some(), "report"),
            ("error_message", self.error_message.is_some(), "report"),
            ("own", self.own, "report"),
            ("payload", self.payload.is_some(), "timer"),
            ("sender", self.sender.is_some(), "send"),
            ("send_at", self.send_at.is_some(), "send"),
            ("origin", self.origin.is_some(), "send"),
            ("becomes", self.expected.becomes.is_some(), "send"),
            ("rejected", self.expected.rejected.is_some(), "send"),
            ("extra", !self.extra.is_empty(), "receive"),
        ];
        match belongs.iter().find(|(_, there, with)| *there && !named.contains(with)) {
            Some((key, _, with)) => Err(format!("`{key}` goes with `{with}`")),
            None => Ok(()),
        }
    }

    /// What happens in it, in a few words.
    fn happens(&self) -> String {
        let quoted = |word: &str, text: &str| format!("{word} \"{}\"", text.chars().take(60).collect::<String>());
        match self {
            Self { receive: Some(text), .. } => quoted("receive", text),
            Self { send: Some(text), .. } => quoted("send", text),
            Self { report: Some(status), .. } => format!("report \"{status}\""),
            Self { timer: Some(name), .. } => quoted("timer", name),
            Self { change: Some(_), .. } => "change".to_owned(),
            Self { wait: Some(length), .. } => quoted("wait", length),
            Self { at: Some(moment), .. } => quoted("at", moment),
            _ => "nothing".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests;
