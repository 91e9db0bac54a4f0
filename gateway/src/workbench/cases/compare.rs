//! What is expected beside what was found.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Expected;
use super::expected::{Becomes, Forward, Request, Sends, Text};
use super::given::text;
use crate::message::Address;
use crate::plugins::Scope;
use crate::workbench::{
    Content, NotAsked, Outcome, Requested, Sending, Sent, Workbench, length, moment, shown, shown_length,
};

/// What happened in a step.
pub(super) struct Happened {
    pub(super) outcomes: Vec<Outcome>,
    pub(super) not_asked: Option<NotAsked>,
    /// The message that was to be sent.
    pub(super) original: Option<Sending>,
    pub(super) requests: Vec<Requested>,
    pub(super) person: Address,
    pub(super) channel: String,
}

/// Which expectation, what was expected, and what was found.
pub(super) type Found = (String, String, String);

/// Compares a part of a text.
pub(super) fn part(what: &str, expected: &str, found: &str) -> Option<Found> {
    let fits = !expected.is_empty() && found.contains(expected) || expected == found;
    (!fits).then(|| (what.to_owned(), quoted(expected), quoted(found)))
}

/// All that is not as expected. The error is a key that makes no sense.
pub(super) fn step(expected: &Expected, happened: &Happened, bench: &Workbench) -> Result<Vec<Found>, String> {
    let mut found = Vec::new();
    if let Some(not_asked) = &happened.not_asked {
        found.push(("the hook".to_owned(), "it is called".to_owned(), not_asked.to_string()));
        return Ok(found);
    }
    found.extend(decided(expected, &happened.outcomes));
    let time_zone = &bench.setting().place.time_zone;
    let comparing = Comparing { time_zone, channel: &happened.channel };
    found.extend(comparing.sends(&expected.sends, &happened.outcomes)?);
    if let Some(original) = &happened.original {
        found.extend(comparing.verdict(expected, original, &happened.outcomes)?);
    }
    if let Some(requests) = &expected.requests {
        found.extend(lists(
            "requests",
            requests.iter().map(request),
            happened.requests.iter().map(|made| asked(made, requests)),
        ));
    }
    found.extend(conversation(expected, happened, bench)?);
    Ok(found)
}

/// What the plugin said.
fn decided(expected: &Expected, outcomes: &[Outcome]) -> Vec<Found> {
    let mut found = Vec::new();
    let replies: Vec<&Content> = outcomes.iter().flat_map(|outcome| &outcome.replies).collect();
    let fit = replies.len() == expected.replies.len()
        && replies.iter().zip(&expected.replies).all(|(reply, text)| text.fits(reply));
    if !fit {
        let replies = replies.iter().map(|reply| content(reply));
        found.extend(lists("replies", expected.replies.iter().map(Text::shown), replies));
    }
    let failure = joined(outcomes.iter().filter_map(|outcome| outcome.failure.as_deref()));
    found.extend(part("failure", expected.failure.as_deref().unwrap_or_default(), &failure));
    if let Some(discarded) = &expected.discarded {
        let reason = joined(outcomes.iter().filter_map(|outcome| outcome.discarded.as_deref()));
        found.extend(part("discarded", discarded, &reason));
    }
    if let Some(stops) = expected.stops {
        let stopped = outcomes.iter().any(Outcome::stops);
        found.extend((stops != stopped).then(|| ("stops".to_owned(), stops.to_string(), stopped.to_string())));
    }
    let log: Vec<String> =
        outcomes.iter().flat_map(Outcome::log).map(|(level, text)| format!("{level}: {text}")).collect();
    for line in expected.log.iter().filter(|line| !log.iter().any(|logged| logged.contains(*line))) {
        let lines = if log.is_empty() { "nothing".to_owned() } else { listed(&log) };
        found.push(("log".to_owned(), quoted(line), lines));
    }
    let refused: Vec<&String> = outcomes.iter().flat_map(|outcome| &outcome.refused).collect();
    found.extend(parts("refused", &expected.refused, &refused));
    if let Some(expected) = &expected.left_out {
        let left_out: Vec<&String> = outcomes.iter().flat_map(|outcome| &outcome.left_out).collect();
        found.extend(parts("left_out", expected, &left_out));
    }
    if let Some(forwards) = &expected.forwards {
        let actions = outcomes.iter().flat_map(Outcome::actions).filter(|action| action["action"] == "forward");
        let shown = actions.map(|action| {
            let payload = action["payload"].as_str().and_then(|payload| serde_json::from_str(payload).ok());
            forward(action["endpoint"].as_str().unwrap_or_default(), payload.as_ref())
        });
        let wanted = forwards.iter().map(|Forward { endpoint, payload }| forward(endpoint, payload.as_ref()));
        found.extend(lists("forwards", wanted, shown));
    }
    found
}

