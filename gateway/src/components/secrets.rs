//! The operator's secrets of one channel: what a component may have done with them.

use std::collections::BTreeMap;

use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha1::Sha1;
use sha2::Sha256;
use subtle::ConstantTimeEq;

/// How a placeholder begins and ends.
pub(super) const OPEN: &str = "{{secret:";
pub(super) const CLOSE: &str = "}}";

/// By name, and the mark that makes a placeholder one.
#[derive(Clone, Debug, Default)]
pub(super) struct Secrets {
    secrets: BTreeMap<String, SecretString>,
    mark: String,
}

impl Secrets {
    /// With a mark that nobody guesses.
    pub(super) fn new(secrets: BTreeMap<String, SecretString>, mark: String) -> Self {
        Self { secrets, mark }
    }

    /// What stands for a secret in a request; empty for one that is not there.
    pub(super) fn placeholder(&self, name: &str) -> String {
        if self.get(name).is_none() {
            return String::new();
        }
        format!("{OPEN}{name}:{}{CLOSE}", self.mark)
    }

    /// The secret that the inside of a placeholder stands for; none for what only looks like one.
    pub(super) fn meant(&self, inside: &str) -> Option<&str> {
        let (name, mark) = inside.rsplit_once(':')?;
        let known = !self.mark.is_empty() && mark == self.mark;
        if known { self.get(name) } else { None }
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.secrets.get(name).map(ExposeSecret::expose_secret)
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.secrets.keys().map(String::as_str)
    }

    /// Nothing equals a secret that is not there.
    pub(super) fn equals(&self, name: &str, value: &[u8]) -> bool {
        self.get(name).is_some_and(|secret| bool::from(secret.as_bytes().ct_eq(value)))
    }

    /// Empty for a secret that is not there, which no signature equals.
    pub(super) fn hmac_sha1(&self, name: &str, data: &[u8]) -> Vec<u8> {
        let keyed = self.get(name).and_then(|secret| Hmac::<Sha1>::new_from_slice(secret.as_bytes()).ok());
        keyed.map(|hash| hash.chain_update(data).finalize().into_bytes().to_vec()).unwrap_or_default()
    }

    /// As [`Self::hmac_sha1`].
    pub(super) fn hmac_sha256(&self, name: &str, data: &[u8]) -> Vec<u8> {
        let keyed = self.get(name).and_then(|secret| Hmac::<Sha256>::new_from_slice(secret.as_bytes()).ok());
        keyed.map(|hash| hash.chain_update(data).finalize().into_bytes().to_vec()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_compared_and_hashed_and_never_told() {
        let secrets = Secrets::new(BTreeMap::from([("key".to_owned(), SecretString::from("Jefe"))]), "m1".to_owned());
        assert!(secrets.equals("key", b"Jefe") && !secrets.equals("key", b"Jef") && !secrets.equals("other", b""));
        // RFC 2202 and RFC 4231, the second case of each.
        let data = b"what do ya want for nothing?";
        assert_eq!(hex::encode(secrets.hmac_sha1("key", data)), "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79");
        assert_eq!(
            hex::encode(secrets.hmac_sha256("key", data)),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
        assert_eq!(secrets.hmac_sha256("other", data), Vec::<u8>::new());
        assert_eq!(
            (secrets.placeholder("key").as_str(), secrets.placeholder("other").as_str()),
            ("{{secret:key:m1}}", "")
        );
        assert_eq!(
            (secrets.meant("key:m1"), secrets.meant("key"), secrets.meant("key:m2")),
            (Some("Jefe"), None, None)
        );
        assert!(!format!("{secrets:?}").contains("Jefe"));
    }
}
