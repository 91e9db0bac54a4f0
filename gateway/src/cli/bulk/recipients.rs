//! The recipients of a bulk send, from CSV: `to`, perhaps `locale`, and what is put into the template for each.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::csv;

const TO: &str = "to";
const LOCALE: &str = "locale";

/// Who is on a list, and on which of its lines.
#[derive(Debug, PartialEq)]
pub(super) struct Recipients {
    pub(super) all: Vec<Value>,
    lines: Vec<u32>,
}

impl Recipients {
    /// What is in the file, or what is wrong with it. Without a template there is nothing to put more columns into.
    pub(super) fn read(text: &str, template: bool) -> Result<Self, String> {
        let mut records = csv::records(text).map_err(|open| open.to_string())?.into_iter();
        let (_, header) = records.next().ok_or("is empty, but must begin with a line of column names")?;
        let header: Vec<String> = header.iter().map(|name| column(name)).collect();
        if !header.iter().any(|name| name == TO) {
            return Err(format!("line 1: the column `{TO}` is missing, with the number of each"));
        }
        let mut names = BTreeSet::new();
        for name in &header {
            if !names.insert(name) {
                return Err(format!("line 1: the column `{name}` is there twice"));
            }
            if name != TO && !template {
                return Err(format!("line 1: the column `{name}` is for a template; give --template, or leave it out"));
            }
        }
        let mut read = Self { all: Vec::new(), lines: Vec::new() };
        for (number, fields) in records {
            if fields.iter().all(|field| field.trim().is_empty()) {
                continue;
            }
            if fields.len() != header.len() {
                return Err(format!("line {number}: has {} fields, but the header has {}", fields.len(), header.len()));
            }
            let (mut recipient, mut variables) = (Map::new(), Map::new());
            recipient.insert(TO.to_owned(), json!(""));
            for (name, field) in header.iter().zip(fields) {
                let into = if [TO, LOCALE].contains(&name.as_str()) { &mut recipient } else { &mut variables };
                // An empty field says nothing, so that the template's default holds.
                if !field.trim().is_empty() {
                    into.insert(name.clone(), json!(field.trim()));
                }
            }
            if !variables.is_empty() {
                recipient.insert("variables".to_owned(), variables.into());
            }
            read.all.push(recipient.into());
            read.lines.push(number);
        }
        Ok(read)
    }

    /// The line of a recipient, by the place in the call.
    pub(super) fn line(&self, position: &Value) -> Option<u32> {
        let position = usize::try_from(position.as_u64()?).ok()?;
        self.lines.get(position).copied()
    }
}

/// The two that are ours may be written as one likes; variables are as the template has them.
fn column(name: &str) -> String {
    let name = name.trim();
    let ours = [TO, LOCALE].into_iter().find(|ours| name.eq_ignore_ascii_case(ours));
    ours.unwrap_or(name).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_column_besides_the_number_and_the_locale_is_a_variable() {
        let text =
            "\u{feff}To,name,LOCALE,Place\r\n998 112 2334,\"Ana, la de hoy\",es,\r\n\r\n+529981122335,Bob,,Centro\r\n";
        let read = Recipients::read(text, true).unwrap();
        let expected = [
            json!({ "to": "998 112 2334", "locale": "es", "variables": { "name": "Ana, la de hoy" } }),
            json!({ "to": "+529981122335", "variables": { "name": "Bob", "Place": "Centro" } }),
        ];
        assert_eq!(read.all, expected);
        assert_eq!([0, 1, 2].map(|position| read.line(&json!(position))), [Some(2), Some(4), None]);
        assert_eq!(Recipients::read("to\n1\n", false).unwrap().all, [json!({ "to": "1" })]);
    }

    #[test]
    fn what_is_wrong_with_a_list_is_told_by_its_line() {
        let cases = [
            ("", true, "is empty"),
            ("number\n1\n", true, "the column `to` is missing"),
            ("to,name\n1,Ana\n", false, "the column `name` is for a template"),
            ("to,name,name\n1,a,b\n", true, "the column `name` is there twice"),
            ("to,name\n1\n", true, "line 2: has 1 fields, but the header has 2"),
            ("to\n\"1\n", true, "line 2: a quote"),
        ];
        for (text, template, expected) in cases {
            let problem = Recipients::read(text, template).unwrap_err();
            assert!(problem.contains(expected), "{text:?}: {problem}");
        }
    }
}
