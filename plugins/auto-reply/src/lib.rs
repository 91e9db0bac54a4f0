//! Answers texts by keyword, by hours and by language, or with a default text.
//!
//! The first rule with a matching keyword decides; without one the default text is sent, or the one
//! for out of hours. Owns what to answer and nothing else: whether a reply may be sent is the
//! gateway's to say.

mod answers;
mod config;
mod menu;
mod rules;
mod texts;

use recado_sdk::{CachedConfig, Context, Conversation, Decision, Failure, InboundMessage, Manifest, Plugin};

use crate::config::Config;

/// Regular expressions and keywords are prepared once, not for each message.
static CONFIG: CachedConfig<Config> = CachedConfig::new();

struct AutoReply;

impl Plugin for AutoReply {
    fn describe() -> Manifest {
        Manifest::new("auto-reply", env!("CARGO_PKG_VERSION"))
            .description("Answers texts by keyword, by hours and by language, or with a default text.")
            .schema(config::SCHEMA)
    }

    fn on_inbound(message: InboundMessage, conversation: Conversation, context: Context) -> Result<Decision, Failure> {
        let config = CONFIG.get()?;
        rules::decide(&config, &message, &conversation, &context)
    }
}

recado_sdk::plugin!(AutoReply);

#[cfg(test)]
mod tests;
