//! Looking numbers up: what costs nothing, what is asked, what is remembered.

use recado_tests::{ScriptedProvider, Step, TestGateway, run};
use serde_json::{Value, json};

const JSON: &[(&str, &str)] = &[("content-type", "application/json")];
const MOBILE: &str = r#"{"calling_country_code":"52","country_code":"MX","phone_number":"+529981122334","valid":true,
    "national_format":"998 112 2334","validation_errors":[],"line_type_intelligence":{"type":"mobile","error_code":null,
    "mobile_country_code":"334","mobile_network_code":"020","carrier_name":"Telcel"}}"#;
const PARTIAL: &str = r#"{"country_code":"MX","phone_number":"+529981122335","valid":true,"validation_errors":null,
    "line_type_intelligence":{"type":null,"error_code":60608}}"#;

#[test]
fn the_local_twilio_tells_the_kind_of_line() {
    let gateway = TestGateway::builder().no_plugins().start();
    let report = gateway.get("/v1/lookup/998%20112%202334").expect(200);
    let expected = json!({
        "number": "+529981122334", "valid": true, "country": "MX", "line_type": "mobile", "mobile": true,
        "carrier": "Radiomovil Dipsa (Telcel)", "mobile_country_code": "334", "mobile_network_code": "020",
        "cached": false, "source": "provider", "error": null,
    });
    for (key, value) in expected.as_object().unwrap() {
        assert_eq!(&report[key], value, "{key}: {report}");
    }
    assert!(report["looked_up_at"].is_string() && report["kind"].is_string(), "{report}");
    let landline = gateway.get("/v1/lookup/+529981130006").expect(200);
    assert_eq!((&landline["line_type"], &landline["mobile"]), (&json!("landline"), &json!(false)), "{landline}");
    let unknown = gateway.get("/v1/lookup/%2B529981130005").expect(200);
    assert_eq!((&unknown["line_type"], &unknown["mobile"]), (&json!("unknown"), &Value::Null), "{unknown}");
    let foreign = gateway.get("/v1/lookup/415%20555%200100?region=us&channel=sms").expect(200);
    assert_eq!((&foreign["number"], &foreign["country"]), (&json!("+14155550100"), &json!("US")), "{foreign}");
}

#[test]
fn an_error_that_comes_with_the_line_is_explained_in_the_callers_language() {
    let gateway = TestGateway::builder().no_plugins().start();
    let bearer = format!("Bearer {}", gateway.key());
    for (language, title) in [("es", "No hay datos de ese número"), ("en", "There are no data for that number")] {
        let headers = [("authorization", bearer.as_str()), ("accept-language", language)];
        let report = gateway.request(http::Method::GET, "/v1/lookup/+529981160600", &headers, "").expect(200);
        assert_eq!((&report["error"]["code"], &report["error"]["title"]), (&json!(60600), &json!(title)), "{report}");
        assert!(report["error"]["remedy"].is_string() && report["mobile"].is_null(), "{report}");
    }
}

#[test]
fn a_number_that_can_not_be_one_is_never_asked_about() {
    let provider = ScriptedProvider::start([]);
    let gateway = TestGateway::builder().provider(&provider).no_plugins().start();
    let cases = [
        ("hola", "number", "not-a-number"),
        ("998%20112", "number", "too-short"),
        ("998%20112%202334?region=Mexico", "region", "unknown-region"),
        ("998%20112%202334?channel=fax", "channel", "unknown-channel"),
    ];
    for (tail, pointer, code) in cases {
        let problem = gateway.get(&format!("/v1/lookup/{tail}")).expect(422);
        let error = &problem["errors"][0];
        assert_eq!((&error["pointer"], &error["code"]), (&json!(pointer), &json!(code)), "{tail}: {problem}");
    }
    let spanish = gateway.get("/v1/lookup/998%20112").expect(422);
    assert!(spanish["detail"].as_str().unwrap().contains("faltan dígitos"), "{spanish}");
    let bare = gateway.request(http::Method::GET, "/v1/lookup/998%20112%202334", &[], "");
    assert_eq!(bare.status(), 401);
    assert_eq!(provider.received().len(), 0);
}

