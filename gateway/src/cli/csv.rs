//! Consents as CSV (RFC 4180), as spreadsheets write it: with a header, quotes where they are needed.

use serde_json::{Map, Value, json};

/// What an export has.
pub(super) const COLUMNS: [&str; 5] = ["address", "channel", "state", "at", "source"];
/// What an import may have.
const TAKEN: [&str; 7] = ["address", "channel", "state", "at", "source", "note", "proof"];

/// One line, with its end.
pub(super) fn line(fields: &[&str]) -> String {
    let quoted = fields.iter().map(|field| {
        if field.contains([',', '"', '\n', '\r']) {
            format!("\"{}\"", field.replace('"', "\"\""))
        } else {
            (*field).to_owned()
        }
    });
    quoted.collect::<Vec<_>>().join(",") + "\n"
}

/// The consents of a file, each with its line; or what is wrong with the file.
pub(super) fn consents(text: &str, channel: Option<&str>) -> Result<Vec<Value>, String> {
    let mut records = records(text)?.into_iter();
    let (_, header) = records.next().ok_or("is empty, but must begin with a line of column names")?;
    let header: Vec<String> = header.iter().map(|name| name.trim().to_lowercase()).collect();
    for name in &header {
        if !TAKEN.contains(&name.as_str()) {
            return Err(format!("line 1: there is no column `{name}`; there are: {}", TAKEN.join(", ")));
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

/// The fields of each record, with the line on which it begins.
pub(super) fn records(text: &str) -> Result<Vec<(u32, Vec<String>)>, String> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut records = Vec::new();
    let (mut number, mut began) = (1, 1);
    let (mut fields, mut field, mut quoted, mut any) = (Vec::new(), String::new(), false, false);
    let mut signs = text.chars().peekable();
    while let Some(sign) = signs.next() {
        if sign == '\n' {
            number += 1;
        }
        match sign {
            '"' if quoted && signs.peek() == Some(&'"') => {
                signs.next();
                field.push('"');
            }
            '"' if quoted => quoted = false,
            '"' if field.is_empty() => (quoted, any) = (true, true),
            _ if quoted => field.push(sign),
            ',' => {
                fields.push(std::mem::take(&mut field));
                any = true;
            }
            '\r' if signs.peek() == Some(&'\n') => {}
            '\n' => {
                if any || !field.is_empty() {
                    fields.push(std::mem::take(&mut field));
                    records.push((began, std::mem::take(&mut fields)));
                }
                (began, any) = (number, false);
            }
            other => field.push(other),
        }
    }
    if quoted {
        return Err(format!("line {began}: a quote is opened and not closed"));
    }
    if any || !field.is_empty() {
        fields.push(field);
        records.push((began, fields));
    }
    Ok(records)
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
        fn what_is_written_is_read_again(rows in prop::collection::vec(prop::array::uniform3("[a-z,\"\\n ;]{1,8}"), 1..5)) {
            let text: String =
                rows.iter().map(|row| line(&row.each_ref().map(String::as_str))).collect();
            let read: Vec<Vec<String>> = records(&text).unwrap().into_iter().map(|(_, fields)| fields).collect();
            let expected: Vec<Vec<String>> = rows.iter().map(|row| row.to_vec()).collect();
            prop_assert_eq!(read, expected);
        }

        #[test]
        fn no_file_panics(text in any::<String>()) {
            let _ = consents(&text, None);
        }
    }
}
