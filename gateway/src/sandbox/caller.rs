//! Calls the application's URLs as Twilio does: the form signed with the account's token, Twilio's
//! headers, the cookies of the conversation, redirects followed, and time-outs and further tries by the
//! rules in the URL's fragment.

use std::time::Duration;

use bytes::Bytes;
use form_urlencoded::Serializer;
use http::{HeaderMap, Method, Request, Response, header};
use secrecy::ExposeSecret;
use tokio::time::Instant;
use url::Url;

use crate::channels::twilio::signature;
use crate::transport::{Failure, Transport};

use super::account::Account;
use super::cookies::Pair;
use super::create;
use super::faults::Fault;
use super::message::{Warning, Webhook};
use super::rules::Rules;

/// Twilio executes no longer document.
const MAX_DOCUMENT: usize = 64 * 1024;
const MAX_REDIRECTS: usize = 10;

/// What came of a call. Without a warning there was a good answer.
#[derive(Debug)]
pub(super) struct Exchange {
    pub(super) webhook: Webhook,
    pub(super) warning: Option<Warning>,
    /// What is wrong with the rules in the URL, whatever the answer.
    pub(super) misrule: Option<Warning>,
}

/// Sends `form` to the webhook at `url`: in the body of a POST, in the query of a GET.
pub(super) async fn call(
    account: &Account,
    method: &Method,
    url: &str,
    form: &[(String, String)],
    pair: &Pair,
) -> Exchange {
    Call { account, form, token: &account.new_token(), pair: Some(pair) }.make(method, url).await
}

/// Posts `form` to where statuses are reported. No cookies go along: it is no part of a conversation.
pub(super) async fn report(account: &Account, url: &str, form: &[(String, String)], token: &str) -> Exchange {
    Call { account, form, token, pair: None }.make(&Method::POST, url).await
}

/// One call, whatever redirects and tries it takes.
struct Call<'a> {
    account: &'a Account,
    form: &'a [(String, String)],
    /// By which the application knows the call from before.
    token: &'a str,
    /// Whose cookies go along.
    pair: Option<&'a Pair>,
}

impl Call<'_> {
    async fn make(&self, method: &Method, url: &str) -> Exchange {
        let Some(url) = create::http_url(url) else {
            return failed(0, 11321, "the URL can't be called");
        };
        let rules = Rules::of(url.fragment().unwrap_or_default());
        let misrule = rules.unknown.as_ref().map(|policy| {
            let detail = format!("`rp={policy}` is no list of 4xx, 5xx, ct, rt and all; the usual rule is kept");
            Warning::new(11243, detail)
        });
        Exchange { misrule, ..self.follow(method.clone(), url, &rules).await }
    }

    async fn follow(&self, mut method: Method, mut url: Url, rules: &Rules) -> Exchange {
        let started = Instant::now();
        let millis = || u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        for _ in 0..=MAX_REDIRECTS {
            let Some(request) = self.request(&method, &url) else {
                return failed(millis(), 11321, "the URL can't be called");
            };
            let response = match exchange(self.account, rules, &request, started).await {
                Ok(response) => response,
                Err(Failure::NotSent(reason)) => return failed(millis(), 11205, &reason),
                Err(Failure::Unanswered(reason)) => return failed(millis(), 11200, &reason),
                Err(failure @ Failure::TooLong(_)) => return failed(millis(), 11200, &failure.to_string()),
            };
            if let Some(pair) = self.pair {
                self.account.cookies.keep(pair, &url, response.headers(), self.account.now());
            }
            let Some(next) = redirect(&response, &url) else { return read(&response, millis()) };
            if !matches!(response.status().as_u16(), 307 | 308) {
                method = Method::GET;
            }
            url = next;
        }
        failed(millis(), 11215, &format!("more than {MAX_REDIRECTS} redirects"))
    }

    fn request(&self, method: &Method, url: &Url) -> Option<Request<Bytes>> {
        let mut url = url.clone();
        // The fragment is neither sent nor signed.
        url.set_fragment(None);
        let (signed, body) = if method == Method::GET {
            url.query_pairs_mut().extend_pairs(self.form);
            (&[][..], String::new())
        } else {
            (self.form, Serializer::new(String::new()).extend_pairs(self.form).finish())
        };
        let secret = self.account.signing_token();
        let signature = signature::sign(secret.expose_secret(), &signed_url(self.account, &url), signed);
        let mut request = Request::builder()
            .method(method)
            .uri(url.as_str())
            .header("x-twilio-signature", signature)
            .header("i-twilio-idempotency-token", self.token)
            .header(header::USER_AGENT, "TwilioProxy/1.1")
            .header(header::ACCEPT, "*/*");
        if method != Method::GET {
            request = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        }
        if let Some(cookies) = self.pair.and_then(|pair| self.account.cookies.header(pair, &url, self.account.now())) {
            request = request.header(header::COOKIE, cookies);
        }
        request.body(body.into()).ok()
    }
}

