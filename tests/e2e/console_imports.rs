//! Lists of people brought along in the console: looked at line by line, and then imported as they were looked at.

use recado_tests::{Answer, Chosen, TestGateway, Visitor, run};
use serde_json::json;

use super::console_templates::hidden;

const IMPORT: &str = "/console/contacts/import";
/// The longest list, in bytes.
const MOST: usize = 4 * 1024 * 1024;
const LIST: &str = "Nombre;Teléfono;Ciudad\r\nAna;998 111 2233;Mérida\r\n\r\nLuis;998;\r\nEva;9981112255;\"Mérida; centro\"\r\n\
                    Eva María;+529981112255;\r\nPau;9981112266\r\n;;\r\nNadie;;\r\n";

fn look(agent: &Visitor, list: &str) -> Answer {
    agent.post(IMPORT, &[("list", list), ("do", "look")])
}

/// Looks at it, and does what was looked at.
fn import(agent: &Visitor, list: &str) -> Answer {
    let seen = hidden(&look(agent, list).text(), "seen");
    agent.post(IMPORT, &[("list", list), ("do", "import"), ("seen", &seen)])
}

/// How many are new, change, were known, and are refused.
#[track_caller]
fn has(page: &str, counts: [usize; 4]) {
    let shown = page.split("data-testid=\"counts\"").nth(1).unwrap_or_else(|| panic!("no counts in {page}"));
    let shown = shown.split("</p>").next().unwrap();
    let words = ["new", "change", "were known like that", "can&#39;t be imported"];
    for (count, words) in counts.into_iter().zip(words).take(if counts[3] == 0 { 3 } else { 4 }) {
        assert!(shown.contains(&format!(">{count} {words}<")), "{count} {words} is not in {shown}");
    }
}

/// Each wrong line with the beginning of the reason.
fn refused(page: &str) -> Vec<(u32, String)> {
    let rows = page.split("data-testid=\"refused\"><td>").skip(1);
    let cell = |row: &str| {
        let (line, rest) = row.split_once("</td>").unwrap();
        (line.parse().unwrap(), rest.split('>').nth(1).unwrap().split('<').next().unwrap().to_owned())
    };
    rows.map(cell).collect()
}

#[test]
fn a_list_is_looked_at_line_by_line_and_imported_once() {
    let gateway = TestGateway::builder().no_plugins().start();
    let agent = Visitor::new(&gateway, "rosa", "agent");
    gateway.text("+529981112233", "Hola");
    assert!(agent.get("/console/contacts").text().contains(IMPORT), "the list leads there");
    let looked = look(&agent, LIST);
    let page = looked.text();
    assert_eq!(looked.status(), 200, "{page}");
    has(&page, [1, 2, 0, 3]);
    let [(4, short), (7, uneven), (9, nobody)] = <[_; 3]>::try_from(refused(&page)).unwrap() else {
        panic!("not those lines: {page}")
    };
    assert!(short.starts_with("address: ") && short.contains("country code"), "{short}");
    assert!(uneven.starts_with("It has more or less fields"), "{uneven}");
    assert_eq!(nobody, "address: The number or address is missing.");
    let change = |line: u32| {
        page.split("data-testid=\"change\"").find(|row| row.starts_with(&format!("><td>{line}</td>"))).unwrap()
    };
    assert!(change(2).contains(">Ana</a></td><td dir=\"auto\">name, Ciudad</td>"), "{page}");
    assert!(change(6).contains(">Eva María</td><td dir=\"auto\">name</td>"), "who is twice: {page}");
    assert_eq!(gateway.all("/v1/contacts").len(), 1, "looking changes nothing");

    let done = import(&agent, LIST);
    let page = done.text();
    assert!(done.status() == 200 && page.contains("data-testid=\"done\""), "{page}");
    has(&page, [1, 2, 0, 3]);
    assert_eq!(refused(&page).len(), 3, "what is to be mended is told again: {page}");
    let people = gateway.all("/v1/contacts");
    let [ana, eva] = <[_; 2]>::try_from(people).unwrap();
    assert_eq!((&ana["name"], &ana["attributes"]), (&json!("Ana"), &json!({ "Ciudad": "Mérida" })));
    assert_eq!((&eva["name"], &eva["attributes"]), (&json!("Eva María"), &json!({ "Ciudad": "Mérida; centro" })));
    let page = look(&agent, "teléfono,nombre\n9981112233,Ana\n").text();
    has(&page, [0, 0, 1, 0]);
    assert!(page.contains("Nothing would change.") && !page.contains("data-testid=\"import-now\""), "{page}");
    let audit = run(gateway.folder(), &["--config", "test.toml", "--json", "audit"], &[]).good().json();
    let entries = audit.as_array().unwrap().iter().filter(|one| one["action"] == "contacts.imported");
    let subjects: Vec<_> = entries.map(|one| (&one["actor"], &one["subject"])).collect();
    assert_eq!(subjects, [(&json!("user"), &json!("3 lines"))], "looking is not on record: {audit}");
}

