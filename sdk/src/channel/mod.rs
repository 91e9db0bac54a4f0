//! Write channels in Rust: the protocol of a provider, as a component.
//!
//! A channel is a type that implements [`Channel`], handed to [`channel!`](crate::channel!). It is
//! protocol alone: bytes in, values out. The gateway receives the webhooks, makes the requests, keeps
//! the messages, and holds the secrets: [`secrets::placeholder`] stands for one in a request, and
//! [`secrets`] compares and signs with them.
//!
//! ```
//! use recado_sdk::channel::*;
//!
//! struct Pager;
//!
//! impl Channel for Pager {
//!     fn describe() -> Description {
//!         Description::new("pager", "1.0.0").host("https://pager.example.com").secret("key").max_text_units(240)
//!     }
//!
//!     fn verify_and_parse(webhook: Webhook) -> Result<Parsed, Refusal> {
//!         let key = webhook.header("x-key").ok_or(Refusal::Unsigned)?;
//!         if !secrets::equals("key", key.as_bytes()) {
//!             return Err(Refusal::Forged);
//!         }
//!         let [id, from, text] = ["id", "from", "text"].map(|name| webhook.query(name).unwrap_or_default());
//!         Ok(Parsed::inbound(InboundMessage::new(id, from, "+15005550006", text)))
//!     }
//!
//!     fn encode(part: Part) -> Result<Request, String> {
//!         Ok(Request::post("https://pager.example.com/send")
//!             .header("X-Key", secrets::placeholder("key"))
//!             .header("X-To", &part.recipient)
//!             .body("text/plain", part.content.text))
//!     }
//!
//!     fn decode(response: Response) -> Outcome {
//!         match response.status {
//!             200 => Outcome::accepted(String::from_utf8_lossy(&response.body), MessageStatus::Sent),
//!             429 => Outcome::retry(None, ProviderError::new(429, "too many requests")),
//!             400..=499 => Outcome::Rejected(ProviderError::status(&response)),
//!             _ => Outcome::Unknown(ProviderError::status(&response)),
//!         }
//!     }
//! }
//!
//! recado_sdk::channel!(Pager);
//!
//! // The same code runs natively, so its tests are plain Rust.
//! let webhook = testing::webhook("/in?id=7&from=%2B14155550100&text=hi").with_header("X-Key", "k-123");
//! let parsed = testing::Host::new().secret("key", "k-123").run(|| Pager::verify_and_parse(webhook));
//! assert!(matches!(&parsed.unwrap().events[..], [Event::Inbound(message)] if message.text == "hi"));
//! ```

#[doc(hidden)]
#[rustfmt::skip]
#[expect(unsafe_code, reason = "generated: the way over the boundary")]
#[expect(
    clippy::pedantic,
    clippy::allow_attributes,
    clippy::allow_attributes_without_reason,
    clippy::unwrap_used,
    unreachable_pub,
    unused_qualifications,
    reason = "generated"
)]
pub mod bindings;
mod splitting;
#[cfg(not(target_family = "wasm"))]
pub mod testing;
mod values;

use std::marker::PhantomData;

#[doc(inline)]
pub use bindings::recado::channel::types::{
    Accepted, Answer, Capabilities, Consent, Content, Description, Event, Fetching, InboundMessage, Later, Media,
    MessageStatus, NotFound, OutboundMessage, Outcome, Parsed, Part, ProviderError, Refusal, Request, Response,
    StatusReport, Unsendable, Webhook,
};
pub use splitting::split_text;

#[cfg(target_family = "wasm")]
use bindings::recado::channel as host;
#[cfg(not(target_family = "wasm"))]
use testing::host;

/// What a channel does. The [module's page](self) has a whole one.
pub trait Channel {
    /// What the channel says of itself; it may read the configuration for it.
    fn describe() -> Description;

    /// Checks that the provider itself sent this, and reads what it means.
    fn verify_and_parse(webhook: Webhook) -> Result<Parsed, Refusal>;

    /// Cuts a message into as many requests as it needs. Without code of your own: media ride the first,
    /// and a long text is cut at white space.
    fn split(message: OutboundMessage) -> Result<Vec<Content>, Unsendable> {
        splitting::split(message, &Self::describe().capabilities)
    }

    /// The one request that sends this part; an error says why there is none.
    fn encode(part: Part) -> Result<Request, String>;

    /// What the provider's response to that request says. Only what certainly was not sent may be
    /// anything else than accepted or unknown.
    fn decode(response: Response) -> Outcome;

