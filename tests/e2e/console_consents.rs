//! Opting people out and in by hand, on the page of the person.

use recado_tests::{TestGateway, Visitor, run};
use serde_json::{Value, json};

const ANA: &str = "+529981112233";
const KEYS: [&str; 4] = [
    "0190a6d0-0000-7000-8000-000000000001",
    "0190a6d0-0000-7000-8000-000000000002",
    "0190a6d0-0000-7000-8000-000000000003",
    "0190a6d0-0000-7000-8000-000000000004",
];
const ATTACK: &str = "\"><img src=x onerror=alert(1)></textarea><script>alert(2)</script>";

struct Person {
    gateway: TestGateway,
    agent: Visitor,
    page: String,
    messages: String,
}

impl Person {
    fn new(settings: &str) -> Self {
        let gateway = TestGateway::builder().no_plugins().config_toml(settings).start();
        let agent = Visitor::new(&gateway, "rosa", "agent");
        gateway.text(ANA, "Hola");
        let conversation = gateway.conversations()[0].clone();
        let page = format!("/console/contacts/{}", conversation["contact_id"].as_str().unwrap());
        let messages = format!("/console/conversations/{}/messages", conversation["id"].as_str().unwrap());
        Self { gateway, agent, page, messages }
    }

    fn say(&self, choice: &str, way: &str, proof: &str) -> recado_tests::Answer {
        self.agent.post(&format!("{}/consent", self.page), &[("choice", choice), ("way", way), ("proof", proof)])
    }

    fn answer(&self, key: &str) -> recado_tests::Answer {
        self.agent.post(&self.messages, &[("text", "Una oferta"), ("key", key)])
    }

    fn ledger(&self) -> Vec<Value> {
        let path = format!("/v1/consents/history?address={}", ANA.replace('+', "%2B"));
        self.gateway.get(&path).expect(200)["items"].as_array().unwrap().clone()
    }
}

fn way() -> String {
    format!("{ANA} · sms")
}

#[test]
fn who_is_opted_out_by_hand_is_sent_nothing_until_they_are_opted_in() {
    let person = Person::new("");
    let page = person.agent.get(&person.page).text();
    assert!(page.contains("data-testid=\"opted_out\"") && page.contains(&way()), "{page}");
    assert!(page.contains("Nothing more is sent to them there"), "it says what it means: {page}");

    let done = person.say("opted_out", &way(), "  Llamó el 28, dijo: «no me escriban»  ");
    assert_eq!(done.status(), 303, "{}", done.text());
    let page = person.agent.get(&person.page).text();
    for piece in ["Opted out", "somebody by hand (rosa)", "«Llamó el 28, dijo: «no me escriban»»"] {
        assert!(page.contains(piece), "{piece} is not in {page}");
    }
    let [line] = person.ledger().try_into().unwrap();
    assert_eq!(
        (&line["choice"], &line["source"], &line["actor"], &line["proof"]),
        (&json!("opted_out"), &json!("console"), &json!("user rosa"), &json!("Llamó el 28, dijo: «no me escriban»"))
    );
    let refused = person.answer(KEYS[0]);
    let by_hand = reason(&refused.text());
    assert_eq!(refused.status(), 422);
    let to_api = json!({ "to": ANA, "text": "Una oferta" });
    let problem = person.gateway.post("/v1/messages", &to_api).expect(422);
    assert_eq!(problem["type"], "urn:recado:problem:opted-out");

    let again = person.say("opted_out", &way(), "otra vez");
    assert!(again.status() == 422 && again.text().contains("That was known"), "{}", again.text());
    assert_eq!(person.say("opted_in", &way(), "Escribió por correo: «sí, avísenme»").status(), 303);
    assert_eq!(person.answer(KEYS[1]).status(), 303);
    let sent = person.gateway.messages().into_iter().rev().find(|one| one["text"] == "Una oferta").unwrap();
    person.gateway.wait_for_status(sent["id"].as_str().unwrap(), "delivered");

    // By their own word, it is the same reason, and takes the same to undo.
    person.gateway.text(ANA, "STOP");
    let refused = person.answer(KEYS[2]);
    assert_eq!((refused.status(), reason(&refused.text())), (422, by_hand));
    assert!(person.agent.get(&person.page).text().contains("They opted out by their own word"));
    assert_eq!(person.say("opted_in", &way(), "").status(), 422);
    assert_eq!(person.say("opted_in", &way(), "Vino a la tienda y lo pidió").status(), 303);
    assert_eq!(person.ledger().len(), 4);

    let audit = run(person.gateway.folder(), &["--config", "test.toml", "--json", "audit"], &[]).good().json();
    let of = |action: &str| {
        let entries = audit.as_array().unwrap().iter();
        entries.filter(|one| one["actor"] == "user" && one["action"] == action).count()
    };
    assert_eq!((of("consent.opted_out"), of("consent.opted_in")), (1, 2), "{audit}");
    assert!(!audit.to_string().contains("998111"), "numbers are in the ledger alone: {audit}");
}

