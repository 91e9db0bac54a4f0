//! Lists in pages.

use super::*;
use crate::message::Direction;
use crate::store::MessageFilter;

on_both!(
    messages_come_in_pages,
    messages_asked_for_at_once_are_each_their_own,
    conversations_come_in_pages,
    what_is_not_there_is_not_found,
);

async fn messages_come_in_pages(database: Database) {
    let store = database.store().await;
    let mut ids = Vec::new();
    for number in 0..7 {
        let sender = if number % 3 == 0 { LUIS } else { ANA };
        let new = database.inbound(&format!("SM{number}"), sender);
        ids.push(new.id);
        store.record(new).await.unwrap();
    }
    let reply = database.submission(ANA, &["one", "two"]);
    ids.push(reply.message.id);
    store.submit(reply).await.unwrap();
    ids.reverse();

    let mut seen = Vec::new();
    let mut sizes = Vec::new();
    let mut after = None;
    loop {
        let page = store.messages(MessageFilter::default(), after, 3).await.unwrap();
        sizes.push(page.items.len());
        seen.extend(page.items.iter().map(|message| message.id));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!((sizes, &seen), (vec![3, 3, 2], &ids), "newest first, each once");
    // A page that ends where the list does has none after it.
    let all = store.messages(MessageFilter::default(), None, 8).await.unwrap();
    assert_eq!((all.items.len(), all.next), (8, None));
    assert_eq!(all.items[0].parts.len(), 2);

    let with_ana = MessageFilter { conversation: Some(all.items[0].conversation_id), ..MessageFilter::default() };
    assert_eq!(store.messages(with_ana.clone(), None, 10).await.unwrap().items.len(), 5);
    let from_ana = MessageFilter { direction: Some(Direction::Inbound), ..with_ana };
    let from_ana = store.messages(from_ana, None, 10).await.unwrap().items;
    assert!(from_ana.iter().all(|message| message.from.as_ref().unwrap().as_str() == ANA));
    assert_eq!(from_ana.len(), 4);
    let sent = MessageFilter { direction: Some(Direction::Outbound), ..MessageFilter::default() };
    assert_eq!(store.messages(sent, None, 10).await.unwrap().items[..], all.items[..1]);
}

async fn messages_asked_for_at_once_are_each_their_own(database: Database) {
    let store = database.store().await;
    let mut ids = Vec::new();
    for number in 0..200 {
        let submission = database.submission(ANA, &[&number.to_string(), "and on"]);
        ids.push(submission.message.id);
        store.submit(submission).await.unwrap();
    }
    let nowhere = MessageId(database.id());
    // More than are read together, one of them twice, and one that is not there.
    let asked = ids.iter().copied().chain([ids[7], nowhere]).map(|id| store.message(id));
    let found = futures::future::join_all(asked).await;
    let found: Vec<Option<Message>> = found.into_iter().map(Result::unwrap).collect();
    let expected = ids.iter().chain([&ids[7]]).map(|id| Some(*id)).chain([None]);
    assert!(expected.eq(found.iter().map(|message| message.as_ref().map(|message| message.id))));
    for (number, message) in found[..200].iter().flatten().enumerate() {
        assert_eq!((message.text.as_str(), message.parts.len()), (format!("{number}and on").as_str(), 2));
    }
}

async fn conversations_come_in_pages(database: Database) {
    let store = database.store().await;
    let mut ids = Vec::new();
    for number in 0..5 {
        let new = database.inbound(&format!("SM{number}"), &format!("+52998111000{number}"));
        ids.push(new.conversation_id);
        store.record(new).await.unwrap();
    }
    ids.reverse();
    let first = store.conversations_of(&InboxFilter::default(), None, 3).await.unwrap();
    let second = store.conversations_of(&InboxFilter::default(), first.next, 3).await.unwrap();
    assert_eq!((first.items.len(), second.items.len(), second.next), (3, 2, None));
    let seen: Vec<_> = first.items.iter().chain(&second.items).map(|conversation| conversation.id).collect();
    assert_eq!(seen, ids);
}

async fn what_is_not_there_is_not_found(database: Database) {
    let store = database.store().await;
    let id = database.id();
    assert_eq!(store.message(MessageId(id)).await.unwrap(), None);
    assert_eq!(store.conversation(ConversationId(id)).await.unwrap(), None);
    assert_eq!(store.answered(MessageId(id)).await.unwrap(), Answered::NotYet);
    assert!(store.traces(MessageId(id)).await.unwrap().is_empty());
    let page = store.messages(MessageFilter::default(), Some(id), 10).await.unwrap();
    assert_eq!((page.items.len(), page.next), (0, None));
}
