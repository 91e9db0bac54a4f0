//! The chain, asked with plugins in plain Rust.

use async_trait::async_trait;
use jiff::Timestamp;
use uuid::Uuid;

use super::*;
use crate::actions::{Action, Changes};
use crate::message::{ContactId, ConversationId, ConversationStatus, MessageId, Status};
use crate::plugins::{ContactSeen, ConversationSeen, Hooks, Nothing, Origin};

type Rule = fn(&InboundCall) -> Result<Decision, Failure>;
type OutboundRule = fn(&OutboundCall) -> Result<Verdict, Failure>;

/// A plugin in plain Rust.
pub(crate) struct Plain {
    manifest: Manifest,
    rule: Rule,
    outbound_rule: OutboundRule,
}

#[async_trait]
impl Plugin for Plain {
    fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    async fn on_inbound(&self, call: &InboundCall, _: &Surroundings) -> Called<Decision> {
        Called { result: (self.rule)(call), effects: Effects::default() }
    }

    async fn on_outbound(&self, call: &OutboundCall, _: &Surroundings) -> Called<Verdict> {
        Called { result: (self.outbound_rule)(call), effects: Effects::default() }
    }

    async fn on_status(&self, call: &StatusCall, _: &Surroundings) -> Called<Decision> {
        let text = format!("{} is {}", call.message_id, call.status);
        let actions = vec![Action::Reply { text, media: Vec::new() }];
        Called { result: Ok(Decision { actions, flow: Flow::Proceed }), effects: Effects::default() }
    }

    async fn on_timer(&self, call: &TimerCall, _: &Surroundings) -> Called<Decision> {
        let actions = vec![Action::Tag { tag: call.name.clone() }];
        Called { result: Ok(Decision { actions, flow: Flow::Proceed }), effects: Effects::default() }
    }
}

fn plain(name: &str, on_error: OnError, rule: Rule, outbound_rule: OutboundRule) -> Link {
    let hooks = Hooks { inbound: true, outbound: true, status: true, timer: true };
    let manifest = Manifest { name: name.to_owned(), version: "1.0.0".to_owned(), hooks, ..Manifest::default() };
    Link::new(name.to_owned(), on_error, Arc::new(Plain { manifest, rule, outbound_rule }))
}

fn link(name: &str, on_error: OnError, rule: Rule) -> Link {
    plain(name, on_error, rule, |_| Ok(Verdict::Accept(Changes::default())))
}

fn outbound_link(name: &str, on_error: OnError, rule: OutboundRule) -> Link {
    plain(name, on_error, |_| Ok(Decision { actions: Vec::new(), flow: Flow::Proceed }), rule)
}

pub(crate) fn surroundings() -> Surroundings {
    Surroundings {
        now: Timestamp::UNIX_EPOCH,
        seed: 7,
        locale: "es-MX".to_owned(),
        time_zone: "America/Cancun".to_owned(),
        state: Arc::new(Nothing),
        fetcher: Arc::new(Nothing),
    }
}

pub(crate) fn conversation() -> ConversationSeen {
    ConversationSeen {
        id: ConversationId(Uuid::nil()),
        channel: "sms".to_owned(),
        address: Address::received("+529981112233"),
        status: ConversationStatus::Pending,
        subject: "SMS desde +529981112233".to_owned(),
        tags: Vec::new(),
        assignee: None,
        contact: ContactSeen { id: ContactId(Uuid::nil()), name: None, attributes: Vec::new() },
        inbound_count: 1,
        previous_inbound_at: None,
    }
}

pub(crate) fn call(text: &str) -> InboundCall {
    InboundCall {
        id: MessageId(Uuid::nil()),
        channel: "sms".to_owned(),
        sender: Address::received("+529981112233"),
        recipient: Address::received("+529983162438"),
        text: text.to_owned(),
        media: Vec::new(),
        received_at: Timestamp::UNIX_EPOCH,
        extra: Vec::new(),
        conversation: conversation(),
    }
}

