//! Hands a conversation over to a person who asks for one, and tells a manager if nobody takes it.
//!
//! It begins with a keyword, or with a label that an earlier plugin gave. The people take turns. A
//! conversation is taken when somebody writes to the person, makes it active or closes it, or assigns
//! it to somebody else.

mod config;
mod handing;
mod words;

use recado_sdk::{
    Context, Conversation, Decision, Failure, Hooks, InboundMessage, Manifest, Origin, OutboundMessage, Plugin, Timer,
    Verdict,
};

use crate::config::Config;

struct Handover;

impl Plugin for Handover {
    fn describe() -> Manifest {
        Manifest::new("handover", env!("CARGO_PKG_VERSION"))
            .description("Hands a conversation over to a person, and tells a manager if nobody takes it.")
            .hooks(Hooks::INBOUND | Hooks::OUTBOUND | Hooks::TIMER)
            .schema(config::SCHEMA)
    }

    fn on_inbound(message: InboundMessage, conversation: Conversation, _: Context) -> Result<Decision, Failure> {
        let config: Config = recado_sdk::config_as()?;
        handing::heard(&config, &message, &conversation)
    }

    /// Whoever writes to the person, other than a plugin, has taken the conversation.
    fn on_outbound(
        message: OutboundMessage,
        conversation: Option<Conversation>,
        _: Context,
    ) -> Result<Verdict, Failure> {
        if matches!(message.origin, Origin::Api | Origin::Console) {
            if let Some(conversation) = conversation {
                let config: Config = recado_sdk::config_as()?;
                handing::answered(&config, &conversation)?;
            }
        }
        Ok(Verdict::accept())
    }

    fn on_timer(timer: Timer, conversation: Conversation, _: Context) -> Result<Decision, Failure> {
        let config: Config = recado_sdk::config_as()?;
        handing::waited(&config, &timer, &conversation)
    }
}

recado_sdk::plugin!(Handover);

#[cfg(test)]
mod tests;