/// What is there afterwards.
fn conversation(expected: &Expected, happened: &Happened, bench: &Workbench) -> Result<Vec<Found>, String> {
    let mut found = Vec::new();
    let world = &bench.world;
    let conversation = world.people.last(&happened.channel, &happened.person);
    if let Some(tags) = &expected.tags {
        let sorted = |tags: &[String]| {
            let mut tags = tags.to_vec();
            tags.sort();
            tags
        };
        let there = conversation.map(|conversation| sorted(&conversation.tags)).unwrap_or_default();
        found.extend(lists("tags", sorted(tags), there));
    }
    if let Some(assignee) = &expected.assignee {
        let there = conversation.and_then(|conversation| conversation.assignee.as_deref()).unwrap_or_default();
        found.extend((assignee != there).then(|| ("assignee".to_owned(), quoted(assignee), quoted(there))));
    }
    if let Some(status) = expected.status {
        let there = conversation.map_or("none", |conversation| conversation.status.as_str());
        let wrong = status.as_str() != there;
        found.extend(wrong.then(|| ("status".to_owned(), status.as_str().to_owned(), there.to_owned())));
    }
    if let Some(attributes) = &expected.attributes {
        let contact = conversation.and_then(|conversation| world.people.contact(conversation.contact));
        let there = contact.map(|contact| contact.attributes.clone()).unwrap_or_default();
        found.extend(tables("attributes", attributes, &there));
    }
    let scopes = [
        (Scope::Conversation, &expected.state.conversation),
        (Scope::Contact, &expected.state.contact),
        (Scope::Global, &expected.state.global),
    ];
    for (scope, wanted) in scopes {
        let Some(wanted) = wanted else { continue };
        found.extend(remembered(scope, wanted, &world.remembered(scope, conversation)));
    }
    if let Some(timers) = &expected.timers {
        let running = conversation.map(|conversation| world.timers(conversation.id)).unwrap_or_default();
        let there =
            running.iter().map(|timer| (timer.name.clone(), shown_length(timer.due_at.duration_since(world.now))));
        let wanted = timers.iter().map(|(name, after)| {
            let after = length(after).map_err(|problem| format!("`timers.{name}`: {problem}"))?;
            Ok((name.clone(), shown_length(after)))
        });
        let wanted: BTreeMap<String, String> = wanted.collect::<Result<_, String>>()?;
        found.extend(tables("timers", &wanted, &there.collect()));
    }
    Ok(found)
}

fn remembered(scope: Scope, wanted: &BTreeMap<String, Value>, there: &BTreeMap<String, String>) -> Option<Found> {
    let same = wanted.len() == there.len()
        && wanted.iter().all(|(key, wanted)| there.get(key).is_some_and(|value| is_value(wanted, value)));
    let wanted = wanted.iter().map(|(key, value)| (key.clone(), text(value))).collect();
    (!same).then(|| (format!("state.{}", scope.as_str()), table(&wanted), table(there)))
}

