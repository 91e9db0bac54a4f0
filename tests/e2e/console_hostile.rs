//! What strangers can put into the console's pages and headers stays what it is: text, and files to be kept.

use std::io::{Read, Write};
use std::net::TcpStream;

use http::Method;
use recado_tests::{ACCOUNT_SID, Answer, ScriptedProvider, Step, TestGateway, Visitor, form, wait_for};
use serde_json::{Value, json};

use super::message_sid;

const ANA: &str = "+529981122334";
const ID: &str = "0190a6d0-0000-7000-8000-000000000001";
const NAME: &str = "<img src=x onerror=alert(1)>";
/// The end of a line, and a header of theirs, as they stand in a URL.
const BREAK: &str = "%0d%0ainjected:%20yes";

type Pairs = &'static [(&'static str, &'static str)];
const EVIL: Pairs = &[("content-type", "text/html\"><script>alert(1)</script>")];
const DRAWING: Pairs = &[("content-type", "image/svg+xml")];
const PAGE: &str = "<html><script>alert(1)</script></html>";
const SVG: &str = "<svg xmlns=\"http://www.w3.org/2000/svg\"><script>alert(1)</script></svg>";
const GIF: &str = "GIF89a\u{1}\0\u{1}\0;";
const SAVED: (&str, &str) = ("application/octet-stream", "attachment; filename=\"file.bin\"");
const SHOWN: (&str, &str) = ("image/gif", "inline; filename=\"image.gif\"");

/// A text with a medium that is told to be of this type; its message once it is known what the medium is.
fn receive(gateway: &TestGateway, provider: &ScriptedProvider, told: &str) -> Value {
    let sid = message_sid();
    let medium = format!("/2010-04-01/Accounts/{ACCOUNT_SID}/Messages/{sid}/Media/ME00000000000000000000000000000001");
    let url = format!("{}{medium}", provider.url());
    let mut parameters = form(&sid, ANA, "Mira");
    let more = [("MediaUrl0", url.as_str()), ("MediaContentType0", told)];
    parameters.extend(more.map(|(name, value)| (name.to_owned(), value.to_owned())));
    assert_eq!(gateway.signed_webhook("sms/inbound", &parameters).status(), 200);
    wait_for("the medium", || {
        let message = gateway.messages().into_iter().find(|message| message["provider_id"] == sid.as_str())?;
        matches!(message["media"][0]["state"].as_str()?, "stored" | "failed").then_some(message)
    })
}

/// A page has the scripts that are ours, and none else.
#[track_caller]
fn is_inert(page: &str) {
    let ours = page.matches("<script src=\"/console/assets/").count();
    assert!(ours > 0, "no page of ours: {page}");
    assert_eq!(page.to_lowercase().matches("<script").count(), ours, "{page}");
    for piece in ["<svg", "<html><script", "<img src=x", "text/html\">"] {
        assert!(!page.contains(piece), "{piece} in {page}");
    }
}

/// The pages that show a message.
fn pages(agent: &Visitor, message: &Value) -> [String; 2] {
    let [conversation, id] = ["conversation_id", "id"].map(|name| message[name].as_str().unwrap());
    let paths = [format!("/console/conversations/{conversation}"), format!("/console/messages/{id}/trace")];
    paths.map(|path| {
        let page = agent.get(&path);
        assert_eq!(page.status(), 200, "{path}: {}", page.text());
        page.text()
    })
}