    /// The request for a medium that came with a message. Without code of your own: its URL is asked for,
    /// without credentials.
    fn fetch(url: String) -> Result<Fetching, String> {
        Ok(Fetching::medium(Request::get(url)))
    }

    /// The request for the medium itself, of the response to a [lookup](Fetching::lookup).
    fn found(_response: Response) -> Result<Request, NotFound> {
        Err(NotFound::Final("the channel looks no media up".to_owned()))
    }
}

/// What the operator configured, as a JSON document that fits the channel's schema.
pub fn config() -> String {
    host::config::get()
}

/// The same as a type of yours; without any configuration, what an empty one would be. With the feature
/// `json`.
#[cfg(feature = "json")]
pub fn config_as<T: serde::de::DeserializeOwned>() -> Result<T, String> {
    let json = config();
    let json = if matches!(json.trim(), "" | "null") { "{}" } else { &json };
    serde_json::from_str(json).map_err(|error| error.to_string())
}

/// What can be done with the operator's secrets without seeing one.
pub mod secrets {
    use super::host;

    /// What stands for the secret in a request: in the URL behind the host, in a header's value or in the
    /// body. Empty for a secret that is not there.
    pub fn placeholder(name: &str) -> String {
        host::secrets::placeholder(name)
    }

    /// Whether this is the data's HMAC-SHA256 with the secret as key, in constant time. Nothing is signed with
    /// a secret that is not there.
    pub fn signed_sha256(name: &str, data: &[u8], signature: &[u8]) -> bool {
        same(&hmac_sha256(name, data), signature)
    }

    /// As [`signed_sha256`], with HMAC-SHA1.
    pub fn signed_sha1(name: &str, data: &[u8], signature: &[u8]) -> bool {
        same(&hmac_sha1(name, data), signature)
    }

    /// Looks at every byte, wherever the first difference is.
    fn same(expected: &[u8], told: &[u8]) -> bool {
        let differences =
            expected.iter().zip(told).fold(0, |all, (one, other)| std::hint::black_box(all | (one ^ other)));
        !expected.is_empty() && expected.len() == told.len() && differences == 0
    }

    /// Whether the secret is this, in constant time. Nothing equals a secret that is not there.
    pub fn equals(name: &str, value: &[u8]) -> bool {
        host::secrets::equals(name, value)
    }

    /// HMAC-SHA1 of the data with the secret as key; empty without such a secret.
    pub fn hmac_sha1(name: &str, data: &[u8]) -> Vec<u8> {
        host::secrets::hmac_sha1(name, data)
    }

    /// HMAC-SHA256 of the data with the secret as key; empty without such a secret.
    pub fn hmac_sha256(name: &str, data: &[u8]) -> Vec<u8> {
        host::secrets::hmac_sha256(name, data)
    }
}

/// Lines for the gateway's log. Leave out what people wrote, and their addresses.
pub mod log {
    #[doc(inline)]
    pub use super::bindings::recado::channel::log::Level;

    /// A line of any level.
    pub fn write(level: Level, message: impl AsRef<str>) {
        super::host::log::write(level, message.as_ref());
    }
}

/// The bridge from what the contract generates to [`Channel`].
#[doc(hidden)]
#[derive(Debug)]
pub struct Component<C>(PhantomData<C>);

impl<C: Channel> bindings::exports::recado::channel::provider::Guest for Component<C> {
    fn describe() -> Description {
        C::describe()
    }

    fn verify_and_parse(webhook: Webhook) -> Result<Parsed, Refusal> {
        C::verify_and_parse(webhook)
    }

    fn split(message: OutboundMessage) -> Result<Vec<Content>, Unsendable> {
        C::split(message)
    }

    fn encode(part: Part) -> Result<Request, String> {
        C::encode(part)
    }

    fn decode(response: Response) -> Outcome {
        C::decode(response)
    }

    fn fetch(url: String) -> Result<Fetching, String> {
        C::fetch(url)
    }

    fn found(response: Response) -> Result<Request, NotFound> {
        C::found(response)
    }
}

/// Makes a type that implements [`Channel`] the one that this component exports.
/// Once per crate. Outside WebAssembly it exports nothing.
#[macro_export]
macro_rules! channel {
    ($channel:ty) => {
        const _: () = {
            type Exported = $crate::channel::Component<$channel>;

            // Says in the channel's own words what is missing, also where nothing is exported.
            const fn is_a_channel<C: $crate::channel::Channel>() {}
            is_a_channel::<$channel>();

            #[cfg(target_family = "wasm")]
            $crate::channel::bindings::export_channel! { Exported with_types_in $crate::channel::bindings }
        };
    };
}
