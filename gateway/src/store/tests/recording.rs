//! Recording what came in.

use std::collections::BTreeSet;

use futures::future::join_all;
use sea_orm::EntityTrait;

use super::*;
use crate::message::{ConversationStatus, Direction, Media};
use crate::store::{Error, MessageFilter, Recorded, entities};

on_both!(
    several_are_recorded_as_one_and_in_order,
    a_first_message_makes_contact_and_conversation,
    many_at_once_from_one_number_are_one_conversation,
    the_same_message_many_times_at_once_is_one_row,
    a_repeat_tells_what_the_first_was_answered,
    recordings_come_in_the_order_of_the_commits,
    an_operation_that_fails_spoils_only_itself,
    a_closed_conversation_takes_no_more_messages,
    channels_share_contacts_but_not_conversations,
    a_message_that_comes_late_turns_no_clock_back,
    what_was_recorded_is_read_back_the_same,
);

async fn a_first_message_makes_contact_and_conversation(database: Database) {
    let (store, mut recordings) = database.open().await;
    let new = database.inbound("SM1", ANA);
    assert_eq!(store.record(new.clone()).await.unwrap(), Receipt::Recorded);
    let conversation = only_conversation(&store).await;
    let expected = Conversation {
        id: new.conversation_id,
        contact_id: new.contact_id,
        channel: "sms".to_owned(),
        address: Address::received(ANA),
        status: ConversationStatus::Pending,
        subject: "SMS desde +529981112233".to_owned(),
        tags: Vec::new(),
        assignee: None,
        unread: 1,
        inbound_count: 1,
        last_message_at: at(0),
        last_inbound_at: Some(at(0)),
        created_at: at(0),
    };
    assert_eq!(conversation, expected);
    let stored = message(&store, new.id).await;
    assert_eq!((stored.direction, stored.status), (Direction::Inbound, Status::Received));
    assert_eq!((stored.provider_id.as_deref(), stored.segments), (Some("SM1"), Some(1)));
    assert_eq!((stored.from.unwrap().as_str(), stored.to.as_str()), (ANA, OURS));
    assert_eq!(recordings.recv().await.unwrap().ordinal, 1);
}

async fn many_at_once_from_one_number_are_one_conversation(database: Database) {
    let (store, mut recordings) = database.open().await;
    let messages = (1..=20).map(|number| database.inbound(&format!("SM{number}"), ANA));
    let receipts = join_all(messages.map(|message| store.record(message))).await;
    assert!(receipts.into_iter().all(|receipt| receipt.unwrap() == Receipt::Recorded));
    let conversation = only_conversation(&store).await;
    assert_eq!((conversation.unread, conversation.inbound_count), (20, 20));
    let filter = MessageFilter { conversation: Some(conversation.id), ..MessageFilter::default() };
    assert_eq!(store.messages(filter, None, 100).await.unwrap().items.len(), 20);
    for expected in 1..=20 {
        assert_eq!(recordings.recv().await.unwrap().ordinal, expected);
    }
    let contacts = entities::contacts::Entity::find().all(&store.reads).await.unwrap();
    assert_eq!(contacts.len(), 1);
}

async fn the_same_message_many_times_at_once_is_one_row(database: Database) {
    let (store, mut recordings) = database.open().await;
    let messages: Vec<_> = (0..20).map(|_| database.inbound("SM1", ANA)).collect();
    let receipts = join_all(messages.iter().map(|message| store.record(message.clone()))).await;
    let receipts: Vec<Receipt> = receipts.into_iter().map(Result::unwrap).collect();
    let kept = recordings.recv().await.unwrap().id;
    let repeat = Receipt::Repeat { of: kept, answered: Answered::NotYet };
    assert_eq!(receipts.iter().filter(|receipt| **receipt == Receipt::Recorded).count(), 1);
    assert_eq!(receipts.iter().filter(|receipt| **receipt == repeat).count(), 19);
    assert_eq!(store.unprocessed(100).await.unwrap().len(), 1);
    assert_eq!(only_conversation(&store).await.unread, 1);
    assert!(recordings.try_recv().is_err(), "a repeat is not processed again");
}

