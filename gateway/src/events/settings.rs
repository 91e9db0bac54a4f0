//! `[endpoints.NAME]`

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use url::{Host, Url};

use super::signature::Key;
use crate::transport::is_public;

/// How a secret names the environment variable that holds it.
const VARIABLE: &str = "env:";
/// The longest that an application may take to answer, in seconds.
const LONGEST_TIMEOUT_S: u32 = 60;

/// `[endpoints.NAME]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    pub url: String,
    /// What events are signed with: `whsec_…`, or `env:VARIABLE`.
    pub secret: SecretString,
    /// How long the application may take to answer, in seconds.
    #[serde(default = "default_timeout")]
    pub timeout_s: u32,
    /// Whether it may be on this machine or in its own network.
    #[serde(default)]
    pub private_addresses: bool,
    /// It is told nothing for now; what it is to be told waits.
    #[serde(default)]
    pub disabled: bool,
}

impl Settings {
    /// Takes the secret from the environment, if it stands there. The error is the key and the problem.
    pub fn resolve<'a>(&mut self, variable: impl Fn(&str) -> Option<&'a str>) -> Result<(), (&'static str, String)> {
        let Some(name) = self.secret.expose_secret().strip_prefix(VARIABLE) else { return Ok(()) };
        let Some(found) = variable(name) else {
            return Err(("secret", format!("the environment variable {name} is not set, or empty")));
        };
        self.secret = SecretString::from(found);
        Ok(())
    }

    /// The key that makes no sense, and why.
    pub fn check(&self) -> Result<(), (&'static str, String)> {
        self.check_url().map_err(|problem| ("url", problem))?;
        Key::read(&self.secret).map_err(|problem| ("secret", problem.to_string()))?;
        if !(1..=LONGEST_TIMEOUT_S).contains(&self.timeout_s) {
            return Err(("timeout_s", format!("is {}, but must be 1 to {LONGEST_TIMEOUT_S}", self.timeout_s)));
        }
        Ok(())
    }

    fn check_url(&self) -> Result<(), String> {
        let url = Url::parse(&self.url).map_err(|error| format!("is no URL: {error}"))?;
        let Some(host) = url.host() else { return Err("has no host".to_owned()) };
        let name = "which `private_addresses = true` would allow";
        match url.scheme() {
            "https" => {}
            "http" if self.private_addresses => {}
            "http" => return Err(format!("must begin with https://, but for your own network, {name}")),
            other => return Err(format!("begins with {other}:, but must begin with https://")),
        }
        if url.fragment().is_some() {
            return Err("must have no # part".to_owned());
        }
        if !self.private_addresses && is_private(&host) {
            return Err(format!("is an address of this machine or its network, {name}"));
        }
        Ok(())
    }
}

/// Literal addresses and the names of this machine; what another name stands for is seen when it is called.
fn is_private(host: &Host<&str>) -> bool {
    match host {
        Host::Domain(name) => {
            let name = name.trim_end_matches('.').to_ascii_lowercase();
            name == "localhost" || name.ends_with(".localhost")
        }
        Host::Ipv4(ip) => !is_public((*ip).into()),
        Host::Ipv6(ip) => !is_public((*ip).into()),
    }
}

/// What makes no sense about an endpoint's name.
pub fn check_name(name: &str) -> Result<(), String> {
    let fits = (1..=64).contains(&name.len());
    if fits && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_')) {
        return Ok(());
    }
    Err("is no name for an endpoint: 1 to 64 letters, digits, - and _".to_owned())
}

fn default_timeout() -> u32 {
    20
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    fn settings(url: &str) -> Settings {
        Settings {
            url: url.to_owned(),
            secret: SecretString::from(SECRET),
            timeout_s: 20,
            private_addresses: false,
            disabled: false,
        }
    }

    #[test]
    fn what_makes_no_sense_names_its_key() {
        let key = |settings: &Settings| settings.check().map_err(|(key, _)| key);
        for (url, outside, inside) in [
            ("https://crm.example.com/recado?tenant=1", Ok(()), Ok(())),
            ("http://crm.example.com/", Err("url"), Ok(())),
            ("https://localhost/", Err("url"), Ok(())),
            ("http://127.0.0.1:3000/", Err("url"), Ok(())),
            ("https://[fd00::1]/", Err("url"), Ok(())),
            ("https://crm.example.com/#there", Err("url"), Err("url")),
            ("ftp://crm.example.com/", Err("url"), Err("url")),
            ("crm.example.com", Err("url"), Err("url")),
            ("", Err("url"), Err("url")),
        ] {
            assert_eq!(key(&settings(url)), outside, "{url}");
            assert_eq!(key(&Settings { private_addresses: true, ..settings(url) }), inside, "{url}, inside");
        }
        let good = || settings("https://crm.example.com/");
        assert_eq!(key(&Settings { secret: SecretString::from("hush"), ..good() }), Err("secret"));
        assert_eq!(key(&Settings { timeout_s: 0, ..good() }), Err("timeout_s"));
        assert_eq!(key(&Settings { timeout_s: 61, ..good() }), Err("timeout_s"));
        assert!(["crm", "CRM_2-b"].iter().all(|name| check_name(name).is_ok()));
        assert!(["", "a b", "ñ", &"a".repeat(65)].iter().all(|name| check_name(name).is_err()));
    }

    #[test]
    fn a_secret_comes_from_the_environment() {
        let mut settings = Settings { secret: SecretString::from("env:CRM"), ..settings("https://crm.example.com/") };
        let problem = settings.resolve(|_| None).unwrap_err();
        assert_eq!((problem.0, problem.1.contains("CRM")), ("secret", true));
        settings.resolve(|name| (name == "CRM").then_some(SECRET)).unwrap();
        assert_eq!(settings.check(), Ok(()));
    }
}
