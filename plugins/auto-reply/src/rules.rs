//! Which answer a text gets: configuration and message in, decision out.

use recado_sdk::{Action, Conversation, Decision, Flow, InboundMessage, Reply};

use crate::config::{Config, Matching, Rule};
use crate::words::words;

const MINUTE: f64 = 60_000.0;

/// The first matching rule's actions, or the default text.
pub(crate) fn decide(config: &Config, message: &InboundMessage, conversation: &Conversation) -> Decision {
    let text = Text::read(&message.text);
    if let Some(rule) = config.rules.iter().find(|rule| text.matches(rule)) {
        return follow(rule);
    }
    let says_something = !message.text.trim().is_empty() || !message.media.is_empty();
    if config.text.is_empty() || !says_something || cools_down(config, message, conversation) {
        return Decision::proceed();
    }
    Decision::proceed().reply(config.text.as_str())
}

fn follow(rule: &Rule) -> Decision {
    let mut actions = Vec::new();
    if !rule.reply.is_empty() || !rule.media.is_empty() {
        actions.push(Action::reply(Reply { text: rule.reply.clone(), media: rule.media.clone() }));
    }
    actions.extend(rule.tags.iter().map(Action::tag));
    actions.extend(rule.status.map(|status| Action::SetStatus(status.into())));
    Decision { actions, flow: if rule.stop { Flow::Stop } else { Flow::Proceed } }
}

/// Whether the person wrote so shortly before that they know the default text already.
///
/// The message before this one stands for the default text that answered it, so somebody who keeps
/// writing keeps the default text away. Messages that come at the same moment may be numbered in another
/// order than they are dated in; then no time has passed between them, not less than none.
fn cools_down(config: &Config, message: &InboundMessage, conversation: &Conversation) -> bool {
    conversation
        .previous_inbound_at
        .is_some_and(|previous| (message.received_at - previous).max(0.0) < config.cool_down_minutes * MINUTE)
}

/// A text, prepared for being compared with many keywords.
struct Text<'a> {
    raw: &'a str,
    words: Vec<String>,
}

impl<'a> Text<'a> {
    fn read(raw: &'a str) -> Self {
        Self { raw: raw.trim(), words: words(raw) }
    }

    fn matches(&self, rule: &Rule) -> bool {
        rule.keywords.iter().any(|keyword| self.has(keyword, rule.matching))
    }

    fn has(&self, keyword: &str, matching: Matching) -> bool {
        let sought = words(keyword);
        if sought.is_empty() {
            // Nothing but punctuation, as in `?`: then the punctuation is what is meant.
            return !keyword.trim().is_empty() && self.has_literally(keyword.trim(), matching);
        }
        match matching {
            Matching::Word => self.words.windows(sought.len()).any(|window| window == sought),
            Matching::Exact => self.words == sought,
            Matching::Contains => self.words.join(" ").contains(&sought.join(" ")),
        }
    }

    fn has_literally(&self, keyword: &str, matching: Matching) -> bool {
        match matching {
            Matching::Word => self.raw.split_whitespace().any(|word| word == keyword),
            Matching::Exact => self.raw == keyword,
            Matching::Contains => self.raw.contains(keyword),
        }
    }
}

#[cfg(test)]
mod tests {
    use recado_sdk::{ConversationStatus, Media, testing};
    use serde_json::{Value, json};

    use super::*;

    fn config(json: &Value) -> Config {
        Config::read(&json.to_string()).unwrap()
    }

    fn decide_text(config_json: &Value, text: &str) -> Decision {
        decide(&config(config_json), &testing::message(text), &testing::conversation())
    }

    #[test]
    fn a_keyword_matches_as_its_rule_says() {
        // The keyword, the text, and whether it matches as word, exact, contains.
        let cases = [
            ("precio", "precio", [true, true, true]),
            ("precio", " ¡PRECIÓ! ", [true, true, true]),
            ("Préció", "precio", [true, true, true]),
            ("precio", "¿Qué precio tiene?", [true, false, true]),
            ("precio", "precio:450", [true, false, true]),
            ("precio", "los precios", [false, false, true]),
            ("precio", "aprecio", [false, false, true]),
            ("precio", "hola", [false, false, false]),
            ("precio", "", [false, false, false]),
            ("precio", "pre cio", [false, false, false]),
            ("mañana", "¿abren MANANA?", [true, false, true]),
            ("manana", "mañana", [true, true, true]),
            ("cuanto cuesta", "¿Cuánto  cuesta?", [true, true, true]),
            ("cuanto cuesta", "oiga, cuánto cuesta el corte", [true, false, true]),
            ("cuanto cuesta", "cuánto me cuesta", [false, false, false]),
            ("cuanto cuesta", "cuesta cuanto", [false, false, false]),
            ("1", "1.", [true, true, true]),
            ("1", "10", [false, false, true]),
            ("👍", "👍🏽", [true, true, true]),
            ("👍", "va👍", [true, false, true]),
            ("?", "?", [true, true, true]),
            ("?", " ? ", [true, true, true]),
            ("?", "eh ?", [true, false, true]),
            ("?", "precio?", [false, false, true]),
            ("?", "precio", [false, false, false]),
            (" ", " ", [false, false, false]),
            ("", "", [false, false, false]),
        ];
        for (keyword, text, expected) in cases {
            let matchings = [Matching::Word, Matching::Exact, Matching::Contains];
            let matched = matchings.map(|matching| Text::read(text).has(keyword, matching));
            assert_eq!(matched, expected, "{keyword:?} in {text:?}");
        }
    }

