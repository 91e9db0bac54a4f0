//! What comes behind a text that another gateway processes: it waits here until that one is done, or its
//! gateway is not at work any more and this one has taken it over.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use crate::message::{ConversationId, MessageId};
use crate::store::Recorded;

/// How often the database is asked while nobody says that something was processed.
pub(super) const LOOK: Duration = Duration::from_millis(250);

/// The texts of a conversation in the order in which they are processed.
type Queue = BTreeMap<(u32, MessageId), Recorded>;

#[derive(Default)]
pub(super) struct Held {
    conversations: Mutex<HashMap<ConversationId, Queue>>,
    /// Told when there is the first one.
    some: Notify,
}

impl Held {
    fn all(&self) -> MutexGuard<'_, HashMap<ConversationId, Queue>> {
        self.conversations.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps a text until the earlier ones of its conversation are processed.
    pub(super) fn hold(&self, text: Recorded) {
        let mut all = self.all();
        all.entry(text.conversation_id).or_default().insert((text.ordinal, text.id), text);
        self.some.notify_one();
    }

    /// Keeps a text if its conversation is held; otherwise it goes on now. `go` puts it where it is processed: before
    /// the next one can.
    pub(super) fn pass(&self, text: Recorded, go: impl FnOnce(Recorded)) {
        let mut all = self.all();
        match all.get_mut(&text.conversation_id) {
            Some(queue) => drop(queue.insert((text.ordinal, text.id), text)),
            None => go(text),
        }
    }

    /// Waits until anything is held.
    pub(super) async fn any(&self) {
        loop {
            let some = self.some.notified();
            if !self.all().is_empty() {
                return;
            }
            some.await;
        }
    }

    pub(super) fn conversations(&self) -> Vec<ConversationId> {
        self.all().keys().copied().collect()
    }

    /// Lets go what is not behind another gateway's text any more. `next` are the texts that come next in the
    /// conversations that were asked about, where there are any. What is held in front of that was processed elsewhere, or
    /// was set aside: whoever processes it finds that out.
    pub(super) fn release(
        &self,
        asked: &[ConversationId],
        next: &BTreeMap<ConversationId, MessageId>,
        mut go: impl FnMut(Recorded),
    ) {
        let mut all = self.all();
        for conversation in asked {
            let Some(queue) = all.get(conversation) else { continue };
            // Nothing to be processed: also what is held was, by somebody.
            if next.get(conversation).is_none_or(|next| queue.keys().any(|(_, id)| id == next)) {
                all.remove(conversation).into_iter().flatten().for_each(|(_, text)| go(text));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;
    use jiff::Timestamp;
    use uuid::Uuid;

    use super::*;
    use crate::message::Address;

    fn text(conversation: u128, ordinal: u32) -> Recorded {
        Recorded {
            id: id(conversation, ordinal),
            conversation_id: ConversationId(Uuid::from_u128(conversation)),
            channel: "sms".to_owned(),
            sender: Address::received("+529981112233"),
            recipient: Address::received("+529983162438"),
            text: "hola".to_owned(),
            media: Vec::new(),
            extra: Vec::new(),
            received_at: Timestamp::UNIX_EPOCH,
            ordinal,
            previous_inbound_at: None,
            fresh: None,
            behind: true,
            heard: None,
        }
    }

    fn id(conversation: u128, ordinal: u32) -> MessageId {
        MessageId(Uuid::from_u128(conversation * 100 + u128::from(ordinal)))
    }

    fn released(held: &Held, next: &[(u128, u32)]) -> Vec<MessageId> {
        let next = next.iter().map(|(conversation, ordinal)| {
            (ConversationId(Uuid::from_u128(*conversation)), id(*conversation, *ordinal))
        });
        let mut released = Vec::new();
        held.release(&held.conversations(), &next.collect(), |text| released.push(text.id));
        released
    }

    #[test]
    fn a_text_waits_for_the_one_before_it_and_then_all_go_in_order() {
        let held = Held::default();
        held.hold(text(1, 3));
        // One that came in meanwhile, and one that was taken over from another gateway.
        for ordinal in [4, 2] {
            held.pass(text(1, ordinal), |text| panic!("{text:?}"));
        }
        assert_eq!(released(&held, &[(1, 1)]), []);
        assert_eq!(released(&held, &[(1, 2)]), [id(1, 2), id(1, 3), id(1, 4)]);
        let mut went = None;
        held.pass(text(1, 5), |text| went = Some(text.ordinal));
        assert_eq!(went, Some(5));
    }

    /// This gateway was taken for dead while it held the first, and then held what came next behind it.
    #[test]
    fn what_was_processed_elsewhere_holds_up_nothing() {
        let held = Held::default();
        held.hold(text(1, 2));
        held.pass(text(1, 3), |text| panic!("{text:?}"));
        assert_eq!(released(&held, &[(1, 3)]), [id(1, 2), id(1, 3)]);
    }

    #[test]
    fn conversations_do_not_wait_for_each_other() {
        let held = Held::default();
        held.hold(text(1, 2));
        held.hold(text(2, 2));
        assert_eq!(released(&held, &[(1, 1), (2, 2)]), [id(2, 2)]);
        // Another gateway did it all.
        assert_eq!(released(&held, &[]), [id(1, 2)]);
    }

    #[tokio::test]
    async fn whoever_lets_go_waits_until_something_is_held() {
        let held = Held::default();
        let mut any = Box::pin(held.any());
        assert!((&mut any).now_or_never().is_none());
        held.hold(text(1, 2));
        any.await;
        assert!(held.any().now_or_never().is_some());
    }
}
