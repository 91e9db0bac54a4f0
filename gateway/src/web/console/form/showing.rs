//! A form as a page shows it: one item after the other.

use std::collections::BTreeMap;

use serde_json::Value;

use super::kinds::plain;
use super::reading::Typed;
use super::writing::written;
use super::{Field, Form, Kind, Shape, is_at_or_in};
use crate::web::console::posted::Fields;

/// What kind of thing an item is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::web::console) enum Part {
    /// A group begins.
    Open,
    /// It ends.
    Close,
    /// Several groups begin.
    List,
    /// One of them begins.
    Entry,
    EndOfEntry,
    /// They end.
    EndOfList,
    #[default]
    Line,
    Number,
    Check,
    Choice,
    Secret,
    Text,
    Several,
    Lines,
    Pairs,
    Either,
    Json,
}

/// One thing in a page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "a page asks each by itself")]
pub(in crate::web::console) struct Item {
    pub(in crate::web::console) part: Part,
    pub(in crate::web::console) name: String,
    pub(in crate::web::console) way_name: String,
    pub(in crate::web::console) empty_name: String,
    pub(in crate::web::console) label: String,
    pub(in crate::web::console) hint: String,
    pub(in crate::web::console) format: Option<String>,
    pub(in crate::web::console) required: bool,
    pub(in crate::web::console) value: String,
    /// What is meant where nothing is written.
    pub(in crate::web::console) placeholder: String,
    /// Of an input.
    pub(in crate::web::console) kind: &'static str,
    pub(in crate::web::console) is_checked: bool,
    pub(in crate::web::console) can_be_empty: bool,
    pub(in crate::web::console) is_empty: bool,
    /// There is a secret.
    pub(in crate::web::console) is_set: bool,
    /// How many lines the box has.
    pub(in crate::web::console) rows: usize,
    pub(in crate::web::console) choices: Vec<Choice>,
    pub(in crate::web::console) errors: Vec<String>,
    /// Of an entry: its number, from one.
    pub(in crate::web::console) number: usize,
    /// Of a list and an entry: where it is.
    pub(in crate::web::console) pointer: String,
    /// It is shown with all that is in it.
    pub(in crate::web::console) is_open: bool,
    /// Somebody is at work here.
    pub(in crate::web::console) is_here: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::web::console) struct Choice {
    pub(in crate::web::console) value: String,
    pub(in crate::web::console) label: String,
    pub(in crate::web::console) is_chosen: bool,
}

/// What is known besides the value.
pub(in crate::web::console) struct Around<'a> {
    /// What somebody wrote, who is to write it again.
    pub(in crate::web::console) posted: Option<&'a Fields>,
    /// Where something is set that is not shown.
    pub(in crate::web::console) hidden: &'a [String],
    /// What is wrong, by the field's place.
    pub(in crate::web::console) errors: &'a BTreeMap<String, Vec<String>>,
    /// Where somebody is at work.
    pub(in crate::web::console) at: Option<&'a str>,
}

/// The fewest and the most lines of a box.
const ROWS: (usize, usize) = (2, 20);
/// How many letters say what an entry is about.
const IN_SHORT: usize = 60;

impl Form {
    /// What the page shows for a value.
    pub(in crate::web::console) fn items(&self, value: &Value, around: &Around<'_>) -> Vec<Item> {
        let mut items = Vec::new();
        match &self.root.kind {
            Kind::Group(fields) => {
                for field in fields {
                    field.show(value.get(&field.key), around, &mut items);
                }
            }
            _ => self.root.show(Some(value), around, &mut items),
        }
        // Whoever has something to mend begins there.
        let wrong = items.iter().find(|item| !item.errors.is_empty()).filter(|_| around.at.is_none());
        if let Some((name, is_list)) = wrong.map(|item| (item.name.clone(), item.part == Part::List)) {
            // What can be done to a list is at its end.
            let part = |item: &&mut Item| item.name == name && (!is_list || item.part == Part::EndOfList);
            items.iter_mut().find(part).into_iter().for_each(|item| item.is_here = true);
        }
        items
    }
}

impl Field {
    fn show(&self, value: Option<&Value>, around: &Around<'_>, items: &mut Vec<Item>) {
        let begin = Item {
            name: self.name(),
            label: self.label.clone(),
            hint: self.hint.clone(),
            required: self.required,
            format: self.format.clone(),
            ..Item::default()
        };
        if let Kind::Group(fields) = &self.kind {
            items.push(Item { part: Part::Open, ..begin });
            let inside = |field: &Field| value.and_then(|value| value.get(&field.key));
            for field in fields {
                field.show(inside(field), around, items);
            }
            items.push(Item { part: Part::Close, ..Item::default() });
            return;
        }
        if let Kind::List(entries) = &self.kind {
            let begin = Item { pointer: self.pointer.clone(), errors: self.errors(around), ..begin };
            self.show_list(entries, begin, value, around, items);
            return;
        }
        let again = around.posted.filter(|posted| posted.has(&self.name()) || self.kind == Kind::Check);
        let typed = again.map_or_else(|| Typed::of(self, value), |posted| Typed::in_form(self, posted));
        let rows = typed.text.lines().map(|line| 1 + line.len() / 100).sum::<usize>() + 1;
        let item = Item {
            part: self.part(),
            way_name: self.way_name(),
            empty_name: self.empty_name(),
            placeholder: self.placeholder(),
            choices: self.choices(&typed),
            can_be_empty: self.can_be_empty(),
            is_empty: typed.is_empty,
            is_checked: typed.is_checked,
            is_set: around.hidden.contains(&self.pointer),
            rows: rows.clamp(ROWS.0, ROWS.1),
            errors: self.errors(around),
            // A secret is not even shown to whoever wrote it.
            value: if matches!(self.kind, Kind::Secret { .. }) { String::new() } else { typed.text },
            ..begin
        };
        items.push(match &self.kind {
            Kind::Line(kind) => Item { kind, ..item },
            _ => item,
        });
    }

