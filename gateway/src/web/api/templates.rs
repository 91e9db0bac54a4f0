//! `/v1/templates`

use std::collections::BTreeMap;

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::reading::read_value;
use super::{List, Paging, read};
use crate::store::{Act, KnownTemplate, Mark, NewTemplate, Over, Page, TemplateChange};
use crate::templates::{self, Definition, NAME_RULE, Variable, is_name};
use crate::web::auth::{Caller, TemplatesRead, TemplatesWrite};
use crate::web::files::read_body;
use crate::web::openapi::{Changed, Conflict, Invalid, NotFound, TooLarge, Unread, Usual};
use crate::web::problem::Problem;
use crate::web::query::Query;
use crate::web::{API_BODY, App};

/// A version of a template as others see it.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = Template)]
pub(in crate::web) struct Shown {
    name: String,
    version: u32,
    /// The number of the current version.
    current: u32,
    #[serde(flatten)]
    #[schema(value_type = Definition)]
    definition: Value,
    /// When this version was saved.
    saved_at: Timestamp,
    /// When the first was.
    created_at: Timestamp,
    archived_at: Option<Timestamp>,
}

impl From<KnownTemplate> for Shown {
    fn from(known: KnownTemplate) -> Self {
        let KnownTemplate { id: _, name, version, current, definition, saved_at, created_at, archived_at } = known;
        Self { name, version, current, definition, saved_at, created_at, archived_at }
    }
}

/// What a template is made with, as `body_of` reads it.
#[derive(utoipa::ToSchema)]
#[schema(as = NewTemplate)]
#[expect(dead_code, reason = "it says what a body looks like")]
struct Named {
    name: String,
    default_locale: String,
    #[serde(default)]
    variables: BTreeMap<String, Variable>,
    bodies: BTreeMap<String, templates::Body>,
}

/// What a list shows and nobody sets: in a body it is left out of account, so that what was got can be put.
const READ_ONLY: [&str; 5] = ["version", "current", "saved_at", "created_at", "archived_at"];

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(in crate::web) struct Filter {
    /// Only those that are archived.
    #[serde(default)]
    archived: bool,
    /// A piece of the name.
    search: Option<String>,
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u64>,
    #[param(value_type = Option<Uuid>)]
    cursor: Option<String>,
}

/// The current versions, newest template first.
#[utoipa::path(
    get,
    path = "/v1/templates",
    tag = "templates",
    operation_id = "templates_list",
    security(("key" = ["templates:read"])),
    params(Filter),
    responses((status = 200, description = "A page", body = List<Shown>), Usual, Unread, Invalid)
)]
pub(in crate::web) async fn list(
    State(app): State<App>,
    _: Caller<TemplatesRead>,
    Query(Filter { archived, search, limit, cursor }): Query<Filter>,
) -> Result<Json<List<Shown>>, Problem> {
    let (cursor, limit) = Paging { limit, cursor }.read()?;
    let piece = search.as_deref().unwrap_or_default().trim();
    let page =
        app.store.find_templates(archived, piece, cursor, limit).await.map_err(|error| Problem::store(&error))?;
    Ok(List::of(Page { items: page.items.into_iter().map(Shown::from).collect(), next: page.next }))
}

/// The first version of a new one.
#[utoipa::path(
    post,
    path = "/v1/templates",
    tag = "templates",
    operation_id = "templates_create",
    security(("key" = ["templates:write"])),
    request_body = Named,
    responses((status = 201, description = "It is there", body = Shown, headers(("ETag", description = "Of this state of it; `If-Match` takes it"))), Usual, Unread, Invalid, TooLarge, Conflict)
)]
pub(in crate::web) async fn create(
    State(app): State<App>,
    caller: Caller<TemplatesWrite>,
    body: Body,
) -> Result<Response, Problem> {
    let (name, definition) = body_of(body).await?;
    let name = name.ok_or_else(|| Problem::invalid("/name", "missing", format!("`name` {NAME_RULE}")))?;
    keep(&app, caller.act(&app, "template.saved", &name), name, definition, Over::Nothing).await
}

