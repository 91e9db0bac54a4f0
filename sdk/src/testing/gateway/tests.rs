//! What the runner does with decisions, held against what the gateway does.

use super::*;
use crate::testing::{report, response};
use crate::{ConversationStatus, Manifest, MessageStatus, StartTimer, state};

const HOUR: Duration = Duration::from_secs(3600);

/// Does what it is told to.
struct Puppet;

impl Plugin for Puppet {
    fn describe() -> Manifest {
        Manifest::new("puppet", "1.0.0").hooks(Hooks::all())
    }

    fn on_inbound(message: InboundMessage, conversation: Conversation, _: Context) -> Result<Decision, Failure> {
        let seen = state::add(Scope::Conversation, "seen", 1.0)?;
        let decision = Decision::proceed();
        Ok(match message.text.split_once(' ').unwrap_or((&message.text, "")) {
            ("fail", reason) => return Err(Failure::failed(reason)),
            ("close", _) => decision.set_status(ConversationStatus::Closed).set_attribute("closed", "yes"),
            ("tag", tag) => decision.tag(tag),
            ("untag", tag) => decision.untag(tag),
            ("assign", to) => decision.assign(to),
            ("timer", name) => {
                decision.start_timer(StartTimer::new(name, HOUR)).start_timer(StartTimer::new("other", HOUR / 2))
            }
            ("cancel", name) => decision.cancel_timer(name),
            ("send", text) => decision.send(Outgoing::new("+525587654321", text)),
            ("discard", reason) => decision.reply("never seen").discard(reason),
            ("fetch", url) => decision.reply(Request::get(url).send()?.body),
            _ => {
                decision.reply(format!("{seen} {} {:?}", conversation.inbound_count, conversation.previous_inbound_at))
            }
        })
    }

    fn on_outbound(
        message: OutboundMessage,
        conversation: Option<Conversation>,
        _: Context,
    ) -> Result<Verdict, Failure> {
        match message.text.as_str() {
            "spam" => Ok(Verdict::reject("spam")),
            "fail" => Err(Failure::failed("no idea")),
            text => {
                let known = if conversation.is_some() { "known" } else { "new" };
                Ok(Changes::new().text(text.to_uppercase()).tag(known).into())
            }
        }
    }

    fn on_status(report: StatusReport, conversation: Conversation, _: Context) -> Result<Decision, Failure> {
        Ok(Decision::proceed().reply(format!("{:?} to {}", report.status, conversation.address)))
    }

    fn on_timer(timer: Timer, _: Conversation, _: Context) -> Result<Decision, Failure> {
        let decision = Decision::proceed().reply(timer.name.as_str());
        // One that starts another.
        Ok(if timer.name == "other" { decision.start_timer(StartTimer::new("chained", HOUR / 4)) } else { decision })
    }
}

fn gateway() -> Gateway<Puppet> {
    Gateway::new()
}

#[test]
fn a_conversation_goes_on_and_after_it_was_closed_another_begins() {
    let mut gateway = gateway();
    assert_eq!(gateway.receive("hola").replies(), ["1 1 None"]);
    let first = gateway.now();
    gateway.advance(HOUR);
    assert_eq!(gateway.receive("hola").replies(), [format!("2 2 Some({first:?})")]);
    assert_eq!(gateway.receive_from("+525500000000", "hola").replies(), ["1 1 None"]);
    gateway.receive("tag vip");
    gateway.receive("assign ana");
    let before = gateway.conversation().unwrap().clone();
    assert_eq!((before.tags.as_slice(), before.assignee.as_deref()), (["vip".to_owned()].as_slice(), Some("ana")));
    gateway.receive("close");
    assert_eq!(gateway.receive("hola").replies(), ["1 1 None"]);
    let after = gateway.conversation().unwrap();
    assert_ne!(after.id, before.id);
    assert_eq!((after.tags.len(), after.assignee.as_deref()), (0, None));
    assert_eq!((&after.contact.id, after.contact.attribute("closed")), (&before.contact.id, Some("yes")));
}

#[test]
fn tags_are_set_once_and_taken_off() {
    let mut gateway = gateway();
    for (text, tags) in [("tag a", vec!["a"]), ("tag a", vec!["a"]), ("tag b", vec!["a", "b"]), ("untag a", vec!["b"])]
    {
        gateway.receive(text);
        assert_eq!(gateway.conversation().unwrap().tags, tags, "{text}");
    }
}

