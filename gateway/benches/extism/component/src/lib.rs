//! The rules as a Recado plugin.

use recado_sdk::{Context, Conversation, Decision, Failure, InboundMessage, Manifest, Plugin};

struct Priced;

impl Plugin for Priced {
    fn describe() -> Manifest {
        Manifest::new("priced", "0.1.0").description("Says what it costs.")
    }

    fn on_inbound(message: InboundMessage, _: Conversation, _: Context) -> Result<Decision, Failure> {
        let decision = Decision::proceed();
        Ok(match rules::decide(&message.text) {
            Some((text, tag)) => decision.reply(text).tag(tag),
            None => decision,
        })
    }
}

recado_sdk::plugin!(Priced);
