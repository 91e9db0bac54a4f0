//! From plans to what is committed, on a real database.

use super::*;
use crate::actions::{Action, Changes, Outgoing, Plan, PlannedSend, Planner};
use crate::deciding::Decided;
use crate::deciding::tests::{ANA, Fixture, LUIS, Scripted, accept, counting};
use crate::plugins::Hooks;
use crate::store::{Hook, Processed, Trace};

fn outgoing(recipient: &str, text: &str) -> Outgoing {
    Outgoing {
        channel: None,
        sender: None,
        recipient: recipient.to_owned(),
        text: text.to_owned(),
        media: Vec::new(),
        send_at: None,
    }
}

fn matter(thread: &Thread, message_id: MessageId) -> Matter<'_> {
    Matter { cause: Cause::Message, message_id, thread, hops: 0, failures: Failures::Wait }
}

/// What a plugin's actions come to.
async fn planned(fixture: &Fixture, matter: &Matter<'_>, actions: &[Action]) -> Processed {
    let mut planner = Planner::new(Vec::new());
    assert_eq!(planner.add("asks", actions), Vec::<String>::new());
    decided(fixture, matter, planner.finish()).await
}

async fn decided(fixture: &Fixture, matter: &Matter<'_>, plan: Plan) -> Processed {
    let at = fixture.clock.now();
    let trace = Trace {
        id: fixture.ids.next(at),
        message_id: matter.message_id,
        hook: Hook::Inbound,
        plugin: "asks".to_owned(),
        version: "1.0.0".to_owned(),
        digest: String::new(),
        decision: serde_json::json!({ "left_out": [] }),
        error: None,
        duration_micros: 1,
        at,
        seed: None,
    };
    let decided = Decided { outcome: plan, traces: vec![trace], state: Vec::new(), at, unread: false };
    whole(fixture, matter, decided).await
}

/// With the messages to others, without the replies.
async fn whole(fixture: &Fixture, matter: &Matter<'_>, decided: Decided<Plan>) -> Processed {
    let (mut processed, outgoing) = fixture.processing.plan(matter, decided).await.unwrap();
    fixture.processing.send(matter, outgoing.sends, &mut processed).await.unwrap();
    processed
}

