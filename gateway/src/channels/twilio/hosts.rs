//! Where Twilio's products are reached: the usual hosts, those of an edge or a region, or others that the
//! operator names.
//!
//! Owns how a host is put together from the settings; must not know what is asked there.

use http::Uri;

use super::settings::{Problem, Settings, given};

pub(super) const API: &str = "https://api.twilio.com";

/// The region that an edge without one leads to.
const USUAL_REGION: &str = "us1";

/// The addresses of the products that a channel uses, without a slash at the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Hosts {
    pub(super) api: String,
    pub(super) lookups: String,
    pub(super) messaging: String,
}

impl Hosts {
    pub(super) fn of(settings: &Settings) -> Result<Self, Problem> {
        let place = place(settings)?;
        let base = given(Some(&settings.base_url)).map(|url| url.trim_end_matches('/')).filter(|url| *url != API);
        if let (Some(_), Some((key, _))) = (base, &place) {
            let problem = "can't be set together with a `base_url` of your own, which says already where requests go: \
                           remove one of the two";
            return Err((key, problem.to_owned()));
        }
        let own = base.map(|url| checked("base_url", url)).transpose()?;
        let labels = place.map_or_else(String::new, |(_, labels)| format!(".{labels}"));
        let usual = |product: &str| own.clone().unwrap_or_else(|| format!("https://{product}{labels}.twilio.com"));
        let one = |key, url: &Option<String>, product| match given(url.as_deref()) {
            Some(url) => checked(key, url.trim_end_matches('/')),
            None => Ok(usual(product)),
        };
        Ok(Self {
            api: usual("api"),
            lookups: one("lookups_url", &settings.lookups_url, "lookups")?,
            messaging: one("messaging_url", &settings.messaging_url, "messaging")?,
        })
    }

    /// Where messages are created.
    pub(super) fn messages(&self, account: &str) -> Result<Uri, Problem> {
        let uri = format!("{}/2010-04-01/Accounts/{account}/Messages.json", self.api);
        uri.parse().map_err(|_| not_a_url("base_url"))
    }
}

/// The setting that names a place, and the labels between product and domain.
fn place(settings: &Settings) -> Result<Option<(&'static str, String)>, Problem> {
    let label = |key, value: &Option<String>, example| match given(value.as_deref()) {
        Some(value) if !is_label(value) => {
            Err((key, format!("must be one word of small letters, digits and hyphens, such as {example}")))
        }
        value => Ok(value.map(str::to_owned)),
    };
    let edge = label("edge", &settings.edge, "dublin")?;
    let region = label("region", &settings.region, "ie1")?;
    Ok(match (edge, region) {
        (Some(edge), region) => Some(("edge", format!("{edge}.{}", region.unwrap_or_else(|| USUAL_REGION.to_owned())))),
        (None, Some(region)) => Some(("region", region)),
        (None, None) => None,
    })
}

/// One label of a host's name.
fn is_label(text: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    text.len() <= 63 && text.bytes().all(inner) && !text.starts_with('-') && !text.ends_with('-')
}

fn checked(key: &'static str, url: &str) -> Result<String, Problem> {
    if url.contains(['?', '#', '@']) {
        return Err(not_a_url(key));
    }
    let uri: Uri = url.parse().map_err(|_| not_a_url(key))?;
    match (uri.scheme_str(), uri.host()) {
        (Some("http" | "https"), Some(host)) if !host.is_empty() => Ok(url.to_owned()),
        _ => Err(not_a_url(key)),
    }
}

fn not_a_url(key: &'static str) -> Problem {
    let problem = "must be an http or https URL without user name, query or fragment, such as https://api.twilio.com";
    (key, problem.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(text: &str) -> Settings {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn each_product_has_its_host() {
        let cases = [
            ("", "https://api.twilio.com", "https://lookups.twilio.com", "https://messaging.twilio.com"),
            (
                "edge = 'dublin'\nregion = 'ie1'",
                "https://api.dublin.ie1.twilio.com",
                "https://lookups.dublin.ie1.twilio.com",
                "https://messaging.dublin.ie1.twilio.com",
            ),
            (
                "edge = 'ashburn-ix'",
                "https://api.ashburn-ix.us1.twilio.com",
                "https://lookups.ashburn-ix.us1.twilio.com",
                "https://messaging.ashburn-ix.us1.twilio.com",
            ),
            (
                "region = 'us1'\nbase_url = 'https://api.twilio.com/'",
                "https://api.us1.twilio.com",
                "https://lookups.us1.twilio.com",
                "https://messaging.us1.twilio.com",
            ),
            ("edge = ' '\nregion = ''", API, "https://lookups.twilio.com", "https://messaging.twilio.com"),
            (
                "base_url = 'http://127.0.0.1:8081/'",
                "http://127.0.0.1:8081",
                "http://127.0.0.1:8081",
                "http://127.0.0.1:8081",
            ),
            (
                "base_url = 'http://a.mx/b'\nlookups_url = 'https://c.mx/d/'\nmessaging_url = 'https://e.mx'",
                "http://a.mx/b",
                "https://c.mx/d",
                "https://e.mx",
            ),
            (
                "region = 'ie1'\nlookups_url = 'https://c.mx'",
                "https://api.ie1.twilio.com",
                "https://c.mx",
                "https://messaging.ie1.twilio.com",
            ),
        ];
        for (text, api, lookups, messaging) in cases {
            let hosts = Hosts::of(&settings(text)).unwrap();
            assert_eq!([&hosts.api, &hosts.lookups, &hosts.messaging], [api, lookups, messaging], "{text}");
        }
        let messages = Hosts::of(&settings("edge = 'tokyo'")).unwrap().messages("AC1").unwrap();
        assert_eq!(messages, "https://api.tokyo.us1.twilio.com/2010-04-01/Accounts/AC1/Messages.json");
    }

    #[test]
    fn each_mistake_names_its_key() {
        let cases = [
            ("base_url = 'http://127.0.0.1:8081'\nedge = 'dublin'", "edge", "together"),
            ("base_url = 'http://127.0.0.1:8081'\nregion = 'ie1'", "region", "together"),
            ("edge = 'dublin.ie1'", "edge", "one word"),
            ("edge = 'https://dublin'", "edge", "one word"),
            ("region = 'IE1'", "region", "ie1"),
            ("region = '-ie1'", "region", "ie1"),
            ("lookups_url = 'lookups.twilio.com'", "lookups_url", "https"),
            ("messaging_url = 'https://a.mx?b'", "messaging_url", "query"),
        ];
        for (text, key, remedy) in cases {
            let (named, problem) = Hosts::of(&settings(text)).unwrap_err();
            assert_eq!(named, key, "{text}");
            assert!(problem.contains(remedy), "{text}: {problem}");
        }
    }
}
