//! Consents as lines of CSV, below a header.

use serde_json::{Map, Value, json};

use crate::csv::records;

/// What an export has.
pub(super) const COLUMNS: [&str; 5] = ["address", "channel", "state", "at", "source"];
/// What an import may have.
const TAKEN: [&str; 7] = ["address", "channel", "state", "at", "source", "note", "proof"];

/// The consents of a file, each with its line; or what is wrong with the file.
pub(super) fn consents(text: &str, channel: Option<&str>) -> Result<Vec<Value>, String> {
    let mut records = records(text).map_err(|open| open.to_string())?.into_iter();
    let (_, header) = records.next().ok_or("is empty, but must begin with a line of column names")?;
    let header: Vec<String> = header.iter().map(|name| name.trim().to_lowercase()).collect();
    for name in &header {
        if !TAKEN.contains(&name.as_str()) {
            return Err(format!("line 1: there is no column `{name}`; there are: {}", TAKEN.join(", ")));
        }
    }
    for (at, name) in header.iter().enumerate() {
        if header[..at].contains(name) {
            return Err(format!("line 1: the column `{name}` is there twice"));
        }
    }
    for needed in ["address", "state"] {
        if !header.iter().any(|name| name == needed) {
            return Err(format!("line 1: the column `{needed}` is missing"));
        }
    }
    let mut all = Vec::new();
    for (number, fields) in records {
        if fields.iter().all(|field| field.trim().is_empty()) {
            continue;
        }
        if fields.len() != header.len() {
            return Err(format!("line {number}: has {} fields, but the header has {}", fields.len(), header.len()));
        }
        let mut row = Map::new();
        row.insert("line".to_owned(), json!(number));
        row.extend(channel.map(|channel| ("channel".to_owned(), json!(channel))));
        for (name, field) in header.iter().zip(fields) {
            // Where a list comes from is known: it is brought along.
            if name != "source" && !field.trim().is_empty() {
                row.insert(name.clone(), json!(field.trim()));
            }
        }
        all.push(row.into());
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_list_is_read_as_spreadsheets_write_it() {
        let text = "\u{feff}Address,STATE,note\r\n+529981112233,opted_out,\"se quejó, \"\"mucho\"\"\nayer\"\r\n\r\n\
                    9981112244 , opted_in,\r\n";
        let read = consents(text, Some("sms")).unwrap();
        let expected = [
            json!({
                "line": 2, "channel": "sms", "address": "+529981112233", "state": "opted_out",
                "note": "se quejó, \"mucho\"\nayer",
            }),
            json!({ "line": 5, "channel": "sms", "address": "9981112244", "state": "opted_in" }),
        ];
        assert_eq!(read, expected);
        let named = consents("address,state,channel,source\n1,opted_in,whatsapp,message\n", Some("sms")).unwrap();
        assert_eq!(named, [json!({ "line": 2, "channel": "whatsapp", "address": "1", "state": "opted_in" })]);
    }

    #[test]
    fn what_is_wrong_with_a_file_is_told_by_its_line() {
        let cases = [
            ("", "is empty"),
            ("address\n1\n", "`state` is missing"),
            ("address,state, STATE\n1,opted_out,opted_in\n", "line 1: the column `state` is there twice"),
            ("address,state,mood\n", "line 1: there is no column `mood`"),
            ("address,state\n1,opted_in\n\n2\n", "line 4: has 1 fields"),
            ("address,state\n\"1,opted_in\n", "line 2: a quote"),
        ];
        for (text, expected) in cases {
            let problem = consents(text, None).unwrap_err();
            assert!(problem.contains(expected), "{text:?}: {problem}");
        }
    }

    proptest! {
        #[test]
        fn no_file_panics(text in any::<String>()) {
            let _ = consents(&text, None);
        }
    }
}
