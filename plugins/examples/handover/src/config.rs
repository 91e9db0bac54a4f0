//! What an operator configures.

use serde::Deserialize;

pub(crate) const SCHEMA: &str = include_str!("schema.json");

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    #[serde(default = "keywords")]
    pub(crate) keywords: Vec<String>,
    #[serde(default)]
    pub(crate) tags: Vec<String>,
    #[serde(default)]
    pub(crate) give_back: Vec<String>,
    pub(crate) people: Vec<Person>,
    #[serde(default)]
    pub(crate) manager: Option<Person>,
    #[serde(default = "escalate_after_minutes")]
    pub(crate) escalate_after_minutes: u32,
    #[serde(default = "reply")]
    pub(crate) reply: String,
    #[serde(default)]
    pub(crate) given_back: String,
    #[serde(default = "tell")]
    pub(crate) tell: String,
    #[serde(default = "escalate")]
    pub(crate) escalate: String,
    #[serde(default = "tag")]
    pub(crate) tag: String,
    #[serde(default = "escalated_tag")]
    pub(crate) escalated_tag: String,
    #[serde(default = "quiet")]
    pub(crate) quiet: bool,
}

/// Somebody who looks after conversations.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Person {
    pub(crate) name: String,
    /// Without one, they are told nothing.
    #[serde(default)]
    pub(crate) number: Option<String>,
}

fn keywords() -> Vec<String> {
    ["asesor", "persona", "humano", "agente"].map(str::to_owned).to_vec()
}

fn escalate_after_minutes() -> u32 {
    15
}

fn reply() -> String {
    "Un momento, te atiende {name}.".to_owned()
}

fn tell() -> String {
    "{from} pide hablar contigo: «{text}»".to_owned()
}

fn escalate() -> String {
    "{from} espera desde hace {minutes} min; {name} no lo ha tomado.".to_owned()
}

fn tag() -> String {
    "con persona".to_owned()
}

fn escalated_tag() -> String {
    "escalado".to_owned()
}

fn quiet() -> bool {
    true
}
