//! Which answer a text gets: configuration and message in, decision out.

use recado_conditions::Text;
use recado_sdk::{Action, Context, Conversation, Decision, Failure, Flow, InboundMessage, Reply};

use crate::answers::is_due;
use crate::config::{Config, Rule, When};
use crate::menu;
use crate::texts::Speaker;

/// The keyword that every message has.
const ANY: &str = "*";

/// The first matching rule's actions, the menu, or the text for when nothing else is to be said.
pub(crate) fn decide(
    config: &Config,
    message: &InboundMessage,
    conversation: &Conversation,
    context: &Context,
) -> Result<Decision, Failure> {
    if message.text.trim().is_empty() && message.media.is_empty() {
        return Ok(Decision::proceed());
    }
    let open = config.hours.is_open(recado_sdk::clock::now(), &context.time_zone)?;
    let rules: Vec<&Rule> = config.rules.iter().filter(|rule| rule.holds(open)).collect();
    let text = Text::read(&message.text);
    let speaker = Speaker::to(config, message, conversation, context);
    if let Some(rule) = menu::chosen(config, &rules, &text)? {
        return follow(rule, config, &rules, &speaker);
    }
    if config.menu.is_asked_for(&text) {
        return Ok(Decision::proceed().reply(menu::show(config, &rules, &speaker)?));
    }
    if let Some(rule) = rules.iter().find(|rule| rule.matches(&text)) {
        return follow(rule, config, &rules, &speaker);
    }
    let (name, texts) = if open || config.out_of_hours.is_empty() {
        ("default", &config.text)
    } else {
        ("out of hours", &config.out_of_hours)
    };
    let said = speaker.say(texts)?;
    if said.is_empty() || !is_due(name, config.cool_down_minutes)? {
        return Ok(Decision::proceed());
    }
    Ok(Decision::proceed().reply(menu::fill(said, config, &rules, &speaker)?))
}

impl Rule {
    fn holds(&self, open: bool) -> bool {
        match self.when {
            When::Always => true,
            When::Open => open,
            When::Closed => !open,
        }
    }

    fn matches(&self, text: &Text<'_>) -> bool {
        self.keywords.iter().any(|keyword| keyword.as_str().trim() == ANY)
            || text.has_any(&self.keywords, self.matching)
    }
}

/// Does what a rule says. In its cool-down only its reply is left out.
fn follow(rule: &Rule, config: &Config, rules: &[&Rule], speaker: &Speaker<'_>) -> Result<Decision, Failure> {
    let mut actions = Vec::new();
    let says_something = !rule.reply.is_empty() || !rule.media.is_empty();
    if says_something && is_due(&name(rule, config), rule.cool_down_minutes)? {
        let text = menu::fill(speaker.say(&rule.reply)?, config, rules, speaker)?;
        actions.push(Action::reply(Reply { text, media: rule.media.clone() }));
    }
    actions.extend(rule.tags.iter().map(Action::tag));
    actions.extend(rule.status.map(|status| Action::SetStatus(status.into())));
    Ok(Decision { actions, flow: if rule.stop { Flow::Stop } else { Flow::Proceed } })
}

/// A rule's name for its cool-down: its place.
fn name(rule: &Rule, config: &Config) -> String {
    let place = config.rules.iter().position(|known| std::ptr::eq(known, rule)).unwrap_or_default();
    format!("rule {}", place + 1)
}

#[cfg(test)]
mod tests;
