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
    fallback_method: (&'static str, &'static str),
    /// An application would take the place of the URLs.
    application: Option<(&'static str, &'static str)>,
}

pub(super) const NUMBER: Names = Names {
    url: ("sms_url", "SmsUrl"),
    method: ("sms_method", "SmsMethod"),
    fallback_url: ("sms_fallback_url", "SmsFallbackUrl"),
    fallback_method: ("sms_fallback_method", "SmsFallbackMethod"),
    application: Some(("sms_application_sid", "SmsApplicationSid")),
};

pub(super) const SERVICE: Names = Names {
    url: ("inbound_request_url", "InboundRequestUrl"),
    method: ("inbound_method", "InboundMethod"),
    fallback_url: ("fallback_url", "FallbackUrl"),
    fallback_method: ("fallback_method", "FallbackMethod"),
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

/// How a resource is set up, and what should be changed about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Compared {
    /// Where texts go, or shall go.
    inbound: String,
    differences: Vec<Difference>,
}

impl Compared {
    /// Whether texts don't come in, or go somewhere else.
    fn is_serious(&self) -> bool {
        self.differences.iter().any(|difference| difference.serious)
    }
}

/// What should be changed so that texts come to one of the addresses that are right; to the first, where
/// they go to none of them.
pub(super) fn compare(resource: &Value, names: &Names, right: &[&str]) -> Compared {
    let get = |name: &str| resource[name].as_str().unwrap_or_default();
    let mut differences = Vec::new();
    if let Some((name, parameter)) = names.application.filter(|(name, _)| !get(name).is_empty()) {
        let finding = format!("`{name}` is set and takes the place of the webhook");
        differences.push(Difference { serious: true, finding, form: vec![(parameter, String::new())] });
    }
    let (name, parameter) = names.url;
    let url = get(name);
    let known = address(url, right);
    let inbound = known.or_else(|| right.first().copied()).unwrap_or_default();
    let wanted = format!("{inbound}{RULES}");
    let finding = match (url, known) {
        ("", _) => Some(format!("`{name}` is empty, so that texts are lost")),
        (_, None) => Some(format!("`{name}` is {}", shown(url))),
        (_, Some(_)) => lacks_rules(name, url),
    };
    let wrong = |finding| Difference { serious: known.is_none(), finding, form: vec![(parameter, wanted.clone())] };
    differences.extend(finding.map(wrong));
    differences.extend(not_post(names.method, resource));
    differences.extend(compare_fallback(resource, names, right, &wanted));
    Compared { inbound: inbound.to_owned(), differences }
}

/// Where texts go whose webhook fails. The same address will do: a second try is better than none.
fn compare_fallback(resource: &Value, names: &Names, right: &[&str], wanted: &str) -> Vec<Difference> {
    let (name, parameter) = names.fallback_url;
    let url = resource[name].as_str().unwrap_or_default();
    let (_, method) = names.fallback_method;
    let instead = |finding| {
        let form = vec![(parameter, wanted.to_owned()), (method, "POST".to_owned())];
        vec![Difference { serious: false, finding, form }]
    };
    let Some(address) = address(url, right) else {
        return instead(match url {
            "" => format!("`{name}` is empty: a text whose webhook fails is not delivered elsewhere"),
            _ => format!("`{name}` is {}: a text whose webhook fails goes there", shown(url)),
        });
    };
    let form = vec![(parameter, format!("{address}{RULES}"))];
    let rules = lacks_rules(name, url).map(|finding| Difference { serious: false, finding, form });
    rules.into_iter().chain(not_post(names.fallback_method, resource)).collect()
}

fn not_post((name, parameter): (&str, &'static str), resource: &Value) -> Option<Difference> {
    let method = resource[name].as_str().filter(|method| !matches!(*method, "" | "POST"))?;
    let finding = format!("`{name}` is {method}, not POST");
    Some(Difference { serious: false, finding, form: vec![(parameter, "POST".to_owned())] })
}

/// The URL without its rules, if it leads to one of these addresses; a query of its own does no harm.
fn address<'a>(url: &'a str, right: &[&str]) -> Option<&'a str> {
    let address = url.split('#').next()?;
    let bare = address.split('?').next()?;
    right.contains(&bare).then_some(address)
}

/// What is to be said of a URL whose rules don't let Twilio try again when the gateway can't be reached, or
/// its proxy answers for it.
fn lacks_rules(name: &str, url: &str) -> Option<String> {
    let rules = url.split_once('#').map_or("", |(_, rules)| rules);
    let rule =
        |name: &str| form_urlencoded::parse(rules.as_bytes()).find(|(key, _)| key == name).map(|(_, value)| value);
    let count: u32 = rule("rc").map_or(Some(1), |count| count.parse().ok()).unwrap_or(0);
    let when = rule("rp").unwrap_or("ct".into());
    let on = |failure: &str| when.split(',').any(|word| word == failure || word == "all");
    let again = count > 0 && on("5xx") && on("ct");
    (!again).then(|| format!("`{name}` lacks `{RULES}`: Twilio would not try again while the gateway restarts"))
}

/// The differences as a finding; `request` makes the request that sets them right.
pub(super) fn finding(
    check: String,
    whose: &str,
    compared: &Compared,
    request: impl FnOnce(&[(&str, &str)]) -> Option<Request<Bytes>>,
) -> Finding {
    let Compared { inbound, differences } = compared;
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
    let found = if compared.is_serious() {
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
