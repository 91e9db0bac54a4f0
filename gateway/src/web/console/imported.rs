//! What came, or would come, of the lines of a list of people.

use std::collections::BTreeSet;

use super::page::Page;
use super::words::PeopleWords;
use crate::store::{ContactLine, LineCame};
use crate::web::App;
use crate::web::api::contact_import::checked;
use crate::web::api::fields;
use crate::web::contact_list::{Line, List};

/// How many lines are shown of those that change, and of those that are refused.
const SHOWN: usize = 50;

/// The lines of a list that may be taken, with where each is, and those that are refused.
pub(super) struct Lines {
    people: Vec<(u32, ContactLine)>,
    wrong: Vec<Wrong>,
}

/// By what they come to.
#[derive(Default)]
pub(super) struct Came {
    pub(super) created: usize,
    pub(super) changed: usize,
    pub(super) known: usize,
    pub(super) wrong: usize,
    pub(super) changes: Vec<Change>,
    pub(super) refusals: Vec<Wrong>,
}

pub(super) struct Change {
    pub(super) line: u32,
    /// The page of the person, unless they are on the list twice and new.
    pub(super) id: Option<String>,
    pub(super) who: String,
    pub(super) what: String,
}

pub(super) struct Wrong {
    pub(super) line: u32,
    pub(super) reason: String,
}

impl Lines {
    pub(super) fn of(app: &App, p: &Page, words: &PeopleWords, list: List) -> Self {
        let mut lines = Self { people: Vec::with_capacity(list.lines.len()), wrong: Vec::new() };
        for Line { number, address, name, attributes } in list.lines {
            match checked(app, address.as_deref(), name.as_deref(), attributes, p.locale()) {
                Ok(person) => lines.people.push((number, person)),
                Err((column, fields::Wrong(code, reason))) => {
                    lines.wrong.push(Wrong { line: number, reason: words.wrong(&column, code, &reason) });
                }
            }
        }
        let uneven = list.uneven.iter().map(|one| Wrong { line: one.number, reason: words.uneven.to_owned() });
        lines.wrong.extend(uneven);
        lines
    }

    /// Those that may be taken, and what comes of the others.
    pub(super) fn begin(self) -> (Vec<(u32, ContactLine)>, Came) {
        (self.people, Came { wrong: self.wrong.len(), refusals: self.wrong, ..Came::default() })
    }
}

impl Came {
    /// Adds what these lines came to, in their order.
    pub(super) fn take(&mut self, words: &PeopleWords, lines: &[(u32, ContactLine)], outcomes: Vec<LineCame>) {
        let mut new = BTreeSet::new();
        for ((line, person), outcome) in lines.iter().zip(outcomes) {
            match outcome {
                LineCame::Created => {
                    self.created += 1;
                    new.insert(person.id);
                }
                LineCame::Known { .. } => self.known += 1,
                LineCame::Changed { id, what } => {
                    self.changed += 1;
                    let what: Vec<&str> = what.iter().map(|name| words.column(name)).collect();
                    let id = (!new.contains(&id)).then(|| id.to_string());
                    let who = person.name.clone().unwrap_or_else(|| person.address.as_str().to_owned());
                    self.changes.push(Change { line: *line, id, who, what: what.join(", ") });
                }
                LineCame::TooMany { .. } => {
                    self.wrong += 1;
                    self.refusals.push(Wrong { line: *line, reason: words.wrong("", "too-many", "") });
                }
            }
        }
        self.changes.truncate(SHOWN);
        self.refusals.sort_by_key(|one| one.line);
    }

    /// The first ones.
    pub(super) fn refused(&self) -> &[Wrong] {
        self.refusals.get(..SHOWN).unwrap_or(&self.refusals)
    }

    pub(super) fn may_be_taken(&self) -> usize {
        self.created + self.changed
    }
}
