//! Taking messages back.

use super::reconciling::{answered, fates, found, listing, unknown};
use super::*;
use crate::message::ProviderError;
use crate::store::{Fate, Found, Hold, KeptThere, NotRetried, Recall, Reconciliation, Retried};

on_both!(
    what_is_still_here_is_canceled_and_the_provider_named_for_the_rest,
    what_was_sent_is_not_taken_back,
    what_was_taken_back_and_never_arrived_is_not_sent,
    what_was_taken_back_does_not_come_back_to_the_queue,
    what_was_taken_back_and_turns_out_to_be_kept_is_to_be_taken_back_there,
    what_was_given_up_of_what_was_taken_back_is_not_tried_again,
    a_reply_that_was_taken_back_rides_no_later_answer,
);

async fn what_is_still_here_is_canceled_and_the_provider_named_for_the_rest(database: Database) {
    let store = database.store().await;
    let submission = database.submission(ANA, &["one", "two"]);
    let id = submission.message.id;
    store.submit(submission).await.unwrap();
    let [claimed] = claim(&store, &database, 1, 10).await.try_into().unwrap();
    let while_sending = store.cancel(id, at(2)).await.unwrap().unwrap();
    assert_eq!((while_sending.canceled, while_sending.at_provider), (1, Vec::new()), "the second, not the first");
    assert_eq!((while_sending.sending, while_sending.unsure, while_sending.before), (1, 1, 0));
    let scheduled = accepted_as("SM1", Status::Scheduled);
    store.settle(settled(&claimed, 3, scheduled)).await.unwrap();
    let again = store.cancel(id, at(4)).await.unwrap().unwrap();
    assert_eq!((again.canceled, again.at_provider, again.sending), (0, vec![(claimed.id, "SM1".to_owned())], 0));
    assert_eq!((again.unsure, again.before), (0, 1));
    assert_eq!(claim(&store, &database, 5, 10).await, []);
    let statuses: Vec<Status> = message(&store, id).await.parts.iter().map(|part| part.status).collect();
    assert_eq!(statuses, [Status::Scheduled, Status::Canceled]);
}

async fn what_was_sent_is_not_taken_back(database: Database) {
    let store = database.store().await;
    let refused = Settled::Failed { error: ProviderError::default() };
    let sent = accepted_as("SM1", Status::Sent);
    for (recipient, result, stays) in [(ANA, sent, Status::Sent), (LUIS, refused, Status::Failed)] {
        let submission = database.submission(recipient, &["one"]);
        let id = submission.message.id;
        store.submit(submission).await.unwrap();
        let [claimed] = claim(&store, &database, 1, 10).await.try_into().unwrap();
        store.settle(settled(&claimed, 2, result)).await.unwrap();
        assert_eq!(store.cancel(id, at(3)).await.unwrap(), Some(nothing()));
        let message = message(&store, id).await;
        assert_eq!((message.status, message.taken_back_at), (stays, None));
    }
    let inbound = database.inbound("SM9", ANA);
    let id = inbound.id;
    store.record(inbound).await.unwrap();
    assert_eq!(store.cancel(id, at(3)).await.unwrap(), None);
}

fn nothing() -> Cancellation {
    Cancellation { channel: "sms".to_owned(), canceled: 0, before: 0, at_provider: Vec::new(), sending: 0, unsure: 0 }
}

