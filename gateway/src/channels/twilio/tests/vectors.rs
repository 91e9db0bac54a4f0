//! Signatures made by others.

use std::path::PathBuf;

use secrecy::SecretString;
use serde_json::Value;

use super::*;
use crate::channels::Event;

/// Made by Twilio's own Python library.
const SIGNATURES: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/tables/signatures.json"));

fn verify(token: &str, url: &str, parameters: &[(String, String)], signature: &str) -> bool {
    signature::verify(&[SecretString::from(token)], url, parameters, signature.as_bytes())
}

fn text<'a>(case: &'a Value, name: &str) -> &'a str {
    case[name].as_str().unwrap_or_default()
}

fn parameters(case: &Value) -> Vec<(String, String)> {
    serde_json::from_value(case["params"].clone()).unwrap()
}

/// A table of more cases in the folder that the environment names; without it there is nothing to check.
fn extra(file: &str) -> Option<Value> {
    let path = PathBuf::from(std::env::var_os("RECADO_EXTRA_VECTORS")?).join(file);
    Some(serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap())
}

#[test]
fn signatures_are_those_of_twilios_library() {
    let table: Value = serde_json::from_str(SIGNATURES).unwrap();
    for case in table["cases"].as_array().unwrap() {
        let (token, url, expected) = (text(case, "token"), text(case, "url"), text(case, "signature"));
        let parameters = parameters(case);
        assert!(verify(token, url, &parameters, expected), "{case}");
        assert!(!verify("another", url, &parameters, expected), "{case}");
        assert_eq!(signature::sign(token, url, &parameters), expected, "{case}");
    }
}

#[test]
fn what_twilios_library_signed_is_let_in_as_it_was_on_the_wire() {
    let table: Value = serde_json::from_str(SIGNATURES).unwrap();
    for case in table["cases"].as_array().unwrap() {
        let mut settings = settings("");
        settings.auth_token = Some(text(case, "token").into());
        let twilio = Twilio::build(&settings).unwrap();
        let mut webhook = posted(text(case, "url"), &[]);
        webhook.body = text(case, "body").to_owned().into();
        webhook.headers.insert("x-twilio-signature", text(case, "signature").parse().unwrap());
        let verified = twilio.verify(webhook).unwrap_or_else(|refused| panic!("{refused}: {case}"));
        match (text(case, "kind"), twilio.parse(&verified).as_deref()) {
            ("inbound", Ok([Event::Inbound(inbound)])) => assert!(!inbound.provider_id.is_empty()),
            ("status", Ok([Event::Status(observation)])) => assert_eq!(observation.raw, parameters(case)),
            ("plain", Err(Malformed(_))) => {}
            (_, found) => panic!("{found:?}: {case}"),
        }
    }
}

#[test]
fn further_signatures_are_judged_as_elsewhere() {
    let Some(table) = extra("signature.json") else { return };
    for case in table["vectors"].as_array().unwrap() {
        let body = text(case, "raw_body").as_bytes();
        let (token, url) = (text(case, "auth_token"), text(case, "request_url"));
        let valid = match text(case, "kind") {
            "body-hash" => signature::body_matches(body, text(case, "sha256_hex")),
            // `webhook` reads the hash from the URL; the whole way is taken below.
            _ => verify(token, url, &parameters(case), text(case, "x_twilio_signature")),
        };
        assert_eq!(Some(valid), case["expect_valid"].as_bool(), "{case}");
        if text(case, "kind") == "json" {
            let mut webhook = posted(url, &[]);
            webhook.body = body.to_vec().into();
            webhook.headers.insert("content-type", "application/json".parse().unwrap());
            webhook.headers.insert("x-twilio-signature", text(case, "x_twilio_signature").parse().unwrap());
            assert!(channel("").verify(webhook.clone()).is_ok(), "{case}");
            webhook.body = [body, b" "].concat().into();
            assert_eq!(channel("").verify(webhook).unwrap_err(), Refused::Forged, "{case}");
        }
    }
}

#[test]
fn further_webhooks_mean_what_they_mean_elsewhere() {
    let Some(table) = extra("twilio.json") else { return };
    for case in table["scenarios"].as_array().unwrap() {
        let mut members = case["params"].as_object().unwrap().clone();
        // Theirs is a placeholder; of another account than the channel's, a webhook is refused.
        if let Some(account) = members.get_mut("AccountSid") {
            *account = ACCOUNT.into();
        }
        let parameters: Vec<(String, String)> =
            members.iter().map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned())).collect();
        let given = |name: &str| members.get(name).and_then(Value::as_str);
        let twilio = channel("");
        let verified = twilio.verify(posted("https://recado.example/in", &parameters)).unwrap();
        let events = twilio.parse(&verified).unwrap();
        match (events.as_slice(), given("MessageStatus")) {
            ([Event::Status(observation)], Some(word)) => {
                assert_eq!(Some(observation.provider_id.as_str()), given("MessageSid"));
                assert_eq!(observation.status.as_str(), word);
                let error = observation.error.clone().unwrap_or_default();
                assert_eq!(error.code.map(|code| code.to_string()).as_deref(), given("ErrorCode"), "{case}");
                assert_eq!(error.message.as_deref(), given("ErrorMessage"), "{case}");
            }
            ([Event::Inbound(inbound)], None) => {
                assert_eq!(Some(inbound.provider_id.as_str()), given("SmsSid"));
                assert_eq!(inbound.text, given("Body").unwrap().replace('\0', ""), "{case}");
                assert_eq!(inbound.media.len().to_string(), given("NumMedia").unwrap_or("0"), "{case}");
                for name in ["ProfileName", "AccountSid"] {
                    let kept = inbound.extra.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
                    assert_eq!(kept, given(name), "{case}");
                }
            }
            _ => panic!("{case}"),
        }
    }
}

