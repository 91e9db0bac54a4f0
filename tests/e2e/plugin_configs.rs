//! A plugin's configuration, changed by API and in the console while the gateway runs.

use bytes::Bytes;
use http::{Method, Request};
use recado_tests::{
    Answer, Behaviour, Fleet, Plugin, TestGateway, Visitor, call, form, json_request, run, sign, wait_for,
};
use serde_json::{Value, json};

use super::message_sid;
use super::plugin_hooks::{said, says};

const ANA: &str = "+529981122334";
const PATH: &str = "/v1/plugins/auto-reply/config";
const PAGE: &str = "/console/plugins/auto-reply";

/// A gateway whose settings have auto-reply say this.
fn gateway() -> TestGateway {
    TestGateway::builder().plugin(auto_reply("del archivo")).start()
}

fn auto_reply(text: &str) -> Plugin {
    Plugin::builtin("auto-reply").config(&json!({ "text": text }))
}

fn put(gateway: &TestGateway, config: &Value) -> Answer {
    gateway.put_with(PATH, &[], config)
}

fn pointers(problem: &Value) -> Vec<&str> {
    problem["errors"].as_array().unwrap().iter().filter_map(|error| error["pointer"].as_str()).collect()
}

fn audit(gateway: &TestGateway) -> Vec<Value> {
    let entries = run(gateway.folder(), &["--config", "test.toml", "--json", "audit"], &[]).good().json();
    let about =
        entries.as_array().unwrap().iter().filter(|entry| entry["action"].as_str().unwrap().starts_with("plugin."));
    about.map(|entry| json!([entry["actor"], entry["action"], entry["subject"]])).collect()
}

#[test]
fn a_config_that_is_put_is_in_force_at_once_and_after_a_restart_until_it_is_taken_away() {
    let mut gateway = gateway();
    assert_eq!(says(&gateway, ANA, "hola"), "del archivo");
    let first = gateway.get(PATH).expect(200);
    assert_eq!((&first["config"], &first["source"]), (&json!({ "text": "del archivo" }), &json!("settings")));
    assert_eq!(first["schema"]["title"], "Auto-reply");
    assert!(first["changed_at"].is_null() && first["changed_by"].is_null(), "{first}");

    let kept = put(&gateway, &json!({ "text": "por la API" })).expect(200);
    assert_eq!((&kept["config"], &kept["source"]), (&json!({ "text": "por la API" }), &json!("kept")));
    assert_eq!((&kept["changed_by"]["actor"], &kept["changed_by"]["name"]), (&json!("key"), &json!("test")));
    assert_eq!(says(&gateway, ANA, "hola"), "por la API");
    put(&gateway, &json!({ "text": "por la API" })).expect(200);
    gateway.restart();
    assert_eq!(says(&gateway, ANA, "hola"), "por la API");
    gateway.post("/v1/plugins/reload", &Value::Null).expect(200);
    assert_eq!(says(&gateway, ANA, "hola"), "por la API");

    let reset = gateway.delete_with(PATH, &[]).expect(200);
    assert_eq!((&reset["config"], &reset["source"]), (&first["config"], &json!("settings")));
    assert_eq!(says(&gateway, ANA, "hola"), "del archivo");
    gateway.delete_with(PATH, &[]).expect(200);
    let expected = ["plugin.config_reset", "plugin.configured"].map(|action| json!(["key", action, "auto-reply"]));
    assert_eq!(audit(&gateway), expected, "what changed nothing is not on record");
    // The settings count again, also when they change.
    gateway.set_plugins(&[auto_reply("otro archivo")]);
    gateway.post("/v1/plugins/reload", &Value::Null).expect(200);
    assert_eq!(says(&gateway, ANA, "hola"), "otro archivo");
}

