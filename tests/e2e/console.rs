//! What people do in the console, by HTTP.

use ::http::Method;
use recado::clock::{Clock, SystemClock};
use recado_tests::{TestGateway, Visitor, run, wait_for};
use serde_json::{Value, json};

const ANA: &str = "+529981112233";
const LUIS: &str = "+529981112244";
const KEY: &str = "0190a6d0-0000-7000-8000-000000000001";
const OTHER_KEY: &str = "0190a6d0-0000-7000-8000-000000000002";

/// The newest conversation with somebody.
fn conversation(gateway: &TestGateway, address: &str) -> String {
    let list = gateway.get("/v1/conversations").expect(200);
    let found = list["items"].as_array().unwrap().iter().find(|one| one["address"] == address);
    found.unwrap()["id"].as_str().unwrap().to_owned()
}

fn shown(gateway: &TestGateway, id: &str) -> Value {
    gateway.get(&format!("/v1/conversations/{id}")).expect(200)
}

fn sent_by_hand(gateway: &TestGateway) -> Vec<Value> {
    let list = gateway.get("/v1/messages?direction=outbound").expect(200);
    list["items"].as_array().unwrap().iter().filter(|one| one["plugin"].is_null()).cloned().collect()
}

#[test]
fn a_text_shows_up_is_answered_once_and_the_answer_arrives() {
    let gateway = TestGateway::builder().no_plugins().start();
    let agent = Visitor::new(&gateway, "rosa", "agent");
    gateway.text(ANA, "¿Tienen citas?");
    let id = conversation(&gateway, ANA);
    let inbox = agent.get("/console").text();
    assert!(inbox.contains("¿Tienen citas?") && inbox.contains(&id) && inbox.contains("class=\"count\""), "{inbox}");

    let thread = agent.get(&format!("/console/conversations/{id}"));
    assert!(thread.text().contains("¿Tienen citas?"));
    assert_eq!(shown(&gateway, &id)["unread"], 0, "it was read");
    let path = format!("/console/conversations/{id}/messages");
    let form = [("text", "Sí, mañana a las 9."), ("key", KEY)];
    let first = agent.post(&path, &form);
    assert_eq!(first.status(), 303, "{}", first.text());
    // A double click, and a reload of the answer.
    assert_eq!(agent.post(&path, &form).status(), 303);
    let another = agent.post(&path, &[("text", "Otra cosa"), ("key", KEY)]);
    assert_eq!(another.status(), 422, "a form is one message");
    let [sent] = sent_by_hand(&gateway).try_into().unwrap();
    assert_eq!((&sent["text"], &sent["to"]), (&json!("Sí, mañana a las 9."), &json!(ANA)));
    let thread = wait_for("delivery", || {
        let text = agent.get(&format!("/console/conversations/{id}")).text();
        text.contains("data-status=\"delivered\"").then_some(text)
    });
    assert!(thread.contains("<span class=\"by\">rosa</span>"), "{thread}");
    let trace = agent.get(&format!("/console/messages/{}/trace", sent["id"].as_str().unwrap()));
    assert_eq!(trace.status(), 200);
    assert!(trace.text().contains("the provider took it"), "{}", trace.text());
}

#[test]
fn what_can_not_be_sent_is_refused_in_words_and_kept_in_the_form() {
    let gateway = TestGateway::builder().no_plugins().start();
    let agent = Visitor::new(&gateway, "rosa", "agent");
    gateway.text(ANA, "Hola");
    gateway.text(ANA, "STOP");
    let id = conversation(&gateway, ANA);
    let path = format!("/console/conversations/{id}/messages");
    let refused = agent.post(&path, &[("text", "Una oferta & más"), ("key", KEY)]);
    assert_eq!(refused.status(), 422);
    let page = refused.text();
    assert!(page.contains("opted out") && page.contains("Una oferta &#38; más"), "{page}");
    let [kept] = sent_by_hand(&gateway).try_into().unwrap();
    assert_eq!((&kept["status"], &kept["refused_for"]), (&json!("failed"), &json!("opted-out")), "{kept}");
    let trace = agent.get(&format!("/console/messages/{}/trace", kept["id"].as_str().unwrap())).text();
    assert!(trace.contains("data-testid=\"gate\">Not sent: the person has opted out (since "), "{trace}");
    assert!(trace.contains("<span class=\"by\">rosa</span>"), "{trace}");
    for text in ["", "  \n "] {
        assert_eq!(agent.post(&path, &[("text", text), ("key", OTHER_KEY)]).status(), 422);
    }
}

