//! What an operator writes for a Twilio channel, and what is checked of it before anything starts.
//!
//! A value that is empty counts as not set, since environment variables often are.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use super::claim::Identity;
use super::hosts;
use super::rest::Sender;
use crate::channels::Rates;
use crate::message::Address;
use crate::message::split::LongText;

/// The setting that is wrong, and what is wrong with it together with the remedy.
pub type Problem = (&'static str, String);

/// Twilio takes no longer text in one message (error 21617 above it).
const MAX_TEXT_UNITS: usize = 1600;

/// How many seconds Twilio may be told to keep a message in its queue.
pub(super) const VALIDITY: std::ops::RangeInclusive<u32> = 1..=36_000;

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    pub account_sid: Option<String>,
    /// Twilio signs webhooks with it; it also authenticates sending unless there is an API key.
    pub auth_token: Option<SecretString>,
    /// Further tokens that webhooks may be signed with, for the time a token is being replaced.
    pub auth_tokens: Vec<SecretString>,
    pub api_key: Option<String>,
    pub api_key_secret: Option<SecretString>,
    /// A number in E.164, a short code or a name. Unused where there is a messaging service.
    pub from: Option<String>,
    pub messaging_service_sid: Option<String>,
    pub base_url: String,
    /// Where Twilio takes and serves the account's requests; unset, where it always did.
    pub edge: Option<String>,
    pub region: Option<String>,
    /// Unset: Twilio's own, or `base_url` where that is another's.
    pub lookups_url: Option<String>,
    pub messaging_url: Option<String>,
    pub long_text: LongText,
    pub max_text_units: usize,
    /// How many seconds Twilio may keep a message in its queue; Twilio's own default is ten hours.
    pub validity: Option<u32>,
    /// Whether texts are sent smart encoded, unless the message says otherwise.
    pub smart_encoded: bool,
    pub rates: Rates,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            account_sid: None,
            auth_token: None,
            auth_tokens: Vec::new(),
            api_key: None,
            api_key_secret: None,
            from: None,
            messaging_service_sid: None,
            base_url: hosts::API.to_owned(),
            edge: None,
            region: None,
            lookups_url: None,
            messaging_url: None,
            long_text: LongText::Split,
            max_text_units: MAX_TEXT_UNITS,
            validity: None,
            smart_encoded: false,
            rates: Rates::default(),
        }
    }
}

impl Settings {
    pub(super) fn account_sid(&self) -> Result<&str, Problem> {
        let sid = given(self.account_sid.as_deref()).ok_or_else(|| {
            let problem = "is not set: put the Account SID from the Twilio console there, or in TWILIO_ACCOUNT_SID";
            ("account_sid", problem.to_owned())
        })?;
        check_sid("account_sid", "AC", "the Account SID from the Twilio console (or TWILIO_ACCOUNT_SID)", sid)
    }

    /// All tokens that a webhook may be signed with.
    pub(super) fn tokens(&self) -> Result<Vec<SecretString>, Problem> {
        let further = self.auth_tokens.iter().filter_map(given_secret);
        let tokens: Vec<_> = std::iter::once(self.auth_token()?).chain(further).map(SecretString::from).collect();
        Ok(tokens)
    }

    /// The header that authenticates sending: by the API key where there is one, else by the token.
    pub(super) fn authorization(&self, account: &str) -> Result<HeaderValue, Problem> {
        let key = given(self.api_key.as_deref());
        let secret = self.api_key_secret.as_ref().and_then(given_secret);
        let (user, password) = match (key, secret) {
            (Some(key), Some(secret)) => {
                (check_sid("api_key", "SK", "the SID of an API key from the Twilio console", key)?, secret)
            }
            (None, None) => return self.token_authorization(account),
            (Some(_), None) => {
                let problem = "is not set, but `api_key` is: add the key's secret, or remove the key";
                return Err(("api_key_secret", problem.to_owned()));
            }
            (None, Some(_)) => {
                let problem = "is not set, but `api_key_secret` is: add the key's SID (`SK…`), or remove the secret";
                return Err(("api_key", problem.to_owned()));
            }
        };
        basic(user, password)
    }

