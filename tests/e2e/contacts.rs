//! People and conversations through the API and the command: looked for, changed, merged, brought along.

use http::Method;
use recado_tests::{Answer, Ran, ScriptedProvider, TestGateway, form, run, wait_for};
use serde_json::{Value, json};

use super::message_sid;

const ANA: &str = "+529981122334";
const LUIS: &str = "+529981122335";

fn patch(gateway: &TestGateway, path: &str, etag: Option<&str>, body: &Value) -> Answer {
    let bearer = format!("Bearer {}", gateway.key());
    let mut headers = vec![("authorization", bearer.as_str()), ("content-type", "application/json")];
    headers.extend(etag.map(|etag| ("if-match", etag)));
    gateway.request(Method::PATCH, path, &headers, body.to_string())
}

fn says(gateway: &TestGateway, from: &str, text: &str) {
    let answer = gateway.signed_webhook("sms/inbound", &form(&message_sid(), from, text));
    assert_eq!(answer.status(), 200, "{}", answer.text());
}

fn ids(gateway: &TestGateway, query: &str) -> Vec<String> {
    let page = gateway.get(&format!("/v1/conversations?{query}")).expect(200);
    page["items"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect()
}

fn conversation_of(gateway: &TestGateway, address: &str) -> String {
    let [id] = ids(gateway, &format!("open=true&search={}", address.trim_start_matches('+'))).try_into().unwrap();
    id
}

fn contact_of(gateway: &TestGateway, address: &str) -> Value {
    let page = gateway.get(&format!("/v1/contacts?address={}", address.replace('+', "%2B"))).expect(200);
    page["items"][0].clone()
}

fn recado(gateway: &TestGateway, arguments: &[&str]) -> Ran {
    let (url, key) = (gateway.url(), gateway.key());
    let all: Vec<&str> = ["--json"]
        .into_iter()
        .chain(arguments.iter().copied())
        .chain(["--gateway", url.as_str(), "--key", key])
        .collect();
    run(gateway.folder(), &all, &[])
}

fn audit(gateway: &TestGateway) -> Vec<(String, String)> {
    let entries = run(gateway.folder(), &["--config", "test.toml", "--json", "audit"], &[]).good().json();
    let word = |entry: &Value, name: &str| entry[name].as_str().unwrap().to_owned();
    entries.as_array().unwrap().iter().map(|entry| (word(entry, "action"), word(entry, "subject"))).collect()
}

#[test]
fn conversations_are_filtered_changed_and_read() {
    let application = ScriptedProvider::start([]);
    let endpoint = format!(
        "[endpoints.app]\nurl = \"{}/app\"\nsecret = \"whsec_{}\"\nprivate_addresses = true\nevents = [\"conversation.updated\"]\n",
        application.url(),
        "A".repeat(32)
    );
    let gateway = TestGateway::builder().no_plugins().config_toml(&endpoint).start();
    says(&gateway, ANA, "Hola");
    says(&gateway, LUIS, "Buenas");
    says(&gateway, ANA, "¿Sigue abierto?");
    let (ana, luis) = (conversation_of(&gateway, ANA), conversation_of(&gateway, LUIS));
    let path = format!("/v1/conversations/{ana}");
    let found = gateway.get(&path);
    let etag = found.header("etag").unwrap().to_owned();
    assert_eq!(found.expect(200)["unread"], 2);

    let change = json!({ "assignee": "eva", "status": "active", "tag": ["ventas", "50%"], "subject": "Pedido 7" });
    let changed = patch(&gateway, &path, Some(&etag), &change);
    assert_ne!(changed.header("etag"), Some(etag.as_str()));
    let shown = changed.expect(200);
    assert_eq!((&shown["assignee"], &shown["tags"]), (&json!("eva"), &json!(["ventas", "50%"])));
    assert_eq!((&shown["status"], &shown["subject"]), (&json!("active"), &json!("Pedido 7")));
    assert_eq!(patch(&gateway, &path, Some(&etag), &json!({ "status": "closed" })).status(), 412);
    patch(&gateway, &path, Some("*"), &json!({ "untag": ["50%"], "status": null })).expect(200);
    patch(&gateway, &path, None, &json!({})).expect(200);
    assert_eq!(gateway.post(&format!("{path}/read"), &json!({})).expect(200)["unread"], 0);

    let cases = [
        ("", vec![&luis, &ana]),
        ("order=last_message", vec![&ana, &luis]),
        ("tag=ventas", vec![&ana]),
        ("tag=50%25", vec![]),
        ("assignee=eva", vec![&ana]),
        ("assignee=", vec![&luis]),
        ("unread=true", vec![&luis]),
        ("status=pending", vec![&luis]),
        ("status=closed", vec![]),
        ("channel=sms&open=true", vec![&luis, &ana]),
        ("channel=none", vec![]),
        ("search=998%20112%202334", vec![&ana]),
        ("search=%00%25", vec![]),
    ];
    for (query, expected) in cases {
        assert_eq!(ids(&gateway, query).iter().collect::<Vec<_>>(), expected, "{query}");
    }
    let mut paged = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = gateway.get(&format!("/v1/conversations?order=last_message&limit=1{cursor}")).expect(200);
        paged.push(page["items"][0]["id"].as_str().unwrap().to_owned());
        let Some(next) = page["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(paged, [ana.clone(), luis.clone()]);

    // A closed one is opened again, unless another has begun.
    patch(&gateway, &path, None, &json!({ "status": "closed" })).expect(200);
    patch(&gateway, &path, None, &json!({ "status": "active", "assignee": null })).expect(200);
    patch(&gateway, &path, None, &json!({ "status": "closed" })).expect(200);
    says(&gateway, ANA, "Otra cosa");
    let another = conversation_of(&gateway, ANA);
    let refused = patch(&gateway, &path, None, &json!({ "status": "active" })).expect(409);
    assert_eq!((&refused["conversation_id"], &refused["errors"][0]["pointer"]), (&json!(another), &json!("/status")));
    let told = wait_for("the events", || {
        let told: Vec<Value> =
            application.received().iter().map(|told| serde_json::from_str(&told.body).unwrap()).collect();
        (told.len() >= 5).then_some(told)
    });
    let changed: Vec<&Value> = told.iter().map(|told| &told["data"]["changed"]).collect();
    let first = json!(["status", "tags", "assignee", "subject"]);
    let reopened = json!(["status", "assignee"]);
    assert_eq!(changed, [&first, &json!(["tags"]), &json!(["status"]), &reopened, &json!(["status"])]);
    let entries = audit(&gateway);
    let entered = entries.iter().filter(|(action, subject)| action == "conversation.changed" && *subject == ana);
    assert_eq!(entered.count(), 5, "{entries:?}");
}

#[test]
fn what_makes_no_sense_about_a_conversation_is_refused_with_where_it_is() {
    let gateway = TestGateway::builder().no_plugins().start();
    says(&gateway, ANA, "Hola");
    let path = format!("/v1/conversations/{}", conversation_of(&gateway, ANA));
    let cases = [
        (json!({ "tag": ["a", " b"] }), "/tag/1"),
        (json!({ "tag": ["a".repeat(65)] }), "/tag/0"),
        (json!({ "tag": ["a\u{0}b"] }), "/tag/0"),
        (json!({ "untag": vec!["x"; 51] }), "/untag"),
        (json!({ "assignee": "" }), "/assignee"),
        (json!({ "subject": "a\nb" }), "/subject"),
        (json!({ "status": "gone" }), "/status"),
        (json!({ "name": "x" }), "/name"),
        (json!([]), ""),
    ];
    for (body, pointer) in cases {
        assert_eq!(patch(&gateway, &path, None, &body).expect(422)["errors"][0]["pointer"], pointer, "{body}");
    }
    assert_eq!(patch(&gateway, &path, Some("\"a\", \"b\""), &json!({})).status(), 412);
    assert_eq!(patch(&gateway, &path, Some("nonsense"), &json!({})).status(), 412);
    let nobody = "/v1/conversations/0192f3a4-5b6c-7d8e-9f00-112233445566";
    assert_eq!(patch(&gateway, nobody, None, &json!({})).status(), 404);
    assert_eq!(gateway.post(&format!("{nobody}/read"), &json!({})).status(), 404);
    for query in
        ["limit=0", "cursor=x", "order=last_message&cursor=1_x", "order=last_message&cursor=99999999999999999_x"]
    {
        assert_eq!(gateway.get(&format!("/v1/conversations?{query}")).status(), 422, "{query}");
    }
    for what in ["conversations?tags=a", "messages?too=a", "bulks?name=a", "templates?name=a"] {
        assert_eq!(gateway.get(&format!("/v1/{what}")).status(), 400, "what is no filter is not passed over: {what}");
    }
}

#[test]
fn people_are_put_down_changed_and_merged() {
    let gateway = TestGateway::builder().no_plugins().config_toml("[gate]\nscope = \"business\"\n").start();
    let body = json!({ "name": "Ana", "attributes": { "city": "Cancún" }, "addresses": ["998 112 2334"] });
    let made = gateway.post("/v1/contacts", &body);
    let (location, etag) = (made.header("location").unwrap().to_owned(), made.header("etag").unwrap().to_owned());
    let ana = made.expect(201);
    assert_eq!(ana["addresses"], json!([ANA]));
    let taken = gateway.post("/v1/contacts", &json!({ "addresses": [LUIS, "telegram:7", ANA] })).expect(409);
    assert_eq!((&taken["contact_id"], &taken["errors"][0]["pointer"]), (&ana["id"], &json!("/addresses/2")));

    says(&gateway, ANA, "Hola");
    says(&gateway, LUIS, "STOP");
    let luis = contact_of(&gateway, LUIS);
    let shown = gateway.get(&location).expect(200);
    assert_eq!(shown["conversations"][0]["contact_id"], ana["id"]);
    let change = json!({ "name": null, "attributes": { "city": null, "a/b": "x\u{fffd}" } });
    let changed = patch(&gateway, &location, Some(&etag), &change).expect(200);
    assert_eq!((&changed["name"], &changed["attributes"]), (&Value::Null, &json!({ "a/b": "x\u{fffd}" })));
    assert_eq!(patch(&gateway, &location, Some(&etag), &change).status(), 412);
    let luis_path = format!("/v1/contacts/{}", luis["id"].as_str().unwrap());
    patch(&gateway, &luis_path, None, &json!({ "name": "Luis", "attributes": { "a/b": "y", "size": "M" } }))
        .expect(200);

    // Either's opting out is that of both, and what is sent to one is refused from then on.
    gateway.post("/v1/messages", &json!({ "to": ANA, "text": "Aviso" })).expect(202);
    let merge = format!("{location}/merge");
    assert_eq!(gateway.post(&merge, &json!({ "from": ana["id"] })).expect(422)["errors"][0]["code"], "itself");
    assert_eq!(gateway.post(&merge, &json!({ "from": "x" })).expect(422)["errors"][0]["pointer"], "/from");
    let merged = gateway.post(&merge, &json!({ "from": luis["id"] })).expect(200);
    assert_eq!((&merged["name"], &merged["attributes"]), (&json!("Luis"), &json!({ "a/b": "x\u{fffd}", "size": "M" })));
    assert_eq!((&merged["addresses"], &merged["merged"]), (&json!([ANA, LUIS]), &json!([luis["id"]])));
    assert_eq!(gateway.post(&merge, &json!({ "from": luis["id"] })).expect(200), merged, "the same again");
    let refused = gateway.post("/v1/messages", &json!({ "to": ANA, "text": "Aviso" })).expect(422);
    assert_eq!(refused["type"], "urn:recado:problem:opted-out");
    let stands = gateway.get(&luis_path);
    assert_eq!(stands.header("content-location"), Some(location.as_str()));
    let stands = stands.expect(200);
    assert_eq!((&stands["id"], stands["conversations"].as_array().unwrap().len()), (&ana["id"], 2));
    assert_eq!(stands["consents"][0]["address"], LUIS);
    let by_old_id = gateway.get(&format!("/v1/conversations?contact={}", luis["id"].as_str().unwrap())).expect(200);
    assert_eq!(by_old_id["items"].as_array().unwrap().len(), 2, "{by_old_id}");
    let arguments = ["--config", "test.toml", "--json", "key", "create", "--name", "names", "--scope", "contacts:read"];
    let names = run(gateway.folder(), &arguments, &[]).good().json()["key"].as_str().unwrap().to_owned();
    let bearer = format!("Bearer {names}");
    let seen = gateway.request(Method::GET, &location, &[("authorization", &bearer)], "").expect(200);
    assert_eq!((&seen["name"], &seen["conversations"], &seen["consents"]), (&json!("Luis"), &json!([]), &json!([])));
    assert_eq!(gateway.all("/v1/contacts").len(), 1);
    says(&gateway, LUIS, "START");
    assert_eq!(contact_of(&gateway, LUIS)["id"], ana["id"]);
    let actions: Vec<String> = audit(&gateway).into_iter().map(|(action, _)| action).collect();
    let ours: Vec<&String> = actions.iter().filter(|action| action.starts_with("contact.")).collect();
    assert_eq!(ours, ["contact.merged", "contact.changed", "contact.changed", "contact.created"]);
}

#[test]
fn what_makes_no_sense_about_a_person_is_refused_with_where_it_is() {
    let gateway = TestGateway::builder().no_plugins().start();
    let many: serde_json::Map<String, Value> = (0..101).map(|number| (number.to_string(), json!("x"))).collect();
    let cases = [
        (json!({ "addresses": [] }), "/addresses"),
        (json!({ "addresses": ["12"] }), "/addresses/0"),
        (json!({ "addresses": [ANA, "a\u{0}b"] }), "/addresses/1"),
        (json!({ "addresses": [ANA], "name": "a".repeat(201) }), "/name"),
        (json!({ "addresses": [ANA], "attributes": { "": "x" } }), "/attributes/"),
        (json!({ "addresses": [ANA], "attributes": { "~/": "\u{0}" } }), "/attributes/~0~1"),
        (json!({ "addresses": [ANA], "attributes": many }), "/attributes"),
        (json!({ "addresses": [ANA], "attributes": { "a": 7 } }), "/attributes/a"),
        (json!({ "name": "Ana" }), "/addresses"),
        (json!([null, {}, [ANA]]), ""),
    ];
    for (body, pointer) in cases {
        assert_eq!(gateway.post("/v1/contacts", &body).expect(422)["errors"][0]["pointer"], pointer, "{body}");
    }
    let nobody = "/v1/contacts/0192f3a4-5b6c-7d8e-9f00-112233445566";
    assert_eq!(gateway.get(nobody).status(), 404);
    assert_eq!(gateway.get("/v1/contacts/x%00").status(), 404);
    assert_eq!(patch(&gateway, nobody, None, &json!({})).status(), 404);
    for (query, status) in
        [("limit=201", 422), ("cursor=%00", 422), ("address=1", 422), ("search=%00", 200), ("q=1", 400)]
    {
        assert_eq!(gateway.get(&format!("/v1/contacts?{query}")).status(), status, "{query}");
    }
}

#[test]
fn a_list_of_people_is_brought_along_once() {
    let gateway = TestGateway::builder().no_plugins().start();
    gateway.post("/v1/contacts", &json!({ "name": "Ana", "addresses": [ANA] })).expect(201);
    let some = "Nombre,Teléfono,ciudad\nAna,998 112 2334,Cancún\n\"Luis, el otro\",+529981122335,\nNadie,12,\n,998\n";
    let many = (0..450).map(|number| format!("Persona {number},+52998113{number:04},Mérida\n"));
    let list: String = std::iter::once(some.to_owned()).chain(many).collect();
    std::fs::write(gateway.folder().join("gente.csv"), list).unwrap();
    let counts = |came: &Value| ["created", "changed", "known"].map(|name| came[name].as_u64().unwrap());
    let dry = recado(&gateway, &["contact", "import", "gente.csv", "--dry-run"]);
    assert_eq!(dry.code, Some(1), "two lines are wrong: {}", dry.stderr);
    let told = dry.json();
    assert_eq!(counts(&told), [451, 1, 0], "{}", dry.stdout);
    let wrong: Vec<(u64, &str)> = told["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|error| (error["line"].as_u64().unwrap(), error["column"].as_str().unwrap()))
        .collect();
    assert_eq!(wrong, [(4, "address"), (5, "")]);
    assert_eq!((&told["lines"][0]["outcome"], &told["lines"][0]["changed"]), (&json!("changed"), &json!(["ciudad"])));
    assert_eq!(gateway.all("/v1/contacts").len(), 1, "a dry run changes nothing");

    let came = recado(&gateway, &["contact", "import", "gente.csv"]);
    assert_eq!((came.code, counts(&came.json())), (Some(1), [451, 1, 0]), "none stops the rest");
    assert_eq!(contact_of(&gateway, LUIS)["name"], "Luis, el otro");
    let again = recado(&gateway, &["contact", "import", "gente.csv"]);
    assert_eq!(counts(&again.json()), [0, 0, 452], "the same list again changes nothing");
    let listed = recado(&gateway, &["contact", "list", "--search", "el otro"]).good().json();
    assert_eq!(listed["items"].as_array().unwrap().len(), 1);

    let merged = recado(&gateway, &["contact", "merge", "998 112 2334", "--from", LUIS]).good().json();
    assert_eq!(merged["addresses"], json!([ANA, LUIS]));
    let shown = recado(&gateway, &["contact", "show", LUIS]).good().json();
    assert_eq!((&shown["name"], &shown["attributes"]), (&json!("Ana"), &json!({ "ciudad": "Cancún" })));
    let words =
        run(gateway.folder(), &["contact", "show", ANA, "--gateway", &gateway.url(), "--key", gateway.key()], &[]);
    assert!(words.clone().good().stdout.contains("ciudad: Cancún"), "{words:?}");
    let nobody = recado(&gateway, &["contact", "show", "+529981199999"]);
    assert!(nobody.code == Some(1) && nobody.stderr.contains("nobody is known"), "{nobody:?}");
    let unreadable = recado(&gateway, &["contact", "import", "test.toml"]);
    assert_eq!(unreadable.code, Some(2), "{unreadable:?}");
    let actions = audit(&gateway).into_iter().filter(|(action, _)| action == "contacts.imported").count();
    assert_eq!(actions, 3, "a call for each 200 lines, once");
}
