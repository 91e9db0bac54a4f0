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

#[test]
fn what_is_only_traced_has_limits_as_well() {
    let custom = |name: &str, json: &str| Action::Custom { name: name.to_owned(), json: json.to_owned() };
    let outgoing = Outgoing {
        channel: Some("x".repeat(257)),
        sender: None,
        recipient: "998 123 4567".to_owned(),
        text: "hola".to_owned(),
        media: Vec::new(),
        send_at: None,
    };
    let long = format!("\"{}\"", "x".repeat(64 * 1024));
    let picture = Action::Reply { text: String::new(), media: vec!["x".repeat(4_001)] };
    let cases = [
        (custom("crm", &long), "the custom action `crm` was left out: its JSON may have 65536 bytes"),
        (custom("crm", "{"), "the custom action `crm` was left out: it is not JSON: EOF"),
        (custom(&"x".repeat(65), "1"), "a custom action was left out: it must have 1 to 64 characters"),
        (Action::Untag { tag: "x".repeat(65) }, "a tag to take back was left out: it must have 1 to 64 characters"),
        (Action::Send(outgoing), "a message to send was left out: recipient, channel and sender may have 256"),
        (picture, "a reply was left out: the address of a medium may have 4000 characters"),
    ];
    let mut planner = Planner::new(Vec::new());
    for (action, expected) in cases {
        let Taken { actions, left_out } = planner.take("a", vec![action, custom("ok", "{\"a\":[1]}")]);
        assert_eq!(actions, [custom("ok", "{\"a\":[1]}")], "only its reason is left of it");
        assert!(left_out[0].starts_with(expected) && left_out.len() == 1, "{left_out:?}");
    }
    let more = planner.take("b", vec![custom("ok", "1"); 5]);
    assert_eq!((more.actions.len(), more.left_out.len()), (4, 1), "10 to one message, whoever asks");
}

#[test]
fn of_very_many_actions_the_first_are_taken_and_one_line_tells_of_the_rest() {
    let mut planner = Planner::new(Vec::new());
    let Taken { actions, left_out } = planner.take("a", vec![tag("vip"); 13_000]);
    assert_eq!(actions.len(), 256);
    assert_eq!(left_out, ["12744 actions were left out: 256 of one plugin at the most"]);
    let mut tags: Vec<String> = (0..60).map(|number| format!(" {number} ")).collect();
    tags[1] = "x".repeat(65);
    let left_out = planner.tag_all(&mut tags);
    assert_eq!((tags.len(), tags[0].as_str(), left_out.len()), (49, "0", 2), "{left_out:?}");
    assert!(left_out[1].starts_with("10 tags were left out"), "{left_out:?}");
}

#[test]
fn reasons_are_cut_and_never_empty() {
    let mut planner = Planner::new(Vec::new());
    let discard = |reason: String| vec![Action::Discard { reason }];
    let Taken { actions, left_out } = planner.take("a", discard("ñ".repeat(5_000)));
    assert_eq!(actions, discard("ñ".repeat(4_000)), "the trace has no more than the message");
    assert_eq!(left_out, ["the reason to discard it was cut: 4000 characters at the most"]);
    assert_eq!(planner.take("a", discard("\n ".to_owned())).actions, discard("no reason given".to_owned()));
    assert_eq!(planner.take("a", discard(" spam ".to_owned())).left_out, Vec::<String>::new());
    assert_eq!(planner.finish().discarded.as_deref(), Some("spam"));
}
