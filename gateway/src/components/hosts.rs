//! Whom a channel's requests may go to.

use url::{Origin, Url};

/// Schemes, hosts and ports.
#[derive(Clone, Debug, Default)]
pub(super) struct Hosts(Vec<Origin>);

impl Hosts {
    /// Reads what a component named. The error is the one that can't be read.
    pub(super) fn parse(named: &[String]) -> Result<Self, String> {
        let origin = |text: &String| {
            let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
            url.map(|url| url.origin()).ok_or_else(|| text.clone())
        };
        named.iter().map(origin).collect::<Result<_, _>>().map(Self)
    }

    pub(super) fn origins(&self) -> impl Iterator<Item = &Origin> {
        self.0.iter()
    }

    pub(super) fn has(&self, origin: &Origin) -> bool {
        self.0.contains(origin)
    }

    /// Whether anything may be sent to this address. One with a user's name in it hides where it leads.
    pub(super) fn allow(&self, url: &Url) -> bool {
        url.username().is_empty() && url.password().is_none() && self.has(&url.origin())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_named_hosts_are_allowed() {
        let hosts =
            Hosts::parse(&["https://api.example.com".to_owned(), "http://127.0.0.1:9000/x".to_owned()]).unwrap();
        let allowed = |url: &str| hosts.allow(&Url::parse(url).unwrap());
        assert!(allowed("https://api.example.com/a?b") && allowed("https://api.example.com:443/"));
        assert!(allowed("http://127.0.0.1:9000/send"));
        let others = [
            "http://api.example.com/",
            "https://api.example.com:8443/",
            "https://api.example.com.evil.test/",
            "https://api.example.com@evil.test/",
            "https://me@api.example.com/",
            "http://127.0.0.1:9001/",
        ];
        assert!(!others.iter().any(|url| allowed(url)));
        assert_eq!(Hosts::parse(&["ftp://a".to_owned()]).unwrap_err(), "ftp://a");
    }
}