/// A text word for word; anything else as JSON.
fn is_value(wanted: &Value, value: &str) -> bool {
    match wanted {
        Value::String(text) => text == value,
        Value::Number(number) => value.trim().parse::<f64>().ok() == number.as_f64(),
        other => serde_json::from_str::<Value>(value).is_ok_and(|value| value == *other),
    }
}

/// Comparing messages.
struct Comparing<'a> {
    time_zone: &'a str,
    channel: &'a str,
}

impl Comparing<'_> {
    fn sends(&self, expected: &[Sends], outcomes: &[Outcome]) -> Result<Option<Found>, String> {
        let sent: Vec<&Sent> = outcomes.iter().flat_map(|outcome| &outcome.sends).collect();
        let mut fit = sent.len() == expected.len();
        let mut wanted = Vec::new();
        for (index, sends) in expected.iter().enumerate() {
            let send_at = self.send_at("sends.send_at", sends.send_at.as_deref())?;
            let channel = sends.channel.as_deref().unwrap_or(self.channel);
            wanted.push(self.message(&sends.to, channel, sends.sender.as_deref(), &sends.text.shown(), send_at));
            fit = fit
                && sent.get(index).is_some_and(|sent| {
                    let text = Content { text: sent.text.clone(), media: sent.media.clone() };
                    (sent.to.as_str(), sent.channel.as_str()) == (sends.to.as_str(), channel)
                        && sent.sender.as_ref().map(Address::as_str) == sends.sender.as_deref()
                        && sent.send_at == send_at
                        && sends.text.fits(&text)
                });
        }
        let found = sent.iter().map(|sent| self.sent(sent));
        Ok((!fit).then(|| ("sends".to_owned(), listed(&wanted), listed(&found.collect::<Vec<_>>()))))
    }

    /// What became of a message that was to be sent.
    fn verdict(&self, expected: &Expected, original: &Sending, outcomes: &[Outcome]) -> Result<Vec<Found>, String> {
        let rejected = joined(outcomes.iter().filter_map(|outcome| outcome.rejected.as_deref()));
        let mut found: Vec<Found> =
            part("rejected", expected.rejected.as_deref().unwrap_or_default(), &rejected).into_iter().collect();
        let Some(after) = outcomes.iter().rev().find_map(|outcome| outcome.becomes.as_ref()) else { return Ok(found) };
        let usual = Becomes::default();
        let becomes = expected.becomes.as_ref().unwrap_or(&usual);
        let wanted = Sent {
            to: original.to.clone(),
            channel: becomes.channel.clone().unwrap_or_else(|| original.channel.clone()),
            sender: becomes.sender.as_deref().map(Address::received).or_else(|| original.sender.clone()),
            text: becomes.text.clone().unwrap_or_else(|| original.text.clone()),
            media: becomes.media.clone().unwrap_or_else(|| original.media.clone()),
            send_at: self.send_at("becomes.send_at", becomes.send_at.as_deref())?.or(original.send_at),
        };
        if wanted != *after {
            found.push(("becomes".to_owned(), self.sent(&wanted), self.sent(after)));
        }
        Ok(found)
    }

    fn send_at(&self, key: &str, text: Option<&str>) -> Result<Option<jiff::Timestamp>, String> {
        text.map(|text| moment(text, self.time_zone)).transpose().map_err(|problem| format!("`{key}`: {problem}"))
    }

    fn sent(&self, sent: &Sent) -> String {
        let text = content(&Content { text: sent.text.clone(), media: sent.media.clone() });
        let sender = sent.sender.as_ref().map(Address::as_str);
        self.message(sent.to.as_str(), &sent.channel, sender, &text, sent.send_at)
    }

    fn message(
        &self,
        to: &str,
        channel: &str,
        sender: Option<&str>,
        text: &str,
        send_at: Option<jiff::Timestamp>,
    ) -> String {
        let sender = sender.map(|sender| format!(" from {sender}")).unwrap_or_default();
        let at = send_at.map(|at| format!(" at {}", shown(at, self.time_zone))).unwrap_or_default();
        format!("to {to} by {channel}{sender}{at}: {text}")
    }
}

