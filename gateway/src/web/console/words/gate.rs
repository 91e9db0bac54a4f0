//! What the gate said of a message, and what tries to send it came to, in words.

use jiff::Timestamp;
use serde_json::Value;

use super::words;
use crate::message::Locale;
use crate::web::console::times::Times;

words! {
    /// About the gate.
    GateWords {
        let_through: "Lo dejó pasar", "It let it through";
        held: "Lo retiene hasta", "It holds it until";
        heard: "Entendió:", "It read:";
        to_confirm: "se le confirma", "to be confirmed";
        opted_out: "baja", "an opting out";
        opted_in: "alta", "an opting in";
        help: "pide ayuda", "a request for help";
        never_out: "nunca se dio de baja", "has never opted out";
        is_out: "de baja desde", "opted out since";
        is_in: "volvió a darse de alta", "opted in again";
        since: "desde", "since";
        until: "hasta", "until";
        replies: "es respuesta a lo que escribió", "it answers what they wrote";
        high: "es de prioridad alta", "its priority is high";
        confirmations: "confirma su baja", "it confirms their opting out";
    }
}

/// Why the gate did not let a message out, by its code.
pub(in crate::web::console) fn refused_for(locale: Locale, code: &str) -> Option<&'static str> {
    let (es, en) = match code {
        "opted-out" => ("No se envió: la persona se dio de baja.", "Not sent: the person has opted out."),
        "quiet-hours" => (
            "No se envió: es hora de silencio donde está la persona.",
            "Not sent: these are quiet hours where the person is.",
        ),
        "frequency-cap" => (
            "No se envió: la persona ya recibió el máximo de mensajes.",
            "Not sent: the person was sent the most messages already.",
        ),
        _ => return None,
    };
    Some(if locale == Locale::Es { es } else { en })
}

/// What the gate said, in a sentence; nothing if it is of a version that is not known.
pub(in crate::web::console) fn gate(locale: Locale, gate: &Value, times: &Times) -> Option<String> {
    let words = GateWords::of(locale);
    let text = |key: &str| gate.get(key).and_then(Value::as_str);
    let time = |key: &str| Some(times.full(text(key)?.parse::<Timestamp>().ok()?));
    let mut said = match text("verdict")? {
        "refused" => {
            let mut said = refused_for(locale, text("code")?)?.to_owned();
            for (key, word) in [("since", words.since), ("until", words.until)] {
                if let Some(time) = time(key) {
                    said = format!("{} ({word} {time}).", said.trim_end_matches('.'));
                }
            }
            return Some(said);
        }
        "heard" => {
            let keyword = match text("keyword")? {
                "opt_out" => words.opted_out,
                "opt_in" => words.opted_in,
                _ => words.help,
            };
            let to_confirm = gate.get("confirm") == Some(&Value::Bool(true));
            let confirmed = if to_confirm { format!("; {}", words.to_confirm) } else { String::new() };
            return Some(format!("{} {keyword}{confirmed}.", words.heard));
        }
        "held" => format!("{} {}", words.held, time("until")?),
        "allowed" => words.let_through.to_owned(),
        _ => return None,
    };
    let consent = match text("consent") {
        Some("opted_out") => Some(format!("{} {}", words.is_out, time("since").unwrap_or_default())),
        Some("opted_in") => Some(format!("{} {}", words.is_in, time("since").unwrap_or_default())),
        Some(_) => Some(words.never_out.to_owned()),
        None => None,
    };
    let exempt = match text("exempt") {
        Some("replies") => Some(words.replies.to_owned()),
        Some("high") => Some(words.high.to_owned()),
        Some("confirmations") => Some(words.confirmations.to_owned()),
        _ => None,
    };
    let reasons: Vec<String> = [consent, exempt].into_iter().flatten().collect();
    if !reasons.is_empty() {
        said = format!("{said}: {}", reasons.join(", "));
    }
    Some(format!("{said}."))
}

