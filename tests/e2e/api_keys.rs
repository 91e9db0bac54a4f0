//! API keys: what each may be used for, until when and how often; who changed what by hand.

use http::Method;
use recado_tests::{Answer, TestGateway, run, wait_for};
use serde_json::{Value, json};

/// A key as `recado key create` makes it, as a header.
fn create(gateway: &TestGateway, flags: &[&str]) -> (String, String) {
    let arguments = [&["--config", "test.toml", "--json", "key", "create", "--name", "test"], flags].concat();
    let made = run(gateway.folder(), &arguments, &[]).good().json();
    let text = |field: &str| made[field].as_str().unwrap().to_owned();
    (text("id"), format!("Bearer {}", text("key")))
}

fn keys(gateway: &TestGateway) -> Vec<Value> {
    let listed = run(gateway.folder(), &["--config", "test.toml", "--json", "key", "list"], &[]).good().json();
    listed.as_array().unwrap().clone()
}

fn with(gateway: &TestGateway, key: &str, method: Method, path: &str) -> Answer {
    gateway.request(method, path, &[("authorization", key), ("content-type", "application/json")], "{}")
}

#[test]
fn a_key_is_good_for_its_scopes_alone() {
    let gateway = TestGateway::builder().no_plugins().start();
    let (id, key) = create(&gateway, &["--scope", "messages:read,channels:write"]);
    with(&gateway, &key, Method::GET, "/v1/messages").expect(200);
    with(&gateway, &key, Method::POST, "/v1/channels/sms/pause").expect(200);
    with(&gateway, &key, Method::POST, "/v1/channels/sms/resume").expect(200);
    let refused = with(&gateway, &key, Method::POST, "/v1/messages").expect(403);
    assert_eq!(refused["type"], "urn:recado:problem:not-allowed");
    assert!(refused["detail"].as_str().unwrap().contains("`messages:write`"), "{refused}");
    for path in ["/v1/channels", "/v1/plugins", "/v1/endpoints", "/v1/conversations", "/metrics"] {
        with(&gateway, &key, Method::GET, path).expect(403);
    }
    // By the front door it is the same key.
    let (user, password) = (format!("AC{}", id.replace('-', "")), key.replace("Bearer ", ""));
    let path = format!("/2010-04-01/Accounts/{user}/Messages.json");
    assert_eq!(gateway.door_as(&user, &password, Method::GET, &path, &[]).status(), 200);
    let form = [("To", "+529981234567"), ("From", "+529983162438"), ("Body", "hola")];
    let refused = gateway.door_as(&user, &password, Method::POST, &path, &form).expect(403);
    assert_eq!(refused["code"], 20403);
    assert_eq!(gateway.messages(), Vec::<Value>::new());

    let wrong = ["--config", "test.toml", "key", "create", "--name", "x", "--scope", "messages"];
    let wrong = run(gateway.folder(), &wrong, &[]);
    assert!(wrong.stderr.contains("`messages` is no scope; there are: messages:read, messages:write"), "{wrong:?}");
}

#[test]
fn a_key_ends_when_it_was_said_to() {
    let gateway = TestGateway::builder().no_plugins().start();
    let (id, key) = create(&gateway, &["--expires-in", "2s"]);
    let ended = wait_for("the key to end", || {
        let answer = with(&gateway, &key, Method::GET, "/v1/messages");
        (answer.status() != 200).then_some(answer)
    });
    let problem = ended.expect(401);
    assert_eq!(problem["type"], "urn:recado:problem:expired-key");
    let listed = keys(&gateway).into_iter().find(|key| key["id"] == id.as_str()).unwrap();
    assert!(problem["detail"].as_str().unwrap().contains(listed["expires_at"].as_str().unwrap()), "{problem}");
    let over =
        run(gateway.folder(), &["--config", "test.toml", "key", "create", "--name", "x", "--expires-in", "0s"], &[]);
    assert!(over.stderr.contains("--expires-in must be a time that is still to come"), "{over:?}");
}

#[test]
fn a_key_makes_no_more_requests_than_it_may() {
    let gateway = TestGateway::builder().no_plugins().start();
    let (_, key) = create(&gateway, &["--per-second", "3"]);
    let answers: Vec<Answer> = (0..40).map(|_| with(&gateway, &key, Method::GET, "/v1/channels")).collect();
    let refused: Vec<&Answer> = answers.iter().filter(|answer| answer.status() == 429).collect();
    assert!(answers[0].status() == 200 && !refused.is_empty(), "40 requests took less than ten seconds");
    assert_eq!(refused[0].header("retry-after"), Some("1"));
    assert_eq!(refused[0].json()["type"], "urn:recado:problem:too-many-requests");
    // Others are not held up by it.
    gateway.get("/v1/channels").expect(200);
}

#[test]
fn what_was_done_by_hand_is_on_record_with_who_did_it() {
    let gateway = TestGateway::builder().no_plugins().start();
    let (id, key) = create(&gateway, &[]);
    with(&gateway, &key, Method::POST, "/v1/channels/sms/pause").expect(200);
    with(&gateway, &key, Method::POST, "/v1/channels/sms/pause").expect(200);
    with(&gateway, &key, Method::POST, "/v1/channels/sms/resume").expect(200);
    with(&gateway, &key, Method::POST, "/v1/plugins/reload").expect(422);
    gateway.request(Method::POST, "/v1/plugins/reload", &[("authorization", key.as_str())], "").expect(200);
    run(gateway.folder(), &["--config", "test.toml", "key", "revoke", &id], &[("USER", "ana")]).good();
    let audit = run(gateway.folder(), &["--config", "test.toml", "--json", "audit", "--last", "5"], &[]).good().json();
    let entries: Vec<Value> = audit
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| json!([entry["actor"], entry["actor_id"], entry["action"], entry["subject"]]))
        .collect();
    let expected = [
        json!(["command", "ana", "key.revoked", id]),
        json!(["key", id, "plugins.reloaded", "plugins"]),
        json!(["key", id, "channel.resumed", "sms"]),
        json!(["key", id, "channel.paused", "sms"]),
        json!(["command", audit[4]["actor_id"], "key.created", id]),
    ];
    assert_eq!(entries, expected, "the same again changed nothing");
    // To the minute, and nobody waited for that.
    let used = wait_for("the use to be noted", || {
        keys(&gateway).into_iter().find(|key| key["id"] == id.as_str() && !key["last_used_at"].is_null())
    });
    assert!(!used["revoked_at"].is_null());
    let words = run(gateway.folder(), &["--config", "test.toml", "audit"], &[]).good();
    assert!(words.stdout.contains(&format!("key {id}  channel.paused  sms")), "{words:?}");
}
