//! The public address: that it is one, that it leads here, and that webhooks pass unchanged.

use bytes::Bytes;
use serde_json::Value;

use super::channel::inbound_url;
use super::clock::Skew;
use super::{Doctor, Finding};

const CHECK: &str = "public_url";
const REACH: &str = "public_url.reach";

impl Doctor {
    pub(super) async fn address(&self, skew: &mut Skew) -> Vec<Finding> {
        let Some(url) = self.public_url() else {
            let finding = "`server.public_url` is not set: Twilio does not know where to send what comes in";
            let remedy = "set it to the address that Twilio reaches, as in \"https://sms.example.mx\"";
            return vec![Finding::warning(CHECK, finding, remedy)];
        };
        let mut findings = vec![form(url)];
        let reached = self.healthy(url, skew).await;
        let arrived = reached.is_ok();
        findings.push(match reached {
            Ok(()) => Finding::ok(REACH, format!("a gateway answers at {url}")),
            Err(reason) => self.unreachable(url, &reason).await,
        });
        if arrived {
            for name in self.channels.names() {
                findings.extend(self.signatures(name, url, skew).await);
            }
        }
        findings
    }

    /// Whether a gateway says that it is alive.
    async fn healthy(&self, url: &str, skew: &mut Skew) -> Result<(), String> {
        let request = http::Request::get(format!("{url}/healthz")).body(Bytes::new());
        let response = self.ask(request.map_err(|error| error.to_string())?, skew).await?;
        let body: Value = serde_json::from_slice(response.body()).unwrap_or_default();
        if response.status().is_success() && body["status"] == "ok" {
            return Ok(());
        }
        Err(format!("something else answers there (HTTP {})", response.status().as_u16()))
    }

    /// Why the address leads nowhere: because nothing runs here, or because of what is between.
    async fn unreachable(&self, url: &str, reason: &str) -> Finding {
        let listen = self.config.server.listen;
        // What listens on every address is reached on this machine's own.
        let host =
            if listen.ip().is_unspecified() { format!("localhost:{}", listen.port()) } else { listen.to_string() };
        let here = self.healthy(&format!("http://{host}"), &mut Skew::default()).await;
        if here.is_err() {
            let finding = format!("no gateway runs at {listen}, and none answers at {url}");
            return Finding::warning(REACH, finding, "start it with `recado serve` and look again");
        }
        let (finding, remedy) = diagnose(reason);
        let finding = format!("a gateway runs at {listen}, but {url} does not lead to it: {finding}");
        Finding::failed(REACH, finding, remedy)
    }

    /// A forged webhook must be turned away, and one signed for the public address let in: then the path,
    /// the headers and the body come through as they were sent. Neither leaves a trace in the database.
    pub(super) async fn signatures(&self, name: &str, url: &str, skew: &mut Skew) -> Option<Finding> {
        let check = format!("channels.{name}.signature");
        let checkup = self.channels.get(name)?.checkup(self.target(name))?;
        let to = inbound_url(url, name);
        let mut answers = Vec::new();
        for genuine in [false, true] {
            match self.ask(checkup.webhook(&to, genuine)?, skew).await {
                Ok(response) => answers.push(Answered::of(&response)),
                Err(reason) => {
                    let (finding, remedy) = diagnose(&reason);
                    return Some(Finding::failed(check, format!("{to} gives no answer: {finding}"), remedy));
                }
            }
        }
        Some(judge(check, &to, answers[0], answers[1]))
    }
}

/// What a webhook that means nothing was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answered {
    /// By a gateway that did not believe the signature.
    Forbidden,
    /// By a gateway that did, and found nothing to read.
    Unreadable,
    /// By a gateway without this channel.
    Missing,
    Other(u16),
}

impl Answered {
    fn of(response: &http::Response<Bytes>) -> Self {
        let body: Value = serde_json::from_slice(response.body()).unwrap_or_default();
        match body["type"].as_str() {
            Some("urn:recado:problem:forbidden") => Self::Forbidden,
            Some("urn:recado:problem:unreadable") => Self::Unreadable,
            Some("urn:recado:problem:not-found") => Self::Missing,
            _ => Self::Other(response.status().as_u16()),
        }
    }
}

fn judge(check: String, url: &str, forged: Answered, genuine: Answered) -> Finding {
    match (forged, genuine) {
        (Answered::Forbidden, Answered::Unreadable) => {
            Finding::ok(check, "webhooks come through unchanged, and forged ones are turned away")
        }
        (Answered::Forbidden, Answered::Forbidden) => {
            let remedy = "give the running gateway the same `server.public_url` and `auth_token` as here (restart it \
                          after a change), and let the proxy pass the path and the body on as they are";
            Finding::failed(check, "a rightly signed webhook is refused", remedy)
        }
        (Answered::Missing, _) => {
            let remedy =
                "restart the gateway after a change of its settings; the proxy must pass the path on unchanged";
            Finding::failed(check, format!("the gateway has nothing at {url}"), remedy)
        }
        (other, _) => {
            let finding = format!("{url} answers a forged webhook in an unknown way ({other:?})");
            Finding::failed(check, finding, "let the proxy pass POST /webhooks/ on to the gateway, with all headers")
        }
    }
}

