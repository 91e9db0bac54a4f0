//! Growing a plan, one plugin's decision after the other.

use jiff::SignedDuration;
use serde::de::IgnoredAny;

use super::{Action, Outgoing, Plan, PlannedForward, PlannedReply, PlannedSend, PlannedTimer, TimerChange};
use crate::message::MAX_MEDIA;

/// Twilio refuses more replies to one message than this (its error 14109).
const MAX_REPLIES: usize = 10;
/// Ten provider requests of Twilio's length; more to one message is a plugin that has gone wild.
const MAX_TEXT_CHARACTERS: usize = 16_000;
const MAX_TAGS: usize = 50;
const MAX_NAME_CHARACTERS: usize = 64;
const MAX_ADDRESS_CHARACTERS: usize = 256;
const MAX_SENDS: usize = 10;
const MAX_FORWARDS: usize = 10;
const MAX_TIMERS: usize = 20;
const MAX_ATTRIBUTES: usize = 50;
/// Of an attribute's value, a reason, a timer's payload, the address of a medium.
const MAX_VALUE_CHARACTERS: usize = 4_000;
const MAX_CUSTOM: usize = 10;
/// The most actions of one plugin to one message, however little each asks for: all are traced.
const MAX_ACTIONS: usize = 256;
const MAX_PAYLOAD_BYTES: usize = 64 * 1024;
/// The furthest that a timer may be set.
const MAX_TIMER_MS: f64 = 366.0 * 24.0 * 3_600_000.0;

/// Grows a plan, one plugin's decision after the other.
#[derive(Clone, Debug)]
pub struct Planner {
    before: Vec<String>,
    tags: Vec<String>,
    custom: usize,
    plan: Plan,
}

/// What became of one plugin's actions.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Taken {
    /// Those that are in the plan.
    pub actions: Vec<Action>,
    /// The reason for each of the others.
    pub left_out: Vec<String>,
}

impl Planner {
    /// For a conversation that has these tags.
    pub fn new(tags: Vec<String>) -> Self {
        Self { before: tags.clone(), tags, custom: 0, plan: Plan::default() }
    }

    /// The tags as the next plugin of the chain sees them.
    pub fn tags(&self) -> &[String] {
        &self.tags
    }

    /// Takes one plugin's actions into the plan. What is left out leaves only its reason behind: a plugin
    /// that asks for much too much must not fill the traces.
    pub fn take(&mut self, plugin: &str, mut actions: Vec<Action>) -> Taken {
        let mut left_out = Vec::new();
        let over = actions.len().saturating_sub(MAX_ACTIONS);
        actions.truncate(MAX_ACTIONS);
        actions.retain_mut(|action| {
            if let Action::Discard { reason } = action {
                left_out.extend(cut_reason("the reason to discard it", reason));
            }
            self.add_one(plugin, action).map_err(|reason| left_out.push(reason)).is_ok()
        });
        if over > 0 {
            left_out.push(format!("{over} actions were left out: {MAX_ACTIONS} of one plugin at the most"));
        }
        Taken { actions, left_out }
    }

    /// The same for whoever keeps the actions. Gives the reason for each that is left out.
    pub fn add(&mut self, plugin: &str, actions: &[Action]) -> Vec<String> {
        self.take(plugin, actions.to_vec()).left_out
    }

    fn add_one(&mut self, plugin: &str, action: &Action) -> Result<(), String> {
        match action {
            Action::Reply { text, media } => self.reply(plugin, text, media),
            Action::Send(outgoing) => self.send(plugin, outgoing),
            Action::Tag { tag } => self.tag(tag),
            Action::Untag { tag } => {
                let tag = named("a tag to take back", tag)?;
                self.tags.retain(|known| known != tag);
                Ok(())
            }
            Action::Assign { to } => self.assign(to.as_deref()),
            Action::SetStatus { status } => {
                self.plan.status = Some(*status);
                Ok(())
            }
            Action::SetAttribute { name, value } => self.attribute(name, value.as_deref()),
            Action::Forward { endpoint, payload } => self.forward(plugin, endpoint, payload.as_deref()),
            Action::StartTimer { name, after_ms, payload } => self.start_timer(plugin, name, *after_ms, payload),
            Action::CancelTimer { name } => self.timer(plugin, name, TimerChange::Cancel),
            Action::Discard { reason } => {
                self.plan.discarded = Some(reason.clone());
                Ok(())
            }
            Action::Custom { name, json } => self.custom(name, json),
        }
    }

