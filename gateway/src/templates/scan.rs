//! A look at a template's own words: on which line a variable stands, and which filters and tests it names. The
//! engine tells of an unknown one only once it comes to it, which may be when a message is to be sent.

/// A word in the code of a template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Word<'a> {
    pub(super) kind: Kind,
    pub(super) text: &'a str,
    /// From 1.
    pub(super) line: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Behind `|`.
    Filter,
    /// Behind `is`, or `is not`.
    Test,
    Other,
}

/// The words between `{{` and `}}`, and between `{%` and `%}`, without those of comments, of texts in quotes, and
/// of what stands between `raw` and `endraw`.
pub(super) fn words(source: &str) -> Vec<Word<'_>> {
    let mut words = Vec::new();
    let mut rest = source;
    while let Some((start, end)) = next_code(rest) {
        let Some((before, opened)) = rest.split_at_checked(start) else { break };
        let Some(inside) = opened.get(2..) else { break };
        let line = line_of(source, before, rest);
        let length = if end == "#}" { inside.find(end) } else { closing(inside, end) };
        let code = length.and_then(|length| inside.get(..length)).unwrap_or(inside);
        if end != "#}" {
            words_of(code, line, &mut words);
        }
        rest = length.and_then(|length| inside.get(length + 2..)).unwrap_or_default();
        if end == "%}" && code.trim_matches(['-', '+', ' ', '\t', '\n', '\r']) == "raw" {
            rest = rest.find("endraw").and_then(|at| rest.get(at..)).unwrap_or_default();
        }
    }
    words
}

/// Where code begins next, and what ends it.
fn next_code(text: &str) -> Option<(usize, &'static str)> {
    let starts = [("{{", "}}"), ("{%", "%}"), ("{#", "#}")];
    starts.iter().filter_map(|(start, end)| Some((text.find(start)?, *end))).min()
}

/// Where code ends: not within quotes.
fn closing(code: &str, end: &str) -> Option<usize> {
    let mut quote = None;
    let mut escaped = false;
    for (at, character) in code.char_indices() {
        match quote {
            Some(_) if escaped => escaped = false,
            Some(_) if character == '\\' => escaped = true,
            Some(open) if character == open => quote = None,
            None if matches!(character, '"' | '\'') => quote = Some(character),
            None if code.get(at..).is_some_and(|rest| rest.starts_with(end)) => return Some(at),
            Some(_) | None => {}
        }
    }
    None
}

/// The line of a place: `rest` is the end of the source, and `before` its beginning up to the place.
fn line_of(source: &str, before: &str, rest: &str) -> usize {
    let place = source.len() - rest.len() + before.len();
    source.get(..place).unwrap_or(source).matches('\n').count() + 1
}

fn words_of<'a>(code: &'a str, first_line: usize, words: &mut Vec<Word<'a>>) {
    let mut line = first_line;
    let mut kind = Kind::Other;
    let mut characters = code.char_indices().peekable();
    while let Some((start, character)) = characters.next() {
        match character {
            '\n' => line += 1,
            '"' | '\'' => {
                let mut escaped = false;
                for (_, inside) in characters.by_ref() {
                    line += usize::from(inside == '\n');
                    match inside {
                        _ if escaped => escaped = false,
                        '\\' => escaped = true,
                        inside if inside == character => break,
                        _ => {}
                    }
                }
                kind = Kind::Other;
            }
            '|' => kind = Kind::Filter,
            character if character.is_alphabetic() || character == '_' => {
                let mut end = start + character.len_utf8();
                while let Some((at, next)) = characters.next_if(|(_, next)| next.is_alphanumeric() || *next == '_') {
                    end = at + next.len_utf8();
                }
                let text = code.get(start..end).unwrap_or_default();
                kind = match (kind, text) {
                    (Kind::Other, "is") | (Kind::Test, "not") => Kind::Test,
                    (kind, text) => {
                        words.push(Word { kind, text, line });
                        Kind::Other
                    }
                };
            }
            character if character.is_whitespace() => {}
            _ => kind = Kind::Other,
        }
    }
}
