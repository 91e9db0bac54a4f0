//! `X-Twilio-Signature`: how Twilio signs a webhook, and how that is checked.
//!
//! Works on the URL as text, exactly as it was requested: a URL that was parsed and written again is
//! another URL. Knows nothing of HTTP.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha1::Sha1;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// The signature of a webhook to `url` with these form parameters; none for a GET or a JSON body.
///
/// The parameters' order doesn't matter, and a pair that repeats counts once.
pub fn sign(token: &str, url: &str, parameters: &[(String, String)]) -> String {
    keyed_hash(token, url, &signed_parameters(parameters)).unwrap_or_default()
}

/// Whether one of `tokens` made this signature, over `url` or a form of it that Twilio may have signed.
pub fn verify(tokens: &[SecretString], url: &str, parameters: &[(String, String)], signature: &[u8]) -> bool {
    let parameters = signed_parameters(parameters);
    let urls = variants(url);
    tokens.iter().any(|token| {
        let mut expected = urls.iter().filter_map(|url| keyed_hash(token.expose_secret(), url, &parameters));
        expected.any(|expected| bool::from(expected.as_bytes().ct_eq(signature)))
    })
}

/// Whether `sha256`, the hexadecimal `bodySHA256` of a signed URL, is that of the body.
pub fn body_matches(body: &[u8], sha256: &str) -> bool {
    hex::decode(sha256).is_ok_and(|expected| bool::from(Sha256::digest(body).as_slice().ct_eq(&expected)))
}

/// HMAC takes a key of any length, so there always is one; the type can't say so.
fn keyed_hash(token: &str, url: &str, parameters: &str) -> Option<String> {
    let mut hash = Hmac::<Sha1>::new_from_slice(token.as_bytes()).ok()?;
    hash.update(url.as_bytes());
    hash.update(parameters.as_bytes());
    Some(STANDARD.encode(hash.finalize().into_bytes()))
}

fn signed_parameters(parameters: &[(String, String)]) -> String {
    let mut sorted: Vec<&(String, String)> = parameters.iter().collect();
    sorted.sort_unstable();
    sorted.dedup();
    sorted.iter().flat_map(|(name, value)| [name.as_str(), value.as_str()]).collect()
}

/// The forms of a URL that Twilio may have signed, the likeliest first.
///
/// Twilio's own descriptions and libraries disagree on whether the port and the user name are kept, and
/// on how an apostrophe in the query is written.
fn variants(url: &str) -> Vec<String> {
    let url = url.split('#').next().unwrap_or_default();
    let Some((scheme, rest)) = url.split_once("://") else {
        return vec![url.to_owned()];
    };
    let split_at = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, target) = rest.split_at_checked(split_at).unwrap_or((rest, ""));
    let (user, host) = authority.rsplit_once('@').map_or(("", authority), |(user, host)| (user, host));
    let mut found = Vec::new();
    for target in targets(target) {
        for host in hosts(scheme, host) {
            found.push(format!("{scheme}://{host}{target}"));
            if !user.is_empty() {
                found.push(format!("{scheme}://{user}@{host}{target}"));
            }
        }
    }
    found
}

/// The host as it is, and with its port taken away or the scheme's own port added.
fn hosts(scheme: &str, host: &str) -> Vec<String> {
    let is_port = |port: &str| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    // A colon within the brackets of an IPv6 address doesn't begin a port: what follows isn't all digits.
    let other = match (host.rsplit_once(':'), scheme) {
        (Some((name, port)), _) if is_port(port) => Some(name.to_owned()),
        (_, "https") => Some(format!("{host}:443")),
        (_, "http") => Some(format!("{host}:80")),
        _ => None,
    };
    std::iter::once(host.to_owned()).chain(other).collect()
}

/// The path and query as they are, and with the query's apostrophes written the other way.
fn targets(target: &str) -> Vec<String> {
    let mut found = vec![target.to_owned()];
    if let Some((path, query)) = target.split_once('?') {
        for (from, to) in [("'", "%27"), ("%27", "'")] {
            if query.contains(from) {
                found.push(format!("{path}?{}", query.replace(from, to)));
            }
        }
    }
    found
}
