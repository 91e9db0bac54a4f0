//! Templates: saved by version, previewed, and sent with the words of each message put in.

use http::Method;
use recado_tests::{Plugin, TestGateway};
use serde_json::{Value, json};

const CUSTOMER: &str = "+529981122334";

fn order() -> Value {
    json!({
        "name": "order-ready",
        "default_locale": "es",
        "variables": { "name": { "example": "Ana" }, "place": { "default": "la tienda" } },
        "bodies": {
            "es": { "text": "Hola {{ name }}, tu pedido está en {{ place }}" },
            "en": { "text": "Hi {{ name }}, your order is at {{ place }}" },
        },
    })
}

#[test]
fn a_template_is_previewed_and_sent_with_what_is_put_into_it() {
    let gateway = TestGateway::builder().no_plugins().start();
    let made = gateway.post("/v1/templates", &order());
    assert_eq!((made.header("location"), made.header("etag")), (Some("/v1/templates/order-ready"), Some("\"1\"")));
    assert_eq!(made.expect(201)["version"], 1);
    assert_eq!(gateway.post("/v1/templates", &order()).expect(409)["errors"][0]["pointer"], "/name");

    let preview = |body: Value| gateway.post("/v1/templates/order-ready/preview", &body);
    let shown = preview(json!({ "to": "998 112 2334" })).expect(200);
    assert_eq!((&shown["text"], &shown["locale"]), (&json!("Hola Ana, tu pedido está en la tienda"), &json!("es")));
    assert_eq!((&shown["segments"]["encoding"], &shown["segments"]["segments"]), (&json!("UCS-2"), &json!(1)));
    let cost = &shown["cost"];
    assert_eq!((&cost["country"], &cost["segments"]), (&json!("MX"), &json!(1)));
    assert!(cost["kind"].is_string() && cost["means"].as_str().unwrap().contains("MX"), "{cost}");
    let english = preview(json!({ "locale": "en-US", "variables": { "name": "x".repeat(160) } })).expect(200);
    assert_eq!((&english["locale"], &english["segments"]["encoding"]), (&json!("en"), &json!("GSM-7")));
    assert_eq!((&english["segments"]["segments"], &english["cost"]["country"]), (&json!(2), &Value::Null));
    assert_eq!(preview(json!({ "to": "12" })).expect(422)["errors"][0]["pointer"], "/to");

    let template = json!({ "name": "order-ready", "variables": { "name": "Luis & Co", "place": 7 } });
    let sent = gateway.post("/v1/messages?wait=sent", &json!({ "to": CUSTOMER, "template": template })).expect(200);
    assert_eq!(sent["text"], "Hola Luis & Co, tu pedido está en 7");
    assert_eq!(sent["template"], json!({ "name": "order-ready", "version": 1 }));
    assert_eq!(gateway.twilio_messages()[0]["body"], sent["text"]);
    let id = sent["id"].as_str().unwrap();
    assert_eq!(gateway.get(&format!("/v1/messages/{id}/trace")).expect(200)["template"], sent["template"]);
    gateway.wait_for_status(id, "delivered");
}

#[test]
fn what_is_missing_or_too_much_is_refused_with_where_it_is() {
    let gateway = TestGateway::builder().no_plugins().start();
    gateway.post("/v1/templates", &order()).expect(201);
    let refused = |template: Value, text: &str| {
        let body = json!({ "to": CUSTOMER, "text": text, "template": template });
        let problem = gateway.post("/v1/messages", &body).expect(422);
        let [error] = problem["errors"].as_array().unwrap().as_slice() else { panic!("{problem}") };
        (error["pointer"].as_str().unwrap().to_owned(), error["code"].as_str().unwrap().to_owned())
    };
    let cases = [
        (json!({ "name": "order-ready" }), "/template/variables/name", "missing-variable"),
        (
            json!({ "name": "order-ready", "variables": { "name": "a", "nam": "a" } }),
            "/template/variables/nam",
            "undeclared-variable",
        ),
        (json!({ "name": "order-ready", "variables": { "name": ["a"] } }), "/template/variables/name", "not-a-value"),
        (json!({ "name": "order-raedy" }), "/template/name", "unknown-template"),
        (json!({ "name": "order-ready", "version": 2 }), "/template/version", "unknown-version"),
        (
            json!({ "name": "order-ready", "locale": "español", "variables": { "name": "a" } }),
            "/template/locale",
            "not-a-locale",
        ),
    ];
    for (template, pointer, code) in cases {
        assert_eq!(refused(template, ""), (pointer.to_owned(), code.to_owned()));
    }
    let both = refused(json!({ "name": "order-ready", "variables": { "name": "a" } }), "Hola");
    assert_eq!(both, ("/template".to_owned(), "both".to_owned()));
    assert!(gateway.twilio_messages().is_empty() && gateway.messages().is_empty());

    let with = |text: &str| {
        let mut template = order();
        template["bodies"]["es"]["text"] = text.into();
        gateway.put_with("/v1/templates/order-ready", &[], &template).expect(422)
    };
    let unreadable = with("Hola\n{{ name");
    assert_eq!(unreadable["errors"][0]["pointer"], "/bodies/es/text");
    assert!(unreadable["detail"].as_str().unwrap().starts_with("line 2"), "{unreadable}");
    let undeclared = with("Hola {{ nombre }}");
    assert_eq!(undeclared["errors"][0]["code"], "undeclared-variable");
    assert_eq!(gateway.get("/v1/templates/order-ready").expect(200)["version"], 1);
}

