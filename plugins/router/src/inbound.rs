//! What comes in: which routes are taken, and what follows.

use recado_sdk::{Action, Context, Conversation, Decision, Failure, InboundMessage};

use crate::conditions::Asked;
use crate::config::{Config, InboundResults};

pub(crate) fn decide(
    config: &Config,
    message: &InboundMessage,
    conversation: &Conversation,
    context: &Context,
) -> Result<Decision, Failure> {
    let mut asked = Asked::inbound(config, message, conversation, context);
    let mut decision = Decision::proceed();
    let mut assign = None;
    asked.walk(&config.inbound, |asked, results| {
        follow(results, asked, &mut decision);
        if !results.assign.to.is_empty() {
            assign = Some(&results.assign);
        }
        Ok(())
    })?;
    // The last route that says something of it; so that only one turn is taken.
    if let Some(name) = assign.map(|assign| assign.choose(conversation)).transpose()?.flatten() {
        decision.actions.push(Action::assign(name));
    }
    Ok(decision)
}

fn follow(results: &InboundResults, asked: &mut Asked<'_>, decision: &mut Decision) {
    for tag in &results.tag {
        decision.actions.push(Action::tag(tag));
        if !asked.tags.contains(tag) {
            asked.tags.push(tag.clone());
        }
    }
    for tag in &results.untag {
        decision.actions.push(Action::untag(tag));
        asked.tags.retain(|known| known != tag);
    }
    let actions = &mut decision.actions;
    actions.extend(results.status.map(|status| Action::SetStatus(status.into())));
    actions.extend(results.attributes.iter().map(|(name, value)| {
        // A note without a value is one to take back.
        if value.is_empty() { Action::remove_attribute(name) } else { Action::set_attribute(name, value) }
    }));
    actions.extend(results.forward.iter().map(|endpoint| Action::forward(endpoint.as_str())));
    if !results.discard.is_empty() {
        actions.push(Action::discard(&results.discard));
    }
    if results.stop {
        *decision = std::mem::take(decision).and_stop();
    }
}
