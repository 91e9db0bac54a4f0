//! Running cases: a fresh gateway in memory for each, one step after the other.

use std::sync::Arc;

use serde::Serialize;
use serde_json::Value;

use super::compare::{self, Happened};
use super::given::{Given, text};
use super::{Case, Cases, Change, Difference, Step};
use crate::message::{Address, Media, Place, ProviderError};
use crate::plugins::wasm::{Engine, LoadError, WasmPlugin};
use crate::plugins::{Origin, Plugin, Scope, Settings};
use crate::workbench::{
    Answers, NotAsked, Outcome, Received, Reported, Sending, Setting, Workbench, World, length, moment,
};

/// What is usual where nothing is given.
const AT: &str = "2026-09-21 09:13:20";
const TIME_ZONE: &str = "America/Cancun";
const LOCALE: &str = "es-MX";
const REGION: &str = "MX";
const CHANNEL: &str = "sms";
const FROM: &str = "+525512345678";
const TO: &str = "+529983162438";

/// A component on which cases are run.
pub struct Bench {
    pub engine: Engine,
    pub component: Vec<u8>,
    pub settings: Settings,
}

/// What running a case came to.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    pub name: String,
    pub ok: bool,
    pub differences: Vec<Difference>,
    /// What each step came to.
    pub steps: Vec<Vec<Outcome>>,
}

impl Bench {
    /// Runs a case of a file. The error names a key of the case, or is why the component can't be
    /// loaded at all.
    pub async fn run(&self, case: &Case, cases: &Cases) -> Result<Report, String> {
        let given = case.given.over(&cases.given);
        let settings = Settings { config: Value::Object(given.config.clone()), ..self.settings.clone() };
        let loaded = WasmPlugin::load(&self.engine, &settings, self.component.clone()).await;
        let plugin: Arc<dyn Plugin> = match (loaded, &case.refused_config) {
            (Ok(plugin), None) => Arc::new(plugin),
            (Err(LoadError::BadConfig { pointer, problem }), Some(expected)) => {
                let found = format!("`config{pointer}`: {problem}");
                return Ok(Report::of(case, compare::part("refused_config", expected, &found)));
            }
            (Ok(_), Some(expected)) => {
                return Ok(Report::of(case, compare::part("refused_config", expected, "it is accepted")));
            }
            (Err(LoadError::BadConfig { pointer, problem }), None) => {
                return Ok(Report::of(
                    case,
                    compare::part("config", "it is accepted", &format!("`config{pointer}`: {problem}")),
                ));
            }
            (Err(error), _) => return Err(error.to_string()),
        };
        let mut running = Running::new(plugin, &settings.name, &given)?;
        let mut report = Report::of(case, None);
        for (index, step) in case.steps.iter().enumerate() {
            let place = |problem: String| format!("step {}: {problem}", index + 1);
            let happened = running.go(step).await.map_err(place)?;
            let found = compare::step(&step.expected, &happened, &running.bench).map_err(place)?;
            report.differences.extend(found.into_iter().map(|(what, expected, found)| Difference {
                step: index + 1,
                happened: step.happens(),
                what,
                expected,
                found,
            }));
            report.steps.push(happened.outcomes);
        }
        report.ok = report.differences.is_empty();
        Ok(report)
    }
}

impl Report {
    fn of(case: &Case, found: Option<compare::Found>) -> Self {
        let differences = found.into_iter().map(|(what, expected, found)| {
            let happened = "the configuration is loaded".to_owned();
            Difference { step: 0, happened, what, expected, found }
        });
        let differences: Vec<Difference> = differences.collect();
        Self { name: case.name.clone(), ok: differences.is_empty(), differences, steps: Vec::new() }
    }
}

/// A case on its way.
struct Running {
    bench: Workbench,
    answers: Answers,
    channel: String,
    from: Address,
    region: String,
}

impl Running {
    fn new(plugin: Arc<dyn Plugin>, name: &str, given: &Given) -> Result<Self, String> {
        let or = |given: &Option<String>, usual: &str| given.clone().unwrap_or_else(|| usual.to_owned());
        let (time_zone, region) = (or(&given.time_zone, TIME_ZONE), or(&given.region, REGION));
        let now = moment(&or(&given.at, AT), &time_zone).map_err(|problem| format!("given.at: {problem}"))?;
        let answers = Answers::new(given.answers());
        let setting = Setting {
            name: name.to_owned(),
            place: Place { locale: or(&given.locale, LOCALE), time_zone, subject: None },
            region: region.clone(),
            ours: Address::received(&or(&given.to, TO)),
            seed: given.seed.unwrap_or(0),
            fetcher: Arc::new(answers.clone()),
        };
        let bench = Workbench::new(plugin, setting, World::new(now));
        let (channel, from) = (or(&given.channel, CHANNEL), Address::received(&or(&given.from, FROM)));
        let mut running = Self { bench, answers, channel, from, region };
        running.prepare(given);
        Ok(running)
    }

