//! The whole talk with Twilio, by answers as Twilio gives them.

use serde_json::json;

use super::*;
use crate::channels::{Checkup as _, State};

const ACCOUNT: &str = "AC00000000000000000000000000000001";
const NUMBER: &str = "+529983162438";
const INBOUND: &str = "https://sms.example.mx/webhooks/sms/inbound";
/// The address of all Twilio channels.
const SHARED: &str = "https://sms.example.mx/webhooks/twilio/inbound";
const KEY: &str = "api_key = 'SK00000000000000000000000000000001'\napi_key_secret = 'hush'";
const SERVICE: &str = "messaging_service_sid = 'MG00000000000000000000000000000001'";

fn twilio(more: &str) -> Twilio {
    let least = format!("account_sid = '{ACCOUNT}'\nauth_token = '12345'\nfrom = '{NUMBER}'\n{more}");
    Twilio::build(&toml::from_str(&least).unwrap()).unwrap()
}

fn checkup(more: &str, inbound: Option<&str>) -> Checkup {
    Checkup::new(&twilio(more), target(inbound))
}

fn target(inbound: Option<&str>) -> Target {
    let shared_url = inbound.map(|_| SHARED.to_owned());
    Target { channel: "sms".to_owned(), inbound_url: inbound.map(str::to_owned), shared_url }
}

fn number() -> Value {
    json!({
        "sid": "PN00000000000000000000000000000001", "phone_number": NUMBER, "capabilities": { "sms": true },
        "sms_url": format!("{INBOUND}{}", webhook::RULES), "sms_method": "POST", "sms_application_sid": "",
        "sms_fallback_url": format!("{INBOUND}{}", webhook::RULES), "sms_fallback_method": "POST",
    })
}

fn with(mut resource: Value, name: &str, value: impl Into<Value>) -> Value {
    resource[name] = value.into();
    resource
}

fn active() -> Value {
    json!({ "status": "active", "type": "Full" })
}

/// Carries the talk on to its end; each request is answered by its path.
fn ask(mut checkup: Checkup, answer: impl Fn(&str) -> (u16, Value)) -> Vec<Finding> {
    while let Some(request) = checkup.next() {
        let path = request.uri().path_and_query().unwrap().as_str().replace("/2010-04-01/Accounts/", "");
        let (status, body) = answer(&path.replace(ACCOUNT, "A"));
        let response = Response::builder().status(status).body(Bytes::from(body.to_string())).unwrap();
        checkup.take(Ok(&response));
    }
    checkup.findings()
}

/// An account where only the number's own settings are in question.
fn own(number: &Value) -> impl Fn(&str) -> (u16, Value) {
    move |path| match path {
        "A.json" => (200, active()),
        path if path.starts_with("A/Messages.json") => (200, json!({ "messages": [] })),
        "A/IncomingPhoneNumbers.json?PhoneNumber=%2B529983162438" => {
            (200, json!({ "incoming_phone_numbers": [{ "phone_number": "+5299831624380" }, number] }))
        }
        "/v1/Services?PageSize=50" => (200, json!({ "services": [], "meta": { "next_page_url": null } })),
        other => panic!("{other}"),
    }
}

fn find<'a>(findings: &'a [Finding], what: &str) -> &'a Finding {
    let check = format!("channels.sms.{what}");
    findings.iter().find(|finding| finding.check == check).unwrap_or_else(|| panic!("no {what} in {findings:#?}"))
}

#[test]
fn all_is_well() {
    let findings = ask(checkup("", Some(INBOUND)), own(&number()));
    assert!(findings.iter().all(|finding| finding.state == State::Ok), "{findings:#?}");
    assert_eq!(findings.len(), 4);
}

/// A setting, its value, how bad that is, and the form that sets it right.
type Case = (&'static str, Value, State, &'static str);

