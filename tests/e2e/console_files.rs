//! Files that are sent along from a thread's form.

use recado_tests::{Answer, Chosen, TestGateway, Visitor};
use serde_json::{Value, json};

use super::console_templates::{KEY, hidden, order, thread};

const ANA: &str = "+529981112233";
const KEYS: [&str; 3] = [
    "0190a6d0-0000-7000-8000-000000000011",
    "0190a6d0-0000-7000-8000-000000000012",
    "0190a6d0-0000-7000-8000-000000000013",
];
const GIF: &[u8] =
    b"GIF89a\x01\0\x01\0\x80\0\0\xff\xff\xff\0\0\0!\xf9\x04\x01\0\0\0\0,\0\0\0\0\x01\0\x01\0\0\x02\x02D\x01\0;";
const PDF: &[u8] = b"%PDF-1.4\n1 0 obj\n<<>>\nendobj\ntrailer\n<<>>\n%%EOF\n";

fn chosen<'a>(name: &'a str, content_type: &'a str, contents: &'a [u8]) -> Chosen<'a> {
    Chosen { field: "file", name, content_type, contents }
}

fn none() -> Chosen<'static> {
    chosen("", "application/octet-stream", b"")
}

struct Thread {
    gateway: TestGateway,
    agent: Visitor,
    path: String,
}

impl Thread {
    fn new(settings: &str) -> Self {
        let gateway = TestGateway::builder().no_plugins().config_toml(settings).start();
        let agent = Visitor::new(&gateway, "rosa", "agent");
        gateway.text(ANA, "¿Me mandas una foto?");
        let path = thread(&gateway);
        Self { gateway, agent, path }
    }

