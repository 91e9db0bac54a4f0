//! Greets whoever writes for the first time, and again after a while.

use std::time::Duration;

use recado_sdk::state::{self, Scope};
use recado_sdk::{Context, Conversation, Decision, Failure, InboundMessage, Manifest, Plugin, log};

/// What an operator configured. The gateway has checked it against the schema.
#[derive(serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Config {
    greeting: String,
    again_after_days: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self { greeting: "¡Hola! ¿En qué te ayudo?".to_owned(), again_after_days: 30 }
    }
}

struct Greeter;

impl Plugin for Greeter {
    fn describe() -> Manifest {
        Manifest::new("{{name}}", env!("CARGO_PKG_VERSION"))
            .description("Greets whoever writes for the first time.")
            .schema(include_str!("schema.json"))
    }

    fn on_inbound(_: InboundMessage, _: Conversation, _: Context) -> Result<Decision, Failure> {
        let config: Config = recado_sdk::config_as()?;
        if state::get(Scope::Contact, "greeted")?.is_some() {
            return Ok(Decision::proceed());
        }
        state::set_for(Scope::Contact, "greeted", "yes", Duration::from_secs(config.again_after_days * 24 * 3600))?;
        log::info("somebody was greeted");
        Ok(Decision::proceed().reply(config.greeting).tag("greeted"))
    }
}

recado_sdk::plugin!(Greeter);

#[cfg(test)]
mod tests {
    use recado_sdk::testing::Gateway;

    use super::Greeter;

    #[test]
    fn a_newcomer_is_greeted_once() {
        let mut gateway = Gateway::<Greeter>::new().config(r#"{"greeting":"¡Hola!"}"#);
        assert_eq!(gateway.receive("buenas").replies(), ["¡Hola!"]);
        assert!(gateway.receive("¿precio?").replies().is_empty());
    }
}
