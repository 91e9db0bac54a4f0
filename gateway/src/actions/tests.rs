//! What actions come to.

use super::*;

fn reply(text: &str) -> Action {
    Action::Reply { text: text.to_owned(), media: Vec::new() }
}

fn tag(tag: &str) -> Action {
    Action::Tag { tag: tag.to_owned() }
}

#[test]
fn actions_come_to_one_plan() {
    let mut planner = Planner::new(vec!["old".to_owned()]);
    assert!(planner.add("a", &[tag("new"), tag("new"), reply("hola")]).is_empty());
    assert_eq!(planner.tags(), ["old", "new"]);
    let untag = Action::Untag { tag: "old".to_owned() };
    let close = Action::SetStatus { status: ConversationStatus::Closed };
    assert!(planner.add("b", &[untag, close, reply("adiós")]).is_empty());
    let plan = planner.finish();
    assert_eq!(plan.tags, Some(vec!["new".to_owned()]));
    assert_eq!(plan.status, Some(ConversationStatus::Closed));
    let said: Vec<_> = plan.replies.iter().map(|r| (r.plugin.as_str(), r.text.as_str())).collect();
    assert_eq!(said, [("a", "hola"), ("b", "adiós")]);
}

#[test]
fn tags_that_end_as_they_began_are_no_change() {
    let mut planner = Planner::new(vec!["x".to_owned()]);
    planner.add("a", &[tag("y"), Action::Untag { tag: "y".to_owned() }]);
    assert_eq!(planner.finish(), Plan::default());
}

#[test]
fn what_is_left_out_is_said() {
    let many: Vec<Action> = (0..12).map(|n| reply(&n.to_string())).collect();
    let mut planner = Planner::new(Vec::new());
    assert_eq!(planner.add("a", &many).len(), 2);
    let odd = [reply("  "), reply(&"x".repeat(16_001)), tag(""), tag(&"x".repeat(65))];
    assert_eq!(planner.add("a", &odd).len(), 4);
    let crowded = Action::Reply { text: String::new(), media: vec!["https://example.mx/a.png".to_owned(); 11] };
    assert_eq!(planner.add("a", &[crowded]).len(), 1);
    let tags: Vec<Action> = (0..51).map(|n| tag(&n.to_string())).collect();
    assert_eq!(planner.add("a", &tags).len(), 1);
    let plan = planner.finish();
    assert_eq!((plan.replies.len(), plan.tags.map(|tags| tags.len())), (10, Some(50)));
}

#[test]
fn every_action_has_its_place_in_the_plan() {
    let outgoing = Outgoing {
        channel: None,
        sender: None,
        recipient: "998 123 4567".to_owned(),
        text: "hola".to_owned(),
        media: Vec::new(),
        send_at: None,
    };
    let start = |name: &str, after_ms, payload: &str| Action::StartTimer {
        name: name.to_owned(),
        after_ms,
        payload: payload.to_owned(),
    };
    let actions = [
        Action::Send(outgoing.clone()),
        Action::Assign { to: Some(" ana ".to_owned()) },
        Action::SetAttribute { name: "city".to_owned(), value: Some("Cancún".to_owned()) },
        Action::SetAttribute { name: "old".to_owned(), value: None },
        Action::Forward { endpoint: "crm".to_owned(), payload: Some("{\"a\":1}".to_owned()) },
        start("nudge", 1_500.0, "first"),
        start("nudge", 2_500.0, "second"),
        Action::CancelTimer { name: "escalate".to_owned() },
    ];
    let mut planner = Planner::new(Vec::new());
    assert_eq!(planner.add("a", &actions), Vec::<String>::new());
    assert_eq!(planner.add("b", &[start("nudge", 0.0, "")]), Vec::<String>::new());
    let plan = planner.finish();
    assert_eq!(plan.sends, [PlannedSend { plugin: "a".to_owned(), outgoing }]);
    assert_eq!(plan.assignee, Some(Some("ana".to_owned())));
    assert_eq!(plan.attributes["city"].as_deref(), Some("Cancún"));
    assert_eq!(plan.attributes["old"], None);
    assert_eq!(plan.forwards[0].payload, Some(serde_json::json!({ "a": 1 })));
    let timers: Vec<_> = plan.timers.iter().map(|t| (t.plugin.as_str(), t.name.as_str(), &t.change)).collect();
    let second = TimerChange::Start { after: SignedDuration::from_millis(2_500), payload: "second".to_owned() };
    let other = TimerChange::Start { after: SignedDuration::ZERO, payload: String::new() };
    assert_eq!(timers, [("a", "nudge", &second), ("a", "escalate", &TimerChange::Cancel), ("b", "nudge", &other)],);
}

#[test]
fn what_makes_no_sense_is_left_out_with_its_reason() {
    let outgoing = Outgoing {
        channel: None,
        sender: None,
        recipient: " ".to_owned(),
        text: "hola".to_owned(),
        media: Vec::new(),
        send_at: None,
    };
    let timer = |after_ms| Action::StartTimer { name: "t".to_owned(), after_ms, payload: String::new() };
    let wrong = [
        Action::Send(outgoing),
        Action::Assign { to: Some(String::new()) },
        Action::SetAttribute { name: String::new(), value: None },
        Action::SetAttribute { name: "a".to_owned(), value: Some("x".repeat(4_001)) },
        Action::Forward { endpoint: "crm".to_owned(), payload: Some("{".to_owned()) },
        timer(-1.0),
        timer(f64::NAN),
        timer(f64::INFINITY),
        Action::CancelTimer { name: String::new() },
    ];
    let mut planner = Planner::new(Vec::new());
    let left_out = planner.add("a", &wrong);
    assert_eq!(left_out.len(), wrong.len(), "{left_out:?}");
    assert_eq!(planner.finish(), Plan::default());
}

#[test]
fn a_discarded_message_gets_no_reply_from_anybody() {
    let discard = Action::Discard { reason: "spam".to_owned() };
    let mut planner = Planner::new(Vec::new());
    planner.add("a", &[reply("hola"), discard]);
    planner.add("b", &[reply("otra"), tag("spam")]);
    let plan = planner.finish();
    assert_eq!((plan.replies.len(), plan.discarded.as_deref()), (0, Some("spam")));
    assert_eq!(plan.tags, Some(vec!["spam".to_owned()]));
}
