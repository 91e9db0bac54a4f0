//! Letting a webhook in: reads its parameters, and checks that Twilio signed them.

use http::{HeaderMap, Method, header};
use secrecy::SecretString;
use serde_json::Value;

use super::events::first;
use super::{form, signature};
use crate::channels::{Malformed, Refused, Verified, Webhook};

const SIGNATURE: &str = "x-twilio-signature";

/// The query parameter of a signed URL that vouches for a body that isn't a form.
const BODY_HASH: &str = "bodySHA256";

/// What a webhook carries, and how far its signature covers it.
struct Payload {
    parameters: Vec<(String, String)>,
    /// Those of the parameters that are signed besides the URL.
    signed: Signed,
}

enum Signed {
    Parameters,
    /// Nothing but the URL, which holds the parameters.
    Url,
    /// The URL, which holds this hash of the body.
    Hash(String),
}

/// Refuses first what has no signature, then what can't be read, then what Twilio didn't sign, and last what
/// is of another account: its media and its messages could not be asked for with this one's credentials.
pub(super) fn verify(tokens: &[SecretString], account: &str, webhook: &Webhook) -> Result<Verified, Refused> {
    let given = webhook.headers.get(SIGNATURE).ok_or(Refused::Unsigned)?;
    let Payload { parameters, signed } = payload(webhook)?;
    let genuine = match signed {
        Signed::Parameters => signature::verify(tokens, &webhook.url, &parameters, given.as_bytes()),
        Signed::Url => signature::verify(tokens, &webhook.url, &[], given.as_bytes()),
        Signed::Hash(hash) => {
            signature::verify(tokens, &webhook.url, &[], given.as_bytes())
                && signature::body_matches(&webhook.body, &hash)
        }
    };
    if !genuine {
        return Err(Refused::Forged);
    }
    if first(&parameters, &["AccountSid"]).is_some_and(|told| !told.eq_ignore_ascii_case(account)) {
        return Err(Refused::Foreign);
    }
    let query = form_urlencoded::parse(query(&webhook.url).as_bytes()).into_owned().collect();
    Ok(Verified { parameters: without_nul(parameters), query, ..Verified::already_read(Vec::new(), None) })
}

/// The parameters of a webhook that nobody has verified, if they can be read.
pub(super) fn peek(webhook: &Webhook) -> Option<Vec<(String, String)>> {
    payload(webhook).ok().map(|payload| payload.parameters)
}

fn payload(webhook: &Webhook) -> Result<Payload, Malformed> {
    let Webhook { method, url, headers, body } = webhook;
    if method == Method::GET {
        return Ok(Payload { parameters: form::decode(query(url).as_bytes())?, signed: Signed::Url });
    }
    if method != Method::POST {
        return Err(Malformed(format!("Twilio sends GET or POST, not {method}")));
    }
    let hash = form_urlencoded::parse(query(url).as_bytes()).find(|(name, _)| name == BODY_HASH);
    let hash = hash.map(|(_, hash)| hash.into_owned());
    if body.is_empty() {
        return Ok(Payload { parameters: Vec::new(), signed: hash.map_or(Signed::Parameters, Signed::Hash) });
    }
    match content_type(headers).as_deref() {
        Some("application/x-www-form-urlencoded") => {
            Ok(Payload { parameters: form::decode(body)?, signed: Signed::Parameters })
        }
        Some("application/json") => {
            // Without the hash the signature says nothing about the body.
            let hash = hash.ok_or_else(|| Malformed(format!("a JSON body needs {BODY_HASH} in the URL")))?;
            Ok(Payload { parameters: json_parameters(body)?, signed: Signed::Hash(hash) })
        }
        _ => Err(Malformed("the body is neither a form nor JSON by its content type".to_owned())),
    }
}

fn content_type(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    value.split(';').next().map(|essence| essence.trim().to_ascii_lowercase())
}

fn query(url: &str) -> &str {
    let url = url.split('#').next().unwrap_or_default();
    url.split_once('?').map_or("", |(_, query)| query)
}

/// The members of the outermost object; what isn't plain text stays JSON.
fn json_parameters(body: &[u8]) -> Result<Vec<(String, String)>, Malformed> {
    let members: serde_json::Map<String, Value> =
        serde_json::from_slice(body).map_err(|_| Malformed("the body isn't a JSON object".to_owned()))?;
    let text = |value| match value {
        Value::String(text) => text,
        Value::Null => String::new(),
        other => other.to_string(),
    };
    Ok(members.into_iter().map(|(name, value)| (name, text(value))).collect())
}

/// NUL characters mean nothing in a message, and databases refuse them.
fn without_nul(parameters: Vec<(String, String)>) -> Vec<(String, String)> {
    let clean = |text: String| if text.contains('\0') { text.replace('\0', "") } else { text };
    parameters.into_iter().map(|(name, value)| (clean(name), clean(value))).collect()
}