const PATH: &str = "mycompany.com/myapp.php?foo=1&bar=2";

/// The worked example that Twilio's documentation and libraries share.
fn example() -> Vec<(String, String)> {
    pairs(&[
        ("To", "+18005551212"),
        ("Digits", "1234"),
        ("From", "+14158675309"),
        ("CallSid", "CA1234567890ABCDE"),
        ("Caller", "+14158675309"),
    ])
}

#[test]
fn twilios_own_examples_are_signed_alike() {
    let example = example();
    let repeated =
        pairs(&[("SidAccount", "AC123"), ("Digits", "5678"), ("Sid", "CA123"), ("Digits", "1234"), ("Digits", "1234")]);
    let cases = [
        (format!("https://{PATH}"), &example, "RSOYDt4T1cUTdK1PDd93/VVr8B8="),
        (format!("https://{PATH}"), &repeated, "IK+Dwps556ElfBT0I3Rgjkr1wJU="),
        (format!("https://user:pass@{PATH}"), &example, "CukzLTc1tT5dXEDIHm/tKBanW10="),
        (
            "https://gw.example.com/x".to_owned(),
            &pairs(&[("Body", ""), ("From", "+1"), ("a", "lower"), ("Z", "upper")]),
            "ex1U4vSBBwNRvFA6wfVZKSdsA80=",
        ),
    ];
    for (url, parameters, expected) in cases {
        assert_eq!(signature::sign("12345", &url, parameters), expected, "{url}");
    }
}

#[test]
fn every_form_of_the_url_that_twilio_may_have_signed_is_tried() {
    let cases = [
        // As requested; as signed.
        ("https://mycompany.com", "https://mycompany.com:443", true),
        ("https://mycompany.com:443", "https://mycompany.com", true),
        ("https://mycompany.com:1234", "https://mycompany.com", true),
        ("https://mycompany.com:1234", "https://mycompany.com:1234", true),
        ("https://mycompany.com:1234", "https://mycompany.com:443", false),
        ("https://mycompany.com", "https://mycompany.com:80", false),
        ("http://mycompany.com", "http://mycompany.com:80", true),
        ("http://mycompany.com", "https://mycompany.com", false),
        ("https://[::1]", "https://[::1]:443", true),
        ("https://[::1]:8443", "https://[::1]", true),
        ("https://user:pass@mycompany.com", "https://mycompany.com", true),
        ("https://user:pass@mycompany.com", "https://user:pass@mycompany.com:443", true),
        ("https://user@mycompany.com:8443", "https://user@mycompany.com", true),
        ("https://mycompany.com", "https://user@mycompany.com", false),
    ];
    for (requested, signed, expected) in cases {
        let signature = signature::sign("12345", &format!("{signed}/a?b=c"), &example());
        assert_eq!(verify("12345", &format!("{requested}/a?b=c"), &example(), &signature), expected, "{requested}");
        assert_eq!(verify("12345", &format!("{requested}/a?b=c#d"), &example(), &signature), expected, "{requested}#");
    }
    let cases = [
        ("?Body=It's", "?Body=It%27s", true),
        ("?Body=It%27s", "?Body=It's", true),
        ("it's?x", "it%27s?x", false),
        ("?Body=It%2527s", "?Body=It's", false),
        ("?Body=a+b", "?Body=a%20b", false),
        ("/", "", false),
    ];
    for (requested, signed, expected) in cases {
        let signature = signature::sign("12345", &format!("https://mycompany.com/{signed}"), &[]);
        let requested = format!("https://mycompany.com/{requested}");
        assert_eq!(verify("12345", &requested, &[], &signature), expected, "{requested}");
    }
}

#[test]
fn a_signature_that_is_almost_right_is_wrong() {
    let url = format!("https://{PATH}");
    for signature in [
        "",
        "RSOYDt4T1cUTdK1PDd93/VVr8B8",
        "RSOYDt4T1cUTdK1PDd93/VVr8B8= ",
        "NOTRSOYDt4T1cUTdK1PDd93/VVr8B8=",
        "RSOYDt4T1cUTdK1PDd93/VVr8B9=",
        "rsoyDt4T1cUTdK1PDd93/VVr8B8=",
    ] {
        assert!(!verify("12345", &url, &example(), signature), "{signature:?}");
    }
}
