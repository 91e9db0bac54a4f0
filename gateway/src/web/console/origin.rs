//! What changes something must have been sent by a page of ours: browsers say where a request comes from.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::trouble::Trouble;
use crate::web::App;

/// Lets nothing through that another site had a browser send.
pub(super) async fn same_site(State(app): State<App>, request: Request, next: Next) -> Response {
    let harmless = matches!(*request.method(), Method::GET | Method::HEAD);
    if harmless || is_ours(request.headers(), &app.console.0.origin) {
        return next.run(request).await;
    }
    Trouble::Forged.into_response()
}

/// One of the two headers must say so, and none the contrary. A browser sends both with every form.
fn is_ours(headers: &HeaderMap, origin: &str) -> bool {
    let all = |name: header::HeaderName| headers.get_all(name).into_iter().map(|value| value.to_str().unwrap_or(""));
    let host = all(header::HOST).next().filter(|host| !host.is_empty());
    let from_here = |from: &str| {
        let at_host = host.is_some_and(|host| from.split_once("://").is_some_and(|(_, at)| at == host));
        from == origin || at_host
    };
    let site = all(header::HeaderName::from_static("sec-fetch-site")).map(|site| site == "same-origin");
    let said: Vec<bool> = site.chain(all(header::ORIGIN).map(from_here)).collect();
    !said.is_empty() && said.iter().all(|ours| *ours)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_says_that_it_is_ours_is() {
        let ours = "https://sms.example.mx";
        let cases: [(&[(&str, &str)], bool); 9] = [
            (&[], false),
            (&[("sec-fetch-site", "same-origin")], true),
            (&[("sec-fetch-site", "same-site")], false),
            (&[("sec-fetch-site", "none")], false),
            (&[("origin", "https://sms.example.mx")], true),
            (&[("origin", "http://10.0.0.5:8080"), ("host", "10.0.0.5:8080")], true),
            (&[("origin", "https://evil.example"), ("host", "sms.example.mx")], false),
            (&[("origin", "null")], false),
            (&[("sec-fetch-site", "same-origin"), ("origin", "https://evil.example")], false),
        ];
        for (headers, expected) in cases {
            let headers: HeaderMap = headers
                .iter()
                .map(|(name, value)| (header::HeaderName::from_static(name), header::HeaderValue::from_static(value)))
                .collect();
            assert_eq!(is_ours(&headers, ours), expected, "{headers:?}");
        }
    }
}
