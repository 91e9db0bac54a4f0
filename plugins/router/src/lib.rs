//! Sends messages where they belong, by an ordered table: the first route whose conditions hold
//! decides, unless it says to go on; without one, the default does.
//!
//! One table is for what comes in: labels, who looks after it, which application hears of it. The
//! other is for what goes out: by which channel, from which sender, when, or not at all.

mod assigning;
mod conditions;
mod config;
mod inbound;
mod outbound;
mod pattern;

use recado_sdk::{
    CachedConfig, Context, Conversation, Decision, Failure, Hooks, InboundMessage, Manifest, OutboundMessage, Plugin,
    Verdict,
};

use crate::config::Config;

/// Regular expressions and keywords are prepared once, not for each message.
static CONFIG: CachedConfig<Config> = CachedConfig::new();

struct Router;

impl Plugin for Router {
    fn describe() -> Manifest {
        Manifest::new("router", env!("CARGO_PKG_VERSION"))
            .description("Sends messages where they belong, by an ordered table.")
            .hooks(Hooks::INBOUND | Hooks::OUTBOUND)
            .schema(config::SCHEMA)
    }

    fn on_inbound(message: InboundMessage, conversation: Conversation, context: Context) -> Result<Decision, Failure> {
        let config = CONFIG.get()?;
        inbound::decide(&config, &message, &conversation, &context)
    }

    fn on_outbound(
        message: OutboundMessage,
        conversation: Option<Conversation>,
        context: Context,
    ) -> Result<Verdict, Failure> {
        let config = CONFIG.get()?;
        outbound::judge(&config, &message, conversation.as_ref(), &context)
    }
}

recado_sdk::plugin!(Router);

#[cfg(test)]
mod tests;
