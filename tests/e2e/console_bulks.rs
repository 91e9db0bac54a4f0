//! Bulk sends made, looked at and stopped in the console.

use std::time::Duration;

use ::http::Method;
use recado::clock::{Clock, SystemClock};
use recado_tests::{TestGateway, Visitor, run, wait_up_to};
use serde_json::{Value, json};

const LONG: Duration = Duration::from_mins(1);
const KEY: &str = "0190a6d0-0000-7000-8000-000000000001";
const ATTACK: &str = "\"><img src=x onerror=alert(1)><script>alert(2)</script>";

fn with_template() -> TestGateway {
    let gateway = TestGateway::builder().no_plugins().start();
    let template = json!({
        "name": "sale", "default_locale": "es", "variables": { "nombre": { "example": "Ana" } },
        "bodies": { "es": { "text": "Hola {{ nombre }}, hay oferta" }, "en": { "text": "Hi {{ nombre }}, there is a sale" } },
    });
    gateway.post("/v1/templates", &template).expect(201);
    gateway
}

fn hidden(page: &str, name: &str) -> String {
    let field = page.split("<input").find(|field| field.contains(&format!("name=\"{name}\""))).expect("the field");
    field.split("value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned()
}

/// Looks at it and sends it: the path of its page.
fn send(agent: &Visitor, form: &[(&str, &str)]) -> String {
    let looked = agent.post("/console/bulks", form);
    assert_eq!(looked.status(), 200, "{}", looked.text());
    let page = looked.text();
    let (seen, key) = (hidden(&page, "seen"), hidden(&page, "key"));
    let more = [("do", "send"), ("seen", seen.as_str()), ("key", key.as_str())];
    let form: Vec<_> = form.iter().copied().chain(more).collect();
    let sent = agent.post("/console/bulks", &form);
    assert_eq!(sent.status(), 303, "{}", sent.text());
    let path = sent.header("location").unwrap().to_owned();
    // A double click.
    assert_eq!(agent.post("/console/bulks", &form).header("location"), Some(path.as_str()));
    path
}

fn bulks(gateway: &TestGateway) -> Vec<Value> {
    gateway.get("/v1/bulks").expect(200)["items"].as_array().unwrap().clone()
}

fn wait_for_text(agent: &Visitor, path: &str, words: &str) -> String {
    let mut last = String::new();
    let found = wait_up_to(LONG, || {
        last = agent.get(path).text();
        last.contains(words).then(|| last.clone())
    });
    found.unwrap_or_else(|| panic!("{words} is not on {path}: {last}"))
}

#[test]
fn a_list_is_looked_at_line_by_line_and_then_sent_once() {
    let gateway = with_template();
    let agent = Visitor::new(&gateway, "rosa", "agent");
    gateway.text("+529981150009", "STOP");
    let list = "nombre;para;idioma\r\nAna;9981150001;\r\n\r\nLuis;998;\r\nEva;+52 998 115 0001;\r\nOlga;9981150003;en\r\n;9981150004;\r\nPau;9981150009;\r\n";
    let form = [("name", "Rebajas"), ("template", "sale"), ("recipients", list)];
    let looked = agent.post("/console/bulks", &form);
    let page = looked.text();
    assert_eq!(looked.status(), 200, "{page}");
    assert!(page.contains("3 can be sent to") && page.contains("3 can&#39;t be sent to"), "{page}");
    assert!(page.contains("Hola Ana, hay oferta") && page.contains("GSM-7"), "the first: {page}");
    for (line, reason) in [(4, "998"), (5, "+529981150001"), (7, "nombre")] {
        let row = page.split("data-testid=\"wrong-line\"").find(|row| row.starts_with(&format!("><td>{line}</td>")));
        assert!(row.is_some_and(|row| row.split("</tr>").next().unwrap().contains(reason)), "line {line}: {page}");
    }
    assert_eq!(bulks(&gateway), [] as [Value; 0], "looking sends nothing");

    let path = send(&agent, &form);
    let [bulk] = bulks(&gateway).try_into().unwrap();
    assert_eq!(path, format!("/console/bulks/{}", bulk["id"].as_str().unwrap()));
    assert_eq!((&bulk["name"], &bulk["total"]), (&json!("Rebajas"), &json!(6)));
    wait_for_text(&agent, &path, "<strong>2</strong> delivered");
    let page = wait_for_text(&agent, &path, "data-testid=\"state\">done<");
    assert!(page.contains("6 of 6"), "{page}");
    assert!(page.contains("<strong>3</strong> refused") && page.contains("<strong>1</strong> repeated"), "{page}");
    let refused = page.split("data-testid=\"recipient\"").find(|row| row.contains("+529981150009")).unwrap();
    assert!(!refused.split("<td>").nth(3).unwrap().trim_start().starts_with("</td>"), "the reason: {refused}");
    let delivered = agent.get(&format!("{path}?state=delivered")).text();
    assert_eq!(delivered.matches("data-testid=\"recipient\"").count(), 2, "{delivered}");
    assert!(agent.get("/console/bulks").text().contains("Rebajas"));
    let messages = gateway.get("/v1/messages?direction=outbound").expect(200);
    assert!(
        messages["items"].as_array().unwrap().iter().any(|one| one["text"] == "Hi Olga, there is a sale"),
        "{messages}"
    );
}

#[test]
fn what_was_not_looked_at_is_not_sent() {
    let gateway = with_template();
    let agent = Visitor::new(&gateway, "rosa", "agent");
    let form = [("text", "Hola"), ("recipients", "9981150001")];
    let page = agent.post("/console/bulks", &form).text();
    let seen = hidden(&page, "seen");
    for (seen, recipients) in [("", "9981150001"), (seen.as_str(), "9981150001\n9981150002")] {
        let form = [("text", "Hola"), ("recipients", recipients), ("do", "send"), ("seen", seen), ("key", KEY)];
        let again = agent.post("/console/bulks", &form);
        assert_eq!(again.status(), 422);
        assert!(again.text().contains("look again") && again.text().contains("data-testid=\"send\""));
    }
    for wrong in [
        vec![("text", "Hola")],
        vec![("recipients", "9981150001")],
        vec![("recipients", "9981150001"), ("text", "Hola"), ("template", "sale")],
        vec![("recipients", "9981150001"), ("template", "none")],
        vec![("recipients", "to,a,a\n9981150001,1,2"), ("template", "sale")],
        vec![("recipients", "to\n9981150001,1"), ("template", "sale")],
        vec![("recipients", "to,nombre\n9981150001,\"Ana\n9981150002,Eva"), ("template", "sale")],
        vec![("recipients", "9981150001"), ("text", "Hola"), ("send_at", "mañana")],
    ] {
        let refused = agent.post("/console/bulks", &wrong);
        assert_eq!(refused.status(), 422, "{wrong:?}");
        assert!(refused.text().contains("data-testid=\"error\""), "{wrong:?}");
    }
    assert_eq!(bulks(&gateway), [] as [Value; 0]);
}

#[test]
fn what_is_sent_is_what_was_looked_at_whatever_the_template_is_by_then() {
    let gateway = with_template();
    let agent = Visitor::new(&gateway, "rosa", "agent");
    let form = [("template", "sale"), ("recipients", "para,nombre\n9981150001,Ana")];
    let page = agent.post("/console/bulks", &form).text();
    assert!(page.contains("Hola Ana, hay oferta"), "{page}");
    let another = json!({
        "default_locale": "es", "variables": { "nombre": { "example": "Ana" } },
        "bodies": { "es": { "text": "Adiós {{ nombre }}" } },
    });
    gateway.put_with("/v1/templates/sale", &[], &another).expect(200);
    let (seen, key) = (hidden(&page, "seen"), hidden(&page, "key"));
    let more = [("do", "send"), ("seen", seen.as_str()), ("key", key.as_str())];
    let sent = agent.post("/console/bulks", &[&form[..], &more[..]].concat());
    assert_eq!(sent.status(), 303, "{}", sent.text());
    wait_for_text(&agent, sent.header("location").unwrap(), "<strong>1</strong> delivered");
    let messages = gateway.get("/v1/messages?direction=outbound").expect(200);
    assert_eq!(messages["items"][0]["text"], "Hola Ana, hay oferta");
}

#[test]
fn it_is_paused_resumed_and_canceled_by_who_may_and_that_is_on_record() {
    let gateway = with_template();
    let people = ["viewer", "agent"].map(|role| Visitor::new(&gateway, role, role));
    let [viewer, agent] = &people;
    let now = SystemClock.now().to_zoned(jiff::tz::TimeZone::UTC);
    let at = now.checked_add(jiff::Span::new().days(30)).unwrap().strftime("%Y-%m-%dT09:00").to_string();
    let path = send(agent, &[("text", "Hola"), ("recipients", "9981150001\n9981150002"), ("send_at", &at)]);
    let change = |who: &Visitor, what: &str| who.post(&format!("{path}/{what}"), &[]).status();
    assert_eq!(["pause", "resume", "cancel"].map(|what| change(viewer, what)), [403; 3]);
    assert_eq!(viewer.get("/console/bulks/new").status(), 403);
    assert_eq!(viewer.post("/console/bulks", &[("text", "x"), ("recipients", "9981150001")]).status(), 403);
    assert!(!viewer.get(&path).text().contains("data-testid=\"pause\""));
    assert!(!viewer.get("/console/bulks").text().contains("data-testid=\"new\""));
    let forged = agent.post_with(&format!("{path}/cancel"), &[("origin", &gateway.url())], &[("csrf", "0123456789")]);
    assert_eq!(forged.status(), 403);
    let form = [("text", "x"), ("recipients", "9981150001"), ("csrf", "0123456789")];
    assert_eq!(agent.post_with("/console/bulks", &[("origin", &gateway.url())], &form).status(), 403);
    for page in [&path, "/console/bulks", "/console/bulks/new"] {
        assert_eq!(gateway.request(Method::GET, page, &[], "").status(), 303, "{page}");
    }

    assert_eq!(change(agent, "pause"), 303);
    assert!(agent.get(&path).text().contains("data-testid=\"state\">paused<"));
    assert_eq!(change(agent, "resume"), 303);
    assert_eq!(change(agent, "cancel"), 303);
    let page = wait_for_text(agent, &path, "<strong>2</strong> canceled");
    assert!(page.contains("data-testid=\"state\">canceled<") && !page.contains("data-testid=\"resume\""), "{page}");
    assert_eq!(change(agent, "resume"), 422, "it is over");
    assert_eq!(change(agent, "explode"), 404);
    assert_eq!(agent.get(&format!("/console/bulks/{KEY}")).status(), 404);

    // By an API key too.
    let bulk = json!({ "text": "Hola", "recipients": [{ "to": "+529981150005" }], "send_at": format!("{at}:00Z") });
    let id = gateway.post("/v1/bulks", &bulk).expect(202)["id"].as_str().unwrap().to_owned();
    gateway.post(&format!("/v1/bulks/{id}/cancel"), &json!({})).expect(200);
    let audit = run(gateway.folder(), &["--config", "test.toml", "--json", "audit"], &[]).good().json();
    let entries = audit.as_array().unwrap();
    let of = |subject: &str| {
        let actions = ["bulk.created", "bulk.paused", "bulk.resumed", "bulk.canceled"];
        actions.map(|action| entries.iter().filter(|one| one["action"] == action && one["subject"] == subject).count())
    };
    assert_eq!(of(path.rsplit('/').next().unwrap()), [1; 4], "{audit}");
    assert_eq!(of(&id), [1, 0, 0, 1], "{audit}");
}

#[test]
fn nothing_in_a_bulk_send_becomes_a_part_of_a_page() {
    let gateway = with_template();
    let agent = Visitor::new(&gateway, "rosa", "owner");
    let list =
        format!("para,nombre\n9981150001,\"{}\"\n\"{}\",x\n", ATTACK.replace('"', "\"\""), ATTACK.replace('"', "\"\""));
    let form = [("name", ATTACK), ("template", "sale"), ("recipients", list.as_str())];
    let looked = agent.post("/console/bulks", &form).text();
    let path = send(&agent, &form);
    let pages = [looked, wait_for_text(&agent, &path, "data-testid=\"recipient\""), agent.get("/console/bulks").text()];
    for page in pages {
        assert!(page.contains("onerror=alert(1)"), "it is shown: {page}");
        assert!(!page.contains("<img src=x") && !page.contains("<script>alert"), "{page}");
    }
    let bad = agent.post("/console/bulks", &[("template", ATTACK), ("text", ""), ("recipients", ATTACK)]);
    assert_eq!(bad.status(), 422);
    assert!(!bad.text().contains("<img src=x") && !bad.text().contains("<script>alert"));
}

/// Who lets people in, writes templates and puts down consents is on record, with what they did it to.
#[test]
fn what_is_changed_by_hand_is_on_record() {
    let gateway = with_template();
    let owner = Visitor::new(&gateway, "ana", "owner");
    let new = [("name", "rosa"), ("role", "viewer"), ("locale", "es"), ("password", "de diez letras")];
    assert_eq!(owner.post("/console/users", &new).status(), 303);
    assert_eq!(owner.post("/console/users", &new).status(), 422, "there is one");
    let users = owner.get("/console/users").text();
    let rosa = users.split("user-").find_map(|part| part.contains(">rosa").then(|| part.get(..36).unwrap())).unwrap();
    for form in
        [[("do", "role"), ("role", "agent")], [("do", "disable"), ("role", "")], [("do", "enable"), ("role", "")]]
    {
        assert_eq!(owner.post(&format!("/console/users/{rosa}"), &form).status(), 303);
    }
    let out = json!({ "address": "+529981150001", "state": "opted_out" });
    gateway.post("/v1/consents", &out).expect(201);
    gateway.post("/v1/consents", &out).expect(200);
    let item = json!({ "line": 1, "address": "+529981150002", "state": "opted_out" });
    for dry_run in [true, false] {
        gateway.post("/v1/consents/import", &json!({ "items": [item], "dry_run": dry_run })).expect(200);
    }
    let audit = run(gateway.folder(), &["--config", "test.toml", "--json", "audit"], &[]).good().json();
    let of = |actor: &str, action: &str| {
        let entries = audit.as_array().unwrap().iter();
        entries
            .filter(|one| one["actor"] == actor && one["action"] == action)
            .map(|one| one["subject"].clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(of("command", "user.created").len(), 1, "{audit}");
    for action in ["user.created", "user.role_set", "user.disabled", "user.enabled"] {
        assert_eq!(of("user", action), [json!(rosa)], "{action}: {audit}");
    }
    assert_eq!(of("key", "template.saved"), [json!("sale")], "{audit}");
    assert_eq!(of("key", "consent.opted_out").len(), 1, "what was known is no change: {audit}");
    assert_eq!(of("key", "consents.imported"), [json!("lines: 1")], "a dry run is none: {audit}");
    assert!(!audit.to_string().contains("998115"), "numbers are in the ledger alone: {audit}");
}