    /// Each entry with what it is about, so that it is found without being opened.
    fn show_list(
        &self,
        entries: &[Self],
        begin: Item,
        value: Option<&Value>,
        around: &Around<'_>,
        items: &mut Vec<Item>,
    ) {
        items.push(Item { part: Part::List, ..begin.clone() });
        for (place, entry) in entries.iter().enumerate() {
            let Kind::Group(fields) = &entry.kind else { continue };
            let value = value.and_then(|value| value.get(place));
            let inside = |field: &Self| value.and_then(|value| value.get(&field.key));
            let concerns = |pointer: &str| is_at_or_in(pointer, &entry.pointer);
            let begin = Item {
                part: Part::Entry,
                name: entry.name(),
                pointer: entry.pointer.clone(),
                label: if entry.label == entry.key { &self.label } else { &entry.label }.clone(),
                number: place + 1,
                ..Item::default()
            };
            items.push(Item {
                value: fields.iter().find_map(|field| field.in_short(inside(field))).unwrap_or_default(),
                is_open: around.at.is_some_and(concerns) || around.errors.keys().any(|at| concerns(at)),
                is_here: around.at == Some(&entry.pointer),
                errors: entry.errors(around),
                ..begin.clone()
            });
            for field in fields {
                field.show(inside(field), around, items);
            }
            items.push(Item { part: Part::EndOfEntry, ..begin });
        }
        let is_here = around.at == Some(&self.pointer);
        items.push(Item { part: Part::EndOfList, errors: Vec::new(), is_here, ..begin });
    }

    fn errors(&self, around: &Around<'_>) -> Vec<String> {
        around.errors.get(&self.pointer).cloned().unwrap_or_default()
    }

    /// The beginning of what stands in it, if it is a text or several.
    fn in_short(&self, value: Option<&Value>) -> Option<String> {
        if !matches!(self.kind, Kind::Line(_) | Kind::Text | Kind::Lines | Kind::Several(_) | Kind::Either(_)) {
            return None;
        }
        let text = Typed::of(self, value).text;
        let text = text.lines().filter(|line| !line.is_empty()).collect::<Vec<_>>().join(", ");
        let cut: String = text.chars().take(IN_SHORT).collect();
        let more = if cut.len() < text.len() { "…" } else { "" };
        (!text.is_empty()).then(|| format!("{cut}{more}"))
    }

    fn part(&self) -> Part {
        match self.kind {
            Kind::Group(_) => Part::Open,
            Kind::List(_) => Part::List,
            Kind::Line(_) => Part::Line,
            Kind::Text => Part::Text,
            Kind::Secret { .. } => Part::Secret,
            Kind::Number => Part::Number,
            Kind::Check => Part::Check,
            Kind::Choice(_) => Part::Choice,
            Kind::Several(_) => Part::Several,
            Kind::Lines => Part::Lines,
            Kind::Pairs => Part::Pairs,
            Kind::Either(_) => Part::Either,
            Kind::Json => Part::Json,
        }
    }

    fn placeholder(&self) -> String {
        let Some(default) = self.default.as_ref().filter(|_| !matches!(self.kind, Kind::Secret { .. })) else {
            return String::new();
        };
        if let (Kind::Several(texts), Value::Array(all)) = (&self.kind, default) {
            let is_in = |text: &str| all.iter().any(|one| one == text);
            let labels = texts.iter().filter(|(text, _)| is_in(text)).map(|(_, label)| label.as_str());
            return labels.collect::<Vec<_>>().join(", ");
        }
        let shapes = match &self.kind {
            Kind::Either(ways) => ways.iter().map(|(_, shape)| *shape).collect(),
            kind => kind.shape().into_iter().collect::<Vec<_>>(),
        };
        let found = shapes.into_iter().filter(|shape| *shape != Shape::Json).find_map(|shape| written(shape, default));
        found.unwrap_or_else(|| self.called(default))
    }

    /// What one of its values is called.
    fn called(&self, value: &Value) -> String {
        let choices = if let Kind::Choice(choices) = &self.kind { choices.as_slice() } else { &[] };
        choices.iter().find(|(one, _)| one == value).map_or_else(|| plain(value), |(_, label)| label.clone())
    }

    fn choices(&self, typed: &Typed) -> Vec<Choice> {
        match &self.kind {
            Kind::Choice(choices) => {
                let blank = Choice { is_chosen: typed.text.is_empty(), ..Choice::default() };
                let others = choices.iter().map(|(value, label)| {
                    let value = value.to_string();
                    Choice { is_chosen: value == typed.text, label: label.clone(), value }
                });
                // Nobody who must choose is offered nothing, once something is chosen.
                let offered = Some(blank).filter(|blank| !self.required || blank.is_chosen);
                offered.into_iter().chain(others).collect()
            }
            Kind::Several(texts) => {
                let one = |(text, label): &(String, String)| Choice {
                    value: self.name_of(text),
                    label: label.clone(),
                    is_chosen: typed.text.lines().any(|line| line == text),
                };
                texts.iter().map(one).collect()
            }
            Kind::Either(ways) => {
                let way = |(at, (label, _)): (usize, &(String, Shape))| Choice {
                    value: at.to_string(),
                    label: label.clone(),
                    is_chosen: at == typed.way,
                };
                ways.iter().enumerate().map(way).collect()
            }
            _ => Vec::new(),
        }
    }
}
