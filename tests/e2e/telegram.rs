//! A channel that is a component: Telegram, with somebody who answers as Telegram does.

use http::Method;
use recado_tests::{Answer, Behaviour, Plugin, Received, ScriptedProvider, Step, TestGateway, folder, run};
use serde_json::{Value, json};

const TOKEN: &str = "110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw";
const SECRET: &str = "e2e_Secret-1";
const SENT: Step = Step::Answer(200, &[], r#"{"ok":true,"result":{"message_id":900,"chat":{"id":42},"date":1}}"#);
const BUSY: Step = Step::Answer(
    429,
    &[],
    r#"{"ok":false,"error_code":429,"description":"Too Many Requests: retry after 1","parameters":{"retry_after":1}}"#,
);
const BLOCKED: Step =
    Step::Answer(403, &[], r#"{"ok":false,"error_code":403,"description":"Forbidden: bot was blocked by the user"}"#);

/// What is read as a picture, and is text all the same.
const PICTURE: &str = "GIF89a\u{1}\0\u{1}\0;";

fn gateway(telegram: &ScriptedProvider, more: &str, plugin: Option<Plugin>) -> TestGateway {
    let url = telegram.url();
    let settings = format!(
        "[channels.telegram]\nkind = 'component'\ncomponent = 'builtin:telegram'\n\
         config = {{ base_url = '{url}', username = 'recado_bot' }}\n\
         secrets = {{ token = '{TOKEN}', webhook_secret = '{SECRET}' }}\n{more}"
    );
    let builder = TestGateway::builder().provider(telegram).no_plugins().config_toml(&settings).allow_unsent();
    match plugin {
        Some(plugin) => builder.plugin(plugin).start(),
        None => builder.start(),
    }
}

fn update(gateway: &TestGateway, secret: &str, id: u32, text: &str) -> Answer {
    let message = json!({ "message_id": id, "chat": { "id": 42, "type": "private" }, "text": text, "date": 1 });
    let body = json!({ "update_id": 1000 + id, "message": message }).to_string();
    let headers = [("x-telegram-bot-api-secret-token", secret), ("content-type", "application/json")];
    gateway.request(Method::POST, "/webhooks/telegram/inbound", &headers, body)
}

fn send(gateway: &TestGateway, to: &str, text: &str) -> Answer {
    gateway.post("/v1/messages", &json!({ "channel": "telegram", "to": to, "text": text }))
}

fn said(received: &Received) -> Value {
    serde_json::from_str(&received.body).unwrap()
}

#[test]
fn a_text_is_answered_once_however_often_it_comes() {
    let telegram = ScriptedProvider::start([SENT, SENT]);
    let gateway = gateway(&telegram, "", Some(Plugin::that("greeter", Behaviour::Reply("Buenas"))));
    for _ in 0..2 {
        let answer = update(&gateway, SECRET, 1, "hola");
        assert_eq!((answer.status(), answer.text()), (200, String::new()));
    }
    telegram.wait_for(1);
    // A reply to the repeat would have gone before that to the next text of the same chat.
    update(&gateway, SECRET, 2, "otra");
    let received = telegram.wait_for(2);
    assert_eq!(received.len(), 2);
    for request in &received {
        assert_eq!(
            (request.method.as_str(), request.path.as_str()),
            ("POST", format!("/bot{TOKEN}/sendMessage").as_str())
        );
        assert_eq!(said(request), json!({ "chat_id": "42", "text": "Buenas" }));
    }
    let all = gateway.wait_for_messages("both replies sent", |all| {
        all.iter().filter(|message| message["status"] == "sent").count() == 2
    });
    let inbound: Vec<&Value> = all.iter().filter(|message| message["direction"] == "inbound").collect();
    assert_eq!(inbound.len(), 2);
    assert_eq!((&inbound[0]["from"], &inbound[0]["to"]), (&json!("telegram:42"), &json!("telegram:recado_bot")));
    assert!(!gateway.log().text().contains(TOKEN) && !gateway.log().text().contains(SECRET));
}

#[test]
fn who_does_not_know_the_secret_leaves_no_trace() {
    let telegram = ScriptedProvider::start([]);
    let gateway = gateway(&telegram, "", None);
    let bare = gateway.request(Method::POST, "/webhooks/telegram/inbound", &[], r#"{"update_id":1}"#);
    assert_eq!(bare.status(), 403);
    assert_eq!(update(&gateway, "e2e_Secret-2", 1, "hola").status(), 403);
    let headers = [("x-telegram-bot-api-secret-token", SECRET)];
    assert_eq!(gateway.request(Method::POST, "/webhooks/telegram/inbound", &headers, "{").status(), 400);
    assert_eq!(gateway.messages(), Vec::<Value>::new());
}

#[test]
fn too_many_requests_are_tried_again_and_a_number_is_no_chat() {
    let telegram = ScriptedProvider::start([BUSY, SENT, SENT]);
    let gateway = gateway(&telegram, "", None);
    let id = send(&gateway, "telegram:42", "uno").expect(202)["id"].as_str().unwrap().to_owned();
    let sent = gateway.wait_for_status(&id, "sent");
    assert_eq!((&sent["to"], &sent["parts"][0]["attempts"]), (&json!("telegram:42"), &json!(2)));
    let trace = gateway.get(&format!("/v1/messages/{id}/trace")).text();
    assert!(trace.contains("429") && !trace.contains(TOKEN), "{trace}");
    assert_eq!(telegram.received().len(), 2);
    let refused = send(&gateway, "+529981122334", "uno").expect(422);
    assert_eq!(refused["errors"][0]["code"], "not-of-this-channel");
    let id = send(&gateway, "telegram:42", "mi {{secret:token}}").expect(202)["id"].as_str().unwrap().to_owned();
    gateway.wait_for_status(&id, "sent");
    assert_eq!(said(&telegram.received()[2])["text"], "mi {{secret:token}}");
}

#[test]
fn who_blocked_the_bot_is_left_alone_until_the_person_comes_back() {
    let telegram = ScriptedProvider::start([BLOCKED, SENT, SENT]);
    let gateway = gateway(&telegram, "", None);
    let id = send(&gateway, "telegram:42", "uno").expect(202)["id"].as_str().unwrap().to_owned();
    let failed = gateway.wait_for_status(&id, "failed");
    assert_eq!(failed["error_code"], 403, "{failed}");
    assert_eq!(send(&gateway, "telegram:42", "dos").expect(422)["type"], "urn:recado:problem:opted-out");
    assert_eq!(update(&gateway, SECRET, 1, "/start").status(), 200);
    telegram.wait_for(2);
    let id = send(&gateway, "telegram:42", "tres").expect(202)["id"].as_str().unwrap().to_owned();
    gateway.wait_for_status(&id, "sent");
    let texts: Vec<Value> = telegram.received().iter().map(|request| said(request)["text"].clone()).collect();
    assert_eq!(texts, ["uno", "Listo: volverás a recibir mensajes. Para dejar de recibirlos, responde ALTO.", "tres"]);
}

#[test]
fn what_may_have_been_sent_is_not_sent_again() {
    let telegram = ScriptedProvider::start([Step::Hold, SENT]);
    let gateway = gateway(&telegram, "[delivery]\ntimeout_s = 1\n[reconcile]\nask_after_s = 1", None);
    let id = send(&gateway, "telegram:42", "uno").expect(202)["id"].as_str().unwrap().to_owned();
    gateway.wait_for_status(&id, "unknown");
    let other = send(&gateway, "telegram:43", "dos").expect(202)["id"].as_str().unwrap().to_owned();
    gateway.wait_for_status(&other, "sent");
    let texts: Vec<Value> = telegram.received().iter().map(|request| said(request)["text"].clone()).collect();
    assert_eq!(texts, ["uno", "dos"]);
    assert_eq!(gateway.message(&id)["status"], "unknown");
}

#[test]
fn a_picture_is_looked_up_and_kept() {
    let telegram = ScriptedProvider::start([
        Step::Answer(429, &[], r#"{"ok":false,"error_code":429,"description":"Too Many Requests"}"#),
        Step::Answer(200, &[], r#"{"ok":true,"result":{"file_id":"AgAD-l","file_path":"photos/file_7.gif"}}"#),
        Step::Answer(200, &[("content-type", "application/octet-stream")], PICTURE),
    ]);
    let gateway = gateway(&telegram, "[media]\nbackoff_s = 1\nbackoff_max_s = 1", None);
    let sizes = json!([{ "file_id": "AgAD-s" }, { "file_id": "AgAD-l" }]);
    let message =
        json!({ "message_id": 7, "chat": { "id": 42, "type": "private" }, "photo": sizes, "caption": "mira" });
    let body = json!({ "update_id": 9, "message": message }).to_string();
    let headers = [("x-telegram-bot-api-secret-token", SECRET), ("content-type", "application/json")];
    assert_eq!(gateway.request(Method::POST, "/webhooks/telegram/inbound", &headers, body).status(), 200);
    let all = gateway.wait_for_messages("the picture kept", |all| {
        all.first().is_some_and(|message| message["media"][0]["state"] == "stored")
    });
    assert_eq!((&all[0]["text"], &all[0]["media"][0]["content_type"]), (&json!("mira"), &json!("image/gif")));
    let received = telegram.received();
    let paths: Vec<(&str, &str)> =
        received.iter().map(|request| (request.method.as_str(), request.path.as_str())).collect();
    let lookup = format!("/bot{TOKEN}/getFile");
    let file = format!("/file/bot{TOKEN}/photos/file_7.gif");
    assert_eq!(paths, [("POST", lookup.as_str()), ("POST", lookup.as_str()), ("GET", file.as_str())]);
    assert_eq!(said(&received[0]), json!({ "file_id": "AgAD-l" }));
    let shown = gateway.get(&format!("/v1/messages/{}", all[0]["id"].as_str().unwrap())).text();
    assert!(!shown.contains(TOKEN) && !gateway.log().text().contains(TOKEN));
}

#[test]
fn a_picture_goes_out_by_its_address() {
    let telegram = ScriptedProvider::start([SENT]);
    let gateway = gateway(&telegram, "", None);
    let url = "https://files.example.com/menu.jpg";
    let request = json!({ "channel": "telegram", "to": "telegram:42", "text": "El menú", "media": [url] });
    let id = gateway.post("/v1/messages", &request).expect(202)["id"].as_str().unwrap().to_owned();
    gateway.wait_for_status(&id, "sent");
    let received = telegram.received();
    assert_eq!(received[0].path, format!("/bot{TOKEN}/sendPhoto"));
    assert_eq!(said(&received[0]), json!({ "chat_id": "42", "photo": url, "caption": "El menú" }));
}

#[test]
fn channels_are_checked_from_the_command_line() {
    let folder = folder();
    let examples = concat!(env!("CARGO_MANIFEST_DIR"), "/../plugins/telegram/examples.toml");
    let arguments = ["channel", "check", "builtin:telegram", "--json", "--examples"];
    let checked = |examples: &str| run(folder.path(), &[&arguments[..], &[examples]].concat(), &[]);
    let told = checked(examples).good().json();
    assert_eq!(told["conforms"], true);
    let verdicts = told["checks"].as_array().unwrap().iter().map(|check| &check["verdict"]);
    assert!(verdicts.clone().count() > 10 && verdicts.clone().all(|verdict| verdict == "passed"), "{told}");

    let other = folder.path().join("other.toml");
    let text = std::fs::read_to_string(examples).unwrap();
    std::fs::write(&other, text.replace("outcome = \"opted_out\"", "outcome = \"rejected\"")).unwrap();
    let failed = checked(other.to_str().unwrap());
    assert_eq!((failed.code, &failed.json()["conforms"]), (Some(1), &json!(false)));
    std::fs::write(&other, "webhooks = 1").unwrap();
    assert_eq!(checked(other.to_str().unwrap()).code, Some(2));
    let unknown = run(folder.path(), &["channel", "check", "nobody"], &[]);
    assert_eq!(unknown.code, Some(2));
}

#[test]
fn a_channel_that_can_not_be_loaded_is_named_with_its_key() {
    let folder = folder();
    let check = |text: &str| {
        std::fs::write(folder.path().join("test.toml"), text).unwrap();
        run(folder.path(), &["--config", "test.toml", "config", "check"], &[("BOT_TOKEN", TOKEN)])
    };
    // The usual channel has no account here, and is left out.
    let least = "[channels.tg]\nkind = 'component'\ncomponent = 'builtin:telegram'\n";
    let missing = check(&format!("{least}secrets = {{ token = 'env:BOT_TOKEN' }}"));
    assert_eq!(missing.code, Some(2), "{missing:?}");
    assert!(missing.stderr.contains("channels.tg.secrets.webhook_secret"), "{missing:?}");
    let unset = check(&format!("{least}secrets = {{ token = 'env:NO_SUCH_TOKEN', webhook_secret = 'a' }}"));
    assert!(unset.stderr.contains("channels.tg.secrets.token") && unset.stderr.contains("NO_SUCH_TOKEN"), "{unset:?}");
    let wrong =
        check(&format!("{least}secrets = {{ token = 'a:b', webhook_secret = 'a' }}\nconfig = {{ base_url = 'x' }}"));
    assert!(wrong.stderr.contains("channels.tg.config") && wrong.stderr.contains("/base_url"), "{wrong:?}");
    check(&format!("{least}secrets = {{ token = 'env:BOT_TOKEN', webhook_secret = 'a' }}")).good();
}
