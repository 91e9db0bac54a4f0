//! From what a person wrote to a country and a national number.
//!
//! Follows the order in which Google's library reads a number, so that both agree; knows no
//! country but Mexico.

use std::sync::LazyLock;

use regex::Regex;

use super::Kind;
use super::pattern::expand;
use super::plan::{Length, Plan};
use super::refusal::Refusal;

/// Longer texts are not looked into.
const MAX_INPUT: usize = 250;
const MIN_NATIONAL: usize = 2;
const MAX_NATIONAL: usize = 17;

/// What may stand between the digits of a number.
const PUNCTUATION: &str = concat!(
    r"-x\u{2010}-\u{2015}\u{2212}\u{30fc}\u{ff0d}-\u{ff0f} \u{a0}\u{ad}\u{200b}\u{2060}\u{3000}",
    r"()\u{ff08}\u{ff09}\u{ff3b}\u{ff3d}.\[\]/~\u{2053}\u{223c}\u{ff5e}"
);

/// How people write an extension after a number. A text can't be sent to one; it is left out.
/// The vaguer the sign for it, the fewer digits may follow.
const EXTENSION: &str = concat!(
    r"(?:;ext=\d{1,20}",
    r"|[ \u{a0}\t,]*(?:e?xt(?:ensi(?:o\u{301}?|ó))?n?|ｅ?ｘｔｎ?|доб|anexo)[:.．]?[ \u{a0}\t,-]*\d{1,20}#?",
    r"|[ \u{a0}\t,]*(?:[xｘ#＃~～]|int|ｉｎｔ)[:.．]?[ \u{a0}\t,-]*\d{1,9}#?",
    r"|[- ]+\d{1,6}#",
    r"|[ \u{a0}\t]*(?:,,|;)[:.．]?[ \u{a0}\t,-]*\d{1,15}#?",
    r"|[ \u{a0}\t]*,+[:.．]?[ \u{a0}\t,-]*\d{1,9}#?)"
);

static VIABLE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let long = format!(r"[+＋]*(?:[{PUNCTUATION}*]*\d){{3,}}[{PUNCTUATION}*A-Za-z\d]*{EXTENSION}?");
    Regex::new(&format!(r"(?i)^(?:\d{{2}}|{long})$")).ok()
});

static TRAILING_EXTENSION: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(&format!("(?i){EXTENSION}$")).ok());

static UNWANTED_END: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"[^\p{N}\p{L}#]+$").ok());

static SECOND_NUMBER: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"[\\/] *x").ok());

static GLOBAL_CONTEXT: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"^\+[-.()]*\d[-.()\d]*$").ok());

static DOMAIN_CONTEXT: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"^(?:[A-Za-z\d]+(?:-*[A-Za-z\d])*\.)*[A-Za-z]+(?:-*[A-Za-z\d])*\.?$").ok());

/// A number that was understood, valid or not. `national` is ASCII digits.
pub(super) struct Number {
    /// The main country of the calling code.
    pub(super) plan: &'static Plan,
    pub(super) national: String,
}

pub(super) fn read(input: &str, region: &str) -> Result<Number, Refusal> {
    if input.trim().is_empty() {
        return Err(Refusal::Empty);
    }
    if input.chars().nth(MAX_INPUT).is_some() {
        return Err(Refusal::TooLong(None));
    }
    let written = possible_number(input)?;
    if !matches(&VIABLE, &written) {
        return Err(Refusal::NotANumber);
    }
    let written = without_extension(&written);
    let home = Plan::of(region);
    if home.is_none() && !written.starts_with(is_plus) {
        return Err(Refusal::UnknownRegion);
    }
    let (plan, national) = with_country(written, home)?;
    let national = without_national_prefix(national, plan);
    let plan = Plan::of_code(plan.calling_code).ok_or(Refusal::UnknownCountry)?;
    match national.len() {
        ..MIN_NATIONAL => Err(Refusal::TooShort(None)),
        MIN_NATIONAL..=MAX_NATIONAL => Ok(Number { plan, national }),
        _ => Err(Refusal::TooLong(None)),
    }
}

/// The piece of a text that may be a number: from the first digit or plus sign on, or what a
/// `tel:` URI says.
fn possible_number(input: &str) -> Result<String, Refusal> {
    let mut written = match input.split_once(";phone-context=") {
        Some((before, after)) => in_context(before, after.split(';').next().unwrap_or_default())?,
        None => extracted(input).to_owned(),
    };
    if let Some(at) = written.find(";isub=").filter(|&at| at > 0) {
        written.truncate(at);
    }
    Ok(written)
}

