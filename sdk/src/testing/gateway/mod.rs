//! Whole conversations with a plugin.

mod outcome;
mod people;

use std::marker::PhantomData;
use std::time::Duration;

pub use outcome::{Outcome, Refusal};
use people::People;

use super::host::moment;
use super::samples::PERSON;
use super::{Host, context, logged, message, outbound_message, with_config};
use crate::clock::millis;
use crate::fetch::{Failure as FetchFailure, Request, Response};
use crate::state::Scope;
use crate::{
    Action, Changes, Context, Conversation, Decision, Failure, Flow, Hooks, InboundMessage, Origin, OutboundMessage,
    Outgoing, Plugin, StatusReport, Timer, Verdict,
};

/// Holds conversations with a plugin as the gateway would: one message after the other, with what
/// each decision leads to. Tags, status, assignee, attributes, state and timers last; a conversation
/// that was closed is followed by a new one; a call that fails changes nothing; what is sent passes
/// the plugin's own outbound hook. One plugin is alone here, and its replies always arrive.
///
/// ```
/// use std::time::Duration;
///
/// use recado_sdk::testing::Gateway;
/// use recado_sdk::{
///     Context, Conversation, Decision, Failure, Hooks, InboundMessage, Manifest, Plugin, StartTimer, Timer,
/// };
///
/// /// Asks after a while whether all is well.
/// struct Caring;
///
/// impl Plugin for Caring {
///     fn describe() -> Manifest {
///         Manifest::new("caring", "1.0.0").hooks(Hooks::INBOUND | Hooks::TIMER)
///     }
///
///     fn on_inbound(message: InboundMessage, _: Conversation, _: Context) -> Result<Decision, Failure> {
///         if message.text == "ya" {
///             return Ok(Decision::proceed().cancel_timer("ask"));
///         }
///         Ok(Decision::proceed().start_timer(StartTimer::new("ask", Duration::from_secs(3600)).payload(message.text)))
///     }
///
///     fn on_timer(timer: Timer, _: Conversation, _: Context) -> Result<Decision, Failure> {
///         Ok(Decision::proceed().reply(format!("¿Se resolvió «{}»?", timer.payload)))
///     }
/// }
///
/// let mut gateway = Gateway::<Caring>::new();
/// gateway.receive("no prende");
/// let fired = gateway.advance(Duration::from_secs(3600));
/// assert_eq!(fired[0].replies(), ["¿Se resolvió «no prende»?"]);
///
/// gateway.receive("no prende");
/// gateway.receive("ya");
/// assert!(gateway.advance(Duration::from_secs(3600)).is_empty());
/// ```
#[derive(Debug)]
pub struct Gateway<P> {
    host: Host,
    context: Context,
    config: String,
    people: People,
    timers: Vec<Running>,
    plugin: PhantomData<P>,
}

/// A timer that runs, of the conversation in this place.
#[derive(Debug)]
struct Running {
    conversation: usize,
    timer: Timer,
}

impl<P: Plugin> Gateway<P> {
    /// Nobody has written yet, and there is no configuration.
    pub fn new() -> Self {
        Self {
            host: Host::new(),
            context: Context { plugin: P::describe().name, ..context() },
            config: "{}".to_owned(),
            people: People::default(),
            timers: Vec::new(),
            plugin: PhantomData,
        }
    }

    /// With an operator's configuration, as JSON. It is not checked against the schema.
    #[must_use]
    pub fn config(mut self, json: impl Into<String>) -> Self {
        self.config = json.into();
        self
    }

    /// In another time zone (IANA) than `America/Cancun`.
    #[must_use]
    pub fn time_zone(mut self, time_zone: impl Into<String>) -> Self {
        self.context.time_zone = time_zone.into();
        self
    }

    /// In another language (BCP 47) than `es-MX`.
    #[must_use]
    pub fn locale(mut self, locale: impl Into<String>) -> Self {
        self.context.locale = locale.into();
        self
    }

    /// Sets the clock to a time of day in the gateway's time zone, as in `2026-08-03 20:15`. Timers
    /// that are passed on the way wait for [`advance`](Self::advance).
    ///
    /// # Panics
    ///
    /// If it is no time, or the time zone is none.
    #[must_use]
    pub fn at(mut self, local: &str) -> Self {
        self.set_time(local);
        self
    }

