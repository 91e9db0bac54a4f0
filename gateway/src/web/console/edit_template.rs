//! Writing a template: its form, what it looks like while somebody types, and keeping a version of it.

use askama::Template;
use axum::extract::{RawQuery, State};
use axum::response::Response;

use super::page::{self, Page, shown};
use super::path::Path;
use super::posted::{Fields, Posted};
use super::session::Visitor;
use super::template_form::{Form, Kind};
use super::template_preview::{Preview, previews};
use super::templates::{definition, mark, read_mark};
use super::trouble::{Trouble, redirect};
use crate::store::{NewTemplate, Over, Role, TemplateChange};
use crate::templates::{Definition, is_name};
use crate::web::App;

/// The longest form, in bytes: thirty long texts with all their signs escaped.
const FORM: usize = 1024 * 1024;

#[derive(Template)]
#[template(path = "edit_template.html")]
struct EditPage {
    p: Page,
    /// None while it has no name.
    name: Option<String>,
    form: Form,
    kinds: Vec<(&'static str, &'static str)>,
    previews: Vec<Preview>,
    error: Option<&'static str>,
    /// Somebody else saved a version meanwhile.
    is_overtaken: bool,
}

#[derive(Template)]
#[template(path = "template_preview.html")]
struct Previews {
    p: Page,
    previews: Vec<Preview>,
}

fn channels(app: &App) -> Vec<String> {
    app.channels.names().map(str::to_owned).collect()
}

impl EditPage {
    fn of(app: &App, visitor: &Visitor, name: Option<String>, form: Form) -> Self {
        let mut p = Page::of(app, visitor, "templates", "");
        p.title = name.clone().unwrap_or_else(|| p.template.new.to_owned());
        let kinds = Kind::ALL.map(|kind| (kind.as_str(), kind.word(p.template))).into();
        Self { name, form, kinds, previews: Vec::new(), error: None, is_overtaken: false, p }
    }

    fn with_previews(mut self, app: &App, definition: &Definition) -> Self {
        self.previews = previews(app, &self.p, definition, &self.form.to);
        self
    }
}

/// `GET /console/new-template`
pub(super) async fn fresh(State(app): State<App>, visitor: Visitor) -> Result<Response, Trouble> {
    visitor.must_be(Role::Agent)?;
    let form = Form::fresh(&app.console.0.place.locale, &channels(&app));
    shown(&EditPage::of(&app, &visitor, None, form))
}

/// `GET /console/templates/{name}/edit`: from the current version on, or from another.
pub(super) async fn page(
    State(app): State<App>,
    visitor: Visitor,
    Path(name): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, Trouble> {
    visitor.must_be(Role::Agent)?;
    let fields = Fields::read(query.unwrap_or_default().as_bytes());
    let known = app.store.template(&name, fields.get("version").parse().ok()).await?.ok_or(Trouble::NotFound)?;
    let definition = definition(&known)?;
    let mut page = EditPage::of(&app, &visitor, Some(known.name.clone()), Form::fresh("", &[]));
    page.form = Form::of(&definition, page.p.template, &channels(&app));
    page.form.mark = mark(&known);
    shown(&page.with_previews(&app, &definition))
}

/// `POST /console/preview`: what it looks like so far.
pub(super) async fn preview(State(app): State<App>, posted: Posted<FORM>) -> Result<Response, Trouble> {
    posted.visitor.must_be(Role::Agent)?;
    let p = Page::of(&app, &posted.visitor, "templates", "");
    let mut form = Form::read(&posted.fields);
    let definition = form.definition(p.template);
    let previews = previews(&app, &p, &definition, &form.to);
    shown(&Previews { p, previews })
}

/// `POST /console/templates`: the first version of a new one.
pub(super) async fn create(State(app): State<App>, posted: Posted<FORM>) -> Result<Response, Trouble> {
    change(&app, &posted, None).await
}

/// `POST /console/templates/{name}`: another version, over the one that the form was made of.
pub(super) async fn save(
    State(app): State<App>,
    Path(name): Path<String>,
    posted: Posted<FORM>,
) -> Result<Response, Trouble> {
    change(&app, &posted, Some(name)).await
}

/// Does what the button says: more rows, a look, or a version.
async fn change(app: &App, posted: &Posted<FORM>, name: Option<String>) -> Result<Response, Trouble> {
    posted.visitor.must_be(Role::Agent)?;
    let mut page = EditPage::of(app, &posted.visitor, name.clone(), Form::read(&posted.fields));
    let words = page.p.template;
    let definition = page.form.definition(words);
    match posted.fields.get("do") {
        "add-variable" => page.form.add_variable(),
        "add-language" => page.form.add_language(&channels(app)),
        "save" => return Box::pin(keep(app, posted, page, definition)).await,
        _ => {}
    }
    shown(&page.with_previews(app, &definition))
}

async fn keep(
    app: &App,
    posted: &Posted<FORM>,
    mut page: EditPage,
    definition: Definition,
) -> Result<Response, Trouble> {
    let words = page.p.template;
    let over = match &page.name {
        None => Over::Nothing,
        Some(_) => Over::Mark(read_mark(&page.form.mark).ok_or(Trouble::Unreadable)?),
    };
    let name = page.name.clone().unwrap_or_else(|| page.form.name.clone());
    if !is_name(&name) {
        page.error = Some(words.name_bad);
    }
    let checked = definition.clone().check();
    if let Err(faults) = &checked {
        page.form.mark(faults, page.p.locale());
    }
    let checked = match checked {
        Ok(checked) if page.error.is_none() && !page.form.is_faulty() => checked,
        _ => {
            page.error = page.error.or(Some(words.faulty));
            return page::refused(&page.with_previews(app, &definition));
        }
    };
    let act = posted.visitor.act(app, "template.saved", &name);
    let new = NewTemplate {
        id: app.ids.next(act.at),
        version_id: app.ids.next(act.at),
        name: name.clone(),
        definition: serde_json::json!(checked),
        over,
        at: act.at,
    };
    let to = format!("{}/templates/{name}", app.console.0.base);
    match app.store.save_template(new, act).await? {
        TemplateChange::Done { version, .. } => {
            tracing::info!(template = name, version, user_id = %posted.visitor.session.user.id, "saved");
            return Ok(redirect(&to, posted.is_partial));
        }
        TemplateChange::Mismatch => (page.error, page.is_overtaken) = (Some(words.changed), true),
        TemplateChange::Exists | TemplateChange::NotFound => page.error = Some(words.name_taken),
    }
    if let Some(known) = app.store.template(&name, None).await? {
        // The same form twice, as by a double click: what it wanted is so.
        if known.archived_at.is_none() && self::definition(&known)? == checked {
            return Ok(redirect(&to, posted.is_partial));
        }
        // Whoever saves again now has been told over what.
        if page.is_overtaken {
            page.form.mark = mark(&known);
        }
    }
    page::refused(&page.with_previews(app, &definition))
}