/// A local number, and what its `tel:` URI says that it is local to.
fn in_context(before: &str, context: &str) -> Result<String, Refusal> {
    if !matches(&GLOBAL_CONTEXT, context) && !matches(&DOMAIN_CONTEXT, context) {
        return Err(Refusal::NotANumber);
    }
    let number = before.split_once("tel:").map_or(before, |(_, number)| number);
    Ok(if context.starts_with('+') { format!("{context}{number}") } else { number.to_owned() })
}

fn extracted(input: &str) -> &str {
    let start = input.find(|character| is_plus(character) || digit(character).is_some());
    let text = start.and_then(|start| input.get(start..)).unwrap_or_default();
    let end = find(&UNWANTED_END, text).unwrap_or(text.len());
    let text = text.get(..end).unwrap_or_default();
    let end = find(&SECOND_NUMBER, text).unwrap_or(text.len());
    text.get(..end).unwrap_or_default()
}

fn without_extension(written: &str) -> &str {
    let before = find(&TRAILING_EXTENSION, written).and_then(|at| written.get(..at));
    before.filter(|before| matches(&VIABLE, before)).unwrap_or(written)
}

/// The country that a number is of, and the number without its calling code.
fn with_country(written: &str, home: Option<&'static Plan>) -> Result<(&'static Plan, String), Refusal> {
    let local = written.trim_start_matches(is_plus);
    let digits = digits(local);
    if local.len() < written.len() {
        return match after_calling_code(&digits) {
            // The plus sign was a slip if an international prefix follows it.
            Err(Refusal::UnknownCountry) => from_home(&digits, home)?.ok_or(Refusal::UnknownCountry),
            read => read,
        };
    }
    let home = home.ok_or(Refusal::UnknownRegion)?;
    if let Some(national) = mexican(&digits, home, DIALLED_WITHIN_MEXICO) {
        return Ok((home, national.to_owned()));
    }
    Ok(from_home(&digits, Some(home))?.unwrap_or((home, digits)))
}

/// What digits mean to someone who dials them at home, if they hold a calling code.
fn from_home(digits: &str, home: Option<&'static Plan>) -> Result<Option<(&'static Plan, String)>, Refusal> {
    let Some(home) = home else { return Ok(None) };
    if let Some(after) = after_international_prefix(digits, home) {
        return after_calling_code(after).map(Some);
    }
    let Some(after) = digits.strip_prefix(&home.calling_code.to_string()) else { return Ok(None) };
    let national = stripped(after, home).unwrap_or_else(|| after.to_owned());
    let better = !home.admits(digits) && home.admits(&national);
    let holds_a_code = better || home.length(digits) == Length::TooLong;
    Ok(Plan::of_code(home.calling_code).filter(|_| holds_a_code).map(|plan| (plan, from_abroad(national, plan))))
}

fn after_international_prefix<'a>(digits: &'a str, home: &Plan) -> Option<&'a str> {
    let prefix = home.international_prefix.as_ref()?.captures(digits)?.get(0)?;
    digits.get(prefix.end()..).filter(|after| !after.starts_with('0'))
}

fn after_calling_code(digits: &str) -> Result<(&'static Plan, String), Refusal> {
    if digits.len() <= MIN_NATIONAL {
        return Err(Refusal::TooShort(None));
    }
    let split = |length| {
        let (code, national) = digits.split_at_checked(length).filter(|(code, _)| !code.starts_with('0'))?;
        let plan = Plan::of_code(code.parse().ok()?)?;
        Some((plan, from_abroad(national.to_owned(), plan)))
    };
    (1..=3).find_map(split).ok_or(Refusal::UnknownCountry)
}

/// What follows a calling code, without what Mexico wanted there until 2019.
fn from_abroad(national: String, plan: &Plan) -> String {
    mexican(&national, plan, DIALLED_AFTER_MEXICO).map(str::to_owned).unwrap_or(national)
}

/// The national number as it is dialled from abroad.
fn without_national_prefix(national: String, plan: &Plan) -> String {
    let shorter = stripped(&national, plan);
    shorter.filter(|shorter| matches!(plan.length(shorter), Length::Possible | Length::TooLong)).unwrap_or(national)
}

/// A national number without its trunk prefix and carrier code, where it has them and is better
/// off without.
fn stripped(national: &str, plan: &Plan) -> Option<String> {
    let captures = plan.national_prefix.as_ref()?.captures(national)?;
    let prefix = captures.get(0)?;
    let last_group = captures.get(captures.len() - 1);
    let rest = national.get(prefix.end()..)?;
    let shorter = match plan.transform.filter(|_| last_group.is_some()) {
        Some(template) => expand(template, &captures) + rest,
        None => rest.to_owned(),
    };
    (!plan.admits(national) || plan.admits(&shorter)).then_some(shorter)
}