#[test]
fn a_message_can_be_planned_and_taken_back() {
    let gateway = TestGateway::builder().no_plugins().start();
    let agent = Visitor::new(&gateway, "rosa", "agent");
    gateway.text(ANA, "Hola");
    let id = conversation(&gateway, ANA);
    let path = format!("/console/conversations/{id}/messages");
    let year = SystemClock.now().to_zoned(jiff::tz::TimeZone::UTC);
    let at = year.checked_add(jiff::Span::new().days(30)).unwrap().strftime("%Y-%m-%dT09:00").to_string();
    assert_eq!(agent.post(&path, &[("text", "Más tarde"), ("send_at", &at), ("key", KEY)]).status(), 303);
    let [sent] = sent_by_hand(&gateway).try_into().unwrap();
    // 9 o'clock in Cancún.
    assert_eq!(sent["send_at"], format!("{}T14:00:00Z", at.split('T').next().unwrap()));
    let thread = agent.get(&format!("/console/conversations/{id}")).text();
    assert!(thread.contains("data-testid=\"cancel\""), "{thread}");
    let message = sent["id"].as_str().unwrap();
    assert_eq!(agent.post(&format!("/console/messages/{message}/cancel"), &[]).status(), 303);
    assert_eq!(gateway.get(&format!("/v1/messages/{message}")).expect(200)["status"], "canceled");
    let wrong = agent.post(&path, &[("text", "Más tarde"), ("send_at", "mañana"), ("key", OTHER_KEY)]);
    assert_eq!(wrong.status(), 422);
}

#[test]
fn conversations_are_taken_tagged_noted_closed_and_opened_again() {
    let gateway = TestGateway::builder().no_plugins().start();
    let agent = Visitor::new(&gateway, "rosa", "agent");
    gateway.text(ANA, "Hola");
    let id = conversation(&gateway, ANA);
    let panel = format!("/console/conversations/{id}/panel");
    let change = |form: &[(&str, &str)]| agent.post(&panel, form).status();
    assert_eq!(change(&[("do", "take")]), 303);
    assert_eq!(change(&[("do", "tag"), ("tag", "cita")]), 303);
    assert_eq!(change(&[("do", "tag"), ("tag", "urgente")]), 303);
    assert_eq!(change(&[("do", "tag"), ("tag", "cita")]), 303, "once is enough");
    assert_eq!(change(&[("do", "untag"), ("tag", "urgente")]), 303);
    let now = shown(&gateway, &id);
    assert_eq!((&now["assignee"], &now["status"], &now["tags"]), (&json!("rosa"), &json!("active"), &json!(["cita"])));
    let audit = run(gateway.folder(), &["--config", "test.toml", "--json", "audit"], &[]).good().stdout;
    assert_eq!(
        audit.matches("conversation.changed").count(),
        4,
        "each change, and what changed nothing is none: {audit}"
    );
    for wrong in [[("do", "tag"), ("tag", "")], [("do", "shout"), ("tag", "x")]] {
        assert_eq!(change(&wrong), 400);
    }
    let notes = format!("/console/conversations/{id}/notes");
    assert_eq!(agent.post(&notes, &[("text", "Prefiere la tarde")]).status(), 303);
    assert!(agent.get(&panel).text().contains("Prefiere la tarde"));

    assert_eq!(change(&[("do", "close")]), 303);
    assert_eq!(shown(&gateway, &id)["status"], "closed");
    assert_eq!(change(&[("do", "reopen")]), 303);
    assert_eq!(shown(&gateway, &id)["status"], "active");
    // While another one is open with the same person, it stays closed.
    assert_eq!(change(&[("do", "close")]), 303);
    gateway.text(ANA, "Hola otra vez");
    let another = conversation(&gateway, ANA);
    assert_ne!(another, id);
    let refused = agent.post(&panel, &[("do", "reopen")]);
    assert_eq!(refused.status(), 422);
    assert!(refused.text().contains(&another));
    assert_eq!(shown(&gateway, &id)["status"], "closed");

    // What is sent from one that is closed goes to the one that is open.
    let path = format!("/console/conversations/{id}/messages");
    let sent = agent.post(&path, &[("text", "Aquí"), ("key", KEY)]);
    assert_eq!(sent.header("location"), Some(format!("/console/conversations/{another}").as_str()));
}