#[test]
fn each_change_is_a_version_and_overtakes_no_other() {
    let gateway = TestGateway::builder().no_plugins().start();
    let path = "/v1/templates/order-ready";
    assert_eq!(gateway.put_with(path, &[("if-match", "\"1\"")], &order()).status(), 412);
    let made = gateway.put_with(path, &[], &order());
    assert_eq!((made.status(), made.header("etag")), (201, Some("\"1\"")));
    // The same again is no change, also as it was got.
    let got = gateway.get(path).expect(200);
    assert_eq!(gateway.put_with(path, &[("if-match", "\"1\"")], &got).expect(200)["version"], 1);

    let mut changed = order();
    changed["bodies"]["es"]["text"] = "{{ name }}: listo en {{ place }}".into();
    let second = gateway.put_with(path, &[("if-match", "\"1\"")], &changed);
    assert_eq!((second.header("etag"), second.expect(200)["version"].clone()), (Some("\"2\""), json!(2)));
    changed["bodies"]["es"]["text"] = "{{ name }}: otra cosa".into();
    let late = gateway.put_with(path, &[("if-match", "\"1\"")], &changed).expect(412);
    assert_eq!(late["type"], "urn:recado:problem:changed-meanwhile");
    assert_eq!(gateway.get(path).expect(200)["version"], 2);
    let versions = gateway.all("/v1/templates/order-ready/versions");
    let texts: Vec<_> = versions.iter().map(|version| version["bodies"]["es"]["text"].clone()).collect();
    assert_eq!(
        texts,
        [json!("Hola {{ name }}, tu pedido está en {{ place }}"), json!("{{ name }}: listo en {{ place }}")]
    );
    let page = gateway.get("/v1/templates/order-ready/versions?limit=1").expect(200);
    let next = format!("/v1/templates/order-ready/versions?limit=1&cursor={}", page["next_cursor"].as_str().unwrap());
    assert_eq!(gateway.get(&next).expect(200)["items"][0]["version"], 1);

    let send = |version: Value| {
        let template = json!({ "name": "order-ready", "version": version, "variables": { "name": "Ana" } });
        gateway.post("/v1/messages?wait=sent", &json!({ "to": CUSTOMER, "template": template }))
    };
    assert_eq!(send(Value::Null).expect(200)["text"], "Ana: listo en la tienda");
    assert_eq!(send(json!(1)).expect(200)["text"], "Hola Ana, tu pedido está en la tienda");

    let delete = |etag: &str| {
        let key = format!("Bearer {}", gateway.key());
        gateway.request(Method::DELETE, path, &[("authorization", &key), ("if-match", etag)], "")
    };
    assert_eq!(delete("\"1\"").status(), 412);
    assert!(delete("\"2\"").expect(200)["archived_at"].is_string());
    assert_eq!(send(Value::Null).expect(422)["errors"][0]["code"], "archived-template");
    assert!(gateway.all("/v1/templates").is_empty());
    assert_eq!(gateway.all("/v1/templates?archived=true").len(), 1);
    assert_eq!(gateway.get(&format!("{path}?version=1")).expect(200)["version"], 1);
    assert_eq!(gateway.put_with(path, &[], &changed).expect(200)["version"], 3);
    assert_eq!(gateway.get("/v1/templates/nothing").status(), 404);
}

#[test]
fn a_repeated_call_comes_to_what_the_first_came_to_whatever_became_of_the_template() {
    let gateway = TestGateway::builder().no_plugins().start();
    gateway.post("/v1/templates", &order()).expect(201);
    let body = json!({ "to": CUSTOMER, "template": { "name": "order-ready", "variables": { "name": "Ana" } } });
    let send = || gateway.post_with("/v1/messages", &[("idempotency-key", "order-7")], &body);
    let first = send().expect(202);
    let mut changed = order();
    changed["variables"]["other"] = json!({ "example": "a" });
    gateway.put_with("/v1/templates/order-ready", &[], &changed).expect(200);
    let again = send();
    assert_eq!(again.header("idempotency-replayed"), Some("true"));
    let again = again.expect(202);
    assert_eq!((&again["id"], &again["text"]), (&first["id"], &first["text"]));
    gateway.wait_for_status(first["id"].as_str().unwrap(), "delivered");
    assert_eq!(gateway.messages().len(), 1);
}