    /// Where randomness begins.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.host = self.host.seed(seed);
        self
    }

    /// Lets a host answer the next request to an address that begins so. Each answer is given once,
    /// the first that fits first.
    #[must_use]
    pub fn answer(mut self, url: impl Into<String>, response: Response) -> Self {
        self.host = self.host.answer(url, response);
        self
    }

    /// Lets the next request to an address that begins so fail.
    #[must_use]
    pub fn refuse(mut self, url: impl Into<String>, failure: FetchFailure) -> Self {
        self.host = self.host.refuse(url, failure);
        self
    }

    /// Sets the clock, as [`at`](Self::at) does, while the gateway runs.
    ///
    /// # Panics
    ///
    /// If it is no time, or the time zone is none.
    pub fn set_time(&mut self, local: &str) {
        self.host.set_now(moment(local, &self.context.time_zone));
    }

    /// A text from the person that all samples are about.
    ///
    /// # Panics
    ///
    /// If the plugin's manifest does not name the hook.
    pub fn receive(&mut self, text: impl Into<String>) -> Outcome {
        self.receive_from(PERSON, text)
    }

    /// A text from somebody.
    ///
    /// # Panics
    ///
    /// If the plugin's manifest does not name the hook.
    pub fn receive_from(&mut self, sender: &str, text: impl Into<String>) -> Outcome {
        self.receive_message(InboundMessage { sender: sender.to_owned(), ..message(text) })
    }

    /// Any message, but for its time and id, which are the gateway's.
    ///
    /// # Panics
    ///
    /// If the plugin's manifest does not name the hook.
    pub fn receive_message(&mut self, mut message: InboundMessage) -> Outcome {
        require::<P>(Hooks::INBOUND, "INBOUND");
        message.received_at = self.host.now();
        message.id = self.people.next_id();
        let place = self.people.open(&message.channel, &message.sender);
        let conversation = self.people.heard(place, message.received_at);
        self.decide(place, |context| P::on_inbound(message, conversation, context))
    }

    /// What became of a message to the recipient that the report names.
    ///
    /// # Panics
    ///
    /// If the plugin's manifest does not name the hook.
    pub fn report(&mut self, mut report: StatusReport) -> Outcome {
        require::<P>(Hooks::STATUS, "STATUS");
        report.at = self.host.now();
        let place = self.people.open(&report.channel, &report.recipient);
        let conversation = self.people.get(place);
        self.decide(place, |context| P::on_status(report, conversation, context))
    }

    /// A message that somebody wants sent, on its way through the outbound hook.
    pub fn send(&mut self, mut message: OutboundMessage) -> Result<OutboundMessage, Refusal> {
        message.created_at = self.host.now();
        message.id = self.people.next_id();
        self.pass(message)
    }

    /// Lets time pass. The timers that run out meanwhile fire in order, each at its own moment.
    ///
    /// # Panics
    ///
    /// If one fires, and the plugin's manifest does not name the hook.
    pub fn advance(&mut self, length: Duration) -> Vec<Outcome> {
        let end = self.host.now() + millis(length);
        let mut outcomes = Vec::new();
        while let Some(Running { conversation: place, timer }) = self.next_due(end) {
            require::<P>(Hooks::TIMER, "TIMER");
            self.host.set_now(timer.due_at.max(self.host.now()));
            let conversation = self.people.get(place);
            outcomes.push(self.decide(place, |context| P::on_timer(timer, conversation, context)));
        }
        self.host.set_now(end);
        outcomes
    }

    /// The moment that the clock shows.
    pub fn now(&self) -> f64 {
        self.host.now()
    }

    /// The last conversation with the person that all samples are about, if there was any.
    pub fn conversation(&self) -> Option<&Conversation> {
        self.conversation_with(PERSON)
    }

    /// The last conversation with somebody, if there was any.
    pub fn conversation_with(&self, address: &str) -> Option<&Conversation> {
        self.people.last(address)
    }

    /// Changes a conversation as people do in the console, or nothing if there is none.
    ///
    /// ```
    /// # use recado_sdk::{Manifest, Plugin, testing::Gateway};
    /// # struct Silent;
    /// # impl Plugin for Silent {
    /// #     fn describe() -> Manifest { Manifest::new("silent", "1.0.0") }
    /// # }
    /// let mut gateway = Gateway::<Silent>::new();
    /// gateway.receive("hola");
    /// gateway.change(recado_sdk::testing::message("").sender.as_str(), |conversation| {
    ///     conversation.assignee = Some("ana".to_owned());
    /// });
    /// assert_eq!(gateway.conversation().unwrap().assignee.as_deref(), Some("ana"));
    /// ```
    pub fn change(&mut self, address: &str, change: impl FnOnce(&mut Conversation)) {
        self.people.change(address, change);
    }

    /// What the plugin remembers: of the last conversation with the person that all samples are
    /// about, of that person, or of itself.
    pub fn remembered(&mut self, scope: Scope, key: &str) -> Option<String> {
        self.host.subjects = self.conversation().map(subjects);
        self.host.remembered(scope, key)
    }

    /// The timers that run, the first to run out first.
    pub fn timers(&self) -> Vec<&Timer> {
        let mut timers: Vec<_> = self.timers.iter().map(|running| &running.timer).collect();
        timers.sort_by(|one, other| one.due_at.total_cmp(&other.due_at));
        timers
    }

    /// What was asked of other hosts, in order.
    pub fn requests(&self) -> &[Request] {
        self.host.requests()
    }

    /// Makes a call, and does what it decides.
    fn decide(&mut self, place: usize, call: impl FnOnce(Context) -> Result<Decision, Failure>) -> Outcome {
        let conversation = self.people.get(place);
        self.host.subjects = Some(subjects(&conversation));
        let context = self.context.clone();
        let host = &mut self.host;
        let (result, log) = logged(|| with_config(self.config.clone(), || host.attempt(|| call(context))));
        let mut outcome = Outcome { result, sent: Vec::new(), refused: Vec::new(), log };
        for action in outcome.actions().to_vec() {
            match action {
                Action::Send(outgoing) => match self.pass(self.outbound(&conversation, outgoing)) {
                    Ok(message) => outcome.sent.push(message),
                    Err(refusal) => outcome.refused.push(refusal),
                },
                Action::StartTimer(timer) => {
                    self.stop_timer(place, &timer.name);
                    let (started_at, due_at) = (self.host.now(), self.host.now() + timer.after);
                    let timer = Timer { name: timer.name, payload: timer.payload, started_at, due_at };
                    self.timers.push(Running { conversation: place, timer });
                }
                Action::CancelTimer(name) => self.stop_timer(place, &name),
                action => self.people.apply(place, action),
            }
        }
        outcome
    }

    fn outbound(&self, conversation: &Conversation, outgoing: Outgoing) -> OutboundMessage {
        OutboundMessage {
            channel: outgoing.channel.unwrap_or_else(|| conversation.channel.clone()),
            sender: outgoing.sender,
            recipient: outgoing.recipient,
            media: outgoing.media,
            origin: Origin::Plugin,
            send_at: outgoing.send_at,
            created_at: self.host.now(),
            ..outbound_message(outgoing.text)
        }
    }

    /// Asks the outbound hook, if the plugin has one.
    fn pass(&mut self, mut message: OutboundMessage) -> Result<OutboundMessage, Refusal> {
        if !P::describe().hooks.contains(Hooks::OUTBOUND) {
            return Ok(message);
        }
        let conversation = self.people.find(&message.channel, &message.recipient);
        self.host.subjects = conversation.as_ref().map(subjects);
        let (asked, context) = (message.clone(), self.context.clone());
        let call = || P::on_outbound(asked, conversation, context);
        let host = &mut self.host;
        match with_config(self.config.clone(), || host.attempt(call)) {
            Ok(Verdict::Accept(changes)) => {
                let tags = changes.tags.clone();
                change(&mut message, changes);
                let place = self.people.open(&message.channel, &message.recipient);
                for tag in tags {
                    self.people.apply(place, Action::Tag(tag));
                }
                Ok(message)
            }
            Ok(Verdict::Reject(reason)) => Err(Refusal::Rejected(reason)),
            Err(failure) => Err(Refusal::Failed(failure)),
        }
    }

    fn next_due(&mut self, end: f64) -> Option<Running> {
        let due = self.timers.iter().enumerate().filter(|(_, running)| running.timer.due_at <= end);
        let (index, _) = due.min_by(|(_, one), (_, other)| one.timer.due_at.total_cmp(&other.timer.due_at))?;
        Some(self.timers.remove(index))
    }

    fn stop_timer(&mut self, place: usize, name: &str) {
        self.timers.retain(|running| (running.conversation, running.timer.name.as_str()) != (place, name));
    }
}

impl<P: Plugin> Default for Gateway<P> {
    fn default() -> Self {
        Self::new()
    }
}

/// A hook that is not named is never called, which is easily forgotten.
fn require<P: Plugin>(hook: Hooks, name: &str) {
    let hooks = P::describe().hooks;
    assert!(hooks.contains(hook), "the manifest names no Hooks::{name}, so the gateway would not call the hook");
}

fn subjects(conversation: &Conversation) -> (String, String) {
    (conversation.id.clone(), conversation.contact.id.clone())
}

fn change(message: &mut OutboundMessage, changes: Changes) {
    let Changes { text, media, channel, sender, send_at, tags: _, flow: Flow::Proceed | Flow::Stop } = changes;
    message.text = text.unwrap_or(std::mem::take(&mut message.text));
    message.media = media.unwrap_or(std::mem::take(&mut message.media));
    message.channel = channel.unwrap_or(std::mem::take(&mut message.channel));
    message.sender = sender.or(message.sender.take());
    message.send_at = send_at.or(message.send_at);
}

#[cfg(test)]
mod tests;