fn reason(page: &str) -> String {
    let refusal = page.split("data-testid=\"refusal\">").nth(1).expect("a refusal");
    refusal.split("</p>").next().unwrap().to_owned()
}

#[test]
fn what_waits_ends_and_everywhere_means_everywhere() {
    let person = Person::new("[gate]\nscope = \"business\"\n");
    let page = person.agent.get(&person.page).text();
    assert!(page.contains("It counts for all of their addresses and all channels."), "{page}");
    let later = json!({ "to": ANA, "text": "Más tarde", "send_at": "2027-01-10T09:00:00Z" });
    let id = person.gateway.post("/v1/messages", &later).expect(202)["id"].as_str().unwrap().to_owned();
    assert_eq!(person.say("opted_out", &way(), "Lo pidió por teléfono").status(), 303);
    assert_eq!(person.gateway.message(&id)["status"], "failed");
}

#[test]
fn nothing_is_put_down_without_a_proof_a_place_and_a_role() {
    let person = Person::new("");
    let kept = person.say("opted_out", &way(), "  ");
    assert!(kept.status() == 422 && kept.text().contains("Write down what there is to show"), "{}", kept.text());
    assert_eq!(person.say("opted_out", &way(), &"x".repeat(2001)).status(), 422);
    let elsewhere = person.say("opted_out", "+529981112299 · sms", "Lo dijo");
    let page = elsewhere.text();
    assert!(
        elsewhere.status() == 422 && page.contains(">Lo dijo</textarea>") && page.contains("Choose where"),
        "{page}"
    );
    assert_eq!(person.say("opted_out", &format!("{ANA} · fax"), "Lo dijo").status(), 422);
    assert_eq!(person.say("shout", &way(), "Lo dijo").status(), 400);
    let path = format!("{}/consent", person.page);
    let form = [("choice", "opted_out"), ("proof", "Lo dijo"), ("csrf", "0123456789")];
    assert_eq!(person.agent.post_with(&path, &[("origin", &person.gateway.url())], &form).status(), 403);
    let viewer = Visitor::new(&person.gateway, "vera", "viewer");
    let way = way();
    let form = [("choice", "opted_out"), ("way", way.as_str()), ("proof", "Lo dijo")];
    assert_eq!(viewer.post(&path, &form).status(), 403);
    assert!(!viewer.get(&person.page).text().contains("data-testid=\"opted_out\""));
    let nobody = "/console/contacts/0190a6d0-0000-7000-8000-000000000001/consent";
    assert_eq!(person.agent.post(nobody, &form).status(), 404);
    assert_eq!(person.ledger(), [] as [Value; 0]);

    let attack = person.agent.post(&path, &[("choice", "opted_out"), ("way", ATTACK), ("proof", ATTACK)]);
    assert_eq!(person.say("opted_out", &way, ATTACK).status(), 303);
    for page in [attack.text(), person.agent.get(&person.page).text()] {
        assert!(page.contains("onerror=alert(1)") && !page.contains("<img src=x") && !page.contains("<script>alert"));
    }
}
