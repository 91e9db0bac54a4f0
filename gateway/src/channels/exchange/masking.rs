//! How much of each piece of a request is shown.

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{Request, Uri};
use serde_json::Value;

use crate::message::{Address, segments, shorten_numbers};

/// The longest name of a parameter, value and host that are shown.
const NAME: usize = 40;
const VALUE: usize = 100;
/// The longest piece of a path that can't be a secret, and how many pieces are shown.
const PIECE: usize = 20;
const PIECES: usize = 12;
const REQUEST_ID: usize = 64;
/// Addresses shorter than this would be shown whole by their ends.
const SHORT: usize = 5;

/// What stands for what is not shown.
const HIDDEN: &str = "…";

/// How much of a parameter's value is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// All of it: a setting, or the provider's own id of something.
    All,
    /// The ends of a number.
    Ends,
    /// The host of a URL.
    Host,
    /// How long a text is, and how many segments it takes.
    Segments,
    /// How long it is.
    Length,
}

/// Those of the URL, and those of a body that is a form or a JSON object.
pub(super) fn parameters(request: &Request<Bytes>) -> Vec<(String, String)> {
    let kind = request.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let form = |bytes: &[u8]| form_urlencoded::parse(bytes).into_owned().collect::<Vec<_>>();
    let mut parameters = form(request.uri().query().unwrap_or_default().as_bytes());
    if kind.starts_with("application/x-www-form-urlencoded") {
        parameters.extend(form(request.body()));
    } else if let Ok(Value::Object(fields)) = serde_json::from_slice(request.body()) {
        let text = |value: Value| if let Value::String(text) = value { text } else { value.to_string() };
        parameters.extend(fields.into_iter().map(|(name, value)| (name, text(value))));
    }
    parameters
}

/// A name as programs have them; in a JSON object it could be anything.
pub(super) fn name(name: &str) -> String {
    let usual = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-' | '.');
    let good = name.len() <= NAME
        && name.starts_with(|first: char| first.is_ascii_alphabetic())
        && name.chars().all(usual)
        && !holds_number(name);
    if good { name.to_owned() } else { HIDDEN.to_owned() }
}

pub(super) fn value(value: &str, kept: Kept) -> String {
    let shown = match kept {
        Kept::All => plain(value).then(|| value.to_owned()),
        Kept::Ends => ends(value),
        Kept::Host => value.parse::<Uri>().ok().map(|uri| host(&uri)).filter(|host| !host.is_empty()),
        Kept::Segments => Some(format!("{}, {}", length(value), in_segments(value))),
        Kept::Length => None,
    };
    shown.unwrap_or_else(|| length(value))
}

fn length(value: &str) -> String {
    match value.chars().count() {
        1 => "1 character".to_owned(),
        count => format!("{count} characters"),
    }
}

fn in_segments(text: &str) -> String {
    match segments::count(text).segments {
        1 => "1 segment".to_owned(),
        count => format!("{count} segments"),
    }
}

/// A word, a time, a count or an id, and nobody's number.
fn plain(value: &str) -> bool {
    let usual = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-' | '.' | ':');
    is_sid(value) || (value.len() <= REQUEST_ID && value.chars().all(usual) && !holds_number(value))
}

/// Behind a word such as `whatsapp:`, which stays, those of the number.
fn ends(value: &str) -> Option<String> {
    let (way, number) = match value.split_once(':') {
        Some((way, number)) if way.len() <= PIECE && way.bytes().all(|byte| byte.is_ascii_lowercase()) => {
            (format!("{way}:"), number)
        }
        _ => (String::new(), value),
    };
    let long = (SHORT..=VALUE).contains(&number.chars().count());
    long.then(|| format!("{way}{}", Address::received(number).redacted()))
}

/// Without who asks, should the URL tell.
pub(super) fn host(uri: &Uri) -> String {
    let host = uri.host().map(shorten_numbers).unwrap_or_default();
    match uri.port_u16() {
        _ if host.len() > VALUE => HIDDEN.to_owned(),
        Some(port) => format!("{host}:{port}"),
        None => host,
    }
}

/// An account's id may stand in it; what may be a token or a number is hidden.
pub(super) fn path(path: &str) -> String {
    let mut pieces: Vec<&str> =
        path.split('/').map(|piece| if names_a_place(piece) { piece } else { HIDDEN }).collect();
    if pieces.len() > PIECES {
        pieces.truncate(PIECES);
        pieces.push(HIDDEN);
    }
    pieces.join("/")
}

fn names_a_place(piece: &str) -> bool {
    let usual = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-' | '.');
    is_sid(piece) || (piece.len() <= PIECE && piece.chars().all(usual) && !holds_number(piece))
}

pub(super) fn request_id(id: &str) -> Option<String> {
    let usual = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-' | '.' | ':');
    let good = !id.is_empty() && id.len() <= REQUEST_ID && id.chars().all(usual);
    good.then(|| shorten_numbers(id))
}

/// As Twilio's ids are: `AC`, and 32 hexadecimal digits.
fn is_sid(text: &str) -> bool {
    text.len() == 34
        && text.bytes().take(2).all(|byte| byte.is_ascii_uppercase())
        && text.bytes().skip(2).all(|byte| byte.is_ascii_hexdigit())
}

/// However its digits are set apart; a day is none, and neither is a moment.
fn holds_number(text: &str) -> bool {
    let day_and_rest = text.split_once('T').unwrap_or((text, ""));
    let rest = if is_day(day_and_rest.0) { day_and_rest.1 } else { text };
    shorten_numbers(rest) != rest
}

/// As in `2010-04-01`.
fn is_day(text: &str) -> bool {
    text.len() == 10
        && text.bytes().enumerate().all(|(index, byte)| match index {
            4 | 7 => byte == b'-',
            _ => byte.is_ascii_digit(),
        })
}
