//! Lists as spreadsheets write them: CSV (RFC 4180), with quotes where they are needed. Pure, and knows nothing else.

/// One line, with its end.
pub fn line(fields: &[&str]) -> String {
    let quoted = fields.iter().map(|field| {
        if field.contains([',', '"', '\n', '\r']) {
            format!("\"{}\"", field.replace('"', "\"\""))
        } else {
            (*field).to_owned()
        }
    });
    quoted.collect::<Vec<_>>().join(",") + "\n"
}

/// One line of fields, with the number of the line on which it begins, from 1.
pub type Record = (u32, Vec<String>);

/// A quote is opened on this line and not closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {0}: a quote is opened and not closed")]
pub struct OpenQuote(pub u32);

/// What separates the fields of a list: what separates the names in its first line. Spreadsheets in Spanish write
/// semicolons.
pub fn separator(text: &str) -> char {
    let first = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    [';', '\t', ','].into_iter().find(|separator| first.contains(*separator)).unwrap_or(',')
}

/// The fields of each record. Lines with nothing in them are none.
pub fn records(text: &str) -> Result<Vec<Record>, OpenQuote> {
    records_by(text, ',')
}

/// Likewise, with another sign between the fields.
pub fn records_by(text: &str, separator: char) -> Result<Vec<Record>, OpenQuote> {
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
            '"' if field.trim().is_empty() => {
                field.clear();
                (quoted, any) = (true, true);
            }
            _ if quoted => field.push(sign),
            _ if sign == separator => {
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
        return Err(OpenQuote(began));
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
    fn fields_are_told_apart_by_the_sign_between_them_and_a_quote_ends() {
        let read = records_by("\u{feff}to;name\r\n1; \"a;b\"\n\n2;c,d\n", ';').unwrap();
        let fields = |one: &str, other: &str| vec![one.to_owned(), other.to_owned()];
        assert_eq!(read, [(1, fields("to", "name")), (2, fields("1", "a;b")), (4, fields("2", "c,d"))]);
        assert_eq!(records("a\nb,\"c\nd"), Err(OpenQuote(2)));
        assert_eq!(
            records("a \"b\"\n").unwrap(),
            [(1, vec!["a \"b\"".to_owned()])],
            "not at the beginning, it is itself"
        );
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
    }
}
