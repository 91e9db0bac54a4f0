//! The menu: the rules that have a label, as a numbered list, and choosing from it.

use recado_conditions::{Matching, Text};
use recado_sdk::Failure;
use recado_sdk::state::{self, Scope};

use crate::answers::minutes;
use crate::config::{Config, Menu, Rule};
use crate::texts::Speaker;

/// What stands for the menu in other texts.
const PLACEHOLDER: &str = "{menu}";
/// Where it is remembered that somebody has the menu before them.
const KEY: &str = "menu";

impl Menu {
    pub(crate) fn is_asked_for(&self, text: &Text<'_>) -> bool {
        text.has_any(&self.keywords, Matching::Exact)
    }
}

/// The rule that somebody who has the menu before them chose by its number.
pub(crate) fn chosen<'a>(config: &Config, rules: &[&'a Rule], text: &Text<'_>) -> Result<Option<&'a Rule>, Failure> {
    let number = text.raw().trim_end_matches(['.', ')']);
    let Ok(number @ 1..) = number.parse::<usize>() else { return Ok(None) };
    if config.menu.keywords.is_empty() || state::get(Scope::Conversation, KEY)?.is_none() {
        return Ok(None);
    }
    Ok(rules.iter().filter(|rule| !rule.label.is_empty()).nth(number - 1).copied())
}

/// The menu of these rules. From now on numbers choose from it.
pub(crate) fn show(config: &Config, rules: &[&Rule], speaker: &Speaker<'_>) -> Result<String, Failure> {
    state::set_for(Scope::Conversation, KEY, "", minutes(config.menu.minutes))?;
    let mut lines = vec![speaker.say(&config.menu.heading)?.to_owned()];
    for (index, rule) in rules.iter().filter(|rule| !rule.label.is_empty()).enumerate() {
        lines.push(format!("{}. {}", index + 1, speaker.say(&rule.label)?));
    }
    lines.push(speaker.say(&config.menu.footer)?.to_owned());
    lines.retain(|line| !line.is_empty());
    Ok(lines.join("\n"))
}

/// A text with the menu in place of `{menu}`.
pub(crate) fn fill(text: &str, config: &Config, rules: &[&Rule], speaker: &Speaker<'_>) -> Result<String, Failure> {
    if !text.contains(PLACEHOLDER) {
        return Ok(text.to_owned());
    }
    Ok(text.replace(PLACEHOLDER, &show(config, rules, speaker)?))
}
