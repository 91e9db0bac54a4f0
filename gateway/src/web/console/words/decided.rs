//! What plugins decided, in words.

use serde_json::Value;

use super::{refused_for, words};
use crate::message::{ConversationStatus, Locale};
use crate::replay::Effect;
use crate::store::{Hook, Trace};
use crate::web::console::times::length;

words! {
    /// About a plugin's decisions.
    DecidedWords {
        title: "Decisiones de", "Decisions of";
        all: "Todas", "All";
        failed: "Solo fallos", "Failures only";
        none: "Todavía no ha decidido nada.", "It has decided nothing yet.";
        none_failed: "Ningún fallo.", "No failure.";
        none_here: "Nada entre lo último que se miró.", "Nothing among the last that was looked at.";
        older: "Anteriores", "Older ones";
        nothing: "No pidió nada.", "It asked for nothing.";
        removed: "El texto se borró, y con él lo que se decidió.", "The text was removed, and with it what was decided.";
        accepts: "Dejó salir el mensaje.", "It let the message leave.";
        refuses: "No dejó salir el mensaje:", "It did not let the message leave:";
        new_text: "Cambió el texto:", "It changed the text:";
        other: "Cambió:", "It changed:";
        tags: "Etiquetas:", "Tags:";
        left_out: "No se hizo:", "Not done:";
        custom: "Apuntó", "It put down";
    }
}

/// For what a plugin was asked.
pub(in crate::web::console) fn hook(locale: Locale, hook: Hook) -> &'static str {
    let (es, en) = match hook {
        Hook::Inbound => ("mensaje recibido", "message that came in"),
        Hook::Outbound => ("mensaje por enviar", "message to send"),
        Hook::Status => ("cambio de estado", "change of status"),
        Hook::Timer => ("temporizador", "timer"),
    };
    if locale == Locale::Es { es } else { en }
}

/// One thing that follows from a message.
pub(in crate::web::console) fn effect(locale: Locale, effect: &Effect) -> String {
    let long = |millis: i64| length(u64::try_from(millis).unwrap_or(0));
    if locale == Locale::En {
        return match effect {
            Effect::StartTimer { name, after_ms, .. } => format!("timer {name} in {}", long(*after_ms)),
            other => other.to_string(),
        };
    }
    match effect {
        Effect::Reply { text, media } if media.is_empty() => format!("respuesta «{text}»"),
        Effect::Reply { text, media } => format!("respuesta «{text}» con {}", media.join(", ")),
        Effect::Send { to, channel, text, media, .. } => {
            let channel = channel.as_ref().map(|channel| format!(" por {channel}")).unwrap_or_default();
            let with = if media.is_empty() { String::new() } else { format!(" con {}", media.join(", ")) };
            format!("mensaje «{text}» a {to}{channel}{with}")
        }
        Effect::Tag { tag } => format!("pone la etiqueta {tag}"),
        Effect::Untag { tag } => format!("quita la etiqueta {tag}"),
        Effect::Assign { to: Some(to) } => format!("asigna a {to}"),
        Effect::Assign { to: None } => "no asigna a nadie".to_owned(),
        Effect::Status { status } => {
            let status = match status {
                ConversationStatus::Pending => "pendiente",
                ConversationStatus::Active => "activa",
                ConversationStatus::Closed => "cerrada",
            };
            format!("deja la conversación {status}")
        }
        Effect::Attribute { name, value: Some(value) } => format!("dato {name} = «{value}»"),
        Effect::Attribute { name, value: None } => format!("borra el dato {name}"),
        Effect::Forward { endpoint, .. } => format!("avisa al endpoint {endpoint}"),
        Effect::StartTimer { name, after_ms, .. } => {
            format!("temporizador {name} en {}", long(*after_ms))
        }
        Effect::CancelTimer { name } => format!("quita el temporizador {name}"),
        Effect::Remember { scope, key, change } => match (&change["set"]["value"], &change["add"]) {
            (Value::String(value), _) => format!("recuerda {scope} {key} = «{value}»"),
            (_, Value::Number(number)) => format!("suma {number} a {scope} {key}"),
            _ => format!("olvida {scope} {key}"),
        },
        Effect::Discard { reason } => format!("descarta el mensaje: {reason}"),
        Effect::NoDecision { plugin } => format!("{plugin} no decide nada"),
    }
}

