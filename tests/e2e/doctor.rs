//! What the doctor finds, says and sets right, on the real program with the local Twilio.

use recado_tests::{
    ACCOUNT_SID, AUTH_TOKEN, NUMBER, Ran, ScriptedProvider, Step, TestGateway, call, json_request, run,
};
use serde_json::{Value, json};

const RULES: &str = "#rc=5&rp=all&rt=7000";
const KEY: &str = "SK00000000000000000000000000000009";
const SERVICE: &str = "MG00000000000000000000000000000001";

/// Where the gateway is, as its settings would say it: it was told so by a flag.
fn whereabouts(gateway: &TestGateway) -> [(String, String); 2] {
    let listen = gateway.address().to_string();
    [("RECADO_SERVER__PUBLIC_URL".to_owned(), gateway.url()), ("RECADO_SERVER__LISTEN".to_owned(), listen)]
}

fn doctor(gateway: &TestGateway, arguments: &[&str], variables: &[(&str, &str)]) -> Ran {
    let place = whereabouts(gateway);
    let place = place.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let variables: Vec<_> = place.chain(variables.iter().copied()).collect();
    let common = ["--config", "test.toml", "--json", "doctor"];
    run(gateway.folder(), &[&common, arguments].concat(), &variables)
}

#[track_caller]
fn find(ran: &Ran, check: &str) -> Value {
    let findings = ran.json()["findings"].as_array().cloned().unwrap_or_default();
    let found = findings.into_iter().find(|finding| finding["check"] == check);
    found.unwrap_or_else(|| panic!("no {check} in {ran:?}"))
}

/// The check is in this state, and its words and remedy hold these.
#[track_caller]
fn shows(ran: &Ran, check: &str, state: &str, finding: &str, remedy: &str) {
    let found = find(ran, check);
    assert_eq!(found["state"], state, "{found}");
    assert!(found["finding"].as_str().unwrap().contains(finding), "{found}");
    assert!(found["remedy"].as_str().unwrap_or_default().contains(remedy), "{found}");
    assert_eq!(ran.json()["ok"], ran.code == Some(0), "{ran:?}");
    if state == "failed" {
        assert_eq!(ran.code, Some(1), "{ran:?}");
    }
}

/// A call of the local Twilio's API by the account's owner.
fn twilio(base: &str, method: &str, path: &str, body: &str) -> Value {
    let request = http::Request::builder()
        .method(method)
        .uri(format!("{base}{path}"))
        .header("authorization", recado_tests::basic(ACCOUNT_SID, AUTH_TOKEN))
        .header("content-type", "application/x-www-form-urlencoded")
        .body(body.to_owned().into())
        .unwrap();
    call(request).unwrap().expect(200)
}

fn number(gateway: &TestGateway) -> Value {
    let path = format!("/2010-04-01/Accounts/{ACCOUNT_SID}/IncomingPhoneNumbers.json");
    twilio(gateway.twilio_url(), "GET", &path, "")["incoming_phone_numbers"][0].clone()
}

fn set_number(gateway: &TestGateway, form: &str) {
    twilio(gateway.twilio_url(), "POST", number(gateway)["uri"].as_str().unwrap(), form);
}

fn set_keys(gateway: &TestGateway, keys: &Value) {
    let url = format!("{}/sandbox/keys", gateway.twilio_url());
    call(json_request(http::Method::PUT, &url, &[], keys)).unwrap().expect(200);
}

