//! Webhooks of providers. Both addresses take both kinds: what a webhook means is read from the
//! webhook.

use axum::extract::{Path, Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::files::read_body;
use super::problem::Problem;
use super::{App, WEBHOOK_BODY};
use crate::channels::Webhook;

pub(super) async fn receive(State(app): State<App>, Path(channel): Path<String>, request: Request) -> Response {
    match answer(&app, &channel, request).await {
        Ok(response) => response,
        Err(problem) => problem.into_response(),
    }
}

async fn answer(app: &App, channel: &str, request: Request) -> Result<Response, Problem> {
    let (parts, body) = request.into_parts();
    let body = read_body(body, WEBHOOK_BODY).await?;
    // The provider signed the public URL; the raw request target is part of it.
    let target = parts.uri.path_and_query().map_or("/", |target| target.as_str());
    let webhook =
        Webhook { method: parts.method, url: format!("{}{target}", app.public_url), headers: parts.headers, body };
    let answer = app.inbound.receive(channel, webhook).await.map_err(|error| Problem::webhook(channel, &error))?;
    Ok((StatusCode::OK, [(header::CONTENT_TYPE, answer.content_type.into_owned())], answer.body).into_response())
}