async fn a_repeat_tells_what_the_first_was_answered(database: Database) {
    let store = database.store().await;
    for (provider_id, answer, expected) in
        [("SM1", None, Answered::Empty), ("SM2", Some("<Response/>"), Answered::With("<Response/>".to_owned()))]
    {
        let new = database.inbound(provider_id, ANA);
        store.record(new.clone()).await.unwrap();
        let conversation = only_conversation(&store).await.id;
        let processed = Processed { answer: answer.map(str::to_owned), ..processed(&new, conversation) };
        assert!(store.commit(processed).await.unwrap().is_done());
        let again = store.record(database.inbound(provider_id, ANA)).await.unwrap();
        assert_eq!(again, Receipt::Repeat { of: new.id, answered: expected });
    }
    assert_eq!(only_conversation(&store).await.inbound_count, 2);
}

async fn recordings_come_in_the_order_of_the_commits(database: Database) {
    let (store, mut recordings) = database.open().await;
    let mut messages = Vec::new();
    for number in 0..60 {
        let sender = if number % 2 == 0 { ANA } else { LUIS };
        messages.push(database.inbound(&format!("SM{number}"), sender));
        messages.push(database.inbound(&format!("SM{}", number / 2), sender));
    }
    // Each is in the queue when the next is asked for.
    let receipts = join_all(messages.iter().map(|message| store.record(message.clone()))).await;
    let recorded: Vec<MessageId> = messages
        .iter()
        .zip(receipts)
        .filter(|(_, receipt)| matches!(receipt, Ok(Receipt::Recorded)))
        .map(|(message, _)| message.id)
        .collect();
    assert_eq!(recorded.len(), 60);
    for expected in recorded {
        assert_eq!(recordings.recv().await.unwrap().id, expected);
    }
}

async fn an_operation_that_fails_spoils_only_itself(database: Database) {
    let (store, mut recordings) = database.open().await;
    let missing = database.id();
    let nowhere = database.inbound("SM0", ANA);
    store.record(nowhere.clone()).await.unwrap();
    let orphan = Processed {
        replies: vec![database.outbound(ANA, &["a reply in a conversation that is not there"])],
        ..processed(&nowhere, ConversationId(missing))
    };
    let idempotency = Idempotency { api_key_id: missing, key: "key".to_owned(), fingerprint: "aa".to_owned() };
    let keyless = Submission { idempotency: Some(idempotency), ..database.submission(ANA, &["from nobody"]) };
    let lost = Settlement {
        part_id: PartId(missing),
        attempt_id: missing,
        at: at(1),
        result: Settled::Failed { error: crate::message::ProviderError::default() },
        exchange: None,
    };
    let messages: Vec<_> = (1..=10).map(|number| database.inbound(&format!("SM{number}"), ANA)).collect();
    let good = database.submission(LUIS, &["hola"]);
    let (receipts, commit, keyless, settle, good) = futures::join!(
        join_all(messages.iter().map(|message| store.record(message.clone()))),
        store.commit(orphan),
        store.submit(keyless.clone()),
        store.settle(lost),
        store.submit(good.clone()),
    );
    assert!(receipts.into_iter().all(|receipt| receipt.unwrap() == Receipt::Recorded));
    assert!(matches!(good, Ok(Submitted::Stored(_))));
    assert!(matches!(commit, Err(Error::Refused(_))), "{commit:?}");
    assert!(matches!(keyless, Err(Error::Refused(_))), "{keyless:?}");
    assert!(matches!(settle, Err(Error::Refused(_))), "{settle:?}");
    // What failed left nothing behind, and what did not happened once.
    assert_eq!(store.answered(nowhere.id).await.unwrap(), Answered::NotYet);
    assert_eq!(store.messages(MessageFilter::default(), None, 100).await.unwrap().items.len(), 12);
    let mut recorded = BTreeSet::new();
    while let Ok(next) = recordings.try_recv() {
        assert!(recorded.insert(next.id));
    }
    assert_eq!(recorded.len(), 11);
}

async fn a_closed_conversation_takes_no_more_messages(database: Database) {
    let store = database.store().await;
    let first = database.inbound("SM1", ANA);
    store.record(first.clone()).await.unwrap();
    let close = Processed { status: Some(ConversationStatus::Closed), ..processed(&first, first.conversation_id) };
    assert!(store.commit(close).await.unwrap().is_done());
    let second = database.inbound("SM2", ANA);
    store.record(second.clone()).await.unwrap();
    assert_eq!(message(&store, second.id).await.conversation_id, second.conversation_id);
    let [newer, older] =
        store.conversations_of(&InboxFilter::default(), None, 10).await.unwrap().items.try_into().unwrap();
    assert_eq!((newer.status, newer.inbound_count), (ConversationStatus::Pending, 1));
    assert_eq!((older.status, older.inbound_count), (ConversationStatus::Closed, 1));
    assert_eq!(newer.contact_id, older.contact_id, "it is the same person");
}

