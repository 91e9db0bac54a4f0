//! People as lines of CSV, below a header: an address, perhaps a name, and what else is noted about them.

use serde_json::{Map, Value, json};

use crate::csv::records;

/// How the columns may be called, in small letters.
const ADDRESS: [&str; 9] =
    ["address", "number", "phone", "dirección", "direccion", "número", "numero", "teléfono", "telefono"];
const NAME: [&str; 2] = ["name", "nombre"];

/// What a file has.
#[derive(Debug, PartialEq)]
pub(super) struct Lines {
    /// As an import takes them.
    pub(super) items: Vec<Value>,
    /// Lines that are none, as an import tells them.
    pub(super) errors: Vec<Value>,
}

enum Column {
    Address,
    Name,
    Attribute(String),
}

/// The people of a file, each with its line; or what is wrong with the file.
pub(super) fn contacts(text: &str) -> Result<Lines, String> {
    let mut records = records(text).map_err(|open| open.to_string())?.into_iter();
    let (_, header) = records.next().ok_or("is empty, but must begin with a line of column names")?;
    let columns = columns(&header)?;
    let (mut items, mut errors) = (Vec::new(), Vec::new());
    for (number, fields) in records {
        if fields.iter().all(|field| field.trim().is_empty()) {
            continue;
        }
        if fields.len() != columns.len() {
            let problem = format!(
                "has {} fields, but the header has {}: put a text with a comma in it between quotes",
                fields.len(),
                columns.len()
            );
            errors.push(json!({ "line": number, "column": "", "code": "other-length", "problem": problem }));
            continue;
        }
        items.push(item(number, &columns, &fields));
    }
    Ok(Lines { items, errors })
}

fn columns(header: &[String]) -> Result<Vec<Column>, String> {
    let mut columns = Vec::with_capacity(header.len());
    for (place, name) in header.iter().map(|name| name.trim()).enumerate() {
        let small = name.to_lowercase();
        if name.is_empty() {
            return Err(format!("line 1: column {} has no name", place + 1));
        }
        if header.iter().take(place).any(|before| before.trim().to_lowercase() == small) {
            return Err(format!("line 1: there are two columns `{name}`"));
        }
        columns.push(match small.as_str() {
            address if ADDRESS.contains(&address) => Column::Address,
            word if NAME.contains(&word) => Column::Name,
            _ => Column::Attribute(name.to_owned()),
        });
    }
    let count = |is: fn(&Column) -> bool| columns.iter().filter(|column| is(column)).count();
    match (count(|column| matches!(column, Column::Address)), count(|column| matches!(column, Column::Name))) {
        (0, _) => {
            Err(format!("line 1: the column of addresses is missing; it is called one of: {}", ADDRESS.join(", ")))
        }
        (1, 0 | 1) => Ok(columns),
        (1, _) => Err(format!("line 1: more than one column is called one of: {}", NAME.join(", "))),
        _ => Err(format!("line 1: more than one column is called one of: {}", ADDRESS.join(", "))),
    }
}

/// What is empty says nothing.
fn item(number: u32, columns: &[Column], fields: &[String]) -> Value {
    let (mut row, mut attributes) = (Map::new(), Map::new());
    row.insert("line".to_owned(), json!(number));
    for (column, field) in columns.iter().zip(fields).map(|(column, field)| (column, field.trim())) {
        if field.is_empty() {
            continue;
        }
        match column {
            Column::Address => row.insert("address".to_owned(), json!(field)),
            Column::Name => row.insert("name".to_owned(), json!(field)),
            Column::Attribute(name) => attributes.insert(name.clone(), json!(field)),
        };
    }
    row.insert("attributes".to_owned(), attributes.into());
    row.into()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_list_is_read_as_spreadsheets_write_it() {
        let text = "\u{feff}Nombre,Teléfono,Ciudad,nota\r\n\"Ana, \"\"la jefa\"\"\",998 111 2233,Cancún,\r\n,9981112244\r\n\r\n\
                    ,+529981112255,,x\r\n";
        let read = contacts(text).unwrap();
        let items = [
            json!({
                "line": 2, "name": "Ana, \"la jefa\"", "address": "998 111 2233", "attributes": { "Ciudad": "Cancún" },
            }),
            json!({ "line": 5, "address": "+529981112255", "attributes": { "nota": "x" } }),
        ];
        assert_eq!(read.items, items);
        assert_eq!((read.errors.len(), &read.errors[0]["line"]), (1, &json!(3)), "it stops nothing");
    }

    #[test]
    fn what_is_wrong_with_a_file_is_told_by_its_line() {
        let cases = [
            ("", "is empty"),
            ("name\nAna\n", "the column of addresses is missing"),
            ("number,name,phone\n", "more than one column"),
            ("number,city,City\n", "two columns `City`"),
            ("number,,city\n", "column 2 has no name"),
            ("number\n\"1\n", "line 2: a quote"),
        ];
        for (text, expected) in cases {
            let problem = contacts(text).unwrap_err();
            assert!(problem.contains(expected), "{text:?}: {problem}");
        }
    }

    proptest! {
        #[test]
        fn no_file_panics(text in any::<String>()) {
            let _ = contacts(&text);
        }
    }
}
