//! Templates written in the console, and who may.

use ::http::Method;
use recado_tests::{TestGateway, Visitor, run};
use serde_json::{Value, json};

pub(super) const ANA: &str = "+529981112233";
pub(super) const KEY: &str = "0190a6d0-0000-7000-8000-000000000001";
pub(super) const SID: &str = "HX00000000000000000000000000000001";
const ATTACK: &str = "\"><img src=x onerror=alert(1)></textarea><script>alert(2)</script>";

pub(super) fn order() -> Value {
    json!({
        "name": "order-ready",
        "default_locale": "es",
        "variables": { "name": { "example": "Ana" }, "total": { "example": 7 }, "place": { "default": "la tienda" } },
        "bodies": {
            "es": {
                "text": "Hola {{ name }}: {{ total * 2 }} en {{ place }}",
                "content": { "sms": { "sid": SID, "variables": { "1": "name" } } },
            },
            "en": { "text": "Hi {{ name }}: {{ total * 2 }} at {{ place }}" },
        },
    })
}

pub(super) fn hidden(page: &str, name: &str) -> String {
    let field = page.split("<input").find(|field| field.contains(&format!("name=\"{name}\""))).expect("the field");
    field.split("value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned()
}

pub(super) fn thread(gateway: &TestGateway) -> String {
    format!("/console/conversations/{}", gateway.conversations()[0]["id"].as_str().unwrap())
}

#[test]
fn a_template_is_written_seen_changed_and_archived() {
    let gateway = TestGateway::builder().no_plugins().start();
    let agent = Visitor::new(&gateway, "rosa", "agent");
    let form = [
        ("name", "cita"),
        ("main", "0"),
        ("locale-0", "es"),
        ("text-0", "Hola {{ nombre }}, te esperamos{% if urgente %} ya{% endif %}"),
        ("channel-0-0", "sms"),
        ("sid-0-0", SID),
        ("places-0-0", "1 = nombre"),
        ("locale-1", "en"),
        ("text-1", "Hi {{ nombre }}"),
        ("variable-0", "nombre"),
        ("kind-0", "text"),
        ("example-0", "Ana"),
        ("default-0", ""),
        ("variable-1", "urgente"),
        ("kind-1", "flag"),
        ("example-1", ""),
        ("default-1", "no"),
        ("variable-2", ""),
        ("do", "save"),
    ];
    for click in ["the first", "a double click"] {
        let made = agent.post("/console/templates", &form);
        assert_eq!((made.status(), made.header("location")), (303, Some("/console/templates/cita")), "{click}");
    }
    let known = gateway.get("/v1/templates/cita").expect(200);
    let variables = json!({ "nombre": { "example": "Ana" }, "urgente": { "default": false } });
    assert_eq!((&known["variables"], &known["default_locale"]), (&variables, &json!("es")));
    let content = json!({ "sms": { "sid": SID, "variables": { "1": "nombre" } } });
    assert_eq!(
        (&known["bodies"]["es"]["content"], &known["bodies"]["en"]["text"]),
        (&content, &json!("Hi {{ nombre }}"))
    );

    let page = agent.get("/console/templates/cita").text();
    for piece in ["Hola Ana, te esperamos<", "Hi Ana", SID, "version 1", "GSM-7 · 1 segment ·", "must be given"] {
        assert!(page.contains(piece), "{piece} is not in {page}");
    }
    let list = agent.get("/console/templates").text();
    assert!(list.contains("cita") && list.contains("en, es") && list.contains(&format!("sms {SID}")), "{list}");
    let found =
        |query: &str| agent.get(&format!("/console/templates?{query}")).text().matches("testid=\"template\"").count();
    assert_eq!((found("q=CIT"), found("q=_"), found("archived=1"), found("q=otra")), (1, 0, 0, 0));

    // Another version, from what the form has.
    let edit = agent.get("/console/templates/cita/edit").text();
    assert_eq!((hidden(&edit, "mark"), hidden(&edit, "sid-1-0")), ("1".to_owned(), SID.to_owned()), "{edit}");
    let changed: Vec<_> = form
        .iter()
        .map(|&(name, value)| if name == "text-1" { (name, "Hello {{ nombre }}") } else { (name, value) })
        .chain([("mark", "1")])
        .collect();
    assert_eq!(agent.post("/console/templates/cita", &changed).status(), 303);
    assert_eq!(agent.post("/console/templates/cita", &changed).status(), 303, "a double click");
    assert_eq!(gateway.get("/v1/templates/cita").expect(200)["version"], 2);
    assert!(agent.get("/console/templates/cita?version=1").text().contains("Hi Ana"), "the one before is still there");
    let again: Vec<_> = changed.iter().copied().filter(|(name, _)| *name != "mark").chain([("mark", "2")]).collect();
    assert_eq!(agent.post("/console/templates/cita", &again).status(), 303, "the same is no version");
    assert_eq!(gateway.get("/v1/templates/cita").expect(200)["version"], 2);
    assert_eq!(agent.post("/console/templates", &form).status(), 422, "there is one of the name");

    let archive = |mark: &str| agent.post("/console/templates/cita/archive", &[("mark", mark)]);
    let overtaken = archive("1");
    assert!(overtaken.status() == 422 && overtaken.text().contains("Somebody changed it while you looked"));
    assert_eq!(archive("2").status(), 303);
    assert_eq!(archive("2").status(), 303, "a double click");
    assert!(agent.get("/console/templates/cita").text().contains("data-testid=\"archived\""));
    assert_eq!((found(""), found("archived=1")), (0, 1));
    let audit = run(gateway.folder(), &["--config", "test.toml", "--json", "audit"], &[]).good().json();
    let of = |action: &str| {
        let entries = audit.as_array().unwrap().iter();
        entries.filter(|one| one["actor"] == "user" && one["action"] == action && one["subject"] == "cita").count()
    };
    // What was as before is not on record.
    assert_eq!((of("template.saved"), of("template.archived")), (2, 1), "{audit}");
}

#[test]
fn what_is_wrong_is_said_beside_it_and_nothing_that_was_typed_is_lost() {
    let gateway = TestGateway::builder().no_plugins().start();
    let agent = Visitor::new(&gateway, "rosa", "agent");
    let form = [
        ("name", "Cita"),
        ("main", "0"),
        ("locale-0", "es"),
        ("text-0", "\nHola {{ apellido }}"),
        ("variable-0", "nombre"),
        ("example-0", "Ana"),
        ("variable-1", "total"),
        ("kind-1", "number"),
        ("example-1", "diez"),
        ("do", "save"),
    ];
    let refused = agent.post("/console/templates", &form);
    let page = refused.text();
    assert_eq!(refused.status(), 422, "{page}");
    assert!(page.contains("A name needs 1 to 64"), "{page}");
    let beside = |from: &str, piece: &str| {
        let row = page.split(from).nth(1).and_then(|rest| rest.split("<label").next()).unwrap_or_default();
        assert!(row.contains(piece), "{piece} is not beside {from}: {page}");
    };
    beside("id=\"text-0\"", "line 2 uses `apellido`, which is not declared");
    assert!(
        page.contains("id=\"text-0\" name=\"text-0\" rows=\"4\" dir=\"auto\" aria-invalid=\"true\" aria-describedby=\"wrong-text-0\">&#10;\nHola"),
        "{page}"
    );
    let variable = page.split("data-testid=\"variable\"").nth(2).unwrap();
    assert!(variable.contains("This is no number.") && variable.contains(">diez</textarea>"), "{variable}");
    assert!(page.contains("value=\"Cita\"") && page.contains("name=\"variable-1\" value=\"total\""), "{page}");
    assert_eq!(gateway.get("/v1/templates").expect(200)["items"], json!([]));

    // Rows are added without anything being saved.
    let rows = |what: &str, testid: &str| {
        let form: Vec<_> = form[..form.len() - 1].iter().copied().chain([("do", what)]).collect();
        let answer = agent.post("/console/templates", &form);
        assert_eq!(answer.status(), 200);
        answer.text().matches(&format!("data-testid=\"{testid}\"")).count()
    };
    assert_eq!((rows("add-variable", "variable"), rows("add-language", "body"), rows("look", "body")), (3, 2, 1));
    // In Spanish it is said in Spanish, with the checker's words behind.
    gateway.post("/v1/templates", &order()).expect(201);
    let account = [("locale", "es")];
    assert_eq!(agent.post("/console/account", &account).status(), 303);
    let spanish = agent.post("/console/templates", &form).text();
    assert!(spanish.contains("Usa un dato que no está declarado.") && spanish.contains("lang=\"en\""), "{spanish}");
}

#[test]
fn who_was_overtaken_saves_nothing() {
    let gateway = TestGateway::builder().no_plugins().start();
    gateway.post("/v1/templates", &order()).expect(201);
    let agents = ["rosa", "luis"].map(|name| Visitor::new(&gateway, name, "agent"));
    let form = |text: &'static str, mark: &'static str| {
        [("mark", mark), ("main", "0"), ("locale-0", "es"), ("text-0", text), ("do", "save")]
    };
    assert_eq!(agents[0].post("/console/templates/order-ready", &form("Primero", "1")).status(), 303);
    let late = agents[1].post("/console/templates/order-ready", &form("Segundo", "1"));
    let page = late.text();
    assert_eq!(late.status(), 422, "{page}");
    assert!(page.contains("Somebody else saved a version") && page.contains("Segundo"), "{page}");
    let known = gateway.get("/v1/templates/order-ready").expect(200);
    assert_eq!((&known["version"], &known["bodies"]["es"]["text"]), (&json!(2), &json!("Primero")));
    assert_eq!(hidden(&page, "mark"), "2", "whoever saves again has been told");
    assert_eq!(agents[1].post("/console/templates/order-ready", &form("Segundo", "x")).status(), 400);
    assert_eq!(agents[1].post("/console/templates/nothing", &form("Segundo", "1")).status(), 422);
    // From an older version on, over the one that is there now.
    let edit = agents[1].get("/console/templates/order-ready/edit?version=1").text();
    assert!(hidden(&edit, "mark") == "2" && edit.contains("Hi {{ name }}: {{ total * 2 }}"), "{edit}");
}

#[test]
fn each_row_has_a_name_and_keeps_its_line_breaks() {
    let gateway = TestGateway::builder().no_plugins().start();
    let template = json!({
        "name": "a", "default_locale": "es",
        "variables": { "x": { "example": "Calle 5\nCentro", "default": "\nMérida" } },
        "bodies": { "es": { "text": "{{ x }}" } },
    });
    gateway.post("/v1/templates", &template).expect(201);
    let page = Visitor::new(&gateway, "rosa", "agent").get("/console/templates/a/edit").text();
    for piece in [
        ">Calle 5\nCentro</textarea>",
        ">&#10;\nMérida</textarea>",
        "role=\"group\" aria-label=\"Language 1: es\"",
        "role=\"group\" aria-label=\"Value 1: x\"",
        "role=\"group\" aria-label=\"The provider&#39;s own template: sms\"",
    ] {
        assert!(page.contains(piece), "{piece} is not in {page}");
    }
}

#[test]
fn a_preview_shows_each_language_and_names_what_is_missing() {
    let gateway = TestGateway::builder().no_plugins().start();
    let agent = Visitor::new(&gateway, "rosa", "agent");
    let preview = |form: &[(&str, &str)]| {
        let answer = agent.post("/console/preview", form);
        assert_eq!(answer.status(), 200);
        answer.text()
    };
    let whole = [
        ("locale-0", "es"),
        ("text-0", "Hola {{ nombre }} ✓"),
        ("locale-1", "en"),
        ("text-1", "Hi {{ nombre }}"),
        ("variable-0", "nombre"),
        ("example-0", "Ana"),
    ];
    let page = preview(&whole);
    for piece in ["Hola Ana ✓", "UCS-2 · 1 segment ·", "Hi Ana", "GSM-7 · 1 segment ·", "depends on the destination"]
    {
        assert!(page.contains(piece), "{piece} is not in {page}");
    }
    let priced = preview(&[&whole[..], &[("to", "998 111 2233")]].concat());
    assert!(priced.contains("billed as one segment") && priced.contains("in MX"), "{priced}");
    assert!(preview(&[&whole[..], &[("to", "12")]].concat()).contains("The number is too short."), "it is no number");
    let missing = preview(&[&whole[..5], &[("example-0", "")]].concat());
    assert!(
        missing.contains("the template needs `nombre`") && !missing.contains("data-testid=\"sample\""),
        "{missing}"
    );
    let half = preview(&[("locale-0", "es"), ("text-0", "Hola {{ nom"), ("locale-1", "en"), ("text-1", "Hi")]);
    assert!(half.contains("line 1 can&#39;t be read") && half.contains(">Hi<"), "one does not spoil the other: {half}");
    assert!(preview(&[]).contains("Write a text to see"));
}

#[test]
fn who_only_looks_writes_nothing_and_nobody_writes_from_elsewhere() {
    let gateway = TestGateway::builder().no_plugins().start();
    gateway.post("/v1/templates", &order()).expect(201);
    gateway.text(ANA, "Hola");
    let people = ["viewer", "agent"].map(|role| Visitor::new(&gateway, role, role));
    let [viewer, agent] = &people;
    let page = viewer.get("/console/templates/order-ready").text();
    assert!(
        page.contains("Hola Ana: 14 en la tienda")
            && !page.contains("testid=\"edit\"")
            && !page.contains("testid=\"archive\"")
    );
    assert!(!viewer.get("/console/templates").text().contains("data-testid=\"new\""));
    let posts = [
        "/console/templates".to_owned(),
        "/console/templates/order-ready".to_owned(),
        "/console/templates/order-ready/archive".to_owned(),
        "/console/preview".to_owned(),
        format!("{}/preview", thread(&gateway)),
    ];
    for path in &posts {
        assert_eq!(viewer.post(path, &[("mark", "1"), ("do", "save")]).status(), 403, "{path}");
        let forged = agent.post_with(path, &[("origin", &gateway.url())], &[("csrf", "0123456789"), ("mark", "1")]);
        assert_eq!(forged.status(), 403, "{path}");
        assert_eq!(gateway.request(Method::POST, path, &[("origin", &gateway.url())], "").status(), 303, "{path}");
    }
    for path in ["/console/new-template", "/console/templates/order-ready/edit"] {
        assert_eq!((viewer.get(path).status(), agent.get(path).status()), (403, 200), "{path}");
    }
    for path in ["/console/templates", "/console/templates/order-ready", "/console/new-template"] {
        assert_eq!(gateway.request(Method::GET, path, &[], "").status(), 303, "{path}");
    }
    for path in
        ["/console/templates/nothing", "/console/templates/nothing/edit", "/console/templates/order-ready?version=9"]
    {
        assert_eq!(agent.get(path).status(), 404, "{path}");
    }
    let known = gateway.get("/v1/templates/order-ready").expect(200);
    assert_eq!((&known["version"], &known["archived_at"]), (&json!(1), &Value::Null));
}

#[test]
fn nothing_in_a_template_becomes_a_part_of_a_page() {
    let gateway = TestGateway::builder().no_plugins().start();
    let template = json!({
        "name": "a", "default_locale": "es",
        "variables": { "x": { "example": ATTACK }, "y": { "default": ATTACK } },
        "bodies": { "es": { "text": format!("{ATTACK} {{{{ x }}}} {{{{ y }}}}") } },
    });
    gateway.post("/v1/templates", &template).expect(201);
    let agent = Visitor::new(&gateway, "rosa", "agent");
    gateway.text(ANA, "Hola");
    let messages = format!("{}/messages", thread(&gateway));
    let typed = [
        ("name", ATTACK),
        ("mark", ATTACK),
        ("to", ATTACK),
        ("locale-0", ATTACK),
        ("text-0", ATTACK),
        ("channel-0-0", ATTACK),
        ("sid-0-0", ATTACK),
        ("places-0-0", ATTACK),
        ("variable-0", ATTACK),
        ("example-0", ATTACK),
        ("default-0", ATTACK),
        ("do", "save"),
    ];
    let values =
        [("template", "a"), ("made", "a"), ("version", "1"), ("value-x", ATTACK), ("text", ATTACK), ("do", "look")];
    let pages = [
        agent.get("/console/templates"),
        agent.get("/console/templates/a"),
        agent.get("/console/templates/a/edit"),
        agent.post("/console/templates", &typed),
        agent.post("/console/preview", &typed),
        agent.post(&messages, &[("template", "a"), ("key", KEY)]),
        agent.post(&messages, &values),
        agent.post(&format!("{}/preview", thread(&gateway)), &values),
        agent.post(&messages, &[("template", ATTACK), ("key", KEY)]),
    ];
    let escaped = |page: &str| page.matches("onerror=alert(1)").count();
    let mut shown = 0;
    for page in pages {
        let text = page.text();
        assert!([200, 422].contains(&page.status()), "{text}");
        shown += usize::from(escaped(&text) > 0);
        assert!(!text.contains("<img src=x") && !text.contains("<script>alert"), "{text}");
    }
    assert!(shown >= 7, "it is shown as it is: {shown}");
    let query: String = form_urlencoded::byte_serialize(ATTACK.as_bytes()).collect();
    let page = agent.get(&format!("/console/templates?q={query}&after={query}&archived={query}")).text();
    assert!(!page.contains("<img src=x") && page.contains("onerror"), "{page}");
}
