//! What decisions change besides replies.

use std::collections::BTreeMap;

use super::*;
use crate::message::consent::{Choice, Source};
use crate::message::{Consent, ConversationStatus};

on_both!(
    a_decision_changes_the_conversation_and_the_contact,
    a_discarded_message_is_not_unread,
    a_message_to_somebody_else_is_stored_where_it_belongs,
    whoever_opted_out_is_sent_nothing_and_the_trace_says_so,
    a_rejected_message_is_kept_and_not_sent,
    what_the_contact_is_known_by_is_read_with_the_conversation,
);

async fn recorded(store: &Store, database: &Database, sender: &str) -> (NewInbound, Processed) {
    let new = database.inbound(&database.id().to_string(), sender);
    store.record(new.clone()).await.unwrap();
    let open = store.open_thread("sms", &Address::received(sender)).await.unwrap().unwrap();
    let processed = Processed { contact_id: open.contact.id, ..processed(&new, open.conversation.id) };
    (new, processed)
}

/// A message to somebody, as a plugin sends it.
fn sent(database: &Database, cause: &NewInbound, recipient: &str) -> Submission {
    let mut submission = database.submission(recipient, &["aviso"]);
    submission.message.plugin = Some("auto-reply".to_owned());
    submission.message.caused_by = Some(cause.id);
    submission
}

fn attributes(pairs: &[(&str, Option<&str>)]) -> BTreeMap<String, Option<String>> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), value.map(str::to_owned))).collect()
}

async fn a_decision_changes_the_conversation_and_the_contact(database: Database) {
    let store = database.store().await;
    let (_, processed) = recorded(&store, &database, ANA).await;
    let changed = Processed {
        assignee: Some(Some("beto".to_owned())),
        attributes: attributes(&[("city", Some("Cancún")), ("size", Some("M")), ("gone", None)]),
        ..processed
    };
    assert_eq!(store.commit(changed).await.unwrap(), Committed::Done);
    let thread = store.open_thread("sms", &Address::received(ANA)).await.unwrap().unwrap();
    assert_eq!(thread.conversation.assignee.as_deref(), Some("beto"));
    let known: Vec<_> = thread.contact.attributes.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(known, [("city", "Cancún"), ("size", "M")]);

    let (_, processed) = recorded(&store, &database, ANA).await;
    let changed = Processed {
        assignee: Some(None),
        attributes: attributes(&[("city", Some("Mérida")), ("size", None)]),
        ..processed
    };
    store.commit(changed).await.unwrap();
    let thread = store.open_thread("sms", &Address::received(ANA)).await.unwrap().unwrap();
    assert_eq!(thread.conversation.assignee, None);
    assert_eq!(thread.contact.attributes, BTreeMap::from([("city".to_owned(), "Mérida".to_owned())]));
}

async fn what_the_contact_is_known_by_is_read_with_the_conversation(database: Database) {
    let store = database.store().await;
    let (new, processed) = recorded(&store, &database, ANA).await;
    let thread = store.thread(new.conversation_id).await.unwrap().unwrap();
    assert_eq!(thread.conversation, only_conversation(&store).await);
    assert_eq!((thread.contact.id, thread.contact.name), (new.contact_id, None));
    assert_eq!(store.previous_inbound_at(new.conversation_id).await.unwrap(), None);
    let second = NewInbound { received_at: at(9), ..database.inbound("SM2", ANA) };
    store.record(second).await.unwrap();
    assert_eq!(store.previous_inbound_at(new.conversation_id).await.unwrap(), Some(at(0)));
    store.commit(Processed { status: Some(ConversationStatus::Closed), ..processed }).await.unwrap();
    assert_eq!(store.open_thread("sms", &Address::received(ANA)).await.unwrap(), None);
    assert_eq!(store.thread(ConversationId(database.id())).await.unwrap(), None);
}

async fn a_discarded_message_is_not_unread(database: Database) {
    let store = database.store().await;
    let (_, interesting) = recorded(&store, &database, ANA).await;
    store.commit(interesting).await.unwrap();
    let (new, processed) = recorded(&store, &database, ANA).await;
    let discarded = Processed { discarded: Some("publicidad".to_owned()), ..processed };
    assert_eq!(only_conversation(&store).await.unread, 2);
    assert_eq!(store.commit(discarded.clone()).await.unwrap(), Committed::Done);
    assert_eq!(store.commit(discarded).await.unwrap(), Committed::Before);
    assert_eq!(only_conversation(&store).await.unread, 1);
    let stored = message(&store, new.id).await;
    assert_eq!((stored.discarded.as_deref(), stored.processed_at), (Some("publicidad"), Some(at(5))));
}

