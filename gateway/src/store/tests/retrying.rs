//! Trying again what was given up, and nothing that may have been sent.

use super::adopting::adopt;
use super::*;
use crate::message::ProviderError;
use crate::store::{MessageFilter, NotRetried, Retried};

on_both!(
    what_was_given_up_is_tried_again_once,
    what_may_have_been_sent_is_not_tried_again,
    what_cant_be_sent_any_more_is_not_tried_again,
    only_the_parts_that_were_given_up_are_tried_again,
    what_was_given_up_is_listed,
    what_is_tried_again_goes_by_the_sender_of_today_and_holds_up_nobody,
);

fn gave_up() -> Settled {
    Settled::GivenUp { error: ProviderError { code: Some(20429), message: Some("Too Many Requests".to_owned()) } }
}

/// A message whose only part came to this.
async fn ended(store: &Store, database: &Database, submission: &Submission, result: Settled) -> Claimed {
    store.submit(submission.clone()).await.unwrap();
    let [part] = claim(store, database, 1, 9).await.try_into().unwrap();
    store.settle(settled(&part, 2, result)).await.unwrap();
    part
}

async fn what_was_given_up_is_tried_again_once(database: Database) {
    let store = database.store().await;
    let submission = database.submission(ANA, &["hola"]);
    let id = submission.message.id;
    ended(&store, &database, &submission, gave_up()).await;
    let stored = message(&store, id).await;
    assert_eq!((stored.status, stored.failed_at, stored.given_up_at), (Status::Failed, Some(at(2)), Some(at(2))));
    assert_eq!(store.retry(id, at(10)).await.unwrap(), Retried::Waiting { parts: 1 });
    let again = message(&store, id).await;
    assert_eq!((again.status, again.failed_at, again.given_up_at), (Status::Pending, None, None));
    assert_eq!(store.retry(id, at(11)).await.unwrap(), Retried::Waiting { parts: 0 }, "it waits already");
    let [part] = claim(&store, &database, 11, 9).await.try_into().unwrap();
    assert_eq!(store.retry(id, at(12)).await.unwrap(), Retried::Waiting { parts: 0 }, "it is being sent");
    // Its time counts from now.
    assert_eq!(store.tried(part.id).await.unwrap().unwrap().refused_since, None);
    store.settle(settled(&part, 12, accepted("SM1"))).await.unwrap();
    assert_eq!(store.retry(id, at(13)).await.unwrap(), Retried::Refused(NotRetried::HandedOver));
    assert_eq!(claim(&store, &database, 14, 9).await, []);
    assert_eq!(store.retry(MessageId(database.id()), at(14)).await.unwrap(), Retried::NotFound);
    store.record(database.inbound("SM2", ANA)).await.unwrap();
    let inbound = store.unprocessed(1).await.unwrap()[0].id;
    assert_eq!(store.retry(inbound, at(15)).await.unwrap(), Retried::NotFound);
}

async fn what_may_have_been_sent_is_not_tried_again(database: Database) {
    let store = database.store().await;
    let unknown = database.submission("+529981110001", &["hola"]);
    ended(&store, &database, &unknown, Settled::Unknown { error: ProviderError::default() }).await;
    assert_eq!(store.retry(unknown.message.id, at(9)).await.unwrap(), Retried::Refused(NotRetried::Unknown));
    // It was given up, and then a report shows that the provider has it after all.
    let proven = database.submission("+529981110002", &["hola"]);
    let part = ended(&store, &database, &proven, gave_up()).await;
    store.observe(database.report(Some(part.id), "SM7", Status::Sent, 5)).await.unwrap();
    assert_eq!(message(&store, proven.message.id).await.given_up_at, None, "it was handed over, after all");
    assert_eq!(store.retry(proven.message.id, at(9)).await.unwrap(), Retried::Refused(NotRetried::HandedOver));
    assert_eq!(claim(&store, &database, 10, 9).await, []);
}

