//! From what a plugin asks for to the request that goes out. Pure.
//!
//! Errors are for the plugin and the trace: they name headers and secrets, never their values.

use bytes::Bytes;
use http::header::{HeaderName, HeaderValue};
use http::{HeaderMap, Method};
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use crate::plugins::{FetchFailure, FetchRequest};

const MAX_URL: usize = 8 * 1024;
const MAX_HEADERS: usize = 64;
/// Of all headers together, in bytes.
const MAX_HEADER_BYTES: usize = 16 * 1024;
const METHODS: [Method; 7] =
    [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::OPTIONS];
/// What is between the connection's two ends, and what the host decides: whom it speaks to, how
/// long the body is, and which encodings it reads.
const REFUSED: [&str; 13] = [
    "accept-encoding",
    "connection",
    "content-length",
    "expect",
    "host",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "http2-settings",
];
const BEFORE_SECRET: &str = "{{secret:";
const AFTER_SECRET: &str = "}}";

/// The address, without what is for the reader of a page alone.
pub(super) fn url(text: &str) -> Result<Url, FetchFailure> {
    let refused = |problem: &str| Err(FetchFailure::NotAllowed(format!("the URL {problem}")));
    if text.len() > MAX_URL {
        return refused(&format!("is longer than {MAX_URL} bytes"));
    }
    let Ok(mut url) = Url::parse(text) else { return refused("is none") };
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return refused("is neither http nor https");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return refused("has a user or a password in it; a header with {{secret:NAME}} does that");
    }
    url.set_fragment(None);
    Ok(url)
}

/// What goes over the wire. `secret` gives a secret by its name, or says why not.
pub(super) fn build<'a>(
    asked: &FetchRequest,
    url: &Url,
    secret: impl Fn(&str) -> Result<&'a SecretString, FetchFailure>,
) -> Result<http::Request<Bytes>, FetchFailure> {
    let refused = |problem: String| FetchFailure::NotAllowed(problem);
    let method =
        METHODS.into_iter().find(|method| method.as_str().eq_ignore_ascii_case(&asked.method)).ok_or_else(|| {
            refused(format!("the method is none of {}", METHODS.map(|method| method.to_string()).join(", ")))
        })?;
    let headers = headers(&asked.headers, secret)?;
    let body = asked.body.as_deref().map(|body| Bytes::copy_from_slice(body.as_bytes())).unwrap_or_default();
    let mut request = http::Request::new(body);
    *request.method_mut() = method;
    *request.uri_mut() = url.as_str().parse().map_err(|_| refused("the URL is none".to_owned()))?;
    *request.headers_mut() = headers;
    Ok(request)
}

fn headers<'a>(
    asked: &[(String, String)],
    secret: impl Fn(&str) -> Result<&'a SecretString, FetchFailure>,
) -> Result<HeaderMap, FetchFailure> {
    let refused = |problem: String| Err(FetchFailure::NotAllowed(problem));
    let bytes: usize = asked.iter().map(|(name, value)| name.len() + value.len()).sum();
    if asked.len() > MAX_HEADERS || bytes > MAX_HEADER_BYTES {
        return refused(format!("{MAX_HEADERS} headers of {MAX_HEADER_BYTES} bytes together are the most"));
    }
    let mut headers = HeaderMap::with_capacity(asked.len());
    for (name, value) in asked {
        let Ok(name) = HeaderName::from_bytes(name.as_bytes()) else {
            return refused(format!("the header {} has characters that none has in its name", headers.len() + 1));
        };
        if REFUSED.contains(&name.as_str()) {
            return refused(format!("the header {name} is for the gateway to set"));
        }
        let filled = fill(value, &secret)?;
        let Ok(mut value) = HeaderValue::from_bytes(filled.as_bytes()) else {
            return refused(format!("the header {name} has a line break or another control character in it"));
        };
        value.set_sensitive(true);
        headers.append(name, value);
    }
    Ok(headers)
}

/// Puts secrets in where they are named.
fn fill<'a>(
    value: &str,
    secret: impl Fn(&str) -> Result<&'a SecretString, FetchFailure>,
) -> Result<String, FetchFailure> {
    let mut filled = String::with_capacity(value.len());
    let mut rest = value;
    while let Some((before, after)) = rest.split_once(BEFORE_SECRET) {
        let Some((name, after)) = after.split_once(AFTER_SECRET) else { break };
        filled.push_str(before);
        filled.push_str(secret(name)?.expose_secret());
        rest = after;
    }
    filled.push_str(rest);
    Ok(filled)
}

/// Takes secrets out of a text that came back: who repeats them does not get them to the plugin.
pub(super) fn hide(text: String, secrets: &[(String, SecretString)]) -> String {
    secrets.iter().fold(text, |text, (name, secret)| {
        let secret = secret.expose_secret();
        if text.contains(secret) { text.replace(secret, &format!("{BEFORE_SECRET}{name}{AFTER_SECRET}")) } else { text }
    })
}