async fn a_message_to_somebody_else_is_stored_where_it_belongs(database: Database) {
    let store = database.store().await;
    let (new, processed) = recorded(&store, &database, ANA).await;
    let mut first = sent(&database, &new, LUIS);
    first.tags = vec!["avisado".to_owned(), "vip".to_owned()];
    let mut second = sent(&database, &new, LUIS);
    second.tags = vec!["vip".to_owned(), "dos veces".to_owned()];
    let own = sent(&database, &new, ANA);
    let outbound = Trace { hook: Hook::Outbound, ..trace(&database, first.message.id, "signs") };
    let processed = Processed {
        sends: vec![first.clone(), second.clone(), own.clone()],
        tags: Some(vec!["propio".to_owned()]),
        traces: vec![trace(&database, new.id, "auto-reply"), outbound],
        ..processed
    };
    assert_eq!(store.commit(processed).await.unwrap(), Committed::Done);
    let luis = store.open_thread("sms", &Address::received(LUIS)).await.unwrap().unwrap().conversation;
    assert_eq!((luis.id, luis.status, luis.unread), (first.conversation_id, ConversationStatus::Active, 0));
    assert_eq!(luis.tags, ["avisado", "vip", "dos veces"]);
    let ana = store.open_thread("sms", &Address::received(ANA)).await.unwrap().unwrap().conversation;
    assert_eq!((ana.id, ana.tags), (new.conversation_id, vec!["propio".to_owned()]));
    let stored = message(&store, second.message.id).await;
    assert_eq!((stored.conversation_id, stored.status), (luis.id, Status::Pending));
    assert_eq!((stored.plugin.as_deref(), stored.caused_by), (Some("auto-reply"), Some(new.id)));
    assert_eq!(message(&store, own.message.id).await.conversation_id, ana.id);
    assert_eq!(store.traces(first.message.id).await.unwrap()[0].plugin, "signs");
    assert_eq!(claim(&store, &database, 9, 10).await.len(), 2, "one of each conversation");
}

async fn whoever_opted_out_is_sent_nothing_and_the_trace_says_so(database: Database) {
    let store = database.store().await;
    let consent = Consent { choice: Choice::OptedOut, source: Source::Message, code: None };
    store.record(NewInbound { consent: Some(consent), ..database.inbound("STOP", LUIS) }).await.unwrap();
    let (new, processed) = recorded(&store, &database, ANA).await;
    let refused = sent(&database, &new, LUIS);
    let taken = sent(&database, &new, "+529981112255");
    let reply = NewOutbound { plugin: Some("auto-reply".to_owned()), ..database.outbound(ANA, &["hola"]) };
    let processed = Processed {
        answer: Some("<Response/>".to_owned()),
        sends: vec![refused.clone(), taken.clone()],
        replies: vec![reply.clone()],
        traces: vec![
            trace(&database, new.id, "auto-reply"),
            Trace { hook: Hook::Outbound, ..trace(&database, refused.message.id, "signs") },
        ],
        ..processed
    };
    assert_eq!(store.commit(processed).await.unwrap(), Committed::Done, "the person here gets the reply");
    assert_eq!(store.answered(new.id).await.unwrap(), Answered::With("<Response/>".to_owned()));
    assert_eq!(store.message(refused.message.id).await.unwrap(), None);
    assert!(store.traces(refused.message.id).await.unwrap().is_empty());
    assert_eq!(status(&store, taken.message.id).await, Status::Pending);
    assert_eq!(status(&store, reply.id).await, Status::Pending);
    let left_out = store.traces(new.id).await.unwrap()[0].decision["left_out"].clone();
    let why = "a message to send was left out: the recipient has opted out of messages on this channel";
    assert_eq!(left_out, serde_json::json!([why]));
}

async fn a_rejected_message_is_kept_and_not_sent(database: Database) {
    let store = database.store().await;
    let key = database.id();
    store.create_key(new_key(key, "app", "hash"), act(0)).await.unwrap();
    let once = || Idempotency { api_key_id: key, key: "order-17".to_owned(), fingerprint: "aa".to_owned() };
    let mut submission = database.submission(LUIS, &[]);
    submission.message.text = "Compra ya".to_owned();
    submission.message.seed = Some(7);
    submission.message.rejected = Some(Rejection::Plugin {
        plugin: "no-spam".to_owned(),
        problem: "refused by the plugin `no-spam`: spam".to_owned(),
    });
    submission.idempotency = Some(once());
    submission.traces = vec![Trace { hook: Hook::Outbound, ..trace(&database, submission.message.id, "no-spam") }];
    assert_eq!(store.called_before(&once()).await.unwrap(), None);
    assert_eq!(store.submit(submission.clone()).await.unwrap().stored(), Some(submission.message.id));
    assert_eq!(store.called_before(&once()).await.unwrap(), Some(Submitted::Before(submission.message.id)));
    let stored = message(&store, submission.message.id).await;
    assert_eq!((stored.status, stored.failed_at), (Status::Failed, Some(at(0))));
    assert_eq!(stored.rejected_by.as_deref(), Some("no-spam"));
    assert_eq!(stored.error_message.as_deref(), Some("refused by the plugin `no-spam`: spam"));
    assert_eq!((stored.text.as_str(), stored.parts.len()), ("Compra ya", 0));
    assert_eq!(store.traces(stored.id).await.unwrap().len(), 1);
    assert_eq!(store.asked(stored.id).await.unwrap().unwrap().seed, Some(7));
    assert_eq!(claim(&store, &database, 9, 10).await, []);
    assert_eq!(store.cancel(stored.id, at(9)).await.unwrap().unwrap().canceled, 0);
}
