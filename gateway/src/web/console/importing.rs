//! `/console/contacts/import`: a list of people is brought along, as by the API: looked at first, and done as it was
//! looked at.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use sha2::{Digest, Sha256};

use super::imported::{Came, Lines};
use super::page::{self, Page, shown};
use super::posted::{File, Posted};
use super::session::Visitor;
use super::trouble::Trouble;
use super::words::PeopleWords;
use crate::store::Role;
use crate::web::contact_list::{self, Unreadable};
use crate::web::{App, LIST, LIST_BODY};

/// The most people of a list.
const MOST: usize = 5_000;
/// As many go in one transaction.
const TOGETHER: usize = 200;

#[derive(Template)]
#[template(path = "importing.html")]
struct ImportPage {
    p: Page,
    words: &'static PeopleWords,
    list: String,
    error: Option<String>,
    came: Option<Came>,
    /// What was looked at: anything else has to be looked at again.
    seen: String,
    is_done: bool,
}

/// `GET /console/contacts/import`
pub(super) async fn page(State(app): State<App>, visitor: Visitor) -> Result<Response, Trouble> {
    visitor.must_be(Role::Agent)?;
    shown(&form(&app, &visitor, String::new()))
}

fn form(app: &App, visitor: &Visitor, list: String) -> ImportPage {
    let mut p = Page::of(app, visitor, "people", "");
    let words = PeopleWords::of(p.locale());
    words.import.clone_into(&mut p.title);
    ImportPage { seen: String::new(), error: None, came: None, is_done: false, list, words, p }
}

/// `POST /console/contacts/import`: shows what would come of it; does it if that was seen.
pub(super) async fn post(State(app): State<App>, posted: Posted<LIST_BODY>) -> Result<Response, Trouble> {
    let Posted { visitor, fields, mut files, .. } = posted;
    visitor.must_be(Role::Agent)?;
    let is_file = !files.is_empty();
    let text = files.pop().map_or_else(|| Some(fields.text("list")), |file| decoded(&file));
    // As a browser gives it back from a form.
    let text = text.map(|text| text.replace("\r\n", "\n").replace('\r', "\n"));
    // A file that is too long would be in the way of a shorter one.
    let kept = text.clone().filter(|text| !is_file || text.len() <= LIST);
    let mut page = form(&app, &visitor, kept.unwrap_or_default());
    let read = text.ok_or_else(|| page.words.no_text.to_owned()).and_then(|text| lines(&app, &page, &text));
    let lines = match read {
        Ok(lines) => lines,
        Err(reason) => {
            page.error = Some(reason);
            return page::refused(&page);
        }
    };
    let seen = hex::encode(Sha256::digest(page.list.trim().as_bytes()));
    let wants_it_done = fields.get("do") == "import";
    let act = |count| visitor.act(&app, "contacts.imported", &format_args!("{count} lines"));
    if wants_it_done && fields.get("seen") == seen {
        let (people, mut came) = lines.begin();
        for some in people.chunks(TOGETHER) {
            let taken: Vec<_> = some.iter().map(|(_, line)| line.clone()).collect();
            let outcomes = app.store.import_contacts(taken, false, act(some.len())).await?;
            came.take(page.words, some, outcomes);
        }
        tracing::info!(user_id = %visitor.session.user.id, lines = people.len(), "a list of people was imported");
        page.came = Some(came);
        page.is_done = true;
        return shown(&page);
    }
    let (people, mut came) = lines.begin();
    // All at once, so that it is seen that somebody is on the list twice.
    let all = people.iter().map(|(_, line)| line.clone()).collect();
    let outcomes = app.store.import_contacts(all, true, act(people.len())).await?;
    came.take(page.words, &people, outcomes);
    page.came = Some(came);
    page.seen = seen;
    if wants_it_done {
        page.error = Some(page.words.import_seen.to_owned());
        return page::refused(&page);
    }
    shown(&page)
}

/// The lines of a list; or what is wrong with all of it, in words.
fn lines(app: &App, page: &ImportPage, text: &str) -> Result<Lines, String> {
    let words = page.words;
    if text.trim().is_empty() {
        return Err(words.empty_list.to_owned());
    }
    if text.len() > LIST {
        return Err(words.list_too_large.to_owned());
    }
    let list = contact_list::read(text, MOST).map_err(|why| match why {
        Unreadable::Empty => words.empty_list.to_owned(),
        Unreadable::TooManyColumns(_) => words.too_many_columns.to_owned(),
        Unreadable::TooManyLines(_) => words.too_many_lines.to_owned(),
        Unreadable::LongName(column) => format!("{} {column}.", words.long_column_name),
        Unreadable::NoName(column) => format!("{} {column}.", words.no_column_name),
        Unreadable::Twice(name) => format!("{} {name}.", words.twice),
        Unreadable::NoAddresses => words.no_addresses.to_owned(),
        Unreadable::SeveralAddresses => words.several_addresses.to_owned(),
        Unreadable::SeveralNames => words.several_names.to_owned(),
        Unreadable::Quote(open) => format!("{} {}.", words.open_quote, open.0),
    })?;
    Ok(Lines::of(app, &page.p, words, list))
}

/// The text of a file, in any of the ways in which spreadsheets save it; none of what is no text.
fn decoded(file: &File) -> Option<String> {
    let contents = &*file.contents;
    if let Ok(text) = std::str::from_utf8(contents) {
        return Some(text.to_owned()).filter(|text| !text.contains('\0'));
    }
    let wide = |from: fn([u8; 2]) -> u16, bytes: &[u8]| {
        let units: Vec<u16> = bytes.as_chunks().0.iter().map(|pair| from(*pair)).collect();
        String::from_utf16(&units).ok()
    };
    match contents {
        [0xff, 0xfe, rest @ ..] => wide(u16::from_le_bytes, rest),
        [0xfe, 0xff, rest @ ..] => wide(u16::from_be_bytes, rest),
        _ if contents.contains(&0) => None,
        // What Excel writes on Windows in the languages of the West.
        _ => Some(contents.iter().map(|byte| western(*byte)).collect()),
    }
}

/// A sign of Windows-1252, which is that of Latin-1 but for these.
fn western(byte: u8) -> char {
    const OTHERS: [char; 32] = [
        '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž', '\u{8f}', '\u{90}', '‘',
        '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}', 'ž', 'Ÿ',
    ];
    let other = byte.checked_sub(0x80).and_then(|place| OTHERS.get(usize::from(place)));
    other.copied().unwrap_or(char::from(byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_text_however_it_was_saved() {
        let wide = |to: fn(u16) -> [u8; 2]| "\u{feff}Peña".encode_utf16().flat_map(to).collect::<Vec<_>>();
        let cases = [
            ("Peña".as_bytes().to_vec(), Some("Peña")),
            (b"Pe\xf1a \x80 \x93x\x94".to_vec(), Some("Peña € “x”")),
            (wide(u16::to_le_bytes), Some("Peña")),
            (wide(u16::to_be_bytes), Some("Peña")),
            (b"PK\x03\x04\x14\0\x06\0\xff".to_vec(), None),
            (b"a\0b".to_vec(), None),
            (Vec::new(), Some("")),
        ];
        for (contents, expected) in cases {
            let file = File { name: "lista.csv".to_owned(), content_type: None, contents: contents.clone().into() };
            assert_eq!(decoded(&file).as_deref(), expected, "{contents:?}");
        }
    }
}
