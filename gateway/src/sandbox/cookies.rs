//! Cookies, kept for each pair of numbers: what the application sets when it answers a webhook comes
//! back to it with the next webhook of that conversation, until there was none for four hours.

use std::collections::HashMap;
use std::sync::Mutex;

use http::{HeaderMap, HeaderValue, header};
use jiff::{SignedDuration, Timestamp};
use url::{Host, Url};

use super::account::lock;
use super::dates::of_mail;
use super::message::Message;

/// How long a conversation may rest before its cookies are forgotten.
const IDLE: SignedDuration = SignedDuration::from_hours(4);
/// The most cookies of a conversation, and the most bytes of one.
const MOST: usize = 50;
const LONGEST: usize = 4096;

/// Whose cookies they are: who wrote, and to which number.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Pair {
    from: String,
    to: String,
}

impl Pair {
    pub(super) fn of(inbound: &Message) -> Self {
        Self { from: inbound.from.clone().unwrap_or_default(), to: inbound.to.clone() }
    }
}

/// The cookies of all conversations. They are not kept over a restart.
#[derive(Debug, Default)]
pub(super) struct Cookies(Mutex<HashMap<Pair, Jar>>);

#[derive(Debug)]
struct Jar {
    used: Timestamp,
    cookies: Vec<Cookie>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Cookie {
    name: String,
    value: String,
    host: String,
    /// Whether the hosts below that one get it, too.
    below: bool,
    path: String,
    secure: bool,
    expires: Option<Timestamp>,
}

impl Cookies {
    /// What goes along to that address, if anything does.
    pub(super) fn header(&self, pair: &Pair, url: &Url, now: Timestamp) -> Option<HeaderValue> {
        let mut jars = lock(&self.0);
        jars.retain(|_, jar| now.duration_since(jar.used) < IDLE);
        let jar = jars.get_mut(pair)?;
        jar.used = now;
        let mut fit: Vec<_> = jar.cookies.iter().filter(|cookie| cookie.fits(url, now)).collect();
        fit.sort_by_key(|cookie| std::cmp::Reverse(cookie.path.len()));
        let pairs: Vec<_> = fit.into_iter().map(|cookie| format!("{}={}", cookie.name, cookie.value)).collect();
        HeaderValue::from_str(&pairs.join("; ")).ok().filter(|header| !header.is_empty())
    }

    /// Keeps what an answer from that address sets, and forgets what it takes back.
    pub(super) fn keep(&self, pair: &Pair, url: &Url, answer: &HeaderMap, now: Timestamp) {
        let set = answer.get_all(header::SET_COOKIE).iter().filter_map(|value| value.to_str().ok());
        let set: Vec<_> = set.filter_map(|written| Cookie::read(written, url, now)).collect();
        if set.is_empty() {
            return;
        }
        let mut jars = lock(&self.0);
        let jar = jars.entry(pair.clone()).or_insert_with(|| Jar { used: now, cookies: Vec::new() });
        jar.used = now;
        for cookie in set {
            jar.cookies.retain(|other| !cookie.replaces(other));
            if cookie.lasts(now) && jar.cookies.len() < MOST {
                jar.cookies.push(cookie);
            }
        }
    }
}

impl Cookie {
    /// A `Set-Cookie` from that address, unless it makes no sense from there.
    fn read(written: &str, url: &Url, now: Timestamp) -> Option<Self> {
        let mut parts = written.split(';');
        let (name, value) = parts.next()?.split_once('=')?;
        let (name, value) = (name.trim(), value.trim());
        let plain = |text: &str| text.bytes().all(|byte| (b' '..=b'~').contains(&byte));
        if name.is_empty() || written.len() > LONGEST || !plain(name) || !plain(value) {
            return None;
        }
        let mut cookie = Self {
            name: name.to_owned(),
            value: value.to_owned(),
            host: url.host_str()?.to_owned(),
            below: false,
            path: folder(url.path()),
            secure: false,
            expires: None,
        };
        let mut age = None;
        for attribute in parts {
            let (name, value) = attribute.split_once('=').unwrap_or((attribute, ""));
            let value = value.trim();
            match name.trim().to_ascii_lowercase().as_str() {
                "domain" if !value.is_empty() => cookie.widen(value.trim_start_matches('.'), url)?,
                "path" if value.starts_with('/') => value.clone_into(&mut cookie.path),
                "secure" => cookie.secure = true,
                "expires" => cookie.expires = of_mail(value).or(cookie.expires),
                "max-age" => age = value.parse().ok().or(age),
                _ => {}
            }
        }
        if let Some(age) = age {
            cookie.expires = now.checked_add(SignedDuration::from_secs(age)).ok();
        }
        Some(cookie)
    }

    /// Gives it to a whole domain, if that is one of its own.
    fn widen(&mut self, domain: &str, url: &Url) -> Option<()> {
        let domain = domain.to_ascii_lowercase();
        if domain == self.host {
            self.below = matches!(url.host(), Some(Host::Domain(_)));
            return Some(());
        }
        let is_above = domain.contains('.') && self.host.strip_suffix(&domain).is_some_and(|rest| rest.ends_with('.'));
        if !is_above || !matches!(url.host(), Some(Host::Domain(_))) {
            return None;
        }
        (self.host, self.below) = (domain, true);
        Some(())
    }