    /// Puts what is given where it belongs. There is a conversation already only if something is given
    /// of it.
    fn prepare(&mut self, given: &Given) {
        let state = &given.state;
        let known = given.conversation.is_some() || given.contact.is_some();
        let id = (known || !state.conversation.is_empty() || !state.contact.is_empty())
            .then(|| self.bench.open(&self.channel, &self.from));
        let given_contact = given.contact.clone();
        let people = &mut self.bench.world.people;
        if let Some(conversation) = id.and_then(|id| people.conversation_mut(id)) {
            let given = given.conversation.clone().unwrap_or_default();
            conversation.status = given.status.unwrap_or(conversation.status);
            (conversation.tags, conversation.assignee) = (given.tags, given.assignee);
            conversation.inbound_count = given.inbound_count;
            if let Some(subject) = given.subject {
                conversation.subject = subject;
            }
            let contact = conversation.contact;
            if let Some((contact, given)) = people.contact_mut(contact).zip(given_contact) {
                (contact.name, contact.attributes) = (given.name, given.attributes);
            }
        }
        let scopes = [
            (Scope::Conversation, &state.conversation),
            (Scope::Contact, &state.contact),
            (Scope::Global, &state.global),
        ];
        for (scope, values) in scopes {
            for (key, value) in values {
                self.bench.world.remember(scope, id, key, text(value));
            }
        }
    }

    /// Goes one step.
    async fn go(&mut self, step: &Step) -> Result<Happened, String> {
        let mut outcomes = Vec::new();
        if let Some(wait) = &step.wait {
            let length = length(wait).map_err(|problem| format!("`wait`: {problem}"))?;
            outcomes.extend(self.bench.pass(length).await);
        }
        if let Some(at) = &step.at {
            let end = self.moment("at", at)?;
            outcomes.extend(self.bench.advance(end).await);
        }
        let person = step.from.as_deref().map_or_else(|| self.from.clone(), Address::received);
        let channel = step.channel.clone().unwrap_or_else(|| self.channel.clone());
        let mut original = None;
        let outcome = if let Some(text) = &step.receive {
            Some(self.bench.receive(received(step, &channel, &person, text)).await)
        } else if let Some(text) = &step.send {
            let sending = self.sending(step, &channel, &person, text)?;
            original = Some(sending.clone());
            Some(self.bench.send(sending).await)
        } else if let Some(status) = step.report {
            let own = step.own.then(|| self.bench.setting().name.clone());
            let error = (step.error_code.is_some() || step.error_message.is_some())
                .then(|| ProviderError { code: step.error_code, message: step.error_message.clone() });
            let (channel, to) = (channel.clone(), person.clone());
            Some(self.bench.report(Reported { channel, to, status, error, plugin: own }).await)
        } else if let Some(name) = &step.timer {
            let id = self.bench.open(&channel, &person);
            Some(self.bench.fire(id, name, step.payload.as_deref()).await)
        } else {
            if let Some(change) = &step.change {
                self.change(change, &channel, &person);
            }
            None
        };
        let not_asked = match outcome.transpose() {
            Ok(outcome) => {
                outcomes.extend(outcome);
                None
            }
            Err(not_asked @ NotAsked(_)) => Some(not_asked),
        };
        let requests = self.answers.take_requests();
        Ok(Happened { outcomes, not_asked, original, requests, person, channel })
    }

    fn sending(&self, step: &Step, channel: &str, to: &Address, text: &str) -> Result<Sending, String> {
        let origin = match step.origin.as_deref() {
            None | Some("api") => Origin::Api,
            Some("console") => Origin::Console,
            Some("plugin") => Origin::Plugin,
            Some("bulk") => Origin::Bulk,
            Some(other) => return Err(format!("`origin`: `{other}` is none of api, console, plugin, bulk")),
        };
        let send_at = step.send_at.as_deref().map(|at| self.moment("send_at", at)).transpose()?;
        Ok(Sending {
            channel: channel.to_owned(),
            to: Address::recipient(to.as_str(), &self.region).unwrap_or_else(|_| to.clone()),
            sender: step.sender.as_deref().map(Address::received),
            text: text.to_owned(),
            media: step.media.clone(),
            origin,
            send_at,
        })
    }

    fn change(&mut self, change: &Change, channel: &str, person: &Address) {
        let id = self.bench.open(channel, person);
        let people = &mut self.bench.world.people;
        let Some(conversation) = people.conversation_mut(id) else { return };
        conversation.status = change.status.unwrap_or(conversation.status);
        if let Some(assignee) = &change.assignee {
            conversation.assignee = Some(assignee.clone()).filter(|name| !name.is_empty());
        }
        if let Some(tags) = &change.tags {
            conversation.tags.clone_from(tags);
        }
        let contact = conversation.contact;
        let Some(contact) = people.contact_mut(contact) else { return };
        contact.name = change.name.clone().or_else(|| contact.name.take());
        contact.attributes.extend(change.attributes.clone());
    }

    fn moment(&self, key: &str, text: &str) -> Result<jiff::Timestamp, String> {
        moment(text, &self.bench.setting().place.time_zone).map_err(|problem| format!("`{key}`: {problem}"))
    }
}

fn received(step: &Step, channel: &str, from: &Address, text: &str) -> Received {
    Received {
        channel: channel.to_owned(),
        from: from.clone(),
        text: text.to_owned(),
        media: step.media.iter().map(|url| Media { url: url.clone(), content_type: None }).collect(),
        extra: step.extra.iter().map(|(name, value)| (name.clone(), value.clone())).collect(),
    }
}
