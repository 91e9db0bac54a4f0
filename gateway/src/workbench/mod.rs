//! A gateway in memory around one plugin, for whoever writes it: the component is called by the real
//! host, through the real chain, and what it decides is done to people, conversations, timers and
//! what it remembers. Nothing is stored and nobody is sent anything.
//!
//! Knows how a decision changes what is there; must not know commands or files.

mod answers;
pub mod cases;
mod doing;
mod memory;
mod moments;
mod outcome;
mod people;
mod world;

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

pub use answers::{Answer, Answers, Requested};
pub use moments::{length, moment, shown, shown_length};
pub use outcome::{Content, Hook, Outcome, Sent};
pub use people::{Contact, Conversation, People};
pub use world::{Running, World};

use crate::message::{Address, ConversationId, Media, Place, ProviderError, Status};
use crate::plugins::{
    Asked, Chain, Fetcher, InboundCall, Link, OnError, Origin, Passed, Plugin, StatusCall, Surroundings, TimerCall,
};
use doing::left;
use memory::Recalled;

/// Timers that set themselves anew without any delay would never come to an end.
const MOST_TIMERS: usize = 1_000;

/// What surrounds the plugin.
#[derive(Clone)]
pub struct Setting {
    /// As the operator named the plugin.
    pub name: String,
    pub place: Place,
    /// Where numbers without a country are dialled.
    pub region: String,
    /// The operator's address.
    pub ours: Address,
    /// Where randomness begins.
    pub seed: u64,
    pub fetcher: Arc<dyn Fetcher>,
}

/// A gateway in memory around one plugin.
pub struct Workbench {
    chain: Chain,
    setting: Setting,
    calls: u64,
    pub world: World,
}

/// The plugin would never be asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the plugin is not asked: its manifest does not name the hook `{}`", .0.as_str())]
pub struct NotAsked(pub Hook);

/// A text from somebody.
#[derive(Clone, Debug)]
pub struct Received {
    pub channel: String,
    pub from: Address,
    pub text: String,
    pub media: Vec<Media>,
    pub extra: Vec<(String, String)>,
}

/// A message that somebody wants sent.
#[derive(Clone, Debug)]
pub struct Sending {
    pub channel: String,
    pub to: Address,
    pub sender: Option<Address>,
    pub text: String,
    pub media: Vec<String>,
    pub origin: Origin,
    pub send_at: Option<Timestamp>,
}

/// What became of a message to somebody.
#[derive(Clone, Debug)]
pub struct Reported {
    pub channel: String,
    pub to: Address,
    pub status: Status,
    pub error: Option<ProviderError>,
    /// The plugin that had asked for the message.
    pub plugin: Option<String>,
}

impl Workbench {
    pub fn new(plugin: Arc<dyn Plugin>, setting: Setting, world: World) -> Self {
        // Whoever tries a plugin out is to see each of its failures.
        let chain = Chain::new(vec![Link::new(setting.name.clone(), OnError::Skip, plugin)]).apart();
        Self { chain, setting, calls: 0, world }
    }

    pub fn setting(&self) -> &Setting {
        &self.setting
    }

    /// The conversation that goes on with somebody, begun if there is none.
    pub fn open(&mut self, channel: &str, address: &Address) -> ConversationId {
        self.world.people.open(channel, address, &self.setting.place)
    }

    /// A message comes in.
    pub async fn receive(&mut self, received: Received) -> Result<Outcome, NotAsked> {
        let Received { channel, from, text, media, extra } = received;
        let id = self.open(&channel, &from);
        self.world.people.heard(id, self.world.now);
        let conversation = self.world.people.seen(id).ok_or(NotAsked(Hook::Inbound))?;
        let call = InboundCall {
            id: self.world.people.next_message(),
            channel,
            sender: from,
            recipient: self.setting.ours.clone(),
            text: text.clone(),
            media,
            received_at: self.world.now,
            extra,
            conversation,
        };
        let surroundings = self.surroundings();
        let asked = self.chain.on_inbound(call, &surroundings).await;
        self.decided(Hook::Inbound, text, id, asked).await
    }