#[test]
fn a_call_that_fails_changes_nothing() {
    let mut gateway = gateway();
    gateway.receive("hola");
    let outcome = gateway.receive("fail no idea");
    assert_eq!(outcome.result, Err(Failure::failed("no idea")));
    assert_eq!((outcome.replies().len(), outcome.actions().len(), outcome.stopped()), (0, 0, false));
    assert_eq!(gateway.remembered(Scope::Conversation, "seen").as_deref(), Some("1"));
    assert_eq!(gateway.conversation().unwrap().inbound_count, 2, "it is on record all the same");
}

#[test]
fn timers_fire_in_order_each_at_its_moment_and_once() {
    let mut gateway = gateway();
    let start = gateway.now();
    gateway.receive("timer late");
    assert_eq!(gateway.timers().iter().map(|timer| timer.name.as_str()).collect::<Vec<_>>(), ["other", "late"]);
    let names =
        |outcomes: Vec<Outcome>| outcomes.iter().flat_map(Outcome::replies).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(names(gateway.advance(HOUR / 4)), [""; 0]);
    assert_eq!(names(gateway.advance(HOUR)), ["other", "chained", "late"]);
    assert!((gateway.now() - start - 1.25 * crate::clock::HOUR).abs() < 1.0);
    assert_eq!(names(gateway.advance(HOUR)), [""; 0]);
}

#[test]
fn a_timer_is_moved_by_its_name_and_taken_back() {
    let mut gateway = gateway();
    gateway.receive("timer late");
    gateway.receive_from("+525500000000", "timer late");
    gateway.advance(HOUR / 8);
    gateway.receive("timer late");
    assert_eq!(gateway.timers().len(), 4, "two of each conversation");
    gateway.receive("cancel other");
    gateway.receive("cancel late");
    assert_eq!(gateway.timers().len(), 2, "those of the other conversation");
}

#[test]
fn what_is_sent_passes_the_outbound_hook() {
    let mut gateway = gateway();
    let outcome = gateway.receive("send hola");
    assert_eq!((outcome.sent[0].text.as_str(), outcome.sent[0].origin), ("HOLA", Origin::Plugin));
    assert_eq!(gateway.conversation_with("+525587654321").unwrap().tags, ["new"]);
    gateway.receive("send otra");
    assert_eq!(gateway.conversation_with("+525587654321").unwrap().tags, ["new", "known"]);
    assert_eq!(gateway.receive("send spam").refused, [Refusal::Rejected("spam".to_owned())]);
    assert_eq!(gateway.send(outbound_message("fail")), Err(Refusal::Failed(Failure::failed("no idea"))));
    assert_eq!(gateway.send(outbound_message("hola")).unwrap().text, "HOLA");
}

#[test]
fn reports_and_other_hosts_arrive() {
    let mut gateway = gateway().answer("https://a.example/", response(200, "¡Hola!"));
    assert_eq!(gateway.report(report(MessageStatus::Failed)).replies(), ["MessageStatus::Failed to +525512345678"]);
    assert_eq!(gateway.receive("fetch https://a.example/x").replies(), ["¡Hola!"]);
    assert!(gateway.receive("fetch https://a.example/x").result.is_err());
    assert_eq!(gateway.requests().len(), 2);
}

#[test]
fn nobody_sees_a_reply_to_what_is_discarded() {
    let outcome = gateway().receive("discard spam");
    assert_eq!((outcome.replies().len(), outcome.actions().len()), (0, 2));
}

#[test]
#[should_panic(expected = "Hooks::TIMER")]
fn a_forgotten_hook_is_said_to_be_forgotten() {
    struct Forgetful;
    impl Plugin for Forgetful {
        fn describe() -> Manifest {
            Manifest::new("forgetful", "1.0.0")
        }

        fn on_inbound(_: InboundMessage, _: Conversation, _: Context) -> Result<Decision, Failure> {
            Ok(Decision::proceed().start_timer(StartTimer::new("ask", HOUR)))
        }
    }
    let mut gateway = Gateway::<Forgetful>::new();
    gateway.receive("hola");
    gateway.advance(HOUR);
}
