//! Answers texts by keyword, or with a default text.
//!
//! The first rule with a matching keyword decides; without one the default text is sent. Owns what
//! to answer and nothing else: whether a reply may be sent is the gateway's to say.

mod config;
mod rules;
mod words;

use recado_sdk::{Context, Conversation, Decision, Failure, InboundMessage, Manifest, Plugin};

use crate::config::Config;

struct AutoReply;

impl Plugin for AutoReply {
    fn describe() -> Manifest {
        Manifest::new("auto-reply", env!("CARGO_PKG_VERSION"))
            .description("Answers texts by keyword, or with a default text.")
            .schema(config::SCHEMA)
    }

    fn on_inbound(message: InboundMessage, conversation: Conversation, _: Context) -> Result<Decision, Failure> {
        let config = Config::read(&recado_sdk::config()).map_err(Failure::bad_config)?;
        Ok(rules::decide(&config, &message, &conversation))
    }
}

recado_sdk::plugin!(AutoReply);

#[cfg(test)]
mod tests {
    use recado_sdk::{Hooks, testing};

    use super::*;

    fn answer(config: &str, text: &str) -> Result<Decision, Failure> {
        testing::with_config(config, || {
            AutoReply::on_inbound(testing::message(text), testing::conversation(), testing::context())
        })
    }

    #[test]
    fn the_manifest_names_the_plugin_and_its_hook() {
        let manifest = AutoReply::describe();
        assert_eq!(manifest.name, "auto-reply");
        assert_eq!(manifest.hooks, Hooks::INBOUND);
        assert_eq!(manifest.config_schema, config::SCHEMA);
    }

    #[test]
    fn without_a_configuration_the_default_text_is_sent() {
        let text = "Gracias por tu mensaje. Te responderemos pronto. Para emergencias llama al +52 998 316 2438";
        for config in ["", "null", "{}"] {
            assert_eq!(answer(config, "Hola"), Ok(Decision::proceed().reply(text)), "{config:?}");
        }
    }

    #[test]
    fn an_operators_configuration_is_followed() {
        let config = r#"{"text":"","rules":[{"keywords":["precio"],"reply":"Cuesta $450."}]}"#;
        assert_eq!(answer(config, "¿Precio?"), Ok(Decision::proceed().reply("Cuesta $450.")));
        assert_eq!(answer(config, "Hola"), Ok(Decision::proceed()));
    }

    #[test]
    fn a_configuration_that_cant_be_read_is_a_failure_not_a_panic() {
        for config in ["nonsense", "[1]", r#"{"text":1}"#, r#"{"texto":"Hola"}"#] {
            assert!(matches!(answer(config, "Hola"), Err(Failure::BadConfig(_))), "{config}");
        }
    }
}