    /// A message is about to be sent.
    pub async fn send(&mut self, sending: Sending) -> Result<Outcome, NotAsked> {
        let about = sending.text.clone();
        let (channel, to) = (sending.channel.clone(), sending.to.clone());
        let call = self.outbound_call(sending);
        let surroundings = self.surroundings();
        let Asked { outcome: passed, ran, changes } = self.chain.on_outbound(call, &surroundings).await;
        let ran = ran.into_iter().next().ok_or(NotAsked(Hook::Outbound))?;
        self.world.memory.commit(&changes, self.world.now);
        let mut outcome = self.outcome(Hook::Outbound, about, to.clone(), ran);
        match passed {
            Passed::Rejected { reason, .. } => outcome.rejected = Some(reason),
            // Why is said already.
            Passed::Failed { .. } => {}
            Passed::Accepted { call, tags } => {
                let channel = if call.channel.is_empty() { channel } else { call.channel.clone() };
                let id = self.open(&channel, &to);
                self.label(id, tags);
                outcome.becomes = Some(left(*call));
            }
        }
        Ok(outcome)
    }

    /// A report of what became of a message.
    pub async fn report(&mut self, reported: Reported) -> Result<Outcome, NotAsked> {
        let Reported { channel, to, status, error, plugin } = reported;
        let id = match self.world.people.last(&channel, &to) {
            Some(conversation) => conversation.id,
            None => self.open(&channel, &to),
        };
        let call = StatusCall {
            message_id: self.world.people.next_message(),
            channel,
            recipient: to,
            status,
            error,
            plugin,
            at: self.world.now,
            conversation: self.world.people.seen(id).ok_or(NotAsked(Hook::Status))?,
        };
        let surroundings = self.surroundings();
        let asked = self.chain.on_status(call, &surroundings).await;
        self.decided(Hook::Status, status.to_string(), id, asked).await
    }

    /// A timer of a conversation runs out now; one that does not run is made up.
    pub async fn fire(&mut self, id: ConversationId, name: &str, payload: Option<&str>) -> Result<Outcome, NotAsked> {
        let now = self.world.now;
        let place = self.world.timers.iter().position(|timer| timer.conversation == id && timer.name == name);
        let running = place.map(|place| self.world.timers.remove(place));
        let mut timer = running.unwrap_or_else(|| Running {
            conversation: id,
            name: name.to_owned(),
            payload: String::new(),
            started_at: now,
            due_at: now,
        });
        if let Some(payload) = payload {
            payload.clone_into(&mut timer.payload);
        }
        self.run_out(timer).await
    }

    /// Lets time pass. The timers that run out meanwhile do so in order, each at its own moment. The
    /// clock does not go back.
    pub async fn advance(&mut self, end: Timestamp) -> Vec<Outcome> {
        let mut outcomes = Vec::new();
        while let Some(timer) = self.next_due(end) {
            self.world.now = timer.due_at.max(self.world.now);
            let name = timer.name.clone();
            match self.run_out(timer).await {
                Ok(outcome) => outcomes.push(outcome),
                Err(error) => tracing::warn!(timer = name, %error, "a timer was dropped"),
            }
            if outcomes.len() == MOST_TIMERS {
                break;
            }
        }
        self.world.now = self.world.now.max(end);
        outcomes
    }

    /// The same for a length of time.
    pub async fn pass(&mut self, length: SignedDuration) -> Vec<Outcome> {
        let end = self.world.now.checked_add(length).unwrap_or(Timestamp::MAX);
        self.advance(end).await
    }

    fn next_due(&mut self, end: Timestamp) -> Option<Running> {
        let due = self.world.timers.iter().enumerate().filter(|(_, timer)| timer.due_at <= end);
        let (place, _) = due.min_by_key(|(_, timer)| timer.due_at)?;
        Some(self.world.timers.remove(place))
    }

    async fn run_out(&mut self, timer: Running) -> Result<Outcome, NotAsked> {
        let Running { conversation: id, name, payload, started_at, due_at } = timer;
        let conversation = self.world.people.seen(id).ok_or(NotAsked(Hook::Timer))?;
        let call = TimerCall { name: name.clone(), payload, started_at, due_at, conversation };
        let surroundings = self.surroundings();
        let asked = self.chain.on_timer(&self.setting.name, call, &surroundings).await;
        self.decided(Hook::Timer, name, id, asked.ok().flatten().ok_or(NotAsked(Hook::Timer))?).await
    }

    fn surroundings(&mut self) -> Surroundings {
        self.calls += 1;
        Surroundings {
            now: self.world.now,
            seed: self.setting.seed.wrapping_add(self.calls),
            locale: self.setting.place.locale.clone(),
            time_zone: self.setting.place.time_zone.clone(),
            state: Arc::new(Recalled { memory: self.world.memory.clone(), now: self.world.now }),
            fetcher: Arc::clone(&self.setting.fetcher),
        }
    }
}
