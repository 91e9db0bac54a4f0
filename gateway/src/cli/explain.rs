//! `recado explain`

use std::fmt::Write;

use clap::Args;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::Context;
use super::call::At;
use crate::message::shorten_numbers;

#[derive(Debug, Args)]
pub(super) struct Explain {
    /// The message's id, or the provider's
    message: String,
    #[command(flatten)]
    at: At,
}

impl Explain {
    pub(super) async fn run(&self, context: &Context) -> anyhow::Result<()> {
        let language = context.setting("defaults.locale")?;
        let reach = self.at.reach(context)?;
        let message = reach.get(&format!("/v1/messages/{}", self.message), &language).await?;
        let trace = reach.get(&format!("/v1/messages/{}/trace", word(&message["id"])), &language).await?;
        let both = json!({ "message": message, "trace": trace });
        context.output.print(&both, || text(&message, &trace));
        Ok(())
    }
}

fn word(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn time(value: &Value) -> Timestamp {
    word(value).parse().unwrap_or_default()
}

fn shown(at: Timestamp) -> String {
    format!("{at:.3}")
}

fn each(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

/// What happened, in the order of time; then what is to come.
fn text(message: &Value, trace: &Value) -> String {
    let mut lines: Vec<(Timestamp, String)> = Vec::new();
    lines.push((time(&message["created_at"]), began(message)));
    if trace["gate"].is_object() {
        lines.push((time(&trace["gate"]["at"]), let_through(&trace["gate"])));
    }
    if trace["repeated"].is_object() {
        let repeated = &trace["repeated"];
        lines.push((time(&repeated["last_at"]), format!("its webhook came again, {} times by now", repeated["times"])));
    }
    for plugin in each(&trace["plugins"]) {
        lines.push((time(&plugin["at"]), decided(plugin)));
    }
    for attempt in each(&trace["attempts"]) {
        lines.push((time(&attempt["started_at"]), tried(attempt)));
    }
    for report in each(&trace["observations"]) {
        lines.push((time(&report["received_at"]), reported(report)));
    }
    for look in each(&trace["looks"]) {
        lines.push((time(&look["at"]), looked(look)));
    }
    for led in each(&trace["led_to"]) {
        let kind = if led["reply"] == true { "the reply" } else { "another message" };
        let by = led["plugin"].as_str().map(|plugin| format!(" of {plugin}")).unwrap_or_default();
        let gate = if led["gate"].is_object() { format!("; {}", let_through(&led["gate"])) } else { String::new() };
        let line = format!("{kind}{by} is {} ({}){gate}", word(&led["message_id"]), word(&led["status"]));
        lines.push((time(&led["created_at"]), line));
    }
    // What happened at the same time stays in the order it was told.
    lines.sort_by_key(|(at, _)| *at);
    let mut text = format!("{}  {}\n", word(&message["id"]), standing(message));
    for (at, line) in lines {
        let _ = writeln!(text, "{:<28} {line}", shown(at));
    }
    if trace["waits"].is_object() {
        let _ = writeln!(text, "{}", waiting(&trace["waits"]));
    }
    for timer in each(&trace["timers"]) {
        let _ = writeln!(
            text,
            "{:<28} timer {} of {} runs out",
            shown(time(&timer["due_at"])),
            word(&timer["name"]),
            word(&timer["plugin"])
        );
    }
    for (what, list) in [("endpoint", &trace["events"]), ("forgetting at the provider", &trace["removals"])] {
        for row in each(list) {
            let _ = writeln!(text, "{what}: {row}");
        }
    }
    text.trim_end().to_owned()
}

/// Why it was not sent yet.
fn waiting(waits: &Value) -> String {
    let until =
        waits["until"].as_str().map(|_| format!(", until {}", shown(time(&waits["until"])))).unwrap_or_default();
    match word(&waits["for"]) {
        "time" => format!("waits for its time{until}"),
        "gate" => format!("waits for the end of quiet hours in {}{until}", word(&waits["time_zone"])),
        "sender" => format!("waits for its sender, which sends {} segments a second{until}", waits["segments_per_s"]),
        _ => {
            let since = shown(time(&waits["paused_since"]));
            let reason = waits["reason"].as_str().map(|reason| format!(" ({reason})")).unwrap_or_default();
            let (title, remedy) = (word(&waits["title"]), word(&waits["remedy"]));
            format!("waits for its channel, paused since {since}{until}: {title}{reason}. {remedy}")
        }
    }
}

fn began(message: &Value) -> String {
    let characters = word(&message["text"]).chars().count();
    if message["direction"] == "inbound" {
        return format!(
            "came in on {} from {}, {characters} characters",
            word(&message["channel"]),
            word(&message["from"])
        );
    }
    let why = match (message["in_reply_to"].as_str(), message["caused_by"].as_str(), message["plugin"].as_str()) {
        (Some(to), _, Some(plugin)) => format!(", the answer of {plugin} to {to}"),
        (None, Some(cause), Some(plugin)) => format!(", wanted by {plugin} because of {cause}"),
        _ => String::new(),
    };
    let (began, parts) = match message["parts"].as_array().map_or(0, Vec::len) {
        // It is only kept.
        0 => ("wanted to be sent", String::new()),
        1 => ("taken to be sent", " in one part".to_owned()),
        count => ("taken to be sent", format!(" in {count} parts")),
    };
    let (channel, to) = (word(&message["channel"]), word(&message["to"]));
    let template = &message["template"];
    let template = match template["name"].as_str() {
        Some(name) => format!(", made of the template {name} version {}", template["version"]),
        None => String::new(),
    };
    format!("{began} by {channel} to {to}, {characters} characters{parts}{template}{why}")
}

/// Where it stands, and why.
fn standing(message: &Value) -> String {
    let mut text = word(&message["status"]).to_owned();
    if let Some(plugin) = message["rejected_by"].as_str() {
        let _ = write!(text, ", refused by the plugin {plugin}");
    }
    if let Some(code) = message["refused_for"].as_str() {
        let _ = write!(text, ", refused by the gate ({code})");
    }
    if let Some(reason) = message["discarded"].as_str() {
        let _ = write!(text, ", of no interest: {reason}");
    }
    if let Some(code) = message["error_code"].as_i64() {
        let _ = write!(text, ", error {code}");
    }
    if let Some(reason) = message["error_message"].as_str() {
        let _ = write!(text, ": {}", shorten_numbers(reason));
    }
    if message["conflict"] == true {
        text.push_str(", though reports contradict each other");
    }
    text
}

fn decided(plugin: &Value) -> String {
    let digest: String = word(&plugin["digest"]).chars().take(8).collect();
    let (name, version, hook) = (word(&plugin["plugin"]), word(&plugin["version"]), word(&plugin["hook"]));
    let mut text = format!("{name} {version} ({digest}) about {hook}, in {} µs: ", plugin["duration_micros"]);
    let decision = &plugin["decision"];
    if let Some(error) = plugin["error"].as_str() {
        let _ = write!(text, "no decision, {error}");
    } else if decision["redacted"] == true {
        text.push_str("its decision was removed");
    } else if let Some(verdict) = decision["verdict"].as_str() {
        text.push_str(verdict);
        if let Some(reason) = decision["reason"].as_str() {
            let _ = write!(text, ", {reason}");
        }
    } else {
        let actions: Vec<String> = each(&decision["actions"]).map(action).collect();
        text.push_str(if actions.is_empty() { "nothing" } else { "" });
        text.push_str(&actions.join(", "));
    }
    for reason in each(&decision["left_out"]) {
        let _ = write!(text, "\n{:<28}   {}", "", word(reason));
    }
    for refusal in each(&decision["gate"]) {
        let (what, to) = (word(&refusal["message"]), word(&refusal["to"]));
        let why = match refusal["since"].as_str() {
            Some(since) => format!("opted out since {since}"),
            None => word(&refusal["reason"]).to_owned(),
        };
        let _ = write!(text, "\n{:<28}   the gate refused {what} to {to}: {why}", "");
    }
    for line in each(&decision["log"]) {
        let _ = write!(text, "\n{:<28}   {}: {}", "", word(&line["level"]), word(&line["text"]));
    }
    text
}

/// An action by its name and what it says.
fn action(action: &Value) -> String {
    let name = word(&action["action"]);
    let fields = action.as_object().into_iter().flatten();
    let told: Vec<String> = fields
        .filter(|(key, value)| {
            *key != "action" && !value.is_null() && value.as_array().is_none_or(|list| !list.is_empty())
        })
        .map(|(_, value)| value.as_str().map_or_else(|| value.to_string(), |text| format!("{text:?}")))
        .collect();
    format!("{name} {}", told.join(" ")).trim_end().to_owned()
}

fn tried(attempt: &Value) -> String {
    let outcome = attempt["outcome"].as_str().unwrap_or("under way, or cut off by a crash");
    let mut text = format!("try {} of part {}: {outcome}", attempt["number"], word(&attempt["part_id"]));
    if let Some(code) = attempt["error_code"].as_i64() {
        let _ = write!(text, ", error {code}");
    }
    if let Some(reason) = attempt["error_message"].as_str() {
        let _ = write!(text, ": {reason}");
    }
    if attempt["exchange"].is_object() {
        let (asked, answered) = over_the_wire(&attempt["exchange"]);
        let _ = write!(text, "\n{:<28}   {asked}\n{:<28}   {answered}", "", "");
    }
    text
}

/// What was asked of the provider, and what came back.
fn over_the_wire(exchange: &Value) -> (String, String) {
    let (method, host, path) = (word(&exchange["method"]), word(&exchange["host"]), word(&exchange["path"]));
    let mut asked = format!("{method} {host}{path}");
    for parameter in each(&exchange["parameters"]) {
        let (name, value) = (word(&parameter["name"]), word(&parameter["value"]));
        let _ = if value.contains(' ') { write!(asked, " {name}=({value})") } else { write!(asked, " {name}={value}") };
    }
    if let Some(count) = exchange["further_parameters"].as_u64() {
        let _ = write!(asked, " and {count} parameters more");
    }
    let failure = exchange["failure"].as_str().map(|failure| failure.replace('_', " "));
    let mut answered: Vec<String> = Vec::new();
    answered.extend(exchange["status"].as_u64().map(|status| format!("HTTP {status}")));
    answered.extend(failure);
    answered.extend(exchange["error_code"].as_i64().map(|code| format!("code {code}")));
    answered.extend(exchange["response_bytes"].as_u64().map(|bytes| format!("{bytes} bytes")));
    answered.extend(exchange["request_id"].as_str().map(|id| format!("request {id}")));
    if let Some(first) = answered.first_mut() {
        let _ = write!(first, " after {} ms", exchange["duration_ms"]);
    }
    (asked, answered.join(", "))
}

/// A look at the provider's list.
fn looked(look: &Value) -> String {
    let found = match word(&look["found"]) {
        "none" => "nothing that could be it",
        "one" => "it",
        "unsure" => "one that may be it or another",
        "several" => "several that may be it",
        _ => "no answer",
    };
    let concluded = word(&look["concluded"]).replace('_', " ");
    let mut text = format!("asked the provider for part {}: {found}", word(&look["part_id"]));
    if look["listed"] != 0 {
        let _ = write!(text, ", of {} listed", look["listed"]);
    }
    let _ = write!(text, "; {concluded}");
    if let Some(reason) = look["reason"].as_str() {
        let _ = write!(text, ", {reason}");
    }
    text
}

fn let_through(gate: &Value) -> String {
    if gate["verdict"] == "heard" {
        let keyword = word(&gate["keyword"]).replace('_', " ");
        let confirmed = if gate["confirm"] == true { "; to be confirmed" } else { "" };
        return format!("the gate read it as: {keyword} ({}){confirmed}", word(&gate["locale"]));
    }
    let consent = word(&gate["consent"]).replace('_', " ");
    if gate["verdict"] == "refused" {
        return format!("the gate refused it: {}", word(&gate["reason"]));
    }
    let mut text = match gate["verdict"].as_str() {
        Some("held") => format!("the gate holds it until {}: {consent}", word(&gate["until"])),
        _ => format!("the gate let it through: {consent}"),
    };
    if let Some(since) = gate["since"].as_str() {
        let _ = write!(text, " since {since}");
    }
    if let Some(exempt) = gate["exempt"].as_str() {
        let _ = write!(text, ", exempt as one of the {exempt}");
    }
    text
}

fn reported(report: &Value) -> String {
    let mut text = format!("the provider reports {} ({})", word(&report["status"]), word(&report["provider_id"]));
    if let Some(code) = report["error_code"].as_i64() {
        let _ = write!(text, ", error {code}");
    }
    if report["times"].as_u64().is_some_and(|times| times > 1) {
        let _ = write!(text, ", {} times", report["times"]);
        if let Some(last) = report["repeated_at"].as_str() {
            let _ = write!(text, ", last at {last}");
        }
    }
    if report["conflict"] == true {
        text.push_str(", against what was final");
    }
    text
}