/// All that it decided, a line for each thing. Why it failed is not among them.
pub(in crate::web::console) fn decided(locale: Locale, trace: &Trace) -> Vec<String> {
    let words = DecidedWords::of(locale);
    let decision = &trace.decision;
    if decision.get("redacted") == Some(&Value::Bool(true)) {
        return vec![words.removed.to_owned()];
    }
    let mut lines = verdict(words, decision);
    for action in list(decision, "actions") {
        let said = |key: &str| action.get(key).and_then(Value::as_str).unwrap_or_default();
        lines.push(match (Effect::of(action), said("action")) {
            (Some(it), _) => effect(locale, &it),
            (None, "custom") => format!("{} {}", words.custom, said("name")),
            // From another version.
            (None, other) => other.to_owned(),
        });
    }
    let left_out = list(decision, "left_out").iter().filter_map(Value::as_str);
    let refusals = list(decision, "gate");
    lines.extend(left_out.map(|reason| match refused(locale, reason, refusals) {
        Some(refused) => refused.to_owned(),
        None => format!("{} {reason}", words.left_out),
    }));
    if lines.is_empty() && trace.error.is_none() {
        lines.push(words.nothing.to_owned());
    }
    lines
}

/// That the gate refused what was left out for this reason, where the reason is not in the language.
fn refused(locale: Locale, reason: &str, refusals: &[Value]) -> Option<&'static str> {
    let is_its = |refusal: &&Value| {
        let its = refusal.get("reason").and_then(Value::as_str);
        its.is_some_and(|its| !its.is_empty() && reason.ends_with(its))
    };
    let code = refusals.iter().find(is_its)?.get("code")?.as_str().filter(|_| locale == Locale::Es)?;
    refused_for(locale, code)
}

/// Of a message that was to be sent.
fn verdict(words: &DecidedWords, decision: &Value) -> Vec<String> {
    match decision.get("verdict").and_then(Value::as_str) {
        Some("reject") => {
            let reason = decision.get("reason").and_then(Value::as_str).unwrap_or_default();
            vec![format!("{} {reason}", words.refuses)]
        }
        Some("accept") => {
            let none = serde_json::Map::new();
            let changes = decision.get("changes").and_then(Value::as_object).unwrap_or(&none);
            let mut lines = vec![words.accepts.to_owned()];
            if let Some(text) = changes.get("text").and_then(Value::as_str) {
                lines.push(format!("{} {text}", words.new_text));
            }
            let told = |key: &str| Some((key.to_owned(), changes.get(key).filter(|value| !value.is_null())?));
            let others = ["media", "channel", "sender", "send_at"].into_iter().filter_map(told);
            lines.extend(others.map(|(key, value)| format!("{} {key} = {value}", words.other)));
            let tags: Vec<&str> = changes
                .get("tags")
                .and_then(Value::as_array)
                .map(|tags| tags.iter().filter_map(Value::as_str).collect())
                .unwrap_or_default();
            if !tags.is_empty() {
                lines.push(format!("{} {}", words.tags, tags.join(", ")));
            }
            lines
        }
        _ => Vec::new(),
    }
}