    fn reply(&mut self, plugin: &str, text: &str, media: &[String]) -> Result<(), String> {
        check_content("a reply", text, media)?;
        if self.plan.replies.len() == MAX_REPLIES {
            return Err(format!("a reply was left out: {MAX_REPLIES} to one message at the most"));
        }
        let reply = PlannedReply { plugin: plugin.to_owned(), text: text.to_owned(), media: media.to_vec() };
        self.plan.replies.push(reply);
        Ok(())
    }

    fn send(&mut self, plugin: &str, outgoing: &Outgoing) -> Result<(), String> {
        check_content("a message to send", &outgoing.text, &outgoing.media)?;
        if outgoing.recipient.trim().is_empty() {
            return Err("a message to send was left out: it has no recipient".to_owned());
        }
        let names = [Some(&outgoing.recipient), outgoing.channel.as_ref(), outgoing.sender.as_ref()];
        if names.into_iter().flatten().any(|name| name.chars().count() > MAX_ADDRESS_CHARACTERS) {
            return Err(format!(
                "a message to send was left out: recipient, channel and sender may have {MAX_ADDRESS_CHARACTERS} \
                 characters each"
            ));
        }
        if self.plan.sends.len() == MAX_SENDS {
            return Err(format!("a message to send was left out: {MAX_SENDS} at the most"));
        }
        self.plan.sends.push(PlannedSend { plugin: plugin.to_owned(), outgoing: outgoing.clone() });
        Ok(())
    }

    /// Nothing is done, but all of it is traced.
    fn custom(&mut self, name: &str, json: &str) -> Result<(), String> {
        let name = named("a custom action", name)?;
        if json.len() > MAX_PAYLOAD_BYTES {
            return Err(format!(
                "the custom action `{name}` was left out: its JSON may have {MAX_PAYLOAD_BYTES} bytes"
            ));
        }
        if let Err(error) = serde_json::from_str::<IgnoredAny>(json) {
            return Err(format!("the custom action `{name}` was left out: it is not JSON: {error}"));
        }
        if self.custom == MAX_CUSTOM {
            return Err(format!("the custom action `{name}` was left out: {MAX_CUSTOM} at the most"));
        }
        self.custom += 1;
        Ok(())
    }

    /// Labels the conversation with all of these that there is room for, and leaves no others in the list.
    /// Gives the reason for each that goes.
    pub fn tag_all(&mut self, tags: &mut Vec<String>) -> Vec<String> {
        let mut left_out = Vec::new();
        let over = tags.len().saturating_sub(MAX_TAGS);
        tags.truncate(MAX_TAGS);
        tags.retain_mut(|tag| {
            *tag = tag.trim().to_owned();
            self.tag(tag).map_err(|reason| left_out.push(reason)).is_ok()
        });
        if over > 0 {
            left_out.push(format!("{over} tags were left out: {MAX_TAGS} of one plugin at the most"));
        }
        left_out
    }

    /// Labels the conversation.
    pub fn tag(&mut self, tag: &str) -> Result<(), String> {
        let tag = named("a tag", tag)?;
        if self.tags.iter().any(|known| known == tag) {
            return Ok(());
        }
        if self.tags.len() == MAX_TAGS {
            return Err(format!("a tag was left out: a conversation has {MAX_TAGS} at the most"));
        }
        self.tags.push(tag.to_owned());
        Ok(())
    }

    fn assign(&mut self, to: Option<&str>) -> Result<(), String> {
        let to = to.map(|to| named("an assignment", to)).transpose()?;
        self.plan.assignee = Some(to.map(str::to_owned));
        Ok(())
    }

    fn attribute(&mut self, name: &str, value: Option<&str>) -> Result<(), String> {
        let name = named("an attribute", name)?;
        if value.is_some_and(|value| value.chars().count() > MAX_VALUE_CHARACTERS) {
            return Err(format!("the attribute `{name}` was left out: {MAX_VALUE_CHARACTERS} characters at the most"));
        }
        if self.plan.attributes.len() == MAX_ATTRIBUTES && !self.plan.attributes.contains_key(name) {
            return Err(format!("the attribute `{name}` was left out: {MAX_ATTRIBUTES} at the most"));
        }
        self.plan.attributes.insert(name.to_owned(), value.map(str::to_owned));
        Ok(())
    }