#[test]
fn fix_sets_the_numbers_webhook_right_and_then_all_is_well() {
    let gateway = TestGateway::builder().start();
    set_number(&gateway, "SmsUrl=https%3A%2F%2Fdemo.example.com%2Fold&SmsMethod=GET&SmsApplicationSid=AP1");
    let before = doctor(&gateway, &[], &[]);
    shows(&before, "channels.sms.webhook", "failed", "demo.example.com", "--fix");
    assert_eq!(number(&gateway)["sms_method"], "GET", "looking changes nothing");

    let refused = doctor(&gateway, &["--fix"], &[]);
    assert_eq!(refused.code, Some(2), "nobody to ask: {refused:?}");
    assert!(refused.stderr.contains("--yes"), "{refused:?}");
    assert_eq!(number(&gateway)["sms_method"], "GET");

    let fixed = doctor(&gateway, &["--fix", "--yes"], &[]);
    assert_eq!((fixed.code, fixed.json()["fixed"].as_array().unwrap().len()), (Some(0), 1), "{fixed:?}");
    let url = format!("{}/webhooks/sms/inbound{RULES}", gateway.url());
    let set = number(&gateway);
    let seen = ["sms_url", "sms_method", "sms_fallback_url", "sms_application_sid"].map(|name| set[name].clone());
    assert_eq!(seen, [json!(url), json!("POST"), json!(url), json!("")]);
    let delivered = gateway.text("+529981122334", "Hola");
    assert_eq!(delivered["webhook"]["status"], 200, "{delivered}");

    let well = doctor(&gateway, &["--fix", "--yes"], &[]);
    assert_eq!((well.code, &well.json()["fixed"]), (Some(0), &json!([])), "{well:?}");
    let checks = [
        "settings",
        "database",
        "database.folder",
        "database.schema",
        "plugins.auto-reply",
        "public_url.reach",
        "channels.sms.signature",
        "channels.sms.credentials",
        "channels.sms.account",
        "channels.sms.number",
        "channels.sms.webhook",
        "clock",
    ];
    for check in checks {
        assert_eq!(find(&well, check)["state"], "ok", "{well:?}");
    }
    assert_eq!(gateway.messages().len(), 2, "the doctor's own webhooks leave nothing: the text and its reply");
}

#[test]
fn people_read_marks_and_remedies() {
    let gateway = TestGateway::builder().no_plugins().start();
    set_number(&gateway, "SmsUrl=");
    let place = whereabouts(&gateway);
    let variables: Vec<_> = place.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let ran = run(gateway.folder(), &["--config", "test.toml", "doctor"], &variables);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.stderr.contains("1 check(s) failed"), "{ran:?}");
    let lines: Vec<&str> = ran.stdout.lines().collect();
    let at = lines.iter().position(|line| line.starts_with("FAILED ")).unwrap();
    assert!(lines[at].contains("channels.sms.webhook") && lines[at].contains("`sms_url` is empty"), "{ran:?}");
    assert!(lines[at + 1].starts_with("         ") && lines[at + 1].contains("--fix"), "{ran:?}");
    assert!(lines.iter().any(|line| line.starts_with("ok ") && line.contains("settings")), "{ran:?}");
    assert!(!ran.stdout.contains(AUTH_TOKEN), "{ran:?}");
}

#[test]
fn wrong_credentials_name_the_setting() {
    let gateway = TestGateway::builder().no_plugins().start();
    let wrong = doctor(&gateway, &[], &[("RECADO_CHANNELS__SMS__AUTH_TOKEN", "another")]);
    shows(&wrong, "channels.sms.credentials", "failed", "auth token", "channels.sms.auth_token");
    shows(&wrong, "channels.sms.signature", "failed", "refused", "auth_token");
    shows(&wrong, "channels.sms.number", "skipped", "credentials", "");

    let key = [("RECADO_CHANNELS__SMS__API_KEY", KEY), ("RECADO_CHANNELS__SMS__API_KEY_SECRET", "hush")];
    let unknown = doctor(&gateway, &[], &key);
    shows(&unknown, "channels.sms.credentials", "failed", "API key", "channels.sms.api_key_secret");
    shows(&unknown, "channels.sms.auth_token", "ok", "auth token", "");
    set_keys(&gateway, &json!({ KEY: "hush" }));
    set_number(&gateway, &format!("SmsFallbackUrl={}", "https%3A%2F%2Fother.example.mx%2Fwebhooks"));
    let good = doctor(&gateway, &[], &key);
    assert_eq!(good.code, Some(0), "{good:?}");
    shows(&good, "channels.sms.credentials", "ok", "API key", "");
    let token = doctor(&gateway, &[], &[key[0], key[1], ("RECADO_CHANNELS__SMS__AUTH_TOKEN", "another")]);
    shows(&token, "channels.sms.credentials", "ok", "API key", "");
    shows(&token, "channels.sms.auth_token", "failed", "webhooks would be refused", "primary Auth Token");
}