    #[test]
    fn whole_words_are_what_is_meant_unless_told_otherwise() {
        let rules = json!({ "text": "", "rules": [{ "keywords": ["precio"], "reply": "sí" }] });
        assert_eq!(decide_text(&rules, "el precio"), Decision::proceed().reply("sí"));
        assert_eq!(decide_text(&rules, "aprecio"), Decision::proceed());
    }

    #[test]
    fn the_first_matching_rule_decides_alone() {
        let rules = json!({ "text": "default", "rules": [
            { "keywords": ["horario", "hora"], "reply": "9 a 18" },
            { "keywords": ["precio"], "reply": "$450" },
            { "keywords": ["precio", "hola"], "reply": "¡Hola!" },
        ] });
        let cases = [
            ("¿a qué hora?", "9 a 18"),
            ("precio y hora", "9 a 18"),
            ("precio", "$450"),
            ("hola", "¡Hola!"),
            ("gracias", "default"),
        ];
        for (text, reply) in cases {
            assert_eq!(decide_text(&rules, text), Decision::proceed().reply(reply), "{text:?}");
        }
    }

    #[test]
    fn a_rule_may_send_media_label_move_and_stop() {
        let rules = json!({ "rules": [{
            "keywords": ["carta"], "reply": "La carta:", "media": ["https://example.com/a.jpg", "https://example.com/b.jpg"],
            "tags": ["menu", "ventas"], "status": "active", "stop": true,
        }] });
        let reply =
            Reply::new("La carta:").with_media("https://example.com/a.jpg").with_media("https://example.com/b.jpg");
        let expected = Decision::stop().reply(reply).tag("menu").tag("ventas").set_status(ConversationStatus::Active);
        assert_eq!(decide_text(&rules, "carta"), expected);
    }

    #[test]
    fn a_rule_without_reply_keeps_the_default_text_away() {
        let rules = json!({ "rules": [
            { "keywords": ["gracias"] },
            { "keywords": ["queja"], "tags": ["quejas"] },
            { "keywords": ["foto"], "media": ["https://example.com/a.jpg"] },
        ] });
        assert_eq!(decide_text(&rules, "Gracias"), Decision::proceed());
        assert_eq!(decide_text(&rules, "Una queja"), Decision::proceed().tag("quejas"));
        let picture = Reply::new("").with_media("https://example.com/a.jpg");
        assert_eq!(decide_text(&rules, "foto"), Decision::proceed().reply(picture));
    }

    #[test]
    fn a_picture_without_text_is_answered_and_nothing_at_all_is_not() {
        let picture = Media { url: "https://example.com/a.jpg".to_owned(), content_type: "image/jpeg".to_owned() };
        let cases = [("", vec![], false), (" \n", vec![], false), ("", vec![picture], true), ("…", vec![], true)];
        for (text, media, answered) in cases {
            let message = InboundMessage { media, ..testing::message(text) };
            let decision = decide(&config(&json!({ "text": "default" })), &message, &testing::conversation());
            assert_eq!(!decision.actions.is_empty(), answered, "{text:?} {:?}", message.media);
        }
    }

    #[test]
    fn an_empty_default_text_answers_nothing() {
        assert_eq!(decide_text(&json!({ "text": "" }), "hola"), Decision::proceed());
    }

    #[test]
    fn the_default_text_waits_for_the_cool_down_and_rules_do_not() {
        let rules = [json!({ "keywords": ["precio"], "reply": "$450" })];
        // The cool-down, the minutes since the message before, and whether the default text is sent.
        let cases = [
            (0.0, None, true),
            (0.0, Some(0.0), true),
            (0.0, Some(-0.001), true),
            (60.0, None, true),
            (60.0, Some(0.0), false),
            (60.0, Some(59.9), false),
            (60.0, Some(60.0), true),
            (60.0, Some(-1.0), false),
        ];
        for (cool_down, since, answered) in cases {
            let config = config(&json!({ "cool_down_minutes": cool_down, "rules": rules }));
            let message = testing::message("hola");
            let previous_inbound_at = since.map(|minutes| message.received_at - minutes * MINUTE);
            let conversation = Conversation { previous_inbound_at, ..testing::conversation() };
            let decision = decide(&config, &message, &conversation);
            assert_eq!(!decision.actions.is_empty(), answered, "{cool_down} {since:?}");
            let decision = decide(&config, &testing::message("precio"), &conversation);
            assert_eq!(decision, Decision::proceed().reply("$450"), "{cool_down} {since:?}");
        }
    }
}