fn left_out(processed: &Processed) -> Vec<String> {
    serde_json::from_value(processed.traces[0].decision["left_out"].clone()).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plugin_that_sends_something_sees_there_what_it_just_remembered() {
    let hooks = Hooks { inbound: true, outbound: true, ..Hooks::default() };
    let plugin = Scripted {
        inbound: |_, number| {
            let sends = ["uno", "dos"].map(|text| Action::Send(outgoing(LUIS, text)));
            (sends.to_vec(), Some(number + 1))
        },
        outbound: |call, number| {
            let text = Some(format!("{} {number}", call.text));
            (accept(Changes { text, tags: vec![call.text.clone()], ..Changes::default() }), Some(number + 1))
        },
        ..Scripted::named("counts", hooks)
    };
    let fixture = Fixture::new(vec![plugin.clone()]).await;
    let (thread, call) = fixture.recorded(ANA, "hola").await;
    let matter = matter(&thread, call.id);
    let decided = fixture.deciding.inbound(call, 3).await;
    let processed = whole(&fixture, &matter, decided).await;
    let hooks: Vec<(Hook, bool)> =
        processed.traces.iter().map(|trace| (trace.hook, trace.message_id == matter.message_id)).collect();
    assert_eq!(hooks, [(Hook::Inbound, true), (Hook::Outbound, false), (Hook::Outbound, false)]);
    assert_eq!(fixture.processing.commit(processed).await.unwrap(), Committed::Done);
    assert_eq!(fixture.number(&plugin).await.as_deref(), Some("3"));
    let page = fixture.store.messages(store::MessageFilter::default(), None, 10).await.unwrap();
    let sent: Vec<_> = page.items.iter().filter(|message| message.plugin.is_some()).collect();
    let texts: Vec<&str> = sent.iter().rev().map(|message| message.text.as_str()).collect();
    assert_eq!(texts, ["uno 1", "dos 2"]);
    assert!(sent.iter().all(|message| message.caused_by == Some(matter.message_id)));
    let luis = fixture.store.conversation(sent[0].conversation_id).await.unwrap().unwrap();
    assert_eq!((luis.address.as_str(), luis.tags), (LUIS, vec!["uno".to_owned(), "dos".to_owned()]));
    assert_eq!(fixture.store.traces(sent[0].id).await.unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_overtaken_is_decided_again_and_then_counts() {
    let fixture = Fixture::new(vec![counting()]).await;
    let (ana, first) = fixture.recorded(ANA, "uno").await;
    let (luis, second) = fixture.recorded(LUIS, "dos").await;
    let (matters, calls) = ([matter(&ana, first.id), matter(&luis, second.id)], [first, second.clone()]);
    let mut undone = Vec::new();
    for (matter, call) in matters.iter().zip(calls) {
        let decided = fixture.deciding.inbound(call, 3).await;
        undone.push(whole(&fixture, matter, decided).await);
    }
    let mut came = Vec::new();
    for processed in undone {
        came.push(fixture.processing.commit(processed).await.unwrap());
    }
    assert_eq!(came, [Committed::Done, Committed::Stale]);
    let decided = fixture.deciding.inbound(second, 3).await;
    let processed = whole(&fixture, &matters[1], decided).await;
    assert_eq!(fixture.processing.commit(processed).await.unwrap(), Committed::Done);
    assert_eq!(fixture.number(&counting()).await.as_deref(), Some("2"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_can_not_read_what_it_remembers_is_asked_again_and_not_blamed() {
    let fixture = Fixture::new(vec![counting()]).await;
    let mut calls = Vec::new();
    for number in 10..20 {
        calls.push(fixture.recorded(&format!("+5299811122{number}"), "hola").await.1);
    }
    fixture.store.execute("ALTER TABLE plugin_state RENAME TO elsewhere").await;
    for call in &calls {
        let decided = fixture.deciding.inbound(call.clone(), 3).await;
        assert!(decided.unread && decided.traces[0].error.is_some());
        assert!(matches!(as_read(decided, Failures::Wait), Err(Error::Failing(_))));
    }
    fixture.store.execute("ALTER TABLE elsewhere RENAME TO plugin_state").await;
    let decided = fixture.deciding.inbound(calls.remove(0), 3).await;
    assert!(!decided.unread && decided.traces[0].error.is_none(), "{:?}", decided.traces);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_done_is_said() {
    let fixture = Fixture::new(Vec::new()).await;
    let (thread, call) = fixture.recorded(ANA, "hola").await;
    let actions = [
        Action::Send(outgoing("12", "a nobody")),
        Action::Send(Outgoing { channel: Some("fax".to_owned()), ..outgoing(LUIS, "by fax") }),
        Action::Send(Outgoing { sender: Some("not a sender at all".to_owned()), ..outgoing(LUIS, "from nobody") }),
        Action::Send(outgoing(LUIS, &"a".repeat(1601))),
        Action::Send(Outgoing { media: vec!["file:///etc/passwd".to_owned()], ..outgoing(LUIS, "a file") }),
        Action::Forward { endpoint: "crm".to_owned(), payload: None },
        Action::Send(outgoing(LUIS, "fine")),
    ];
    let processed = planned(&fixture, &matter(&thread, call.id), &actions).await;
    let [sent] = processed.sends.as_slice() else { panic!("{:?}", processed.sends) };
    assert_eq!(sent.message.text, "fine");
    let said = left_out(&processed);
    assert!(said[0].ends_with("there are: helpdesk"), "{}", said[0]);
    for (reason, word) in said.iter().zip(["`crm`", "`to`", "`fax`", "`from`", "1601", "http or https URLs"]) {
        assert!(reason.contains("was left out") && reason.contains(word), "{reason}");
    }
    assert_eq!(said.len(), 6, "{said:?}");

    // Only what came in can be discarded.
    let plan = || Plan { discarded: Some("spam".to_owned()), ..Plan::default() };
    let of = |cause| Matter { cause, ..matter(&thread, call.id) };
    let timer = decided(&fixture, &of(Cause::Timer(fixture.ids.next(fixture.clock.now()))), plan()).await;
    assert_eq!((timer.discarded.as_deref(), left_out(&timer).len()), (None, 1));
    let inbound = decided(&fixture, &of(Cause::Message), plan()).await;
    assert_eq!((inbound.discarded.as_deref(), left_out(&inbound).len()), (Some("spam"), 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_forwarded_is_told_as_it_is_after_the_decision() {
    let fixture = Fixture::new(Vec::new()).await;
    let (thread, call) = fixture.recorded(ANA, "¿Cuánto cuesta?").await;
    let payload = Some(r#"{"queue": "ventas", "score": 0.5}"#.to_owned());
    let actions = [
        Action::Forward { endpoint: "helpdesk".to_owned(), payload },
        Action::Tag { tag: "precio".to_owned() },
        Action::Forward { endpoint: "helpdesk".to_owned(), payload: None },
    ];
    let processed = planned(&fixture, &matter(&thread, call.id), &actions).await;
    assert_eq!((processed.events.len(), left_out(&processed).len()), (2, 0));
    assert_eq!(fixture.processing.commit(processed).await.unwrap(), Committed::Done);

    let now = fixture.clock.now();
    let [first] = fixture.store.claim_events("helpdesk", now, now, 10).await.unwrap().try_into().unwrap();
    let body: serde_json::Value = serde_json::from_str(&first.body).unwrap();
    assert_eq!((&body["type"], &body["timestamp"]), (&"message.forwarded".into(), &now.to_string().into()));
    let data = &body["data"];
    let mut message = serde_json::to_value(fixture.store.message(call.id).await.unwrap().unwrap()).unwrap();
    assert!(message["processed_at"].is_string());
    assert_eq!(data["message"], message.take());
    let conversation = fixture.store.conversation(thread.conversation.id).await.unwrap().unwrap();
    assert_eq!(conversation.tags, ["precio"]);
    assert_eq!(data["conversation"], serde_json::to_value(conversation).unwrap());
    assert_eq!(data["plugin"], "asks");
    assert_eq!(data["payload"], serde_json::json!({ "queue": "ventas", "score": 0.5 }));
    let events = fixture.store.events_of(call.id).await.unwrap();
    let states: Vec<_> = events.iter().map(|event| (event.id == first.id, event.state, event.tries)).collect();
    assert_eq!(states, [(true, store::EventState::Sending, 1), (false, store::EventState::Waiting, 0)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_that_each_follow_from_a_report_come_to_an_end() {
    let fixture = Fixture::new(Vec::new()).await;
    let (thread, call) = fixture.recorded(ANA, "hola").await;
    let send = PlannedSend { plugin: "asks".to_owned(), outgoing: outgoing(LUIS, "otra") };
    for (hops, sent) in [(0, 1), (3, 1), (4, 0)] {
        let plan = Plan { sends: vec![send.clone()], ..Plan::default() };
        let matter = Matter { hops, ..matter(&thread, call.id) };
        let processed = decided(&fixture, &matter, plan).await;
        assert_eq!((processed.sends.len(), left_out(&processed).len()), (sent, 1 - sent), "{hops}");
        assert!(processed.sends.iter().all(|send| send.message.hops == hops));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plugin_has_so_many_timers_and_attributes_and_no_more() {
    let fixture = Fixture::new(Vec::new()).await;
    let (mut started, mut refused) = (0, 0);
    for round in 0..6 {
        let (thread, call) = fixture.recorded(ANA, "hola").await;
        let actions: Vec<Action> = (0..20)
            .flat_map(|number| {
                let name = format!("{round} {number}");
                let attribute = Action::SetAttribute { name: name.clone(), value: Some("x".to_owned()) };
                [Action::StartTimer { name, after_ms: 60_000.0, payload: String::new() }, attribute]
            })
            .collect();
        let processed = planned(&fixture, &matter(&thread, call.id), &actions).await;
        started += processed.timers.len();
        refused += left_out(&processed).len();
        assert_eq!(fixture.processing.commit(processed).await.unwrap(), Committed::Done);
    }
    assert_eq!((started, refused), (100, 40));
    let (thread, call) = fixture.recorded(ANA, "hola").await;
    assert_eq!(thread.contact.attributes.len(), 100);
    // One that is there may be moved, one that goes makes room.
    let start = |name: &str| Action::StartTimer { name: name.to_owned(), after_ms: 0.0, payload: String::new() };
    let note = |name: &str, value: Option<&str>| Action::SetAttribute {
        name: name.to_owned(),
        value: value.map(str::to_owned),
    };
    let actions = [
        start("0 0"),
        start("new"),
        Action::CancelTimer { name: "0 1".to_owned() },
        start("newer"),
        note("0 0", Some("y")),
        note("0 1", None),
        note("new", Some("z")),
        note("newer", Some("z")),
    ];
    let processed = planned(&fixture, &matter(&thread, call.id), &actions).await;
    assert_eq!((processed.timers.len(), processed.attributes.len()), (3, 3));
    let said = left_out(&processed);
    assert!(said.len() == 2 && said.iter().all(|reason| reason.contains("100 at the most")), "{said:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn timers_that_start_themselves_at_once_come_to_an_end_and_slow_ones_do_not() {
    let fixture = Fixture::new(Vec::new()).await;
    let (thread, call) = fixture.recorded(ANA, "hola").await;
    let fires = || Cause::Timer(fixture.ids.next(fixture.clock.now()));
    let quick = Action::StartTimer { name: "again".to_owned(), after_ms: 0.0, payload: String::new() };
    let slow = Action::StartTimer { name: "later".to_owned(), after_ms: 600_000.0, payload: String::new() };
    for (cause, hops, quick_hops) in [
        (Cause::Message, 0, Some(0)),
        (Cause::Report(fixture.ids.next(fixture.clock.now())), 2, Some(2)),
        (fires(), 0, Some(1)),
        (fires(), 2, Some(3)),
        (fires(), 3, None),
    ] {
        let matter = Matter { cause, hops, ..matter(&thread, call.id) };
        let processed = planned(&fixture, &matter, &[quick.clone(), slow.clone()]).await;
        let hops: Vec<(&str, u32)> = processed
            .timers
            .iter()
            .map(|change| match change {
                store::TimerChange::Start { name, hops, .. } => (name.as_str(), *hops),
                store::TimerChange::Cancel { .. } => panic!("{change:?}"),
            })
            .collect();
        let expected: Vec<_> = quick_hops.map(|hops| ("again", hops)).into_iter().chain([("later", 0)]).collect();
        assert_eq!(hops, expected);
        assert_eq!(left_out(&processed).len(), usize::from(quick_hops.is_none()));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_reports_of_one_message_lead_to_a_few_others_and_no_more() {
    let fixture = Fixture::new(Vec::new()).await;
    let (thread, call) = fixture.recorded(ANA, "hola").await;
    let send = |text: &str| Action::Send(outgoing(LUIS, text));
    // As if the message had been sent, and one report of it after the other came.
    let mut came = Vec::new();
    for texts in [vec![send("uno"), send("dos")], vec![send("tres"), send("cuatro")], vec![send("cinco")]] {
        let report =
            Matter { cause: Cause::Report(fixture.ids.next(fixture.clock.now())), hops: 1, ..matter(&thread, call.id) };
        let mut processed = planned(&fixture, &report, &texts).await;
        came.push((processed.sends.len(), left_out(&processed).len()));
        // Only an inbound message is here to be committed; what is counted is what followed from it.
        processed.cause = Cause::Message;
        let sends = std::mem::take(&mut processed.sends);
        for send in sends {
            fixture.store.submit(send).await.unwrap();
        }
    }
    assert_eq!(came, [(2, 0), (1, 1), (0, 1)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn labels_that_others_set_meanwhile_stay() {
    let fixture = Fixture::new(Vec::new()).await;
    let (thread, first) = fixture.recorded(ANA, "uno").await;
    let tag = |tag: &str| Action::Tag { tag: tag.to_owned() };
    let processed = planned(&fixture, &matter(&thread, first.id), &[tag("old"), tag("vip")]).await;
    fixture.processing.commit(processed).await.unwrap();
    // Two that are decided at the same time, as in two processes.
    let (thread, second) = fixture.recorded(ANA, "dos").await;
    let (same, third) = fixture.recorded(ANA, "tres").await;
    let decide = async |thread: &Thread, id: MessageId, actions: &[Action]| {
        let mut planner = Planner::new(thread.conversation.tags.clone());
        planner.add("asks", actions);
        decided(&fixture, &matter(thread, id), planner.finish()).await
    };
    let one = decide(&thread, second.id, &[tag("sales"), Action::Untag { tag: "old".to_owned() }]).await;
    let other = decide(&same, third.id, &[tag("urgent")]).await;
    fixture.processing.commit(one).await.unwrap();
    fixture.processing.commit(other).await.unwrap();
    let tags = fixture.store.conversation(thread.conversation.id).await.unwrap().unwrap().tags;
    assert_eq!(tags, ["vip", "sales", "urgent"]);
}