#[test]
fn each_setting_of_the_number_is_compared_and_can_be_set() {
    let wanted = "https%3A%2F%2Fsms.example.mx%2Fwebhooks%2Fsms%2Finbound%23rc%3D5%26rp%3Dall%26rt%3D7000";
    let url = Box::leak(format!("SmsUrl={wanted}").into_boxed_str());
    let fallback_url = format!("SmsFallbackUrl={wanted}");
    let fallback = Box::leak(format!("{fallback_url}&SmsFallbackMethod=POST").into_boxed_str());
    let fallback_url = Box::leak(fallback_url.into_boxed_str());
    let cases: [Case; 14] = [
        ("sms_url", json!(""), State::Failed, url),
        ("sms_url", json!(null), State::Failed, url),
        ("sms_url", json!("https://user:hush@demo.twilio.com/welcome?token=hush"), State::Failed, url),
        ("sms_url", json!(INBOUND), State::Warning, url),
        ("sms_url", json!(format!("{INBOUND}#rc=1")), State::Warning, url),
        ("sms_url", json!(format!("{INBOUND}#rc=0&rp=all")), State::Warning, url),
        ("sms_url", json!(format!("{INBOUND}#rp=4xx,5xx")), State::Warning, url),
        ("sms_method", json!("GET"), State::Warning, "SmsMethod=POST"),
        ("sms_fallback_url", json!(""), State::Warning, fallback),
        ("sms_fallback_url", json!("https://other.example.mx/webhooks/sms/inbound"), State::Warning, fallback),
        ("sms_fallback_url", json!("https://sms.example.mx/webhooks/old/inbound"), State::Warning, fallback),
        ("sms_fallback_url", json!(INBOUND), State::Warning, fallback_url),
        ("sms_fallback_method", json!("GET"), State::Warning, "SmsFallbackMethod=POST"),
        ("sms_application_sid", json!("AP1"), State::Failed, "SmsApplicationSid="),
    ];
    for (name, value, state, form) in cases {
        let findings = ask(checkup("", Some(INBOUND)), own(&with(number(), name, value.clone())));
        let webhook = find(&findings, "webhook");
        assert_eq!(webhook.state, state, "{name} {value}");
        assert!(webhook.finding.contains(name) && !webhook.finding.contains("hush"), "{webhook:?}");
        assert!(webhook.remedy.as_deref().is_some_and(|remedy| remedy.contains("--fix")), "{webhook:?}");
        let request = &webhook.fix.as_ref().unwrap().request;
        assert_eq!(
            request.uri().path(),
            format!("/2010-04-01/Accounts/{ACCOUNT}/IncomingPhoneNumbers/PN00000000000000000000000000000001.json")
        );
        assert_eq!((request.method().as_str(), &request.body()[..]), ("POST", form.as_bytes()), "{name}");
    }
}

#[test]
fn the_shared_address_is_right_and_so_are_other_rules_that_try_again() {
    let shared = |rules: &str| format!("{SHARED}{rules}");
    for url in [shared(webhook::RULES), shared("#rp=all&rc=3"), format!("{INBOUND}?from=old#rp=5xx,ct")] {
        let number = with(with(number(), "sms_url", url.as_str()), "sms_fallback_url", shared(webhook::RULES));
        let findings = ask(checkup("", Some(INBOUND)), own(&number));
        let webhook = find(&findings, "webhook");
        assert_eq!(webhook.state, State::Ok, "{webhook:?}");
        assert!(webhook.finding.ends_with(url.split('#').next().unwrap()), "{webhook:?}");
    }
    // What only lacks the rules stays where it is.
    let findings = ask(checkup("", Some(INBOUND)), own(&with(number(), "sms_url", SHARED)));
    let fix = find(&findings, "webhook").fix.as_ref().unwrap();
    let wanted = "SmsUrl=https%3A%2F%2Fsms.example.mx%2Fwebhooks%2Ftwilio%2Finbound%23rc%3D5";
    assert!(fix.request.body().starts_with(wanted.as_bytes()), "{fix:?}");
    let nobody = Checkup::new(&twilio(""), Target { shared_url: None, ..target(Some(INBOUND)) });
    let findings = ask(nobody, own(&with(number(), "sms_url", shared(webhook::RULES))));
    assert_eq!(find(&findings, "webhook").state, State::Failed, "a channel of that name has it for itself");
}

#[test]
fn nothing_is_compared_with_an_address_that_twilio_can_not_call() {
    for inbound in
        [None, Some("http://127.0.0.1:8080/webhooks/sms/inbound"), Some("http://[::1]/w"), Some("http://localhost/w")]
    {
        let findings = ask(checkup("", inbound), own(&number()));
        let webhook = find(&findings, "webhook");
        assert_eq!((webhook.state, webhook.fix.is_none()), (State::Skipped, true), "{inbound:?}");
    }
}

#[test]
fn the_number_must_be_the_accounts_and_take_texts() {
    let other = ask(checkup("", Some(INBOUND)), own(&with(number(), "phone_number", "+15005550006")));
    let found = find(&other, "number");
    assert_eq!(found.state, State::Failed);
    assert!(found.remedy.as_deref().unwrap().contains("channels.sms.from"), "{found:?}");
    let mute = ask(checkup("", Some(INBOUND)), own(&with(number(), "capabilities", json!({ "sms": false }))));
    assert_eq!(find(&mute, "number").state, State::Failed);
    let word = ask(named(), own(&number()));
    assert_eq!(find(&word, "number").state, State::Skipped);
}