#[test]
fn the_inbox_shows_what_was_asked_for_page_by_page() {
    let gateway = TestGateway::builder().no_plugins().start();
    let agent = Visitor::new(&gateway, "rosa", "agent");
    for number in 0..31 {
        gateway.text(&format!("+5299811122{number:02}"), &format!("texto {number}"));
    }
    let [ana, luis] = [ANA, LUIS].map(|address| conversation_or_first(&gateway, address));
    let rows = |query: &str| agent.get(&format!("/console{query}")).text().matches("data-testid=\"row\"").count();
    assert_eq!(rows(""), 30);
    let page = agent.get("/console").text();
    let next = page.split("href=\"").find_map(|part| part.split('"').next().filter(|href| href.contains("after=")));
    let next = next.unwrap().replace("&#38;", "&");
    let second = agent.get(&next).text();
    assert_eq!(second.matches("data-testid=\"row\"").count(), 1, "{second}");
    assert!(second.contains("texto 0<"), "the oldest is the last");

    agent.post(&format!("/console/conversations/{ana}/panel"), &[("do", "take")]);
    agent.post(&format!("/console/conversations/{ana}/panel"), &[("do", "tag"), ("tag", "50%_\"off\"")]);
    agent.get(&format!("/console/conversations/{ana}"));
    assert_eq!(rows("?assignee=@"), 1);
    assert_eq!(rows("?assignee=-&status=active"), 0);
    assert_eq!(rows("?status=active"), 1);
    assert_eq!(rows("?tag=50%25_%22off%22"), 1);
    assert_eq!(rows("?tag=50"), 0, "a tag is looked for as a whole");
    assert_eq!(rows("?unread=1&assignee=@"), 0);
    assert_eq!(rows("?q=998+111+2207"), 1);
    assert_eq!(rows("?q=%25"), 0, "a sign is a sign");
    assert_eq!(rows("?q=TEXTO+7"), 1);
    assert!(!agent.get("/console?q=texto+7").text().contains("data-testid=\"said\""), "it stands there already");
    gateway.text("+529981112207", "Gracias");
    let found = agent.get("/console?q=texto+7").text();
    assert!(found.contains("data-testid=\"said\">texto 7<") && found.contains("20,000"), "{found}");
    assert_eq!(rows("?channel=other"), 0);
    agent.post(&format!("/console/conversations/{luis}/panel"), &[("do", "close")]);
    assert_eq!((rows("?status=closed"), rows("")), (1, 30));
    assert_eq!(rows("?after=nonsense"), 30);
}

/// Any that is there, for whoever is not among them.
fn conversation_or_first(gateway: &TestGateway, address: &str) -> String {
    let list = gateway.get("/v1/conversations?limit=200").expect(200);
    let items = list["items"].as_array().unwrap();
    let found = items.iter().find(|one| one["address"] == address);
    found.unwrap_or(&items[0])["id"].as_str().unwrap().to_owned()
}

const ATTACKS: [&str; 4] =
    ["<script>alert(1)</script>", "\"><img src=x onerror=alert(1)>", "'><svg/onload=alert(1)>", "{{7*7}}</textarea>"];

