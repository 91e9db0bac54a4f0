//! Recorded webhooks and responses of a provider, in TOML.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use serde::Deserialize;

use crate::channels::{Content, Event, Part, Refused, Webhook};
use crate::message::{Address, Options};

/// What a provider sends and answers.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Examples {
    /// What webhooks were sent to, without the path.
    pub public_url: String,
    /// The channel's settings that the examples were recorded with, as under `[channels.NAME]`.
    pub settings: Option<toml::Table>,
    pub proof: Proof,
    pub webhooks: Vec<Recorded>,
    pub message: Message,
    pub responses: Vec<Answered>,
}

/// How a webhook proves where it comes from.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Proof {
    /// Without any of these headers it is refused.
    pub headers: Vec<String>,
    /// Whether the proof covers the body.
    pub body: bool,
}

/// A webhook, and what it means.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recorded {
    pub name: String,
    #[serde(default = "post")]
    pub method: String,
    /// Path and query.
    pub target: String,
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    #[serde(default)]
    pub body: String,
    #[serde(default)]
    pub events: Vec<Expected>,
    /// `unsigned`, `forged`, `foreign` or `malformed`.
    pub refused: Option<String>,
}

/// What an event must be; what is left out may be anything.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expected {
    /// `inbound` or `status`.
    pub kind: String,
    pub id: Option<String>,
    pub sender: Option<String>,
    pub recipient: Option<String>,
    pub text: Option<String>,
    pub media: Option<usize>,
    pub status: Option<String>,
    pub code: Option<i32>,
}

/// What the parts have that are encoded.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Message {
    pub recipient: String,
    pub media: String,
}

impl Default for Message {
    fn default() -> Self {
        let media = "https://files.example.com/picture.jpg".to_owned();
        Self { recipient: "+14155550100".to_owned(), media }
    }
}

/// A response, and what it comes to.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answered {
    pub name: String,
    pub status: u16,
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    #[serde(default)]
    pub body: String,
    pub outcome: String,
    pub id: Option<String>,
    pub code: Option<i32>,
    pub after_s: Option<u64>,
}

fn post() -> String {
    "POST".to_owned()
}

/// Examples that are none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the examples can't be read: {0}")]
pub struct Unreadable(String);

impl Examples {
    pub fn read(text: &str) -> Result<Self, Unreadable> {
        let examples: Self = toml::from_str(text).map_err(|error| Unreadable(error.to_string()))?;
        for recorded in &examples.webhooks {
            examples.webhook(recorded)?;
        }
        for answered in &examples.responses {
            answered.response()?;
        }
        Ok(examples)
    }

    pub(super) fn webhook(&self, recorded: &Recorded) -> Result<Webhook, Unreadable> {
        let method = Method::from_bytes(recorded.method.as_bytes()).map_err(|error| Unreadable(error.to_string()))?;
        Ok(Webhook {
            method,
            url: format!("{}{}", self.public_url, recorded.target),
            headers: headers(&recorded.headers)?,
            body: Bytes::from(recorded.body.clone()),
        })
    }

    /// Those that are to be taken, ready to be given to a channel.
    pub(super) fn genuine(&self) -> Vec<(&Recorded, Webhook)> {
        let genuine = self.webhooks.iter().filter(|recorded| recorded.refused.is_none());
        genuine.filter_map(|recorded| Some((recorded, self.webhook(recorded).ok()?))).collect()
    }

    pub(super) fn part(&self, content: Content) -> Part {
        Part {
            id: crate::message::PartId(uuid::Uuid::from_u128(0x0189_0000_0000_7000_8000_0000_0000_0001)),
            sender: None,
            service: None,
            recipient: Address::received(&self.message.recipient),
            content,
            options: Options::default(),
            send_at: None,
            status_callback: "https://recado.example/webhooks/example/status?part=1".to_owned(),
        }
    }
}

impl Answered {
    pub(super) fn response(&self) -> Result<http::Response<Bytes>, Unreadable> {
        let mut response = http::Response::new(Bytes::from(self.body.clone()));
        *response.status_mut() =
            http::StatusCode::from_u16(self.status).map_err(|error| Unreadable(error.to_string()))?;
        *response.headers_mut() = headers(&self.headers)?;
        Ok(response)
    }
}

fn headers(pairs: &BTreeMap<String, String>) -> Result<HeaderMap, Unreadable> {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        let wrong = || Unreadable(format!("the header `{name}` can't be one"));
        let key = HeaderName::from_bytes(name.as_bytes()).map_err(|_| wrong())?;
        headers.insert(key, HeaderValue::from_str(value).map_err(|_| wrong())?);
    }
    Ok(headers)
}

impl Expected {
    /// What differs.
    pub(super) fn difference(&self, event: &Event) -> Option<String> {
        fn differs<T: PartialEq + std::fmt::Debug>(what: &str, wanted: Option<&T>, found: &T) -> Option<String> {
            let wanted = wanted.filter(|wanted| *wanted != found)?;
            Some(format!("{what} is {found:?}, not {wanted:?}"))
        }
        let kind = match event {
            Event::Inbound(_) => "inbound",
            Event::Status(_) => "status",
        };
        let of_kind = differs("the event", Some(&self.kind), &kind.to_owned());
        of_kind.or_else(|| match event {
            Event::Inbound(message) => differs("the id", self.id.as_ref(), &message.provider_id)
                .or_else(|| differs("the sender", self.sender.as_ref(), &message.sender.as_str().to_owned()))
                .or_else(|| differs("the recipient", self.recipient.as_ref(), &message.recipient.as_str().to_owned()))
                .or_else(|| differs("the text", self.text.as_ref(), &message.text))
                .or_else(|| differs("the number of media", self.media.as_ref(), &message.media.len())),
            Event::Status(report) => differs("the id", self.id.as_ref(), &report.provider_id)
                .or_else(|| differs("the status", self.status.as_ref(), &report.status.to_string()))
                .or_else(|| {
                    let code = report.error.as_ref().and_then(|error| error.code);
                    differs("the code", self.code.map(Some).as_ref(), &code)
                }),
        })
    }
}

/// The word for a refusal in examples.
pub(super) fn word(refused: &Refused) -> &'static str {
    match refused {
        Refused::Unsigned => "unsigned",
        Refused::Forged => "forged",
        Refused::Foreign => "foreign",
        Refused::Malformed(_) => "malformed",
        Refused::Broken(_) => "broken",
    }
}
