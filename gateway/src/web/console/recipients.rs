//! A list of recipients as people paste it: one number a line, or CSV with names in its first line. Pure.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::bulks::{MOST, Recipient};
use crate::csv::{OpenQuote, Record, records_by, separator};

/// What the column of numbers, and that of languages, may be called.
const TO: [&str; 8] = ["to", "para", "number", "numero", "número", "phone", "telefono", "teléfono"];
const LOCALE: [&str; 2] = ["locale", "idioma"];
/// The most columns, and the longest name of one in characters.
const MOST_COLUMNS: usize = 50;
const LONGEST_NAME: usize = 64;

/// Recipients, and in which line each began, from 1.
#[derive(Debug, Default, PartialEq)]
pub(super) struct List {
    pub(super) recipients: Vec<Recipient>,
    pub(super) lines: Vec<u32>,
}

/// Why a list can't be read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Unreadable {
    NoNumberColumn,
    ColumnNames,
    /// With the line.
    TooManyColumns(u32),
    /// One is opened and not closed, with the line: all that follows would be somebody's value.
    Quote(u32),
}

impl From<OpenQuote> for Unreadable {
    fn from(OpenQuote(line): OpenQuote) -> Self {
        Self::Quote(line)
    }
}

/// The names are there if one of the first line's cells is what numbers are called; else each line is a number.
pub(super) fn read(text: &str) -> Result<List, Unreadable> {
    let text = text.trim_start_matches('\u{feff}');
    let first = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    let separator = separator(text);
    let names = records_by(first, separator).ok().and_then(|rows| rows.into_iter().find_map(cells));
    let names = names.map(|(_, names)| names).unwrap_or_default();
    let is_one_of = |name: &str, words: &[&str]| words.contains(&name.to_lowercase().as_str());
    let Some(to) = names.iter().position(|name| is_one_of(name, &TO)) else {
        // Names without a number's, and not a list of numbers.
        if names.len() > 1 && !names.iter().any(|cell| cell.chars().any(|sign| sign.is_ascii_digit())) {
            return Err(Unreadable::NoNumberColumn);
        }
        return Ok(plain(text));
    };
    let too_long = |name: &String| name.chars().count() > LONGEST_NAME;
    if names.len() > MOST_COLUMNS || names.iter().any(too_long) {
        return Err(Unreadable::ColumnNames);
    }
    let unique: BTreeSet<&String> = names.iter().collect();
    if unique.len() < names.len() || unique.contains(&String::new()) {
        return Err(Unreadable::ColumnNames);
    }
    let mut list = List::default();
    // One more, so that it is said that there are too many.
    for (line, cells) in records_by(text, separator)?.into_iter().filter_map(cells).skip(1).take(MOST + 1) {
        if cells.len() > names.len() {
            return Err(Unreadable::TooManyColumns(line));
        }
        let mut recipient = Recipient { to: cells.get(to).cloned().unwrap_or_default(), ..Recipient::default() };
        let mut variables = BTreeMap::new();
        // What is empty is not given, so that the template's default is taken.
        let given = names.iter().zip(cells).enumerate().filter(|(place, (_, cell))| *place != to && !cell.is_empty());
        for (_, (name, cell)) in given {
            if is_one_of(name, &LOCALE) {
                recipient.locale = Some(cell);
            } else {
                variables.insert(name.clone(), Value::String(cell));
            }
        }
        recipient.variables = variables;
        list.recipients.push(recipient);
        list.lines.push(line);
    }
    Ok(list)
}

/// Without blanks around them; a row of nothing else is none.
fn cells((line, cells): Record) -> Option<Record> {
    let cells: Vec<String> = cells.iter().map(|cell| cell.trim().to_owned()).collect();
    cells.iter().any(|cell| !cell.is_empty()).then_some((line, cells))
}

fn plain(text: &str) -> List {
    let mut list = List::default();
    let lines = (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty());
    for (number, line) in lines.take(MOST + 1) {
        list.recipients.push(Recipient { to: line.trim().to_owned(), ..Recipient::default() });
        list.lines.push(number);
    }
    list
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables(recipient: &Recipient) -> Vec<(&str, &str)> {
        recipient.variables.iter().map(|(name, value)| (name.as_str(), value.as_str().unwrap())).collect()
    }

    #[test]
    fn each_line_is_a_number() {
        let list = read("\u{feff}+52 998 111 2233\r\n\n  998 111 2244 \nnobody, at all\n").unwrap();
        let to: Vec<&str> = list.recipients.iter().map(|recipient| recipient.to.as_str()).collect();
        assert_eq!(to, ["+52 998 111 2233", "998 111 2244", "nobody, at all"]);
        assert_eq!(list.lines, [1, 3, 4]);
        assert_eq!(read(" \n ").unwrap(), List::default());
    }

    #[test]
    fn columns_are_values_by_their_names() {
        for separator in [",", ";", "\t"] {
            let text = "nombre,Para,idioma,hora\nAna,9981112233,en,\"9:00, en punto\"\n\nLuis,9981112244,,\n"
                .replace("9:00, en", "9:00@ en")
                .replace(',', separator)
                .replace('@', ",");
            let list = read(&text).unwrap();
            assert_eq!(list.lines, [2, 4], "{text}");
            let [ana, luis] = <[Recipient; 2]>::try_from(list.recipients).unwrap();
            assert_eq!((ana.to.as_str(), ana.locale.as_deref()), ("9981112233", Some("en")));
            assert_eq!(variables(&ana), [("hora", "9:00, en punto"), ("nombre", "Ana")]);
            assert_eq!(variables(&luis), [("nombre", "Luis")], "what is empty is not given");
        }
    }

    #[test]
    fn quotes_hold_quotes_and_lines() {
        let list = read("to,note\n1,\"a \"\"b\"\"\nc\"\n2,d\"e\n").unwrap();
        let notes: Vec<_> = list.recipients.iter().map(variables).collect();
        assert_eq!(notes, [[("note", "a \"b\"\nc")], [("note", "d\"e")]]);
        assert_eq!(list.lines, [2, 4]);
    }

    #[test]
    fn what_can_not_be_a_list_is_refused() {
        assert_eq!(read("nombre,hora\nAna,9"), Err(Unreadable::NoNumberColumn));
        assert_eq!(read("to,hora,hora\n1,2,3"), Err(Unreadable::ColumnNames));
        assert_eq!(read("to,\n1,2"), Err(Unreadable::ColumnNames));
        assert_eq!(read("to,hora\n1,2\n2,\"9\n3,4"), Err(Unreadable::Quote(3)), "or 3 would be told to 2");
        assert_eq!(read(&format!("to,{}\n1,2", "x".repeat(65))), Err(Unreadable::ColumnNames));
        assert_eq!(read(&format!("to{}", ",x".repeat(60))), Err(Unreadable::ColumnNames));
        assert_eq!(read(&"1\n".repeat(MOST + 9)).unwrap().recipients.len(), MOST + 1);
        assert_eq!(read("to,hora\n1,2\n1,2,3"), Err(Unreadable::TooManyColumns(3)));
    }
}
