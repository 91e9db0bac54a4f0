//! Every request in `fixtures/` is read and compared with the JSON beside it, and must not be let in once it
//! is tampered with.

use std::path::Path;

use serde_json::{Value, json};

use super::*;
use crate::channels::{Event, Refused, Webhook};

fn fixtures() -> Vec<(String, Webhook, Value)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/channels/twilio/fixtures");
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let requests = files.filter(|path| path.extension().is_some_and(|extension| extension == "http"));
    let read = |path: std::path::PathBuf| {
        let expected = std::fs::read_to_string(path.with_extension("json")).unwrap();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        (name, request(&std::fs::read_to_string(&path).unwrap()), serde_json::from_str(&expected).unwrap())
    };
    requests.map(read).collect()
}

fn request(text: &str) -> Webhook {
    let (head, body) = text.split_once("\n\n").unwrap();
    let mut lines = head.lines();
    let (method, url) = lines.next().unwrap().split_once(' ').unwrap();
    let headers = lines.map(|line| {
        let (name, value) = line.split_once(": ").unwrap();
        (name.parse::<http::HeaderName>().unwrap(), value.parse().unwrap())
    });
    let body = body.strip_suffix('\n').unwrap_or(body).to_owned();
    Webhook { method: method.parse().unwrap(), url: url.to_owned(), headers: headers.collect(), body: body.into() }
}

fn shown(event: &Event) -> Value {
    match event {
        Event::Inbound(inbound) => json!({"inbound": {
            "provider_id": inbound.provider_id,
            "sender": inbound.sender,
            "recipient": inbound.recipient,
            "text": inbound.text,
            "media": inbound.media.iter().map(|media| (&media.url, &media.content_type)).collect::<Vec<_>>(),
            "segments": inbound.segments,
            "extra": inbound.extra,
            "consent": inbound.consent,
        }}),
        Event::Status(observation) => json!({"status": {
            "provider_id": observation.provider_id,
            "part": observation.part,
            "sender": observation.sender,
            "status": observation.status,
            "error": observation.error,
            "consent": observation.consent,
        }}),
    }
}

#[test]
fn each_request_means_what_stands_beside_it() {
    let twilio = channel("");
    let fixtures = fixtures();
    assert!(fixtures.len() >= 23);
    for (name, webhook, expected) in fixtures {
        let verified = twilio.verify(webhook).unwrap_or_else(|refused| panic!("{name}: {refused}"));
        let events = twilio.parse(&verified).unwrap_or_else(|malformed| panic!("{name}: {malformed}"));
        assert_eq!(events.iter().map(shown).collect::<Value>(), expected, "{name}");
        for event in &events {
            if let Event::Status(observation) = event {
                assert_eq!(observation.raw, verified.parameters(), "{name}");
            }
        }
    }
}

#[test]
fn without_its_signature_none_is_let_in() {
    for (name, mut webhook, _) in fixtures() {
        webhook.headers.remove("x-twilio-signature");
        assert_eq!(channel("").verify(webhook).unwrap_err(), Refused::Unsigned, "{name}");
    }
}

#[test]
fn with_another_token_none_is_let_in() {
    for (name, webhook, _) in fixtures() {
        assert_eq!(channel("auth_token = '12346'").verify(webhook).unwrap_err(), Refused::Forged, "{name}");
    }
}

#[test]
fn with_one_byte_changed_none_is_let_in() {
    let twilio = channel("");
    for (name, webhook, _) in fixtures() {
        for index in 0..webhook.body.len() {
            let mut body = webhook.body.to_vec();
            body[index] ^= 1;
            let decodable = form::decode(&body).is_ok();
            let refused = twilio.verify(Webhook { body: body.into(), ..webhook.clone() }).unwrap_err();
            let malformed = matches!(refused, Refused::Malformed(_));
            assert!(refused == Refused::Forged || malformed, "{name} at {index}: {refused}");
            if name != "inbound-json" {
                assert_eq!(malformed, !decodable, "{name} at {index}");
            }
        }
        // A URL is good whatever its port, where Twilio signed it without one.
        let port = webhook.url.find(":8443").map_or(0..0, |colon| colon + 1..colon + 5);
        for index in (0..webhook.url.len()).filter(|index| !port.contains(index)) {
            let mut url = webhook.url.clone().into_bytes();
            url[index] ^= 1;
            let url = String::from_utf8(url).unwrap();
            assert!(twilio.verify(Webhook { url, ..webhook.clone() }).is_err(), "{name} at {index} of the URL");
        }
    }
}

#[test]
fn cut_short_anywhere_none_is_let_in() {
    let twilio = channel("");
    for (name, webhook, _) in fixtures() {
        for length in 0..webhook.body.len() {
            let body = webhook.body.slice(..length);
            assert!(twilio.verify(Webhook { body, ..webhook.clone() }).is_err(), "{name} at {length}");
        }
        for length in 0..webhook.url.len() {
            let url = webhook.url.chars().take(length).collect();
            assert!(twilio.verify(Webhook { url, ..webhook.clone() }).is_err(), "{name} at {length} of the URL");
        }
    }
}