async fn what_cant_be_sent_any_more_is_not_tried_again(database: Database) {
    let store = database.store().await;
    let refused = database.submission("+529981110001", &["hola"]);
    ended(&store, &database, &refused, Settled::Failed { error: ProviderError::default() }).await;
    assert_eq!(store.retry(refused.message.id, at(9)).await.unwrap(), Retried::Refused(NotRetried::Final));
    let canceled = database.submission("+529981110002", &["hola"]);
    store.submit(canceled.clone()).await.unwrap();
    store.cancel(canceled.message.id, at(2)).await.unwrap();
    assert_eq!(store.retry(canceled.message.id, at(9)).await.unwrap(), Retried::Refused(NotRetried::Canceled));
    let mut short = database.submission("+529981110003", &["hola"]);
    short.message.options.validity = Some(60);
    ended(&store, &database, &short, gave_up()).await;
    assert_eq!(store.retry(short.message.id, at(60)).await.unwrap(), Retried::Refused(NotRetried::Expired));
    assert_eq!(store.retry(short.message.id, at(59)).await.unwrap(), Retried::Waiting { parts: 1 });
    let [again] = claim(&store, &database, 59, 9).await.try_into().unwrap();
    store.settle(settled(&again, 59, accepted("SM3"))).await.unwrap();
    let stopped = database.submission("+529981110004", &["hola"]);
    let part = ended(&store, &database, &stopped, gave_up()).await;
    let other = database.submission("+529981110004", &["hola"]);
    store.submit(other).await.unwrap();
    let [second] = claim(&store, &database, 3, 9).await.try_into().unwrap();
    store.settle(settled(&second, 4, Settled::OptedOut { error: ProviderError::default() })).await.unwrap();
    assert_eq!(store.retry(part.message_id, at(9)).await.unwrap(), Retried::Refused(NotRetried::OptedOut));
    let secret = database.submission("+529981110005", &["hola"]);
    ended(&store, &database, &secret, gave_up()).await;
    store.redact(secret.message.id, at(5)).await.unwrap();
    assert_eq!(store.retry(secret.message.id, at(9)).await.unwrap(), Retried::Refused(NotRetried::Removed));
    assert_eq!(claim(&store, &database, 99, 9).await, []);
}

async fn only_the_parts_that_were_given_up_are_tried_again(database: Database) {
    let store = database.store().await;
    let submission = database.submission(ANA, &["uno", "dos", "tres"]);
    let id = submission.message.id;
    store.submit(submission).await.unwrap();
    for result in [accepted("SM1"), gave_up(), Settled::Unknown { error: ProviderError::default() }] {
        let [part] = claim(&store, &database, 1, 9).await.try_into().unwrap();
        store.settle(settled(&part, 2, result)).await.unwrap();
    }
    assert_eq!(store.retry(id, at(10)).await.unwrap(), Retried::Waiting { parts: 1 });
    let [part] = claim(&store, &database, 11, 9).await.try_into().unwrap();
    assert_eq!(part.text, "dos");
}

async fn what_was_given_up_is_listed(database: Database) {
    let store = database.store().await;
    let mut given_up = Vec::new();
    for number in 0..3 {
        let mut submission = database.submission(&format!("+52998111000{number}"), &["hola"]);
        submission.message.at = at(number - 3);
        if number == 2 {
            submission.message.channel = "other".to_owned();
        }
        given_up.push(submission.message.id);
        ended(&store, &database, &submission, gave_up()).await;
    }
    let refused = database.submission("+529981110009", &["hola"]);
    ended(&store, &database, &refused, Settled::Failed { error: ProviderError::default() }).await;
    let listed = async |filter: MessageFilter| {
        let page = store.messages(MessageFilter { given_up: true, ..filter }, None, 10).await.unwrap();
        page.items.into_iter().map(|message| message.id).collect::<Vec<_>>()
    };
    let all = || MessageFilter::default();
    assert_eq!(listed(all()).await, [given_up[2], given_up[1], given_up[0]]);
    assert_eq!(listed(MessageFilter { channel: Some("sms".to_owned()), ..all() }).await, [given_up[1], given_up[0]]);
    assert_eq!(listed(MessageFilter { since: Some(at(-2)), ..all() }).await, [given_up[2], given_up[1]]);
    store.retry(given_up[1], at(9)).await.unwrap();
    assert_eq!(listed(all()).await, [given_up[2], given_up[0]]);
    store.redact(given_up[0], at(10)).await.unwrap();
    assert_eq!(listed(all()).await, [given_up[2]], "what was removed can't be tried again");
}

async fn what_is_tried_again_goes_by_the_sender_of_today_and_holds_up_nobody(database: Database) {
    let store = database.store().await;
    let mut submission = database.submission(ANA, &["hola"]);
    submission.message.sender = Sender::Own(Some(Address::received(OURS)));
    submission.message.priority = Priority::Bulk;
    let part = ended(&store, &database, &submission, gave_up()).await;
    let other = Address::received("+529980000000");
    assert_eq!(adopt(&store, Some(other.clone()), None).await, 1);
    let mut urgent = database.submission(ANA, &["su código"]);
    urgent.message.priority = Priority::High;
    store.submit(urgent).await.unwrap();
    assert_eq!(store.retry(part.message_id, at(9)).await.unwrap(), Retried::Waiting { parts: 1 });
    let [again] = claim(&store, &database, 9, 9).await.try_into().unwrap();
    assert_eq!((again.id, again.sender, again.priority), (part.id, Some(other), Priority::High));
}
