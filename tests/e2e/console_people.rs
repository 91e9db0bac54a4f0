//! People in the console: found, put down, written to first, and made one of two.

use recado_tests::{Answer, TestGateway, Visitor, run};
use serde_json::{Value, json};

use super::console_templates::{hidden, order};

const ANA: &str = "+529981112233";
const LUIS: &str = "+529981112244";
const KEYS: [&str; 3] = [
    "0190a6d0-0000-7000-8000-000000000001",
    "0190a6d0-0000-7000-8000-000000000002",
    "0190a6d0-0000-7000-8000-000000000003",
];
const PEOPLE: &str = "/console/contacts";

fn rows(page: &str) -> usize {
    page.matches("data-testid=\"person\"").count()
}

/// The page of somebody who is put down here.
fn put_down(agent: &Visitor, name: &str, addresses: &str) -> String {
    let made = agent.post(PEOPLE, &[("name", name), ("addresses", addresses)]);
    assert_eq!(made.status(), 303, "{}", made.text());
    made.header("location").unwrap().to_owned()
}

fn id_of(page: &str) -> &str {
    page.rsplit('/').next().unwrap()
}

fn audited(gateway: &TestGateway, action: &str) -> Vec<String> {
    let audit = run(gateway.folder(), &["--config", "test.toml", "--json", "audit"], &[]).good().json();
    let entries = audit.as_array().unwrap().iter().filter(|one| one["actor"] == "user" && one["action"] == action);
    entries.map(|one| one["subject"].as_str().unwrap().to_owned()).collect()
}

fn link(page: &str, piece: &str) -> String {
    let links = page.split("href=\"").filter_map(|part| part.split('"').next());
    links.filter(|href| href.contains(piece)).last().expect("a link").replace("&#38;", "&")
}

#[test]
fn people_are_listed_looked_for_and_marked_page_by_page() {
    let gateway = TestGateway::builder().no_plugins().start();
    let [agent, viewer] = ["agent", "viewer"].map(|role| Visitor::new(&gateway, role, role));
    let page = agent.get(PEOPLE).text();
    assert!(page.contains("There is nobody yet.") && page.contains("data-testid=\"new\""), "{page}");
    assert!(page.contains("placeholder=\"Number or name\""), "texts are not searched here: {page}");
    for number in 0..31 {
        gateway.text(&format!("+5299811122{number:02}"), "Hola");
    }
    let first = agent.get(PEOPLE).text();
    assert_eq!((rows(&first), first.contains("+529981112200")), (30, false), "newest first: {first}");
    assert!(first.contains("href=\"/console/contacts\" aria-current=\"page\">People<"), "it is in the menu: {first}");
    let second = agent.get(&link(&first, "after=")).text();
    assert_eq!((rows(&second), second.contains("+529981112200")), (1, true), "{second}");
    let contact = link(&second, "/contacts/0");
    assert_eq!(agent.post(&contact, &[("do", "name"), ("name", "Zoé \"50%\" Díaz")]).status(), 303);
    let found = |query: &str| agent.get(&format!("{PEOPLE}?q={query}")).text();
    for (query, expected) in [
        ("zo%C3%A9", 1),
        ("ZO", 1),
        ("50%25", 1),
        ("%25%25", 0),
        ("998+111+2200", 1),
        ("044+998+111+2200", 1),
        ("nadie", 0),
        ("%00", 30),
        (&"x".repeat(5000), 0),
    ] {
        assert_eq!(rows(&found(query)), expected, "{query}");
    }
    assert!(found("nadie").contains("Nobody matches"), "{}", found("nadie"));
    assert!(!found("zo").contains("data-testid=\"out\""));
    gateway.text("+529981112200", "STOP");
    let page = found("zo");
    assert!(page.contains("data-testid=\"out\"") && page.contains("Zoé &#34;50%&#34; Díaz"), "{page}");
    assert_eq!(rows(&agent.get(&format!("{PEOPLE}?after=nonsense")).text()), 30);
    let page = viewer.get(PEOPLE).text();
    assert!(rows(&page) == 30 && !page.contains("data-testid=\"new\""), "who looks adds nobody: {page}");
}

