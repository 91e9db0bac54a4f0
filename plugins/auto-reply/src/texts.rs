//! Texts for people, in one language or in several.

use std::cell::OnceCell;
use std::collections::BTreeMap;

use recado_conditions::{language_of, primary};
use recado_sdk::{Context, Conversation, Failure, InboundMessage};
use serde::Deserialize;

use crate::config::Config;

/// A text for everybody, or one for each language.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
#[serde(untagged)]
pub(crate) enum Texts {
    One(String),
    ByLanguage(BTreeMap<String, String>),
}

impl Texts {
    pub(crate) fn is_empty(&self) -> bool {
        match self {
            Self::One(text) => text.is_empty(),
            Self::ByLanguage(texts) => texts.values().all(String::is_empty),
        }
    }
}

impl Default for Texts {
    fn default() -> Self {
        Self::One(String::new())
    }
}

/// Says things to one person in that person's language.
pub(crate) struct Speaker<'a> {
    text: &'a str,
    conversation: &'a Conversation,
    default: &'a str,
    language: OnceCell<String>,
}

impl<'a> Speaker<'a> {
    pub(crate) fn to(
        config: &'a Config,
        message: &'a InboundMessage,
        conversation: &'a Conversation,
        context: &'a Context,
    ) -> Self {
        let default = if config.language.is_empty() { &context.locale } else { &config.language };
        Self { text: &message.text, conversation, default, language: OnceCell::new() }
    }

    /// The text in the person's language; where there is none, in the default one, or in any.
    pub(crate) fn say<'t>(&self, texts: &'t Texts) -> Result<&'t str, Failure> {
        match texts {
            Texts::One(text) => Ok(text),
            Texts::ByLanguage(texts) => {
                let language = self.language()?;
                let known = texts.get(language).or_else(|| texts.get(&primary(self.default)));
                Ok(known.or_else(|| texts.values().next()).map_or("", String::as_str))
            }
        }
    }

    /// Looked for only when something is to be said in several languages.
    fn language(&self) -> Result<&str, Failure> {
        if let Some(language) = self.language.get() {
            return Ok(language);
        }
        let language = language_of(self.text, self.conversation, self.default)?;
        Ok(self.language.get_or_init(|| language))
    }
}

#[cfg(test)]
mod tests {
    use recado_sdk::testing::{Host, context, conversation, message};
    use serde_json::json;

    use super::*;

    #[test]
    fn a_text_is_said_in_the_persons_language_or_the_next_best() {
        // What is written, the configured language, and what is said.
        let cases =
            [("hello", "", "Hi"), ("hola", "", "Hola"), ("1", "", "Hola"), ("1", "en-US", "Hi"), ("1", "fr", "Hallo")];
        for (text, language, expected) in cases {
            let texts = serde_json::from_value(json!({ "es": "Hola", "en": "Hi", "de": "Hallo" })).unwrap();
            let config = Config { language: language.to_owned(), ..Config::default() };
            let (message, conversation, context) = (message(text), conversation(), context());
            let speaker = Speaker::to(&config, &message, &conversation, &context);
            assert_eq!(Host::new().run(|| speaker.say(&texts)), Ok(expected), "{text} {language}");
        }
    }

    #[test]
    fn a_text_for_everybody_needs_to_know_nothing() {
        let (config, message, conversation, context) = (Config::default(), message("hello"), conversation(), context());
        let speaker = Speaker::to(&config, &message, &conversation, &context);
        let mut host = Host::new().state_unavailable("the database is away");
        let text = Texts::One("Hola".to_owned());
        assert_eq!(host.run(|| speaker.say(&text)), Ok("Hola"));
        let texts = serde_json::from_value(json!({ "en": "Hi" })).unwrap();
        assert!(host.run(|| speaker.say(&texts)).is_err());
    }

    #[test]
    fn empty_is_what_says_nothing_in_any_language() {
        for (texts, empty) in [(json!(""), true), (json!({}), true), (json!({ "es": "" }), true), (json!("a"), false)] {
            assert_eq!(serde_json::from_value::<Texts>(texts.clone()).unwrap().is_empty(), empty, "{texts}");
        }
    }
}