/// Nobody knew whether it was sent when it was taken back.
async fn what_was_taken_back_and_never_arrived_is_not_sent(database: Database) {
    let store = database.store().await;
    let submission = database.submission(ANA, &["one", "two"]);
    let id = submission.message.id;
    store.submit(submission).await.unwrap();
    let [part] = claim(&store, &database, 0, 10).await.try_into().unwrap();
    store.settle(settled(&part, 10, unknown())).await.unwrap();
    let taken_back = store.cancel(id, at(20)).await.unwrap();
    assert_eq!(taken_back, Some(Cancellation { canceled: 1, unsure: 1, ..nothing() }));
    let waits = message(&store, id).await;
    let statuses: Vec<Status> = waits.parts.iter().map(|part| part.status).collect();
    assert_eq!((statuses, waits.taken_back_at), (vec![Status::Unknown, Status::Canceled], Some(at(20))));
    assert!(waits.error_message.unwrap().contains("if it does not, it is not sent"));
    let again = store.cancel(id, at(30)).await.unwrap();
    assert_eq!(again, Some(Cancellation { before: 1, unsure: 1, ..nothing() }));
    assert_eq!(fates(&store, listing(&[part.id], vec![], 100)).await, [(part.id, Fate::Open)]);
    let held = |waited| Reconciliation { resend_before: None, waited, ..listing(&[part.id], vec![], 1000) };
    assert_eq!(fates(&store, held(vec![])).await, [(part.id, Fate::Open)], "also where nothing is sent again");
    // Not given up either, however often it was tried: that could be tried again by hand, with all others.
    let listed = Reconciliation { tries: 1, ..listing(&[part.id], vec![], 1000) };
    assert_eq!(fates(&store, listed).await, [(part.id, Fate::Canceled)]);
    let ended = message(&store, id).await;
    assert_eq!((ended.status, ended.taken_back_at), (Status::Canceled, Some(at(20))));
    assert_eq!(store.retry(id, at(1001)).await.unwrap(), Retried::Refused(NotRetried::Canceled));
    // Its worker learns late that it was refused for now.
    let error = ProviderError::default();
    store.settle(settled(&part, 1002, Settled::Retry { due_at: at(1002), error })).await.unwrap();
    assert_eq!(claim(&store, &database, 2000, 10).await, []);
    assert_eq!(store.cancel(id, at(2001)).await.unwrap(), Some(Cancellation { before: 2, ..nothing() }));

    // Also where nothing is sent again, and nobody asked any more.
    let submission = database.submission(ANA, &["tres"]);
    let id = submission.message.id;
    store.submit(submission).await.unwrap();
    let [part] = claim(&store, &database, 2002, 10).await.try_into().unwrap();
    store.settle(settled(&part, 2010, unknown())).await.unwrap();
    let held = |next| {
        let asked = vec![(part.id, next)];
        Reconciliation { resend_before: None, asked, ..listing(&[part.id], vec![], 9000) }
    };
    assert_eq!(fates(&store, held(None)).await, [(part.id, Fate::Held(Hold::Policy))]);
    let due = async || store.due_questions(at(9001), at(9002), vec!["sms".to_owned()], 10).await.unwrap().len();
    assert_eq!(due().await, 0);
    store.cancel(id, at(9001)).await.unwrap();
    assert_eq!(due().await, 1);
    assert_eq!(fates(&store, held(Some(at(9900)))).await, [(part.id, Fate::Canceled)]);

    // What the provider has all the same stands where it does there.
    let submission = database.submission(ANA, &["tres"]);
    let id = submission.message.id;
    store.submit(submission).await.unwrap();
    let [part] = claim(&store, &database, 9002, 10).await.try_into().unwrap();
    store.settle(settled(&part, 9010, unknown())).await.unwrap();
    store.cancel(id, at(9020)).await.unwrap();
    let listed = listing(&[part.id], vec![found("SM3", "tres", 9003)], 9030);
    assert_eq!(fates(&store, listed).await, [(part.id, Fate::Found(Status::Sent))]);
    let sent = message(&store, id).await;
    assert_eq!((sent.status, sent.taken_back_at), (Status::Sent, None));
}

async fn what_was_taken_back_does_not_come_back_to_the_queue(database: Database) {
    let store = database.store().await;
    let error = ProviderError::default;
    let results = [
        Settled::Retry { due_at: at(3), error: error() },
        Settled::Held { until: None, error: error() },
        Settled::GivenUp { error: error() },
    ];
    for result in results {
        let submission = database.submission(ANA, &["one"]);
        let id = submission.message.id;
        store.submit(submission).await.unwrap();
        let [part] = claim(&store, &database, 1, 10).await.try_into().unwrap();
        let while_sending = store.cancel(id, at(2)).await.unwrap();
        assert_eq!(while_sending, Some(Cancellation { sending: 1, unsure: 1, ..nothing() }));
        store.settle(settled(&part, 3, result.clone())).await.unwrap();
        let message = message(&store, id).await;
        let ended = (message.status, message.taken_back_at, message.given_up_at);
        assert_eq!(ended, (Status::Canceled, Some(at(2)), None), "{result:?}");
        assert_eq!(claim(&store, &database, 1000, 10).await, [], "{result:?}");
        assert_eq!(store.cancel(id, at(4)).await.unwrap(), Some(Cancellation { before: 1, ..nothing() }));
    }
}