async fn channels_share_contacts_but_not_conversations(database: Database) {
    let store = database.store().await;
    let sms = database.inbound("SM1", ANA);
    let whatsapp = NewInbound { channel: "whatsapp".to_owned(), ..database.inbound("SM1", ANA) };
    let (one, other) = futures::join!(store.record(sms), store.record(whatsapp));
    assert_eq!((one.unwrap(), other.unwrap()), (Receipt::Recorded, Receipt::Recorded));
    let [one, other] =
        store.conversations_of(&InboxFilter::default(), None, 10).await.unwrap().items.try_into().unwrap();
    assert_ne!(one.channel, other.channel);
    assert_eq!(one.contact_id, other.contact_id);
}

async fn a_message_that_comes_late_turns_no_clock_back(database: Database) {
    let (store, mut recordings) = database.open().await;
    for (provider_id, seconds) in [("SM1", 100), ("SM2", 40), ("SM3", 200)] {
        let new = NewInbound { received_at: at(seconds), ..database.inbound(provider_id, ANA) };
        store.record(new).await.unwrap();
    }
    let conversation = only_conversation(&store).await;
    assert_eq!((conversation.last_message_at, conversation.last_inbound_at), (at(200), Some(at(200))));
    for (ordinal, previous) in [(1, None), (2, Some(at(100))), (3, Some(at(100)))] {
        let recorded = recordings.recv().await.unwrap();
        assert_eq!((recorded.ordinal, recorded.previous_inbound_at), (ordinal, previous));
    }
}

async fn what_was_recorded_is_read_back_the_same(database: Database) {
    let (store, mut recordings) = database.open().await;
    let new = NewInbound {
        text: "¿Cuánto cuesta? \u{1F600}\u{200D}\u{1F525} \"'; DROP TABLE messages --".to_owned(),
        media: vec![
            Media { url: "https://example.mx/2".to_owned(), content_type: Some("image/jpeg".to_owned()) },
            Media { url: "https://example.mx/1".to_owned(), content_type: None },
        ],
        extra: vec![("FromCity".to_owned(), "Cancún".to_owned()), ("FromCity".to_owned(), String::new())],
        received_at: at(0) + std::time::Duration::from_millis(123),
        ..database.inbound("SM1", ANA)
    };
    store.record(new.clone()).await.unwrap();
    let recorded = recordings.recv().await.unwrap();
    let told = (&recorded.text, &recorded.media, &recorded.extra, recorded.received_at);
    assert_eq!(told, (&new.text, &new.media, &new.extra, new.received_at));
    assert_eq!(store.unprocessed(10).await.unwrap(), [Recorded { fresh: None, ..recorded }]);
    let stored = message(&store, new.id).await;
    let media: Vec<_> = stored.media.into_iter().map(|media| (media.url, media.content_type)).collect();
    let told: Vec<_> = new.media.into_iter().map(|media| (media.url, media.content_type)).collect();
    assert_eq!((stored.text, media, stored.created_at), (new.text, told, new.received_at));
}

async fn several_are_recorded_as_one_and_in_order(database: Database) {
    let store = database.store().await;
    let known = database.inbound("SM0", ANA);
    store.record(known.clone()).await.unwrap();
    let new: Vec<NewInbound> = (1..=40).map(|number| database.inbound(&format!("SM{number}"), ANA)).collect();
    let mut all = new.clone();
    all.insert(3, database.inbound("SM0", ANA));
    let other = database.inbound("SM99", LUIS);
    let (receipts, one) = futures::join!(store.record_all(all), store.record(other));
    assert_eq!(one.unwrap(), Receipt::Recorded);
    let receipts = receipts.unwrap();
    assert_eq!(receipts.len(), 41);
    assert_eq!(receipts[3], Receipt::Repeat { of: known.id, answered: Answered::NotYet });
    assert_eq!(receipts.iter().filter(|receipt| **receipt == Receipt::Recorded).count(), 40);
    let recorded = store.unprocessed(100).await.unwrap();
    let hers = recorded.iter().filter(|recorded| recorded.sender.as_str() == ANA);
    let ordinals: Vec<(MessageId, u32)> = hers.map(|recorded| (recorded.id, recorded.ordinal)).collect();
    let expected: Vec<(MessageId, u32)> = std::iter::once(&known).chain(&new).map(|new| new.id).zip(1..).collect();
    assert_eq!(ordinals, expected);
}