#[test]
fn what_does_not_fit_is_refused_with_its_place_and_changes_nothing() {
    let gateway = gateway();
    let wrong = json!({ "text": 7, "cool_down_minutes": -1, "hours": { "time_zone": "Marte" }, "rules": [{}], "x": 1 });
    let problem = put(&gateway, &wrong).expect(422);
    let mut places = pointers(&problem);
    places.sort_unstable();
    assert_eq!(places, ["", "/cool_down_minutes", "/hours/time_zone", "/rules/0/keywords", "/text"], "{problem}");
    for body in ["7", "[]", "{"] {
        let bearer = format!("Bearer {}", gateway.key());
        let status = gateway.request(Method::PUT, PATH, &[("authorization", &bearer)], body).status();
        assert!([400, 422].contains(&status), "{body}: {status}");
    }
    for method in [Method::GET, Method::PUT, Method::DELETE] {
        let bearer = format!("Bearer {}", gateway.key());
        let headers = [("authorization", bearer.as_str())];
        gateway.request(method, "/v1/plugins/nobody/config", &headers, "{}").expect(404);
    }
    assert_eq!(gateway.get(PATH).expect(200)["source"], "settings");
    assert_eq!((says(&gateway, ANA, "hola").as_str(), audit(&gateway).len()), ("del archivo", 0));
}

#[test]
fn a_change_goes_over_what_somebody_has_seen_and_nothing_else() {
    let gateway = gateway();
    let tag = |answer: &Answer| answer.header("etag").unwrap().to_owned();
    let before = tag(&gateway.get(PATH));
    let put = |tag: &str, text: &str| gateway.put_with(PATH, &[("if-match", tag)], &json!({ "text": text }));
    let first = put(&before, "uno");
    first.expect(200);
    let problem = put(&before, "dos").expect(412);
    assert_eq!(problem["type"], "urn:recado:problem:changed-meanwhile");
    gateway.delete_with(PATH, &[("if-match", &before)]).expect(412);
    assert_eq!(tag(&gateway.get(PATH)), tag(&first));
    gateway.delete_with(PATH, &[("if-match", &tag(&first))]).expect(200);
    put(&before, "tres").expect(412);
    put("*", "cuatro").expect(200);
    assert_eq!(says(&gateway, ANA, "hola"), "cuatro");
}