#[test]
fn a_file_is_nothing_that_a_browser_would_run_whatever_it_is_called() {
    let cases = [
        (EVIL, PAGE, SAVED),
        (EVIL, "alert(1)", SAVED),
        (DRAWING, SVG, SAVED),
        (DRAWING, "alert(1)", SAVED),
        (DRAWING, "\u{feff} \n<SVG><script>alert(1)</script></SVG>", SAVED),
        // What the bytes say is a picture may be shown.
        (EVIL, GIF, SHOWN),
    ];
    let provider = ScriptedProvider::start(cases.map(|(headers, body, _)| Step::Answer(200, headers, body)));
    let gateway = TestGateway::builder().provider(&provider).no_plugins().start();
    let agent = Visitor::new(&gateway, "rosa", "agent");
    for (headers, body, (kind, place)) in cases {
        let told = headers[0].1;
        let message = receive(&gateway, &provider, told);
        assert_eq!(message["media"][0]["state"], "stored", "{message}");
        let path = format!("/console/messages/{}/media/0", message["id"].as_str().unwrap());
        let is_shown = place.starts_with("inline");
        for page in pages(&agent, &message) {
            is_inert(&page);
            assert_eq!(page.contains(&format!("<img src=\"{path}\" alt=\"image/gif\"")), is_shown, "{told}: {page}");
            assert_eq!(page.contains(&format!("<a class=\"file\" href=\"{path}\" download>")), !is_shown, "{page}");
        }
        let medium = agent.get(&path);
        assert_eq!((medium.status(), medium.text().as_str()), (200, body), "{told}");
        for (name, value) in [
            ("content-type", kind),
            ("content-disposition", place),
            ("x-content-type-options", "nosniff"),
            ("content-security-policy", "default-src 'none'; sandbox"),
            ("x-frame-options", "DENY"),
        ] {
            assert_eq!(medium.header(name), Some(value), "{name} of {body:?}, told as {told}");
        }
        let stranger = gateway.request(Method::GET, &path, &[], "");
        assert_eq!((stranger.status(), stranger.bytes().len()), (303, 0), "only for who is signed in");
    }
}

/// Then nothing but the provider's word says what it is.
#[test]
fn what_is_told_of_a_file_that_is_not_to_be_had_is_harmless_too() {
    let provider = ScriptedProvider::start([Step::Answer(401, EVIL, PAGE)]);
    let gateway = TestGateway::builder().provider(&provider).no_plugins().start();
    let agent = Visitor::new(&gateway, "rosa", "agent");
    let message = receive(&gateway, &provider, EVIL[0].1);
    let medium = &message["media"][0];
    assert_eq!((&medium["state"], &medium["content_type"]), (&json!("failed"), &json!(EVIL[0].1)), "{message}");
    for page in pages(&agent, &message) {
        is_inert(&page);
    }
    let path = format!("/console/messages/{}/media/0", message["id"].as_str().unwrap());
    let missing = agent.get(&path);
    assert_eq!((missing.status(), missing.header("content-type")), (404, Some("text/html; charset=utf-8")));
    assert!(!missing.text().contains("alert(1)"), "{}", missing.text());
}

#[test]
fn the_name_that_an_application_gives_to_a_person_is_text_on_every_page() {
    let gateway = TestGateway::builder().no_plugins().start();
    let agent = Visitor::new(&gateway, "rosa", "agent");
    gateway.text(ANA, "Hola");
    let conversation = gateway.conversations()[0].clone();
    let contact = conversation["contact_id"].as_str().unwrap();
    let bearer = format!("Bearer {}", gateway.key());
    let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
    let body = json!({ "name": NAME }).to_string();
    let named = gateway.request(Method::PATCH, &format!("/v1/contacts/{contact}"), &headers, body).expect(200);
    assert_eq!(named["name"], NAME);

    let message = gateway.messages()[0].clone();
    let [thread, trace] = pages(&agent, &message);
    let [inbox, person] = ["/console", &format!("/console/contacts/{contact}")].map(|path| agent.get(path).text());
    for page in [inbox, thread, person, trace] {
        is_inert(&page);
        assert!(page.contains("&#60;img src=x onerror=alert(1)&#62;"), "it is shown: {page}");
    }
}

/// No header of theirs, and nothing that breaks.
#[track_caller]
fn is_whole(answer: &Answer, what: &str) {
    assert_eq!(answer.header("injected"), None, "{what}");
    assert!(answer.status() < 500, "{what}: {} {}", answer.status(), answer.text());
}