#[test]
fn somebody_is_put_down_and_a_number_leads_to_whose_it_is() {
    let gateway = TestGateway::builder().no_plugins().start();
    let agent = Visitor::new(&gateway, "rosa", "agent");
    let path = put_down(&agent, " Ana Ruiz ", "998 111 2233\r\n whatsapp:+529981112233 ");
    let known = gateway.get(&format!("/v1/contacts/{}", id_of(&path))).expect(200);
    assert_eq!((&known["name"], &known["addresses"]), (&json!("Ana Ruiz"), &json!([ANA, format!("whatsapp:{ANA}")])));
    let page = agent.get(&path).text();
    assert!(page.contains("Ana Ruiz") && page.contains(ANA), "{page}");
    assert_eq!(audited(&gateway, "contact.created"), [id_of(&path)]);

    let taken = agent.post(PEOPLE, &[("name", "Anita <b>"), ("addresses", "+52 998 111 2233\n9981112244")]);
    let page = taken.text();
    assert_eq!(taken.status(), 422);
    assert!(
        page.contains("data-testid=\"taken\"") && page.contains(&format!("<a href=\"{path}\">Ana Ruiz</a>")),
        "{page}"
    );
    assert!(
        page.contains("value=\"Anita &#60;b&#62;\"") && page.contains("\n9981112244</textarea>"),
        "it stays: {page}"
    );
    let too_many = (10..31).map(|number| format!("99811199{number}")).collect::<Vec<_>>().join("\n");
    for (name, addresses, words) in [
        ("Eva", "", "Write one number"),
        ("Eva", " , ;\n", "Write one number"),
        ("Eva", "998\n9981112255", "998: "),
        ("Eva", too_many.as_str(), "20 addresses at the most"),
        ("E\u{7}va", "9981112255", "A name may have 200"),
        (&"x".repeat(201), "9981112255", "A name may have 200"),
    ] {
        let refused = agent.post(PEOPLE, &[("name", name), ("addresses", addresses)]);
        let page = refused.text();
        assert!(refused.status() == 422 && page.contains(words), "{words}: {page}");
        assert!(page.contains("aria-invalid=\"true\"") && page.contains("data-testid=\"wrong\""), "{page}");
    }
    let form = [("addresses", "9981112255"), ("csrf", "0123456789")];
    assert_eq!(agent.post_with(PEOPLE, &[("origin", &gateway.url())], &form).status(), 403);
    assert_eq!(gateway.all("/v1/contacts").len(), 1, "nobody else came of it");
    let nameless = put_down(&agent, "  ", "9981112255");
    assert_eq!(gateway.get(&format!("/v1/contacts/{}", id_of(&nameless))).expect(200)["name"], Value::Null);
}

fn way(address: &str) -> String {
    format!("{address} · sms")
}

#[test]
fn somebody_who_never_wrote_is_written_to_once_and_it_is_a_conversation() {
    let gateway = TestGateway::builder().no_plugins().start();
    gateway.post("/v1/templates", &order()).expect(201);
    let [agent, viewer] = ["agent", "viewer"].map(|role| Visitor::new(&gateway, role, role));
    let person = put_down(&agent, "Ana Ruiz", &format!("{ANA}\n{LUIS}"));
    let messages = format!("{person}/messages");
    assert!(agent.get(&person).text().contains(&messages), "its page leads there");
    assert!(!viewer.get(&person).text().contains(&messages));
    let page = agent.get(&messages).text();
    assert!(
        page.contains("Write to Ana Ruiz") && page.contains(&format!("<option value=\"{}\">", way(LUIS))),
        "{page}"
    );

    let write = |way: &str, text: &str, key: &str| agent.post(&messages, &[("way", way), ("text", text), ("key", key)]);
    for (way, text, words) in [
        (way(LUIS), " ", "Write something first"),
        (way("+529981119999"), "Hola", "Choose where"),
        (format!("{LUIS} · fax"), "Hola", "Choose where"),
        (String::new(), "Hola", "Choose where"),
    ] {
        let refused = write(&way, text, KEYS[0]);
        let page = refused.text();
        assert!(refused.status() == 422 && page.contains(words) && page.contains("data-testid=\"refusal\""), "{page}");
        assert!(text == " " || page.contains(">Hola</textarea>"), "it stays: {page}");
    }
    assert_eq!(gateway.messages(), [] as [Value; 0]);

    let sent = write(&way(LUIS), "Ya abrimos", KEYS[0]);
    assert_eq!(sent.status(), 303, "{}", sent.text());
    let [conversation] = gateway.conversations().try_into().unwrap();
    let there = format!("/console/conversations/{}", conversation["id"].as_str().unwrap());
    assert_eq!(sent.header("location"), Some(there.as_str()));
    assert_eq!((&conversation["address"], &conversation["contact_id"]), (&json!(LUIS), &json!(id_of(&person))));
    assert_eq!(write(&way(LUIS), "Ya abrimos", KEYS[0]).header("location"), Some(there.as_str()), "a double click");
    assert_eq!(write(&way(ANA), "Ya abrimos", KEYS[0]).status(), 422, "a form is one message");
    let [message] = gateway.messages().try_into().unwrap();
    gateway.wait_for_status(message["id"].as_str().unwrap(), "delivered");
    assert!(agent.get(&there).text().contains("<span class=\"by\">agent</span>"));
    assert!(
        agent.get(&messages).text().contains(&format!("<option value=\"{}\" selected>", way(LUIS))),
        "the last way"
    );

    // A closed one is left as it is: what is written first begins another.
    assert_eq!(agent.post(&format!("{there}/panel"), &[("do", "close")]).status(), 303);
    assert_ne!(write(&way(LUIS), "¿Sigues ahí?", KEYS[1]).header("location"), Some(there.as_str()));

    // Of a template, with what is known of the person, as in a thread.
    let chosen = agent.post(&messages, &[("way", &way(ANA)), ("template", "order-ready"), ("key", KEYS[2])]);
    let page = chosen.text();
    assert!(chosen.status() == 200 && page.contains(&format!("value=\"{}\" selected", way(ANA))), "{page}");
    assert_eq!(hidden(&page, "value-name"), "Ana Ruiz");
    let way = way(ANA);
    let form = [("way", way.as_str()), ("template", "order-ready"), ("made", "order-ready"), ("version", "1")];
    let form = [&form[..], &[("locale", "en"), ("value-name", "Ana"), ("value-total", "4"), ("key", KEYS[2])]].concat();
    let seen = agent.post(&format!("{person}/preview"), &form);
    assert!(seen.status() == 200 && seen.text().contains("Hi Ana: 8 at la tienda"), "{}", seen.text());
    assert_eq!(agent.post(&messages, &form).status(), 303);
    let made = gateway.messages().into_iter().find(|one| one["to"] == ANA).unwrap();
    assert_eq!(made["text"], "Hi Ana: 8 at la tienda");
}

