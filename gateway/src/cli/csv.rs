//! CSV (RFC 4180), as spreadsheets write it: with quotes where they are needed.

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

    proptest! {
        #[test]
        fn what_is_written_is_read_again(rows in prop::collection::vec(prop::array::uniform3("[a-z,\"\\n ;]{1,8}"), 1..5)) {
            let text: String =
                rows.iter().map(|row| line(&row.each_ref().map(String::as_str))).collect();
            let read: Vec<Vec<String>> = records(&text).unwrap().into_iter().map(|(_, fields)| fields).collect();
            let expected: Vec<Vec<String>> = rows.iter().map(|row| row.to_vec()).collect();
            prop_assert_eq!(read, expected);
        }
    }
}