#[test]
fn the_same_number_is_paid_for_once() {
    let steps = [Step::Answer(200, JSON, MOBILE), Step::Answer(200, JSON, MOBILE)];
    let provider = ScriptedProvider::start(steps);
    let mut gateway = TestGateway::builder().provider(&provider).no_plugins().start();
    let first = gateway.get("/v1/lookup/+529981122334").expect(200);
    assert_eq!((&first["cached"], &first["carrier"]), (&json!(false), &json!("Telcel")), "{first}");
    let received = provider.received();
    assert_eq!(received[0].path, "/v2/PhoneNumbers/%2B529981122334?Fields=line_type_intelligence");

    gateway.restart();
    let again = gateway.get("/v1/lookup/9981122334").expect(200);
    assert_eq!((&again["cached"], &again["looked_up_at"]), (&json!(true), &first["looked_up_at"]), "{again}");
    assert_eq!((&again["carrier"], &again["mobile"]), (&first["carrier"], &first["mobile"]));
    assert_eq!(provider.received().len(), 1);
    let fresh = gateway.get("/v1/lookup/9981122334?fresh=true").expect(200);
    assert_eq!((&fresh["cached"], provider.received().len()), (&json!(false), 2), "{fresh}");
}

#[test]
fn nothing_is_remembered_where_that_is_not_wanted_and_no_refusal_ever() {
    let refused = Step::Answer(401, JSON, r#"{"code":20003,"message":"Authenticate"}"#);
    let busy = Step::Answer(429, &[("retry-after", "17")], r#"{"code":20429,"message":"Too Many Requests"}"#);
    let steps = [refused, busy, Step::Cut, Step::Answer(200, JSON, PARTIAL), Step::Answer(200, JSON, PARTIAL)];
    let provider = ScriptedProvider::start(steps);
    let gateway = TestGateway::builder()
        .provider(&provider)
        .no_plugins()
        .allow_errors()
        .config_toml("[lookup]\ncache_days = 0")
        .start();
    let get = || gateway.get("/v1/lookup/+529981122335");
    let refusal = get().expect(502);
    assert_eq!(refusal["error"]["code"], 20003, "{refusal}");
    assert!(refusal["error"]["remedy"].as_str().unwrap().contains("auth_token"), "{refusal}");
    let away = get();
    assert_eq!((away.expect(503)["error"]["code"].clone(), away.header("retry-after")), (json!(20429), Some("17")));
    let silent = get();
    assert!(silent.expect(503)["detail"].is_string() && silent.header("retry-after").is_some());
    for _ in 0..2 {
        let partial = get().expect(200);
        assert_eq!((&partial["cached"], &partial["error"]["code"]), (&json!(false), &json!(60608)), "{partial}");
    }
    assert_eq!(provider.received().len(), 5);
}

#[test]
fn the_command_tells_people_and_programs() {
    let gateway = TestGateway::builder().no_plugins().start();
    let url = gateway.url();
    let call = |arguments: &[&str]| {
        let common = ["lookup", "--gateway", &url, "--key", gateway.key()];
        run(gateway.folder(), &[&common, arguments].concat(), &[])
    };
    let people = call(&["998 112 2334"]).good().stdout;
    for word in ["+529981122334", "mobile", "Telcel", "334 020"] {
        assert!(people.contains(word), "{word}: {people}");
    }
    let again = call(&["998 112 2334"]).good().stdout;
    assert!(again.contains("known from before"), "{again}");
    assert!(!call(&["998 112 2334", "--fresh"]).good().stdout.contains("known from before"));
    let report = call(&["--json", "--region", "US", "415 555 0100"]).good().json();
    assert_eq!((&report["number"], &report["mobile"]), (&json!("+14155550100"), &json!(true)), "{report}");
    let partial = call(&["+529981160606"]).good().stdout;
    assert!(partial.contains("60606") && partial.contains("consola"), "{partial}");
    let wrong = call(&["998 112"]);
    assert_eq!(wrong.code, Some(1));
    assert!(wrong.stderr.contains("422") && wrong.stderr.contains("Escríbelo"), "{wrong:?}");
}

/// The cache on the other database.
#[test]
fn postgres_remembers_as_well() {
    let Some(builder) = TestGateway::builder().no_plugins().postgres() else { return };
    let gateway = builder.start();
    for cached in [false, true] {
        assert_eq!(gateway.get("/v1/lookup/+529981122334").expect(200)["cached"], cached);
    }
}
