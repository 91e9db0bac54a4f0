//! Applications are told what plugins forward to them: signed, in order, again, and once it is known.

use std::collections::BTreeMap;
use std::net::ToSocketAddrs;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use recado::clock::{Clock, SystemClock};
use recado_tests::{Builder, Plugin, Received, ScriptedProvider, Step, TestGateway, form, run, wait_for};
use serde_json::{Value, json};
use sha2::Sha256;

use super::message_sid;
use super::plugin_crashes::insist;

const ANA: &str = "+529981122331";
const LUIS: &str = "+529981122332";
/// The base64 of these bytes is the secret.
const KEY: &[u8] = b"thirty-two bytes, all of them so";

fn builder(application: &ScriptedProvider, more: &str) -> Builder {
    let secret = STANDARD.encode(KEY);
    let settings = format!(
        "[endpoints.crm]\nurl = \"{}/hook?tenant=7\"\nsecret = \"whsec_{secret}\"\nprivate_addresses = true\n{more}",
        application.url()
    );
    TestGateway::builder().plugin(Plugin::obedient()).config_toml(&settings)
}

/// A text that comes in; the id of its message.
fn says(gateway: &TestGateway, from: &str, text: &str) -> String {
    let sid = message_sid();
    gateway.signed_webhook("sms/inbound", &form(&sid, from, text));
    let messages = gateway.messages();
    let message = messages.iter().find(|message| message["provider_id"] == sid.as_str()).unwrap();
    message["id"].as_str().unwrap().to_owned()
}

fn trace(gateway: &TestGateway, message: &str) -> Value {
    gateway.get(&format!("/v1/messages/{message}/trace")).expect(200)
}

/// The one forward of a message, once it waits for another try after so many.
fn wait_for_failure(gateway: &TestGateway, message: &str, tries: u32) -> Value {
    wait_for("another failure", || {
        let forward = trace(gateway, message)["events"][0].clone();
        (forward["state"] == "waiting" && forward["tries"] == tries).then_some(forward)
    })
}

/// What became of the one forward of a message, once it is this.
fn wait_for_forward(gateway: &TestGateway, message: &str, state: &str) -> Value {
    wait_for(&format!("the forward to be {state}"), || {
        let forward = trace(gateway, message)["events"][0].clone();
        (forward["state"] == state).then_some(forward)
    })
}

fn endpoint(gateway: &TestGateway) -> Value {
    gateway.get("/v1/endpoints").expect(200)["items"][0].clone()
}

fn replay(gateway: &TestGateway, event: &Value) -> Value {
    let path = format!("/v1/endpoints/crm/events/{}/replay", event["id"].as_str().unwrap());
    gateway.post(&path, &Value::Null).expect(202)
}

/// What an application checks, worked out here anew; and what it is told.
fn opened(told: &Received) -> Value {
    assert_eq!((told.method.as_str(), told.path.as_str()), ("POST", "/hook?tenant=7"));
    assert_eq!(told.header("content-type"), "application/json");
    let (id, timestamp) = (told.header("webhook-id"), told.header("webhook-timestamp"));
    let age = SystemClock.now().as_second() - timestamp.parse::<i64>().unwrap();
    assert!((0..300).contains(&age), "sent {age} seconds ago");
    let mut hash = Hmac::<Sha256>::new_from_slice(KEY).unwrap();
    for piece in [id, ".", timestamp, ".", &told.body] {
        hash.update(piece.as_bytes());
    }
    let expected = format!("v1,{}", STANDARD.encode(hash.finalize().into_bytes()));
    assert_eq!(told.header("webhook-signature"), expected);
    serde_json::from_str(&told.body).unwrap()
}

/// When it was told, in seconds.
fn told_at(told: &Received) -> i64 {
    told.header("webhook-timestamp").parse().unwrap()
}

