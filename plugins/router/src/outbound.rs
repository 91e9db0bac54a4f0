//! What goes out: which routes are taken, and what is different then.

use recado_sdk::{Changes, Context, Conversation, Failure, Flow, OutboundMessage, Verdict};

use crate::conditions::Asked;
use crate::config::{Config, OutboundResults};

pub(crate) fn judge(
    config: &Config,
    message: &OutboundMessage,
    conversation: Option<&Conversation>,
    context: &Context,
) -> Result<Verdict, Failure> {
    let mut asked = Asked::outbound(config, message, conversation, context);
    let mut changes = Changes::new();
    let mut rejected = None;
    asked.walk(&config.outbound, |asked, results| {
        follow(results, asked, &mut changes)?;
        if !results.reject.is_empty() {
            rejected.get_or_insert(&results.reject);
        }
        Ok(())
    })?;
    Ok(rejected.map_or_else(|| changes.into(), Verdict::reject))
}

fn follow(results: &OutboundResults, asked: &mut Asked<'_>, changes: &mut Changes) -> Result<(), Failure> {
    if !results.channel.is_empty() {
        changes.channel = Some(results.channel.clone());
        asked.channel.clone_from(&results.channel);
    }
    if !results.sender.is_empty() {
        changes.sender = Some(results.sender.clone());
    }
    for tag in &results.tag {
        if !asked.tags.contains(tag) {
            asked.tags.push(tag.clone());
        }
        changes.tags.push(tag.clone());
    }
    if results.wait_until_open {
        match asked.opening()? {
            Some(opening) if opening > asked.moment => {
                changes.send_at = Some(opening);
                asked.moment = opening;
            }
            Some(_) => {}
            None => recado_sdk::log::warn("the business hours never come; the message does not wait"),
        }
    }
    if results.stop {
        changes.flow = Flow::Stop;
    }
    Ok(())
}