#[test]
fn an_owner_changes_it_by_the_form_and_goes_back() {
    let gateway = gateway();
    let owner = Visitor::new(&gateway, "rosa", "owner");
    assert_eq!(says(&gateway, ANA, "hola"), "del archivo");
    let list = owner.get("/console/plugins").text();
    assert!(list.contains(&format!("href=\"{PAGE}\"")), "{list}");
    let page = owner.get(PAGE).text();
    for part in [
        "del archivo</textarea>",
        "<legend>Business hours</legend>",
        "name=\"c/hours/time_zone\"",
        "inputmode=\"decimal\"",
    ] {
        assert!(page.contains(part), "{part} in {page}");
    }
    let seen = page.split("name=\"seen\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let post = |what: &str, seen: &str, fields: &[(&str, &str)]| {
        owner.post(PAGE, &[&[("do", what), ("seen", seen)][..], fields].concat())
    };
    // It is tried first, and nothing is different by that.
    let tried = post("try", &seen, &[("c/text", "desde la consola"), ("as/text", "0")]);
    assert_eq!(tried.status(), 200, "{}", tried.text());
    let shown = tried.text();
    assert!(shown.contains("data-testid=\"replayed\"") && shown.contains("desde la consola</textarea>"), "{shown}");
    assert!(shown.contains("class=\"gone\"") && shown.contains("class=\"new\""), "{shown}");
    assert_eq!(says(&gateway, ANA, "hola"), "del archivo");

    let saved = post(
        "save",
        &seen,
        &[("c/text", "desde la consola"), ("as/text", "0"), ("c/hours/time_zone", "America/Cancun")],
    );
    assert_eq!((saved.status(), saved.header("location")), (303, Some("/console/plugins/auto-reply?did=saved")));
    assert_eq!(says(&gateway, ANA, "hola"), "desde la consola");
    let kept = gateway.get(PATH).expect(200);
    let expected = json!({ "text": "desde la consola", "hours": { "time_zone": "America/Cancun" } });
    assert_eq!((&kept["config"], &kept["changed_by"]["name"]), (&expected, &json!("rosa")));
    let page = owner.get(&format!("{PAGE}?did=saved")).text();
    assert!(
        page.contains("Saved, and in force") && page.contains("rosa") && page.contains("data-testid=\"reset\""),
        "{page}"
    );

    // What does not fit comes back as it was written, with the reason beside it.
    for (name, text, reason) in [
        ("c/cool_down_minutes", "-5", "It must be 0 or more."),
        ("c/cool_down_minutes", "cinco", "This is no number."),
        ("c/hours/time_zone", "Marte", "It has not the form of &#34;time-zone&#34;."),
    ] {
        let refused = post("save", "", &[(name, text), ("c/out_of_hours", "aún escrito")]);
        assert_eq!(refused.status(), 422, "{name} {text}");
        let page = refused.text();
        let field =
            page.split("data-testid=\"setting\"").find(|part| part.contains(&format!("id=\"{name}\""))).unwrap();
        let written = text.replace('"', "&#34;");
        assert!(field.contains(reason) && field.contains(&written), "{field}");
        assert!(page.contains("aún escrito</textarea>"), "{page}");
    }
    // Somebody else was faster.
    let late = post("save", &seen, &[("c/text", "tarde"), ("as/text", "0")]);
    assert_eq!(late.status(), 422);
    assert!(late.text().contains("Somebody changed it meanwhile") && late.text().contains("tarde</textarea>"));
    assert_eq!(says(&gateway, ANA, "hola"), "desde la consola");

    let back = post("reset", "", &[]);
    assert_eq!((back.status(), back.header("location")), (303, Some("/console/plugins/auto-reply?did=reset")));
    assert_eq!(says(&gateway, ANA, "hola"), "del archivo");
    let expected = ["plugin.config_reset", "plugin.configured"].map(|action| json!(["user", action, "auto-reply"]));
    assert_eq!(audit(&gateway), expected);
    assert_eq!(owner.get("/console/plugins/nobody").status(), 404);
}

/// What stands in a hidden field.
fn hidden(page: &str, name: &str) -> String {
    let value = page.split(&format!("name=\"{name}\" value=\"")).nth(1).unwrap().split('"').next().unwrap();
    [("&#34;", "\""), ("&#60;", "<"), ("&#62;", ">"), ("&#38;", "&")]
        .into_iter()
        .fold(value.to_owned(), |text, (entity, plain)| text.replace(entity, plain))
}

