//! Calls the application's URLs as Twilio does: the form signed with the account's token, Twilio's
//! headers and time-outs, and a second try only when there was no connection.

use bytes::Bytes;
use form_urlencoded::Serializer;
use http::{HeaderMap, Method, Request, Response, header};
use secrecy::ExposeSecret;
use url::Url;

use crate::channels::twilio::signature;
use crate::transport::Failure;

use super::account::Account;
use super::create;
use super::message::{Warning, Webhook};

/// Twilio executes no longer document.
const MAX_DOCUMENT: usize = 64 * 1024;

/// What came of a call. Without a warning there was a good answer.
#[derive(Debug)]
pub(super) struct Exchange {
    pub(super) webhook: Webhook,
    pub(super) warning: Option<Warning>,
}

/// Sends `form` to `url`: in the body of a POST, in the query of a GET.
pub(super) async fn call(account: &Account, method: &Method, url: &str, form: &[(String, String)]) -> Exchange {
    let Some(request) = request(account, method, url, form) else {
        return failed(0, 11321, "the URL can't be called");
    };
    let started = tokio::time::Instant::now();
    let mut answer = account.transport.send(request.clone()).await;
    if matches!(answer, Err(Failure::NotSent(_))) {
        answer = account.transport.send(request).await;
    }
    let millis = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    match answer {
        Ok(response) => read(&response, millis),
        Err(Failure::NotSent(reason)) => failed(millis, 11205, &reason),
        Err(Failure::Unanswered(reason)) => failed(millis, 11200, &reason),
    }
}

fn request(account: &Account, method: &Method, url: &str, form: &[(String, String)]) -> Option<Request<Bytes>> {
    let mut url = create::http_url(url)?;
    // The fragment holds connection rules for Twilio; it is neither sent nor signed.
    url.set_fragment(None);
    let (signed, body) = if method == Method::GET {
        url.query_pairs_mut().extend_pairs(form);
        (&[][..], String::new())
    } else {
        (form, Serializer::new(String::new()).extend_pairs(form).finish())
    };
    let signature = signature::sign(account.token.expose_secret(), &without_user(&url), signed);
    let mut request = Request::builder()
        .method(method)
        .uri(url.as_str())
        .header("x-twilio-signature", signature)
        .header("i-twilio-idempotency-token", account.new_token())
        .header(header::USER_AGENT, "TwilioProxy/1.1")
        .header(header::ACCEPT, "*/*");
    if method != Method::GET {
        request = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    }
    request.body(body.into()).ok()
}

/// The URL as Twilio signs it: without a user and password.
fn without_user(url: &Url) -> String {
    let mut url = url.clone();
    // Only a URL without a host can't have a user, and that one was refused before.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.into()
}

fn read(response: &Response<Bytes>, millis: u64) -> Exchange {
    let body = response.body();
    let warning = if !response.status().is_success() {
        Some(Warning::new(11200, format!("the webhook answered {}", response.status().as_u16())))
    } else if body.len() > MAX_DOCUMENT {
        Some(Warning::new(11750, format!("the answer has {} bytes; 64 kB are allowed", body.len())))
    } else {
        None
    };
    let webhook = Webhook {
        status: Some(response.status().as_u16()),
        millis,
        content_type: content_type(response.headers()),
        body: String::from_utf8_lossy(body.get(..MAX_DOCUMENT).unwrap_or(body)).into_owned(),
        failure: None,
    };
    Exchange { webhook, warning }
}

/// The MIME type of an answer, without its parameters.
fn content_type(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    value.split(';').next().map(|kind| kind.trim().to_ascii_lowercase()).filter(|kind| !kind.is_empty())
}

fn failed(millis: u64, code: u32, reason: &str) -> Exchange {
    let webhook = Webhook { millis, failure: Some(reason.to_owned()), ..Webhook::default() };
    Exchange { webhook, warning: Some(Warning::new(code, reason)) }
}