#[test]
fn another_number_is_not_ours() {
    let gateway = TestGateway::builder().no_plugins().start();
    let ran = doctor(&gateway, &[], &[("RECADO_CHANNELS__SMS__FROM", "+15005550006")]);
    shows(&ran, "channels.sms.number", "failed", "+15005550006", "channels.sms.from");
    let name = doctor(&gateway, &[], &[("RECADO_CHANNELS__SMS__FROM", "RECADO")]);
    shows(&name, "channels.sms.number", "skipped", "no phone number", "");
}

#[test]
fn a_gateway_that_is_down_is_told_from_an_address_that_leads_elsewhere() {
    let elsewhere = ScriptedProvider::start([Step::Answer(502, &[], "bad gateway")]);
    let mut gateway = TestGateway::builder().no_plugins().start();
    let ran = doctor(&gateway, &[], &[("RECADO_SERVER__PUBLIC_URL", &elsewhere.url())]);
    shows(&ran, "public_url.reach", "failed", "HTTP 502", "proxy");
    gateway.kill();
    let ran = doctor(&gateway, &[], &[]);
    shows(&ran, "public_url.reach", "warning", "no gateway runs", "recado serve");
    assert_eq!(ran.code, Some(0), "the rest can be looked at all the same: {ran:?}");
    shows(&ran, "database", "ok", "takes writes", "");
    gateway.restart();
}

#[test]
fn settings_database_and_plugins_are_looked_at() {
    let gateway = TestGateway::builder().no_plugins().start();
    let folder = gateway.folder();
    let bad = doctor(&gateway, &[], &[("RECADO_DELIVERY__TRIES", "0")]);
    shows(&bad, "settings", "failed", "delivery.tries", "config show");

    let at = |name: &str| format!("sqlite://{}", folder.join(name).display());
    let missing = doctor(&gateway, &[], &[("RECADO_DATABASE__URL", &at("new/er/recado.db"))]);
    shows(&missing, "database", "warning", "no database yet", "recado migrate up");
    assert!(!folder.join("new").exists(), "looking makes nothing");
    std::fs::write(folder.join("text"), "no database, but long enough to be taken for one ".repeat(50)).unwrap();
    let no_database = doctor(&gateway, &[], &[("RECADO_DATABASE__URL", &at("text"))]);
    shows(&no_database, "database", "failed", "database", "database.url");

    let url = at("behind.db");
    run(folder, &["migrate", "up"], &[("RECADO_DATABASE__URL", &url)]).good();
    run(folder, &["migrate", "down"], &[("RECADO_DATABASE__URL", &url)]).good();
    let status = || run(folder, &["--json", "migrate", "status"], &[("RECADO_DATABASE__URL", &url)]).good().json();
    let before = status();
    let behind = doctor(&gateway, &[], &[("RECADO_DATABASE__URL", &url)]);
    let pending = before["steps"].as_array().unwrap().last().unwrap()["name"].as_str().unwrap().to_owned();
    shows(&behind, "database.schema", "warning", &pending, "recado migrate up");
    assert_eq!(status(), before, "the doctor takes no step");
    drop(gateway);

    let gateway = TestGateway::builder().no_plugins().start();
    let file = gateway.folder().join("test.toml");
    let text = std::fs::read_to_string(&file).unwrap().replace("plugins = []", "");
    let plugin = "\n[[plugins]]\nname = \"mine\"\ncomponent = \"missing.wasm\"\n\
                  [[plugins]]\nname = \"auto-reply\"\ncomponent = \"builtin:auto-reply\"\nconfig = { text = \"Hola\" }\n";
    std::fs::write(&file, format!("{text}{plugin}")).unwrap();
    let ran = doctor(&gateway, &[], &[]);
    shows(&ran, "plugins.mine", "failed", "missing.wasm", "component");
    shows(&ran, "plugins.auto-reply", "ok", "SHA-256", "");
}

