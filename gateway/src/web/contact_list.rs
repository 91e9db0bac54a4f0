//! People as lines of CSV, below a line of column names: an address, perhaps a name, and what else is noted about them.
//! A list of nothing but numbers needs no names. Pure.

use std::collections::{BTreeMap, BTreeSet};

use super::api::fields::LONGEST_WORD;
use crate::csv::{OpenQuote, records_by, separator};

/// How the columns may be called, in small letters.
pub const ADDRESS: [&str; 9] =
    ["address", "number", "phone", "dirección", "direccion", "número", "numero", "teléfono", "telefono"];
pub const NAME: [&str; 2] = ["name", "nombre"];
/// The most columns. What address books write has some hundred, of which nobody has more than a few.
const MOST_COLUMNS: usize = 500;

/// What a list has.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct List {
    pub lines: Vec<Line>,
    /// Lines that are none.
    pub uneven: Vec<Uneven>,
}

/// A person; what is empty says nothing.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Line {
    /// Where it begins, from 1.
    pub number: u32,
    pub address: Option<String>,
    pub name: Option<String>,
    pub attributes: BTreeMap<String, String>,
}

/// A line that has more or less than there are columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("has {fields} fields, but the header has {columns}: put a text with a comma in it between quotes")]
pub struct Uneven {
    pub number: u32,
    pub fields: usize,
    pub columns: usize,
}

/// What is wrong with a whole list.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    #[error("is empty, but must begin with a line of column names")]
    Empty,
    #[error(
        "line 1: has {0} columns, but there may be {MOST_COLUMNS} at the most: put each number on a line of its own, not \
         one beside the other"
    )]
    TooManyColumns(usize),
    #[error("line 1: column {0} has no name")]
    NoName(usize),
    #[error("line 1: the name of column {0} is longer than {LONGEST_WORD} characters")]
    LongName(usize),
    #[error("line 1: there are two columns `{0}`")]
    Twice(String),
    #[error("line 1: the column of addresses is missing; it is called one of: {}", ADDRESS.join(", "))]
    NoAddresses,
    #[error("line 1: more than one column is called one of: {}", ADDRESS.join(", "))]
    SeveralAddresses,
    #[error("line 1: more than one column is called one of: {}", NAME.join(", "))]
    SeveralNames,
    #[error("has more than {0} lines")]
    TooManyLines(usize),
    #[error(transparent)]
    Quote(#[from] OpenQuote),
}

#[derive(Debug, PartialEq, Eq)]
enum Column {
    Address,
    Name,
    Attribute(String),
}

/// The people of a list of so many at the most.
pub fn read(text: &str, most: usize) -> Result<List, Unreadable> {
    let mut records = records_by(text, separator(text))?;
    let (_, header) = records.first().ok_or(Unreadable::Empty)?;
    let columns = if is_number(header) {
        vec![Column::Address]
    } else {
        let columns = columns(header)?;
        records.remove(0);
        columns
    };
    let mut list = List::default();
    for (number, fields) in records {
        if fields.iter().all(|field| field.trim().is_empty()) {
            continue;
        }
        if list.lines.len() + list.uneven.len() == most {
            return Err(Unreadable::TooManyLines(most));
        }
        if fields.len() == columns.len() {
            list.lines.push(line(number, &columns, &fields));
        } else {
            list.uneven.push(Uneven { number, fields: fields.len(), columns: columns.len() });
        }
    }
    Ok(list)
}

/// Whether it is no name of a column.
fn is_number(header: &[String]) -> bool {
    matches!(header, [one] if one.contains(|sign: char| sign.is_ascii_digit()))
}