/// What a try to send came to.
pub(in crate::web::console) fn outcome(locale: Locale, outcome: &str) -> &str {
    let (es, en) = match outcome {
        "accepted" => ("el proveedor lo tomó", "the provider took it"),
        "retry" => ("no salió; se intenta otra vez", "it did not leave; to be tried again"),
        "held" => ("no salió; espera a que el canal pueda", "it did not leave; it waits until the channel can"),
        "rejected" => ("el proveedor lo rechazó", "the provider refused it"),
        "given-up" => ("no salió, y ya no se intenta", "it did not leave, and is not tried again"),
        "opted-out" => {
            ("el proveedor dice que la persona se dio de baja", "the provider says that the person opted out")
        }
        "unknown" => ("no se sabe si salió", "whether it left is not known"),
        other => return other,
    };
    if locale == Locale::Es { es } else { en }
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;
    use serde_json::json;

    use super::*;
    use crate::web::console::words::Words;

    #[test]
    fn what_the_gate_said_is_a_sentence_in_the_language() {
        let since = "2026-11-29T12:00:00Z";
        let cases = [
            (
                json!({ "verdict": "refused", "code": "opted-out", "since": since, "consent": "opted_out" }),
                "No se envió: la persona se dio de baja (desde 29 nov 12:00).",
                "Not sent: the person has opted out (since 29 Nov 12:00).",
            ),
            (
                json!({ "verdict": "refused", "code": "quiet-hours", "until": since }),
                "No se envió: es hora de silencio donde está la persona (hasta 29 nov 12:00).",
                "Not sent: these are quiet hours where the person is (until 29 Nov 12:00).",
            ),
            (
                json!({ "verdict": "refused", "code": "frequency-cap", "limit": 2 }),
                "No se envió: la persona ya recibió el máximo de mensajes.",
                "Not sent: the person was sent the most messages already.",
            ),
            (
                json!({ "verdict": "held", "until": since, "consent": "never_opted_out" }),
                "Lo retiene hasta 29 nov 12:00: nunca se dio de baja.",
                "It holds it until 29 Nov 12:00: has never opted out.",
            ),
            (
                json!({ "verdict": "allowed", "consent": "opted_out", "since": since, "exempt": "confirmations" }),
                "Lo dejó pasar: de baja desde 29 nov 12:00, confirma su baja.",
                "It let it through: opted out since 29 Nov 12:00, it confirms their opting out.",
            ),
            (
                json!({ "verdict": "allowed", "consent": "opted_in", "since": since, "exempt": "replies" }),
                "Lo dejó pasar: volvió a darse de alta 29 nov 12:00, es respuesta a lo que escribió.",
                "It let it through: opted in again 29 Nov 12:00, it answers what they wrote.",
            ),
            (
                json!({ "verdict": "allowed", "exempt": "high" }),
                "Lo dejó pasar: es de prioridad alta.",
                "It let it through: its priority is high.",
            ),
            (json!({ "verdict": "allowed" }), "Lo dejó pasar.", "It let it through."),
            (
                json!({ "verdict": "heard", "keyword": "opt_out", "confirm": true }),
                "Entendió: baja; se le confirma.",
                "It read: an opting out; to be confirmed.",
            ),
            (
                json!({ "verdict": "heard", "keyword": "opt_in", "confirm": false }),
                "Entendió: alta.",
                "It read: an opting in.",
            ),
            (json!({ "verdict": "heard", "keyword": "help" }), "Entendió: pide ayuda.", "It read: a request for help."),
        ];
        for (told, es, en) in cases {
            for (locale, expected) in [(Locale::Es, es), (Locale::En, en)] {
                let now = "2026-11-30T03:00:00Z".parse().unwrap();
                let times = Times { words: Words::of(locale), zone: TimeZone::UTC, now };
                assert_eq!(gate(locale, &told, &times).as_deref(), Some(expected), "{told}");
            }
        }
    }

    #[test]
    fn what_is_not_known_is_left_to_be_read_as_it_is() {
        let times = Times { words: Words::of(Locale::En), zone: TimeZone::UTC, now: Timestamp::UNIX_EPOCH };
        for told in [json!({}), json!({ "verdict": "new" }), json!({ "verdict": "refused", "code": "new" })] {
            assert_eq!(gate(Locale::En, &told, &times), None);
        }
        assert_eq!((refused_for(Locale::Es, "new"), outcome(Locale::Es, "new")), (None, "new"));
    }

    #[test]
    fn every_outcome_has_words() {
        for word in ["accepted", "retry", "held", "rejected", "given-up", "opted-out", "unknown"] {
            let [es, en] = [Locale::Es, Locale::En].map(|locale| outcome(locale, word));
            assert!(es != word && en != word && es != en, "{word}: {es}, {en}");
        }
    }
}
