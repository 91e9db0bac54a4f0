//! Updates in, methods out, errors read.

use recado_sdk::channel::testing::{Host, outbound_message, part, response, webhook};
use recado_sdk::channel::{Consent, Event, InboundMessage, Later};
use serde_json::{Value, json};

use super::*;

fn host() -> Host {
    Host::new().secret(TOKEN, "1:a").secret(WEBHOOK_SECRET, "s3cret").config(r#"{"username":"@recado_bot"}"#)
}

fn taken(update: &Value, secret: Option<&str>) -> Result<Parsed, Refusal> {
    let mut webhook = webhook("/webhooks/telegram/inbound").with_body(update.to_string());
    if let Some(secret) = secret {
        webhook = webhook.with_header("X-Telegram-Bot-Api-Secret-Token", secret);
    }
    host().run(|| Telegram::verify_and_parse(webhook))
}

/// The one message of an update that has these besides what every message has.
fn message(more: &Value) -> Option<InboundMessage> {
    let mut message = json!({ "message_id": 12, "date": 1_700_000_000, "chat": { "id": -100_200, "type": "group" } });
    message.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let events = taken(&json!({ "update_id": 1, "message": message }), Some("s3cret")).unwrap().events;
    events.into_iter().next().map(|event| match event {
        Event::Inbound(message) => message,
        Event::Status(_) => panic!("a status"),
    })
}

#[test]
fn only_who_knows_the_secret_is_believed() {
    let update = json!({ "update_id": 1 });
    assert_eq!(taken(&update, None), Err(Refusal::Unsigned));
    for wrong in ["", "s3cre", "s3cret ", "S3CRET"] {
        assert_eq!(taken(&update, Some(wrong)), Err(Refusal::Forged));
    }
    assert_eq!(taken(&update, Some("s3cret")), Ok(Parsed::nothing()));
}

#[test]
fn a_text_a_caption_and_a_picture_are_messages() {
    let found = message(&json!({ "text": "hola", "from": { "id": 7, "first_name": "Ana" } })).unwrap();
    assert_eq!((found.id.as_str(), found.sender.as_str()), ("-100200:12", "-100200"));
    assert_eq!((found.recipient.as_str(), found.text.as_str()), ("recado_bot", "hola"));
    assert!(found.extra.contains(&("from.first_name".to_owned(), "Ana".to_owned())));
    let sizes = json!([{ "file_id": "small" }, { "file_id": "large" }]);
    let picture = message(&json!({ "photo": sizes, "caption": "mira" })).unwrap();
    assert_eq!(picture.text, "mira");
    assert_eq!(picture.media[0].url, "https://api.telegram.org/getFile?file_id=large");
    assert_eq!(message(&json!({ "location": { "latitude": 1.0 } })).unwrap().text, "");
    assert!(message(&json!({ "new_chat_title": "us" })).is_none());
}

#[test]
fn what_is_no_message_means_nothing_and_what_is_no_update_is_refused() {
    for kind in ["edited_message", "channel_post", "my_chat_member"] {
        let update = json!({ "update_id": 1, kind: { "message_id": 1, "chat": { "id": 1 }, "text": "a" } });
        assert_eq!(taken(&update, Some("s3cret")), Ok(Parsed::nothing()), "{kind}");
    }
    for bad in [json!([]), json!({}), json!({ "update_id": "1" }), json!({ "update_id": 1, "message": {} })] {
        assert!(matches!(taken(&bad, Some("s3cret")), Err(Refusal::Malformed(_))), "{bad}");
    }
}

#[test]
fn coming_and_leaving_are_commands() {
    let cases = [
        ("/start", Some(Consent::OptedIn)),
        ("/start promo", Some(Consent::OptedIn)),
        ("/stop", Some(Consent::OptedOut)),
        ("/stop@Recado_Bot", Some(Consent::OptedOut)),
        ("/stop@other_bot", None),
        ("stop", None),
        ("please /stop", None),
    ];
    for (text, expected) in cases {
        assert_eq!(message(&json!({ "text": text })).unwrap().consent, expected, "{text}");
    }
}

#[test]
fn a_part_is_one_method_and_the_token_stays_out_of_it() {
    let encoded = |text: &str, media: &[&str]| {
        let mut part = part("42", text);
        part.content.media = media.iter().map(|url| (*url).to_owned()).collect();
        host().run(|| Telegram::encode(part))
    };
    let request = encoded("¡Hola! \"{}\"", &[]).unwrap();
    assert_eq!(request.url, "https://api.telegram.org/bot{{secret:token}}/sendMessage");
    let body: Value = serde_json::from_slice(&request.body).unwrap();
    assert_eq!(body, json!({ "chat_id": "42", "text": "¡Hola! \"{}\"" }));
    let picture = encoded("mira", &["https://files.example/a.jpg?b=1.pdf"]).unwrap();
    assert!(picture.url.ends_with("/sendPhoto"));
    let body: Value = serde_json::from_slice(&picture.body).unwrap();
    assert_eq!(body, json!({ "chat_id": "42", "photo": "https://files.example/a.jpg?b=1.pdf", "caption": "mira" }));
    assert!(encoded("", &["https://files.example/a.PDF"]).unwrap().url.ends_with("/sendDocument"));
    assert!(encoded("", &["https://a.example/1", "https://a.example/2"]).is_err());
}

#[test]
fn long_texts_and_several_pictures_are_several_parts() {
    let split = |text: &str, media: usize| {
        let mut message = outbound_message(text);
        message.media = (0..media).map(|number| format!("https://files.example/{number}")).collect();
        Telegram::split(message)
    };
    assert_eq!(split(" \n", 0), Err(Unsendable::Empty));
    assert_eq!(split(&"a".repeat(4096), 0).unwrap().len(), 1);
    let long = "palabra ".repeat(1000);
    let parts = split(&long, 0).unwrap();
    assert_eq!(parts.iter().map(|part| part.text.as_str()).collect::<String>(), long);
    assert!(parts.iter().all(|part| part.text.encode_utf16().count() <= 4096));
    let album = split("mira", 2).unwrap();
    assert_eq!(
        album.iter().map(|part| (part.text.as_str(), part.media.len())).collect::<Vec<_>>(),
        [("mira", 1), ("", 1)]
    );
    let below = split(&"a".repeat(1025), 1).unwrap();
    assert_eq!(below.iter().map(|part| (part.text.len(), part.media.len())).collect::<Vec<_>>(), [(0, 1), (1025, 0)]);
}

#[test]
fn an_answer_says_what_came_of_it() {
    let decoded = |status, body: &str| Telegram::decode(response(status, body));
    let sent = decoded(200, r#"{"ok":true,"result":{"message_id":9,"chat":{"id":42}}}"#);
    assert_eq!(sent, Outcome::accepted("42:9", recado_sdk::channel::MessageStatus::Sent));
    let busy = r#"{"ok":false,"error_code":429,"description":"Too Many Requests: retry after 7","parameters":{"retry_after":7}}"#;
    assert!(matches!(decoded(429, busy), Outcome::Retry(Later { after: Some(7), .. })));
    let mut proxy = response(429, "");
    proxy.headers.push(("retry-after".to_owned(), "3".to_owned()));
    assert!(matches!(Telegram::decode(proxy), Outcome::Retry(Later { after: Some(3), .. })));
    let described = r#"{"ok":false,"description":"Bad Request: chat not found"}"#;
    assert!(
        matches!(decoded(400, described), Outcome::Rejected(error) if error.message == "Bad Request: chat not found")
    );
    let blocked = r#"{"ok":false,"description":"Forbidden: bot was blocked by the user"}"#;
    assert!(matches!(decoded(403, blocked), Outcome::OptedOut(error) if error.code == Some(403)));
    // Nobody's wish.
    for reason in
        ["bot was kicked from the group chat", "user is deactivated", "bot can't initiate conversation with a user"]
    {
        let body = json!({ "ok": false, "description": format!("Forbidden: {reason}") }).to_string();
        assert!(matches!(decoded(403, &body), Outcome::Rejected(_)), "{reason}");
    }
    assert!([401, 404, 302].into_iter().all(|status| matches!(decoded(status, "{}"), Outcome::Fault(_))));
    assert!(
        [100, 200, 408, 500, 502].into_iter().all(|status| matches!(decoded(status, "<html>"), Outcome::Unknown(_)))
    );
}
