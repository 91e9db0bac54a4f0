//! Answers in a thread that are made of templates.

use ::http::Method;
use recado::clock::{Clock, SystemClock};
use recado_tests::{TestGateway, Visitor, wait_for};
use serde_json::{Value, json};

use super::console_templates::{ANA, KEY, SID, hidden, order, thread};

const OTHER_KEY: &str = "0190a6d0-0000-7000-8000-000000000002";
const THIRD_KEY: &str = "0190a6d0-0000-7000-8000-000000000003";

fn sent(gateway: &TestGateway) -> Vec<Value> {
    gateway.messages().into_iter().filter(|one| one["direction"] == "outbound").collect()
}

#[test]
fn an_answer_is_made_of_a_template_as_the_api_makes_one() {
    let gateway = TestGateway::builder().no_plugins().start();
    gateway.post("/v1/templates", &order()).expect(201);
    let agent = Visitor::new(&gateway, "rosa", "agent");
    gateway.text(ANA, "¿Está listo?");
    let contact = gateway.get("/v1/contacts").expect(200)["items"][0]["id"].as_str().unwrap().to_owned();
    let person = format!("/console/contacts/{contact}");
    assert_eq!(agent.post(&person, &[("do", "name"), ("name", "Ana Ruiz")]).status(), 303);
    assert_eq!(agent.post(&person, &[("do", "set"), ("attribute", "place"), ("value", "Mérida")]).status(), 303);
    let (path, messages) = (thread(&gateway), format!("{}/messages", thread(&gateway)));
    assert!(agent.get(&path).text().contains("<option value=\"order-ready\">order-ready</option>"));

    // Choosing sends nothing, keeps what was written, and fills in what is known.
    let chosen = agent.post(&messages, &[("template", "order-ready"), ("text", "Ya casi"), ("key", KEY)]);
    let page = chosen.text();
    assert_eq!(chosen.status(), 200, "{page}");
    assert_eq!(
        (hidden(&page, "value-name"), hidden(&page, "value-place")),
        ("Ana Ruiz".to_owned(), "Mérida".to_owned())
    );
    assert_eq!((hidden(&page, "text"), hidden(&page, "version")), ("Ya casi".to_owned(), "1".to_owned()));
    assert!(page.contains("Missing: <code>total</code>"), "{page}");
    let back = agent.post(&messages, &[("template", ""), ("made", "order-ready"), ("text", "Ya casi"), ("key", KEY)]);
    assert!(back.status() == 200 && back.text().contains(">Ya casi</textarea>"), "{}", back.text());

    let form = |total: &'static str, locale: &'static str, key: &'static str| {
        [
            ("template", "order-ready"),
            ("made", "order-ready"),
            ("version", "1"),
            ("locale", locale),
            ("value-name", "Ana Ruiz"),
            ("value-total", total),
            ("value-place", ""),
            ("key", key),
        ]
    };
    let preview = |total| agent.post(&format!("{path}/preview"), &form(total, "es", KEY)).text();
    let seen = preview("4");
    assert!(seen.contains("Hola Ana Ruiz: 8 en la tienda") && seen.contains("GSM-7") && seen.contains(SID), "{seen}");
    assert!(preview("").contains("Missing: <code>total</code>"));
    assert!(preview("cuatro").contains("<code>total</code>: This is no number."));
    assert!(preview("1,5").contains("Hola Ana Ruiz: 3.0 en la tienda"), "{}", preview("1,5"));
    for total in ["", "cuatro"] {
        let refused = agent.post(&messages, &form(total, "es", KEY));
        assert_eq!(refused.status(), 422);
        let page = refused.text();
        let field = page.split("id=\"value-total\"").nth(1).unwrap().split("</div>").next().unwrap();
        assert!(field.contains("data-testid=\"wrong\"") && page.contains("data-testid=\"refusal\""), "{page}");
    }
    assert_eq!(sent(&gateway), [] as [Value; 0]);

    // Somebody saves another version meanwhile: what was seen is what is sent.
    let mut another = order();
    another["bodies"]["en"]["text"] = json!("Bye");
    gateway.put_with("/v1/templates/order-ready", &[], &another).expect(200);
    assert_eq!(agent.post(&messages, &form("4", "en", KEY)).status(), 303);
    assert_eq!(agent.post(&messages, &form("4", "en", KEY)).status(), 303, "a double click");
    assert_eq!(agent.post(&messages, &form("5", "en", KEY)).status(), 422, "a form is one message");
    let [message] = sent(&gateway).try_into().unwrap();
    assert_eq!(message["text"], "Hi Ana Ruiz: 8 at la tienda");
    let id = message["id"].as_str().unwrap();
    gateway.wait_for_status(id, "delivered");
    assert!(gateway.twilio_messages().iter().any(|one| one["body"] == message["text"]), "it is what arrived");
    let used = json!({ "name": "order-ready", "version": 1 });
    assert_eq!(gateway.get(&format!("/v1/messages/{id}/trace")).expect(200)["template"], used);
    let trace = agent.get(&format!("/console/messages/{id}/trace")).text();
    assert!(trace.contains("/console/templates/order-ready?version=1") && trace.contains("version 1"), "{trace}");
    wait_for("the author", || agent.get(&path).text().contains("<span class=\"by\">rosa</span>").then_some(()));

    // The provider's own template goes where one is mapped.
    assert_eq!(agent.post(&messages, &form("4", "es", OTHER_KEY)).status(), 303);
    let spanish = sent(&gateway).into_iter().find(|one| one["text"] == "Hola Ana Ruiz: 8 en la tienda").unwrap();
    assert_eq!(spanish["options"]["content"], json!({ "sid": SID, "variables": { "1": "Ana Ruiz" } }));
    gateway.wait_for_status(spanish["id"].as_str().unwrap(), "delivered");

    // What was begun before the template was chosen is still there, and was not sent.
    let begun = [&form("4", "es", THIRD_KEY)[..], &[("text", "Ya casi")]].concat();
    let after = agent.post(&messages, &begun);
    assert!(after.status() == 200 && after.text().contains(">Ya casi</textarea>"), "{}", after.text());
    let there = sent(&gateway);
    assert!(there.len() == 3 && there.iter().all(|one| one["text"] != "Ya casi"), "{there:?}");
}

