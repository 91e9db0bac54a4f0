//! Which messages a list request means, and which page of them. Pure.

use std::sync::Arc;

use form_urlencoded::Serializer;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use super::errors::Refusal;
use super::message::Message;
use super::options::moment;

const DEFAULT_PAGE: usize = 50;
const MAX_PAGE: usize = 1000;

/// A list request.
#[derive(Debug)]
pub(super) struct Listing<'a> {
    query: &'a [(String, String)],
    size: usize,
    page: usize,
    /// Which message the page stands beside, and on which side.
    beside: Option<Beside<'a>>,
}

#[derive(Clone, Copy, Debug)]
enum Beside<'a> {
    After(&'a str),
    Before(&'a str),
}

impl<'a> Listing<'a> {
    pub(super) fn read(query: &'a [(String, String)]) -> Result<Self, Refusal> {
        let number = |name: &str| value(query, name).and_then(|value| value.parse::<usize>().ok());
        let size = number("PageSize").unwrap_or(DEFAULT_PAGE);
        if size > MAX_PAGE {
            return Err(Refusal::invalid(20007, format!("Page size must be at most {MAX_PAGE}")));
        }
        let beside = match value(query, "PageToken") {
            None => None,
            Some(token) => {
                let after = token.strip_prefix("PA").map(Beside::After);
                Some(after.or(token.strip_prefix("PB").map(Beside::Before)).ok_or_else(bad_token)?)
            }
        };
        Ok(Self { query, size: size.max(1), page: number("Page").unwrap_or(0), beside })
    }

    /// The page, newest message first; `messages` come oldest first.
    pub(super) fn page(&self, messages: &[Arc<Message>], path: &str, account_sid: &str) -> Result<Value, Refusal> {
        let matching: Vec<_> = messages.iter().rev().filter(|message| self.matches(message)).collect();
        // Counting from a message that was seen, a page stays right when new messages come in.
        let find = |sid| matching.iter().position(|message| message.sid == sid).ok_or_else(bad_token);
        let first = match self.beside {
            None => self.page.saturating_mul(self.size),
            Some(Beside::After(sid)) => find(sid)? + 1,
            Some(Beside::Before(sid)) => find(sid)?.saturating_sub(self.size),
        };
        let rest = matching.get(first..).unwrap_or_default();
        let shown = rest.get(..self.size).unwrap_or(rest);
        let more = rest.len() > shown.len();
        let next = shown.last().filter(|_| more);
        let next = next.map(|last| self.uri(path, self.page.saturating_add(1), Some(Beside::After(&last.sid))));
        let previous = self.page.checked_sub(1).map(|page| {
            let before = shown.first().map(|first| Beside::Before(&first.sid));
            self.uri(path, page, before.filter(|_| page > 0))
        });
        let start = self.page.saturating_mul(self.size);
        Ok(json!({
            "end": (start + shown.len()).saturating_sub(1),
            "first_page_uri": self.uri(path, 0, None),
            "messages": shown.iter().map(|message| message.resource(account_sid)).collect::<Vec<_>>(),
            "next_page_uri": next,
            "page": self.page,
            "page_size": self.size,
            "previous_page_uri": previous,
            "start": start,
            "uri": self.uri(path, self.page, self.beside),
        }))
    }

    fn matches(&self, message: &Message) -> bool {
        self.query.iter().filter(|(_, value)| !value.is_empty()).all(|(name, value)| match name.as_str() {
            "To" => message.to == *value,
            "From" => message.from.as_ref() == Some(value),
            "DateSent" | "DateSent<" | "DateSent>" => message.sent.is_some_and(|sent| on(name, value, sent)),
            _ => true,
        })
    }

    fn uri(&self, path: &str, page: usize, beside: Option<Beside<'_>>) -> String {
        let mut query = Serializer::new(String::new());
        let filters = ["To", "From", "DateSent", "DateSent<", "DateSent>"];
        query.extend_pairs(self.query.iter().filter(|(name, _)| filters.contains(&name.as_str())));
        query.append_pair("PageSize", &self.size.to_string()).append_pair("Page", &page.to_string());
        match beside {
            None => {}
            Some(Beside::After(sid)) => _ = query.append_pair("PageToken", &format!("PA{sid}")),
            Some(Beside::Before(sid)) => _ = query.append_pair("PageToken", &format!("PB{sid}")),
        }
        format!("{path}?{}", query.finish())
    }
}

fn value<'a>(query: &'a [(String, String)], name: &str) -> Option<&'a str> {
    query.iter().find(|(key, value)| key == name && !value.is_empty()).map(|(_, value)| value.as_str())
}

/// A date without a time, which is ten characters long; a longer one would be read as its day.
fn day_of(value: &str) -> Option<Date> {
    value.parse().ok().filter(|_| value.len() == 10)
}

fn bad_token() -> Refusal {
    Refusal::invalid(21481, "Invalid page token")
}

/// Whether a time meets a filter by date. A date without a time is the whole day in GMT; both bounds
/// are inclusive. A date that can't be read leaves nothing out.
fn on(filter: &str, value: &str, sent: Timestamp) -> bool {
    let (first, last) = if let Some(date) = day_of(value) {
        let day = |date: Date| date.to_zoned(TimeZone::UTC).map(|start| start.timestamp());
        let (Ok(start), Ok(end)) = (day(date), date.tomorrow().and_then(day)) else { return true };
        (start, end - jiff::SignedDuration::from_nanos(1))
    } else if let Some(time) = moment(value) {
        (time, time)
    } else {
        return true;
    };
    match filter {
        "DateSent<" => sent <= last,
        "DateSent>" => sent >= first,
        _ => (first..=last).contains(&sent),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_days_in_gmt_or_moments() {
        let sent: Timestamp = "2026-11-23T00:30:00Z".parse().unwrap();
        let cases = [
            ("DateSent", "2026-11-23", true),
            ("DateSent", "2026-11-22", false),
            ("DateSent<", "2026-11-23", true),
            ("DateSent<", "2026-11-22", false),
            ("DateSent>", "2026-11-23", true),
            ("DateSent>", "2026-11-24", false),
            ("DateSent>", "2026-11-23T00:30:00Z", true),
            ("DateSent>", "2026-11-23T00:30:01Z", false),
            ("DateSent<", "2026-11-23T00:29:59Z", false),
            ("DateSent>", "2026-11-23 00:30:00.000", true),
            ("DateSent>", "2026-11-23 00:30:01.000", false),
            ("DateSent<", "Mon, 23 Nov 2026 00:29:59 +0000", false),
            ("DateSent", "soon", true),
        ];
        for (filter, value, expected) in cases {
            assert_eq!(on(filter, value, sent), expected, "{filter}={value}");
        }
    }
}
