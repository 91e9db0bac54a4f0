//! `/console/templates`: the templates that there are, each with its texts, its values and all of its versions; and
//! archiving one.

use askama::Template;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use uuid::Uuid;

use super::page::{self, Page, shown};
use super::path::Path;
use super::posted::{Fields, Posted};
use super::session::Visitor;
use super::template_form::{Kind, written};
use super::template_preview::{Preview, previews};
use super::thread::times;
use super::times::Times;
use super::trouble::{Trouble, redirect};
use crate::store::{self, KnownTemplate, Mark, Role, TemplateChange};
use crate::templates::Definition;
use crate::web::App;

/// How many templates, and how many versions of one, are on a page.
const SHOWN: u64 = 50;
const VERSIONS: u64 = 20;

#[derive(Template)]
#[template(path = "templates.html")]
struct TemplatesPage {
    p: Page,
    templates: Vec<Row>,
    archived: bool,
    search: String,
    /// The query of the next page.
    next: Option<String>,
}

struct Row {
    name: String,
    version: u32,
    saved: String,
    languages: String,
    /// The provider's own templates, with their channels.
    content: Vec<String>,
    values: String,
}

#[derive(Template)]
#[template(path = "template.html")]
struct TemplatePage {
    p: Page,
    name: String,
    version: u32,
    current: u32,
    is_archived: bool,
    mark: String,
    saved: String,
    values: Vec<Value>,
    texts: Vec<Written>,
    previews: Vec<Preview>,
    versions: Vec<Version>,
    older: Option<Uuid>,
    error: Option<&'static str>,
}

struct Value {
    name: String,
    kind: &'static str,
    example: Option<String>,
    /// None where it must be given.
    default: Option<String>,
}

struct Written {
    locale: String,
    is_main: bool,
    text: String,
    content: Vec<Content>,
}

struct Content {
    channel: String,
    sid: String,
    places: Vec<(String, String)>,
}

struct Version {
    number: u32,
    saved: String,
}

/// What was checked when it was saved.
pub(super) fn definition(known: &KnownTemplate) -> Result<Definition, Trouble> {
    serde_json::from_value(known.definition.clone())
        .map_err(|error| store::Error::Refused(format!("a template can't be read: {error}")).into())
}

/// As a form has it.
pub(super) fn mark(known: &KnownTemplate) -> String {
    let Mark { version, archived } = known.mark();
    if archived { format!("{version}-archived") } else { version.to_string() }
}

/// As `mark` writes it.
pub(super) fn read_mark(text: &str) -> Option<Mark> {
    let (number, archived) = match text.strip_suffix("-archived") {
        Some(number) => (number, true),
        None => (text, false),
    };
    Some(Mark { version: number.parse().ok()?, archived })
}

/// `GET /console/templates`: newest first.
pub(super) async fn page(
    State(app): State<App>,
    visitor: Visitor,
    RawQuery(query): RawQuery,
) -> Result<Response, Trouble> {
    let fields = Fields::read(query.unwrap_or_default().as_bytes());
    let (archived, search) = (fields.has("archived"), fields.get("q").to_owned());
    let mut p = Page::of(&app, &visitor, "templates", "");
    p.title = p.template.title.to_owned();
    let times = times(&app, &p);
    let found = app.store.find_templates(archived, &search, fields.get("after").parse().ok(), SHOWN).await?;
    let templates: Result<Vec<Row>, Trouble> = found.items.iter().map(|known| row(known, &times)).collect();
    let next = found.next.map(|next| {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.append_pair("q", &search).append_pair("after", &next.to_string());
        if archived {
            query.append_pair("archived", "1");
        }
        query.finish()
    });
    shown(&TemplatesPage { templates: templates?, archived, search, next, p })
}

fn row(known: &KnownTemplate, times: &Times) -> Result<Row, Trouble> {
    let definition = definition(known)?;
    let provided = definition.bodies.values().flat_map(|body| &body.content);
    let mut content: Vec<String> = provided.map(|(channel, mapping)| format!("{channel} {}", mapping.sid)).collect();
    content.dedup();
    let names = |names: &mut dyn Iterator<Item = &String>| names.cloned().collect::<Vec<_>>().join(", ");
    Ok(Row {
        name: known.name.clone(),
        version: known.version,
        saved: times.full(known.saved_at),
        languages: names(&mut definition.bodies.keys()),
        values: names(&mut definition.variables.keys()),
        content,
    })
}

