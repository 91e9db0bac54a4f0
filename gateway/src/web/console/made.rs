//! An answer that is made of a template: which one, what is put into it, and what arrives.

use std::collections::BTreeMap;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use serde_json::Value;
use uuid::Uuid;

use super::addressee::Addressee;
use super::composer::Count;
use super::inbox::{Choice, choices};
use super::page::{Page, shown};
use super::path::Path;
use super::posted::{Fields, Posted};
use super::template_form::{Kind, Wrong, written};
use super::thread::find;
use super::trouble::Trouble;
use super::words::TemplateWords;
use crate::message::Locale;
use crate::outbound::{self, Wish};
use crate::store::Role;
use crate::templates::{Definition, Fault, Kept, Variable};
use crate::web::App;

/// How many templates there are to choose from.
const TEMPLATES: u64 = 500;
/// Values that are a person's name, as people call them.
const NAMES: [&str; 2] = ["name", "nombre"];

/// What is put into a template so far.
pub(super) struct Made {
    pub(super) name: String,
    /// That which is shown is what is sent.
    pub(super) version: u32,
    pub(super) locales: Vec<Choice>,
    pub(super) values: Vec<Field>,
    pub(super) preview: Preview,
}

pub(super) struct Field {
    pub(super) name: String,
    pub(super) kind: Kind,
    pub(super) value: String,
    pub(super) example: Option<String>,
    /// What is taken where nothing is given; none where something must be.
    pub(super) default: Option<String>,
    pub(super) wrong: Vec<Wrong>,
}

/// What arrives.
#[derive(Default)]
pub(super) struct Preview {
    /// None where something is missing or wrong.
    pub(super) text: Option<String>,
    pub(super) count: Count,
    /// The provider's own template that goes instead.
    pub(super) provided: Option<String>,
    /// Values that must be given, and are not.
    pub(super) missing: Vec<String>,
    /// Values that can't be read as what they should be, by name.
    pub(super) unread: Vec<(String, Wrong)>,
    pub(super) wrong: Vec<Wrong>,
}

#[derive(Template)]
#[template(path = "made.html")]
struct Fragment {
    p: Page,
    preview: Preview,
}

/// What there is to choose from, with none before all.
pub(super) async fn to_choose(app: &App, p: &Page, chosen: &str) -> Result<Vec<Choice>, Trouble> {
    let none = std::iter::once((String::new(), p.template.none_chosen.to_owned()));
    let names = app.store.template_names(TEMPLATES).await?;
    Ok(choices(none.chain(names.into_iter().map(|name| (name.clone(), name))), chosen))
}

/// What was wished for in a form: the template that its fields are those of.
pub(super) fn wish(fields: &Fields, definition: &Definition, p: &Page) -> (Wish, Vec<(String, Wrong)>) {
    let (mut variables, mut wrong) = (BTreeMap::new(), Vec::new());
    for (name, variable) in &definition.variables {
        let text = fields.text(&field(name));
        // What is left empty is not given.
        if text.trim().is_empty() {
            continue;
        }
        match Kind::of(variable).read(&text, p.template) {
            Ok(value) => drop(variables.insert(name.clone(), Value::from(value))),
            Err(why) => wrong.push((name.clone(), why)),
        }
    }
    let locale = Some(fields.get("locale")).filter(|locale| !locale.is_empty()).map(str::to_owned);
    let wish = Wish { name: fields.get("made").to_owned(), version: version(fields), locale, variables };
    (wish, wrong)
}

/// The version whose fields they are.
pub(super) fn version(fields: &Fields) -> Option<u32> {
    fields.get("version").parse().ok()
}

fn field(name: &str) -> String {
    format!("value-{name}")
}

/// Why a template can't be used, in words; what else went wrong is another matter.
pub(super) fn unusable(error: outbound::Error, locale: Locale) -> Result<String, Trouble> {
    match error {
        outbound::Error::Template(faults) => {
            let words = faults.iter().map(|fault| {
                let Wrong { said, detail } = Wrong::of(fault, locale);
                said.map_or_else(|| detail.clone(), |said| format!("{said} ({detail})"))
            });
            Ok(words.collect::<Vec<_>>().join(" "))
        }
        outbound::Error::Store(error) => Err(error.into()),
        _ => Err(Trouble::Internal),
    }
}

impl Made {
    /// The fields of a template, with what was written in them or is known of the person; or why it can't be used.
    pub(super) async fn of(
        app: &App,
        p: &Page,
        to: &Addressee,
        name: &str,
        fields: &Fields,
    ) -> Result<Result<Self, String>, Trouble> {
        // Fields that were made for another template have another's version.
        let is_same = fields.get("made") == name;
        let wanted = version(fields).filter(|_| is_same);
        let (used, definition) = match app.outbound.template(name, wanted).await {
            Ok(found) => found,
            Err(error) => return Ok(Err(unusable(error, p.locale())?)),
        };
        let place = &app.console.0.place.locale;
        let asked = if is_same { fields.get("locale") } else { "" };
        let locale = definition.nearest(if asked.is_empty() { place } else { asked }).to_owned();
        let value = |(name, variable): (&String, &Variable)| {
            let written_before = fields.text(&field(name));
            let kind = Kind::of(variable);
            let value = if is_same {
                one_line(&written_before)
            } else if written_before.is_empty() {
                fitting(kind, &known(to, name), p.template)
            } else {
                fitting(kind, &written_before, p.template)
            };
            Field {
                name: name.clone(),
                kind,
                value,
                example: variable.example.as_ref().map(|value| written(Some(value), p.template)),
                default: variable.default.as_ref().map(|value| written(Some(value), p.template)),
                wrong: Vec::new(),
            }
        };
        let values: Vec<Field> = definition.variables.iter().map(value).collect();
        let shown = Fields::of(values.iter().map(|one| (field(&one.name), one.value.clone())));
        let preview = preview_of(p, &definition, &locale, &to.channel, &shown);
        let locales = definition.bodies.keys().map(|name| (name.clone(), name.clone()));
        Ok(Ok(Self { locales: choices(locales, &locale), version: used.version, name: used.name, values, preview }))
    }