/// What somebody else wrote is text, wherever it is shown.
#[test]
fn nothing_that_people_write_becomes_a_part_of_a_page() {
    let subject = "{sender} <script>alert(2)</script>";
    let settings = format!("[defaults]\nsubject = '{subject}'");
    let gateway = TestGateway::builder().no_plugins().config_toml(&settings).start();
    let agent = Visitor::new(&gateway, "rosa", "owner");
    for text in ATTACKS {
        gateway.text(ANA, text);
    }
    let id = conversation(&gateway, ANA);
    let panel = format!("/console/conversations/{id}/panel");
    for text in ATTACKS {
        agent.post(&panel, &[("do", "tag"), ("tag", text)]);
        agent.post(&format!("/console/conversations/{id}/notes"), &[("text", text)]);
        agent.post(&panel, &[("do", "assign"), ("assignee", text)]);
        let refused = agent
            .post(&format!("/console/conversations/{id}/messages"), &[("text", text), ("send_at", text), ("key", KEY)]);
        is_harmless(&refused.text());
    }
    let contact = shown(&gateway, &id)["contact_id"].as_str().unwrap().to_owned();
    let person = format!("/console/contacts/{contact}");
    for text in ATTACKS {
        agent.post(&person, &[("do", "set"), ("attribute", text), ("value", text)]);
    }
    rename(&gateway, "<script>alert(3)</script>\"'><img src=x onerror=alert(3)>");
    let message = gateway.get("/v1/messages").expect(200)["items"][0]["id"].as_str().unwrap().to_owned();
    let query = form_urlencoded::byte_serialize(ATTACKS[1].as_bytes()).collect::<String>();
    for path in [
        "/console".to_owned(),
        format!("/console?q={query}&tag={query}&assignee={query}&status={query}&after={query}"),
        format!("/console/conversations/{id}"),
        panel,
        "/console/contacts".to_owned(),
        format!("/console/contacts?q={query}&after={query}"),
        format!("{person}/messages"),
        format!("{person}/merge?q={query}"),
        format!("{person}/merge?q=998&with={query}"),
        person,
        format!("/console/conversations/{id}/messages"),
        format!("/console/messages/{message}/trace"),
        format!("/console/sign-in?next={query}"),
        format!("/console/endpoints?after={query}"),
        "/console/users".to_owned(),
    ] {
        is_harmless(&agent.get(&path).text());
    }
    // Neither is it in what the sign-in page repeats.
    is_harmless(&Visitor::try_sign_in(&gateway, ATTACKS[1], ATTACKS[0]).text());
}

#[test]
fn a_person_has_a_page_with_what_they_allow_and_how_that_came_about() {
    let gateway = TestGateway::builder().no_plugins().start();
    let agent = Visitor::new(&gateway, "rosa", "agent");
    gateway.text(ANA, "¿Tienen citas?");
    let id = conversation(&gateway, ANA);
    let contact = shown(&gateway, &id)["contact_id"].as_str().unwrap().to_owned();
    let path = format!("/console/contacts/{contact}");
    assert!(agent.get(&format!("/console/conversations/{id}")).text().contains(&path), "the thread leads there");
    let page = agent.get(&path).text();
    assert!(page.contains(ANA) && page.contains(&id) && page.contains("Never said anything"), "{page}");

    assert_eq!(agent.post(&path, &[("do", "name"), ("name", " Ana Ruiz ")]).status(), 303);
    assert_eq!(agent.post(&path, &[("do", "set"), ("attribute", "ciudad"), ("value", "Mérida")]).status(), 303);
    assert_eq!(agent.post(&path, &[("do", "set"), ("attribute", "vip"), ("value", "sí")]).status(), 303);
    assert_eq!(agent.post(&path, &[("do", "remove"), ("attribute", "vip")]).status(), 303);
    let known = gateway.get(&format!("/v1/contacts/{contact}")).expect(200);
    assert_eq!((&known["name"], &known["attributes"]), (&json!("Ana Ruiz"), &json!({ "ciudad": "Mérida" })));
    let long = "x".repeat(65);
    let refused = agent.post(&path, &[("do", "set"), ("attribute", long.as_str()), ("value", "1")]);
    assert!(refused.status() == 422 && refused.text().contains("An attribute has a name"), "{}", refused.text());
    let audit = run(gateway.folder(), &["--config", "test.toml", "--json", "audit"], &[]).good().stdout;
    assert_eq!(audit.matches("contact.changed").count(), 4, "{audit}");

    gateway.text(ANA, "ALTO");
    let page = agent.get(&path).text();
    for piece in ["Opted out", "the person", "«ALTO»", "Ana Ruiz", "Mérida", "/trace\">the message"] {
        assert!(page.contains(piece), "{piece} is not in {page}");
    }
    let viewer = Visitor::new(&gateway, "vera", "viewer");
    assert!(!viewer.get(&path).text().contains("name=\"do\""), "who only looks is offered nothing");
    assert_eq!(viewer.post(&path, &[("do", "name"), ("name", "Otra")]).status(), 403);
    assert_eq!(agent.get("/console/contacts/0190a6d0-0000-7000-8000-000000000001").status(), 404);
}

