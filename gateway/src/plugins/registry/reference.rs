//! `oci://HOST/REPOSITORY:TAG@DIGEST`: where a component is. Pure.

use std::fmt;

use url::Url;

/// How a component that comes from a registry is named.
pub(in crate::plugins) const SCHEME: &str = "oci://";
/// What is meant where nothing is named.
const USUAL_TAG: &str = "latest";
const LONGEST_TAG: usize = 128;
const LONGEST_REPOSITORY: usize = 255;

/// Where a component is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// With its port, if it has one.
    pub(super) host: String,
    pub(super) repository: String,
    /// None where only a digest is named.
    pub(super) tag: Option<String>,
    /// Of the manifest: SHA-256 in hex.
    pub(super) digest: Option<String>,
}

/// What is wrong with a reference.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}; write it as in oci://registry.example.com/team/plugin:1.0.0")]
pub struct BadReference(String);

impl Reference {
    pub fn parse(text: &str) -> Result<Self, BadReference> {
        let bad = |problem: &str| BadReference(problem.to_owned());
        let rest = text.strip_prefix(SCHEME).ok_or_else(|| bad("it does not begin with oci://"))?;
        let (rest, digest) = match rest.split_once('@') {
            Some((rest, digest)) => (rest, Some(sha256(digest).ok_or_else(|| bad("its digest is no sha256:…"))?)),
            None => (rest, None),
        };
        let (host, path) = rest.split_once('/').ok_or_else(|| bad("it names no repository"))?;
        let (repository, tag) = match path.rsplit_once(':') {
            Some((repository, tag)) => (repository, Some(tag)),
            None => (path, digest.is_none().then_some(USUAL_TAG)),
        };
        if !is_host(host) {
            return Err(bad("its registry is no host"));
        }
        if !is_repository(repository) {
            return Err(bad("its repository is none"));
        }
        if !tag.is_none_or(is_tag) {
            return Err(bad("its tag is none"));
        }
        let (host, repository, tag) = (host.to_owned(), repository.to_owned(), tag.map(str::to_owned));
        Ok(Self { host, repository, tag, digest })
    }

    /// Whether it says exactly which.
    pub(in crate::plugins) fn is_pinned(&self) -> bool {
        self.digest.is_some()
    }

    /// Whether it is on this machine, where nobody listens in.
    pub(super) fn is_local(&self) -> bool {
        let Ok(url) = Url::parse(&format!("http://{}/", self.host)) else { return false };
        match url.host() {
            Some(url::Host::Domain(name)) => name == "localhost",
            Some(url::Host::Ipv4(address)) => address.is_loopback(),
            Some(url::Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        }
    }
}

/// Without its tag where a digest says exactly which.
impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{SCHEME}{}/{}", self.host, self.repository)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        self.digest.as_ref().map_or(Ok(()), |digest| write!(f, "@sha256:{digest}"))
    }
}

/// The hex of `sha256:HEX`. Only what is one becomes part of a path or a URL.
pub(super) fn sha256(digest: &str) -> Option<String> {
    let hex = digest.strip_prefix("sha256:")?;
    let plain = hex.len() == 64 && hex.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
    plain.then(|| hex.to_owned())
}

fn is_host(text: &str) -> bool {
    let plain = text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':' | '[' | ']'));
    plain && Url::parse(&format!("https://{text}/")).is_ok_and(|url| url.has_host())
}

fn is_repository(text: &str) -> bool {
    let piece = |piece: &str| {
        let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        piece.starts_with(inner)
            && piece.ends_with(inner)
            && piece.chars().all(|c| inner(c) || matches!(c, '.' | '_' | '-'))
    };
    text.len() <= LONGEST_REPOSITORY && text.split('/').all(piece)
}

fn is_tag(text: &str) -> bool {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    text.len() <= LONGEST_TAG && text.starts_with(word) && text.chars().all(|c| word(c) || matches!(c, '.' | '-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_read_and_written() {
        let hex = "ab".repeat(32);
        let pinned = format!("oci://registry.example.com/plugin@sha256:{hex}");
        let both = format!("oci://registry.example.com/team/my_plug-in:1.0.0@sha256:{hex}");
        let cases = [
            (
                "oci://registry.example.com/team/plugin:1.0.0",
                "registry.example.com",
                "team/plugin",
                Some("1.0.0"),
                None,
            ),
            ("oci://127.0.0.1:5000/plugin", "127.0.0.1:5000", "plugin", Some("latest"), None),
            (&pinned, "registry.example.com", "plugin", None, Some(&hex)),
            (&both, "registry.example.com", "team/my_plug-in", Some("1.0.0"), Some(&hex)),
        ];
        for (text, host, repository, tag, digest) in cases {
            let reference = Reference::parse(text).unwrap();
            assert_eq!((reference.host.as_str(), reference.repository.as_str()), (host, repository));
            assert_eq!((reference.tag.as_deref(), reference.digest.as_ref()), (tag, digest), "{text}");
        }
        assert_eq!(Reference::parse(&both).unwrap().to_string(), both);
        assert_eq!(Reference::parse(&pinned).unwrap().to_string(), pinned);
    }

    #[test]
    fn what_is_none_is_refused() {
        let short = format!("oci://a.example.com/b@sha256:{}", "a".repeat(63));
        let upper = format!("oci://a.example.com/b@sha256:{}", "A".repeat(64));
        let long = format!("oci://a.example.com/b:{}", "a".repeat(129));
        for text in [
            "https://a.example.com/b",
            "oci://a.example.com",
            "oci://a.example.com/",
            "oci:///b",
            "oci://ana:hush@a.example.com/b",
            "oci://a.example.com/B",
            "oci://a.example.com/b/../c",
            "oci://a.example.com//b",
            "oci://a.example.com/b:",
            "oci://a.example.com/b:-1",
            "oci://a.example.com/b?c",
            "oci://a.example.com/b@sha512:00",
            "oci://a example.com/b",
            &short,
            &upper,
            &long,
        ] {
            assert!(Reference::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn only_this_machine_is_local() {
        let local = |host: &str| Reference::parse(&format!("oci://{host}/b")).unwrap().is_local();
        assert!(["localhost", "localhost:5000", "127.0.0.1:5000", "[::1]:5000"].into_iter().all(local));
        assert!(!["localhost.example.com", "10.0.0.1", "registry.example.com:443"].into_iter().any(local));
    }
}
