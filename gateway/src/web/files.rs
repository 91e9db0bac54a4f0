//! Serving files so that no browser takes one for a page or runs it, and the public links to them.

use axum::body::{Body, to_bytes};
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures::TryStreamExt;

use super::App;
use super::problem::Problem;
use crate::media::{Files, kind};
use crate::store::StoredFile;

/// `GET /media/{token}/{name}`: for whoever was given the link. What is wrong with another is not
/// told.
pub(super) async fn linked(
    State(app): State<App>,
    path: Result<Path<(String, String)>, PathRejection>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let missing = || Problem::not_found("file");
    let Path((token, name)) = path.map_err(|_| missing())?;
    let found = app.uploads.linked(&token, &name).await.map_err(|error| Problem::store(&error))?;
    serve(app.uploads.files(), &found.ok_or_else(missing)?, &headers).await
}

/// A file, the part of it that was asked for, or that it has not changed.
pub(super) async fn serve(files: &Files, file: &StoredFile, asked: &HeaderMap) -> Result<Response, Problem> {
    let etag = format!("\"{}\"", file.digest);
    if matches(asked, header::IF_NONE_MATCH, &etag) {
        return Ok((StatusCode::NOT_MODIFIED, [(header::ETAG, etag)]).into_response());
    }
    let wanted = match range(asked, &etag, file.bytes) {
        Wanted::All => None,
        Wanted::Part(start, end) => Some((start, end)),
        Wanted::Nothing => {
            let told = [(header::CONTENT_RANGE, format!("bytes */{}", file.bytes))];
            return Ok((StatusCode::RANGE_NOT_SATISFIABLE, told).into_response());
        }
    };
    let (start, end) = wanted.unwrap_or((0, file.bytes));
    let pieces = files.pieces(&file.digest, start, end - start).await;
    let pieces = pieces.map_err(|error| Problem::unreadable_file(&error))?;
    // By then it is said that all is well, and the connection breaks off.
    let pieces = pieces.inspect_err(|error| tracing::error!(%error, "a file can't be read to its end"));
    let length = [(header::CONTENT_LENGTH, (end - start).to_string())];
    let mut response = (describe(file, etag), length, Body::from_stream(pieces)).into_response();
    if wanted.is_some() {
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
        if let Ok(told) = HeaderValue::from_str(&format!("bytes {start}-{}/{}", end - 1, file.bytes)) {
            response.headers_mut().insert(header::CONTENT_RANGE, told);
        }
    }
    Ok(response)
}

fn describe(file: &StoredFile, etag: String) -> [(header::HeaderName, String); 7] {
    let place = if kind::is_shown(&file.content_type) { "inline" } else { "attachment" };
    let disposition = format!("{place}; filename=\"{}\"", kind::file_name(&file.content_type));
    [
        (header::CONTENT_TYPE, kind::served(&file.content_type).to_owned()),
        (header::CONTENT_DISPOSITION, disposition),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; sandbox".to_owned()),
        (header::CACHE_CONTROL, "private, max-age=86400".to_owned()),
        (header::ACCEPT_RANGES, "bytes".to_owned()),
        (header::ETAG, etag),
    ]
}

fn matches(asked: &HeaderMap, name: header::HeaderName, etag: &str) -> bool {
    let lists = asked.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    lists.flat_map(|list| list.split(',')).map(str::trim).any(|one| one == "*" || one.trim_start_matches("W/") == etag)
}

/// How much of a file is asked for.
#[derive(Debug, PartialEq, Eq)]
enum Wanted {
    All,
    /// From the first to before the second.
    Part(u64, u64),
    /// Only what lies behind its end.
    Nothing,
}

/// One range is served as asked for; for several, and for what is no range, everything is.
fn range(asked: &HeaderMap, etag: &str, bytes: u64) -> Wanted {
    let of_this = !asked.contains_key(header::IF_RANGE) || asked.get(header::IF_RANGE).is_some_and(|one| one == etag);
    let value = asked.get(header::RANGE).and_then(|value| value.to_str().ok()?.strip_prefix("bytes="));
    let Some((first, last)) = value.filter(|_| of_this).and_then(|value| value.split_once('-')) else {
        return Wanted::All;
    };
    let number = |text: &str| text.trim().parse::<u64>().ok();
    match (first.trim(), last.trim()) {
        ("", count) => match number(count) {
            Some(0) => Wanted::Nothing,
            Some(count) => Wanted::Part(bytes.saturating_sub(count), bytes),
            None => Wanted::All,
        },
        (first, last) => match (number(first), number(last)) {
            (Some(first), _) if first >= bytes => Wanted::Nothing,
            (Some(first), Some(last)) if first <= last => Wanted::Part(first, bytes.min(last.saturating_add(1))),
            (Some(first), None) if last.is_empty() => Wanted::Part(first, bytes),
            _ => Wanted::All,
        },
    }
}

/// A whole body, if it is no longer than `limit`.
pub(super) async fn read_body(body: Body, limit: usize) -> Result<Bytes, Problem> {
    to_bytes(body, limit).await.map_err(|error| {
        let source = std::error::Error::source(&error);
        if source.is_some_and(<dyn std::error::Error>::is::<http_body_util::LengthLimitError>) {
            Problem::too_large(limit)
        } else {
            Problem::unreadable("the body broke off")
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_what_lies_in_the_file() {
        let cases = [
            ("bytes=0-3", Wanted::Part(0, 4)),
            ("bytes=2-", Wanted::Part(2, 10)),
            ("bytes=-3", Wanted::Part(7, 10)),
            ("bytes=-30", Wanted::Part(0, 10)),
            ("bytes=8-99", Wanted::Part(8, 10)),
            ("bytes=0-18446744073709551615", Wanted::Part(0, 10)),
            ("bytes=10-", Wanted::Nothing),
            ("bytes=-0", Wanted::Nothing),
            ("bytes=3-2", Wanted::All),
            ("bytes=0-1,4-5", Wanted::All),
            ("bytes=a-b", Wanted::All),
            ("bytes=-", Wanted::All),
            ("lines=0-3", Wanted::All),
        ];
        for (value, expected) in cases {
            let mut asked = HeaderMap::from_iter([(header::RANGE, value.parse().unwrap())]);
            assert_eq!(range(&asked, "\"a\"", 10), expected, "{value}");
            asked.insert(header::IF_RANGE, "\"b\"".parse().unwrap());
            assert_eq!(range(&asked, "\"a\"", 10), Wanted::All, "{value} of another file");
        }
    }
}