#[track_caller]
fn is_harmless(page: &str) {
    let lower = page.to_lowercase();
    for piece in ["<script>alert", "<img src=x", "<svg/onload", "{{7*7}}</textarea>", ">49<"] {
        assert!(!lower.contains(piece), "{piece} in {page}");
    }
}

/// No way of the gateway gives the contact a name yet.
fn rename(gateway: &TestGateway, name: &str) {
    use sea_orm::{ConnectionTrait, Database, Statement};
    let url = format!("sqlite://{}", gateway.folder().join("recado.db").display());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let database = Database::connect(url).await.unwrap();
        let backend = database.get_database_backend();
        let statement = Statement::from_sql_and_values(backend, "UPDATE contacts SET name = ?", [name.into()]);
        assert_eq!(database.execute_raw(statement).await.unwrap().rows_affected(), 1);
    });
}

#[test]
fn segments_are_counted_while_somebody_writes() {
    let gateway = TestGateway::start();
    let agent = Visitor::new(&gateway, "rosa", "agent");
    let count = |text: &str| agent.post("/console/segments", &[("text", text)]).text();
    let plain = count("Hola");
    assert!(plain.contains("GSM-7 · 1 segment ·") && plain.contains("left 156"), "{plain}");
    let long = count(&format!("{} 🙂 <b>", "á".repeat(70)));
    assert!(long.contains("UCS-2 · 2 segments") && long.contains("<code>🙂</code>"), "{long}");
}

#[test]
fn the_owner_sees_and_handles_the_machinery() {
    let gateway = TestGateway::start();
    let owner = Visitor::new(&gateway, "ana", "owner");
    gateway.text(ANA, "Hola");
    let dashboard = owner.get("/console/dashboard").text();
    assert!(dashboard.contains("<dt>Received</dt><dd>1</dd>"), "{dashboard}");
    let pause = owner.post("/console/channels/sms/pause", &[("reason", "mudanza")]);
    assert_eq!(pause.status(), 303);
    let page = owner.get("/console/channels").text();
    assert!(page.contains("mudanza") && page.contains("data-testid=\"resume\""), "{page}");
    assert_eq!(owner.post("/console/channels/sms/resume", &[]).status(), 303);
    let page = owner.get("/console/plugins").text();
    assert!(page.contains("auto-reply"), "{page}");
    assert!(owner.post("/console/reload", &[]).text().contains("Plugins were reloaded."));
    let replayed = owner.post("/console/replay", &[("last", "10")]).text();
    assert!(replayed.contains("data-testid=\"replayed\"") && replayed.contains("Nothing would be different."));
    assert_eq!(owner.get("/console/endpoints/nobody").status(), 404);
    assert_eq!(owner.get("/console/assets/../../recado.toml").status(), 404);
    let style = gateway.request(Method::GET, "/console/assets/console.css", &[], "");
    assert_eq!((style.status(), style.header("cache-control")), (200, Some("no-cache")));
}
