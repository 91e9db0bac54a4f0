//! Erasing a person: by the API and from their page, with what is left of them.

use http::Method;
use recado_tests::{Answer, TestGateway, Visitor, form, run, wait_for};
use serde_json::{Value, json};

use super::message_sid;

const ANA: &str = "+529981122334";

fn erase(gateway: &TestGateway, id: &str, etag: Option<&str>) -> Answer {
    let bearer = format!("Bearer {}", gateway.key());
    let mut headers = vec![("authorization", bearer.as_str())];
    headers.extend(etag.map(|etag| ("if-match", etag)));
    gateway.request(Method::DELETE, &format!("/v1/contacts/{id}"), &headers, "")
}

fn contacts(gateway: &TestGateway) -> Vec<Value> {
    gateway.all("/v1/contacts")
}

#[test]
fn an_erased_person_leaves_ids_and_what_they_said_of_consent() {
    let gateway = TestGateway::builder().no_plugins().start();
    let sid = message_sid();
    let hook = form(&sid, ANA, "soy Ana y vivo en la calle secreta");
    assert_eq!(gateway.signed_webhook("sms/inbound", &hook).status(), 200);
    let [ana] = contacts(&gateway).try_into().unwrap();
    let id = ana["id"].as_str().unwrap();
    let later = recado::clock::Clock::now(&recado::clock::SystemClock) + jiff::SignedDuration::from_hours(1);
    let planned = json!({ "to": ANA, "text": "hasta luego, Ana", "send_at": later });
    let planned = gateway.post("/v1/messages", &planned).expect(202)["id"].as_str().unwrap().to_owned();
    let mark = gateway.get(&format!("/v1/contacts/{id}")).header("etag").unwrap().to_owned();
    assert_eq!(erase(&gateway, id, Some("\"other\"")).status(), 412);
    wait_for("the text to be processed", || {
        let done =
            gateway.messages().iter().all(|one| one["direction"] != "inbound" || one["processed_at"].is_string());
        done.then_some(())
    });
    let erased = erase(&gateway, id, Some(&mark));
    assert_eq!((erased.status(), erased.text()), (204, String::new()));
    assert_eq!(erase(&gateway, id, None).status(), 404);
    assert_eq!(gateway.get(&format!("/v1/contacts/{id}")).status(), 404);
    assert!(contacts(&gateway).is_empty());

    let messages = gateway.messages();
    assert!(messages.iter().all(|one| one["text"] == ""), "{messages:?}");
    assert_eq!(gateway.message(&planned)["status"], "canceled");
    let trace = gateway.get(&format!("/v1/messages/{planned}/trace")).text();
    assert!(!trace.contains("Ana"), "{trace}");

    // A late repeat is one, and somebody who writes then is somebody new.
    assert_eq!(gateway.signed_webhook("sms/inbound", &hook).status(), 200);
    assert_eq!(gateway.messages().len(), messages.len());
    assert_eq!(gateway.signed_webhook("sms/inbound", &form(&message_sid(), ANA, "STOP")).status(), 200);
    let [new] = contacts(&gateway).try_into().unwrap();
    assert_ne!(new["id"], id);
    let again = || erase(&gateway, new["id"].as_str().unwrap(), None).status();
    wait_for("the other to be erased", || (again() == 204).then_some(()));
    let refused = gateway.post("/v1/messages", &json!({ "to": ANA, "text": "oferta" }));
    assert_eq!(refused.status(), 422, "who opted out still has: {}", refused.text());

    let entries = run(gateway.folder(), &["--config", "test.toml", "--json", "audit"], &[]).good().json();
    let erased = entries.as_array().unwrap().iter().filter(|entry| entry["action"] == "contact.erased");
    assert_eq!(erased.count(), 2);
}

#[test]
fn whoever_is_being_written_to_is_not_erased_meanwhile() {
    let provider = recado_tests::ScriptedProvider::start([recado_tests::Step::Cut]);
    let gateway = TestGateway::builder().no_plugins().provider(&provider).allow_unsent().start();
    let sent = gateway.post("/v1/messages", &json!({ "to": ANA, "text": "hola" })).expect(202);
    gateway.wait_for_status(sent["id"].as_str().unwrap(), "unknown");
    let [ana] = contacts(&gateway).try_into().unwrap();
    let refused = erase(&gateway, ana["id"].as_str().unwrap(), None).expect(409);
    assert_eq!(refused["type"], "urn:recado:problem:under-way");
    assert_eq!(contacts(&gateway).len(), 1, "nothing was done");
}