/// A new version, unless nothing is different. With `If-Match`, only if the template
/// is still as it was when it got that `ETag`.
#[utoipa::path(
    put,
    path = "/v1/templates/{name}",
    tag = "templates",
    operation_id = "templates_save",
    security(("key" = ["templates:write"])),
    params(("name" = String, Path), ("If-Match" = Option<String>, Header)),
    request_body = Definition,
    responses((status = 200, description = "As it is now", body = Shown, headers(("ETag", description = "Of this state of it; `If-Match` takes it"))), (status = 201, description = "It is new", body = Shown, headers(("ETag", description = "Of this state of it; `If-Match` takes it"))), Usual, Unread, Invalid, TooLarge, Conflict, Changed)
)]
pub(in crate::web) async fn save(
    State(app): State<App>,
    caller: Caller<TemplatesWrite>,
    Path(name): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let over = if_match(&headers).unwrap_or(Over::Anything);
    let (named, definition) = body_of(body).await?;
    if named.is_some_and(|named| named != name) {
        return Err(Problem::invalid("/name", "another", "`name` is another one than that of the address"));
    }
    keep(&app, caller.act(&app, "template.saved", &name), name, definition, over).await
}

/// It is archived. Nothing is sent by it any more; its versions can be read.
#[utoipa::path(
    delete,
    path = "/v1/templates/{name}",
    tag = "templates",
    operation_id = "templates_archive",
    security(("key" = ["templates:write"])),
    params(("name" = String, Path), ("If-Match" = Option<String>, Header)),
    responses((status = 200, description = "As it is now", body = Shown, headers(("ETag", description = "Of this state of it; `If-Match` takes it"))), Usual, Unread, NotFound, Changed)
)]
pub(in crate::web) async fn archive(
    State(app): State<App>,
    caller: Caller<TemplatesWrite>,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let expected = match if_match(&headers) {
        Some(Over::Mark(mark)) => Some(mark),
        _ => None,
    };
    let act = caller.act(&app, "template.archived", &name);
    let archived = app.store.archive_template(&name, expected, app.clock.now(), act).await;
    match archived.map_err(|error| Problem::store(&error))? {
        TemplateChange::Done { .. } => {}
        TemplateChange::Mismatch => return Err(Problem::changed_meanwhile("template")),
        TemplateChange::NotFound | TemplateChange::Exists => return Err(Problem::not_found("template")),
    }
    tracing::info!(template = name, "archived");
    Ok(shown(StatusCode::OK, find(&app, &name, None).await?))
}

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(in crate::web) struct Which {
    /// The current one, where it is not set.
    version: Option<u32>,
}

/// Its current version, or another; also of one that is archived.
#[utoipa::path(
    get,
    path = "/v1/templates/{name}",
    tag = "templates",
    operation_id = "templates_one",
    security(("key" = ["templates:read"])),
    params(("name" = String, Path), Which),
    responses((status = 200, description = "As it is now", body = Shown, headers(("ETag", description = "Of this state of it; `If-Match` takes it"))), Usual, Unread, NotFound)
)]
pub(in crate::web) async fn one(
    State(app): State<App>,
    _: Caller<TemplatesRead>,
    Path(name): Path<String>,
    Query(which): Query<Which>,
) -> Result<Response, Problem> {
    Ok(shown(StatusCode::OK, find(&app, &name, which.version).await?))
}

