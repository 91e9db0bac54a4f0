//! Whose turn it is, how fast a sender sends, and what somebody says by hand.

use super::*;
use crate::store::{Act, Actor, Retried};

const SHORT_CODE: &str = "22395";

fn number(index: usize) -> String {
    format!("+5299811{index:05}")
}

impl Fixture {
    /// Something that somebody does by hand now.
    fn act(&self) -> Act {
        let at = self.clock.now();
        let id = self.worker.ids.next(at);
        Act { id, at, actor: Actor::Command(None), action: "test.done", subject: "sms".to_owned() }
    }

    /// Messages of this priority to as many people.
    async fn many(&self, count: usize, first: usize, priority: Priority, sender: Option<&str>) -> Vec<MessageId> {
        let mut ids = Vec::new();
        for index in first..first + count {
            ids.push(self.urgent(priority, &number(index), sender, Options::default()).await);
        }
        ids
    }

    /// Which messages are sent, one claim for each, in order.
    async fn one_by_one(&self, count: usize) -> Vec<MessageId> {
        let mut sent = Vec::new();
        for _ in 0..count {
            let [part] = self.worker.claim(1).await.claimed.try_into().unwrap();
            sent.push(part.message_id);
            self.worker.deliver(part, Instant::now()).await;
        }
        sent
    }
}

#[tokio::test]
async fn a_senders_long_queue_holds_up_no_other_sender() {
    let fixture = Fixture::new([]).await;
    let long = fixture.many(40, 0, Priority::Normal, None).await;
    fixture.clock.advance(Duration::from_secs(1));
    let single = fixture.many(1, 50, Priority::Normal, Some(SHORT_CODE)).await;
    let sent = fixture.one_by_one(3).await;
    assert!(sent.contains(&single[0]) && sent.contains(&long[0]) && sent.contains(&long[1]), "{sent:?}");
    // Of one claim, each gets its share, and what one leaves the other gets.
    let single = fixture.many(2, 60, Priority::Normal, Some(SHORT_CODE)).await;
    let claimed = fixture.worker.claim(10).await.claimed;
    let its = claimed.iter().filter(|part| single.contains(&part.message_id)).count();
    assert_eq!((claimed.len(), its), (10, 2));
}

#[tokio::test]
async fn what_is_urgent_goes_first_and_what_is_not_goes_too() {
    let fixture = Fixture::new([]).await;
    let bulk = fixture.many(3, 0, Priority::Bulk, None).await;
    let normal = fixture.many(10, 10, Priority::Normal, None).await;
    let high = fixture.many(30, 30, Priority::High, None).await;
    let sent = fixture.one_by_one(30).await;
    assert_eq!(sent[0], high[0]);
    let count = |ids: &[MessageId]| sent.iter().filter(|id| ids.contains(id)).count();
    assert_eq!(sent.len(), 30);
    assert!(count(&high) >= 20 && count(&normal) >= 5 && count(&bulk) >= 1, "{sent:?}");
    let place = |id: &MessageId| sent.iter().position(|sent| sent == id);
    assert!(place(&high[1]) < place(&bulk[0]) || place(&bulk[0]) <= Some(2));
    assert_eq!(fixture.sent(), 30);
}

#[tokio::test]
async fn a_sender_sends_no_faster_than_it_may_and_what_waits_is_not_leased() {
    let fixture = Fixture::with_rates([], at_most(2.0)).await;
    let first = fixture.many(5, 0, Priority::Normal, None).await;
    let other = fixture.many(1, 50, Priority::Normal, Some(SHORT_CODE)).await;
    assert_eq!(fixture.round().await, 3, "two of the one, and the other's");
    assert_eq!(fixture.status(other[0]).await.0, Status::Queued);
    let claims = fixture.worker.claim(16).await;
    assert_eq!(claims.claimed, []);
    let again_at = claims.again_at.unwrap().duration_since(fixture.clock.now()).as_millis();
    assert!((490..=510).contains(&again_at), "{again_at} ms");
    assert_eq!(fixture.worker.rest(claims.again_at).as_millis(), u128::try_from(again_at).unwrap());
    let waiting = fixture.message(first[4]).await;
    assert_eq!((waiting.status, waiting.parts[0].attempts), (Status::Pending, 0));
    assert_eq!(fixture.later(1).await, 2);
    fixture.clock.advance(Duration::from_millis(400));
    assert_eq!(fixture.round().await, 0);
    assert_eq!(fixture.later(1).await, 1);
    assert_eq!(fixture.worker.claim(16).await.again_at, None, "nothing waits any more");
}