/// `GET /console/templates/{name}`: the current version, or another one.
pub(super) async fn one(
    State(app): State<App>,
    visitor: Visitor,
    Path(name): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, Trouble> {
    let fields = Fields::read(query.unwrap_or_default().as_bytes());
    shown(&look(&app, &visitor, &name, &fields).await?)
}

async fn look(app: &App, visitor: &Visitor, name: &str, fields: &Fields) -> Result<TemplatePage, Trouble> {
    let known = app.store.template(name, fields.get("version").parse().ok()).await?.ok_or(Trouble::NotFound)?;
    let after = fields.get("after").parse().ok();
    let versions = app.store.template_versions(name, after, VERSIONS).await?.ok_or(Trouble::NotFound)?;
    let p = Page::of(app, visitor, "templates", known.name.clone());
    let times = times(app, &p);
    let definition = definition(&known)?;
    let values = definition.variables.iter().map(|(name, variable)| Value {
        name: name.clone(),
        kind: Kind::of(variable).word(p.template),
        example: variable.example.as_ref().map(|value| written(Some(value), p.template)),
        default: variable.default.as_ref().map(|value| written(Some(value), p.template)),
    });
    let texts = definition.bodies.iter().map(|(locale, body)| Written {
        locale: locale.clone(),
        is_main: *locale == definition.default_locale,
        text: body.text.clone(),
        content: body
            .content
            .iter()
            .map(|(channel, mapping)| Content {
                channel: channel.clone(),
                sid: mapping.sid.clone(),
                places: mapping.variables.clone().into_iter().collect(),
            })
            .collect(),
    });
    let version = |known: &KnownTemplate| Version { number: known.version, saved: times.full(known.saved_at) };
    Ok(TemplatePage {
        values: values.collect(),
        texts: texts.collect(),
        previews: previews(app, &p, &definition, ""),
        versions: versions.items.iter().map(version).collect(),
        older: versions.next,
        mark: mark(&known),
        version: known.version,
        current: known.current,
        is_archived: known.archived_at.is_some(),
        saved: times.full(known.saved_at),
        name: known.name,
        error: None,
        p,
    })
}

/// `POST /console/templates/{name}/archive`: nothing more is sent by it, if it still is what was looked at.
pub(super) async fn archive(
    State(app): State<App>,
    Path(name): Path<String>,
    posted: Posted,
) -> Result<Response, Trouble> {
    posted.visitor.must_be(Role::Agent)?;
    let expected = read_mark(posted.fields.get("mark")).ok_or(Trouble::Unreadable)?;
    let act = posted.visitor.act(&app, "template.archived", &name);
    let to = format!("{}/templates/{name}", app.console.0.base);
    match app.store.archive_template(&name, Some(expected), act.at, act).await? {
        TemplateChange::Done { .. } => {
            tracing::info!(template = name, user_id = %posted.visitor.session.user.id, "archived");
            Ok(redirect(&to, posted.is_partial))
        }
        TemplateChange::Mismatch => {
            // The same twice, as by a double click: what it wanted is so.
            let known = app.store.template(&name, None).await?;
            if known.is_some_and(|known| known.mark() == Mark { archived: true, ..expected }) {
                return Ok(redirect(&to, posted.is_partial));
            }
            let mut page = look(&app, &posted.visitor, &name, &Fields::default()).await?;
            page.error = Some(page.p.template.changed_before);
            page::refused(&page)
        }
        TemplateChange::NotFound | TemplateChange::Exists => Err(Trouble::NotFound),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_read_as_it_was_written() {
        for (text, expected) in [
            ("3", Some((3, false))),
            ("3-archived", Some((3, true))),
            ("", None),
            ("-archived", None),
            ("x", None),
            ("3-", None),
        ] {
            assert_eq!(read_mark(text), expected.map(|(version, archived)| Mark { version, archived }), "{text}");
        }
    }
}