#[test]
fn plugins_see_what_was_made_of_it() {
    let gateway = TestGateway::builder().plugin(Plugin::obedient()).start();
    gateway.post("/v1/templates", &order()).expect(201);
    let send = |name: &str| {
        let body = json!({ "to": CUSTOMER, "template": { "name": "order-ready", "variables": { "name": name } } });
        gateway.post("/v1/messages?wait=sent", &body)
    };
    let changed = send("[shout] Ana").expect(200);
    assert_eq!(changed["text"], "HOLA  ANA, TU PEDIDO ESTÁ EN LA TIENDA");
    assert_eq!(changed["template"]["version"], 1);
    gateway.wait_for_status(changed["id"].as_str().unwrap(), "delivered");
    let kept = gateway.message(send("[refuse]").expect(422)["message_id"].as_str().unwrap());
    assert_eq!(kept["text"], "Hola [refuse], tu pedido está en la tienda");
    assert_eq!((&kept["template"]["version"], &kept["status"]), (&json!(1), &json!("failed")));
}

#[test]
fn a_template_of_the_provider_goes_where_one_is_mapped() {
    let gateway = TestGateway::builder().no_plugins().start();
    let mut template = order();
    let sid = "HX00000000000000000000000000000001";
    template["bodies"]["es"]["content"] = json!({ "sms": { "sid": sid, "variables": { "1": "name", "2": "place" } } });
    gateway.post("/v1/templates", &template).expect(201);
    let made_of = json!({ "name": "order-ready", "locale": "es-MX", "variables": { "name": "Ana" } });
    let sent = gateway.post("/v1/messages?wait=sent", &json!({ "to": CUSTOMER, "template": made_of })).expect(200);
    assert_eq!(sent["text"], "Hola Ana, tu pedido está en la tienda", "it says what was sent");
    let content = json!({ "sid": sid, "variables": { "1": "Ana", "2": "la tienda" } });
    assert_eq!(sent["options"]["content"], content);
    gateway.wait_for_status(sent["id"].as_str().unwrap(), "delivered");
    assert_ne!(gateway.twilio_messages()[0]["body"], sent["text"], "the provider makes the text");
    let english = json!({ "name": "order-ready", "locale": "en", "variables": { "name": "Ana" } });
    let sent = gateway.post("/v1/messages?wait=sent", &json!({ "to": CUSTOMER, "template": english })).expect(200);
    assert_eq!((&sent["options"], &gateway.twilio_messages()[1]["body"]), (&Value::Null, &sent["text"]));
}

#[test]
fn templates_are_saved_previewed_and_sent_from_the_command_line() {
    let gateway = TestGateway::builder().no_plugins().start();
    let file = gateway.folder().join("order.toml");
    let toml = "name = \"order-ready\"\ndefault_locale = \"es\"\n[variables]\nname = { example = \"Ana\" }\n\
                [bodies.es]\ntext = \"Hola {{ name }}\"\n[bodies.en]\ntext = \"Hi {{ name }}\"\n";
    std::fs::write(&file, toml).unwrap();
    let file = file.to_str().unwrap();
    let url = gateway.url();
    let run = |arguments: &[&str]| {
        let reach = ["--gateway", url.as_str(), "--key", gateway.key()];
        recado_tests::run(gateway.folder(), &[&["--json"], arguments, &reach].concat(), &[])
    };
    assert_eq!(run(&["template", "put", file]).good().json()["version"], 1);
    assert_eq!(run(&["template", "put", file, "--over", "1"]).good().json()["version"], 1);
    assert_eq!(run(&["template", "show", "order-ready"]).good().json()["bodies"]["en"]["text"], "Hi {{ name }}");
    assert_eq!(run(&["template", "list"]).good().json()["items"][0]["name"], "order-ready");
    let shown = run(&["template", "preview", "order-ready", "--locale", "en", "--set", "name=Bob"]).good().json();
    assert_eq!((&shown["text"], &shown["segments"]["segments"]), (&json!("Hi Bob"), &json!(1)));
    let send = ["send", "--to", CUSTOMER, "--template", "order-ready", "--set", "name=Luis", "--wait"];
    run(&send).good();
    assert_eq!(gateway.twilio_messages()[0]["body"], "Hola Luis");
    let id = gateway.messages()[0]["id"].as_str().unwrap().to_owned();
    let explained =
        recado_tests::run(gateway.folder(), &["explain", &id, "--gateway", url.as_str(), "--key", gateway.key()], &[]);
    assert!(explained.good().stdout.contains("made of the template order-ready version 1"));
}
