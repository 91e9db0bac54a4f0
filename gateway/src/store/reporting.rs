//! Whether somebody wants to hear what becomes of messages, and waking whoever follows things up.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock, OnceLock};

use jiff::Timestamp;
use tokio::sync::{Notify, watch};
use uuid::Uuid;

use super::Store;
use super::handling::ConversationRules;
use super::operations::starting_status;
use super::records::NewOutbound;
use super::subscriptions::Subscribed;
use super::wakeups::Wakeups;
use crate::gate::{Refusal, Rules};
use crate::message::Status;
use crate::metrics::{self, Pending};

type Wanted = dyn Fn(Timestamp) -> Option<Uuid> + Send + Sync;

/// Cheap to clone; all clones are the same.
#[derive(Clone, Default)]
pub(super) struct Reporting(Arc<Inner>);

#[derive(Default)]
struct Inner {
    wanted: OnceLock<Box<Wanted>>,
    news: Notify,
    subscribed: Subscribed,
    /// The gateway that writes, when it is one that processes.
    gateway: OnceLock<Uuid>,
    /// Whether others may take over what it has.
    has_left: AtomicBool,
    wakeups: Wakeups,
    counted: Pending,
    /// What the gate goes by.
    rules: OnceLock<Rules>,
    /// What becomes of conversations.
    handling: OnceLock<ConversationRules>,
    /// How often something was committed here.
    commits: watch::Sender<u64>,
}

/// Those of a store that was told none: consent alone, on its own channel.
static PLAIN: LazyLock<Rules> = LazyLock::new(Rules::default);
/// Nothing by itself.
static BY_HAND: ConversationRules = ConversationRules { reopen_within: None, assign: Vec::new() };

impl Reporting {
    /// Who processes what is recorded here.
    pub(super) fn gateway(&self) -> Option<Uuid> {
        self.0.gateway.get().copied()
    }

    pub(super) fn wakeups(&self) -> &Wakeups {
        &self.0.wakeups
    }

    pub(super) fn rules(&self) -> &Rules {
        self.0.rules.get().unwrap_or(&PLAIN)
    }

    pub(super) fn handling(&self) -> &ConversationRules {
        self.0.handling.get().unwrap_or(&BY_HAND)
    }

    /// Only the first call counts.
    pub(super) fn handle_by(&self, rules: ConversationRules) {
        let _ = self.0.handling.set(rules);
    }

    /// Only the first call counts.
    pub(super) fn join(&self, gateway: Uuid) {
        let _ = self.0.gateway.set(gateway);
    }

    /// Whatever is still written does not make it one that is at work.
    pub(super) fn leave(&self) {
        self.0.has_left.store(true, Ordering::Relaxed);
    }

    pub(super) fn has_left(&self) -> bool {
        self.0.has_left.load(Ordering::Relaxed)
    }

    /// The id of a new report, if it is wanted.
    pub(super) fn id(&self, now: Timestamp) -> Option<Uuid> {
        self.0.wanted.get().and_then(|wanted| wanted(now))
    }

    /// Which endpoints want to be told of what.
    pub(super) fn subscribed(&self) -> &Subscribed {
        &self.0.subscribed
    }

    /// What is counted once this transaction is committed.
    pub(super) fn counted(&self) -> &Pending {
        &self.0.counted
    }

    /// Outbound messages of this channel are one more in this status, once this transaction is committed.
    pub(super) fn count(&self, channel: &str, status: Status) {
        self.0.counted.add(&metrics::MESSAGES, channel, ["outbound", status.as_str()]);
    }

    /// These messages were stored.
    pub(super) fn count_new<T>(&self, new: &[(&NewOutbound, T)]) {
        for (message, _) in new {
            self.count(&message.channel, starting_status(message));
        }
    }

    /// The gate refused a message of this channel, if this transaction is committed.
    pub(super) fn count_refused(&self, channel: &str, refusal: &Refusal) {
        self.0.counted.add(&metrics::REFUSALS, channel, [refusal.code()]);
    }

    /// Something was committed: for the how many-th time.
    pub(super) fn committed(&self) -> u64 {
        let mut now = 0;
        self.0.commits.send_modify(|count| {
            *count += 1;
            now = *count;
        });
        now
    }

    /// How often something was.
    pub(super) fn commits_so_far(&self) -> u64 {
        *self.0.commits.borrow()
    }

    /// There is something to follow up, once this transaction is committed. Whoever looks then goes
    /// through the writer, too, and so comes after it.
    pub(super) fn wake(&self) {
        self.0.news.notify_one();
    }
}

impl fmt::Debug for Reporting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Reporting")
    }
}

impl Store {
    /// From now on, each change of a message's status is kept until plugins have heard of it, if
    /// `wanted` gives an id for it at that moment. Only the first call counts.
    pub fn report_when(&self, wanted: impl Fn(Timestamp) -> Option<Uuid> + Send + Sync + 'static) {
        let _ = self.reporting.0.wanted.set(Box::new(wanted));
    }

    /// What the gate goes by from now on. Only the first call counts.
    pub fn gate_by(&self, rules: Rules) {
        let _ = self.reporting.0.rules.set(rules);
    }

    /// Changes whenever something was committed by this gateway, whatever it was. It carries no more than that.
    pub fn commits(&self) -> watch::Receiver<u64> {
        self.reporting.0.commits.subscribe()
    }

    /// Waits until there is a new report or a new timer.
    pub async fn news(&self) {
        self.reporting.0.news.notified().await;
    }
}
