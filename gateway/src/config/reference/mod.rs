//! The reference of all settings, read from the built-in defaults: their values, and what their comments say.
//!
//! A key that stands in a comment (`# public_url = "…"`) is one that is not set; a header that does
//! (`# [endpoints.crm]`) begins a section that there is not, unless somebody writes it.

mod markdown;
mod reading;

use serde::Serialize;

use super::environment;

pub use reading::Kind;

/// All settings, in the order in which they stand in the defaults.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Reference {
    /// What is to be said of all.
    pub about: String,
    pub sections: Vec<Section>,
}

/// A table of the settings, as in `[channels.sms]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Section {
    pub name: String,
    /// Whether there may be several, as in `[[plugins]]`.
    pub list: bool,
    /// Whether it is there unless somebody writes it.
    pub built_in: bool,
    pub about: String,
    pub keys: Vec<Key>,
}

/// One setting.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Key {
    pub name: String,
    pub kind: Kind,
    /// As it is written in TOML.
    pub value: String,
    /// Whether the value is the default; else it is an example.
    pub built_in: bool,
    /// The environment variables that set it; none for what only a file can say.
    pub variables: Vec<String>,
    pub about: String,
}

impl Reference {
    /// What the built-in defaults say.
    pub fn of_defaults() -> Self {
        reading::read(super::DEFAULTS)
    }

    /// All of it as a document.
    pub fn markdown(&self) -> String {
        markdown::write(self)
    }

    /// What kind of value a key takes, where the defaults or their comments tell: also for a channel or an
    /// endpoint of another name than theirs.
    pub(super) fn kind(&self, key: &str) -> Option<Kind> {
        let (section, name) = key.rsplit_once('.')?;
        let like = |known: &str| {
            let (mut wanted, mut known) = (section.split('.'), known.split('.'));
            let named = matches!(section.split('.').next(), Some("channels" | "endpoints"));
            let mut place = 0;
            loop {
                match (wanted.next(), known.next()) {
                    (None, None) => return true,
                    (Some(one), Some(other)) if one == other || (named && place == 1) => place += 1,
                    _ => return false,
                }
            }
        };
        let sections = self.sections.iter().filter(|section| like(&section.name));
        sections.flat_map(|section| &section.keys).find(|key| key.name == name).map(|key| key.kind)
    }
}

/// The environment variables of a key below a section.
fn variables(section: &Section, name: &str, kind: Kind) -> Vec<String> {
    // Of a list, and of names that are the operator's own, no variable can speak.
    if kind == Kind::Table || section.list || section.name.split('.').next() == Some("plugins") {
        return Vec::new();
    }
    environment::names(&format!("{}.{name}", section.name))
}

#[cfg(test)]
mod tests;