    fn send(&self, form: &[(&str, &str)], files: &[Chosen<'_>]) -> Answer {
        self.agent.post_files(&format!("{}/messages", self.path), form, files)
    }

    fn sent(&self) -> Vec<Value> {
        self.gateway.messages().into_iter().filter(|one| one["direction"] == "outbound").collect()
    }
}

/// The name of the field by which each file is kept.
fn kept(page: &str) -> Vec<String> {
    let fields = page.split("name=\"media-").skip(1);
    fields.map(|field| format!("media-{}", field.split('"').next().unwrap())).collect()
}

#[test]
fn files_go_along_once_and_are_what_arrives() {
    let thread = Thread::new("");
    let page = thread.agent.get(&thread.path).text();
    assert!(page.contains("enctype=\"multipart/form-data\"") && page.contains("type=\"file\" multiple"), "{page}");
    assert!(page.contains("data-too-large=\"It is too large"), "what the script says is on the page: {page}");
    let form = [("text", "Aquí está"), ("key", KEY)];
    let files = [chosen("foto.gif", "image/gif", GIF), chosen("menú.pdf", "application/pdf", PDF), none()];
    let sent = thread.send(&form, &files);
    assert_eq!(sent.status(), 303, "{}", sent.text());
    assert_eq!(thread.send(&form, &files).status(), 303, "a double click");
    assert_eq!(thread.send(&form, &files[..1]).status(), 422, "a form is one message");
    let [message] = thread.sent().try_into().unwrap();
    assert_eq!((&message["text"], message["media"].as_array().unwrap().len()), (&json!("Aquí está"), 2));
    thread.gateway.wait_for_status(message["id"].as_str().unwrap(), "delivered");
    // Here, and not by the public link, which ends.
    let link = format!("/console/messages/{}/media/0", message["id"].as_str().unwrap());
    let page = thread.agent.get(&thread.path).text();
    assert!(page.contains(&format!("<img src=\"{link}\" alt=\"image/gif\"")), "{page}");
    assert!(page.contains("/media/1\" download>"), "{page}");
    let shown = thread.agent.get(&link);
    assert_eq!((shown.status(), shown.bytes()), (200, GIF));
    let saved = thread.agent.get(&link.replace("media/0", "media/1"));
    assert_eq!(saved.header("content-disposition"), Some("attachment; filename=\"file.pdf\""));

    // A picture alone is a message too; nothing at all is none.
    assert_eq!(thread.send(&[("text", ""), ("key", KEYS[0])], &[chosen("a.gif", "image/gif", GIF)]).status(), 303);
    assert_eq!(thread.send(&[("text", ""), ("key", KEYS[1])], &[none()]).status(), 422);
    assert_eq!(thread.sent().len(), 2);

    // To somebody who is written to first.
    let made = thread.agent.post("/console/contacts", &[("name", "Luis"), ("addresses", "9981112244")]);
    let path = format!("{}/messages", made.header("location").unwrap());
    let form = [("way", "+529981112244 · sms"), ("text", ""), ("key", KEYS[2])];
    assert_eq!(thread.agent.post_files(&path, &form, &[chosen("a.gif", "image/gif", GIF)]).status(), 303);
    assert_eq!(thread.sent().iter().find(|one| one["to"] == "+529981112244").unwrap()["media"][0]["state"], "stored");
}

#[test]
fn what_can_not_go_along_is_told_and_what_can_is_kept() {
    let thread = Thread::new("[media]\nmax_bytes = 1048576\n");
    let large = [GIF, &vec![0; 1024 * 1024][..]].concat();
    let huge = vec![0; 3 * 1024 * 1024];
    let picture = || chosen("foto.gif", "image/gif", GIF);
    for (file, words) in [
        (chosen("tarea.docx", "application/msword", b"PK\x03\x04 and so on"), "tarea.docx: carriers do not take"),
        (chosen("<b>.html", "text/html", b"<script>alert(1)</script>"), "&#60;b&#62;.html: carriers do not take"),
        (chosen("nada.gif", "image/gif", b""), "nada.gif: is empty."),
        (chosen("grande.gif", "image/gif", &large), "grande.gif: is too large. A file may have 1 MB."),
    ] {
        let refused = thread.send(&[("text", "Mira"), ("key", KEY)], &[picture(), file]);
        let page = refused.text();
        assert!(refused.status() == 422 && page.contains(words), "{words}: {page}");
        assert!(page.contains(">Mira</textarea>") && kept(&page).len() == 1, "what was good stays: {page}");
    }
    let many = [picture(); 11];
    let refused = thread.send(&[("text", "Mira"), ("key", KEY)], &many);
    assert!(refused.status() == 422 && refused.text().contains("A message takes 10."), "{}", refused.text());
    // They are counted before any is looked for.
    let fields: Vec<String> = (10..21).map(|one| format!("media-0190a6d0-0000-7000-8000-0000000000{one}")).collect();
    let named = fields.iter().map(|field| (field.as_str(), "yes"));
    let form: Vec<_> = named.chain([("text", "Mira"), ("key", KEY)]).collect();
    let refused = thread.send(&form, &[]);
    assert!(refused.status() == 422 && refused.text().contains("A message takes 10."), "{}", refused.text());
    let refused = thread.send(&[("text", "Mira"), ("key", KEY)], &[chosen("a.gif", "image/gif", &huge)]);
    let page = refused.text();
    assert!(refused.status() == 413 && page.contains("It is too large"), "{page}");
    assert!(page.contains("There is room for 2 MB.") && page.contains("En total caben 2 MB."), "{page}");
    assert_eq!(thread.sent(), [] as [Value; 0]);

    // What was refused is sent with the file that was kept, once it is mended; whatever the browser says it is.
    let refused =
        thread.send(&[("text", "Mira"), ("send_at", "mañana"), ("key", KEY)], &[chosen("a.png", "image/png", GIF)]);
    let page = refused.text();
    let [field] = kept(&page).try_into().unwrap();
    assert!(refused.status() == 422 && page.contains(">a.png</label>"), "{page}");
    let key = hidden(&page, "key");
    let form = [("text", "Mira"), (field.as_str(), "yes"), ("key", key.as_str())];
    assert_eq!(thread.send(&form, &[none()]).status(), 303);
    let [message] = thread.sent().try_into().unwrap();
    assert!(message["media"][0]["url"].as_str().unwrap().ends_with("/image.gif"), "{message}");
    for (field, status) in [("media-nonsense", 400), ("media-0190a6d0-0000-7000-8000-00000000000f", 422)] {
        let gone = thread.send(&[("text", "Mira"), (field, "yes"), ("key", KEYS[0])], &[]);
        assert_eq!(gone.status(), status, "{field}: {}", gone.text());
    }
    thread.gateway.text(ANA, "STOP");
    let refused = thread.send(&[("text", "Mira"), ("key", KEYS[1])], &[picture()]);
    assert!(refused.status() == 422 && refused.text().contains("opted out"), "{}", refused.text());
    let parted = || {
        let all = thread.sent().into_iter();
        all.partition::<Vec<Value>, _>(|one| one["refused_for"].is_null())
    };
    let (taken, kept) = parted();
    let [refused] = kept.try_into().unwrap();
    assert_eq!((taken.len(), &refused["status"]), (1, &json!("failed")), "{refused}");
    assert_eq!((&refused["refused_for"], &refused["text"]), (&json!("opted-out"), &json!("Mira")), "{refused}");
    let trace = thread.agent.get(&format!("/console/messages/{}/trace", refused["id"].as_str().unwrap())).text();
    assert!(trace.contains("<span class=\"by\">rosa</span>"), "who wrote it: {trace}");
    let viewer = Visitor::new(&thread.gateway, "vera", "viewer");
    let path = format!("{}/messages", thread.path);
    assert_eq!(viewer.post_files(&path, &[("text", "Mira"), ("key", KEYS[2])], &[picture()]).status(), 403);
    let mut forged = thread.agent.clone();
    "0123456789".clone_into(&mut forged.csrf);
    assert_eq!(forged.post_files(&path, &[("text", "Mira"), ("key", KEYS[2])], &[picture()]).status(), 403);
    let (taken, kept) = parted();
    assert_eq!((taken.len(), kept.len()), (1, 1));
}

#[test]
fn a_file_that_was_chosen_goes_with_a_template_too() {
    let thread = Thread::new("");
    thread.gateway.post("/v1/templates", &order()).expect(201);
    let form = [("template", "order-ready"), ("text", ""), ("key", KEY)];
    let page = thread.send(&form, &[chosen("foto.gif", "image/gif", GIF)]).text();
    let [field] = kept(&page).try_into().unwrap();
    let form = [("template", "order-ready"), ("made", "order-ready"), ("version", "1"), ("locale", "en")];
    let form =
        [&form[..], &[("value-name", "Ana"), ("value-total", "4"), ("key", KEY), (field.as_str(), "yes")]].concat();
    assert_eq!(thread.send(&form, &[]).status(), 303);
    let [message] = thread.sent().try_into().unwrap();
    assert_eq!((&message["text"], &message["media"][0]["state"]), (&json!("Hi Ana: 8 at la tienda"), &json!("stored")));
}
