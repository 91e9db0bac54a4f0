//! The console's pages of endpoints: what applications were told, and having them told again.

use recado_tests::{Builder, Plugin, ScriptedProvider, Step, TestGateway, Visitor, run, wait_for};
use serde_json::{Value, json};

use super::plugin_hooks::says;

const ANA: &str = "+529981122331";
const ALL: &str = "/console/endpoints";
const ONE: &str = "/console/endpoints/crm";
const NOBODY: &str = "0190a6d0-0000-7000-8000-000000000001";

fn builder(application: &ScriptedProvider, more: &str) -> Builder {
    let settings = format!(
        "[endpoints.crm]\nurl = \"{}/hook?tenant=7\"\nsecret = \"whsec_{}\"\nprivate_addresses = true\n{more}",
        application.url(),
        "A".repeat(32)
    );
    TestGateway::builder().plugin(Plugin::obedient()).config_toml(&settings)
}

/// The one event of the endpoint, as the API has it, once it was tried.
fn tried(gateway: &TestGateway) -> Value {
    wait_for("a try", || {
        let event = gateway.all("/v1/endpoints/crm/events").pop()?;
        (event["state"] != "sending" && event["answer"].is_number()).then_some(event)
    })
}

/// The page, once these words are on it.
fn wait_for_words(visitor: &Visitor, path: &str, words: &str) -> String {
    wait_for(words, || {
        let page = visitor.get(path).text();
        page.contains(words).then_some(page)
    })
}

/// The one event on a page.
fn row(page: &str) -> &str {
    let rows: Vec<&str> = page.split("data-testid=\"event\"").skip(1).collect();
    let [row] = rows[..] else { panic!("{} events on {page}", rows.len()) };
    row.split("</tr>").next().unwrap()
}

/// How often somebody did this in the console.
fn on_record(gateway: &TestGateway, action: &str, subject: &str) -> usize {
    let audit = run(gateway.folder(), &["--config", "test.toml", "--json", "audit"], &[]).good().json();
    let by_hand = audit.as_array().unwrap().iter().filter(|one| one["actor"] == "user" && one["action"] == action);
    by_hand.filter(|one| one["subject"] == subject).count()
}