impl Text {
    fn fits(&self, found: &Content) -> bool {
        match self {
            Self::Exact(text) => found.media.is_empty() && found.text == *text,
            Self::Part { contains } => found.text.contains(contains),
            Self::Content { text, media } => (&found.text, &found.media) == (text, media),
        }
    }

    fn shown(&self) -> String {
        match self {
            Self::Exact(text) => quoted(text),
            Self::Part { contains } => format!("… {} …", quoted(contains)),
            Self::Content { text, media } => content(&Content { text: text.clone(), media: media.clone() }),
        }
    }
}

fn request(wanted: &Request) -> String {
    let headers = wanted.headers.iter().map(|(name, value)| format!("{}: {value}", name.to_lowercase()));
    shown_request(wanted.method.as_deref().unwrap_or("GET"), &wanted.url, headers, wanted.body.as_ref().map(text))
}

/// A request that was made, with those headers that anything is expected of.
fn asked(made: &Requested, expected: &[Request]) -> String {
    let named =
        |name: &str| expected.iter().any(|wanted| wanted.headers.keys().any(|key| key.eq_ignore_ascii_case(name)));
    let headers = made.headers.iter().filter(|(name, _)| named(name));
    let headers = headers.map(|(name, value)| format!("{}: {value}", name.to_lowercase()));
    shown_request(&made.method, &made.url, headers, made.body.clone())
}

fn shown_request(method: &str, url: &str, headers: impl Iterator<Item = String>, body: Option<String>) -> String {
    // However a body was written: the same JSON is the same body.
    let body = body.map(|body| serde_json::from_str::<Value>(&body).map_or(body, |json| json.to_string()));
    let headers = bracketed(headers);
    format!("{method} {url}{headers}{}", body.map(|body| format!(" {body}")).unwrap_or_default())
}

fn bracketed(texts: impl Iterator<Item = String>) -> String {
    texts.map(|text| [" [", &text, "]"].concat()).collect()
}

fn forward(endpoint: &str, payload: Option<&Value>) -> String {
    format!("{endpoint}{}", payload.map(|payload| format!(" {payload}")).unwrap_or_default())
}

fn content(content: &Content) -> String {
    format!("{}{}", quoted(&content.text), bracketed(content.media.iter().cloned()))
}

/// Each a part of the one in its place.
fn parts(what: &str, expected: &[String], found: &[&String]) -> Option<Found> {
    let fit = expected.len() == found.len() && expected.iter().zip(found).all(|(part, text)| text.contains(part));
    let shown = |texts: &mut dyn Iterator<Item = &String>| listed(&texts.map(|text| quoted(text)).collect::<Vec<_>>());
    (!fit).then(|| (what.to_owned(), shown(&mut expected.iter()), shown(&mut found.iter().copied())))
}

fn lists(
    what: &str,
    expected: impl IntoIterator<Item = String>,
    found: impl IntoIterator<Item = String>,
) -> Option<Found> {
    let (expected, found): (Vec<_>, Vec<_>) = (expected.into_iter().collect(), found.into_iter().collect());
    (expected != found).then(|| (what.to_owned(), listed(&expected), listed(&found)))
}

fn tables(what: &str, expected: &BTreeMap<String, String>, found: &BTreeMap<String, String>) -> Option<Found> {
    (expected != found).then(|| (what.to_owned(), table(expected), table(found)))
}

fn table(values: &BTreeMap<String, String>) -> String {
    listed(&values.iter().map(|(key, value)| format!("{key} = {}", quoted(value))).collect::<Vec<_>>())
}

fn listed(texts: &[String]) -> String {
    if texts.is_empty() { "none".to_owned() } else { texts.join("\n") }
}

fn joined<'a>(texts: impl Iterator<Item = &'a str>) -> String {
    texts.collect::<Vec<_>>().join("; ")
}

fn quoted(text: &str) -> String {
    if text.is_empty() { "none".to_owned() } else { format!("{text:?}") }
}