fn texts(told: &[Received]) -> Vec<String> {
    told.iter().map(|told| opened(told)["data"]["message"]["text"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn what_the_router_forwards_arrives_signed_and_whole() {
    let application = ScriptedProvider::start([]);
    let routes = json!([{
        "when": { "keywords": ["factura"] },
        "then": { "tag": ["facturas"], "forward": ["crm"] },
    }]);
    let plugin = Plugin::builtin("router").config(&json!({ "inbound": { "routes": routes } }));
    let gateway = builder(&application, "").no_plugins().plugin(plugin).start();
    says(&gateway, ANA, "hola");
    let message = says(&gateway, ANA, "¿Me mandan la factura?");
    let forward = wait_for_forward(&gateway, &message, "delivered");
    assert_eq!((&forward["endpoint"], &forward["type"]), (&json!("crm"), &json!("message.forwarded")));
    assert_eq!((&forward["tries"], &forward["answer"], &forward["problem"]), (&json!(1), &json!(201), &Value::Null));

    let [told] = application.received().try_into().unwrap();
    assert_eq!(told.header("webhook-id"), forward["id"].as_str().unwrap());
    let event = opened(&told);
    assert_eq!((&event["type"], &event["data"]["plugin"]), (&json!("message.forwarded"), &json!("router")));
    assert_eq!(event["data"]["payload"], Value::Null);
    assert_eq!(event["data"]["message"], gateway.message(&message), "as the API shows it");
    assert_eq!(event["data"]["conversation"], gateway.conversations()[0]);
    assert_eq!(event["data"]["conversation"]["tags"], json!(["facturas"]));

    let endpoint = endpoint(&gateway);
    assert_eq!(
        (&endpoint["name"], &endpoint["state"], &endpoint["waiting"]),
        (&json!("crm"), &json!("active"), &json!(0))
    );
    assert_eq!(endpoint["url"], json!(format!("{}/hook", application.url())), "without what may be a secret");
    assert!(endpoint["last_success_at"].is_string() && endpoint["last_failure"].is_null(), "{endpoint}");
    assert_eq!(gateway.all("/v1/endpoints/crm/events"), std::slice::from_ref(&forward));
    assert_eq!(gateway.get("/v1/endpoints/erp/events").status(), 404);

    // Told again by hand: the same to the byte, under the same id.
    replay(&gateway, &forward);
    let [_, again] = application.wait_for(2).try_into().unwrap();
    assert_eq!((again.header("webhook-id"), &again.body), (told.header("webhook-id"), &told.body));
    opened(&again);
    let unknown = "/v1/endpoints/crm/events/0190a5b1-7e6f-7abc-8def-0123456789ab/replay";
    assert_eq!(gateway.post(unknown, &Value::Null).status(), 404);
}

#[test]
fn an_application_that_fails_is_told_again_before_it_is_told_more() {
    let application = ScriptedProvider::start([Step::Answer(500, &[], ""), Step::Cut]);
    let gateway = builder(&application, "").start();
    let first = says(&gateway, ANA, "forward crm; say uno");
    let failed = wait_for_failure(&gateway, &first, 1);
    assert_eq!((&failed["answer"], &failed["problem"]), (&json!(500), &json!("answered 500")));
    let second = says(&gateway, ANA, "forward crm; say dos");
    // At once: without waiting for its time, and with a connection that breaks off.
    replay(&gateway, &failed);
    application.wait_for(2);
    let failed = wait_for_failure(&gateway, &first, 1);
    assert!(failed["problem"].as_str().unwrap().contains("broke off") && failed["answer"].is_null(), "{failed}");
    assert!(failed["due_at"].is_string());
    // Somebody else is told meanwhile.
    says(&gateway, LUIS, "forward crm; say tres");
    let told = application.wait_for(3);
    assert_eq!(texts(&told), ["forward crm; say uno", "forward crm; say uno", "forward crm; say tres"]);
    // By itself, five seconds after the failure.
    let told = application.wait_for(5);
    assert_eq!(texts(&told[3..]), ["forward crm; say uno", "forward crm; say dos"]);
    let ids: Vec<&str> = told.iter().map(|told| told.header("webhook-id")).collect();
    assert!(ids[0] == ids[1] && ids[1] == ids[3] && ids[3] != ids[4], "{ids:?}");
    for message in [&first, &second] {
        wait_for_forward(&gateway, message, "delivered");
    }
    let endpoint = endpoint(&gateway);
    assert!(endpoint["last_failure"].as_str().unwrap().contains("broke off"), "{endpoint}");
}

#[test]
fn an_application_that_is_away_is_tried_with_one_at_a_time() {
    let application = ScriptedProvider::start(std::iter::repeat_n(Step::Answer(503, &[], ""), 9));
    let gateway = builder(&application, "retry_s = [3600]\n").start();
    for number in 0..8 {
        let message = says(&gateway, &format!("+52998112240{number}"), "forward crm; say uno");
        wait_for_failure(&gateway, &message, 1);
    }
    let [failed, told] = [ANA, LUIS].map(|from| says(&gateway, from, "forward crm; say dos"));
    wait_for_failure(&gateway, &failed, 1);
    wait_for_forward(&gateway, &told, "delivered");
    let told: Vec<i64> = application.wait_for(10).iter().map(told_at).collect();
    assert!(told[7] < told[8] && told[8] < told[9], "a pause before each: {told:?}");
    // It answers, so all is as it was.
    let message = says(&gateway, ANA, "forward crm; say tres");
    assert_eq!(trace(&gateway, &message)["events"][0]["state"], "waiting", "behind the one that failed");
    let message = says(&gateway, LUIS, "forward crm; say tres");
    wait_for_forward(&gateway, &message, "delivered");
}

#[test]
fn an_application_that_can_not_take_some_events_is_told_the_others_at_once() {
    let application = ScriptedProvider::start(std::iter::repeat_n(Step::Answer(500, &[], ""), 12));
    let gateway = builder(&application, "retry_s = [3600]\n").start();
    for number in 0..12 {
        let message = says(&gateway, &format!("+5299811225{number:02}"), "forward crm; say uno");
        wait_for_failure(&gateway, &message, 1);
    }
    let message = says(&gateway, ANA, "forward crm; say dos");
    wait_for_forward(&gateway, &message, "delivered");
    let told: Vec<i64> = application.wait_for(13).iter().map(told_at).collect();
    assert!(told[12] - told[11] <= 1, "without a pause: {told:?}");
}

#[test]
fn redirects_are_not_followed() {
    // Neither to where the endpoint is, nor to this machine's own network.
    let away: &[(&str, &str)] = &[("location", "http://169.254.169.254/latest/meta-data/")];
    let application =
        ScriptedProvider::start([Step::Answer(307, &[("location", "/elsewhere")], ""), Step::Answer(308, away, "")]);
    let gateway = builder(&application, "").start();
    let message = says(&gateway, ANA, "forward crm");
    let waiting = wait_for_failure(&gateway, &message, 1);
    assert_eq!((&waiting["answer"], application.received().len()), (&json!(307), 1));
    replay(&gateway, &waiting);
    let refused = wait_for("the other answer", || {
        let forward = trace(&gateway, &message)["events"][0].clone();
        (forward["answer"] == 308).then_some(forward)
    });
    replay(&gateway, &refused);
    let paths: Vec<String> = application.wait_for(3).into_iter().map(|told| told.path).collect();
    assert_eq!(paths, ["/hook?tenant=7"; 3]);
}

/// A name may stand for any address, and for another one tomorrow: it is judged when it is called.
#[test]
fn a_name_that_stands_for_this_machine_is_not_called() {
    let gateway = TestGateway::builder().no_plugins().plugin(Plugin::obedient()).config_toml(&format!(
        "[endpoints.crm]\nurl = \"https://ip6-localhost:1/\"\nsecret = \"whsec_{}\"",
        STANDARD.encode(KEY)
    ));
    let gateway = gateway.start();
    let message = says(&gateway, ANA, "forward crm");
    let failed = wait_for_failure(&gateway, &message, 1);
    let problem = failed["problem"].as_str().unwrap();
    // Where the machine does not know this name, there is nothing to be called either.
    assert!(problem.starts_with("not sent: could not connect"), "{problem}");
    if ("ip6-localhost", 1).to_socket_addrs().is_ok() {
        assert!(problem.ends_with("the address is not a public one"), "{problem}");
    }
}

#[test]
fn an_application_that_is_gone_is_told_nothing_until_it_is_enabled() {
    let application = ScriptedProvider::start([Step::Answer(410, &[], "")]);
    let mut gateway = builder(&application, "").start();
    let first = says(&gateway, ANA, "forward crm");
    wait_for("the notice", || (endpoint(&gateway)["state"] == "gone").then_some(()));
    let notice =
        "an endpoint says that it is gone: what it is to be told waits until it has another `url` or is enabled";
    wait_for("a line in the log", || gateway.log().lines().iter().any(|line| line["message"] == notice).then_some(()));
    let second = says(&gateway, LUIS, "forward crm");
    gateway.restart();
    let shown = endpoint(&gateway);
    assert_eq!((&shown["state"], &shown["waiting"]), (&json!("gone"), &json!(2)), "{shown}");
    assert_eq!(shown["last_failure"], "answered 410");
    assert_eq!(application.received().len(), 1);
    gateway.post("/v1/endpoints/crm/enable", &Value::Null).expect(200);
    for message in [&first, &second] {
        wait_for_forward(&gateway, message, "delivered");
    }
    assert_eq!((application.received().len(), endpoint(&gateway)["state"].clone()), (3, json!("active")));
}

#[test]
fn what_a_crash_cuts_off_is_told_once_more_under_the_same_id() {
    let application = ScriptedProvider::start([Step::Hold]);
    let mut gateway = builder(&application, "").start();
    let message = says(&gateway, ANA, "forward crm");
    application.wait_for(1);
    gateway.kill();
    application.release();
    gateway.restart();
    let forward = wait_for_forward(&gateway, &message, "delivered");
    let told = application.received();
    assert_eq!((told.len(), &forward["tries"]), (2, &json!(2)));
    for told in &told {
        opened(told);
        assert_eq!(told.header("webhook-id"), forward["id"].as_str().unwrap());
    }
    // What was told is not told by the next start.
    gateway.restart();
    says(&gateway, ANA, "forward crm");
    assert_eq!(texts(&application.wait_for(3)).len(), 3);
}

/// Three people write while the gateway is killed again and again.
#[test]
fn each_is_told_and_in_order_however_often_the_gateway_is_killed() {
    const PEOPLE: usize = 3;
    const EACH: usize = 12;
    let application = ScriptedProvider::start([]);
    let mut gateway = builder(&application, "").start();
    let url = gateway.webhook_url("sms/inbound");
    std::thread::scope(|scope| {
        for person in 0..PEOPLE {
            let url = &url;
            scope.spawn(move || {
                for number in 0..EACH {
                    let text = format!("forward crm; tag {number}");
                    insist(url, &format!("+52998112234{person}"), &message_sid(), &text);
                }
            });
        }
        for crash in 1..=3 {
            wait_for("some progress", || (application.received().len() >= crash * 8).then_some(()));
            gateway.kill();
            gateway.restart();
        }
    });
    let mut first = BTreeMap::new();
    wait_for("all of them", || {
        for (position, told) in application.received().iter().enumerate() {
            first.entry(told.header("webhook-id").to_owned()).or_insert(position);
        }
        (first.len() == PEOPLE * EACH).then_some(())
    });
    let told = application.received();
    let mut positions: Vec<usize> = first.into_values().collect();
    positions.sort_unstable();
    let mut of_person: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for position in positions {
        let event = opened(&told[position]);
        let message = &event["data"]["message"];
        let [from, text] = ["from", "text"].map(|name| message[name].as_str().unwrap().to_owned());
        of_person.entry(from).or_default().push(text);
    }
    let expected: Vec<String> = (0..EACH).map(|number| format!("forward crm; tag {number}")).collect();
    assert_eq!(of_person.len(), PEOPLE);
    for (person, texts) in of_person {
        assert_eq!(texts, expected, "{person}");
    }
}

#[test]
fn a_forward_to_nobody_is_explained_and_one_to_a_disabled_endpoint_waits() {
    let application = ScriptedProvider::start([]);
    let mut gateway = builder(&application, "disabled = true").start();
    let message = says(&gateway, ANA, "forward crm; forward erp");
    let explained = trace(&gateway, &message);
    let reason = "a forward to `erp` was left out: there is no endpoint of this name; there are: crm";
    assert_eq!(explained["plugins"][0]["decision"]["left_out"], json!([reason]));
    assert_eq!(explained["events"].as_array().unwrap().len(), 1);
    let shown = endpoint(&gateway);
    assert_eq!((&shown["state"], &shown["waiting"]), (&json!("disabled"), &json!(1)));
    gateway.set_config("[endpoints.crm]\ndisabled = false");
    assert_eq!(application.received().len(), 0);
    gateway.restart();
    wait_for_forward(&gateway, &message, "delivered");
    assert_eq!(application.received().len(), 1);
}

#[test]
fn what_is_wrong_with_an_endpoint_is_said_before_the_start() {
    let gateway = TestGateway::builder().no_plugins().start();
    let good = format!("whsec_{}", STANDARD.encode(KEY));
    let check = |url: &str, secret: &str, variables: &[(&str, &str)]| {
        let settings = std::fs::read_to_string(gateway.folder().join("test.toml")).unwrap();
        let settings = format!("{settings}\n[endpoints.crm]\nurl = \"{url}\"\nsecret = \"{secret}\"\n");
        std::fs::write(gateway.folder().join("crm.toml"), settings).unwrap();
        run(gateway.folder(), &["--config", "crm.toml", "config", "check"], variables)
    };
    check("https://crm.example.com/", &good, &[]).good();
    check("https://crm.example.com/", "env:CRM_SECRET", &[("CRM_SECRET", &good)]).good();
    for (url, secret, key, problem) in [
        ("https://127.0.0.1/", good.as_str(), "endpoints.crm.url", "private_addresses"),
        ("http://crm.example.com/", &good, "endpoints.crm.url", "https://"),
        ("https://crm.example.com/", "hush", "endpoints.crm.secret", "openssl rand"),
        ("https://crm.example.com/", "env:CRM_SECRET", "endpoints.crm.secret", "CRM_SECRET"),
    ] {
        let ran = check(url, secret, &[]);
        let said = ran.stderr;
        assert_eq!(ran.code, Some(2), "{said}");
        assert!(said.contains(key) && said.contains(problem), "{said}");
        assert!(!said.contains("hush"), "{said}");
    }
    check("https://crm.example.com/", &good, &[]).good();
    let shown = run(gateway.folder(), &["--config", "crm.toml", "config", "show"], &[]).good().stdout;
    assert!(shown.contains("endpoints.crm.secret = \"(secret)\"") && !shown.contains("whsec_"), "{shown}");
}