#[test]
fn a_line_break_in_a_path_or_a_query_begins_no_header() {
    let gateway = TestGateway::builder().no_plugins().start();
    let owner = Visitor::new(&gateway, "ana", "owner");
    for path in [
        format!("templates/a{BREAK}"),
        format!("templates/a{BREAK}/edit"),
        format!("plugins/a{BREAK}"),
        format!("plugins/a{BREAK}/decisions"),
        format!("endpoints/a{BREAK}"),
        format!("assets/a{BREAK}"),
        format!("bulks?after={BREAK}"),
    ] {
        let path = format!("/console/{path}");
        is_whole(&owner.get(&path), &path);
        let stranger = gateway.request(Method::GET, &path, &[], "");
        is_whole(&stranger, &path);
        // It is told where they wanted to go, and in one line.
        let to = stranger.header("location").unwrap_or("/console/sign-in");
        assert!(to.starts_with("/console/sign-in"), "{path}: {to}");
    }
    let posts: [(String, Pairs); 8] = [
        (format!("templates/a{BREAK}"), &[("do", "save"), ("mark", "1")]),
        (format!("templates/a{BREAK}/archive"), &[("mark", "1")]),
        (format!("plugins/a{BREAK}"), &[("do", "reset")]),
        (format!("endpoints/a{BREAK}/enable"), &[]),
        (format!("endpoints/a{BREAK}/events/{ID}/replay"), &[]),
        (format!("channels/a{BREAK}/check"), &[]),
        (format!("channels/a{BREAK}/pause"), &[]),
        (format!("bulks/{ID}/a{BREAK}"), &[]),
    ];
    for (path, fields) in posts {
        let path = format!("/console/{path}");
        is_whole(&owner.post(&path, fields), &path);
    }
    // Who is signed in is sent on at once.
    for next in [format!("%2F{BREAK}"), format!("%2Faccount{BREAK}"), format!("%3Fa{BREAK}")] {
        let path = format!("/console/sign-in?next={next}");
        let sent = owner.get(&path);
        is_whole(&sent, &path);
        assert_eq!((sent.status(), sent.header("location")), (303, Some("/console")), "{path}");
    }
}

#[test]
fn a_line_break_in_where_to_go_after_signing_in_leads_to_the_inbox() {
    let gateway = TestGateway::builder().no_plugins().start();
    Visitor::create(&gateway, "ana", "agent");
    let url = gateway.url();
    let headers = [("origin", url.as_str()), ("content-type", "application/x-www-form-urlencoded")];
    let enter = |next: &str| {
        let path = format!("/console/sign-in?next=%2F{BREAK}");
        let fields = [("name", "ana"), ("password", Visitor::password()), ("next", next)];
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        gateway.request(Method::POST, &path, &headers, body)
    };
    for next in ["/\r\ninjected: yes", "/account\r\ninjected: yes", "?a\ninjected: yes", "/account\rinjected: yes"] {
        let answer = enter(next);
        is_whole(&answer, next);
        assert_eq!((answer.status(), answer.header("location")), (303, Some("/console")), "{next:?}");
        assert!(answer.header("set-cookie").is_some_and(|cookie| cookie.starts_with("recado_session=")), "{next:?}");
    }
    let good = enter("/account");
    assert_eq!((good.status(), good.header("location")), (303, Some("/console/account")), "others are followed");
    // What the page puts into its form for later is nothing of it either.
    let page = gateway.request(Method::GET, &format!("/console/sign-in?next=%2F{BREAK}"), &[], "");
    is_whole(&page, "the page to sign in");
    assert!(page.text().contains("name=\"next\" value=\"\""), "{}", page.text());
}

#[test]
fn the_id_of_a_request_is_given_back_as_it_came_in_one_line() {
    let gateway = TestGateway::builder().no_plugins().start();
    let id = format!("a{BREAK}");
    for path in ["/console", "/console/sign-in", "/console/nowhere", "/healthz"] {
        let answer = gateway.request(Method::GET, path, &[("x-request-id", &id)], "");
        is_whole(&answer, path);
        assert_eq!(answer.header("x-request-id"), Some(id.as_str()), "{path}");
    }
    // As no client sends it: the line is broken in truth.
    for broken in ["a\rinjected: yes", "a\r\n injected: yes", "a\0injected: yes"] {
        let mut socket = TcpStream::connect(gateway.address()).unwrap();
        let head = format!("GET /console HTTP/1.1\r\nhost: a\r\nx-request-id: {broken}\r\nconnection: close\r\n\r\n");
        socket.write_all(head.as_bytes()).unwrap();
        let mut answer = String::new();
        socket.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 400 ") && !answer.contains("injected"), "{broken:?}: {answer}");
    }
}
