//! What may still be done with a message: redact, cancel, delete, say what became of it.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{StatusCode, Uri};
use serde_json::{Value, json};

use super::account::Account;
use super::create::value;
use super::errors::Refusal;
use super::message::{API_VERSION, Feedback, Message, Status, rfc2822};
use super::reports;

/// `POST …/Messages/{sid}.json`.
pub(super) async fn update(
    State(account): State<Arc<Account>>,
    uri: Uri,
    Path((_, file)): Path<(String, String)>,
    body: Bytes,
) -> Result<Json<Value>, Refusal> {
    let sid = sid(&file);
    let form: Vec<_> = form_urlencoded::parse(&body).into_owned().collect();
    let redacts = form.iter().any(|(name, body)| name == "Body" && body.is_empty());
    let rewrites = value(&form, "Body").is_some();
    let change: fn(&mut Message) -> Result<(), Refusal> = match (redacts, value(&form, "Status")) {
        (true, None) => redact,
        (false, Some("canceled")) if !rewrites => cancel,
        _ => return Err(Refusal::invalid(30400, "Parameters are not valid: either an empty Body, or Status=canceled")),
    };
    let now = account.now();
    let changed = account.ledger.try_change(sid, |message| {
        change(message)?;
        message.updated = now;
        Ok(())
    });
    let message = changed.ok_or_else(|| Refusal::not_found(uri.path()))??;
    if !redacts {
        reports::announce(&account, Arc::clone(&message));
    }
    Ok(Json(message.resource(&account.sid)))
}

#[expect(clippy::unnecessary_wraps, reason = "it stands beside `cancel`")]
fn redact(message: &mut Message) -> Result<(), Refusal> {
    message.body.clear();
    message.asked = None;
    Ok(())
}

fn cancel(message: &mut Message) -> Result<(), Refusal> {
    if !matches!(message.status, Status::Scheduled | Status::Accepted) {
        return Err(Refusal::invalid(30409, "This message cannot be canceled"));
    }
    message.status = Status::Canceled;
    Ok(())
}

/// `DELETE …/Messages/{sid}.json`.
pub(super) async fn delete(
    State(account): State<Arc<Account>>,
    uri: Uri,
    Path((_, file)): Path<(String, String)>,
) -> Result<StatusCode, Refusal> {
    let message = account.ledger.get(sid(&file)).ok_or_else(|| Refusal::not_found(uri.path()))?;
    if !message.status.is_final() {
        return Err(Refusal::incomplete());
    }
    account.ledger.delete(&message.sid);
    Ok(StatusCode::NO_CONTENT)
}

/// `DELETE …/Messages/{sid}/Media/{media}.json`.
pub(super) async fn delete_media(
    State(account): State<Arc<Account>>,
    uri: Uri,
    Path((_, message, file)): Path<(String, String, String)>,
) -> Result<StatusCode, Refusal> {
    let missing = || Refusal::not_found(uri.path());
    let media = sid(&file);
    let removed = account.ledger.try_change(&message, |message| {
        let before = message.media.len();
        message.media.retain(|other| other.sid != media);
        if message.media.len() == before { Err(missing()) } else { Ok(()) }
    });
    removed.ok_or_else(missing)??;
    account.ledger.release(media);
    Ok(StatusCode::NO_CONTENT)
}

/// `POST …/Messages/{sid}/Feedback.json`.
pub(super) async fn feedback(
    State(account): State<Arc<Account>>,
    uri: Uri,
    Path((_, sid)): Path<(String, String)>,
    body: Bytes,
) -> Result<Json<Value>, Refusal> {
    let form: Vec<_> = form_urlencoded::parse(&body).into_owned().collect();
    let outcome = value(&form, "Outcome").unwrap_or("confirmed").to_owned();
    if !matches!(outcome.as_str(), "confirmed" | "unconfirmed") {
        return Err(Refusal::unreadable("Outcome", &outcome));
    }
    let now = account.now();
    let changed = account.ledger.change(&sid, |message| {
        let created = message.feedback.as_ref().map_or(now, |feedback| feedback.created);
        message.feedback = Some(Feedback { outcome: outcome.clone(), created, updated: now });
    });
    let message = changed.ok_or_else(|| Refusal::not_found(uri.path()))?;
    let created = message.feedback.as_ref().map_or(now, |feedback| feedback.created);
    let resource = json!({
        "account_sid": account.sid,
        "date_created": rfc2822(created),
        "date_updated": rfc2822(now),
        "message_sid": sid,
        "outcome": outcome,
        "uri": format!("/{API_VERSION}/Accounts/{}/Messages/{sid}/Feedback.json", account.sid),
    });
    Ok(Json(resource))
}

/// The id at the end of a path.
pub(super) fn sid(file: &str) -> &str {
    file.strip_suffix(".json").unwrap_or(file)
}
