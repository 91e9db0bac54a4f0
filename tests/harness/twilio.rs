//! Webhooks as Twilio makes them, and the local Twilio.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{Method, Request};
use recado::clock::SystemClock;
use recado::sandbox::{Bound, Pace, Sandbox, Settings};
use secrecy::SecretString;
use serde_json::{Value, json};

use crate::background::block;
use crate::{ACCOUNT_SID, AUTH_TOKEN, Must, NUMBER, call, json_request};

/// The parameters that Twilio sends for a text.
pub fn form(message_sid: &str, from: &str, text: &str) -> Vec<(String, String)> {
    let pairs = [
        ("ToCountry", "MX"),
        ("SmsMessageSid", message_sid),
        ("NumMedia", "0"),
        ("SmsSid", message_sid),
        ("SmsStatus", "received"),
        ("Body", text),
        ("FromCountry", "MX"),
        ("To", NUMBER),
        ("NumSegments", "1"),
        ("MessageSid", message_sid),
        ("AccountSid", ACCOUNT_SID),
        ("From", from),
        ("ApiVersion", "2010-04-01"),
    ];
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec()
}

/// The header and the body of a webhook to `url` that is signed with the account's token.
pub fn sign(url: &str, parameters: &[(String, String)]) -> (String, String) {
    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish();
    (recado::channels::twilio::signature::sign(AUTH_TOKEN, url, parameters), body)
}

/// The header by which the owner of an account uses Twilio's API.
pub fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
}

/// The local Twilio, in this process, for the tests' account.
pub(crate) struct LocalTwilio(Option<Sandbox>);

impl LocalTwilio {
    pub(crate) fn start(messaging_service_sid: Option<String>) -> Self {
        let sandbox = block(async {
            let bound = Bound::bind(([127, 0, 0, 1], 0).into()).await.must("the local Twilio");
            let settings = Settings {
                account_sid: ACCOUNT_SID.to_owned(),
                auth_token: SecretString::from(AUTH_TOKEN),
                number: NUMBER.to_owned(),
                messaging_service_sid,
                inbound_url: None,
                keep: None,
                pace: Pace::Immediate,
            };
            bound.serve(settings, Arc::new(SystemClock)).await.must("the local Twilio")
        });
        Self(Some(sandbox))
    }

    fn sandbox(&self) -> &Sandbox {
        self.0.as_ref().must("the local Twilio runs until it is dropped")
    }

    pub(crate) fn url(&self) -> &str {
        self.sandbox().url()
    }

    pub(crate) fn set_inbound_url(&self, url: String) {
        self.sandbox().set_inbound_url(url);
    }

    /// Texts the number from a customer's phone, and waits for what came of it.
    pub(crate) fn text(&self, from: &str, text: &str) -> Value {
        let url = format!("{}/sandbox/messages?wait=true", self.url());
        let request = json_request(Method::POST, &url, &[], &json!({ "from": from, "text": text }));
        call(request).must("the local Twilio").expect(201)
    }

    /// All messages of the account, oldest first.
    pub(crate) fn messages(&self) -> Vec<Value> {
        let request = Request::get(format!("{}/sandbox/state", self.url())).body(Bytes::new()).must("a request");
        let state = call(request).must("the local Twilio").expect(200);
        state["messages"].as_array().cloned().unwrap_or_default()
    }
}

impl Drop for LocalTwilio {
    fn drop(&mut self) {
        if let Some(sandbox) = self.0.take() {
            block(sandbox.stop());
        }
    }
}
