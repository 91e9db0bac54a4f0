//! What a caller may wish for a message, in Twilio's words, and what Twilio would refuse of it.
//!
//! Refused here is what can be known beforehand: a wish that only fails at Twilio fails late and
//! far from whoever made it.

use super::settings::VALIDITY;
use crate::channels::{Outbound, Part, Schedule, Unsendable};
use crate::message::Options;

/// Twilio keeps messages from 15 minutes (some accounts: 5) to 35 days until their time. A little
/// less than that, since the request takes its time, too.
pub(super) const SCHEDULE: Schedule = Schedule { least: 16 * 60, most: 35 * 24 * 60 * 60 - 60 };

/// Whether Twilio can be asked for it; a Messaging Service is needed for some.
pub(super) fn check(outbound: &Outbound) -> Result<(), Unsendable> {
    let Options { validity, shorten_urls, content, .. } = &outbound.options;
    let refuse = |option, problem: String| Err(Unsendable::Option { option, problem });
    if validity.is_some_and(|seconds| !VALIDITY.contains(&seconds)) {
        let problem = format!("must be from {} to {} seconds", VALIDITY.start(), VALIDITY.end());
        return refuse("validity", problem);
    }
    if *shorten_urls == Some(true) && outbound.service.is_none() {
        let problem = "needs a Messaging Service, whose domain the links get: set the channel's \
                       `messaging_service_sid`, and send by it";
        return refuse("shorten_urls", problem.to_owned());
    }
    let Some(template) = content else { return Ok(()) };
    let digits = template.sid.strip_prefix("HX").unwrap_or_default();
    if digits.len() != 32 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return refuse("content.sid", "must be `HX` and 32 hexadecimal digits, as in the Content Editor".to_owned());
    }
    if !outbound.text.is_empty() || !outbound.media.is_empty() {
        return refuse("content", "takes the place of text and media: leave those out".to_owned());
    }
    Ok(())
}

/// The parameters of a create besides sender, recipient, content and callback.
pub(super) fn parameters(part: &Part, validity: Option<u32>, smart_encoded: bool) -> Vec<(&'static str, String)> {
    let options = &part.options;
    let mut parameters = Vec::new();
    if let Some(template) = &options.content {
        parameters.push(("ContentSid", template.sid.clone()));
        if !template.variables.is_empty() {
            parameters.push(("ContentVariables", serde_json::json!(template.variables).to_string()));
        }
    }
    if let Some(seconds) = options.validity.or(validity) {
        parameters.push(("ValidityPeriod", seconds.to_string()));
    }
    if let Some(at) = part.send_at {
        parameters.push(("ScheduleType", "fixed".to_owned()));
        parameters.push(("SendAt", at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()));
    }
    // A Messaging Service has a setting of its own, which only a clear word overrides.
    if let Some(smart) = options.smart_encoded.or(smart_encoded.then_some(true)) {
        parameters.push(("SmartEncoded", smart.to_string()));
    }
    if let Some(shorten) = options.shorten_urls {
        parameters.push(("ShortenUrls", shorten.to_string()));
    }
    if let Some(check) = options.risk_check {
        parameters.push(("RiskCheck", if check { "enable" } else { "disable" }.to_owned()));
    }
    if let Some(feedback) = options.provide_feedback {
        parameters.push(("ProvideFeedback", feedback.to_string()));
    }
    parameters
}