#[test]
fn rules_are_written_entry_by_entry_and_saved_when_somebody_says_so() {
    let gateway = gateway();
    let owner = Visitor::new(&gateway, "rosa", "owner");
    let first = owner.get(PAGE).text();
    assert!(!first.contains("data-testid=\"entry\""), "{first}");
    let seen = hidden(&first, "seen");
    let post = |what: &str, draft: &str, fields: &[(&str, &str)]| {
        owner.post(PAGE, &[&[("do", what), ("seen", &seen), ("draft", draft)][..], fields].concat())
    };
    let added = post("add:/rules", "", &[("c/cool_down_minutes", "5")]);
    assert_eq!(added.status(), 200);
    let page = added.text();
    assert!(page.contains("It is not saved yet.") && page.contains("name=\"c/rules/0/keywords\""), "{page}");
    assert!(page.contains("open><summary autofocus>Rule 1</summary>"), "{page}");
    let draft = hidden(&page, "draft");
    assert_eq!(serde_json::from_str::<Value>(&draft).unwrap()["cool_down_minutes"], 5);

    // What is written so far goes along, whatever it is.
    let odd = "precio\n\"><script>alert(1)</script>";
    let page = post("add:/rules", &draft, &[("c/rules/0/keywords", odd), ("c/rules/0/reply", "$450")]).text();
    assert!(!page.contains("<script>alert") && page.contains("Rule 1: <span"), "{page}");
    let draft = hidden(&page, "draft");
    let page = post("up:/rules/1", &draft, &[("c/rules/1/keywords", "horario")]).text();
    let draft = hidden(&page, "draft");
    // What a rule lacks is told there.
    let refused = post("save", &draft, &[("c/rules/0/keywords", ""), ("c/rules/1/keywords", odd)]);
    assert_eq!(refused.status(), 422);
    let page = refused.text();
    assert!(page.contains("Entries, at least: 1.") && hidden(&page, "draft") == draft, "{page}");
    assert_eq!(gateway.get(PATH).expect(200)["config"]["rules"], Value::Null, "nothing is kept yet");

    let fields = [("c/rules/0/keywords", "horario\nhoras"), ("c/rules/0/reply", "De 9 a 6"), ("as/rules/0/reply", "0")];
    assert_eq!(post("save", &draft, &fields).status(), 303);
    let rules = gateway.get(PATH).expect(200)["config"]["rules"].clone();
    let keywords = [&rules[0]["keywords"], &rules[1]["keywords"]];
    assert_eq!(keywords, [&json!(["horario", "horas"]), &json!(["precio", "\"><script>alert(1)</script>"])]);
    assert_eq!(says(&gateway, ANA, "¿qué horario tienen?"), "De 9 a 6");
    assert_eq!(says(&gateway, ANA, "precio"), "$450");
    // Somebody was faster, and put another in front: what was written still stands where it was written.
    let (seen_by_rosa, draft) = (hidden(&owner.get(PAGE).text(), "seen"), rules.clone());
    let others = json!({ "rules": [{ "keywords": ["nuevo"], "stop": true }, rules[0], rules[1]] });
    put(&gateway, &others).expect(200);
    let draft = json!({ "rules": draft }).to_string();
    let late = [("do", "save"), ("seen", seen_by_rosa.as_str()), ("draft", &draft), ("c/rules/1/keywords", "costo")];
    let refused = owner.post(PAGE, &late);
    assert_eq!(refused.status(), 422);
    let page = refused.text();
    assert!(page.contains("Somebody changed it meanwhile") && hidden(&page, "draft") == draft, "{page}");
    assert!(page.contains("costo</textarea>") && !page.contains("nuevo"), "{page}");
    let now = [("do", "save"), ("seen", &hidden(&page, "seen")), ("draft", &draft), ("c/rules/1/keywords", "costo")];
    assert_eq!(owner.post(PAGE, &now).status(), 303);
    let mut expected = rules.clone();
    expected[1]["keywords"] = json!(["costo"]);
    assert_eq!(gateway.get(PATH).expect(200)["config"]["rules"], expected);
    // One less, and what no button of ours says.
    let removed = post("remove:/rules/0", "", &[]).text();
    let draft: Value = serde_json::from_str(&hidden(&removed, "draft")).unwrap();
    assert_eq!((draft["rules"].as_array().unwrap().len(), &draft["rules"][0]["reply"]), (1, &json!("$450")));
    for (what, draft) in [("remove:/rules/9", ""), ("add:/text", ""), ("add:/rules", "7"), ("up:/rules/0", "{")] {
        let answer = post(what, draft, &[]);
        assert!(answer.status() < 500 && answer.status() != 303, "{what} {draft}: {}", answer.status());
    }
}