const MEXICO: u16 = 52;

/// What was dialled within Mexico before the ten digits until August 2019, and still is written.
const DIALLED_WITHIN_MEXICO: &[&str] = &["01", "044", "045", "0"];

/// What is written after +52: a mobile had a 1 there until August 2019.
const DIALLED_AFTER_MEXICO: &[&str] = &["1", "01", "044", "045", "0"];

/// Today's form of a Mexican number that is written in one that Mexico gave up. Google's tables
/// no longer know these, and take `0998…` for an operator call to Iran. What makes no valid
/// number so is left as it is.
fn mexican<'a>(digits: &'a str, plan: &Plan, prefixes: &[&str]) -> Option<&'a str> {
    let mut candidates = prefixes.iter().filter_map(|prefix| digits.strip_prefix(prefix));
    candidates.find(|national| plan.calling_code == MEXICO && plan.kind(national) != Kind::Unknown)
}

/// The digits of a number, of any script; letters count, as on a dial, where there are enough of
/// them to be a word.
fn digits(written: &str) -> String {
    let is_word = written.chars().filter(char::is_ascii_alphabetic).count() >= 3;
    let dialled = |character| digit(character).or_else(|| letter(character).filter(|_| is_word));
    written.chars().filter_map(dialled).collect()
}

fn letter(character: char) -> Option<char> {
    match character.to_ascii_uppercase() {
        'A'..='C' => Some('2'),
        'D'..='F' => Some('3'),
        'G'..='I' => Some('4'),
        'J'..='L' => Some('5'),
        'M'..='O' => Some('6'),
        'P'..='S' => Some('7'),
        'T'..='V' => Some('8'),
        'W'..='Z' => Some('9'),
        _ => None,
    }
}

/// The zeros of all scripts that have decimal digits; the other nine follow each.
#[rustfmt::skip]
const ZEROS: [u32; 77] = [
    0x30, 0x660, 0x6f0, 0x7c0, 0x966, 0x9e6, 0xa66, 0xae6, 0xb66, 0xbe6, 0xc66, 0xce6, 0xd66, 0xde6, 0xe50,
    0xed0, 0xf20, 0x1040, 0x1090, 0x17e0, 0x1810, 0x1946, 0x19d0, 0x1a80, 0x1a90, 0x1b50, 0x1bb0, 0x1c40,
    0x1c50, 0xa620, 0xa8d0, 0xa900, 0xa9d0, 0xa9f0, 0xaa50, 0xabf0, 0xff10, 0x104a0, 0x10d30, 0x10d40, 0x11066,
    0x110f0, 0x11136, 0x111d0, 0x112f0, 0x11450, 0x114d0, 0x11650, 0x116c0, 0x116d0, 0x116da, 0x11730, 0x118e0,
    0x11950, 0x11bf0, 0x11c50, 0x11d50, 0x11da0, 0x11de0, 0x11f50, 0x16130, 0x16a60, 0x16ac0, 0x16b50, 0x16d70,
    0x1ccf0, 0x1d7ce, 0x1d7d8, 0x1d7e2, 0x1d7ec, 0x1d7f6, 0x1e140, 0x1e2f0, 0x1e4f0, 0x1e5f1, 0x1e950, 0x1fbf0,
];

fn digit(character: char) -> Option<char> {
    let code = u32::from(character);
    let zero = ZEROS.get(ZEROS.partition_point(|&zero| zero <= code).checked_sub(1)?)?;
    char::from_digit(code - zero, 10)
}

fn is_plus(character: char) -> bool {
    matches!(character, '+' | '＋')
}

fn matches(pattern: &LazyLock<Option<Regex>>, text: &str) -> bool {
    pattern.as_ref().is_some_and(|pattern| pattern.is_match(text))
}

/// Where in a text a pattern starts.
fn find(pattern: &LazyLock<Option<Regex>>, text: &str) -> Option<usize> {
    pattern.as_ref()?.find(text).map(|found| found.start())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_expressions_compile() {
        for pattern in [&VIABLE, &TRAILING_EXTENSION, &UNWANTED_END, &SECOND_NUMBER, &GLOBAL_CONTEXT, &DOMAIN_CONTEXT] {
            assert!(pattern.is_some());
        }
    }

    #[test]
    fn every_digit_that_the_expressions_know_has_a_value() {
        let decimal = Regex::new(r"^\d$").unwrap();
        for character in (0..=0x0010_ffff).filter_map(char::from_u32) {
            if decimal.is_match(character.encode_utf8(&mut [0; 4])) {
                assert!(digit(character).is_some(), "{character:?}");
            }
        }
        assert_eq!(digits("٣ ９ 𝟗 ᠑"), "3991");
    }
}
