//! Stand-ins for the gateway, so that a channel's tests are plain Rust. Not there in WebAssembly.

use std::cell::RefCell;
use std::collections::BTreeMap;

use super::{Content, OutboundMessage, Part, Response, Webhook};

thread_local! {
    static CURRENT: RefCell<Host> = RefCell::new(Host::new());
}

/// Stands in for the gateway on this thread: a configuration, and secrets.
#[derive(Clone, Debug, Default)]
pub struct Host {
    config: Option<String>,
    secrets: BTreeMap<String, String>,
}

impl Host {
    /// Without configuration and secrets.
    pub fn new() -> Self {
        Self::default()
    }

    /// With this configuration, in JSON.
    #[must_use]
    pub fn config(self, json: impl Into<String>) -> Self {
        Self { config: Some(json.into()), ..self }
    }

    /// With one more secret.
    #[must_use]
    pub fn secret(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.secrets.insert(name.into(), value.into());
        self
    }

    /// Runs `body` with this host around it.
    pub fn run<T>(&self, body: impl FnOnce() -> T) -> T {
        /// Puts back what was there before, also when `body` panics.
        struct Restored(Host);
        impl Drop for Restored {
            fn drop(&mut self) {
                CURRENT.set(std::mem::take(&mut self.0));
            }
        }
        let _restored = Restored(CURRENT.replace(self.clone()));
        body()
    }
}

/// A POST without a body to this path and query.
pub fn webhook(target: &str) -> Webhook {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let pair = |pair: &str| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decoded(name), decoded(value))
    };
    Webhook {
        method: "POST".to_owned(),
        url: format!("https://recado.example{target}"),
        path: path.to_owned(),
        query: query.split('&').filter(|text| !text.is_empty()).map(pair).collect(),
        headers: Vec::new(),
        body: Vec::new(),
    }
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, behind @ ..] = rest {
        let hex = behind.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
        match (first, hex.and_then(|hex| u8::from_str_radix(hex, 16).ok())) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = behind.get(2..).unwrap_or_default();
                continue;
            }
            (b'+', _) => bytes.push(b' '),
            (other, _) => bytes.push(*other),
        }
        rest = behind;
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

impl Webhook {
    /// With one more header.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_ascii_lowercase(), value.to_owned()));
        self
    }

    /// With this body.
    #[must_use]
    pub fn with_body(self, body: impl Into<Vec<u8>>) -> Self {
        Self { body: body.into(), ..self }
    }
}

/// A text to be sent.
pub fn outbound_message(text: impl Into<String>) -> OutboundMessage {
    OutboundMessage { text: text.into(), media: Vec::new(), extra: Vec::new() }
}

/// A part with this text to this recipient.
pub fn part(recipient: impl Into<String>, text: impl Into<String>) -> Part {
    Part {
        id: "01890000-0000-7000-8000-000000000001".to_owned(),
        sender: None,
        recipient: recipient.into(),
        content: Content { text: text.into(), media: Vec::new() },
        status_callback: "https://recado.example/webhooks/test/status".to_owned(),
        extra: Vec::new(),
    }
}

/// A provider's response.
pub fn response(status: u32, body: impl Into<Vec<u8>>) -> Response {
    Response { status, headers: Vec::new(), body: body.into() }
}

/// What the bindings have in WebAssembly.
pub(super) mod host {
    pub(crate) mod config {
        use super::super::CURRENT;

        pub(crate) fn get() -> String {
            CURRENT.with_borrow(|host| host.config.clone().unwrap_or_else(|| "{}".to_owned()))
        }
    }

    pub(crate) mod secrets {
        use hmac::{Hmac, Mac};

        use super::super::CURRENT;

        fn secret(name: &str) -> Option<String> {
            CURRENT.with_borrow(|host| host.secrets.get(name).cloned())
        }

        pub(crate) fn placeholder(name: &str) -> String {
            secret(name).map(|_| format!("{{{{secret:{name}}}}}")).unwrap_or_default()
        }

        pub(crate) fn equals(name: &str, value: &[u8]) -> bool {
            secret(name).is_some_and(|secret| secret.as_bytes() == value)
        }

        pub(crate) fn hmac_sha1(name: &str, data: &[u8]) -> Vec<u8> {
            let keyed = secret(name).and_then(|key| Hmac::<sha1::Sha1>::new_from_slice(key.as_bytes()).ok());
            keyed.map(|hash| hash.chain_update(data).finalize().into_bytes().to_vec()).unwrap_or_default()
        }

        pub(crate) fn hmac_sha256(name: &str, data: &[u8]) -> Vec<u8> {
            let keyed = secret(name).and_then(|key| Hmac::<sha2::Sha256>::new_from_slice(key.as_bytes()).ok());
            keyed.map(|hash| hash.chain_update(data).finalize().into_bytes().to_vec()).unwrap_or_default()
        }
    }

    pub(crate) mod log {
        use super::super::super::log::Level;

        pub(crate) fn write(level: Level, message: &str) {
            eprintln!("{level:?}: {message}");
        }
    }
}
