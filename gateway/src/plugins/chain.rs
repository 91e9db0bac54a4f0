//! Asking the plugins, one after the other.

use std::sync::Arc;
use std::time::Instant;

use serde_json::json;

use super::{Failure, InboundCall, Manifest, OnError, Plugin};
use crate::actions::{Decision, Flow, Plan, Planner};

/// A plugin in its place in the chain, under the name the operator gave it.
#[derive(Clone)]
pub struct Link {
    pub name: String,
    pub on_error: OnError,
    pub plugin: Arc<dyn Plugin>,
}

/// The plugins in the order they are asked.
#[derive(Clone, Default)]
pub struct Chain(Vec<Link>);

/// What one plugin came to, for the trace.
#[derive(Clone, Debug, PartialEq)]
pub struct Ran {
    pub plugin: String,
    pub manifest: Manifest,
    /// What it decided, and what of that was left out and why.
    pub decision: serde_json::Value,
    pub error: Option<String>,
    pub duration: std::time::Duration,
}

impl Chain {
    pub fn new(links: Vec<Link>) -> Self {
        Self(links)
    }

    pub fn links(&self) -> &[Link] {
        &self.0
    }

    /// Asks every plugin that wants inbound messages, until one stops the chain. Tags that one
    /// sets are seen by the next.
    pub async fn on_inbound(&self, mut call: InboundCall) -> (Plan, Vec<Ran>) {
        let mut planner = Planner::new(call.conversation.tags.clone());
        let mut ran = Vec::new();
        for link in self.0.iter().filter(|link| link.plugin.manifest().wants_inbound) {
            call.conversation.tags = planner.tags().to_vec();
            let started = Instant::now();
            let result = link.plugin.on_inbound(&call).await;
            let duration = started.elapsed();
            let stop = match &result {
                Ok(decision) => decision.flow == Flow::Stop,
                Err(_) => link.on_error == OnError::Stop,
            };
            ran.push(link.ran(result, duration, &mut planner, &call));
            if stop {
                break;
            }
        }
        (planner.finish(), ran)
    }
}

impl Link {
    fn ran(
        &self,
        result: Result<Decision, Failure>,
        duration: std::time::Duration,
        planner: &mut Planner,
        call: &InboundCall,
    ) -> Ran {
        let (decision, error) = match result {
            Ok(decision) => {
                let left_out = planner.add(&self.name, &decision.actions);
                (json!({ "actions": decision.actions, "flow": decision.flow, "left_out": left_out }), None)
            }
            Err(failure) => {
                tracing::warn!(plugin = %self.name, message_id = %call.id, reason = %failure, "a plugin gave no decision");
                (
                    json!({ "actions": [], "flow": if self.on_error == OnError::Stop { "stop" } else { "proceed" } }),
                    Some(failure.to_string()),
                )
            }
        };
        Ran { plugin: self.name.clone(), manifest: self.plugin.manifest().clone(), decision, error, duration }
    }
}

#[cfg(test)]
#[expect(clippy::unnecessary_wraps, reason = "the rules must have the shape of a plugin's hook")]
pub(crate) mod tests {
    use async_trait::async_trait;
    use jiff::Timestamp;
    use uuid::Uuid;

    use super::*;
    use crate::actions::Action;
    use crate::message::{Address, ConversationId, ConversationStatus, MessageId};
    use crate::plugins::ConversationSeen;

    type Rule = fn(&InboundCall) -> Result<Decision, Failure>;

    /// A plugin in plain Rust.
    pub(crate) struct Plain {
        manifest: Manifest,
        rule: Rule,
    }

    #[async_trait]
    impl Plugin for Plain {
        fn manifest(&self) -> &Manifest {
            &self.manifest
        }

        async fn on_inbound(&self, call: &InboundCall) -> Result<Decision, Failure> {
            (self.rule)(call)
        }
    }

    fn link(name: &str, on_error: OnError, rule: Rule) -> Link {
        let manifest = Manifest {
            name: name.to_owned(),
            version: "1.0.0".to_owned(),
            description: String::new(),
            digest: String::new(),
            wants_inbound: true,
        };
        Link { name: name.to_owned(), on_error, plugin: Arc::new(Plain { manifest, rule }) }
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
            conversation: ConversationSeen {
                id: ConversationId(Uuid::nil()),
                status: ConversationStatus::Pending,
                subject: "SMS desde +529981112233".to_owned(),
                tags: Vec::new(),
                inbound_count: 1,
                previous_inbound_at: None,
            },
            locale: "es-MX".to_owned(),
            time_zone: "America/Cancun".to_owned(),
        }
    }

    fn label(_: &InboundCall) -> Result<Decision, Failure> {
        Ok(Decision { actions: vec![Action::Tag { tag: "vip".to_owned() }], flow: Flow::Proceed })
    }

    fn greet_vips(call: &InboundCall) -> Result<Decision, Failure> {
        let vip = call.conversation.tags.iter().any(|tag| tag == "vip");
        let text = if vip { "Bienvenido" } else { "Hola" };
        Ok(Decision { actions: vec![Action::Reply { text: text.to_owned(), media: Vec::new() }], flow: Flow::Stop })
    }

    fn fail(_: &InboundCall) -> Result<Decision, Failure> {
        Err(Failure::Failed("no idea".to_owned()))
    }

    async fn replies(links: Vec<Link>) -> (Vec<String>, Vec<Option<String>>) {
        let (plan, ran) = Chain::new(links).on_inbound(call("hola")).await;
        (plan.replies.into_iter().map(|reply| reply.text).collect(), ran.into_iter().map(|ran| ran.error).collect())
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
}
