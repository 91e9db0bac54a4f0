//! Where the media of inbound messages may be fetched from, and with what.
//!
//! The URL in a webhook is Twilio's API, which wants the account's credential and leads on to a
//! place where the file is. The credential goes to the API alone; nothing else is fetched at all, so
//! that neither a forged URL nor a redirect makes the gateway call somebody for somebody else.

use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::{HeaderValue, Request, Uri};
use url::Url;

use crate::channels::{Hop, MediaRequest};

/// Where Twilio keeps files.
const FILES: [&str; 2] = ["mms.twiliocdn.com", "media.twiliocdn.com"];
/// Where it kept them before, in a folder of its own among everybody's.
const FORMER_FILES: (&str, &str) = ("s3-external-1.amazonaws.com", "media.twiliocdn.com");
/// The API that webhooks name, also when another edge of it is configured.
const USUAL_API: &str = "api.twilio.com";

/// The places that media of one account are fetched from.
#[derive(Debug)]
pub(super) struct Places {
    /// Scheme, host and port of the configured API.
    api: Option<Url>,
    /// The path below which the account's messages are.
    messages: String,
    account: String,
    authorization: HeaderValue,
}

impl Places {
    /// `endpoint` is where messages are created.
    pub(super) fn new(endpoint: &Uri, account: &str, authorization: HeaderValue) -> Self {
        let messages = format!("{}/", endpoint.path().trim_end_matches(".json"));
        Self { api: Url::parse(&endpoint.to_string()).ok(), messages, account: account.to_owned(), authorization }
    }

    pub(super) fn request(&self, url: &str, hop: Hop) -> Option<MediaRequest> {
        let mut url = Url::parse(url).ok()?;
        let named = !url.username().is_empty() || url.password().is_some();
        if named || self.names_other_account(&url) {
            return None;
        }
        let allowed = match hop {
            Hop::First => self.is_medium(&url),
            Hop::Redirected => is_file(&url, &self.account) || (self.is_elsewhere() && self.is_api(&url)),
        };
        if !allowed {
            return None;
        }
        url.set_fragment(None);
        let mut request = Request::new(Bytes::new());
        *request.uri_mut() = url.as_str().parse().ok()?;
        if hop == Hop::First {
            request.headers_mut().insert(AUTHORIZATION, self.authorization.clone());
        }
        Some(MediaRequest { request, chosen: self.is_elsewhere() && self.is_api(&url), lookup: false })
    }

    /// A medium of a message of this account, at the API.
    fn is_medium(&self, url: &Url) -> bool {
        let usual = !self.is_elsewhere() && is_usual(url, &[USUAL_API]);
        let tail = match url.path().strip_prefix(&self.messages) {
            Some(tail) if self.is_api(url) => tail,
            // The paths differ where the configured edge is reached below a prefix.
            _ if usual => {
                let below = format!("/2010-04-01/Accounts/{}/Messages/", self.account);
                let Some(tail) = url.path().strip_prefix(&below) else { return false };
                tail
            }
            _ => return false,
        };
        let plain = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric());
        match tail.split('/').collect::<Vec<_>>()[..] {
            [message, "Media", medium] => plain(message) && plain(medium),
            _ => false,
        }
    }

    fn is_api(&self, url: &Url) -> bool {
        self.api.as_ref().is_some_and(|api| api.origin() == url.origin())
    }

    /// Whether the configured API is not Twilio's own, as the local Twilio.
    fn is_elsewhere(&self) -> bool {
        let host = self.api.as_ref().and_then(Url::host_str).unwrap_or_default();
        !(host.ends_with(".twilio.com") && self.api.as_ref().is_some_and(|api| api.scheme() == "https"))
    }

    fn names_other_account(&self, url: &Url) -> bool {
        url.path_segments().into_iter().flatten().any(|part| is_account(part) && part != self.account)
    }
}

/// Where Twilio keeps files: the paths are its own business, but for the folder among everybody's.
fn is_file(url: &Url, account: &str) -> bool {
    let (host, folder) = FORMER_FILES;
    is_usual(url, &FILES) || (is_usual(url, &[host]) && url.path().starts_with(&format!("/{folder}/{account}/")))
}

/// One of these hosts, by https and at its usual port.
fn is_usual(url: &Url, hosts: &[&str]) -> bool {
    url.scheme() == "https" && url.port().is_none() && url.host_str().is_some_and(|host| hosts.contains(&host))
}

fn is_account(part: &str) -> bool {
    part.strip_prefix("AC").is_some_and(|rest| rest.len() == 32 && rest.bytes().all(|byte| byte.is_ascii_hexdigit()))
}