#[test]
fn who_opted_out_or_can_not_be_reached_is_not_written_to_first() {
    let gateway = TestGateway::builder().no_plugins().start();
    let agent = Visitor::new(&gateway, "rosa", "agent");
    gateway.text(ANA, "STOP");
    let person = format!("{PEOPLE}/{}", gateway.conversations()[0]["contact_id"].as_str().unwrap());
    let messages = format!("{person}/messages");
    let page = agent.get(&messages).text();
    assert!(page.contains(&format!("{} (Opted out)</option>", way(ANA))), "{page}");
    let parted = || {
        let all = gateway.messages().into_iter();
        all.partition::<Vec<Value>, _>(|one| one["refused_for"].is_null())
    };
    let (before, _) = parted();
    let refused = agent.post(&messages, &[("way", &way(ANA)), ("text", "Una oferta"), ("key", KEYS[0])]);
    let page = refused.text();
    assert!(refused.status() == 422 && page.contains("opted out and can&#39;t be written to"), "{page}");
    assert!(page.contains(">Una oferta</textarea>"), "{page}");
    let (taken, kept) = parted();
    assert_eq!(taken.len(), before.len(), "nothing is sent");
    let [kept] = kept.try_into().unwrap();
    assert_eq!((&kept["status"], &kept["refused_for"]), (&json!("failed"), &json!("opted-out")), "{kept}");
    assert_eq!((&kept["text"], &kept["to"]), (&json!("Una oferta"), &json!(ANA)), "{kept}");
    let trace = agent.get(&format!("/console/messages/{}/trace", kept["id"].as_str().unwrap())).text();
    assert!(trace.contains("<span class=\"by\">rosa</span>"), "who wrote it: {trace}");

    let far = put_down(&agent, "Eva", "telegram:12345");
    let page = agent.get(&format!("{far}/messages")).text();
    assert!(page.contains("data-testid=\"no-way\"") && !page.contains("data-testid=\"send\""), "{page}");
    let refused = agent.post(&format!("{far}/messages"), &[("text", "Hola"), ("key", KEYS[1])]);
    assert_eq!(refused.status(), 422);
}

/// The form that the page has.
fn merge_as_seen(agent: &Visitor, person: &str, page: &str) -> Answer {
    let [from, into, other] = ["from", "seen_into", "seen_from"].map(|name| hidden(page, name));
    let form = [("from", from.as_str()), ("seen_into", into.as_str()), ("seen_from", other.as_str())];
    agent.post(&format!("{person}/merge"), &form)
}