pub(crate) fn outbound_call(text: &str) -> OutboundCall {
    OutboundCall {
        id: MessageId(Uuid::nil()),
        channel: "sms".to_owned(),
        sender: None,
        recipient: Address::received("+529981112233"),
        text: text.to_owned(),
        media: Vec::new(),
        origin: Origin::Api,
        send_at: None,
        created_at: Timestamp::UNIX_EPOCH,
        conversation: None,
    }
}

#[expect(clippy::unnecessary_wraps, reason = "a rule may fail, this one does not")]
fn label(_: &InboundCall) -> Result<Decision, Failure> {
    Ok(Decision { actions: vec![Action::Tag { tag: "vip".to_owned() }], flow: Flow::Proceed })
}

#[expect(clippy::unnecessary_wraps, reason = "a rule may fail, this one does not")]
fn greet_vips(call: &InboundCall) -> Result<Decision, Failure> {
    let vip = call.conversation.tags.iter().any(|tag| tag == "vip");
    let text = if vip { "Bienvenido" } else { "Hola" };
    Ok(Decision { actions: vec![Action::Reply { text: text.to_owned(), media: Vec::new() }], flow: Flow::Stop })
}

fn fail(_: &InboundCall) -> Result<Decision, Failure> {
    Err(Failure::Failed("no idea".to_owned()))
}

async fn replies(links: Vec<Link>) -> (Vec<String>, Vec<Option<String>>) {
    let Asked { outcome, ran, .. } = Chain::new(links).on_inbound(call("hola"), &surroundings()).await;
    (outcome.replies.into_iter().map(|reply| reply.text).collect(), ran.into_iter().map(|ran| ran.error).collect())
}

#[tokio::test]
async fn a_tag_is_seen_by_the_next_and_stop_ends_the_chain() {
    let links = vec![
        link("label", OnError::Skip, label),
        link("greet", OnError::Skip, greet_vips),
        link("never", OnError::Skip, greet_vips),
    ];
    assert_eq!(replies(links).await, (vec!["Bienvenido".to_owned()], vec![None, None]));
}

#[tokio::test]
async fn a_failure_is_skipped_or_stops_as_the_operator_said() {
    let skipped = replies(vec![link("bad", OnError::Skip, fail), link("greet", OnError::Skip, greet_vips)]).await;
    assert_eq!(skipped.0, ["Hola"]);
    assert_eq!(skipped.1, [Some("it failed: no idea".to_owned()), None]);
    let stopped = replies(vec![link("bad", OnError::Stop, fail), link("greet", OnError::Skip, greet_vips)]).await;
    assert_eq!(stopped, (vec![], vec![Some("it failed: no idea".to_owned())]));
}

#[tokio::test]
async fn each_outbound_plugin_sees_what_the_one_before_made_of_the_message() {
    let shout = |call: &OutboundCall| {
        let text = Some(call.text.to_uppercase());
        Ok(Verdict::Accept(Changes { text, tags: vec!["loud".to_owned()], ..Changes::default() }))
    };
    let sign = |call: &OutboundCall| {
        let text = Some(format!("{} — Ana", call.text));
        let sender = Some("+529983162439".to_owned());
        Ok(Verdict::Accept(Changes { text, sender, flow: Flow::Stop, ..Changes::default() }))
    };
    let refuse = |_: &OutboundCall| Ok(Verdict::Reject { reason: "never".to_owned() });
    let links = vec![
        outbound_link("shout", OnError::Skip, shout),
        outbound_link("sign", OnError::Skip, sign),
        outbound_link("refuse", OnError::Skip, refuse),
    ];
    let asked = Chain::new(links).on_outbound(outbound_call("hola"), &surroundings()).await;
    let Passed::Accepted { call, tags } = asked.outcome else { panic!("{:?}", asked.outcome) };
    assert_eq!((call.text.as_str(), tags), ("HOLA — Ana", vec!["loud".to_owned()]));
    assert_eq!(call.sender.map(|sender| sender.as_str().to_owned()).as_deref(), Some("+529983162439"));
    assert_eq!(asked.ran.len(), 2);
}