#[test]
fn a_template_is_planned_and_refused_as_a_text_is() {
    let gateway = TestGateway::builder().no_plugins().start();
    let plain = json!({ "name": "hola", "default_locale": "es", "bodies": { "es": { "text": "Hola" } } });
    gateway.post("/v1/templates", &plain).expect(201);
    let agent = Visitor::new(&gateway, "rosa", "agent");
    gateway.text(ANA, "Hola");
    let messages = format!("{}/messages", thread(&gateway));
    let now = SystemClock.now().to_zoned(jiff::tz::TimeZone::UTC);
    let at = now.checked_add(jiff::Span::new().days(30)).unwrap().strftime("%Y-%m-%dT09:00").to_string();
    let form = |at, key| [("template", "hola"), ("made", "hola"), ("version", "1"), ("send_at", at), ("key", key)];
    assert_eq!(agent.post(&messages, &form("mañana", KEY)).status(), 422);
    assert_eq!(agent.post(&messages, &form(&at, KEY)).status(), 303);
    let [message] = sent(&gateway).try_into().unwrap();
    assert_eq!(message["send_at"], format!("{}T14:00:00Z", at.split('T').next().unwrap()));
    let cancel = format!("/console/messages/{}/cancel", message["id"].as_str().unwrap());
    assert_eq!(agent.post(&cancel, &[]).status(), 303);

    gateway.text(ANA, "STOP");
    let refused = agent.post(&messages, &form("", OTHER_KEY));
    let page = refused.text();
    assert!(refused.status() == 422 && page.contains("opted out and can&#39;t be written to"), "{page}");
    assert!(page.contains("data-testid=\"made\""), "what was chosen stays: {page}");
    let archived = gateway.request(
        Method::DELETE,
        "/v1/templates/hola",
        &[("authorization", &format!("Bearer {}", gateway.key()))],
        "",
    );
    archived.expect(200);
    let gone = agent.post(&messages, &form("", OTHER_KEY));
    assert!(gone.status() == 422 && gone.text().contains("was archived"), "{}", gone.text());
    assert_eq!(agent.post(&messages, &form(&at, KEY)).status(), 303, "what was sent before was sent");
}
