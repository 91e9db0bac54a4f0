//! What becomes of a template with its examples: the text in each language, how much it takes, and what it costs.

use std::collections::BTreeMap;

use super::composer::Count;
use super::page::Page;
use super::template_form::Wrong;
use crate::message::phone;
use crate::templates::{Body, Definition, Fault, Kept};
use crate::web::App;
use crate::web::api::previews::Cost;

/// Of one language.
pub(super) struct Preview {
    pub(super) locale: String,
    /// None where something is wrong.
    pub(super) text: Option<String>,
    pub(super) count: Count,
    pub(super) cost: String,
    pub(super) wrong: Vec<Wrong>,
}

/// Of all languages that something is written for, each by itself; `to` is whom it might go to.
pub(super) fn previews(app: &App, p: &Page, definition: &Definition, to: &str) -> Vec<Preview> {
    let number = Some(to).filter(|to| !to.is_empty()).map(|to| phone::inspect(to, &app.region));
    let there = definition.bodies.iter().filter(|(_, body)| !body.text.trim().is_empty());
    let of_one = |(locale, body): (&String, &Body)| match rendered(definition, locale, body) {
        Ok(text) => {
            let count = Count::of(&text);
            let cost = cost(p, &count, number.clone());
            Preview { locale: locale.clone(), text: Some(text), count, cost, wrong: Vec::new() }
        }
        Err(faults) => Preview {
            locale: locale.clone(),
            text: None,
            count: Count::of(""),
            cost: String::new(),
            wrong: faults.iter().map(|fault| Wrong::of(fault, p.locale())).collect(),
        },
    };
    there.map(of_one).collect()
}

fn cost(p: &Page, count: &Count, number: Option<phone::Inspection>) -> String {
    match number {
        None => p.template.cost_unknown.to_owned(),
        Some(number) => match number.refusal() {
            Some(refusal) => refusal.reason(p.locale()),
            None => Cost::of(count.segments, Some(number), p.locale()).means,
        },
    }
}

/// The text of one body, or what is wrong with it alone.
fn rendered(definition: &Definition, locale: &str, body: &Body) -> Result<String, Vec<Fault>> {
    let alone = Definition {
        default_locale: locale.to_owned(),
        variables: definition.variables.clone(),
        bodies: BTreeMap::from([(locale.to_owned(), Body { text: body.text.clone(), content: BTreeMap::new() })]),
    };
    let render = |alone: &Definition| alone.render(None, &BTreeMap::new(), Kept::Examples).map(|made| made.text);
    match alone.clone().check() {
        Ok(alone) => render(&alone),
        // Without an example nothing can be shown: its name says more than what the text fails at.
        Err(faults) if faults.iter().any(|fault| fault.code == "no-example") => match render(&alone) {
            Err(missing) => Err(missing),
            Ok(_) => Err(faults),
        },
        Err(faults) => Err(faults),
    }
}