/// The channel of a sender that is a name.
fn named() -> Checkup {
    let text = format!("account_sid = '{ACCOUNT}'\nauth_token = '12345'\nfrom = 'RECADO'");
    let twilio = Twilio::build(&toml::from_str(&text).unwrap()).unwrap();
    Checkup::new(&twilio, target(Some(INBOUND)))
}

#[test]
fn token_and_key_are_told_apart() {
    let refused = || (401, json!({ "code": 20003, "message": "Authenticate" }));
    let wrong_token = ask(checkup("", Some(INBOUND)), |_| refused());
    let credentials = find(&wrong_token, "credentials");
    assert_eq!(credentials.state, State::Failed);
    assert!(credentials.remedy.as_deref().unwrap().contains("channels.sms.auth_token"), "{credentials:?}");
    assert_eq!(find(&wrong_token, "number").state, State::Skipped);
    assert_eq!(wrong_token.len(), 2, "{wrong_token:#?}");

    let number = number();
    let key_only =
        ask(checkup(KEY, Some(INBOUND)), |path| if path == "A.json" { refused() } else { own(&number)(path) });
    assert_eq!(find(&key_only, "credentials").state, State::Ok);
    let token = find(&key_only, "auth_token");
    assert_eq!(token.state, State::Failed);
    assert!(token.remedy.as_deref().unwrap().contains("primary Auth Token"), "{token:?}");
    assert_eq!(find(&key_only, "webhook").state, State::Ok);

    let token_only =
        ask(
            checkup(KEY, Some(INBOUND)),
            |path| if path.starts_with("A/Messages") { refused() } else { own(&number)(path) },
        );
    let key = find(&token_only, "credentials");
    assert!(key.state == State::Failed && key.remedy.as_deref().unwrap().contains("channels.sms.api_key"), "{key:?}");
    assert_eq!(find(&token_only, "auth_token").state, State::Ok);
    assert_eq!(find(&token_only, "webhook").state, State::Ok, "asked with the token");
}

#[test]
fn the_accounts_state_is_told() {
    let number = number();
    let cases = [
        (json!({ "status": "active", "type": "Full" }), State::Ok),
        (json!({ "status": "active", "type": "Trial" }), State::Warning),
        (json!({ "status": "suspended", "type": "Full" }), State::Failed),
        (json!({ "status": "closed", "type": "Trial" }), State::Failed),
    ];
    for (account, state) in cases {
        let findings =
            ask(
                checkup("", Some(INBOUND)),
                |path| if path == "A.json" { (200, account.clone()) } else { own(&number)(path) },
            );
        assert_eq!(find(&findings, "account").state, state, "{account}");
    }
}

#[test]
fn a_service_is_looked_at_with_its_pool() {
    let service = |by_number: bool, pool: Value, url: &'static str| {
        let number = with(number(), "sms_url", "https://old.example.mx/");
        ask(checkup(SERVICE, Some(INBOUND)), move |path| match path {
            "A.json" | "A/Messages.json?PageSize=1" => (200, active()),
            "/v1/Services/MG00000000000000000000000000000001" => (
                200,
                json!({ "use_inbound_webhook_on_number": by_number, "inbound_request_url": url,
                    "inbound_method": "POST", "fallback_url": format!("{INBOUND}{}", webhook::RULES) }),
            ),
            "/v1/Services/MG00000000000000000000000000000001/PhoneNumbers?PageSize=20" => {
                (200, json!({ "phone_numbers": pool, "meta": { "next_page_url": null } }))
            }
            "A/IncomingPhoneNumbers/PN1.json" => (200, number.clone()),
            other => panic!("{other}"),
        })
    };
    let by_number = service(true, json!([{ "sid": "PN1" }]), "");
    assert_eq!(find(&by_number, "webhook").state, State::Failed, "the number's own webhook counts");
    let own = service(false, json!([{ "sid": "PN1" }]), "https://old.example.mx/");
    let webhook = find(&own, "webhook");
    assert_eq!(webhook.state, State::Failed);
    let request = &webhook.fix.as_ref().unwrap().request;
    assert_eq!(request.uri(), "https://messaging.twilio.com/v1/Services/MG00000000000000000000000000000001");
    assert!(request.body().starts_with(b"InboundRequestUrl="));
    let empty = service(false, json!([]), "https://sms.example.mx/webhooks/sms/inbound#rc=5&rp=all&rt=7000");
    assert_eq!((find(&empty, "pool").state, find(&empty, "webhook").state), (State::Failed, State::Ok));
    let missing = ask(checkup(SERVICE, Some(INBOUND)), |path| match path {
        path if path.starts_with("/v1") => (404, json!({ "code": 20404, "message": "not found" })),
        _ => (200, active()),
    });
    assert_eq!(find(&missing, "service").state, State::Failed);
}