fn list<'a>(decision: &'a Value, key: &str) -> &'a [Value] {
    decision.get(key).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use serde_json::json;
    use uuid::Uuid;

    use super::*;
    use crate::message::MessageId;

    fn trace(decision: Value, error: Option<&str>) -> Trace {
        Trace {
            id: Uuid::nil(),
            message_id: MessageId(Uuid::nil()),
            hook: Hook::Inbound,
            plugin: "p".to_owned(),
            version: String::new(),
            digest: String::new(),
            decision,
            error: error.map(str::to_owned),
            duration_micros: 0,
            at: Timestamp::UNIX_EPOCH,
            seed: None,
        }
    }

    #[test]
    fn each_thing_that_was_decided_has_its_line_in_the_language() {
        let action = |name: &str, fields: Value| {
            let mut action = fields;
            action["action"] = json!(name);
            action
        };
        let cases = [
            (action("reply", json!({ "text": "Hola", "media": [] })), "respuesta «Hola»", "reply \"Hola\""),
            (
                action("reply", json!({ "text": "Hola", "media": ["https://x.mx/a.png"] })),
                "respuesta «Hola» con https://x.mx/a.png",
                "reply \"Hola\" with https://x.mx/a.png",
            ),
            (
                action(
                    "send",
                    json!({ "channel": "sms", "sender": null, "recipient": "+5215550001111", "text": "Hey",
                        "media": [], "send_at": null }),
                ),
                "mensaje «Hey» a +5215550001111 por sms",
                "send \"Hey\" to +5215550001111 by sms",
            ),
            (action("tag", json!({ "tag": "vip" })), "pone la etiqueta vip", "tag vip"),
            (action("untag", json!({ "tag": "vip" })), "quita la etiqueta vip", "untag vip"),
            (action("assign", json!({ "to": "ana" })), "asigna a ana", "assign to ana"),
            (action("assign", json!({ "to": null })), "no asigna a nadie", "assign to nobody"),
            (action("set-status", json!({ "status": "closed" })), "deja la conversación cerrada", "status closed"),
            (action("set-status", json!({ "status": "active" })), "deja la conversación activa", "status active"),
            (action("set-status", json!({ "status": "pending" })), "deja la conversación pendiente", "status pending"),
            (
                action("set-attribute", json!({ "name": "city", "value": "Mérida" })),
                "dato city = «Mérida»",
                "attribute city = \"Mérida\"",
            ),
            (
                action("set-attribute", json!({ "name": "city", "value": null })),
                "borra el dato city",
                "attribute city goes",
            ),
            (
                action("forward", json!({ "endpoint": "crm", "payload": null })),
                "avisa al endpoint crm",
                "forward to crm",
            ),
            (
                action("start-timer", json!({ "name": "later", "after_ms": 3500.0, "payload": "" })),
                "temporizador later en 3.5 s",
                "timer later in 3.5 s",
            ),
            (action("cancel-timer", json!({ "name": "later" })), "quita el temporizador later", "cancel timer later"),
            (action("discard", json!({ "reason": "spam" })), "descarta el mensaje: spam", "discard: spam"),
            (action("custom", json!({ "name": "score", "json": "1" })), "Apuntó score", "It put down score"),
        ];
        for (action, es, en) in cases {
            let trace = trace(json!({ "actions": [action], "flow": "proceed", "left_out": [] }), None);
            assert_eq!(decided(Locale::Es, &trace), [es]);
            assert_eq!(decided(Locale::En, &trace), [en]);
        }
        assert_eq!(effect(Locale::Es, &Effect::NoDecision { plugin: "p".to_owned() }), "p no decide nada");
    }

    #[test]
    fn verdicts_and_what_was_not_done_are_told() {
        let cases: [(Value, &[&str]); 6] = [
            (json!({ "actions": [], "left_out": [] }), &["It asked for nothing."]),
            (json!({ "actions": [], "left_out": ["a tag was left out"] }), &["Not done: a tag was left out"]),
            (json!({ "redacted": true }), &["The text was removed, and with it what was decided."]),
            (json!({ "verdict": "accept", "changes": {}, "left_out": [] }), &["It let the message leave."]),
            (json!({ "verdict": "reject", "reason": "too late" }), &["It did not let the message leave: too late"]),
            (
                json!({ "verdict": "accept", "changes": { "text": "Hi", "media": null, "channel": "two", "sender": null,
                    "send_at": null, "tags": ["a", "b"], "flow": "stop" } }),
                &[
                    "It let the message leave.",
                    "It changed the text: Hi",
                    "It changed: channel = \"two\"",
                    "Tags: a, b",
                ],
            ),
        ];
        let unread = trace(json!({ "actions": [{ "action": "start-timer", "name": "later" }] }), None);
        assert_eq!(decided(Locale::En, &unread), ["start-timer"]);
        for (decision, lines) in cases {
            assert_eq!(decided(Locale::En, &trace(decision, None)), lines);
        }
        // The failure itself is told beside it.
        assert!(decided(Locale::En, &trace(json!({ "actions": [], "flow": "proceed" }), Some("trapped"))).is_empty());
        assert!(decided(Locale::En, &trace(json!({ "verdict": "none" }), Some("trapped"))).is_empty());
    }

    #[test]
    fn what_the_gate_refused_is_told_in_the_language() {
        let refused = |code: &str, reason: &str| {
            let decision = json!({ "actions": [], "left_out": [format!("a reply was left out: {reason}")],
                "gate": [{ "verdict": "refused", "code": code, "reason": reason }] });
            [Locale::Es, Locale::En].map(|locale| decided(locale, &trace(decision.clone(), None)).remove(0))
        };
        for (code, words) in [("opted-out", "baja"), ("quiet-hours", "silencio"), ("frequency-cap", "máximo")] {
            let [es, en] = refused(code, "such are the rules");
            assert!(es.starts_with("No se envió: ") && es.contains(words), "{es}");
            assert_eq!(en, "Not done: a reply was left out: such are the rules");
        }
        let [es, _] = refused("another", "such are the rules");
        assert_eq!(es, "No se hizo: a reply was left out: such are the rules");
    }

    #[test]
    fn every_hook_has_a_name_of_its_own() {
        let names = [Hook::Inbound, Hook::Outbound, Hook::Status, Hook::Timer].map(|it| hook(Locale::Es, it));
        assert_eq!(names, ["mensaje recibido", "mensaje por enviar", "cambio de estado", "temporizador"]);
    }
}