    /// The header that authenticates by the account's token, whatever sending goes by.
    pub(super) fn token_authorization(&self, account: &str) -> Result<HeaderValue, Problem> {
        basic(account, self.auth_token()?)
    }

    /// Whether messages are sent by an API key.
    pub(super) fn has_key(&self) -> bool {
        given(self.api_key.as_deref()).is_some()
    }

    pub(super) fn sender(&self) -> Result<Sender, Problem> {
        let Identity { number, service, .. } = self.identity()?;
        match (service, number) {
            (Some(service), _) => Ok(Sender::Service(service)),
            (None, Some(address)) => Ok(Sender::Address(address)),
            (None, None) => Err((
                "from",
                "is not set: put the number that messages are sent from there (E.164, such as +14155550100) or in \
                 TWILIO_PHONE_NUMBER; or set `messaging_service_sid` (TWILIO_MESSAGING_SERVICE_SID)"
                    .to_owned(),
            )),
        }
    }

    /// By what the channel's webhooks are known. Number and service are both checked, also when one
    /// of them goes unused: a typing mistake should show at once.
    pub(super) fn identity(&self) -> Result<Identity, Problem> {
        let address = given(self.from.as_deref()).map(check_address).transpose()?;
        let service = given(self.messaging_service_sid.as_deref())
            .map(|sid| {
                let what = "the SID of a Messaging Service (or TWILIO_MESSAGING_SERVICE_SID)";
                check_sid("messaging_service_sid", "MG", what, sid)
            })
            .transpose()?;
        let account = self.account_sid()?.to_owned();
        Ok(Identity { account, number: address, service: service.map(str::to_owned) })
    }

    pub(super) fn max_text_units(&self) -> Result<usize, Problem> {
        if (1..=MAX_TEXT_UNITS).contains(&self.max_text_units) {
            return Ok(self.max_text_units);
        }
        Err(("max_text_units", format!("must be from 1 to {MAX_TEXT_UNITS}, the most Twilio takes in one message")))
    }

    pub(super) fn validity(&self) -> Result<Option<u32>, Problem> {
        match self.validity {
            Some(seconds) if !VALIDITY.contains(&seconds) => Err((
                "validity",
                format!(
                    "must be from {} to {} seconds; leave it out for Twilio's default",
                    VALIDITY.start(),
                    VALIDITY.end()
                ),
            )),
            validity => Ok(validity),
        }
    }

    fn auth_token(&self) -> Result<&str, Problem> {
        self.auth_token.as_ref().and_then(given_secret).ok_or_else(|| {
            let problem = "is not set: put the account's primary Auth Token there, or in TWILIO_AUTH_TOKEN; Twilio \
                           signs webhooks with it, so it is needed even when messages are sent with an API key";
            ("auth_token", problem.to_owned())
        })
    }
}

fn basic(user: &str, password: &str) -> Result<HeaderValue, Problem> {
    let encoded = STANDARD.encode(format!("{user}:{password}"));
    let mut header = HeaderValue::from_str(&format!("Basic {encoded}"))
        .map_err(|_| ("auth_token", "can't be put into a request header".to_owned()))?;
    header.set_sensitive(true);
    Ok(header)
}

pub(super) fn given(value: Option<&str>) -> Option<&str> {
    value.map(str::trim).filter(|value| !value.is_empty())
}

fn given_secret(value: &SecretString) -> Option<&str> {
    given(Some(value.expose_secret()))
}

/// The value itself isn't shown: people paste a token into the wrong line.
fn check_sid<'a>(key: &'static str, prefix: &str, what: &str, sid: &'a str) -> Result<&'a str, Problem> {
    let digits = sid.strip_prefix(prefix).unwrap_or_default();
    if digits.len() == 32 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Ok(sid);
    }
    Err((key, format!("must be `{prefix}` and 32 hexadecimal digits: {what}")))
}

fn check_address(from: &str) -> Result<Address, Problem> {
    Address::sender(from).ok_or_else(|| {
        let problem = "must be a number in E.164 such as +14155550100, a short code, or a name of at most 11 letters, \
                       digits and spaces (TWILIO_PHONE_NUMBER)";
        ("from", problem.to_owned())
    })
}