#[tokio::test]
async fn a_label_of_one_outbound_plugin_is_seen_by_the_next_and_given_back_apart() {
    let label = |_: &OutboundCall| {
        Ok(Verdict::Accept(Changes { tags: vec!["loud".to_owned(), "vip".to_owned()], ..Changes::default() }))
    };
    let routed = |call: &OutboundCall| {
        let tags = call.conversation.as_ref().map(|conversation| conversation.tags.clone()).unwrap_or_default();
        Ok(Verdict::Accept(Changes { text: Some(tags.join(" ")), ..Changes::default() }))
    };
    let links = || vec![outbound_link("label", OnError::Skip, label), outbound_link("route", OnError::Skip, routed)];
    let mut known = conversation();
    known.tags = vec!["vip".to_owned()];
    let within = OutboundCall { conversation: Some(known.clone()), ..outbound_call("hola") };
    let asked = Chain::new(links()).on_outbound(within, &surroundings()).await;
    let Passed::Accepted { call, tags } = asked.outcome else { panic!("{:?}", asked.outcome) };
    assert_eq!((call.text.as_str(), &tags), ("vip loud", &vec!["loud".to_owned(), "vip".to_owned()]));
    assert_eq!(call.conversation, Some(known), "what was there before is as it was");
    // Without a conversation there is none to see it on.
    let asked = Chain::new(links()).on_outbound(outbound_call("hola"), &surroundings()).await;
    let Passed::Accepted { call, tags } = asked.outcome else { panic!("{:?}", asked.outcome) };
    assert_eq!((call.text.as_str(), tags), ("hola", vec!["loud".to_owned(), "vip".to_owned()]));
}

#[tokio::test]
async fn what_a_plugin_refuses_or_must_see_and_cannot_is_not_sent() {
    let refuse = |_: &OutboundCall| Ok(Verdict::Reject { reason: "too late in the day".to_owned() });
    let fail = |_: &OutboundCall| Err(Failure::Failed("no idea".to_owned()));
    for (links, expected) in [
        (vec![outbound_link("a", OnError::Skip, refuse)], Some(("a", "too late in the day", "refused"))),
        (vec![outbound_link("a", OnError::Stop, fail)], Some(("a", "it failed: no idea", "failed"))),
        (vec![outbound_link("a", OnError::Skip, fail)], None),
    ] {
        let passed = Chain::new(links).on_outbound(outbound_call("hola"), &surroundings()).await.outcome;
        let rejected = match &passed {
            Passed::Rejected { plugin, reason } => Some((plugin.as_str(), reason.as_str(), "refused")),
            Passed::Failed { plugin, reason } => Some((plugin.as_str(), reason.as_str(), "failed")),
            Passed::Accepted { .. } => None,
        };
        assert_eq!(rejected, expected);
    }
}

#[tokio::test]
async fn nothing_is_made_of_a_message_that_would_be_empty_or_from_nobody() {
    let empty = |_: &OutboundCall| {
        let changes =
            Changes { text: Some(" ".to_owned()), sender: Some("no sender at all".to_owned()), ..Changes::default() };
        Ok(Verdict::Accept(changes))
    };
    let links = vec![outbound_link("a", OnError::Skip, empty)];
    let asked = Chain::new(links).on_outbound(outbound_call("hola"), &surroundings()).await;
    assert_eq!(asked.outcome, Passed::Accepted { call: Box::new(outbound_call("hola")), tags: Vec::new() });
    assert_eq!(asked.ran[0].decision["left_out"].as_array().map(Vec::len), Some(2));
}

#[tokio::test]
async fn a_report_goes_to_all_and_a_timer_to_its_own() {
    let chain = Chain::new(vec![link("a", OnError::Skip, label), link("b", OnError::Skip, label)]);
    let report = StatusCall {
        message_id: MessageId(Uuid::nil()),
        channel: "sms".to_owned(),
        recipient: Address::received("+529981112233"),
        status: Status::Failed,
        error: None,
        plugin: None,
        at: Timestamp::UNIX_EPOCH,
        conversation: conversation(),
    };
    let asked = chain.on_status(report, &surroundings()).await;
    assert_eq!((asked.outcome.replies.len(), asked.ran.len()), (2, 2));
    let timer = || TimerCall {
        name: "nudge".to_owned(),
        payload: String::new(),
        started_at: Timestamp::UNIX_EPOCH,
        due_at: Timestamp::UNIX_EPOCH,
        conversation: conversation(),
    };
    let asked = chain.on_timer("b", timer(), &surroundings()).await.unwrap().unwrap();
    assert_eq!((asked.outcome.tags, asked.ran.len()), (Some(vec!["nudge".to_owned()]), 1));
    assert!(chain.on_timer("gone", timer(), &surroundings()).await.unwrap().is_none());
}