#[test]
fn a_file_is_taken_as_spreadsheets_save_it_and_kept_for_the_second_step() {
    let gateway = TestGateway::builder().no_plugins().start();
    let agent = Visitor::new(&gateway, "rosa", "agent");
    let file = |contents| Chosen { field: "file", name: "lista.csv", content_type: "text/csv", contents };
    // As Excel writes it in Mexico.
    let western = b"tel\xe9fono;nombre\r\n9981112233;Jos\xe9 Pe\xf1a\r\n";
    let looked = agent.post_files(IMPORT, &[("list", "another"), ("do", "look")], &[file(western)]);
    let page = looked.text();
    assert_eq!(looked.status(), 200, "{page}");
    has(&page, [1, 0, 0, 0]);
    let list = "teléfono;nombre\n9981112233;José Peña\n";
    assert!(
        page.replace("\r\n", "\n").contains(&format!(">{list}</textarea>")),
        "it is there to be sent again: {page}"
    );
    let seen = hidden(&page, "seen");
    let none = Chosen { field: "file", name: "", content_type: "application/octet-stream", contents: b"" };
    // Browsers send line breaks of their own.
    let list = list.replace('\n', "\r\n");
    let form = [("list", list.as_str()), ("do", "import"), ("seen", seen.as_str())];
    let done = agent.post_files(IMPORT, &form, &[none]);
    assert!(done.text().contains("data-testid=\"done\""), "{}", done.text());
    assert_eq!(gateway.all("/v1/contacts")[0]["name"], "José Peña");
    for contents in [&b"PK\x03\x04\x14\0\x06\0\xff"[..], b"a\0b"] {
        let refused = agent.post_files(IMPORT, &[("do", "look")], &[file(contents)]);
        assert!(refused.status() == 422 && refused.text().contains("Save it as CSV"), "{}", refused.text());
    }
}

#[test]
fn a_list_of_4_mb_is_looked_at_and_imported_and_a_longer_one_is_neither() {
    let gateway = TestGateway::builder().no_plugins().start();
    let agent = Visitor::new(&gateway, "rosa", "agent");
    let file = |contents| Chosen { field: "file", name: "lista.csv", content_type: "text/csv", contents };
    let start = "teléfono;nombre\n9981112233;José";
    let list = format!("{start}{}\n", " ".repeat(MOST - start.len() - 1));
    let looked = agent.post_files(IMPORT, &[("do", "look")], &[file(list.as_bytes())]);
    let page = looked.text();
    assert_eq!((list.len(), looked.status()), (MOST, 200));
    has(&page, [1, 0, 0, 0]);
    let seen = hidden(&page, "seen");
    let sent = list.replace('\n', "\r\n");
    let none = Chosen { field: "file", name: "", content_type: "application/octet-stream", contents: b"" };
    let done = agent.post_files(IMPORT, &[("list", &sent), ("do", "import"), ("seen", &seen)], &[none]);
    assert!(done.status() == 200 && done.text().contains("data-testid=\"done\""), "{}", done.status());
    assert_eq!(gateway.all("/v1/contacts")[0]["name"], "José");

    let longer = format!("{list}\n");
    let refused = agent.post_files(IMPORT, &[("do", "look")], &[file(longer.as_bytes())]);
    let page = refused.text();
    assert!(page.len() < 100_000, "it is not in the form: {} bytes", page.len());
    assert!(refused.status() == 422 && page.contains("The list has more than 4 MB"), "{page}");
    let huge = vec![b'1'; 9 * 1024 * 1024];
    let refused = agent.post_files(IMPORT, &[("do", "look")], &[file(&huge)]);
    assert!(refused.status() == 413 && refused.text().contains("There is room for 8 MB."), "{}", refused.text());
}

#[test]
fn what_was_not_looked_at_or_is_no_list_is_not_imported() {
    let gateway = TestGateway::builder().no_plugins().start();
    let agent = Visitor::new(&gateway, "rosa", "agent");
    let seen = hidden(&look(&agent, "9981112233").text(), "seen");
    for (list, seen) in [("9981112233\n9981112244", seen.as_str()), ("9981112233", "")] {
        let again = agent.post(IMPORT, &[("list", list), ("do", "import"), ("seen", seen)]);
        let page = again.text();
        assert!(again.status() == 422 && page.contains("This is not the list that you looked at"), "{page}");
        assert!(page.contains("data-testid=\"import-now\""), "one may go on from there: {page}");
    }
    let many = (0..5001).map(|number| format!("998{number:07}\n")).collect::<Vec<_>>().concat();
    let (beside, long) = (many.replace('\n', ","), format!("phone,{}\n1,2\n", "x".repeat(65)));
    for (list, words) in [
        (" \n ", "Choose a file or paste"),
        ("name\nAna\n", "The column of numbers is missing"),
        ("phone,number\n1,2\n", "more than one column of numbers"),
        ("phone,name,nombre\n1,2,3\n", "more than one column of names"),
        ("phone,x,X\n1,2,3\n", "Two columns have the same name: X."),
        ("phone,,x\n1,2,3\n", "Column 2."),
        ("phone,name\n9981112233,\"Ana\n", "not closed on line 2."),
        (many.as_str(), "more than 5,000 people"),
        (beside.as_str(), "put each number on a line of its own"),
        (long.as_str(), "make it shorter in the first line. Column 2."),
    ] {
        let refused = look(&agent, list);
        let page = refused.text();
        assert!(refused.status() == 422 && page.contains(words), "{words}: {page}");
        assert!(!page.contains("data-testid=\"preview\""), "{words}: {page}");
    }
    let attack =
        "phone,<img src=x onerror=alert(1)>\n</textarea><script>alert(2)</script>,\"><script>alert(3)</script>\n";
    let page = look(&agent, attack).text();
    assert!(!page.contains("<img src=x") && !page.contains("<script>alert"), "{page}");
    let form = [("list", "9981112233"), ("do", "look"), ("csrf", "0123456789")];
    assert_eq!(agent.post_with(IMPORT, &[("origin", &gateway.url())], &form).status(), 403);
    assert!(gateway.all("/v1/contacts").is_empty());
}