#[test]
fn whoever_owns_it_erases_a_person_from_their_page_once_they_say_that_they_mean_it() {
    let gateway = TestGateway::builder().no_plugins().start();
    let (owner, agent) = (Visitor::new(&gateway, "rosa", "owner"), Visitor::new(&gateway, "luis", "agent"));
    gateway.text(ANA, "soy Ana y vivo en la calle secreta");
    let conversation = gateway.conversations()[0].clone();
    let thread = format!("/console/conversations/{}", conversation["id"].as_str().unwrap());
    let page = format!("/console/contacts/{}", conversation["contact_id"].as_str().unwrap());
    let path = format!("{page}/erase");
    assert!(owner.get(&page).text().contains("There is no way back."));
    assert!(!agent.get(&page).text().contains("data-testid=\"erase\""));
    assert!(owner.get(&thread).text().contains(&format!("href=\"{page}\"")));

    assert_eq!(agent.post(&path, &[("sure", "yes")]).status(), 403);
    let form = [("sure", "yes"), ("csrf", "0123456789")];
    assert_eq!(owner.post_with(&path, &[("origin", &gateway.url())], &form).status(), 403);
    let unsure = owner.post(&path, &[]);
    assert_eq!(unsure.status(), 422);
    let text = unsure.text();
    assert!(text.contains("Tick yes if this person") && text.contains("data-testid=\"erase\" open"), "{text}");
    assert_eq!(contacts(&gateway).len(), 1, "nothing was done");

    let done = owner.post(&path, &[("sure", "yes")]);
    assert_eq!((done.status(), done.header("location")), (303, Some("/console?erased=yes")));
    assert!(owner.get("/console?erased=yes").text().contains("The person was erased."));
    assert!(contacts(&gateway).is_empty());
    assert_eq!((owner.get(&page).status(), owner.post(&path, &[("sure", "yes")]).status()), (404, 404));
    let left = owner.get(&thread).text();
    assert!(
        left.contains("data-testid=\"was-erased\"") && !left.contains("secreta") && !left.contains(&page),
        "{left}"
    );
    let entries = run(gateway.folder(), &["--config", "test.toml", "--json", "audit"], &[]).good().json();
    let erased = entries.as_array().unwrap().iter().filter(|entry| entry["action"] == "contact.erased");
    assert_eq!(erased.map(|entry| entry["actor"].as_str().unwrap()).collect::<Vec<_>>(), ["user"]);
}

#[test]
fn the_page_says_why_somebody_is_not_erased_yet() {
    let provider = recado_tests::ScriptedProvider::start([recado_tests::Step::Cut]);
    let gateway = TestGateway::builder().no_plugins().provider(&provider).allow_unsent().start();
    let owner = Visitor::new(&gateway, "rosa", "owner");
    let sent = gateway.post("/v1/messages", &json!({ "to": ANA, "text": "hola" })).expect(202);
    gateway.wait_for_status(sent["id"].as_str().unwrap(), "unknown");
    let [ana] = contacts(&gateway).try_into().unwrap();
    let refused = owner.post(&format!("/console/contacts/{}/erase", ana["id"].as_str().unwrap()), &[("sure", "yes")]);
    assert_eq!(refused.status(), 422);
    assert!(refused.text().contains("Something is still on its way"), "{}", refused.text());
    assert_eq!(contacts(&gateway).len(), 1, "nothing was done");
}

#[test]
fn what_was_sent_to_nobody_else_goes_with_whom_it_was_for() {
    let gateway = TestGateway::builder().no_plugins().start();
    let upload = |contents: &'static str| {
        let bearer = format!("Bearer {}", gateway.key());
        let headers = [("authorization", bearer.as_str()), ("content-type", "application/pdf")];
        gateway.request(Method::POST, "/v1/media", &headers, contents).expect(201)["media"].clone()
    };
    let [hers, everybodys] = [upload("%PDF-1.4 for Ana alone"), upload("%PDF-1.4 for everybody")];
    let send = |to: &str, media: &Value| {
        gateway.post("/v1/messages?wait=sent", &json!({ "to": to, "media": [media] })).expect(200)["media"][0].clone()
    };
    let own = send(ANA, &hers);
    send(ANA, &everybodys);
    let others = send("+529981122335", &everybodys);
    let look = |medium: &Value| {
        let link = medium["url"].as_str().unwrap().strip_prefix(&gateway.url()).unwrap().to_owned();
        [gateway.request(Method::GET, &link, &[], "").status(), gateway.get(medium["href"].as_str().unwrap()).status()]
    };
    assert_eq!(look(&own), [200, 200]);
    let ana = contacts(&gateway).into_iter().find(|one| one["addresses"].to_string().contains(ANA)).unwrap();
    wait_for("nothing of hers to be on its way", || {
        (erase(&gateway, ana["id"].as_str().unwrap(), None).status() == 204).then_some(())
    });
    assert_eq!((look(&own), look(&others)), ([404, 404], [200, 200]));
    let again =
        |media: &Value| gateway.post("/v1/messages", &json!({ "to": "+529981122335", "media": [media] })).status();
    assert_eq!((again(&hers), again(&everybodys)), (422, 202));
}
