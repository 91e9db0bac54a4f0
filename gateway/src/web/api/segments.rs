//! `/v1/segments`

use axum::Json;
use axum::body::Body;
use serde::{Deserialize, Serialize};

use super::read;
use crate::message::segments::{self, Segments};
use crate::web::API_BODY;
use crate::web::auth::{Caller, MessagesWrite};
use crate::web::files::read_body;
use crate::web::openapi::{Invalid, TooLarge, Unread, Usual};
use crate::web::problem::Problem;

/// A text to count.
#[derive(Deserialize, utoipa::ToSchema)]
#[schema(as = SegmentsRequest)]
#[serde(deny_unknown_fields)]
struct Asked {
    text: String,
    /// Count it as Twilio's smart encoding sends it, as with the option of that name.
    #[serde(default)]
    smart_encoded: bool,
}

/// What it comes to.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = CountedSegments)]
pub(in crate::web) struct Counted {
    /// The text that was counted.
    text: String,
    #[serde(flatten)]
    segments: Segments,
}

/// How many segments a text takes, and which of its characters make it cost more. Nothing is sent or kept.
#[utoipa::path(
    post,
    path = "/v1/segments",
    tag = "messages",
    operation_id = "segments_count",
    security(("key" = ["messages:write"])),
    request_body = Asked,
    responses((status = 200, description = "What it comes to", body = Counted), Usual, Unread, Invalid, TooLarge)
)]
pub(in crate::web) async fn count(_: Caller<MessagesWrite>, body: Body) -> Result<Json<Counted>, Problem> {
    let Asked { text, smart_encoded } = read(&read_body(body, API_BODY).await?)?;
    let text = if smart_encoded { segments::smart(&text) } else { text };
    Ok(Json(Counted { segments: segments::count(&text), text }))
}