fn columns(header: &[String]) -> Result<Vec<Column>, Unreadable> {
    if header.len() > MOST_COLUMNS {
        return Err(Unreadable::TooManyColumns(header.len()));
    }
    let (mut columns, mut names) = (Vec::with_capacity(header.len()), BTreeSet::new());
    for (place, name) in header.iter().map(|name| name.trim()).enumerate() {
        let small = name.to_lowercase();
        if name.is_empty() {
            return Err(Unreadable::NoName(place + 1));
        }
        // It goes along with each line.
        if name.chars().count() > LONGEST_WORD {
            return Err(Unreadable::LongName(place + 1));
        }
        if !names.insert(small.clone()) {
            return Err(Unreadable::Twice(name.to_owned()));
        }
        columns.push(match small.as_str() {
            address if ADDRESS.contains(&address) => Column::Address,
            word if NAME.contains(&word) => Column::Name,
            _ => Column::Attribute(name.to_owned()),
        });
    }
    let count = |wanted: &Column| columns.iter().filter(|column| *column == wanted).count();
    match (count(&Column::Address), count(&Column::Name)) {
        (0, _) => Err(Unreadable::NoAddresses),
        (1, 0 | 1) => Ok(columns),
        (1, _) => Err(Unreadable::SeveralNames),
        _ => Err(Unreadable::SeveralAddresses),
    }
}

fn line(number: u32, columns: &[Column], fields: &[String]) -> Line {
    let mut line = Line { number, ..Line::default() };
    for (column, field) in columns.iter().zip(fields).map(|(column, field)| (column, field.trim())) {
        if field.is_empty() {
            continue;
        }
        match column {
            Column::Address => line.address = Some(field.to_owned()),
            Column::Name => line.name = Some(field.to_owned()),
            Column::Attribute(name) => drop(line.attributes.insert(name.clone(), field.to_owned())),
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn person(number: u32, address: &str, name: Option<&str>, attributes: &[(&str, &str)]) -> Line {
        Line {
            number,
            address: Some(address.to_owned()),
            name: name.map(str::to_owned),
            attributes: attributes.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        }
    }

    #[test]
    fn a_list_is_read_as_spreadsheets_write_it() {
        for separator in [",", ";", "\t"] {
            let text = "\u{feff}Nombre,Teléfono,Ciudad,nota\r\n\"Ana, \"\"la jefa\"\"\",998 111 2233,Cancún,\r\n\
                        ,9981112244\r\n\r\n,+529981112255,,x\r\n"
                .replace("Ana, ", "Ana@ ")
                .replace(',', separator)
                .replace('@', ",");
            let read = read(&text, 3).unwrap();
            let ana = person(2, "998 111 2233", Some("Ana, \"la jefa\""), &[("Ciudad", "Cancún")]);
            assert_eq!(read.lines, [ana, person(5, "+529981112255", None, &[("nota", "x")])], "{separator:?}");
            assert_eq!(read.uneven, [Uneven { number: 3, fields: 2, columns: 4 }], "it stops nothing");
        }
        let numbers = read("998 111 2233\n\n telegram:12 \n", 2).unwrap();
        assert_eq!(numbers.lines, [person(1, "998 111 2233", None, &[]), person(3, "telegram:12", None, &[])]);
    }

    #[test]
    fn what_is_wrong_with_a_file_is_told_by_its_line() {
        let cases = [
            ("", "is empty"),
            ("name\nAna\n", "the column of addresses is missing"),
            ("number,name,phone\n", "more than one column"),
            ("number,name,nombre\n", "more than one column"),
            ("number,city,City\n", "two columns `City`"),
            ("number,,city\n", "column 2 has no name"),
            ("number\n\"1\n", "line 2: a quote"),
        ];
        for (text, expected) in cases {
            let problem = read(text, 9).unwrap_err().to_string();
            assert!(problem.contains(expected), "{text:?}: {problem}");
        }
    }

    #[test]
    fn a_list_is_no_longer_and_no_wider_than_can_be_of_use() {
        let numbers: Vec<String> = (0..200_000).map(|number| format!("998{number:07}")).collect();
        assert_eq!(read(&numbers.join(","), 5_000), Err(Unreadable::TooManyColumns(200_000)));
        assert_eq!(read(&numbers.join("\n"), 5_000), Err(Unreadable::TooManyLines(5_000)));
        assert_eq!(read(&numbers.join("\n"), 200_000).unwrap().lines.len(), 200_000);
        let named = |length: usize| format!("number,{}\n{}", "ñ".repeat(length), "1,a\n".repeat(3));
        assert_eq!(read(&named(65), 3), Err(Unreadable::LongName(2)), "each line has its names");
        assert_eq!(read(&named(64), 3).unwrap().lines.len(), 3);
    }

    proptest! {
        #[test]
        fn no_file_panics(text in any::<String>()) {
            let _ = read(&text, 9);
        }
    }
}
