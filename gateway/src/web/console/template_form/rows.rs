//! The rows of a template's form, what a value is read as, and what is wrong with it.

use std::collections::BTreeMap;

use crate::message::Locale;
use crate::templates::{ContentMapping, Fault, Scalar, Variable, tag};
use crate::web::console::words::{self, TemplateWords};

#[derive(Default)]
pub(in crate::web::console) struct VariableRow {
    pub(in crate::web::console) name: String,
    pub(in crate::web::console) kind: Kind,
    pub(in crate::web::console) example: String,
    pub(in crate::web::console) is_optional: bool,
    pub(in crate::web::console) default: String,
    pub(in crate::web::console) wrong: Vec<Wrong>,
}

#[derive(Default)]
pub(in crate::web::console) struct BodyRow {
    pub(in crate::web::console) locale: String,
    pub(in crate::web::console) is_main: bool,
    pub(in crate::web::console) text: String,
    pub(in crate::web::console) content: Vec<ContentRow>,
    pub(in crate::web::console) wrong: Vec<Wrong>,
    pub(in crate::web::console) wrong_text: Vec<Wrong>,
}

#[derive(Default)]
pub(in crate::web::console) struct ContentRow {
    pub(in crate::web::console) channel: String,
    pub(in crate::web::console) sid: String,
    /// Lines such as `1 = name`.
    pub(in crate::web::console) places: String,
    pub(in crate::web::console) wrong: Vec<Wrong>,
}

/// What is wrong: in the words of the console where it has some, and in the checker's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::web::console) struct Wrong {
    pub(in crate::web::console) said: Option<&'static str>,
    pub(in crate::web::console) detail: String,
}

impl Wrong {
    pub(in crate::web::console) fn of(fault: &Fault, locale: Locale) -> Self {
        Self { said: words::fault(locale, &fault.code), detail: fault.detail.clone() }
    }

    pub(in crate::web::console) fn said(words: &'static str) -> Self {
        Self { said: Some(words), detail: String::new() }
    }
}

/// What a value is read as.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::web::console) enum Kind {
    #[default]
    Text,
    Number,
    Flag,
}

impl Kind {
    pub(in crate::web::console) const ALL: [Self; 3] = [Self::Text, Self::Number, Self::Flag];

    /// A number or a flag only if it is never anything else.
    pub(in crate::web::console) fn of(variable: &Variable) -> Self {
        let kinds = [&variable.example, &variable.default].map(|value| {
            value.as_ref().map(|value| match value {
                Scalar::Text(_) => Self::Text,
                Scalar::Number(_) => Self::Number,
                Scalar::Flag(_) => Self::Flag,
            })
        });
        match kinds {
            [Some(one), Some(other)] if one != other => Self::Text,
            [one, other] => one.or(other).unwrap_or_default(),
        }
    }

    pub(in crate::web::console) fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Number => "number",
            Self::Flag => "flag",
        }
    }

    pub(in crate::web::console) fn word(self, words: &TemplateWords) -> &'static str {
        match self {
            Self::Text => words.kind_text,
            Self::Number => words.kind_number,
            Self::Flag => words.kind_flag,
        }
    }

    /// What was written, or what it should have been.
    pub(in crate::web::console) fn read(self, text: &str, words: &TemplateWords) -> Result<Scalar, Wrong> {
        match self {
            Self::Text => Ok(Scalar::Text(text.to_owned())),
            Self::Number => {
                let number = number(text.trim()).ok_or_else(|| Wrong::said(words.not_number))?;
                Ok(Scalar::Number(number))
            }
            Self::Flag => match text.trim().to_lowercase().as_str() {
                "true" | "yes" | "sí" | "si" => Ok(Scalar::Flag(true)),
                "false" | "no" => Ok(Scalar::Flag(false)),
                _ => Err(Wrong::said(words.not_flag)),
            },
        }
    }
}

/// Its decimals may come after a comma. Three of them may be thousands, and are not guessed at.
fn number(text: &str) -> Option<serde_json::Number> {
    if let Ok(number) = serde_json::from_str(text) {
        return Some(number);
    }
    let (whole, decimals) = text.split_once(',')?;
    let may_be_thousands = decimals.len() == 3 && !matches!(whole, "0" | "-0");
    if may_be_thousands || !decimals.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    serde_json::from_str(&format!("{whole}.{decimals}")).ok()
}

/// As `Kind::read` reads it.
pub(in crate::web::console) fn written(value: Option<&Scalar>, words: &TemplateWords) -> String {
    match value {
        None => String::new(),
        Some(Scalar::Flag(flag)) => if *flag { words.yes } else { words.no }.to_owned(),
        Some(other) => other.to_string(),
    }
}

impl VariableRow {
    /// What may be left out has a default, if only an empty one.
    pub(super) fn read(&self, words: &TemplateWords) -> (Variable, Vec<Wrong>) {
        let mut wrong = Vec::new();
        let mut value = |text: &str, is_there: bool| {
            let read = is_there.then(|| self.kind.read(text, words))?;
            read.map_err(|why| wrong.push(why)).ok()
        };
        let example = value(&self.example, !self.example.is_empty());
        let default = value(&self.default, self.is_optional || !self.default.is_empty());
        (Variable { default, example }, wrong)
    }

    /// A row is taken out by its name, whatever else is in it.
    pub(super) fn is_empty(&self) -> bool {
        self.name.is_empty()
    }
}

impl BodyRow {
    /// What the checker calls it.
    pub(super) fn key(&self) -> String {
        tag(&self.locale).unwrap_or_else(|| self.locale.clone())
    }

    /// Whether it names a template of a provider's.
    pub(in crate::web::console) fn has_content(&self) -> bool {
        self.content.iter().any(|row| !row.is_empty())
    }

    /// A row is taken out by its language and its text, whatever a provider has for it.
    pub(super) fn is_empty(&self) -> bool {
        self.locale.is_empty() && self.text.trim().is_empty()
    }

    pub(super) fn place(&mut self, path: &[&str]) -> Option<&mut Vec<Wrong>> {
        match path {
            ["text"] => Some(&mut self.wrong_text),
            ["content", channel, ..] => {
                self.content.iter_mut().find(|row| row.channel == *channel).map(|row| &mut row.wrong)
            }
            _ => Some(&mut self.wrong),
        }
    }
}

impl ContentRow {
    pub(super) fn is_empty(&self) -> bool {
        self.sid.is_empty() && self.places.trim().is_empty()
    }

    pub(super) fn read(&mut self, words: &TemplateWords) -> ContentMapping {
        let mut variables = BTreeMap::new();
        for line in self.places.lines().map(str::trim).filter(|line| !line.is_empty()) {
            match line.split_once('=').map(|(place, name)| (place.trim(), name.trim())) {
                Some((place, name)) if !place.is_empty() && !name.is_empty() => {
                    variables.insert(place.to_owned(), name.to_owned());
                }
                _ => self.wrong.push(Wrong::said(words.bad_place)),
            }
        }
        ContentMapping { sid: self.sid.clone(), variables }
    }
}