#[tokio::test]
async fn a_plugin_that_fails_for_everybody_is_not_asked_for_a_while() {
    let chain = Chain::new(vec![link("bad", OnError::Skip, fail), link("greet", OnError::Skip, greet_vips)]);
    let mut errors = Vec::new();
    for number in 0..6 {
        let mut call = call("hola");
        call.conversation.id = ConversationId(Uuid::from_u128(number));
        let asked = chain.on_inbound(call, &surroundings()).await;
        assert_eq!(asked.outcome.replies.len(), 1, "the other plugin answers all along");
        errors.push(asked.ran[0].error.clone().unwrap());
    }
    assert_eq!(errors[4], "it failed: no idea");
    assert_eq!(errors[5], "it is not asked until 1970-01-01T00:00:30Z, since it failed again and again");
    assert_eq!(chain.links()[0].health.fares().calls, 5);
}

/// Whatever it says, what is kept of it has a limit.
#[tokio::test]
async fn a_trace_does_not_grow_with_what_a_plugin_says() {
    let many = |_: &InboundCall| {
        let reply = Action::Reply { text: "x".repeat(20_000), media: Vec::new() };
        let untag = Action::Untag { tag: "x".repeat(20_000) };
        Ok(Decision { actions: [vec![reply; 1_000], vec![untag; 1_000]].concat(), flow: Flow::Proceed })
    };
    let asked = Chain::new(vec![link("a", OnError::Skip, many)]).on_inbound(call("hola"), &surroundings()).await;
    let kept = asked.ran[0].decision.to_string();
    assert!(kept.len() < 32 * 1024, "{} bytes", kept.len());
    assert!(kept.contains("a reply of 20000 characters was left out") && kept.contains("1744 actions"), "{kept}");

    let outbound = async |rule: OutboundRule| {
        Chain::new(vec![outbound_link("a", OnError::Skip, rule)])
            .on_outbound(outbound_call("hola"), &surroundings())
            .await
    };
    let refused = outbound(|_| Ok(Verdict::Reject { reason: "no ".repeat(100_000) })).await;
    let Passed::Rejected { reason, .. } = refused.outcome else { panic!("{:?}", refused.outcome) };
    assert_eq!(reason.chars().count(), 4_000);
    let decision = &refused.ran[0].decision;
    assert_eq!(decision["left_out"], json!(["the reason to refuse it was cut: 4000 characters at the most"]));
    assert_eq!(decision["reason"], reason);
    let silent = outbound(|_| Ok(Verdict::Reject { reason: String::new() })).await;
    assert_eq!(silent.ran[0].decision, json!({ "verdict": "reject", "reason": "no reason given" }));

    let changed = outbound(|_| {
        let long = "x".repeat(100_000);
        Ok(Verdict::Accept(Changes {
            text: Some(long.clone()),
            media: Some(vec![long.clone(); 1_000]),
            channel: Some(long.clone()),
            sender: Some(long.clone()),
            tags: vec![long; 1_000],
            ..Changes::default()
        }))
    })
    .await;
    let kept = changed.ran[0].decision.to_string();
    assert!(kept.len() < 128 * 1024, "{} bytes", kept.len());
    assert!(kept.contains("(100000 bytes)") && kept.contains("950 tags were left out"));
    let Passed::Accepted { call, tags } = changed.outcome else { panic!("{:?}", changed.outcome) };
    assert_eq!((call.text.len(), tags.len()), (100_000, 0), "whether it can be sent is for others to say");
}