#[test]
fn nobody_but_an_owner_with_a_form_of_ours_changes_it() {
    let gateway = gateway();
    let people = ["viewer", "agent", "owner"].map(|role| Visitor::new(&gateway, role, role));
    let fields = [("do", "save"), ("c/text", "nunca"), ("as/text", "0")];
    for visitor in &people[..2] {
        assert_eq!((visitor.get(PAGE).status(), visitor.post(PAGE, &fields).status()), (403, 403));
        assert!(!visitor.get("/console/plugins").text().contains("data-testid=\"configure\""));
    }
    let url = gateway.url();
    assert_eq!(
        people[2].post_with(PAGE, &[("origin", &url)], &fields).status(),
        403,
        "without the secret of the session"
    );
    assert_eq!(says(&gateway, ANA, "hola"), "del archivo");
    assert_eq!(people[2].post(PAGE, &fields).status(), 303);
    assert_eq!(says(&gateway, ANA, "hola"), "nunca");
}

#[test]
fn a_plugin_may_be_called_what_it_likes() {
    let schema = json!({ "properties": { "word": { "type": "string" } } });
    let plugin = Plugin::that("reload", Behaviour::Reply("ok")).schema(&schema).config(&json!({}));
    let gateway = TestGateway::builder().plugin(plugin).start();
    let owner = Visitor::new(&gateway, "rosa", "owner");
    let page = "/console/plugins/reload";
    assert!(owner.get(page).text().contains("name=\"c/word\""));
    assert_eq!(owner.post(page, &[("do", "save"), ("c/word", "hola")]).status(), 303);
    assert_eq!(gateway.get("/v1/plugins/reload/config").expect(200)["config"], json!({ "word": "hola" }));
}

#[test]
fn what_the_schema_marks_is_shown_to_nobody_and_stays() {
    let schema = json!({ "properties": {
        "url": { "type": "string" },
        "token": { "type": "string", "writeOnly": true, "minLength": 8 },
        "mail": { "properties": { "password": { "type": "string", "format": "password" } } },
    } });
    let config = json!({ "url": "https://example.com", "token": "secreto-uno", "mail": { "password": "secreto-dos" } });
    let plugin = Plugin::that("crm", Behaviour::Reply("ok")).schema(&schema).config(&config);
    let gateway = TestGateway::builder().plugin(plugin).start();
    let owner = Visitor::new(&gateway, "rosa", "owner");
    let path = "/v1/plugins/crm/config";
    let shows_none = || {
        let shown = gateway.get(path);
        assert!(!shown.text().contains("secreto"), "{}", shown.text());
        let page = owner.get("/console/plugins/crm").text();
        assert!(!page.contains("secreto") && page.contains("type=\"password\""), "{page}");
        shown.expect(200)
    };
    let shown = shows_none();
    assert_eq!((&shown["config"]["url"], &shown["hidden"]), (&config["url"], &json!(["/mail/password", "/token"])));
    // What was got can be put, and blank is as before.
    gateway.put_with(path, &[], &shown["config"]).expect(200);
    assert_eq!(shows_none()["hidden"], shown["hidden"]);
    let fields =
        [("do", "save"), ("c/url", "https://example.org"), ("c/token", ""), ("c/mail/password", "secreto-tres")];
    assert_eq!(owner.post("/console/plugins/crm", &fields).status(), 303);
    let now = shows_none();
    assert_eq!((&now["config"]["url"], &now["hidden"]), (&json!("https://example.org"), &shown["hidden"]));
    // Neither is what is wrong with one.
    for (status, text) in [
        {
            let answer = gateway.put_with(path, &[], &json!({ "token": "secreto" }));
            (answer.status(), answer.text())
        },
        {
            let answer = owner.post("/console/plugins/crm", &[("do", "save"), ("c/token", "secreto")]);
            (answer.status(), answer.text())
        },
    ] {
        assert!(status == 422 && !text.contains("secreto"), "{status} {text}");
    }
    gateway.put_with(path, &[], &json!({ "token": null })).expect(200);
    assert_eq!(shows_none()["hidden"], json!([]), "left out as a whole, or taken away");
}

