//! What would be sent of a template, before anything is.

use std::collections::BTreeMap;

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::messages::negotiate;
use super::read;
use super::templates::find;
use crate::message::segments::{self, Segments};
use crate::message::{ContentTemplate, Locale, phone};
use crate::store;
use crate::templates::{Definition, Kept};
use crate::web::auth::{Caller, TemplatesRead};
use crate::web::files::read_body;
use crate::web::openapi::{Invalid, NotFound, TooLarge, Unread, Usual};
use crate::web::problem::Problem;
use crate::web::{API_BODY, App};

/// What a preview is of. What is not given is as in the examples.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[schema(as = TemplatePreviewRequest)]
#[serde(deny_unknown_fields)]
struct Preview {
    version: Option<u32>,
    locale: Option<String>,
    #[serde(default)]
    variables: BTreeMap<String, Value>,
    /// To whom it might go: a number in any usual form.
    to: Option<String>,
}

/// What would be sent.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = TemplatePreview)]
pub(in crate::web) struct Previewed {
    name: String,
    version: u32,
    /// Whose body it is.
    locale: String,
    text: String,
    /// By channel: the provider's own template that goes instead of the text.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    content: BTreeMap<String, ContentTemplate>,
    /// Of the text as it stands here.
    segments: Segments,
    cost: Cost,
}

/// What the price of a message depends on, as far as it can be told.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = CostClass)]
pub(in crate::web) struct Cost {
    segments: usize,
    /// An ISO 3166 code; null where no recipient was given.
    country: Option<String>,
    kind: Option<phone::Kind>,
    /// What this is, in plain words.
    pub(in crate::web) means: String,
}

impl Cost {
    pub(in crate::web) fn of(segments: usize, to: Option<phone::Inspection>, locale: Locale) -> Self {
        let (country, kind) = to.map_or((None, None), |to| (to.country, Some(to.kind)));
        let times = match (locale, segments) {
            (Locale::Es, 1) => "un segmento".to_owned(),
            (Locale::Es, segments) => format!("{segments} segmentos"),
            (Locale::En, 1) => "one segment".to_owned(),
            (Locale::En, segments) => format!("{segments} segments"),
        };
        let means = match (locale, &country) {
            (Locale::Es, Some(country)) => format!(
                "se cobra {times} a la tarifa del proveedor para este tipo de número en {country}; Recado no conoce precios"
            ),
            (Locale::Es, None) => {
                format!("se cobra {times} a la tarifa del proveedor para el destino; indica `to` para saber cuál es")
            }
            (Locale::En, Some(country)) => format!(
                "billed as {times} at the provider's rate for this kind of number in {country}; Recado knows no prices"
            ),
            (Locale::En, None) => {
                format!("billed as {times} at the provider's rate for the destination; give `to` to see which that is")
            }
        };
        Self { segments, country, kind, means }
    }
}

/// What would be sent, and what that costs.
#[utoipa::path(
    post,
    path = "/v1/templates/{name}/preview",
    tag = "templates",
    operation_id = "templates_preview",
    security(("key" = ["templates:read"])),
    params(("name" = String, Path)),
    request_body = Preview,
    responses((status = 200, description = "What would be sent", body = Previewed), Usual, Unread, Invalid, TooLarge, NotFound)
)]
pub(in crate::web) async fn preview(
    State(app): State<App>,
    _: Caller<TemplatesRead>,
    Path(name): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Previewed>, Problem> {
    let body = read_body(body, API_BODY).await?;
    let wanted: Preview = read(&body)?;
    let known = find(&app, &name, wanted.version).await?;
    let definition: Definition = serde_json::from_value(known.definition)
        .map_err(|error| Problem::store(&store::Error::Refused(format!("a template can't be read: {error}"))))?;
    let locale = wanted.locale.as_deref().unwrap_or(&app.place_locale);
    let rendered = definition.render(Some(locale), &wanted.variables, Kept::Examples);
    let rendered = rendered.map_err(|faults| Problem::faults("", &faults))?;
    let speaks = negotiate(&headers, app.locale);
    let to = wanted.to.map(|to| phone::inspect(&to, &app.region));
    if let Some(refusal) = to.as_ref().and_then(phone::Inspection::refusal) {
        return Err(Problem::invalid("/to", refusal.code(), refusal.reason(speaks)));
    }
    let segments = segments::count(&rendered.text);
    Ok(Json(Previewed {
        name: known.name,
        version: known.version,
        locale: rendered.locale,
        cost: Cost::of(segments.segments, to, speaks),
        text: rendered.text,
        content: rendered.content,
        segments,
    }))
}
