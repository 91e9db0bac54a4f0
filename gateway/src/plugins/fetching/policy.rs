//! What one plugin may ask of whom.

use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;
use url::Url;

use super::hosts::AllowedHost;
use super::request::{build, hide, url};
use crate::plugins::{FetchFailure, FetchRequest, FetchResponse, Settings};
use crate::transport::{self, Body, HttpTransport, Limits, Reach, Transport};

/// What the time for connecting and the transport's own time-out have over the plugin's, so that it is
/// always the plugin's that is told.
const SLACK: Duration = Duration::from_secs(1);
/// The most of a name that is repeated in an error.
const MAX_NAME: usize = 100;

/// What the operator allowed to one plugin.
pub(super) struct Policy {
    hosts: Vec<AllowedHost>,
    private_hosts: Vec<AllowedHost>,
    secrets: Vec<Known>,
    timeout: Duration,
    public: Arc<dyn Transport>,
    private: Arc<dyn Transport>,
}

struct Known {
    name: String,
    value: SecretString,
    /// None: any of the plugin's.
    hosts: Option<Vec<AllowedHost>>,
}

impl Policy {
    pub(super) fn new(settings: &Settings) -> Result<Self, transport::Failure> {
        let timeout = Duration::from_millis(u64::from(settings.fetch_timeout_ms));
        let limits = Limits {
            connect: timeout + SLACK,
            total: timeout + SLACK,
            response: settings.fetch_max_bytes,
            body: Body::Needed,
            reach: Reach::Public,
            silence: None,
        };
        let secrets = settings.secrets.iter().map(|(name, secret)| Known {
            name: name.clone(),
            value: secret.value().clone(),
            hosts: secret.hosts().map(parse),
        });
        Ok(Self {
            hosts: parse(&settings.hosts),
            private_hosts: parse(&settings.private_hosts),
            secrets: secrets.collect(),
            timeout,
            public: Arc::new(HttpTransport::new(limits)?),
            private: Arc::new(HttpTransport::new(Limits { reach: Reach::Anyone, ..limits })?),
        })
    }

    pub(super) async fn fetch(&self, asked: FetchRequest) -> Result<FetchResponse, FetchFailure> {
        let url = url(&asked.url)?;
        let private = covers(&self.private_hosts, &url);
        if !private && !covers(&self.hosts, &url) {
            let whom = shorten(&url.origin().ascii_serialization());
            return Err(FetchFailure::NotAllowed(format!(
                "the plugin's settings do not name {whom} among its `hosts`"
            )));
        }
        let secret = |name: &str| self.secret(name, &url, private).map(|known| &known.value);
        let request = build(&asked, &url, secret)?;
        let transport = if private { &self.private } else { &self.public };
        let timeout = asked.timeout.map_or(self.timeout, |timeout| timeout.min(self.timeout));
        match tokio::time::timeout(timeout, transport.send(request)).await {
            Err(_) => Err(FetchFailure::Timeout),
            Ok(Err(failure)) => Err(told(&failure)),
            Ok(Ok(response)) => Ok(self.read(&response)),
        }
    }

    /// A secret, if it may go there.
    fn secret(&self, name: &str, url: &Url, private: bool) -> Result<&Known, FetchFailure> {
        let refused = |problem: &str| FetchFailure::NotAllowed(format!("the secret `{}` {problem}", shorten(name)));
        let known = self.secrets.iter().find(|known| known.name == name);
        let known = known.ok_or_else(|| refused("is not in the plugin's settings"))?;
        if known.hosts.as_ref().is_some_and(|hosts| !covers(hosts, url)) {
            return Err(refused("is not for this host"));
        }
        if url.scheme() == "http" && !private {
            return Err(refused("goes over https alone, but for `private_hosts`"));
        }
        Ok(known)
    }

    /// What the plugin gets of an answer. All of its secrets are looked for, not only those that went
    /// along: the other side may have them from before.
    fn read(&self, response: &http::Response<bytes::Bytes>) -> FetchResponse {
        let secrets: Vec<_> = self.secrets.iter().map(|known| (known.name.clone(), known.value.clone())).collect();
        let text = |bytes: &[u8]| hide(String::from_utf8_lossy(bytes).into_owned(), &secrets);
        let headers = response.headers().iter();
        FetchResponse {
            status: response.status().as_u16(),
            headers: headers.map(|(name, value)| (name.as_str().to_owned(), text(value.as_bytes()))).collect(),
            body: text(response.body()),
        }
    }
}

/// They were checked with the settings.
fn parse(hosts: &[String]) -> Vec<AllowedHost> {
    hosts.iter().filter_map(|host| AllowedHost::parse(host).ok()).collect()
}

fn covers(hosts: &[AllowedHost], url: &Url) -> bool {
    hosts.iter().any(|host| host.covers(url))
}

/// What the plugin and the trace are told. Before anything was sent, the transport's words are its own;
/// after that, the other side could have put what it was sent into them.
fn told(failure: &transport::Failure) -> FetchFailure {
    match failure {
        failure if failure.is_private() => FetchFailure::NotAllowed(
            "the host is at an address that is not public; the operator may name it in `private_hosts`".to_owned(),
        ),
        transport::Failure::NotSent(reason) => FetchFailure::Failed(format!("nothing was sent: {reason}")),
        transport::Failure::Unanswered(_) => FetchFailure::Failed("there was no answer, or no whole one".to_owned()),
        transport::Failure::TooLong(bytes) => FetchFailure::TooLarge(*bytes),
    }
}

fn shorten(name: &str) -> String {
    name.chars().filter(|c| !c.is_control()).take(MAX_NAME).collect()
}
