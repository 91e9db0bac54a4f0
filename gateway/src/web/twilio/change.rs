//! One message: what it is, and what may still be done with it.

use axum::http::{Method, StatusCode};
use axum::response::IntoResponse;

use super::answer::Answer;
use super::refusal::Refusal;
use super::{Call, resource};
use crate::channels::twilio::resource::message_id;
use crate::channels::twilio::xml::Subject;
use crate::outbound::CancelError;
use crate::store::{Message, Redaction};
use crate::web::App;

/// `…/Messages/{sid}`
pub(super) async fn one(app: &App, call: &Call, sid: &str) -> Result<Answer, Refusal> {
    let message = find(app, call, sid).await?;
    match call.method {
        Method::GET | Method::HEAD => Ok(shown(app, call, &message)),
        Method::POST => update(app, call, sid, &message).await,
        Method::DELETE => delete(app, call, &message).await,
        _ => Err(Refusal::method_not_allowed()),
    }
}

pub(super) async fn find(app: &App, call: &Call, sid: &str) -> Result<Message, Refusal> {
    let missing = || Refusal::not_found(&call.path);
    let id = message_id(sid).ok_or_else(missing)?;
    let found = app.store.listed(id, &call.access.channels).await.map_err(|error| Refusal::store(&error))?;
    found.ok_or_else(missing)
}

fn shown(app: &App, call: &Call, message: &Message) -> Answer {
    let now = app.clock.now();
    Answer::ok(Subject::Message, resource::message(&call.access.account, message, now))
}

/// Either takes it back or removes its text.
async fn update(app: &App, call: &Call, sid: &str, message: &Message) -> Result<Answer, Refusal> {
    let redacts = call.form.is_empty("Body") && call.form.get("Body").is_none();
    match (redacts, call.form.get("Status")) {
        (true, None) => match app.store.redact(message.id, app.clock.now()).await {
            Ok(Redaction::Done) => {}
            Ok(Redaction::UnderWay) => return Err(Refusal::under_way("update")),
            Ok(Redaction::NotFound) => return Err(Refusal::not_found(&call.path)),
            Err(error) => return Err(Refusal::store(&error)),
        },
        (false, Some("canceled")) if call.form.get("Body").is_none() => {
            app.outbound.cancel(message.id).await.map_err(|error| not_canceled(&error))?;
        }
        _ => return Err(Refusal::invalid(30400, "Parameters are not valid: an empty Body, or Status=canceled")),
    }
    let message = find(app, call, sid).await?;
    Ok(shown(app, call, &message))
}

/// What came in is not found by the way out, and can't be taken back either.
fn not_canceled(error: &CancelError) -> Refusal {
    match error {
        CancelError::Store(error) => Refusal::store(error),
        CancelError::NotFound | CancelError::TooLate => Refusal::invalid(30409, "This message cannot be canceled"),
        CancelError::Provider(_) => Refusal::invalid(30409, format!("This message cannot be canceled: {error}")),
    }
}

async fn delete(app: &App, call: &Call, message: &Message) -> Result<Answer, Refusal> {
    match app.store.delete(message.id, app.clock.now()).await {
        Ok(Redaction::Done) => Ok(Answer::Ready(StatusCode::NO_CONTENT.into_response())),
        Ok(Redaction::UnderWay) => Err(Refusal::under_way("delete")),
        Ok(Redaction::NotFound) => Err(Refusal::not_found(&call.path)),
        Err(error) => Err(Refusal::store(&error)),
    }
}
