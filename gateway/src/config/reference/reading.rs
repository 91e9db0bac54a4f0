//! Reading a commented file of settings.

use serde::Serialize;
use toml_edit::{ArrayOfTables, DocumentMut, Table, Value};

use super::{Key, Reference, Section, variables};

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    Text,
    Number,
    Truth,
    /// Texts, or nothing that tells otherwise.
    List,
    NumberList,
    Table,
}

impl Kind {
    /// For people.
    pub(super) fn says(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Number => "number",
            Self::Truth => "true or false",
            Self::List => "list of texts",
            Self::NumberList => "list of numbers",
            Self::Table => "table",
        }
    }

    fn of(value: &Value) -> Self {
        match value {
            Value::String(_) | Value::Datetime(_) => Self::Text,
            Value::Integer(_) | Value::Float(_) => Self::Number,
            Value::Boolean(_) => Self::Truth,
            Value::Array(items) if items.iter().any(|item| item.is_integer() || item.is_float()) => Self::NumberList,
            Value::Array(_) => Self::List,
            Value::InlineTable(_) => Self::Table,
        }
    }
}

/// What is in the file; nothing if it is no TOML.
pub(super) fn read(text: &str) -> Reference {
    let Ok(document) = text.parse::<DocumentMut>() else { return Reference::default() };
    let mut reader = Reader::default();
    let mut found = Vec::new();
    headers("", document.as_table(), &mut found);
    found.sort_by_key(|header| header.table.position());
    for Header { name, list, table } in found {
        reader.comments(table.decor().prefix().and_then(|raw| raw.as_str()));
        reader.section(name, list, true);
        reader.keys(table);
    }
    reader.comments(document.trailing().as_str());
    reader.loose();
    Reference { about: reader.about, sections: reader.sections }
}

/// A table that has a header of its own.
struct Header<'a> {
    name: String,
    list: bool,
    table: &'a Table,
}

fn headers<'a>(above: &str, table: &'a Table, found: &mut Vec<Header<'a>>) {
    for (key, item) in table {
        let name = if above.is_empty() { key.to_owned() } else { format!("{above}.{key}") };
        let list = item.is_array_of_tables();
        let tables =
            item.as_table().into_iter().chain(item.as_array_of_tables().into_iter().flat_map(ArrayOfTables::iter));
        for table in tables {
            headers(&name, table, found);
            if !table.is_implicit() {
                found.push(Header { name: name.clone(), list, table });
            }
        }
    }
}

/// Goes through the file from top to bottom.
#[derive(Default)]
struct Reader {
    about: String,
    sections: Vec<Section>,
    /// The lines of a comment of which it is not known yet what they speak of.
    lines: Vec<String>,
}

impl Reader {
    fn comments(&mut self, text: Option<&str>) {
        for line in text.unwrap_or_default().lines() {
            let Some(line) = line.trim().strip_prefix('#') else {
                self.loose();
                continue;
            };
            let line = line.strip_prefix(' ').unwrap_or(line);
            match line.parse::<DocumentMut>() {
                Ok(example) if !example.is_empty() => self.example(&example),
                _ => self.lines.push(line.to_owned()),
            }
        }
    }

    /// A line that would be a header or a key, were it no comment.
    fn example(&mut self, example: &DocumentMut) {
        let mut found = Vec::new();
        headers("", example.as_table(), &mut found);
        if let Some(Header { name, list, .. }) = found.pop() {
            self.section(name, list, false);
        }
        for (name, value) in example.iter().filter_map(|(name, item)| Some((name, item.as_value()?))) {
            self.key(name, value, false);
        }
    }

    /// A comment that is followed by an empty line speaks of the section.
    fn loose(&mut self) {
        let text = self.text();
        let about = self.sections.last_mut().map_or(&mut self.about, |section| &mut section.about);
        if !about.is_empty() && !text.is_empty() {
            about.push_str("\n\n");
        }
        about.push_str(&text);
    }

    fn section(&mut self, name: String, list: bool, built_in: bool) {
        let about = self.text();
        self.sections.push(Section { name, list, built_in, about, keys: Vec::new() });
    }

    fn keys(&mut self, table: &Table) {
        for (name, value) in table.iter().filter_map(|(name, item)| Some((name, item.as_value()?))) {
            let before = table.key(name).and_then(|key| key.leaf_decor().prefix());
            self.comments(before.and_then(|raw| raw.as_str()));
            self.key(name, value, true);
        }
    }

    fn key(&mut self, name: &str, value: &Value, built_in: bool) {
        let about = self.text();
        let kind = Kind::of(value);
        let value = value.to_string().trim().to_owned();
        if let Some(section) = self.sections.last_mut() {
            let built_in = built_in && section.built_in;
            let variables = variables(section, name, kind);
            section.keys.push(Key { name: name.to_owned(), kind, value, built_in, variables, about });
        }
    }

    /// The comment so far: its lines as one, its paragraphs apart.
    fn text(&mut self) -> String {
        let lines = std::mem::take(&mut self.lines);
        let paragraphs = lines.split(String::is_empty).filter(|lines| !lines.is_empty());
        paragraphs.map(|lines| lines.join(" ")).collect::<Vec<_>>().join("\n\n")
    }
}