#[test]
fn a_messaging_service_is_looked_at_and_set_right() {
    let gateway = TestGateway::builder().no_plugins().messaging_service(SERVICE).start();
    let base = gateway.twilio_url();
    let service = format!("/v1/Services/{SERVICE}");
    set_number(&gateway, "SmsUrl=");
    let by_number = doctor(&gateway, &[], &[]);
    shows(&by_number, "channels.sms.service", "ok", "messaging service", "");
    shows(&by_number, "channels.sms.pool", "ok", "1 number", "");
    shows(&by_number, "channels.sms.webhook", "failed", NUMBER, "--fix");

    twilio(base, "POST", &service, "UseInboundWebhookOnNumber=false&InboundRequestUrl=https%3A%2F%2Fold.example.mx");
    let own = doctor(&gateway, &[], &[]);
    shows(&own, "channels.sms.webhook", "failed", "old.example.mx", "InboundRequestUrl");
    let fixed = doctor(&gateway, &["--fix", "--yes"], &[]);
    assert_eq!(fixed.code, Some(0), "{fixed:?}");
    let url = format!("{}/webhooks/sms/inbound{RULES}", gateway.url());
    let set = twilio(base, "GET", &service, "");
    assert_eq!((&set["inbound_request_url"], &set["fallback_url"]), (&json!(url), &json!(url)));
    assert_eq!(gateway.text("+529981122334", "Hola")["webhook"]["status"], 200);

    let other = [("RECADO_CHANNELS__SMS__MESSAGING_SERVICE_SID", "MG00000000000000000000000000000002")];
    shows(&doctor(&gateway, &[], &other), "channels.sms.service", "failed", "no such", "messaging_service_sid");
}

#[test]
fn a_service_is_found_by_the_number_of_a_channel_that_does_not_name_it() {
    let gateway = TestGateway::builder().no_plugins().messaging_service(SERVICE).start();
    let file = gateway.folder().join("test.toml");
    let named = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, named.replace(&format!("messaging_service_sid = \"{SERVICE}\"\n"), "")).unwrap();
    assert_eq!(doctor(&gateway, &["--fix", "--yes"], &[]).code, Some(0));
    shows(&doctor(&gateway, &[], &[]), "channels.sms.webhook", "ok", NUMBER, "");

    let service = format!("/v1/Services/{SERVICE}");
    let elsewhere = "UseInboundWebhookOnNumber=false&InboundRequestUrl=https%3A%2F%2Fold.example.mx";
    twilio(gateway.twilio_url(), "POST", &service, elsewhere);
    assert_ne!(gateway.text("+529981122334", "Hola")["webhook"]["status"], 200, "the service's webhook goes first");
    let found = doctor(&gateway, &["--fix", "--yes"], &[]);
    shows(&found, "channels.sms.webhook", "failed", SERVICE, "Defer to sender");
    let set = twilio(gateway.twilio_url(), "GET", &service, "");
    assert_eq!(set["inbound_request_url"], "https://old.example.mx", "it may be somebody else's");

    let shared = format!("{}/webhooks/twilio/inbound{RULES}", gateway.url());
    let both = [("InboundRequestUrl", shared.as_str()), ("FallbackUrl", &shared)];
    let form = form_urlencoded::Serializer::new(String::new()).extend_pairs(both).finish();
    twilio(gateway.twilio_url(), "POST", &service, &form);
    let well = doctor(&gateway, &[], &[]);
    shows(&well, "channels.sms.webhook", "ok", "/webhooks/twilio/inbound", "");
    assert_eq!(gateway.text("+529981122334", "Hola")["webhook"]["status"], 200);
}

#[test]
fn a_wrong_clock_and_a_provider_that_is_away_are_told() {
    let old: &[(&str, &str)] = &[("date", "Mon, 01 Jan 2024 00:00:00 GMT")];
    let provider = ScriptedProvider::start([Step::Answer(503, old, "{}"), Step::Cut]);
    let gateway = TestGateway::builder().provider(&provider).no_plugins().start();
    let ran = doctor(&gateway, &[], &[]);
    shows(&ran, "clock", "failed", "ahead", "NTP");
    shows(&ran, "channels.sms.credentials", "failed", "503", "");
    shows(&ran, "channels.sms.provider", "failed", "no answer", "base_url");
}

#[test]
fn without_a_public_url_nothing_is_compared() {
    let gateway = TestGateway::builder().no_plugins().start();
    let common = ["--config", "test.toml", "--json", "doctor"];
    let ran = run(gateway.folder(), &common, &[]);
    shows(&ran, "public_url", "warning", "not set", "https://");
    shows(&ran, "channels.sms.webhook", "skipped", "public_url", "");
    assert_eq!(ran.code, Some(0), "{ran:?}");
}
