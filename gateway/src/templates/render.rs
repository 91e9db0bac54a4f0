//! What a template becomes for one message.

use std::collections::BTreeMap;

use serde_json::Value;

use super::check::{at, escaped};
use super::{Definition, Fault, Scalar, engine, locale};
use crate::message::ContentTemplate;

/// A template as it is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendered {
    pub text: String,
    /// Whose body it was.
    pub locale: String,
    /// By channel: the provider's own template that goes instead of the text.
    pub content: BTreeMap<String, ContentTemplate>,
}

/// What is left out of what is given, for a preview.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// What is not given has a default, or is missing.
    Defaults,
    /// What is not given is as in the examples.
    Examples,
}

impl Definition {
    /// The locale whose body is the nearest to a wish.
    pub fn nearest(&self, wanted: &str) -> &str {
        let tag = locale::tag(wanted);
        let found = locale::nearest(&self.bodies, tag.as_deref().unwrap_or_default(), &self.default_locale);
        found.map_or(self.default_locale.as_str(), |(locale, _)| locale)
    }

    /// What becomes of it in a locale. Faults point into `{locale, variables}`.
    pub fn render(
        &self,
        wanted: Option<&str>,
        given: &BTreeMap<String, Value>,
        kept: Kept,
    ) -> Result<Rendered, Vec<Fault>> {
        let wanted = match wanted.map(|wanted| (wanted, locale::tag(wanted))) {
            None => self.default_locale.clone(),
            Some((_, Some(tag))) => tag,
            Some((wanted, None)) => {
                let detail = format!("`{wanted}` is no locale; write it as in `es`, `es-MX` or `en`");
                return Err(vec![Fault::new("/locale", "not-a-locale", detail)]);
            }
        };
        let Some((locale, body)) = locale::nearest(&self.bodies, &wanted, &self.default_locale) else {
            return Err(vec![Fault::new("/locale", "no-body", "the template has no body for its default locale")]);
        };
        let read = self.read(given)?;
        let values = self.values(&read, kept)?;
        let text = engine::render(&body.text, &values).map_err(|failure| {
            let detail = format!("the text for `{locale}`: {}{}", at(failure.line), failure.reason);
            vec![Fault::new("", "not-rendered", detail)]
        })?;
        if text.trim().is_empty() {
            let detail = format!("nothing is left of the text for `{locale}` with these variables");
            return Err(vec![Fault::new("", "empty", detail)]);
        }
        let content = body.content.iter().map(|(channel, mapping)| {
            let filled = |(place, name): (&String, &String)| {
                (place.clone(), values.get(name.as_str()).map(ToString::to_string).unwrap_or_default())
            };
            let variables = mapping.variables.iter().map(filled).collect();
            (channel.clone(), ContentTemplate { sid: mapping.sid.clone(), variables })
        });
        let content = content.collect();
        Ok(Rendered { text, locale: locale.to_owned(), content })
    }

    /// What was given, if all of it is declared and a value.
    fn read(&self, given: &BTreeMap<String, Value>) -> Result<BTreeMap<String, Scalar>, Vec<Fault>> {
        let (mut read, mut faults) = (BTreeMap::new(), Vec::new());
        for (name, value) in given {
            let pointer = format!("/variables/{}", escaped(name));
            if !self.variables.contains_key(name) {
                faults.push(Fault::new(pointer, "undeclared-variable", self.undeclared(name)));
                continue;
            }
            match Scalar::try_from(value.clone()) {
                Ok(scalar) => drop(read.insert(name.clone(), scalar)),
                Err(problem) => faults.push(Fault::new(pointer, "not-a-value", format!("`{name}` {problem}"))),
            }
        }
        if faults.is_empty() { Ok(read) } else { Err(faults) }
    }

    fn undeclared(&self, name: &str) -> String {
        let names: Vec<&str> = self.variables.keys().map(String::as_str).collect();
        match names.as_slice() {
            [] => format!("the template has no variables, so none named `{name}`"),
            names => format!("the template has no variable `{name}`; it has: {}", names.join(", ")),
        }
    }

    /// A value for every variable.
    fn values<'a>(
        &'a self,
        given: &'a BTreeMap<String, Scalar>,
        kept: Kept,
    ) -> Result<BTreeMap<&'a str, &'a Scalar>, Vec<Fault>> {
        let (mut values, mut faults) = (BTreeMap::new(), Vec::new());
        for (name, variable) in &self.variables {
            let example = variable.example.as_ref().filter(|_| kept == Kept::Examples);
            let Some(value) = given.get(name).or(variable.default.as_ref()).or(example) else {
                let detail = format!("the template needs `{name}`, which is not given and has no default");
                faults.push(Fault::new(format!("/variables/{}", escaped(name)), "missing-variable", detail));
                continue;
            };
            values.insert(name.as_str(), value);
        }
        if faults.is_empty() { Ok(values) } else { Err(faults) }
    }
}
