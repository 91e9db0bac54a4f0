//! Plugins that mean well: what they are told, and the one that comes with Recado.

use futures::future::join_all;

use super::guest::{Guest, reply_found_by};
use super::*;

const DEFAULT: &str = "Gracias por tu mensaje. Te responderemos pronto. Para emergencias llama al +52 998 316 2438";

#[tokio::test]
async fn without_configuration_the_default_text_is_the_answer() {
    let engine = Engine::new().unwrap();
    let plugin = auto_reply(&engine, Value::Null).await.unwrap();
    let manifest = plugin.manifest();
    assert_eq!(manifest.name, "auto-reply");
    assert!(manifest.hooks.inbound);
    assert_eq!(manifest.digest.len(), 64);
    let decision = decide(&plugin, "hola").await.unwrap();
    let reply = Action::Reply { text: DEFAULT.to_owned(), media: Vec::new() };
    assert_eq!(decision, Decision { actions: vec![reply], flow: Flow::Proceed });
}

#[tokio::test]
async fn a_keyword_decides() {
    let engine = Engine::new().unwrap();
    let config = json!({
        "text": "",
        "rules": [{ "keywords": ["precio"], "reply": "Cuesta $450.", "tags": ["ventas"], "stop": true }],
    });
    let plugin = auto_reply(&engine, config).await.unwrap();
    let decision = decide(&plugin, "¿PRECIO, por favor?").await.unwrap();
    assert_eq!(replies(&decision), ["Cuesta $450."]);
    assert!(decision.actions.contains(&Action::Tag { tag: "ventas".to_owned() }));
    assert_eq!(decision.flow, Flow::Stop);
    assert_eq!(decide(&plugin, "hola").await.unwrap().actions, []);
}

#[tokio::test]
async fn a_configuration_that_does_not_fit_is_refused() {
    let engine = Engine::new().unwrap();
    for (config, path) in [
        (json!({ "text": 7 }), "`config/text`: "),
        (json!({ "texto": "hola" }), "`config`: "),
        (json!({ "rules": [{ "keywords": "precio" }] }), "`config/rules/0/keywords`: "),
    ] {
        let told = auto_reply(&engine, config).await.err().unwrap().to_string();
        assert!(told.starts_with(path), "{told}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_calls_at_once_are_all_answered() {
    let engine = Engine::new().unwrap();
    let config = json!({ "text": "", "rules": (0..50).map(|number| {
        json!({ "keywords": [format!("clave{number}")], "reply": format!("respuesta {number}") })
    }).collect::<Vec<_>>() });
    let plugin = std::sync::Arc::new(auto_reply(&engine, config).await.unwrap());
    let calls = (0..50).map(|number| {
        let plugin = std::sync::Arc::clone(&plugin);
        tokio::spawn(async move { decide(&plugin, &format!("clave{number}")).await })
    });
    for (number, decision) in join_all(calls).await.into_iter().enumerate() {
        assert_eq!(replies(&decision.unwrap().unwrap()), [format!("respuesta {number}")]);
    }
}

/// What would else be a failure at each message.
#[tokio::test]
async fn a_wrong_expression_or_time_zone_is_refused_before_any_message() {
    let engine = Engine::new().unwrap();
    let route = |regex: &str| json!({ "inbound": { "routes": [{ "when": {} }, { "when": { "regex": regex } }] } });
    let hours = json!({ "hours": { "time_zone": "Mars/Base" } });
    for (component, config, expected) in [
        (ROUTER, route("pedido ("), r#"`config/inbound/routes/1/when/regex`: "pedido (" is not a "linear-regex""#),
        (ROUTER, route("(?=a)"), r#"`config/inbound/routes/1/when/regex`: "(?=a)" is not a "linear-regex""#),
        (ROUTER, hours.clone(), r#"`config/hours/time_zone`: "Mars/Base" is not a "time-zone""#),
        (AUTO_REPLY, hours, r#"`config/hours/time_zone`: "Mars/Base" is not a "time-zone""#),
    ] {
        let loaded = WasmPlugin::load(&engine, &settings(PATIENT, config), component.to_vec()).await;
        assert_eq!(loaded.err().unwrap().to_string(), expected);
    }
    let loaded = WasmPlugin::load(&engine, &settings(PATIENT, route("(?i)^pedido")), ROUTER.to_vec()).await;
    assert!(loaded.is_ok());
}

/// Each by its place in what the canonical ABI hands over.
#[tokio::test]
async fn a_plugin_is_told_about_message_conversation_and_place() {
    let engine = Engine::new().unwrap();
    let message = call("¿Qué tal? \u{1F600}");
    let id = message.id.to_string();
    let fields = [
        (0, id.as_str()),
        (8, "sms"),
        (16, "+529981112233"),
        (24, "+529983162438"),
        (32, "¿Qué tal? \u{1F600}"),
        (64, id.as_str()),
        (72, "sms"),
        (80, "+529981112233"),
        (92, "SMS desde +529981112233"),
        (120, id.as_str()),
        (176, "guest"),
        (184, "es-MX"),
        (192, "America/Cancun"),
    ];
    for (offset, expected) in fields {
        let word = |offset: usize| format!("(i32.load offset={offset} (local.get 0))");
        let echo = Guest::running(reply_found_by(&word(offset), &word(offset + 4)));
        let plugin = load(&engine, PATIENT, echo.component()).await.unwrap();
        let decision = plugin.on_inbound(&message, &surroundings()).await.result.unwrap();
        assert_eq!(replies(&decision), [expected], "at {offset}");
    }
}