async fn what_was_taken_back_and_turns_out_to_be_kept_is_to_be_taken_back_there(database: Database) {
    let store = database.store().await;
    for (number, was_lost) in [true, false].into_iter().enumerate() {
        let submission = database.submission(ANA, &["one"]);
        let id = submission.message.id;
        store.submit(submission).await.unwrap();
        let [part] = claim(&store, &database, 1, 10).await.try_into().unwrap();
        let provider_id = format!("SM{number}");
        if was_lost {
            store.settle(settled(&part, 10, unknown())).await.unwrap();
        }
        assert_eq!(store.cancel(id, at(20)).await.unwrap().unwrap().unsure, 1);
        assert_eq!(store.kept_in_vain().await.unwrap(), [], "nobody knows that it is there");
        if was_lost {
            let kept = Found { status: Status::Scheduled, ..found(&provider_id, "one", 2) };
            let fate = (part.id, Fate::Found(Status::Scheduled));
            assert_eq!(fates(&store, listing(&[part.id], vec![kept], 30)).await, [fate]);
        } else {
            store.settle(settled(&part, 30, accepted_as(&provider_id, Status::Scheduled))).await.unwrap();
        }
        let shown = message(&store, id).await;
        assert_eq!((shown.status, shown.taken_back_at), (Status::Scheduled, Some(at(20))));
        let kept = KeptThere {
            part_id: part.id,
            message_id: id,
            channel: "sms".to_owned(),
            provider_id: provider_id.clone(),
            why: Recall::TakenBack,
        };
        assert_eq!(store.kept_in_vain().await.unwrap(), [kept]);
        store.observe(database.report(Some(part.id), &provider_id, Status::Canceled, 40)).await.unwrap();
        assert_eq!(store.kept_in_vain().await.unwrap(), []);
        let ended = message(&store, id).await;
        assert_eq!((ended.status, ended.taken_back_at), (Status::Canceled, Some(at(20))));
    }
}

async fn what_was_given_up_of_what_was_taken_back_is_not_tried_again(database: Database) {
    let store = database.store().await;
    let submission = database.submission(ANA, &["one", "two"]);
    let id = submission.message.id;
    store.submit(submission).await.unwrap();
    let given_up = || Settled::GivenUp { error: ProviderError::default() };
    for (second, result) in [(1, given_up()), (3, unknown())] {
        let [part] = claim(&store, &database, second, 10).await.try_into().unwrap();
        store.settle(settled(&part, second + 1, result)).await.unwrap();
    }
    assert_eq!(message(&store, id).await.given_up_at, Some(at(2)));
    let taken_back = store.cancel(id, at(20)).await.unwrap();
    assert_eq!(taken_back, Some(Cancellation { canceled: 1, unsure: 1, ..nothing() }));
    let shown = message(&store, id).await;
    let statuses: Vec<Status> = shown.parts.iter().map(|part| part.status).collect();
    assert_eq!((statuses, shown.given_up_at), (vec![Status::Canceled, Status::Unknown], None));
    assert_eq!(store.retry(id, at(30)).await.unwrap(), Retried::Refused(NotRetried::Unknown));

    // What was given up as a whole has come to its end.
    let submission = database.submission(LUIS, &["one"]);
    let id = submission.message.id;
    store.submit(submission).await.unwrap();
    let [part] = claim(&store, &database, 40, 10).await.try_into().unwrap();
    store.settle(settled(&part, 41, given_up())).await.unwrap();
    assert_eq!(store.cancel(id, at(42)).await.unwrap(), Some(nothing()));
    assert_eq!(message(&store, id).await.given_up_at, Some(at(41)));
}

async fn a_reply_that_was_taken_back_rides_no_later_answer(database: Database) {
    let store = database.store().await;
    let reply = answered(&store, &database).await;
    let text = reply.in_reply_to.unwrap();
    assert_eq!(store.cancel(reply.id, at(30)).await.unwrap(), Some(Cancellation { unsure: 1, ..nothing() }));
    assert!(!store.answer_again(text, at(40)).await.unwrap());
    let again = store.record(database.inbound("SM100", ANA)).await.unwrap();
    assert_eq!(again, Receipt::Repeat { of: text, answered: Answered::Empty });
}