/// Sends one request, again if the rules say so.
async fn exchange(
    account: &Account,
    rules: &Rules,
    request: &Request<Bytes>,
    started: Instant,
) -> Result<Response<Bytes>, Failure> {
    let transport = account.transport_by(rules)?;
    let mut tries = 0;
    loop {
        let left = rules.total.saturating_sub(started.elapsed());
        let answer = attempt(transport.as_ref(), request.clone(), left).await;
        let again = match &answer {
            Ok(response) if response.status().is_client_error() => rules.again.status_4xx,
            Ok(response) if response.status().is_server_error() => rules.again.status_5xx,
            Ok(_) => false,
            Err(Failure::NotSent(_)) => rules.again.connect,
            Err(Failure::Unanswered(_) | Failure::TooLong(_)) => rules.again.read,
        };
        if !again || tries == rules.retries || started.elapsed() >= rules.total {
            return answer;
        }
        tries += 1;
    }
}

/// One try, in the time that is left of all of them.
async fn attempt(
    transport: &dyn Transport,
    request: Request<Bytes>,
    left: Duration,
) -> Result<Response<Bytes>, Failure> {
    let late = |_| Err(Failure::Unanswered("timed out".to_owned()));
    tokio::time::timeout(left, transport.send(request)).await.unwrap_or_else(late)
}

/// Where an answer sends the caller. A redirect by which a form can't be sent on becomes a GET, like in a
/// browser.
fn redirect(response: &Response<Bytes>, base: &Url) -> Option<Url> {
    if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
        return None;
    }
    let place = response.headers().get(header::LOCATION)?.to_str().ok()?;
    base.join(place).ok().filter(|url| matches!(url.scheme(), "http" | "https"))
}

/// The URL as Twilio signs it: without a user and password; and with another port, if that is to go wrong.
fn signed_url(account: &Account, url: &Url) -> String {
    let mut url = url.clone();
    // Only a URL without a host can't have these, and that one was refused before.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    if account.happens(Fault::SignaturePortWrong) {
        let port = url.port_or_known_default().unwrap_or(443);
        let _ = url.set_port(Some(port.wrapping_add(1).max(1)));
    } else if account.happens(Fault::SignaturePortToggled) {
        return toggled(&url);
    }
    url.into()
}

/// The URL without its port, or with the scheme's own if it has none.
fn toggled(url: &Url) -> String {
    let mut other = url.clone();
    let port = url.port_or_known_default().unwrap_or(443);
    if url.port().is_some() {
        let _ = other.set_port(None);
        return other.into();
    }
    let (scheme, host) = (url.scheme(), url.host_str().unwrap_or_default());
    let rest = url.as_str().strip_prefix(&format!("{scheme}://{host}")).unwrap_or_default();
    format!("{scheme}://{host}:{port}{rest}")
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
    Exchange { webhook, warning, misrule: None }
}

/// The MIME type of an answer, without its parameters.
fn content_type(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    value.split(';').next().map(|kind| kind.trim().to_ascii_lowercase()).filter(|kind| !kind.is_empty())
}

fn failed(millis: u64, code: u32, reason: &str) -> Exchange {
    let webhook = Webhook { millis, failure: Some(reason.to_owned()), ..Webhook::default() };
    Exchange { webhook, warning: Some(Warning::new(code, reason)), misrule: None }
}
