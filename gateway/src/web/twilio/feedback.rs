//! `POST …/Messages/{sid}/Feedback`: whether the recipient did what the message was for.
//!
//! Twilio keeps it; here it is only passed on, so there is nothing to read either.

use axum::http::Method;
use serde_json::json;

use super::answer::Answer;
use super::refusal::Refusal;
use super::{Call, change, resource};
use crate::channels::Feedback;
use crate::channels::twilio::resource::date;
use crate::channels::twilio::xml::Subject;
use crate::web::App;

pub(super) async fn give(app: &App, call: &Call, sid: &str) -> Result<Answer, Refusal> {
    if call.method != Method::POST {
        return Err(Refusal::method_not_allowed());
    }
    let word = call.form.get("Outcome").unwrap_or(Feedback::Confirmed.as_str());
    let feedback = Feedback::from_word(word).ok_or_else(|| {
        Refusal::invalid(20001, format!("The Outcome {word} is neither 'confirmed' nor 'unconfirmed'."))
    })?;
    let message = change::find(app, call, sid).await?;
    let told = app.outbound.feedback(message.id, feedback).await;
    let told = told.map_err(|error| Refusal::feedback(&error, &call.path))?;
    let now = app.clock.now();
    let account = &call.access.account;
    let kept = json!({
        "account_sid": account,
        "date_created": date(told.created_at.unwrap_or(now)),
        "date_updated": date(told.updated_at.unwrap_or(now)),
        "message_sid": resource::sid(&message),
        "outcome": feedback.as_str(),
        "uri": format!("{}/Feedback.json", resource::path(account, &message)),
    });
    Ok(Answer::ok(Subject::Feedback, kept))
}