    fn forward(&mut self, plugin: &str, endpoint: &str, payload: Option<&str>) -> Result<(), String> {
        let endpoint = named("a forward", endpoint)?;
        if payload.is_some_and(|payload| payload.len() > MAX_PAYLOAD_BYTES) {
            return Err(format!(
                "a forward to `{endpoint}` was left out: its payload may have {MAX_PAYLOAD_BYTES} bytes"
            ));
        }
        let payload = payload.map(serde_json::from_str).transpose();
        let payload = payload
            .map_err(|error| format!("a forward to `{endpoint}` was left out: its payload is not JSON: {error}"))?;
        if self.plan.forwards.len() == MAX_FORWARDS {
            return Err(format!("a forward to `{endpoint}` was left out: {MAX_FORWARDS} at the most"));
        }
        let forward = PlannedForward { plugin: plugin.to_owned(), endpoint: endpoint.to_owned(), payload };
        self.plan.forwards.push(forward);
        Ok(())
    }

    fn start_timer(&mut self, plugin: &str, name: &str, after_ms: f64, payload: &str) -> Result<(), String> {
        let name = named("a timer", name)?;
        if !(0.0..=MAX_TIMER_MS).contains(&after_ms) {
            return Err(format!("the timer `{name}` was left out: it must run out within 366 days"));
        }
        if payload.chars().count() > MAX_VALUE_CHARACTERS {
            return Err(format!(
                "the timer `{name}` was left out: its payload may have {MAX_VALUE_CHARACTERS} characters"
            ));
        }
        #[expect(clippy::cast_possible_truncation, reason = "whole milliseconds within a year")]
        let after = SignedDuration::from_millis(after_ms as i64);
        self.timer(plugin, name, TimerChange::Start { after, payload: payload.to_owned() })
    }

    /// The last word about a timer is the one that holds.
    fn timer(&mut self, plugin: &str, name: &str, change: TimerChange) -> Result<(), String> {
        let name = named("a timer", name)?;
        let timers = &mut self.plan.timers;
        timers.retain(|timer| (timer.plugin.as_str(), timer.name.as_str()) != (plugin, name));
        if timers.len() == MAX_TIMERS {
            return Err(format!("the timer `{name}` was left out: {MAX_TIMERS} at the most"));
        }
        timers.push(PlannedTimer { plugin: plugin.to_owned(), name: name.to_owned(), change });
        Ok(())
    }

    pub fn finish(mut self) -> Plan {
        if self.tags != self.before {
            self.plan.tags = Some(self.tags);
        }
        if self.plan.discarded.is_some() {
            self.plan.replies.clear();
        }
        self.plan
    }
}

/// A reason as people read it: never empty, never endless. Says so if it was.
pub fn cut_reason(what: &str, reason: &mut String) -> Option<String> {
    let trimmed = reason.trim();
    if trimmed.len() < reason.len() || trimmed.is_empty() {
        *reason = if trimmed.is_empty() { "no reason given" } else { trimmed }.to_owned();
    }
    let (end, _) = reason.char_indices().nth(MAX_VALUE_CHARACTERS)?;
    reason.truncate(end);
    Some(format!("{what} was cut: {MAX_VALUE_CHARACTERS} characters at the most"))
}

fn check_content(what: &str, text: &str, media: &[String]) -> Result<(), String> {
    if text.trim().is_empty() && media.is_empty() {
        return Err(format!("{what} without text and media was left out"));
    }
    let characters = text.chars().count();
    if characters > MAX_TEXT_CHARACTERS {
        return Err(format!("{what} of {characters} characters was left out: {MAX_TEXT_CHARACTERS} at the most"));
    }
    if media.len() > MAX_MEDIA {
        return Err(format!("{what} with {} media was left out: {MAX_MEDIA} at the most", media.len()));
    }
    if media.iter().any(|url| url.chars().count() > MAX_VALUE_CHARACTERS) {
        return Err(format!("{what} was left out: the address of a medium may have {MAX_VALUE_CHARACTERS} characters"));
    }
    Ok(())
}

/// A name without what surrounds it, if it is one.
fn named<'a>(what: &str, name: &'a str) -> Result<&'a str, String> {
    let name = name.trim();
    if name.is_empty() || name.chars().count() > MAX_NAME_CHARACTERS {
        return Err(format!("{what} was left out: it must have 1 to {MAX_NAME_CHARACTERS} characters"));
    }
    Ok(name)
}
