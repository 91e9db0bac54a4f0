//! Whom a plugin may ask, as the operator writes it. Pure.

use url::{Host, Url};

/// One line of an allow-list: a host, or all hosts below a domain; with a scheme and a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::plugins) struct AllowedHost {
    scheme: String,
    host: String,
    /// Not the host itself, but those whose names end with it.
    below: bool,
    port: u16,
}

impl AllowedHost {
    /// Reads `api.example.com`, `https://x.example.com:8443` or `*.example.org`. Without a scheme it
    /// is https, since a name alone should not allow what anybody on the way can read.
    pub(in crate::plugins) fn parse(text: &str) -> Result<Self, String> {
        let wrong = |problem: &str| {
            Err(format!(
                "`{text}` {problem}; write it as in api.example.com, https://x.example.com:8443 or *.example.org"
            ))
        };
        let (scheme, rest) = text.split_once("://").unwrap_or(("https", text));
        if !matches!(scheme, "http" | "https") {
            return wrong("is neither http nor https");
        }
        let (below, host) = rest.strip_prefix("*.").map_or((false, rest), |host| (true, host));
        if host.contains(['*', '/', '?', '#', '@', '\\']) || host.chars().any(char::is_whitespace) {
            return wrong("is more than a host");
        }
        let Ok(url) = Url::parse(&format!("{scheme}://{host}")) else { return wrong("is no host") };
        let (Some(name), Some(port)) = (url.host(), url.port_or_known_default()) else { return wrong("is no host") };
        if below && !matches!(name, Host::Domain(_)) {
            return wrong("has nothing below it");
        }
        Ok(Self { scheme: scheme.to_owned(), host: name.to_string(), below, port })
    }

    /// Whether a request may go there.
    pub(super) fn covers(&self, url: &Url) -> bool {
        let Some(host) = url.host().map(|host| host.to_string()) else { return false };
        let named = if self.below {
            host.strip_suffix(&self.host).is_some_and(|before| before.len() > 1 && before.ends_with('.'))
        } else {
            host == self.host
        };
        named && url.scheme() == self.scheme && url.port_or_known_default() == Some(self.port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_covers_what_it_says() {
        let cases: [(&str, &[&str], &[&str]); 6] = [
            (
                "api.example.com",
                &["https://api.example.com/a?b", "https://API.Example.com:443/"],
                &[
                    "https://api.example.com./",
                    "http://api.example.com/",
                    "https://api.example.com:8443/",
                    "https://example.com/",
                    "https://api.example.com.evil.net/",
                    "https://xapi.example.com/",
                    "https://evil.net/api.example.com",
                ],
            ),
            ("https://x.example.com:8443", &["https://x.example.com:8443/"], &["https://x.example.com/"]),
            (
                "*.example.org",
                &["https://a.example.org/", "https://a.b.example.org/"],
                &["https://example.org/", "https://.example.org/", "https://badexample.org/", "http://a.example.org/"],
            ),
            ("http://10.0.0.5:8080", &["http://10.0.0.5:8080/x", "http://0xa.0.0.5:8080/"], &["http://10.0.0.5/"]),
            ("http://[::1]:9", &["http://[0:0::1]:9/"], &["http://[::2]:9/"]),
            ("bücher.example", &["https://xn--bcher-kva.example/", "https://bücher.example/"], &[]),
        ];
        for (text, covered, others) in cases {
            let host = AllowedHost::parse(text).unwrap();
            for url in covered {
                assert!(host.covers(&Url::parse(url).unwrap()), "{text} covers {url}");
            }
            for url in others {
                let Ok(url) = Url::parse(url) else { continue };
                assert!(!host.covers(&url), "{text} does not cover {url}");
            }
        }
    }

    #[test]
    fn what_is_no_host_is_refused() {
        for text in
            ["", "ftp://a.example", "https://a.example/path", "*", "a.*.example", "user@a.example", "*.10.0.0.1", "a b"]
        {
            let problem = AllowedHost::parse(text).unwrap_err();
            assert!(problem.contains("write it as in api.example.com"), "{text}: {problem}");
        }
    }
}
