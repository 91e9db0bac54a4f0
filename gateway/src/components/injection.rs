//! Putting secrets where a component left room for them, and nowhere else.

use std::borrow::Cow;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Request, header};
use url::Url;

use super::guest::bindings::recado::channel::types;
use super::hosts::Hosts;
use super::secrets::{CLOSE, OPEN, Secrets};

/// What the connection says of itself is not a channel's to say.
const OWN: [HeaderName; 4] = [header::HOST, header::CONTENT_LENGTH, header::TRANSFER_ENCODING, header::CONNECTION];

/// A request as a component made it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    pub method: String,
    pub url: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl From<types::Request> for Draft {
    fn from(request: types::Request) -> Self {
        let types::Request { method, url, headers, body } = request;
        Self { method, url, headers, body }
    }
}

/// The request that goes out.
pub(super) fn inject(draft: &Draft, secrets: &Secrets, hosts: &Hosts) -> Result<Request<Bytes>, String> {
    // Before anything is put in: a host is never made of a secret, and no secret is seen in what is said here.
    let drafted = Url::parse(&draft.url).map_err(|_| "its URL can't be read")?;
    if !hosts.allow(&drafted) {
        return Err(format!(
            "it goes to {}, which is none of the channel's hosts",
            drafted.origin().ascii_serialization()
        ));
    }
    let url = fill(draft.url.as_bytes(), secrets, percent_encoded);
    let url = std::str::from_utf8(&url).ok().and_then(|url| Url::parse(url).ok());
    let url = url.filter(|url| url.origin() == drafted.origin()).ok_or("its URL can't be read")?;
    let mut request = Request::new(Bytes::from(fill(&draft.body, secrets, plain).into_owned()));
    *request.method_mut() = match draft.method.as_str() {
        "GET" => Method::GET,
        "POST" => Method::POST,
        "PUT" => Method::PUT,
        "PATCH" => Method::PATCH,
        "DELETE" => Method::DELETE,
        _ => return Err("its method is none of GET, POST, PUT, PATCH and DELETE".to_owned()),
    };
    *request.uri_mut() = url.as_str().parse().map_err(|_| "its URL can't be used")?;
    for (name, value) in &draft.headers {
        let header = HeaderName::from_bytes(name.as_bytes()).ok().filter(|name| !OWN.contains(name));
        let header = header.ok_or("it has a header whose name a channel can't set")?;
        let mut filled = HeaderValue::from_bytes(&fill(value.as_bytes(), secrets, plain))
            .map_err(|_| format!("the value of its header `{header}` can't be used"))?;
        filled.set_sensitive(value.contains(OPEN));
        request.headers_mut().append(header, filled);
    }
    Ok(request)
}

/// Puts each secret in place of its placeholder, once: what a secret holds is never looked at again.
fn fill<'a>(template: &'a [u8], secrets: &Secrets, encode: fn(&[u8]) -> Cow<'_, [u8]>) -> Cow<'a, [u8]> {
    let find = |text: &[u8], wanted: &str| text.windows(wanted.len()).position(|window| window == wanted.as_bytes());
    let mut filled = Vec::new();
    let mut rest = template;
    while let Some(at) = find(rest, OPEN) {
        let (before, from) = rest.split_at(at);
        let after = from.get(OPEN.len()..).unwrap_or_default();
        let inside = find(after, CLOSE).and_then(|end| after.get(..end));
        let meant = inside.and_then(|inside| Some((inside.len(), secrets.meant(std::str::from_utf8(inside).ok()?)?)));
        filled.extend_from_slice(before);
        if let Some((length, secret)) = meant {
            filled.extend_from_slice(&encode(secret.as_bytes()));
            rest = after.get(length + CLOSE.len()..).unwrap_or_default();
        } else {
            // Somebody wrote what only looks like one.
            filled.extend_from_slice(OPEN.as_bytes());
            rest = after;
        }
    }
    if filled.is_empty() && rest.len() == template.len() {
        return Cow::Borrowed(template);
    }
    filled.extend_from_slice(rest);
    Cow::Owned(filled)
}

fn plain(secret: &[u8]) -> Cow<'_, [u8]> {
    Cow::Borrowed(secret)
}

/// All but what stands for itself in any part of a URL; a colon does, behind the host.
fn percent_encoded(secret: &[u8]) -> Cow<'_, [u8]> {
    let mut encoded = Vec::with_capacity(secret.len());
    for byte in secret {
        if byte.is_ascii_alphanumeric() || b"-._~:".contains(byte) {
            encoded.push(*byte);
        } else {
            encoded.extend_from_slice(format!("%{byte:02X}").as_bytes());
        }
    }
    Cow::Owned(encoded)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use secrecy::SecretString;

    use super::*;

    fn injected(url: &str, header: &str, body: &str) -> Result<Request<Bytes>, String> {
        let secrets = [("token", "12:a/b"), ("word", "abc123"), ("tricky", "{{secret:token:m1}}")];
        let secrets = secrets.map(|(name, value)| (name.to_owned(), SecretString::from(value)));
        let hosts = Hosts::parse(&["https://api.example.com".to_owned()]).unwrap();
        let draft = Draft {
            method: "POST".to_owned(),
            url: url.to_owned(),
            headers: vec![("X-Key".to_owned(), header.to_owned())],
            body: body.into(),
        };
        inject(&draft, &Secrets::new(BTreeMap::from(secrets), "m1".to_owned()), &hosts)
    }

    #[test]
    fn secrets_take_their_places() {
        let url = "https://api.example.com/bot{{secret:token:m1}}/send?k={{secret:token:m1}}";
        let request = injected(url, "Key {{secret:token:m1}}", "a{{secret:token:m1}}b{{secret:tricky:m1}}").unwrap();
        assert_eq!(request.uri(), "https://api.example.com/bot12:a%2Fb/send?k=12:a%2Fb");
        assert_eq!(request.headers()["x-key"], "Key 12:a/b");
        assert!(request.headers()["x-key"].is_sensitive());
        assert_eq!(request.body(), "a12:a/bb{{secret:token:m1}}");
        assert_eq!(injected("https://api.example.com/", "", "plain").unwrap().body(), "plain");
    }

    #[test]
    fn what_people_write_is_never_taken_for_one() {
        let texts = [
            "{{secret:token}}",
            "{{secret:token:m2}}",
            "{{secret:token:}}",
            "{{secret:",
            "{{secret:other:m1}}",
            "}}{{secret:}}",
        ];
        for text in texts {
            assert_eq!(injected("https://api.example.com/", "", text).unwrap().body(), text);
            let both = format!("{text} {{{{secret:word:m1}}}} {text}");
            assert_eq!(
                injected("https://api.example.com/", "", &both).unwrap().body(),
                &format!("{text} abc123 {text}")
            );
        }
    }

    #[test]
    fn what_could_carry_a_secret_elsewhere_is_no_request() {
        let cases = [
            ("https://evil.example.com/{{secret:token:m1}}", "", ""),
            ("https://{{secret:word:m1}}.example.com/", "", ""),
            ("https://api.example.com:{{secret:word:m1}}/", "", ""),
            ("{{secret:word:m1}}://api.example.com/", "", ""),
            ("https://{{secret:word:m1}}@api.example.com/", "", ""),
            ("https://api.example.com/", "a\nb", ""),
        ];
        for (url, header, body) in cases {
            let refused = injected(url, header, body).unwrap_err();
            assert!(!refused.contains("12:a") && !refused.contains("abc123"), "{refused}");
        }
    }
}
