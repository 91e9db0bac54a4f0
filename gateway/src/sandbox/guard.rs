//! Who may use the page's own routes. They have no password, so a browser must not be talked into using
//! them for another site: neither by a request from a foreign page, nor by a name that is made to point
//! at this machine.

use std::net::IpAddr;

use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::page::Trouble;

pub(super) async fn same_site(request: Request, next: Next) -> Response {
    if is_same_site(request.headers()) {
        next.run(request).await
    } else {
        Trouble::new(StatusCode::FORBIDDEN, "the phones are used from this machine's own page").into_response()
    }
}

fn is_same_site(headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let Some(host) = text(header::HOST) else { return false };
    let same_origin = match text(header::ORIGIN) {
        None => true,
        Some(origin) => origin.split_once("://").is_some_and(|(_, from)| from == host),
    };
    same_origin && is_own_name(host)
}

/// An address in figures, or a name that only ever means this machine.
fn is_own_name(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    };
    let name = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
    name == "localhost" || name.ends_with(".localhost") || name.parse::<IpAddr>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machines_own_page_is_let_in() {
        let cases = [
            ("127.0.0.1:4567", None, true),
            ("127.0.0.1:4567", Some("http://127.0.0.1:4567"), true),
            ("localhost:4567", Some("http://localhost:4567"), true),
            ("[::1]:4567", Some("http://[::1]:4567"), true),
            ("192.168.1.7", None, true),
            ("127.0.0.1:4567", Some("http://127.0.0.1:8080"), false),
            ("127.0.0.1:4567", Some("https://evil.example"), false),
            ("127.0.0.1:4567", Some("null"), false),
            ("evil.example:4567", Some("http://evil.example:4567"), false),
            ("evil.example", None, false),
        ];
        for (host, origin, expected) in cases {
            let mut headers = HeaderMap::from_iter([(header::HOST, host.parse().unwrap())]);
            headers.extend(origin.map(|origin| (header::ORIGIN, origin.parse().unwrap())));
            assert_eq!(is_same_site(&headers), expected, "{host} {origin:?}");
        }
        assert!(!is_same_site(&HeaderMap::new()));
    }
}