/// What there is to say of the address before anybody calls it.
fn form(text: &str) -> Finding {
    let url = url::Url::parse(text).ok();
    let local = match url.as_ref().and_then(url::Url::host) {
        Some(url::Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(url::Host::Ipv4(address)) => address.is_loopback() || address.is_private(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    if local {
        let finding = format!("{text} is an address of this machine or its network: Twilio can't call it");
        return Finding::warning(CHECK, finding, "set `server.public_url` to an address on the internet");
    }
    if url.is_some_and(|url| url.scheme() != "https") {
        let finding = format!("{text} is not https: what people write is readable on the way");
        return Finding::warning(
            CHECK,
            finding,
            "put a proxy with a certificate before the gateway, and write https://",
        );
    }
    Finding::ok(CHECK, format!("{text} is the public address"))
}

/// A failed exchange, as an operator understands it.
fn diagnose(reason: &str) -> (String, &'static str) {
    let has = |words: &[&str]| words.iter().any(|word| reason.contains(word));
    if has(&["certificate", "UnknownIssuer"]) {
        let remedy = "Twilio refuses it as well: use a certificate of a public authority for this very name, with its \
                      whole chain, and renew it in time";
        return (format!("its certificate was not accepted ({reason})"), remedy);
    }
    if has(&["dns error", "failed to lookup", "Name or service not known"]) {
        return (format!("its name is not known ({reason})"), "make a DNS record for the name, or correct the name");
    }
    if has(&["something else answers"]) {
        return (reason.to_owned(), "let the proxy pass requests on to the gateway, with the same path");
    }
    (reason.to_owned(), "check that the proxy runs, and that its port is open to the internet")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::channels::State;

    #[test]
    fn an_address_is_judged_by_its_form() {
        let cases = [
            ("https://sms.example.mx", State::Ok, "sms.example.mx"),
            ("http://sms.example.mx", State::Warning, "https"),
            ("https://localhost:8443", State::Warning, "this machine"),
            ("http://127.0.0.1:8080", State::Warning, "this machine"),
            ("https://192.168.1.7", State::Warning, "network"),
            ("https://[::1]", State::Warning, "this machine"),
        ];
        for (url, state, words) in cases {
            let finding = form(url);
            assert_eq!(finding.state, state, "{url}");
            assert!(finding.finding.contains(words), "{url}: {finding:?}");
        }
    }

    #[test]
    fn each_failure_has_its_remedy() {
        let cases = [
            ("not sent: could not connect: invalid peer certificate: Expired", "certificate", "authority"),
            ("not sent: could not connect: dns error: failed to lookup address", "name", "DNS"),
            ("not sent: could not connect: Connection refused", "refused", "proxy runs"),
            ("something else answers there (HTTP 502)", "502", "same path"),
            ("no answer: timed out", "timed out", "open"),
        ];
        for (reason, words, remedy) in cases {
            let told = diagnose(reason);
            assert!(told.0.contains(words) && told.1.contains(remedy), "{reason}: {told:?}");
        }
    }

    #[test]
    fn two_webhooks_show_what_is_between() {
        use Answered::{Forbidden, Missing, Other, Unreadable};
        let cases = [
            (Forbidden, Unreadable, State::Ok, "unchanged"),
            (Forbidden, Forbidden, State::Failed, "refused"),
            (Missing, Missing, State::Failed, "nothing at"),
            (Other(502), Other(502), State::Failed, "502"),
            (Unreadable, Unreadable, State::Failed, "forged"),
            (Forbidden, Other(200), State::Failed, "forged"),
        ];
        for (forged, genuine, state, words) in cases {
            let finding = judge("check".to_owned(), "https://a.mx/w", forged, genuine);
            assert_eq!(finding.state, state, "{forged:?} {genuine:?}");
            assert!(finding.finding.contains(words), "{finding:?}");
        }
        let problem = |kind: &str| {
            let body = format!(r#"{{"type":"urn:recado:problem:{kind}"}}"#);
            Answered::of(&http::Response::builder().status(403).body(body.into()).unwrap())
        };
        assert_eq!(
            [problem("forbidden"), problem("unreadable"), problem("not-found")],
            [Forbidden, Unreadable, Missing]
        );
        assert_eq!(problem("other"), Other(403), "another server may forbid things, too");
    }
}
