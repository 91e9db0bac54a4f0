//! Links in texts: which there are, and the short ones that stand for them.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::account::Account;
use super::create::http_url;

/// How long a short link leads on.
const KEPT: SignedDuration = SignedDuration::from_hours(90 * 24);
/// How many letters and digits stand for a link.
const LENGTH: usize = 10;
const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// A short link: what stands behind the slash, and where it leads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Link {
    pub(super) code: String,
    pub(super) url: String,
}

/// A text with its links shortened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Shortened {
    pub(super) text: String,
    pub(super) links: Vec<Link>,
}

/// There is a link that Twilio does not shorten.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unusable;

/// Puts a short link at `domain` in the place of each link.
pub(super) fn shorten(text: &str, domain: &str, mut code: impl FnMut() -> String) -> Result<Shortened, Unusable> {
    let (mut shortened, mut rest) = (Shortened::default(), text);
    while let Some(start) = start(rest) {
        let (before, from) = rest.split_at(start);
        let (url, after) = from.split_at(length(from));
        if !is_usable(url) {
            return Err(Unusable);
        }
        let link = Link { code: code(), url: url.to_owned() };
        shortened.text.extend([before, domain, "/", &link.code]);
        shortened.links.push(link);
        rest = after;
    }
    shortened.text.push_str(rest);
    Ok(shortened)
}

/// What stands for a link, made of the random end of an id.
pub(super) fn code(id: Uuid) -> String {
    let (_, mut number) = id.as_u64_pair();
    let digit = |_| {
        let digit = usize::try_from(number % 62).ok().and_then(|index| DIGITS.get(index)).copied();
        number /= 62;
        char::from(digit.unwrap_or(b'0'))
    };
    (0..LENGTH).map(digit).collect()
}

/// `GET /{code}`: leads on to where the link leads.
pub(super) async fn follow(State(account): State<Arc<Account>>, Path(code): Path<String>) -> Response {
    match find(&account, &code, account.now()) {
        Some(url) => Redirect::temporary(&url).into_response(),
        None => (StatusCode::NOT_FOUND, "There is no such link, or no longer.").into_response(),
    }
}

fn find(account: &Account, code: &str, now: Timestamp) -> Option<String> {
    if code.len() != LENGTH {
        return None;
    }
    account.ledger.all().iter().find_map(|message| {
        let link = message.links.iter().find(|link| link.code == code)?;
        (now.duration_since(message.created) < KEPT).then(|| link.url.clone())
    })
}

/// Where the next link begins.
fn start(text: &str) -> Option<usize> {
    let lower = text.to_ascii_lowercase();
    ["http://", "https://"].into_iter().filter_map(|scheme| lower.find(scheme)).min()
}

/// How long the link is that a text begins with: up to a space, less what ends a sentence.
fn length(text: &str) -> usize {
    let end = text.find(|character: char| character.is_whitespace() || matches!(character, '<' | '>' | '"'));
    let mut url = text.get(..end.unwrap_or(text.len())).unwrap_or(text);
    loop {
        let shorter = url.trim_end_matches(['.', ',', ';', ':', '!', '?', '\'', '»', '”', '’', '…', ']', '}']);
        // A bracket that was opened in the link belongs to it.
        let shorter = match shorter.strip_suffix(')') {
            Some(inside) if !inside.contains('(') => inside,
            _ => shorter,
        };
        if shorter.len() == url.len() {
            return url.len();
        }
        url = shorter;
    }
}

/// A link with a host, in which all but the plain characters are percent-encoded.
fn is_usable(url: &str) -> bool {
    let encoded = url.split('%').skip(1).all(|after| {
        let mut digits = after.bytes().take(2).filter(u8::is_ascii_hexdigit);
        digits.next().is_some() && digits.next().is_some()
    });
    url.bytes().all(|byte| byte.is_ascii_graphic()) && encoded && http_url(url).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn short(text: &str) -> Result<(String, Vec<String>), Unusable> {
        let mut count = 0;
        let code = || {
            count += 1;
            count.to_string()
        };
        let Shortened { text, links } = shorten(text, "http://s", code)?;
        Ok((text, links.into_iter().map(|link| link.url).collect()))
    }

    #[test]
    fn links_are_found_and_shortened() {
        let cases: [(&str, &str, &[&str]); 9] = [
            ("", "", &[]),
            ("nada, ni ftp://a/ ni www.a.mx", "nada, ni ftp://a/ ni www.a.mx", &[]),
            ("https://a.mx/b?c=d&e=%C3%B1#f", "http://s/1", &["https://a.mx/b?c=d&e=%C3%B1#f"]),
            ("Ve a https://a.mx/b. Ya", "Ve a http://s/1. Ya", &["https://a.mx/b"]),
            ("á HTTP://A.MX\nhttp://b.mx!", "á http://s/1\nhttp://s/2!", &["HTTP://A.MX", "http://b.mx"]),
            ("(https://a.mx/b)", "(http://s/1)", &["https://a.mx/b"]),
            ("https://a.mx/b_(c).", "http://s/1.", &["https://a.mx/b_(c)"]),
            ("«https://a.mx», https://a.mx", "«http://s/1», http://s/2", &["https://a.mx", "https://a.mx"]),
            ("<https://a.mx:8080>", "<http://s/1>", &["https://a.mx:8080"]),
        ];
        for (text, expected, urls) in cases {
            assert_eq!(
                short(text),
                Ok((expected.to_owned(), urls.iter().map(|&url| url.to_owned()).collect())),
                "{text}"
            );
        }
    }

    #[test]
    fn a_link_that_is_not_well_encoded_is_not_shortened() {
        for text in ["https://a.mx/mañana", "https://a.mx/100%", "https://a.mx/%zz", "http://", "http://a.mx/%4"] {
            assert_eq!(short(text), Err(Unusable), "{text}");
        }
    }

    #[test]
    fn codes_are_of_letters_and_digits() {
        let codes: Vec<_> = [0, 1, u128::MAX].map(|bits| code(Uuid::from_u128(bits))).into();
        assert_eq!(codes[..2], ["0000000000", "1000000000"]);
        assert!(codes[2].len() == LENGTH && codes[2].bytes().all(|byte| byte.is_ascii_alphanumeric()), "{codes:?}");
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "(http://|https://|[.,)(%»a/ñ😀 \n]){0,20}") {
            let _ = short(&text);
        }
    }
}
