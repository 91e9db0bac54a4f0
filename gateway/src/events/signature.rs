//! Signing events as Standard Webhooks has it. Pure.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretSlice, SecretString};
use sha2::Sha256;

/// How such a secret begins.
const PREFIX: &str = "whsec_";

/// What is wrong with a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "must be `whsec_` and the base64 of 24 to 64 random bytes, or `env:VARIABLE`; `openssl rand -base64 32` makes \
     such bytes"
)]
pub(super) struct BadSecret;

/// What signs for one endpoint.
#[derive(Clone, Debug)]
pub(super) struct Key(SecretSlice<u8>);

impl Key {
    pub(super) fn read(secret: &SecretString) -> Result<Self, BadSecret> {
        let encoded = secret.expose_secret().trim().strip_prefix(PREFIX).ok_or(BadSecret)?;
        let bytes = STANDARD.decode(encoded).map_err(|_| BadSecret)?;
        if !(24..=64).contains(&bytes.len()) {
            return Err(BadSecret);
        }
        Ok(Self(bytes.into()))
    }

    /// The value of `webhook-signature` for an event of this id, sent at this time, with this body.
    pub(super) fn sign(&self, id: &str, seconds: i64, body: &str) -> String {
        // HMAC takes a key of any length, so there always is one; the type can't say so.
        let Ok(mut hash) = Hmac::<Sha256>::new_from_slice(self.0.expose_secret()) else { return String::new() };
        hash.update(format!("{id}.{seconds}.{body}").as_bytes());
        format!("v1,{}", STANDARD.encode(hash.finalize().into_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first case is the one of the specification's libraries; the second was signed by the one for
    /// Python (`standardwebhooks` 1.1.0: `Webhook(secret).sign(id, timestamp, body)`).
    #[test]
    fn signatures_are_those_of_other_libraries() {
        let key = Key::read(&SecretString::from("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")).unwrap();
        let cases = [
            (
                "msg_p5jXN8AQM9LWM0D4loKWxJek",
                r#"{"test": 2432232314}"#,
                "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
            ),
            (
                "0190a5b1-7e6f-7abc-8def-0123456789ab",
                r#"{"type":"message.forwarded","data":{"text":"¿Cuánto cuesta? ñ"}}"#,
                "v1,fmYFrbdSiOs8g8MHkZxpYU5LH/ZPBFb7DUnqftMJblc=",
            ),
        ];
        for (id, body, signature) in cases {
            assert_eq!(key.sign(id, 1_614_265_330, body), signature);
        }
    }

    #[test]
    fn a_secret_is_long_enough_and_of_its_form() {
        let read = |text: &str| Key::read(&SecretString::from(text)).is_ok();
        let of = |bytes: usize| format!("whsec_{}", STANDARD.encode(vec![7; bytes]));
        assert_eq!([23, 24, 64, 65].map(|bytes| read(&of(bytes))), [false, true, true, false]);
        assert!(!read(of(32).trim_start_matches("whsec_")) && !read("whsec_ñ") && !read("whsec_") && !read(""));
    }
}