/// An account with these services; the number is in the second of them.
fn with_services(services: Value, number: &Value) -> Vec<Finding> {
    let own = own(number);
    ask(checkup("", Some(INBOUND)), move |path| match path {
        "/v1/Services?PageSize=50" => (200, json!({ "services": services, "meta": { "next_page_url": null } })),
        "/v1/Services/MG1/PhoneNumbers/PN00000000000000000000000000000001" => (404, json!({ "status": 404 })),
        "/v1/Services/MG2/PhoneNumbers/PN00000000000000000000000000000001" => (200, json!({ "sid": "PN1" })),
        path => own(path),
    })
}

#[test]
fn a_service_that_has_the_number_is_looked_at_though_nobody_named_it() {
    let service = |sid: &str, by_number: bool, url: &str| {
        json!({ "sid": sid, "use_inbound_webhook_on_number": by_number, "inbound_request_url": url,
            "inbound_method": "POST", "fallback_url": url })
    };
    let right = format!("{SHARED}{}", webhook::RULES);
    let elsewhere = "https://other.example.mx/";
    let wrong = with(number(), "sms_url", elsewhere);
    let cases = [
        // The number's own webhook is right, and counts for nothing.
        (json!([service("MG1", false, &right), service("MG2", false, elsewhere)]), number(), State::Failed, "MG2"),
        (json!([service("MG2", false, "")]), number(), State::Failed, "is empty"),
        (json!([service("MG2", false, &right)]), wrong.clone(), State::Ok, "MG2"),
        (json!([service("MG2", false, SHARED)]), wrong.clone(), State::Warning, "MG2"),
        // It leaves texts to the numbers, or does not have this one.
        (json!([service("MG2", true, elsewhere)]), number(), State::Ok, NUMBER),
        (json!([service("MG1", false, elsewhere)]), number(), State::Ok, NUMBER),
        (json!([service("MG1", false, &right)]), wrong, State::Failed, NUMBER),
    ];
    for (services, number, state, words) in cases {
        let findings = with_services(services.clone(), &number);
        let webhook = find(&findings, "webhook");
        assert_eq!(webhook.state, state, "{services}: {webhook:?}");
        assert!(webhook.finding.contains(words), "{services}: {webhook:?}");
        let of_service = webhook.finding.contains("the messaging service");
        if of_service && state == State::Failed {
            assert!(webhook.fix.is_none(), "its other numbers may be somebody else's: {webhook:?}");
            assert!(webhook.remedy.as_deref().unwrap().contains(INBOUND), "{webhook:?}");
        }
        assert_eq!(findings.iter().filter(|finding| finding.check.ends_with("webhook")).count(), 1, "{findings:#?}");
    }
    let number = number();
    let hidden = ask(checkup("", Some(INBOUND)), |path| match path {
        "/v1/Services?PageSize=50" => (403, json!({ "code": 20003, "status": 403 })),
        path => own(&number)(path),
    });
    assert_eq!(find(&hidden, "service").state, State::Skipped);
    assert_eq!(find(&hidden, "webhook").state, State::Ok);
}

#[test]
fn silence_ends_the_talk() {
    let mut checkup = checkup("", Some(INBOUND));
    assert!(checkup.next().is_some());
    checkup.take(Err("could not connect".to_owned()));
    assert!(checkup.next().is_none());
    let findings = checkup.findings();
    let provider = find(&findings, "provider");
    assert!(provider.state == State::Failed && provider.finding.contains("could not connect"), "{provider:?}");
}

#[test]
fn a_webhook_that_means_nothing_is_signed_as_asked() {
    let checkup = checkup("", Some(INBOUND));
    let verified = |genuine| {
        let request = checkup.webhook(INBOUND, genuine).unwrap();
        let given = request.headers()["x-twilio-signature"].as_bytes();
        let pairs: Vec<_> = form_urlencoded::parse(request.body()).into_owned().collect();
        signature::verify(&[SecretString::from("12345")], INBOUND, &pairs, given)
    };
    assert!(verified(true));
    assert!(!verified(false));
}

#[test]
fn what_is_set_by_hand_is_what_is_set_here() {
    let readme = include_str!("../../../../../README.md");
    assert!(readme.contains(&format!("`{INBOUND}{}`", webhook::RULES)));
}