#[test]
fn two_are_looked_at_side_by_side_and_then_are_one() {
    let gateway = TestGateway::builder().no_plugins().start();
    let agent = Visitor::new(&gateway, "rosa", "agent");
    gateway.text(ANA, "Hola");
    gateway.text(LUIS, "Soy Ana, con otro número");
    let page = agent.get(PEOPLE).text();
    let [ana, luis] = [ANA, LUIS].map(|address| {
        let known = gateway.get(&format!("/v1/contacts?address=%2B{}", address.trim_start_matches('+'))).expect(200);
        format!("{PEOPLE}/{}", known["items"][0]["id"].as_str().unwrap())
    });
    assert!(page.contains(&ana) && page.contains(&luis));
    let note = |person: &str, name, value| {
        assert_eq!(agent.post(person, &[("do", "set"), ("attribute", name), ("value", value)]).status(), 303);
    };
    assert_eq!(agent.post(&luis, &[("do", "name"), ("name", "Ana")]).status(), 303);
    note(&ana, "ciudad", "Mérida");
    note(&luis, "ciudad", "Cancún");
    note(&luis, "talla", "M");

    let merge = format!("{ana}/merge");
    assert!(agent.get(&ana).text().contains(&merge), "its page leads there");
    let found = agent.get(&format!("{merge}?q=998+111+22")).text();
    assert_eq!(rows(&found), 1, "not the person itself: {found}");
    let pair = link(&found, "with=");
    assert_eq!(pair, format!("{merge}?with={}", id_of(&luis)));
    let page = agent.get(&pair).text();
    let goes = page.split("data-testid=\"goes\"").nth(1).unwrap().split("</section>").next().unwrap();
    assert!(goes.contains(LUIS) && goes.contains("talla") && goes.contains("Cancún"), "{goes}");
    assert_eq!(goes.matches("data-testid=\"lost\"").count(), 1, "the city alone: {goes}");
    assert!(
        page.contains("Nothing takes it back.") && page.contains(&format!("{luis}/merge?with={}", id_of(&ana))),
        "{page}"
    );
    assert_eq!(gateway.all("/v1/contacts").len(), 2, "looking does nothing");

    // Something changes meanwhile, on one side and on the other.
    for changed in [&ana, &luis] {
        let page = agent.get(&pair).text();
        note(changed, "nota", id_of(changed));
        let refused = merge_as_seen(&agent, &ana, &page);
        assert!(refused.status() == 422 && refused.text().contains("Something changed"), "{}", refused.text());
        assert!(refused.text().contains("data-testid=\"merge-now\""), "one may confirm at once: {}", refused.text());
    }
    let merged = merge_as_seen(&agent, &ana, &agent.get(&pair).text());
    assert_eq!((merged.status(), merged.header("location")), (303, Some(ana.as_str())), "{}", merged.text());
    let [one] = gateway.all("/v1/contacts").try_into().unwrap();
    assert_eq!((&one["name"], &one["addresses"]), (&json!("Ana"), &json!([ANA, LUIS])));
    let attributes = json!({ "ciudad": "Mérida", "talla": "M", "nota": id_of(&ana) });
    assert_eq!(one["attributes"], attributes);
    assert_eq!(agent.get(&luis).text().matches("data-testid=\"thread\"").count(), 2, "the other's page is this one");
    assert_eq!(audited(&gateway, "contact.merged"), [format!("{} into {}", id_of(&luis), id_of(&ana))]);
}

#[test]
fn nobody_is_merged_by_mistake() {
    let gateway = TestGateway::builder().no_plugins().config_toml("[gate]\nscope = \"business\"\n").start();
    let [agent, viewer] = ["agent", "viewer"].map(|role| Visitor::new(&gateway, role, role));
    let [ana, luis] = [("Ana", ANA), ("Luis", LUIS)].map(|(name, address)| put_down(&agent, name, address));
    let merge = format!("{ana}/merge");
    let page = agent.get(&format!("{merge}?with={}", id_of(&luis))).text();
    assert!(page.contains("that counts for both"), "by the settings: {page}");
    assert!(page.split("data-testid=\"goes\"").nth(1).unwrap().contains("data-testid=\"lost\""), "the name: {page}");
    let nobody = "0190a6d0-0000-7000-8000-00000000000f";
    for (with, words) in [(id_of(&ana), "That is the person itself"), (nobody, "is gone"), ("nonsense", "is gone")] {
        for answer in
            [agent.get(&format!("{merge}?with={with}")), agent.post(&merge, &[("from", with), ("seen_from", "x")])]
        {
            let page = answer.text();
            assert!(answer.status() == 422 && !page.contains("data-testid=\"merge-now\""), "{with}: {page}");
            assert!(page.contains(words), "{with}: {page}");
        }
    }
    let unseen = agent.post(&merge, &[("from", id_of(&luis))]);
    assert!(unseen.status() == 422 && unseen.text().contains("Something changed"), "{}", unseen.text());
    assert_eq!(agent.get(&format!("{PEOPLE}/{nobody}/merge")).status(), 404);
    let [from, into, other] = ["from", "seen_into", "seen_from"].map(|name| hidden(&page, name));
    let form = [("from", from.as_str()), ("seen_into", into.as_str()), ("seen_from", other.as_str())];
    assert_eq!(viewer.post(&merge, &form).status(), 403);
    assert!(!viewer.get(&ana).text().contains("data-testid=\"merge\""));
    let forged = [&form[..], &[("csrf", "0123456789")]].concat();
    assert_eq!(agent.post_with(&merge, &[("origin", &gateway.url())], &forged).status(), 403);
    assert_eq!(gateway.all("/v1/contacts").len(), 2);
}