#[test]
fn what_an_application_did_not_take_is_shown_and_an_owner_has_it_told_again() {
    let application = ScriptedProvider::start([Step::Answer(500, &[], "")]);
    // It does not come again by itself while the test lasts.
    let gateway = builder(&application, "retry_s = [3600]\nevents = [\"channel.*\"]\n").start();
    let [owner, agent] = ["owner", "agent"].map(|role| Visitor::new(&gateway, role, role));
    let page = owner.get(ONE).text();
    assert!(page.contains("Nothing yet.") && !page.contains("data-testid=\"event\""), "{page}");

    says(&gateway, ANA, "forward crm");
    let event = tried(&gateway);
    assert_eq!((&event["state"], &event["answer"]), (&json!("waiting"), &json!(500)), "{event}");
    let url = format!(">{}/hook<", application.url());
    for page in [owner.get(ALL).text(), owner.get(ONE).text(), agent.get(ONE).text()] {
        for piece in [url.as_str(), ">crm</a>", ">Active<", "<code>channel.*</code>", ">answered 500<"] {
            assert!(page.contains(piece), "{piece} is not in {page}");
        }
        assert!(page.contains("<dt>Waiting</dt><dd>1</dd>"), "{page}");
        assert!(!page.contains("tenant") && !page.contains("whsec"), "what may be a secret: {page}");
        assert!(!page.contains("Enable again"), "it is in use: {page}");
    }
    let page = owner.get(ONE).text();
    let (told, id) = (row(&page), event["id"].as_str().unwrap());
    for piece in ["<code>message.forwarded</code>", "status pending\">waiting<", "<td>1</td>", ">500 answered 500<"] {
        assert!(told.contains(piece), "{piece} is not in {told}");
    }
    let trace = format!("/console/messages/{}/trace", event["message_id"].as_str().unwrap());
    let replay = format!("{ONE}/events/{id}/replay");
    assert!(told.contains(&trace) && told.contains(&replay), "{told}");

    // Who is no owner sees it, and has nothing done.
    let page = agent.get(ONE).text();
    assert!(row(&page).contains("message.forwarded") && !page.contains(&replay), "{page}");
    assert_eq!(agent.post(&replay, &[]).status(), 403);
    assert_eq!((application.received().len(), tried(&gateway)), (1, event.clone()), "nothing became of it");

    let done = owner.post(&replay, &[]);
    assert_eq!((done.status(), done.header("location")), (303, Some(ONE)), "{}", done.text());
    let page = wait_for_words(&owner, ONE, "status delivered\">delivered<");
    assert!(row(&page).contains(">201 <") && !page.contains("answered 500"), "{page}");
    assert!(page.contains("<dt>Waiting</dt><dd>0</dd>"), "{page}");
    // What was taken can be told again, too.
    assert_eq!(owner.post(&replay, &[]).status(), 303);
    let told = application.wait_for(3);
    for again in &told {
        assert_eq!((again.header("webhook-id"), &again.body), (id, &told[0].body));
    }
    wait_for_words(&owner, ONE, "status delivered\">delivered<");
    assert_eq!((application.received().len(), on_record(&gateway, "event.replayed", id)), (3, 2));

    assert_eq!(owner.post(&format!("{ONE}/events/{NOBODY}/replay"), &[]).status(), 404);
    assert_eq!(owner.post(&format!("{ALL}/erp/events/{id}/replay"), &[]).status(), 404);
    assert_eq!(on_record(&gateway, "event.replayed", NOBODY), 0);
}

#[test]
fn an_application_that_is_gone_is_told_what_waits_once_an_owner_enables_it() {
    let application = ScriptedProvider::start([Step::Answer(410, &[], "")]);
    let gateway = builder(&application, "").start();
    let [owner, agent] = ["owner", "agent"].map(|role| Visitor::new(&gateway, role, role));
    let (enable, button) = (format!("{ONE}/enable"), "Enable again");
    says(&gateway, ANA, "forward crm");
    for page in [wait_for_words(&owner, ONE, "Said that it is gone"), owner.get(ALL).text()] {
        assert!(page.contains("status failed\">Said that it is gone<") && page.contains("answered 410"), "{page}");
        assert!(page.contains(button) && page.contains(&format!("action=\"{enable}\"")), "{page}");
    }
    assert!(row(&owner.get(ONE).text()).contains("status pending\">waiting<"));
    for path in [ONE, ALL] {
        let page = agent.get(path).text();
        assert!(page.contains("Said that it is gone") && !page.contains(button), "{page}");
    }
    assert_eq!(agent.post(&enable, &[]).status(), 403);
    assert_eq!(gateway.get("/v1/endpoints").expect(200)["items"][0]["state"], "gone");
    assert_eq!(application.received().len(), 1);

    let done = owner.post(&enable, &[]);
    assert_eq!((done.status(), done.header("location")), (303, Some(ONE)), "{}", done.text());
    let page = wait_for_words(&owner, ONE, "status delivered\">delivered<");
    assert!(page.contains("status delivered\">Active<") && !page.contains(button), "{page}");
    let told = application.wait_for(2);
    assert_eq!(told.len(), 2);
    assert_eq!((told[0].header("webhook-id"), &told[0].body), (told[1].header("webhook-id"), &told[1].body));
    assert_eq!(on_record(&gateway, "endpoint.enabled", "crm"), 1);
    assert_eq!(owner.post(&format!("{ALL}/erp/enable"), &[]).status(), 404);
    assert_eq!(owner.get(&format!("{ALL}/erp")).status(), 404);
}