#[tokio::test]
async fn what_is_urgent_does_not_wait_for_what_the_rate_holds_up() {
    let fixture = Fixture::with_rates([], at_most(1.0)).await;
    fixture.many(20, 0, Priority::Bulk, None).await;
    assert_eq!(fixture.round().await, 1);
    let high = fixture.many(1, 30, Priority::High, None).await;
    assert_eq!(fixture.later(1).await, 1);
    assert_eq!(fixture.status(high[0]).await.0, Status::Queued);
}

#[tokio::test]
async fn a_sender_that_is_refused_for_its_speed_is_slowed_down() {
    for (refusal, sender) in [(BUSY, None), (FULL, None), (FULL, Some(SHORT_CODE))] {
        let fixture = Fixture::with_rates([refusal], at_most(10.0)).await;
        let [id] = fixture.many(1, 0, Priority::Normal, sender).await.try_into().unwrap();
        let [part] = fixture.worker.claim(16).await.claimed.try_into().unwrap();
        let line = part.line();
        fixture.worker.deliver(part, Instant::now()).await;
        let slowed = fixture.worker.rates.rate(&line, fixture.clock.now()).slowed_to;
        assert_eq!(slowed, Some(5.0), "{refusal:?}");
        let untouched = crate::message::Line { channel: "sms".to_owned(), sender: Address::received("+1") };
        assert_eq!(fixture.worker.rates.rate(&untouched, fixture.clock.now()).slowed_to, None);
        fixture.end_of(id).await;
        assert_eq!(fixture.status(id).await.0, Status::Queued);
    }
}

#[tokio::test]
async fn a_channel_that_is_paused_by_hand_sends_nothing_and_does_not_probe() {
    let fixture = Fixture::new([DENIED]).await;
    let id = fixture.to(ANA).await;
    fixture.worker.store.pause("sms", None, fixture.act()).await.unwrap();
    assert_eq!(fixture.round().await, 0);
    assert!(fixture.worker.pauses.is_by_hand("sms"));
    fixture.worker.store.resume("sms", fixture.act()).await.unwrap();
    fixture.clock.advance(Duration::from_secs(1));
    assert_eq!(fixture.worker.claim(0).await.claimed, []);
    assert!(!fixture.worker.pauses.is_by_hand("sms"), "seen also while all places are taken");
    assert_eq!(fixture.round().await, 1);
    assert!(fixture.is_paused() && !fixture.worker.pauses.is_by_hand("sms"));
    fixture.worker.store.pause("sms", None, fixture.act()).await.unwrap();
    assert_eq!(fixture.later(5000).await, 0);
    fixture.worker.store.resume("sms", fixture.act()).await.unwrap();
    assert_eq!(fixture.round().await, 1);
    assert_eq!(fixture.status(id).await.0, Status::Queued);
}

#[tokio::test]
async fn what_was_given_up_is_tried_as_long_again() {
    let fixture = Fixture::new([]).await;
    *fixture.provider.away.lock().unwrap() = true;
    let id = fixture.to(ANA).await;
    assert_eq!(fixture.end_of(id).await, 600);
    assert!(fixture.message(id).await.given_up_at.is_some());
    let again = fixture.worker.store.retry(id, fixture.clock.now()).await.unwrap();
    assert_eq!(again, Retried::Waiting { parts: 1 });
    assert_eq!(fixture.end_of(id).await, 600, "the tries before do not count");
    fixture.worker.store.retry(id, fixture.clock.now()).await.unwrap();
    *fixture.provider.away.lock().unwrap() = false;
    assert_eq!(fixture.round().await, 1);
    assert_eq!((fixture.status(id).await.0, fixture.sent()), (Status::Queued, 1));
}

#[tokio::test]
async fn a_provider_that_answers_nobody_is_tried_by_one_part_at_a_time() {
    const SILENT: (u16, i32) = (503, 20503);
    let fixture = Fixture::new(std::iter::repeat_n(SILENT, 6)).await;
    fixture.many(20, 0, Priority::Normal, None).await;
    fixture.one_by_one(5).await;
    assert!(fixture.is_paused());
    assert_eq!((fixture.round().await, fixture.later(59).await), (0, 0));
    assert_eq!(fixture.later(1).await, 1, "the probe, that nobody answers either");
    assert_eq!(fixture.later(119).await, 0);
    assert_eq!(fixture.later(1).await, 1);
    assert!(!fixture.is_paused());
    assert_eq!((fixture.round().await, fixture.sent()), (13, 20), "six are unknown, and nothing was sent twice");
}
