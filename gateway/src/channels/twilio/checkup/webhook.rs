//! A webhook's settings at Twilio, held against what the gateway needs.

use bytes::Bytes;
use http::{Request, Uri};
use serde_json::Value;

use crate::channels::{Finding, Fix};

/// What makes Twilio try again while the gateway is being restarted: five times, whatever went wrong, with
/// seven seconds for each answer. It stays at Twilio and is not part of what is signed.
pub(super) const RULES: &str = "#rc=5&rp=all&rt=7000";

/// What a resource calls its settings: when it is read, and when it is changed.
pub(super) struct Names {
    url: (&'static str, &'static str),
    method: (&'static str, &'static str),
    fallback_url: (&'static str, &'static str),
    fallback_method: &'static str,
    /// An application would take the place of the URLs.
    application: Option<(&'static str, &'static str)>,
}

pub(super) const NUMBER: Names = Names {
    url: ("sms_url", "SmsUrl"),
    method: ("sms_method", "SmsMethod"),
    fallback_url: ("sms_fallback_url", "SmsFallbackUrl"),
    fallback_method: "SmsFallbackMethod",
    application: Some(("sms_application_sid", "SmsApplicationSid")),
};

pub(super) const SERVICE: Names = Names {
    url: ("inbound_request_url", "InboundRequestUrl"),
    method: ("inbound_method", "InboundMethod"),
    fallback_url: ("fallback_url", "FallbackUrl"),
    fallback_method: "FallbackMethod",
    application: None,
};

/// One setting that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Difference {
    /// Texts don't come in, or go somewhere else.
    serious: bool,
    finding: String,
    form: Vec<(&'static str, String)>,
}

/// What should be changed so that texts come to `inbound`.
pub(super) fn compare(resource: &Value, names: &Names, inbound: &str) -> Vec<Difference> {
    let get = |name: &str| resource[name].as_str().unwrap_or_default();
    let wanted = format!("{inbound}{RULES}");
    let mut differences = Vec::new();
    let mut differ = |serious, finding, form| differences.push(Difference { serious, finding, form });
    if let Some((name, parameter)) = names.application.filter(|(name, _)| !get(name).is_empty()) {
        differ(true, format!("`{name}` is set and takes the place of the webhook"), vec![(parameter, String::new())]);
    }
    let (name, parameter) = names.url;
    let url = get(name);
    if url != wanted {
        let same = url.split('#').next() == Some(inbound);
        let finding = match url {
            "" => format!("`{name}` is empty, so that texts are lost"),
            _ if same => format!("`{name}` lacks `{RULES}`: Twilio would not try again while the gateway restarts"),
            _ => format!("`{name}` is {}", shown(url)),
        };
        differ(!same, finding, vec![(parameter, wanted.clone())]);
    }
    let (name, parameter) = names.method;
    if !matches!(get(name), "" | "POST") {
        differ(false, format!("`{name}` is {}, not POST", get(name)), vec![(parameter, "POST".to_owned())]);
    }
    let (name, parameter) = names.fallback_url;
    if get(name).is_empty() {
        // The same address: a second try is better than none.
        let form = vec![(parameter, wanted), (names.fallback_method, "POST".to_owned())];
        differ(false, format!("`{name}` is empty: a text whose webhook fails is not delivered elsewhere"), form);
    }
    differences
}

/// The differences as a finding; `request` makes the request that sets them right.
pub(super) fn finding(
    check: String,
    whose: &str,
    inbound: &str,
    differences: &[Difference],
    request: impl FnOnce(&[(&str, &str)]) -> Option<Request<Bytes>>,
) -> Finding {
    if differences.is_empty() {
        return Finding::ok(check, format!("{whose}: Twilio sends texts to {inbound}"));
    }
    let all: Vec<&str> = differences.iter().map(|difference| difference.finding.as_str()).collect();
    let form: Vec<(&str, &str)> = differences
        .iter()
        .flat_map(|difference| &difference.form)
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    let change: Vec<String> = form
        .iter()
        .map(|(name, value)| if value.is_empty() { format!("{name} empty") } else { format!("{name} = {value}") })
        .collect();
    let change = format!("{whose}: {}", change.join(", "));
    let (finding, remedy) = (format!("{whose}: {}", all.join("; ")), format!("`recado doctor --fix` sets {change}"));
    let found = if differences.iter().any(|difference| difference.serious) {
        Finding::failed(check, finding, remedy)
    } else {
        Finding::warning(check, finding, remedy)
    };
    Finding { fix: request(&form).map(|request| Fix { change, request }), ..found }
}

/// A URL of somebody else's, without what may be a password or a token in it.
fn shown(url: &str) -> String {
    let bare = url.split(['?', '#']).next().unwrap_or_default();
    match bare.split_once("://") {
        Some((scheme, rest)) => {
            let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
            let host = authority.rsplit('@').next().unwrap_or_default();
            format!("{scheme}://{host}/{path}")
        }
        None => bare.to_owned(),
    }
}

/// Whether a URL means the machine it is used on.
pub(super) fn is_local(url: &str) -> bool {
    let uri: Option<Uri> = url.parse().ok();
    let host = uri.as_ref().and_then(Uri::host).unwrap_or_default();
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let loopback = host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
    loopback || host == "localhost" || host.ends_with(".localhost")
}
