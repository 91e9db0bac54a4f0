//! A template as a form, and back: a row for each of its values and each of its languages, with what is wrong beside
//! the field that it is about.

mod rows;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use super::posted::Fields;
use super::words::TemplateWords;
use crate::message::Locale;
use crate::templates::{Body, ContentMapping, Definition, Fault, Variable};

pub(super) use rows::{BodyRow, ContentRow, Kind, VariableRow, Wrong, written};

/// How many rows of a kind are read.
const ROWS: usize = 100;

/// All that is written, and what is wrong with it.
pub(super) struct Form {
    pub(super) name: String,
    /// Where the template stood when the form was made; nothing for one that is new.
    pub(super) mark: String,
    /// A number for the cost of a preview.
    pub(super) to: String,
    pub(super) variables: Vec<VariableRow>,
    pub(super) bodies: Vec<BodyRow>,
    /// What is wrong with none of the rows.
    pub(super) wrong: Vec<Wrong>,
}

impl Form {
    /// One for the first version of a template, in this language.
    pub(super) fn fresh(locale: &str, channels: &[String]) -> Self {
        let body = BodyRow { locale: locale.to_owned(), is_main: true, ..BodyRow::default() };
        let mut form = Self {
            name: String::new(),
            mark: String::new(),
            to: String::new(),
            variables: vec![VariableRow::default()],
            bodies: vec![body],
            wrong: Vec::new(),
        };
        form.add_channels(channels);
        form
    }

    pub(super) fn of(definition: &Definition, words: &TemplateWords, channels: &[String]) -> Self {
        let variable = |(name, variable): (&String, &Variable)| VariableRow {
            name: name.clone(),
            kind: Kind::of(variable),
            example: written(variable.example.as_ref(), words),
            is_optional: variable.default.is_some(),
            default: written(variable.default.as_ref(), words),
            wrong: Vec::new(),
        };
        let content = |(channel, mapping): (&String, &ContentMapping)| {
            let lines: Vec<String> =
                mapping.variables.iter().map(|(place, name)| format!("{place} = {name}")).collect();
            ContentRow {
                channel: channel.clone(),
                sid: mapping.sid.clone(),
                places: lines.join("\n"),
                wrong: Vec::new(),
            }
        };
        let body = |(locale, body): (&String, &Body)| BodyRow {
            locale: locale.clone(),
            is_main: *locale == definition.default_locale,
            text: body.text.clone(),
            content: body.content.iter().map(content).collect(),
            ..BodyRow::default()
        };
        let mut form = Self {
            variables: definition.variables.iter().map(variable).collect(),
            bodies: definition.bodies.iter().map(body).collect(),
            ..Self::fresh("", &[])
        };
        form.add_channels(channels);
        form
    }

    /// What was written.
    pub(super) fn read(fields: &Fields) -> Self {
        let rows = |name: &'static str| (0..ROWS).take_while(move |row| fields.has(&format!("{name}-{row}")));
        let of = |name: &str, row: usize| fields.get(&format!("{name}-{row}")).to_owned();
        let variable = |row| VariableRow {
            name: of("variable", row),
            kind: Kind::ALL.into_iter().find(|kind| kind.as_str() == of("kind", row)).unwrap_or_default(),
            example: fields.text(&format!("example-{row}")),
            is_optional: fields.has(&format!("optional-{row}")),
            default: fields.text(&format!("default-{row}")),
            wrong: Vec::new(),
        };
        let content = |row: usize, column: usize| ContentRow {
            channel: of(&format!("channel-{row}"), column),
            sid: of(&format!("sid-{row}"), column),
            places: fields.text(&format!("places-{row}-{column}")),
            wrong: Vec::new(),
        };
        let body = |row| BodyRow {
            locale: of("locale", row),
            is_main: fields.get("main") == row.to_string(),
            text: fields.text(&format!("text-{row}")),
            content: (0..ROWS)
                .take_while(|column| fields.has(&format!("channel-{row}-{column}")))
                .map(|column| content(row, column))
                .collect(),
            ..BodyRow::default()
        };
        Self {
            name: fields.get("name").to_owned(),
            mark: fields.get("mark").to_owned(),
            to: fields.get("to").to_owned(),
            variables: rows("variable").map(variable).collect(),
            bodies: rows("locale").map(body).collect(),
            wrong: Vec::new(),
        }
    }

    /// A row for each channel in each language, to name the provider's own template in.
    fn add_channels(&mut self, channels: &[String]) {
        for body in &mut self.bodies {
            let known: BTreeSet<String> = body.content.iter().map(|row| row.channel.clone()).collect();
            let missing = channels.iter().filter(|channel| !known.contains(*channel));
            body.content
                .extend(missing.map(|channel| ContentRow { channel: channel.clone(), ..ContentRow::default() }));
        }
    }

    pub(super) fn add_variable(&mut self) {
        self.variables.push(VariableRow::default());
    }

    pub(super) fn add_language(&mut self, channels: &[String]) {
        self.bodies.push(BodyRow::default());
        self.add_channels(channels);
    }

    /// What it says, as far as that can be read; what can't is marked.
    pub(super) fn definition(&mut self, words: &TemplateWords) -> Definition {
        let mut variables = BTreeMap::new();
        for row in self.variables.iter_mut().filter(|row| !row.is_empty()) {
            let (variable, wrong) = row.read(words);
            row.wrong.extend(wrong);
            if variables.insert(row.name.clone(), variable).is_some() {
                row.wrong.push(Wrong::said(words.twice));
            }
        }
        let mut bodies = BTreeMap::new();
        let mut main = None;
        for row in self.bodies.iter_mut().filter(|row| !row.is_empty()) {
            let locale = row.key();
            if row.is_main || main.is_none() {
                main = Some(locale.clone());
            }
            let content = row.content.iter_mut().filter(|row| !row.is_empty());
            let content = content.map(|row| (row.channel.clone(), row.read(words))).collect();
            if bodies.insert(locale, Body { text: row.text.clone(), content }).is_some() {
                row.wrong.push(Wrong::said(words.twice));
            }
        }
        Definition { default_locale: main.unwrap_or_default(), variables, bodies }
    }

    /// Puts what the checker found beside what it is about.
    pub(super) fn mark(&mut self, faults: &[Fault], locale: Locale) {
        for fault in faults {
            let wrong = Wrong::of(fault, locale);
            let path: Vec<String> = fault.pointer.split('/').skip(1).map(unescaped).collect();
            let path: Vec<&str> = path.iter().map(String::as_str).collect();
            let place = match path.as_slice() {
                ["variables", name] => {
                    self.variables.iter_mut().find(|row| !row.is_empty() && row.name == *name).map(|row| &mut row.wrong)
                }
                ["bodies", locale, rest @ ..] => {
                    let row = self.bodies.iter_mut().find(|row| !row.is_empty() && row.key() == *locale);
                    row.and_then(|row| row.place(rest))
                }
                _ => None,
            };
            place.unwrap_or(&mut self.wrong).push(wrong);
        }
    }

    pub(super) fn is_faulty(&self) -> bool {
        let of_body = |row: &BodyRow| {
            !row.wrong.is_empty() || !row.wrong_text.is_empty() || row.content.iter().any(|row| !row.wrong.is_empty())
        };
        !self.wrong.is_empty()
            || self.variables.iter().any(|row| !row.wrong.is_empty())
            || self.bodies.iter().any(of_body)
    }
}

/// A part of a JSON pointer as it was before it was one.
fn unescaped(part: &str) -> String {
    part.replace("~1", "/").replace("~0", "~")
}
