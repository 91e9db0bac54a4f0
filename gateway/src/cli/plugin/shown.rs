//! What a call came to, for people.

use jiff::SignedDuration;
use serde_json::Value;

use crate::workbench::{Outcome, shown_length};

/// A call's outcome, each line after `indent`.
pub(super) fn outcome(outcome: &Outcome, indent: &str) -> String {
    let mut lines = vec![format!("{} {:?}  ({} µs)", outcome.hook.as_str(), outcome.about, outcome.micros)];
    if let Some(failure) = &outcome.failure {
        lines.push(format!("  no decision: {failure}"));
    }
    lines.extend(outcome.actions().iter().map(|action| format!("  {}", self::action(action))));
    if let Some(sent) = &outcome.becomes {
        let sender = sent.sender.as_ref().map(|sender| format!(" from {}", sender.as_str())).unwrap_or_default();
        let at = sent.send_at.map(|at| format!(" at {at}")).unwrap_or_default();
        let (to, channel) = (sent.to.as_str(), &sent.channel);
        lines.push(format!("  accepted: to {to} by {channel}{sender}{at}: {:?}", sent.text));
        let tags = outcome.decision["changes"]["tags"].as_array().into_iter().flatten();
        lines.extend(tags.map(|tag| format!("  tag {tag}")));
    }
    if let Some(reason) = &outcome.rejected {
        lines.push(format!("  rejected: {reason}"));
    }
    lines.extend(outcome.refused.iter().map(|reason| format!("  its own hook outbound refused a message: {reason}")));
    lines.extend(outcome.left_out.iter().map(|reason| format!("  left out: {reason}")));
    let changes = outcome.decision["state"].as_array().into_iter().flatten();
    lines.extend(changes.map(|change| format!("  state: {}", self::change(change))));
    let fetches = outcome.decision["fetches"].as_array().into_iter().flatten();
    lines.extend(fetches.map(|fetch| format!("  fetch: {}", self::fetch(fetch))));
    lines.extend(outcome.log().map(|(level, text)| format!("  log {level}: {text}")));
    if outcome.failure.is_none() && outcome.rejected.is_none() {
        lines.push(format!("  {}", if outcome.stops() { "stop: no further plugin is asked" } else { "proceed" }));
    }
    lines.iter().map(|line| indented(indent, line)).collect::<Vec<_>>().join("\n")
}

/// A text whose further lines begin where the first does.
pub(super) fn indented(before: &str, text: &str) -> String {
    let space = " ".repeat(before.chars().count());
    format!("{before}{}", text.replace('\n', &format!("\n{space}")))
}

/// Its name, then what there is to it.
fn action(action: &Value) -> String {
    let word = action["action"].as_str().unwrap_or_default();
    let fields = action.as_object().into_iter().flatten();
    let fields = fields.filter(|(name, value)| name.as_str() != "action" && !is_empty(value));
    let fields: Vec<String> = match word {
        "reply" | "tag" | "untag" | "assign" | "set-status" | "discard" | "cancel-timer" => {
            fields.map(|(_, value)| value.to_string()).collect()
        }
        "start-timer" => return start_timer(action),
        _ => fields.map(|(name, value)| format!("{name} {value}")).collect(),
    };
    if fields.is_empty() { format!("{word} nobody") } else { format!("{word} {}", fields.join(" ")) }
}

fn start_timer(action: &Value) -> String {
    #[expect(clippy::cast_possible_truncation, reason = "what is too long is left out anyway")]
    let after = SignedDuration::from_millis(action["after_ms"].as_f64().unwrap_or_default() as i64);
    let payload = action["payload"].as_str().filter(|payload| !payload.is_empty());
    let payload = payload.map(|payload| format!(" with {payload:?}")).unwrap_or_default();
    format!("start-timer {} in {}{payload}", action["name"], shown_length(after))
}

fn is_empty(value: &Value) -> bool {
    value.is_null() || value.as_array().is_some_and(Vec::is_empty)
}

fn change(change: &Value) -> String {
    let of = format!("{} {}", change["scope"].as_str().unwrap_or_default(), change["key"]);
    match &change["change"] {
        Value::Object(fields) if fields.contains_key("set") => {
            let set = &fields["set"];
            let until = set["expires_at"].as_str().map(|at| format!(" until {at}")).unwrap_or_default();
            format!("{of} = {}{until}", set["value"])
        }
        Value::Object(fields) if fields.contains_key("add") => format!("{of} + {}", fields["add"]),
        _ => format!("{of} is gone"),
    }
}

fn fetch(fetch: &Value) -> String {
    let word = |name: &str| fetch[name].as_str().unwrap_or_default().to_owned();
    let came = if fetch["status"].is_null() { word("error") } else { fetch["status"].to_string() };
    format!("{} {} → {came} ({} ms)", word("method"), word("url"), fetch["millis"])
}