/// Newest first.
#[utoipa::path(
    get,
    path = "/v1/templates/{name}/versions",
    tag = "templates",
    operation_id = "templates_versions",
    security(("key" = ["templates:read"])),
    params(("name" = String, Path), Paging),
    responses((status = 200, description = "A page", body = List<Shown>), Usual, Unread, Invalid, NotFound)
)]
pub(in crate::web) async fn versions(
    State(app): State<App>,
    _: Caller<TemplatesRead>,
    Path(name): Path<String>,
    Query(paging): Query<Paging>,
) -> Result<Json<List<Shown>>, Problem> {
    let (cursor, limit) = paging.read()?;
    let page = app.store.template_versions(&name, cursor, limit).await.map_err(|error| Problem::store(&error))?;
    let page = page.ok_or_else(|| Problem::not_found("template"))?;
    Ok(List::of(Page { items: page.items.into_iter().map(Shown::from).collect(), next: page.next }))
}

/// The name in a body, if there is one, and the rest of it.
async fn body_of(body: Body) -> Result<(Option<String>, Definition), Problem> {
    let body = read_body(body, API_BODY).await?;
    let mut fields: BTreeMap<String, Value> = read(&body)?;
    fields.retain(|name, _| !READ_ONLY.contains(&name.as_str()));
    let name = match fields.remove("name") {
        None => None,
        Some(Value::String(name)) => Some(name),
        Some(_) => return Err(Problem::invalid("/name", "not-a-name", format!("`name` {NAME_RULE}"))),
    };
    Ok((name, read_value(&fields.into_iter().collect())?))
}

async fn keep(app: &App, act: Act, name: String, definition: Definition, over: Over) -> Result<Response, Problem> {
    if !is_name(&name) {
        return Err(Problem::invalid("/name", "not-a-name", format!("`{name}` can't be a name: it {NAME_RULE}")));
    }
    let definition = definition.check().map_err(|faults| Problem::faults("", &faults))?;
    let now = app.clock.now();
    let new = NewTemplate {
        id: app.ids.next(now),
        version_id: app.ids.next(now),
        name: name.clone(),
        definition: serde_json::json!(definition),
        over,
        at: now,
    };
    let created = match app.store.save_template(new, act).await.map_err(|error| Problem::store(&error))? {
        TemplateChange::Done { version, created, .. } => {
            tracing::info!(template = name, version, "saved");
            created
        }
        TemplateChange::Mismatch => return Err(Problem::changed_meanwhile("template")),
        TemplateChange::Exists | TemplateChange::NotFound => {
            let detail = format!("there is a template `{name}`, perhaps archived; PUT saves a new version of it");
            return Err(Problem::exists(detail));
        }
    };
    let known = find(app, &name, None).await?;
    let status = if created { StatusCode::CREATED } else { StatusCode::OK };
    let mut response = shown(status, known);
    if created && let Ok(location) = HeaderValue::from_str(&format!("/v1/templates/{name}")) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    Ok(response)
}

pub(super) async fn find(app: &App, name: &str, version: Option<u32>) -> Result<KnownTemplate, Problem> {
    let known = app.store.template(name, version).await.map_err(|error| Problem::store(&error))?;
    known.ok_or_else(|| Problem::not_found(if version.is_some() { "version of the template" } else { "template" }))
}

fn shown(status: StatusCode, known: KnownTemplate) -> Response {
    let tag = etag(known.mark());
    let mut response = (status, Json(Shown::from(known))).into_response();
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response
}

fn etag(Mark { version, archived }: Mark) -> String {
    if archived { format!("\"{version}-archived\"") } else { format!("\"{version}\"") }
}

/// What the caller says that is there. Several never fit.
fn if_match(headers: &HeaderMap) -> Option<Over> {
    let value = headers.get(header::IF_MATCH)?.to_str().unwrap_or_default().trim();
    if value == "*" {
        return Some(Over::Something);
    }
    let inside = value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or_default();
    let (number, archived) = match inside.strip_suffix("-archived") {
        Some(number) => (number, true),
        None => (inside, false),
    };
    // No version has the number 0: so what is no ETag of ours never fits.
    Some(Over::Mark(Mark { version: number.parse().unwrap_or(0), archived }))
}
