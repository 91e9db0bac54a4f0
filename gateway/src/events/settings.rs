//! `[endpoints.NAME]`

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use url::Url;

use super::signature::Key;
use crate::store::EventKind;
use crate::transport::is_private;

/// How a secret names the environment variable that holds it.
const VARIABLE: &str = "env:";
/// The longest that an application may take to answer, in seconds.
const LONGEST_TIMEOUT_S: u32 = 60;
/// The pauses after the first try and those behind it, in seconds.
const PAUSES_S: [u64; 9] = {
    const MINUTE: u64 = 60;
    const HOUR: u64 = 60 * MINUTE;
    [5, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR, 10 * HOUR, 14 * HOUR, 20 * HOUR, 24 * HOUR]
};
/// The longest pause between two tries, in seconds.
const LONGEST_PAUSE_S: u64 = 7 * 24 * 60 * 60;
/// The most pauses between tries.
const MOST_PAUSES: usize = 50;
/// How long an endpoint may fail, in seconds, before it is told no more: three days, less than all tries of one
/// event take, so that nothing is given up for it.
const PATIENCE_S: u32 = 3 * 24 * 60 * 60;

/// `[endpoints.NAME]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    pub url: String,
    /// What events are signed with: `whsec_…`, or `env:VARIABLE`.
    pub secret: SecretString,
    /// What it is told besides what plugins forward to it: names of events, or patterns as in `message.*`.
    #[serde(default)]
    pub events: Vec<String>,
    /// The pauses after the first try and those behind it, in seconds; after the last, an event is given up.
    #[serde(default = "default_pauses")]
    pub retry_s: Vec<u64>,
    /// For how long no try may succeed before it is told no more, in seconds. 0 is for ever.
    #[serde(default = "default_patience")]
    pub disable_after_s: u32,
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

/// `[stream]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StreamSettings {
    /// For how long what happens is kept for whoever listens, in hours, also in parts of them. 0 is not at all.
    pub keep_h: f64,
}

/// The longest that it is kept, in hours: thirty days.
const LONGEST_KEPT_H: f64 = 720.0;
const SECONDS_AN_HOUR: f64 = 3600.0;

impl StreamSettings {
    /// The key that makes no sense, and why.
    pub fn check(&self) -> Result<(), (&'static str, String)> {
        if (0.0..=LONGEST_KEPT_H).contains(&self.keep_h) {
            return Ok(());
        }
        Err(("keep_h", format!("is {}, but must be 0 (not kept) to {LONGEST_KEPT_H} hours", self.keep_h)))
    }

    pub fn is_kept(&self) -> bool {
        self.keep_h > 0.0
    }

    /// What happened before this is given up; none: nothing is kept.
    pub(super) fn before(&self, now: Timestamp) -> Option<Timestamp> {
        let age = SignedDuration::try_from_secs_f64(self.keep_h * SECONDS_AN_HOUR).ok()?;
        now.checked_sub(age).ok()
    }
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
        if self.retry_s.len() > MOST_PAUSES || self.retry_s.iter().any(|pause| !(1..=LONGEST_PAUSE_S).contains(pause)) {
            let allowed = format!("may have {MOST_PAUSES} pauses of 1 to {LONGEST_PAUSE_S} seconds");
            return Err(("retry_s", allowed));
        }
        let strange = self.events.iter().find(|pattern| !EventKind::ALL.iter().any(|kind| fits(pattern, *kind)));
        if let Some(strange) = strange {
            let there: Vec<&str> = EventKind::ALL.iter().map(|kind| kind.as_str()).collect();
            let there = there.join(", ");
            return Err((
                "events",
                format!("`{strange}` fits no event, as `*` or `message.*` would; there are: {there}"),
            ));
        }
        Ok(())
    }

    /// What it wants to be told of, whoever did it. What plugins forward is for the endpoint that they name.
    pub(super) fn wanted(&self) -> BTreeSet<EventKind> {
        let named = EventKind::ALL.into_iter().filter(|kind| *kind != EventKind::MessageForwarded);
        named.filter(|kind| self.events.iter().any(|pattern| fits(pattern, *kind))).collect()
    }

    /// For how long no try may succeed.
    pub(super) fn patience(&self) -> Option<Duration> {
        (self.disable_after_s > 0).then(|| Duration::from_secs(u64::from(self.disable_after_s)))
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

/// Whether an event is named by its name, by what it begins with as in `message.*`, or by `*`.
/// Whether an event is meant by its name, or by how that begins, as in `message.*`.
pub fn fits(pattern: &str, kind: EventKind) -> bool {
    match pattern.strip_suffix('*') {
        Some(start) => (start.is_empty() || start.ends_with('.')) && kind.as_str().starts_with(start),
        None => kind.as_str() == pattern,
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

fn default_pauses() -> Vec<u64> {
    PAUSES_S.to_vec()
}

fn default_patience() -> u32 {
    PATIENCE_S
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    fn settings(url: &str) -> Settings {
        Settings {
            url: url.to_owned(),
            secret: SecretString::from(SECRET),
            events: Vec::new(),
            retry_s: default_pauses(),
            disable_after_s: PATIENCE_S,
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
        assert_eq!(key(&Settings { retry_s: Vec::new(), ..good() }), Ok(()), "one try alone");
        assert_eq!(key(&Settings { retry_s: vec![5, 0], ..good() }), Err("retry_s"));
        for wrong in ["message.recieved", "message", "mess*", "", "message.*.*"] {
            assert_eq!(key(&Settings { events: vec![wrong.to_owned()], ..good() }), Err("events"), "{wrong}");
        }
        assert!(["crm", "CRM_2-b"].iter().all(|name| check_name(name).is_ok()));
        assert!(["", "a b", "ñ", &"a".repeat(65)].iter().all(|name| check_name(name).is_err()));
    }

    #[test]
    fn what_it_wants_is_named_one_by_one_or_by_how_it_begins() {
        use EventKind::{ChannelPaused, ChannelResumed, EndpointDisabled, MessageReceived, MessageStatus};
        let wanted = |patterns: &[&str]| -> Vec<EventKind> {
            let events = patterns.iter().map(|pattern| (*pattern).to_owned()).collect();
            let settings = Settings { events, ..settings("https://crm.example.com/") };
            settings.check().unwrap();
            settings.wanted().into_iter().collect()
        };
        assert_eq!(wanted(&[]), []);
        // It is told what is forwarded to it, and to nobody else.
        assert_eq!(wanted(&["message.*"]), [MessageReceived, MessageStatus]);
        assert_eq!(wanted(&["message.forwarded"]), []);
        assert_eq!(wanted(&["channel.*", "message.status"]), [MessageStatus, ChannelPaused, ChannelResumed]);
        assert_eq!(wanted(&["endpoint.disabled", "endpoint.*"]), [EndpointDisabled]);
        assert_eq!(wanted(&["*"]).len(), EventKind::ALL.len() - 1);
    }

    /// An endpoint that is away is disabled before anything is given up for that.
    #[test]
    fn an_endpoint_is_given_up_before_its_events() {
        let all: u64 = PAUSES_S.iter().sum();
        assert!(u64::from(PATIENCE_S) < all && all < u64::from(PATIENCE_S) + PAUSES_S[8]);
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