    fn fits(&self, url: &Url, now: Timestamp) -> bool {
        let host = url.host_str().unwrap_or_default();
        let at_home =
            host == self.host || (self.below && host.strip_suffix(&self.host).is_some_and(|rest| rest.ends_with('.')));
        let inside = url.path().strip_prefix(self.path.as_str());
        let on_path = inside.is_some_and(|rest| rest.is_empty() || self.path.ends_with('/') || rest.starts_with('/'));
        at_home && on_path && (!self.secure || url.scheme() == "https") && self.lasts(now)
    }

    fn lasts(&self, now: Timestamp) -> bool {
        self.expires.is_none_or(|expires| expires > now)
    }

    fn replaces(&self, other: &Self) -> bool {
        (&self.name, &self.host, &self.path) == (&other.name, &other.host, &other.path)
    }
}

/// The folder that a path is in.
fn folder(path: &str) -> String {
    match path.rsplit_once('/') {
        Some((folder, _)) if !folder.is_empty() => folder.to_owned(),
        _ => "/".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: &str = "http://app.example.mx/hooks/in";

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + seconds).unwrap()
    }

    fn pair(from: &str) -> Pair {
        Pair { from: from.to_owned(), to: "+52".to_owned() }
    }

    fn set(cookies: &Cookies, written: &[&str], now: Timestamp) {
        let answer = written.iter().map(|written| (header::SET_COOKIE, written.parse().unwrap())).collect();
        cookies.keep(&pair("+1"), &HERE.parse().unwrap(), &answer, now);
    }

    fn sent(cookies: &Cookies, url: &str, now: Timestamp) -> String {
        let header = cookies.header(&pair("+1"), &url.parse().unwrap(), now);
        header.map(|header| header.to_str().unwrap().to_owned()).unwrap_or_default()
    }

    #[test]
    fn a_cookie_goes_where_it_belongs() {
        let cases = [
            ("a=1", HERE, "a=1"),
            ("a=1", "http://app.example.mx:8080/hooks", "a=1"),
            ("a=1", "http://app.example.mx/hooks/in/deeper?x", "a=1"),
            ("a=1", "http://app.example.mx/hooksin", ""),
            ("a=1", "http://app.example.mx/", ""),
            ("a=1", "http://other.example.mx/hooks/in", ""),
            ("a=1", "http://x.app.example.mx/hooks/in", ""),
            ("a=1; Path=/", "http://app.example.mx/", "a=1"),
            ("a=1; Path=/; Domain=.example.mx", "http://other.example.mx/", "a=1"),
            ("a=1; Domain=example.org", HERE, ""),
            ("a=1; Domain=mx", HERE, ""),
            ("a=1; Secure", HERE, ""),
            ("a=1; secure; path=/", "https://app.example.mx/", "a=1"),
            ("a=\"b c\"; HttpOnly; SameSite=Lax", HERE, "a=\"b c\""),
            ("a=", HERE, "a="),
            ("=1", HERE, ""),
            ("nothing", HERE, ""),
            ("a=1; Max-Age=0", HERE, ""),
            ("a=1; Max-Age=60", HERE, "a=1"),
            ("a=1; Expires=Fri, 15 Jan 2027 07:59:59 GMT", HERE, ""),
            ("a=1; Expires=Fri, 15 Jan 2027 08:00:01 GMT", HERE, "a=1"),
            ("a=1; Expires=Fri, 15 Jan 2027 07:59:59 GMT; Max-Age=9", HERE, "a=1"),
        ];
        for (written, url, expected) in cases {
            let cookies = Cookies::default();
            set(&cookies, &[written], at(0));
            assert_eq!(sent(&cookies, url, at(0)), expected, "{written} to {url}");
        }
    }

    #[test]
    fn cookies_are_replaced_taken_back_and_forgotten() {
        let cookies = Cookies::default();
        set(&cookies, &["a=1; Path=/", "b=2", "c=3; Max-Age=60; Path=/"], at(0));
        assert_eq!(sent(&cookies, HERE, at(0)), "b=2; a=1; c=3");
        assert!(cookies.header(&pair("+2"), &HERE.parse().unwrap(), at(0)).is_none());
        set(&cookies, &["a=4; Path=/", "b=; Max-Age=-1"], at(30));
        assert_eq!(sent(&cookies, HERE, at(59)), "c=3; a=4");
        assert_eq!(sent(&cookies, HERE, at(60)), "a=4");
        // Each use keeps them for another four hours.
        assert_eq!(sent(&cookies, HERE, at(60 + 4 * 3600 - 1)), "a=4");
        assert_eq!(sent(&cookies, HERE, at(60 + 8 * 3600 - 1)), "");
    }

    #[test]
    fn there_is_an_end_to_what_is_kept() {
        let cookies = Cookies::default();
        for index in 0..100 {
            set(&cookies, &[&format!("c{index}=1")], at(0));
        }
        set(&cookies, &[&format!("long={}", "x".repeat(5000))], at(0));
        assert_eq!(sent(&cookies, HERE, at(0)).split("; ").count(), MOST);
    }
}
