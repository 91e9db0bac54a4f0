//! What is refused when a template is saved, so that it does not fail when it is sent.

use std::collections::BTreeMap;

use super::scan::{Kind, Word, words};
use super::{Body, ContentMapping, Definition, Fault, Scalar, engine, locale};

const MOST_VARIABLES: usize = 50;
const MOST_BODIES: usize = 30;
const LONGEST_NAME: usize = 64;
/// The longest body, in characters.
const LONGEST_BODY: usize = 8_000;
/// Words of the template language, which can't be variables.
const RESERVED: [&str; 16] = [
    "true", "false", "none", "True", "False", "None", "and", "or", "not", "in", "is", "if", "else", "for", "loop",
    "self",
];

impl Definition {
    /// What is wrong with it: with pointers into it. Its tags are written as usual from here on.
    pub fn check(mut self) -> Result<Self, Vec<Fault>> {
        let mut faults = Vec::new();
        self.check_variables(&mut faults);
        self.check_locales(&mut faults);
        for (locale, body) in &self.bodies {
            let pointer = format!("/bodies/{}", escaped(locale));
            self.check_text(&format!("{pointer}/text"), locale, body, &mut faults);
            for (channel, mapping) in &body.content {
                self.check_content(&format!("{pointer}/content/{}", escaped(channel)), mapping, &mut faults);
            }
        }
        if faults.is_empty() { Ok(self) } else { Err(faults) }
    }

    fn check_variables(&self, faults: &mut Vec<Fault>) {
        if self.variables.len() > MOST_VARIABLES {
            let detail = format!("a template has at most {MOST_VARIABLES} variables");
            faults.push(Fault::new("/variables", "too-many", detail));
        }
        for (name, variable) in &self.variables {
            let pointer = format!("/variables/{}", escaped(name));
            if !is_variable(name) {
                let detail = format!(
                    "`{name}` can't be a variable: take 1 to {LONGEST_NAME} letters, digits and `_`, beginning with \
                     a letter, and no word of the template language"
                );
                faults.push(Fault::new(pointer, "not-a-name", detail));
            } else if variable.default.is_none() && variable.example.is_none() {
                let detail = format!("`{name}` needs an `example` for previews, or a `default`");
                faults.push(Fault::new(pointer, "no-example", detail));
            }
        }
    }

    fn check_locales(&mut self, faults: &mut Vec<Fault>) {
        if self.bodies.is_empty() || self.bodies.len() > MOST_BODIES {
            let detail = format!("a template has 1 to {MOST_BODIES} bodies, by locale");
            faults.push(Fault::new("/bodies", "too-many-or-none", detail));
        }
        let mut bodies = BTreeMap::new();
        for (given, body) in std::mem::take(&mut self.bodies) {
            let Some(tag) = locale::tag(&given) else {
                let detail = format!("`{given}` is no locale; write it as in `es`, `es-MX` or `en`");
                faults.push(Fault::new(format!("/bodies/{}", escaped(&given)), "not-a-locale", detail));
                continue;
            };
            if bodies.insert(tag.clone(), body).is_some() {
                let detail = format!("there are two bodies for `{tag}`");
                faults.push(Fault::new(format!("/bodies/{}", escaped(&given)), "twice", detail));
            }
        }
        self.bodies = bodies;
        match locale::tag(&self.default_locale) {
            Some(tag) if self.bodies.contains_key(&tag) => self.default_locale = tag,
            _ => {
                let detail = format!("there is no body for the default locale `{}`", self.default_locale);
                faults.push(Fault::new("/default_locale", "no-body", detail));
            }
        }
    }

    fn check_text(&self, pointer: &str, locale: &str, body: &Body, faults: &mut Vec<Fault>) {
        if body.text.trim().is_empty() || body.text.chars().count() > LONGEST_BODY || body.text.contains('\0') {
            let detail = format!("the text for `{locale}` must have 1 to {LONGEST_BODY} characters, none of them NUL");
            faults.push(Fault::new(pointer, "length", detail));
            return;
        }
        let used = match engine::variables(&body.text) {
            Ok(used) => used,
            Err(failure) => {
                let detail = format!("{}can't be read: {}", at(failure.line), failure.reason);
                faults.push(Fault::new(pointer, "syntax", detail));
                return;
            }
        };
        let before = faults.len();
        let words = words(&body.text);
        for name in used.iter().filter(|name| !self.variables.contains_key(*name)) {
            let line = words.iter().find(|word| word.text == name).map(|word| word.line);
            let names: Vec<&str> = self.variables.keys().map(String::as_str).collect();
            let declared = match names.as_slice() {
                [] => "add it to `variables`".to_owned(),
                names => format!("add it to `variables`, or use one that is there: {}", names.join(", ")),
            };
            let detail = format!("{}uses `{name}`, which is not declared: {declared}", at(line));
            faults.push(Fault::new(pointer, "undeclared-variable", detail));
        }
        faults.extend(words.iter().filter_map(unknown).map(|detail| Fault::new(pointer, "unknown-word", detail)));
        if faults.len() > before {
            return;
        }
        if let Err(failure) = engine::render(&body.text, &self.examples()) {
            let detail = format!("{}fails with its examples: {}", at(failure.line), failure.reason);
            faults.push(Fault::new(pointer, "not-rendered", detail));
        }
    }

    fn check_content(&self, pointer: &str, mapping: &ContentMapping, faults: &mut Vec<Fault>) {
        if mapping.sid.is_empty() || mapping.sid.len() > 128 || !mapping.sid.bytes().all(|byte| byte.is_ascii_graphic())
        {
            let detail = "the provider's id of its template, as in `HX…`, is missing or can't be one";
            faults.push(Fault::new(format!("{pointer}/sid"), "not-an-id", detail));
        }
        for (place, name) in mapping.variables.iter().filter(|(_, name)| !self.variables.contains_key(*name)) {
            let detail = format!("`{name}` is not declared: add it to `variables`");
            let pointer = format!("{pointer}/variables/{}", escaped(place));
            faults.push(Fault::new(pointer, "undeclared-variable", detail));
        }
    }

    /// What previews show where nothing is given.
    pub(super) fn examples(&self) -> BTreeMap<&str, &Scalar> {
        self.variables
            .iter()
            .filter_map(|(name, variable)| {
                let value = variable.example.as_ref().or(variable.default.as_ref())?;
                Some((name.as_str(), value))
            })
            .collect()
    }
}

fn unknown(word: &Word<'_>) -> Option<String> {
    let (what, known) = match word.kind {
        Kind::Filter => ("filter", engine::has_filter(word.text)),
        Kind::Test => ("test", engine::has_test(word.text)),
        Kind::Other => return None,
    };
    (!known).then(|| format!("line {} uses the {what} `{}`, which there is not", word.line, word.text))
}

fn is_variable(name: &str) -> bool {
    let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    (1..=LONGEST_NAME).contains(&name.len())
        && name.starts_with(|first: char| first.is_ascii_alphabetic())
        && name.bytes().all(word)
        && !RESERVED.contains(&name)
}

pub(super) fn at(line: Option<usize>) -> String {
    line.map(|line| format!("line {line} ")).unwrap_or_default()
}

/// A name as a JSON pointer has it.
pub(super) fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}
