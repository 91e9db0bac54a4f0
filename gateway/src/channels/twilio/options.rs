//! What a caller may wish for a message, in Twilio's words, and what Twilio would refuse of it.
//!
//! Refused here is what can be known beforehand: a wish that only fails at Twilio fails late and
//! far from whoever made it.

use super::settings::VALIDITY;
use crate::channels::{Outbound, Part, Schedule, Unsendable};
use crate::message::{Address, Options};

/// Twilio keeps messages from 15 minutes (some accounts: 5) to 35 days until their time. A little
/// less than that, since the request takes its time, too.
pub(super) const SCHEDULE: Schedule = Schedule { least: 16 * 60, most: 35 * 24 * 60 * 60 - 60 };

/// The most labels of one message, and the longest name and value, in characters.
const MAX_LABELS: usize = 10;
const MAX_LABEL_NAME: usize = 128;
const MAX_LABEL_VALUE: usize = 256;

fn refuse(option: &'static str, problem: impl Into<String>) -> Result<(), Unsendable> {
    Err(Unsendable::Option { option, problem: problem.into() })
}

/// Whether Twilio can be asked for it; a Messaging Service is needed for some.
pub(super) fn check(outbound: &Outbound) -> Result<(), Unsendable> {
    let Options { validity, content, .. } = &outbound.options;
    if validity.is_some_and(|seconds| !VALIDITY.contains(&seconds)) {
        let problem = format!("must be from {} to {} seconds", VALIDITY.start(), VALIDITY.end());
        return refuse("validity", problem);
    }
    check_service(&outbound.options, outbound.service.is_some())?;
    check_words(&outbound.options)?;
    let Some(template) = content else { return Ok(()) };
    let digits = template.sid.strip_prefix("HX").unwrap_or_default();
    if digits.len() != 32 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return refuse("content.sid", "must be `HX` and 32 hexadecimal digits, as in the Content Editor");
    }
    if !outbound.text.is_empty() || !outbound.media.is_empty() {
        return refuse("content", "takes the place of text and media: leave those out");
    }
    Ok(())
}

/// What only a Messaging Service does.
fn check_service(options: &Options, by_service: bool) -> Result<(), Unsendable> {
    let needs = "needs a channel with a Messaging Service (`messaging_service_sid`), and to be sent by it";
    if options.shorten_urls == Some(true) && !by_service {
        return refuse("shorten_urls", format!("{needs}: the links get the service's domain"));
    }
    let Some(fallback) = &options.fallback_from else { return Ok(()) };
    if !by_service {
        return refuse("fallback_from", format!("{needs}: it takes the place of the service's RCS sender"));
    }
    if Address::sender(fallback).is_none() {
        return refuse("fallback_from", "must be a number in E.164, a short code or a name");
    }
    Ok(())
}

fn check_words(options: &Options) -> Result<(), Unsendable> {
    let Options { traffic_type, persistent_action, labels, .. } = options;
    if traffic_type.as_deref().is_some_and(|kind| kind != "free") {
        return refuse("traffic_type", "must be `free`, the only kind that Twilio has a word for");
    }
    if persistent_action.iter().any(|action| action.trim().is_empty() || action.contains('\0')) {
        return refuse("persistent_action", "holds an action without a word, or with a NUL character");
    }
    let short = |text: &str, most| text.chars().count() <= most && !text.contains('\0');
    let fits = |(name, value): (&String, &String)| {
        !name.is_empty() && short(name, MAX_LABEL_NAME) && short(value, MAX_LABEL_VALUE)
    };
    if labels.len() > MAX_LABELS || !labels.iter().all(fits) {
        let problem = format!(
            "must be at most {MAX_LABELS}, with names of 1 to {MAX_LABEL_NAME} characters and values of at most \
             {MAX_LABEL_VALUE}"
        );
        return refuse("labels", problem);
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
    if let Some(discard) = options.discard_content {
        parameters.push(("ContentRetention", if discard { "discard" } else { "retain" }.to_owned()));
    }
    if let Some(mms) = options.send_as_mms {
        parameters.push(("SendAsMms", mms.to_string()));
    }
    if let Some(force) = options.force_delivery {
        parameters.push(("ForceDelivery", force.to_string()));
    }
    let words = [("TrafficType", &options.traffic_type), ("FallbackFrom", &options.fallback_from)];
    parameters.extend(words.into_iter().filter_map(|(name, word)| Some((name, word.clone()?))));
    parameters.extend(options.persistent_action.iter().map(|action| ("PersistentAction", action.clone())));
    if !options.labels.is_empty() {
        parameters.push(("Tags", serde_json::json!(options.labels).to_string()));
    }
    parameters
}
