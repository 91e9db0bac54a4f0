//! Handing over, and what becomes of it.

use std::time::Duration;

use recado_sdk::state::{self, Scope};
use recado_sdk::{
    Conversation, ConversationStatus, Decision, Failure, InboundMessage, Outgoing, StartTimer, Timer, log,
};

use crate::config::{Config, Person};
use crate::words::has_any;

/// The timer that runs while nobody has taken the conversation; its payload is who it was given to.
const WAITING: &str = "nobody took it";
/// Remembered of a conversation once somebody has written to the person.
const ANSWERED: &str = "answered";
/// Remembered of the plugin itself: whose turn it is.
const TURN: &str = "turn";

/// A message came in.
pub(crate) fn heard(
    config: &Config,
    message: &InboundMessage,
    conversation: &Conversation,
) -> Result<Decision, Failure> {
    if conversation.has_tag(&config.tag) {
        return in_hands(config, message, conversation);
    }
    let labelled = config.tags.iter().any(|tag| conversation.has_tag(tag));
    if labelled || has_any(&message.text, &config.keywords) {
        return hand_over(config, message, conversation);
    }
    Ok(Decision::proceed())
}

fn hand_over(config: &Config, message: &InboundMessage, conversation: &Conversation) -> Result<Decision, Failure> {
    let person = next(config)?;
    state::delete(Scope::Conversation, ANSWERED)?;
    let filled = |text: &str| {
        text.replace("{name}", &person.name)
            .replace("{from}", &conversation.address)
            .replace("{text}", message.text.trim())
    };
    let mut decision = Decision::proceed().assign(&person.name).tag(&config.tag);
    if !config.reply.is_empty() {
        decision = decision.reply(filled(&config.reply));
    }
    if let Some(number) = &person.number {
        decision = decision.send(Outgoing::new(number, filled(&config.tell)));
    }
    if config.manager.is_some() {
        let after = Duration::from_secs(u64::from(config.escalate_after_minutes) * 60);
        decision = decision.start_timer(StartTimer::new(WAITING, after).payload(&person.name));
    }
    log::info("a conversation was handed over");
    Ok(if config.quiet { decision.and_stop() } else { decision })
}

/// The person whose turn it is.
fn next(config: &Config) -> Result<&Person, Failure> {
    let turn = state::add(Scope::Global, TURN, 1.0)? - 1.0;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "turns are counted from 0")]
    let place = turn as usize % config.people.len().max(1);
    config.people.get(place).ok_or_else(|| Failure::bad_config("`people` names nobody"))
}

/// Somebody has it already.
fn in_hands(config: &Config, message: &InboundMessage, conversation: &Conversation) -> Result<Decision, Failure> {
    if has_any(&message.text, &config.give_back) {
        let decision = Decision::proceed().untag(&config.tag).unassign().cancel_timer(WAITING);
        let said = !config.given_back.is_empty();
        return Ok(if said { decision.reply(&config.given_back).and_stop() } else { decision });
    }
    let mut decision = Decision::proceed();
    if is_taken(conversation, conversation.assignee.as_deref())? {
        decision = decision.cancel_timer(WAITING);
    }
    Ok(if config.quiet { decision.and_stop() } else { decision })
}

/// Somebody wrote to the person.
pub(crate) fn answered(config: &Config, conversation: &Conversation) -> Result<(), Failure> {
    if conversation.has_tag(&config.tag) {
        state::set(Scope::Conversation, ANSWERED, "yes")?;
    }
    Ok(())
}

/// The time to take it is over.
pub(crate) fn waited(config: &Config, timer: &Timer, conversation: &Conversation) -> Result<Decision, Failure> {
    let Some(manager) = &config.manager else { return Ok(Decision::proceed()) };
    if !conversation.has_tag(&config.tag) || is_taken(conversation, Some(&timer.payload))? {
        return Ok(Decision::proceed());
    }
    log::warn("nobody took a conversation");
    let text = config
        .escalate
        .replace("{name}", &timer.payload)
        .replace("{from}", &conversation.address)
        .replace("{minutes}", &config.escalate_after_minutes.to_string());
    let mut decision = Decision::proceed().tag(&config.escalated_tag);
    if let Some(number) = &manager.number {
        decision = decision.send(Outgoing::new(number, text));
    }
    Ok(decision)
}

/// Whether somebody looks after it, who it was given to or another.
fn is_taken(conversation: &Conversation, given_to: Option<&str>) -> Result<bool, Failure> {
    Ok(conversation.status != ConversationStatus::Pending
        || conversation.assignee.as_deref() != given_to
        || state::get(Scope::Conversation, ANSWERED)?.is_some())
}
