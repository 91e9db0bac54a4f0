//! The media of a message: a list of at most ten, and where each is.

use axum::http::{Method, StatusCode, header};
use axum::response::IntoResponse;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::answer::{Answer, Format};
use super::refusal::Refusal;
use super::{Call, change, resource};
use crate::channels::twilio::resource::date;
use crate::channels::twilio::xml::Subject;
use crate::media::kind;
use crate::store::{MediaState, Message, StoredFile};
use crate::web::App;
use crate::web::files::serve;

/// `GET …/Messages/{sid}/Media`
pub(super) async fn list(app: &App, call: &Call, sid: &str) -> Result<Answer, Refusal> {
    only_reading(call)?;
    let message = change::find(app, call, sid).await?;
    let items: Vec<Value> =
        (0..message.media.len()).filter_map(|position| item(&call.access.account, &message, position)).collect();
    // All that a message may have fits on one page.
    let page = format!("{}?PageSize=50&Page=0", call.path);
    let list = json!({
        "end": items.len().saturating_sub(1),
        "first_page_uri": page,
        "media_list": items,
        "next_page_uri": null,
        "page": 0,
        "page_size": 50,
        "previous_page_uri": null,
        "start": 0,
        "uri": page,
    });
    Ok(Answer::ok(Subject::MediaList, list))
}

/// `GET …/Messages/{sid}/Media/{media}.json`; without `.json` the file, or the way to it.
pub(super) async fn one(app: &App, call: &Call, sid: &str, wanted: &str) -> Result<Answer, Refusal> {
    only_reading(call)?;
    let message = change::find(app, call, sid).await?;
    let position = (0..message.media.len()).find(|position| media_sid(&message, *position) == wanted);
    let found = position.and_then(|position| Some((position, message.media.get(position)?)));
    let missing = || Refusal::not_found(&call.path);
    let (position, medium) = found.ok_or_else(missing)?;
    if call.format == Format::Json {
        let item = item(&call.access.account, &message, position).ok_or_else(missing)?;
        return Ok(Answer::ok(Subject::Media, item));
    }
    let (MediaState::Stored, Some(digest), Some(bytes)) = (medium.state, &medium.digest, medium.bytes) else {
        let elsewhere = [(header::LOCATION, medium.url.as_str())];
        return Ok(Answer::Ready((StatusCode::TEMPORARY_REDIRECT, elsewhere).into_response()));
    };
    let content_type = medium.content_type.clone().unwrap_or_else(|| kind::UNKNOWN.to_owned());
    let file = StoredFile { digest: digest.clone(), bytes, content_type };
    serve(app.uploads.files(), &file, &call.headers).await.map(Answer::Ready).map_err(|_| missing())
}

fn only_reading(call: &Call) -> Result<(), Refusal> {
    match call.method {
        Method::GET | Method::HEAD => Ok(()),
        _ => Err(Refusal::method_not_allowed()),
    }
}

/// Media have no id of their own here; theirs follows from the message's and the place in it.
fn media_sid(message: &Message, position: usize) -> String {
    let mut digits = hex::encode(Sha256::digest(format!("{} {position}", message.id)));
    digits.truncate(32);
    format!("ME{digits}")
}

fn item(account: &str, message: &Message, position: usize) -> Option<Value> {
    let media = message.media.get(position)?;
    let sid = media_sid(message, position);
    Some(json!({
        "account_sid": account,
        "content_type": media.content_type.as_deref().unwrap_or(kind::UNKNOWN),
        "date_created": date(message.created_at),
        "date_updated": date(message.updated_at),
        "parent_sid": resource::sid(message),
        "sid": sid,
        "uri": format!("{}/Media/{sid}.json", resource::path(account, message)),
    }))
}