/// The plugin was changed, and takes no more what was kept of it.
#[test]
fn what_is_kept_and_does_not_fit_any_more_is_told_and_keeps_nothing_from_starting() {
    let crm = |most: u32| {
        let schema = json!({ "properties": { "n": { "type": "integer", "maximum": most } } });
        Plugin::that("crm", Behaviour::Reply("ok")).schema(&schema).config(&json!({ "n": 1 }))
    };
    let mut gateway =
        TestGateway::builder().config_toml("[plugin_files]\nwatch_s = 0").plugin(crm(10)).allow_errors().start();
    let owner = Visitor::new(&gateway, "rosa", "owner");
    let path = "/v1/plugins/crm/config";
    gateway.put_with(path, &[], &json!({ "n": 7 })).expect(200);
    gateway.set_plugins(&[crm(5)]);
    let refused = gateway.post("/v1/plugins/reload", &Value::Null).expect(422);
    assert!(refused["detail"].as_str().unwrap().contains("DELETE /v1/plugins/crm/config"), "{refused}");
    assert_eq!(gateway.get(path).expect(200)["config"], json!({ "n": 7 }), "what runs goes on");
    gateway.restart();
    let shown = gateway.get(path).expect(200);
    assert_eq!((&shown["config"], &shown["source"]), (&json!({ "n": 1 }), &json!("settings")));
    assert!(shown["problem"].as_str().unwrap().contains("`config/n`"), "{shown}");
    let line = "the config that is kept of a plugin does not fit it any more; that of the settings is in force";
    assert_eq!(wait_for("a line in the log", || gateway.log().find(line))["plugin"], "crm");
    for page in ["/console/plugins", "/console/plugins/crm"] {
        assert!(owner.get(page).text().contains("data-testid=\"unfit\""), "{page}");
    }
    let found = |state: &str| {
        let ran = run(gateway.folder(), &["--config", "test.toml", "--json", "doctor"], &[]).json();
        let findings = ran["findings"].as_array().cloned().unwrap();
        findings.iter().filter(|it| it["check"] == "plugins.crm" && it["state"] == state).count()
    };
    assert_eq!((found("warning"), found("ok")), (1, 1), "what is kept, and the settings' own");
    gateway.put_with(path, &[], &json!({ "n": 4 })).expect(200);
    assert_eq!((found("warning"), found("ok")), (0, 1));
    assert!(gateway.get(path).expect(200)["problem"].is_null());
}

#[test]
fn another_gateway_on_the_same_postgres_takes_it_up() {
    let Some(builder) = TestGateway::builder().plugin(auto_reply("del archivo")).postgres() else { return };
    let fleet = Fleet::start(builder, 2);
    // Past the balancer, signed as if it came by it.
    let signed_for = fleet.first().webhook_url("sms/inbound");
    let says = |number: usize| {
        let (signature, body) = sign(&signed_for, &form(&message_sid(), ANA, "hola"));
        let request = Request::post(format!("{}/webhooks/sms/inbound", fleet.url(number)))
            .header("x-twilio-signature", signature)
            .header("content-type", "application/x-www-form-urlencoded");
        said(&call(request.body(Bytes::from(body)).unwrap()).unwrap())
    };
    assert_eq!([says(0), says(1)], ["del archivo", "del archivo"]);
    let bearer = format!("Bearer {}", fleet.first().key());
    let put = |number: usize, text: &str| {
        let url = format!("{}{PATH}", fleet.url(number));
        call(json_request(Method::PUT, &url, &[("authorization", bearer.as_str())], &json!({ "text": text })))
            .unwrap()
            .expect(200);
    };
    put(0, "del primero");
    assert_eq!(says(0), "del primero");
    wait_for("the other gateway to take it up", || (says(1) == "del primero").then_some(()));
    put(1, "del segundo");
    wait_for("the first gateway to take it up", || (says(0) == "del segundo").then_some(()));
}