    /// Puts what is wrong beside the value that it is about.
    pub(super) fn mark(&mut self, wrong: Vec<(String, Wrong)>) {
        for (name, why) in wrong {
            if let Some(field) = self.values.iter_mut().find(|field| field.name == name) {
                field.wrong.push(why);
            }
        }
    }
}

/// The value that a fault is about, with what is wrong with it.
pub(super) fn about(fault: &Fault, p: &Page) -> Option<(String, Wrong)> {
    let name = fault.pointer.strip_prefix("/variables/")?;
    // Whoever sees the field needs no more than that.
    let wrong =
        if fault.code == "missing-variable" { Wrong::said(p.template.fill_in) } else { Wrong::of(fault, p.locale()) };
    Some((name.to_owned(), wrong))
}

/// What is known of the person under this name.
fn known(to: &Addressee, name: &str) -> String {
    let attribute = to.attributes.get(name).cloned();
    let own = to.name.clone().filter(|_| NAMES.contains(&name));
    attribute.or(own).unwrap_or_default()
}

/// What was not written for this field, as the field can show it: nothing where it can't, since what is shown is sent.
fn fitting(kind: Kind, text: &str, words: &TemplateWords) -> String {
    let line = one_line(text);
    if line.trim().is_empty() {
        return String::new();
    }
    kind.read(&line, words).map(|value| written(Some(&value), words)).unwrap_or_default()
}

/// A browser would take the line breaks out of the field, and what was apart would be together.
fn one_line(text: &str) -> String {
    text.replace("\r\n", " ").replace(['\r', '\n'], " ")
}

fn preview_of(p: &Page, definition: &Definition, locale: &str, channel: &str, fields: &Fields) -> Preview {
    let (wish, unread) = wish(fields, definition, p);
    let mut preview = Preview { unread, ..Preview::default() };
    if !preview.unread.is_empty() {
        return preview;
    }
    match definition.render(Some(locale), &wish.variables, Kept::Defaults) {
        Ok(rendered) => {
            preview.count = Count::of(&rendered.text);
            preview.provided = rendered.content.get(channel).map(|content| content.sid.clone());
            preview.text = Some(rendered.text);
        }
        Err(faults) => {
            for fault in &faults {
                match fault.pointer.strip_prefix("/variables/") {
                    Some(name) => preview.missing.push(name.to_owned()),
                    None => preview.wrong.push(Wrong::of(fault, p.locale())),
                }
            }
        }
    }
    preview
}

/// `POST /console/conversations/{id}/preview`: what arrives, as far as it is filled in.
pub(super) async fn preview(State(app): State<App>, Path(id): Path<Uuid>, posted: Posted) -> Result<Response, Trouble> {
    posted.visitor.must_be(Role::Agent)?;
    let thread = find(&app, id).await?;
    previewed(&app, &posted, &thread.conversation.channel).await
}

/// What arrives on this channel, as far as it is filled in.
pub(super) async fn previewed(app: &App, posted: &Posted, channel: &str) -> Result<Response, Trouble> {
    let p = Page::of(app, &posted.visitor, "inbox", "");
    let fields = &posted.fields;
    let preview = match app.outbound.template(fields.get("made"), version(fields)).await {
        Ok((_, definition)) => {
            let locale = fields.get("locale");
            let locale = if locale.is_empty() { &app.console.0.place.locale } else { locale };
            preview_of(&p, &definition, locale, channel, fields)
        }
        Err(error) => {
            let detail = unusable(error, p.locale())?;
            Preview { wrong: vec![Wrong { said: None, detail }], ..Preview::default() }
        }
    };
    shown(&Fragment { p, preview })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_filled_in_is_what_its_field_can_show() {
        let spanish = TemplateWords::of(Locale::Es);
        for (kind, text, expected) in [
            (Kind::Flag, "true", "sí"),
            (Kind::Flag, "yes", "sí"),
            (Kind::Flag, "No", "no"),
            (Kind::Flag, "quizá", ""),
            (Kind::Number, " 7 ", "7"),
            (Kind::Number, "1,5", "1.5"),
            (Kind::Number, "siete", ""),
            (Kind::Text, "Calle 5\r\nCentro\nMérida", "Calle 5 Centro Mérida"),
            (Kind::Text, "\n", ""),
            (Kind::Text, "", ""),
        ] {
            assert_eq!(fitting(kind, text, spanish), expected, "{kind:?} {text:?}");
        }
    }
}
