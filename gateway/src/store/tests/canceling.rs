//! Taking messages back.

use super::*;
use crate::message::ProviderError;

on_both!(what_is_still_here_is_canceled_and_the_provider_named_for_the_rest, what_was_sent_is_not_taken_back);

async fn what_is_still_here_is_canceled_and_the_provider_named_for_the_rest(database: Database) {
    let store = database.store().await;
    let submission = database.submission(ANA, &["one", "two"]);
    let id = submission.message.id;
    store.submit(submission).await.unwrap();
    let [claimed] = claim(&store, &database, 1, 10).await.try_into().unwrap();
    let while_sending = store.cancel(id, at(2)).await.unwrap().unwrap();
    assert_eq!((while_sending.canceled, while_sending.at_provider), (1, Vec::new()), "the second, not the first");
    assert_eq!(while_sending.sending, 1);
    let scheduled = accepted_as("SM1", Status::Scheduled);
    store.settle(settled(&claimed, 3, scheduled)).await.unwrap();
    let again = store.cancel(id, at(4)).await.unwrap().unwrap();
    assert_eq!((again.canceled, again.at_provider, again.sending), (0, vec![(claimed.id, "SM1".to_owned())], 0));
    assert_eq!(claim(&store, &database, 5, 10).await, []);
    let statuses: Vec<Status> = message(&store, id).await.parts.iter().map(|part| part.status).collect();
    assert_eq!(statuses, [Status::Scheduled, Status::Canceled]);
}

async fn what_was_sent_is_not_taken_back(database: Database) {
    let store = database.store().await;
    let unknown = Settled::Unknown { error: ProviderError::default() };
    let sent = accepted_as("SM1", Status::Sent);
    for (recipient, result, stays) in [(ANA, sent, Status::Sent), (LUIS, unknown, Status::Unknown)] {
        let submission = database.submission(recipient, &["one"]);
        let id = submission.message.id;
        store.submit(submission).await.unwrap();
        let [claimed] = claim(&store, &database, 1, 10).await.try_into().unwrap();
        store.settle(settled(&claimed, 2, result)).await.unwrap();
        let nothing = Cancellation { channel: "sms".to_owned(), canceled: 0, at_provider: Vec::new(), sending: 0 };
        assert_eq!(store.cancel(id, at(3)).await.unwrap(), Some(nothing));
        assert_eq!(message(&store, id).await.status, stays);
    }
    let inbound = database.inbound("SM9", ANA);
    let id = inbound.id;
    store.record(inbound).await.unwrap();
    assert_eq!(store.cancel(id, at(3)).await.unwrap(), None);
}
