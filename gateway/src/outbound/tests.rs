//! What outbound plugins make of messages, on a real database.

use super::*;
use crate::actions::{Changes, Verdict};
use crate::channels::Unsendable;
use crate::channels::tests::breaking;
use crate::deciding::tests::{Fixture, LUIS, Scripted, accept};
use crate::message::ProviderError;
use crate::plugins::{Hooks, OutboundCall};
use crate::store::{Act, Actor, Claimed, Hook, NewKey, Order, Settled, Settlement, Wanted};

fn plugin(outbound: fn(&OutboundCall, i32) -> (Verdict, Option<i32>)) -> Scripted {
    Scripted { outbound, ..Scripted::named("checks", Hooks { outbound: true, ..Hooks::default() }) }
}

fn request(text: &str) -> Request {
    Request {
        to: LUIS.to_owned(),
        from: None,
        by_service: false,
        channel: Some("sms".to_owned()),
        text: text.to_owned(),
        media: Vec::new(),
        send_at: None,
        options: Options::default(),
        priority: Priority::Normal,
        idempotency: None,
        callback: None,
        origin: Origin::Api,
        template: None,
        bulk: None,
    }
}

async fn stored(fixture: &Fixture, id: MessageId) -> Message {
    fixture.store.message(id).await.unwrap().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_goes_out_as_the_plugins_left_it() {
    let fixture = Fixture::new(vec![plugin(|call, number| {
        assert_eq!((call.origin, call.conversation.is_some()), (Origin::Api, number > 0));
        let changes = Changes {
            text: Some(format!("{} — Ana", call.text)),
            channel: (number > 0).then(|| "other".to_owned()),
            sender: (call.text == "de otro").then(|| "22395".to_owned()),
            tags: vec!["firmado".to_owned()],
            ..Changes::default()
        };
        (accept(changes), Some(number + 1))
    })])
    .await;
    let mut sent = Vec::new();
    for text in ["hola", "por otra vía", "de otro"] {
        let Taken { id, message } = fixture.outbound.submit(request(text)).await.unwrap();
        let read = stored(&fixture, id).await;
        assert_eq!(message.as_deref(), Some(&read), "it is told as it was stored");
        sent.push(read);
    }
    let went: Vec<_> = sent
        .iter()
        .map(|message| (message.text.as_str(), message.channel.as_str(), message.from.as_ref().unwrap().as_str()))
        .collect();
    // The sender of one channel is none of the other's.
    let expected = [
        ("hola — Ana", "sms", "+529983162438"),
        ("por otra vía — Ana", "other", "+529983162439"),
        ("de otro — Ana", "other", "22395"),
    ];
    assert_eq!(went, expected);
    assert_eq!(sent[0].parts.len(), 1);
    let conversation = fixture.store.conversation(sent[1].conversation_id).await.unwrap().unwrap();
    assert_eq!((conversation.channel.as_str(), conversation.tags), ("other", vec!["firmado".to_owned()]));
    let [trace] = fixture.store.traces(sent[2].id).await.unwrap().try_into().unwrap();
    assert_eq!((trace.hook, trace.decision["verdict"].as_str()), (Hook::Outbound, Some("accept")));
    assert_eq!(fixture.store.asked(sent[2].id).await.unwrap().unwrap().seed, Some(7));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_plugin_refuses_or_spoils_is_kept_with_the_reason() {
    let fixture = Fixture::new(vec![plugin(|call, number| {
        let changes = match call.text.as_str() {
            "no" => return (Verdict::Reject { reason: "too late in the day".to_owned() }, Some(number + 1)),
            "long" => Changes { text: Some("a".repeat(1601)), ..Changes::default() },
            "fax" => Changes { channel: Some("fax".to_owned()), ..Changes::default() },
            "file" => Changes { media: Some(vec!["file:///etc/passwd".to_owned()]), ..Changes::default() },
            _ => Changes { tags: vec!["visto".to_owned()], ..Changes::default() },
        };
        (accept(changes), Some(number + 1))
    })])
    .await;
    for (text, reason) in [
        ("no", "refused by the plugin `checks`: too late in the day"),
        ("long", "1601"),
        ("fax", "no channel `fax`"),
        ("file", "http or https"),
    ] {
        let error = fixture.outbound.submit(request(text)).await.unwrap_err();
        let Error::Rejected { id, problem } = error else { panic!("{text}: {error:?}") };
        assert!(problem.contains(reason) && problem.contains("`checks`"), "{problem}");
        let kept = stored(&fixture, id).await;
        assert_eq!((kept.status, kept.text.as_str(), kept.parts.len()), (Status::Failed, text, 0));
        assert_eq!((kept.rejected_by.as_deref(), kept.error_message), (Some("checks"), Some(problem)));
        assert_eq!(fixture.store.traces(id).await.unwrap().len(), 1);
    }
    // What could not have been sent anyway is the caller's to set right, and is not kept.
    let bad = Request { media: vec!["nonsense".to_owned()], ..request("hola") };
    assert!(matches!(fixture.outbound.submit(bad).await, Err(Error::Media(_))));
    let spoiled_twice = Request { media: vec!["nonsense".to_owned()], ..request("long") };
    assert!(matches!(fixture.outbound.submit(spoiled_twice).await, Err(Error::Media(_))));
    let nowhere = Request { channel: Some("telex".to_owned()), ..request("hola") };
    assert!(matches!(fixture.outbound.submit(nowhere).await, Err(Error::UnknownChannel { .. })));
    assert_eq!(fixture.number(&plugin(|_, _| unreachable!())).await.as_deref(), Some("4"), "only with what is kept");
    let page = fixture.store.messages(store::MessageFilter::default(), None, 10).await.unwrap();
    assert_eq!(page.items.len(), 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plugin_is_not_to_blame_for_a_channel_that_fails() {
    let shout =
        plugin(|call, _| (accept(Changes { text: Some(call.text.to_uppercase()), ..Changes::default() }), None));
    let fixture = Fixture::on(breaking(1), vec![shout]).await;
    let error = fixture.outbound.submit(request("hola")).await.unwrap_err();
    assert!(matches!(error, Error::Unsendable(Unsendable::Broken(_))), "{error:?}");
    let Taken { id, .. } = fixture.outbound.submit(request("hola")).await.unwrap();
    assert_eq!(stored(&fixture, id).await.text, "HOLA");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_call_again_asks_no_plugin_again() {
    let fixture = Fixture::new(vec![plugin(|call, number| match call.text.as_str() {
        "no" => (Verdict::Reject { reason: "never".to_owned() }, Some(number + 1)),
        _ => (accept(Changes::default()), Some(number + 1)),
    })])
    .await;
    let key = fixture.ids.next(fixture.clock.now());
    let now = fixture.clock.now();
    let (name, hash) = ("app".to_owned(), "hash".to_owned());
    let new = NewKey { id: key, name, hash, scopes: None, expires_at: None, per_second: None, at: now };
    let act = Act { id: key, at: now, actor: Actor::Command(None), action: "key.created", subject: key.to_string() };
    fixture.store.create_key(new, act).await.unwrap();
    let call = async |name: &str, fingerprint: &str, text: &str| {
        let idempotency = Idempotency { api_key_id: key, key: name.to_owned(), fingerprint: fingerprint.to_owned() };
        fixture.outbound.submit(Request { idempotency: Some(idempotency), ..request(text) }).await
    };
    let first = call("one", "aa", "sí").await.unwrap();
    assert!(first.message.is_some());
    let again = call("one", "aa", "sí").await.unwrap();
    assert_eq!((again.id, again.message), (first.id, None));
    assert!(matches!(call("one", "bb", "otro").await, Err(Error::KeyReused)));
    let refused = |came: Result<Taken, Error>| match came {
        Err(Error::Rejected { id, problem }) => (id, problem),
        other => panic!("{other:?}"),
    };
    let first = refused(call("two", "cc", "no").await);
    assert_eq!(refused(call("two", "cc", "no").await), first, "it comes to what the first came to");
    assert_eq!(fixture.number(&plugin(|_, _| unreachable!())).await.as_deref(), Some("2"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_at_once_that_count_come_to_the_right_sum() {
    let fixture = Fixture::new(vec![plugin(|_, number| (accept(Changes::default()), Some(number + 1)))]).await;
    let calls = (0..30).map(|number| {
        let to = format!("+5299811122{number:02}");
        fixture.outbound.submit(Request { to, ..request("hola") })
    });
    let came = futures::future::join_all(calls).await;
    assert!(came.iter().all(Result::is_ok), "{came:?}");
    assert_eq!(fixture.number(&plugin(|_, _| unreachable!())).await.as_deref(), Some("30"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_text_that_is_not_to_be_kept_is_not() {
    let refuse = |_: &OutboundCall, _| (Verdict::Reject { reason: "no".to_owned() }, None);
    let fixture = Fixture::new(vec![plugin(refuse)]).await;
    let options = Options { discard_content: Some(true), ..Options::default() };
    let error = fixture.outbound.submit(Request { options, ..request("un secreto") }).await.unwrap_err();
    let Error::Rejected { id, .. } = error else { panic!("{error:?}") };
    assert_eq!(stored(&fixture, id).await.text, "");
    let [trace] = fixture.store.traces(id).await.unwrap().try_into().unwrap();
    assert_eq!(trace.decision, serde_json::json!({ "redacted": true }));
}

/// Claimed by somebody who goes on to send it.
async fn claimed(fixture: &Fixture) -> Claimed {
    let now = fixture.clock.now();
    let order =
        |waiting: store::Waiting| Order { line: waiting.line, priority: waiting.priority, parts: 1, room: None };
    let wanted = Wanted {
        now,
        until: now + Duration::from_mins(1),
        attempt_ids: vec![fixture.ids.next(now)],
        orders: fixture.store.waiting(now).await.unwrap().into_iter().map(order).collect(),
        but: Vec::new(),
        links_last: Duration::from_hours(48),
    };
    let [part] = fixture.store.claim(wanted).await.unwrap().try_into().unwrap();
    part
}

async fn settle(fixture: &Fixture, part: &Claimed, result: Settled) {
    let (part_id, attempt_id, at) = (part.id, part.attempt_id, fixture.clock.now());
    fixture.store.settle(Settlement { part_id, attempt_id, at, result, exchange: None }).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_may_have_been_sent_is_taken_back_for_when_it_was_not() {
    let fixture = Fixture::new(Vec::new()).await;
    let error = ProviderError::default;
    let (later, sent) = (fixture.clock.now(), Status::Sent);
    let sent = Settled::Accepted { provider_id: "SM1".to_owned(), status: sent, segments: None, sender: None };
    let cases = [
        (Settled::Unknown { error: error() }, true, Status::Unknown),
        (Settled::Retry { due_at: later, error: error() }, true, Status::Canceled),
        (Settled::Held { until: None, error: error() }, true, Status::Canceled),
        (sent, false, Status::Sent),
    ];
    for (result, is_taken, status) in cases {
        let id = fixture.outbound.submit(request("hola")).await.unwrap().id;
        let part = claimed(&fixture).await;
        // While it is being sent.
        let (canceled, ()) = futures::join!(fixture.outbound.cancel(id), async {
            while stored(&fixture, id).await.taken_back_at.is_none() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            settle(&fixture, &part, result.clone()).await;
        });
        let message = stored(&fixture, id).await;
        assert_eq!((canceled.is_ok(), message.status), (is_taken, status), "{result:?}");
        assert_eq!(message.taken_back_at.is_some(), is_taken, "{result:?}");
        let again = fixture.outbound.cancel(id).await;
        assert_eq!(again.is_ok(), status == Status::Unknown, "{result:?}: nothing is left of what has ended");
    }
}
