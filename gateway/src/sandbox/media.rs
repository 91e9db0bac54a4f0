//! Pictures, sounds and documents: those that phones send are kept here and served twice, to the page and
//! to the application; the latter as Twilio does, who is asked with a password and leads on to a place
//! without one (`files`).
//!
//! What the application sends stays where it is: nothing is fetched, so nothing leaves this machine.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse, Redirect, Response};
use serde_json::{Value, json};
use url::Url;

use super::account::Account;
use super::dates;
use super::errors::Refusal;
use super::files;
use super::ledger::Held;
use super::listing::{Entry, Listing};
use super::message::{API_VERSION, Media, Message, rfc2822};

/// The most bytes of one file.
pub(super) const MAX_FILE: usize = 5 * 1024 * 1024;

/// What carriers take, apart from sounds and films.
const ACCEPTED: [&str; 14] = [
    "image/jpeg",
    "image/jpg",
    "image/gif",
    "image/png",
    "image/webp",
    "image/heic",
    "image/heif",
    "image/tiff",
    "image/bmp",
    "text/vcard",
    "text/x-vcard",
    "text/csv",
    "text/calendar",
    "application/pdf",
];

/// The MIME type of a file that phones may send, without parameters.
pub(super) fn accepted(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    let kind = value.split(';').next()?.trim().to_ascii_lowercase();
    let token = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'+' | b'-');
    let family = kind.strip_prefix("audio/").or_else(|| kind.strip_prefix("video/"));
    let playable = family.is_some_and(|name| !name.is_empty() && name.len() < 64 && name.bytes().all(token));
    (playable || ACCEPTED.contains(&kind.as_str())).then_some(kind)
}

/// The media that a URL or an id stands for: one that is kept here, or one elsewhere.
pub(super) fn attach(account: &Account, url: &str) -> Media {
    let sid = url.strip_prefix(account.url.as_str()).and_then(|path| path.rsplit('/').next()).unwrap_or(url);
    match account.ledger.held(sid) {
        Some(held) => Media { sid: sid.to_owned(), content_type: held.content_type, source: None },
        None => Media { sid: account.new_sid("ME"), content_type: guess(url).to_owned(), source: Some(url.to_owned()) },
    }
}

/// A file together with the message that it belongs to.
struct Attached<'a> {
    message: &'a Message,
    media: &'a Media,
}

impl Entry for Attached<'_> {
    const KEY: &'static str = "media_list";
    const FILTERS: &'static [&'static str] = &["DateCreated", "DateCreated<", "DateCreated>"];

    fn sid(&self) -> &str {
        &self.media.sid
    }

    fn meets(&self, filter: &str, value: &str) -> bool {
        dates::meets(filter, value, self.message.created)
    }
}

/// `GET …/Messages/{sid}/Media.json`.
pub(super) async fn list(
    State(account): State<Arc<Account>>,
    uri: Uri,
    Path((_, sid)): Path<(String, String)>,
    RawQuery(query): RawQuery,
) -> Result<Json<Value>, Refusal> {
    let message = account.ledger.get(&sid).ok_or_else(|| Refusal::not_found(uri.path()))?;
    let attached: Vec<_> = message.media.iter().map(|media| Attached { message: &message, media }).collect();
    let resource = |one: &Attached<'_>| resource(&account, one.message, one.media);
    Listing::read(query.as_deref())?.page(&attached, uri.path(), resource).map(Json)
}

/// `GET …/Messages/{sid}/Media/{media}.json`, and without `.json` the way to the file itself.
pub(super) async fn one(
    State(account): State<Arc<Account>>,
    uri: Uri,
    Path((_, sid, file)): Path<(String, String, String)>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let missing = || Refusal::not_found(uri.path());
    let message = account.ledger.get(&sid).ok_or_else(missing)?;
    let (wanted, described) = file.strip_suffix(".json").map_or((file.as_str(), false), |sid| (sid, true));
    let media = message.media.iter().find(|media| media.sid == wanted).ok_or_else(missing)?;
    if described {
        return Ok(Json(resource(&account, &message, media)).into_response());
    }
    let place = media.source.clone().unwrap_or_else(|| files::address(&account, wanted, &headers));
    Ok(Redirect::temporary(&place).into_response())
}

/// A kept file, so that no browser takes it for a page or a script.
pub(super) fn serve(held: &Held) -> Response {
    let (family, _) = held.content_type.split_once('/').unwrap_or_default();
    let disposition = if matches!(family, "image" | "audio" | "video") { "inline" } else { "attachment" };
    let headers = [
        (header::CONTENT_TYPE, held.content_type.as_str()),
        (header::CONTENT_DISPOSITION, disposition),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; sandbox"),
        (header::CACHE_CONTROL, "private, max-age=31536000, immutable"),
    ];
    (StatusCode::OK, headers, Bytes::clone(&held.data)).into_response()
}

fn resource(account: &Account, message: &Message, media: &Media) -> Value {
    let (sid, parent) = (&media.sid, &message.sid);
    json!({
        "account_sid": account.sid,
        "content_type": media.content_type,
        "date_created": rfc2822(message.created),
        "date_updated": rfc2822(message.updated),
        "parent_sid": parent,
        "sid": sid,
        "uri": format!("/{API_VERSION}/Accounts/{}/Messages/{parent}/Media/{sid}.json", account.sid),
    })
}

/// The type that a URL's ending suggests.
fn guess(url: &str) -> &'static str {
    let path = Url::parse(url).map(|url| url.path().to_ascii_lowercase()).unwrap_or_default();
    match path.rsplit_once('.').map_or("", |(_, ending)| ending) {
        "png" => "image/png",
        "gif" => "image/gif",
        "webp" => "image/webp",
        "mp4" => "video/mp4",
        "mp3" => "audio/mpeg",
        "ogg" => "audio/ogg",
        "pdf" => "application/pdf",
        "vcf" => "text/vcard",
        _ => "image/jpeg",
    }
}
