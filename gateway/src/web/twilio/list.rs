//! `GET …/Messages`: filters, and pages that stay right while messages come in.
//!
//! A page begins beside a message that was seen, so what is new shifts nothing. A deleted message
//! still marks its place, since only its id counts.

use form_urlencoded::Serializer;
use jiff::Timestamp;
use serde_json::json;

use super::answer::Answer;
use super::parameters::Parameters;
use super::refusal::Refusal;
use super::{Call, dates, resource};
use crate::channels::twilio::resource::message_id;
use crate::channels::twilio::xml::Subject;
use crate::message::Address;
use crate::store::{Beside, Listing, Message};
use crate::web::App;

const USUAL_SIZE: u64 = 50;
const MAX_SIZE: u64 = 1000;
const FILTERS: [&str; 5] = ["To", "From", "DateSent", "DateSent<", "DateSent>"];

/// Which page was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Paging {
    size: u64,
    page: u64,
    beside: Beside,
}

impl Paging {
    fn read(query: &Parameters) -> Result<Self, Refusal> {
        let number = |name| query.get(name).and_then(|value| value.parse::<u64>().ok());
        let size = number("PageSize").unwrap_or(USUAL_SIZE).max(1);
        if size > MAX_SIZE {
            return Err(Refusal::invalid(20007, format!("Page size must be at most {MAX_SIZE}")));
        }
        let page = number("Page").unwrap_or(0).min(u64::from(u32::MAX));
        let beside = match query.get("PageToken") {
            None => Beside::Skip(page * size),
            Some(token) => beside(token).ok_or_else(Refusal::bad_token)?,
        };
        Ok(Self { size, page, beside })
    }
}

/// `PA` and the last message of the page before, or `PB` and the first of the page after.
fn beside(token: &str) -> Option<Beside> {
    let id = |sid| message_id(sid).map(|id| id.0);
    match token.strip_prefix("PA") {
        Some(sid) => id(sid).map(Beside::Older),
        None => id(token.strip_prefix("PB")?).map(Beside::Newer),
    }
}

pub(super) async fn list(app: &App, call: &Call) -> Result<Answer, Refusal> {
    let paging = Paging::read(&call.query)?;
    let (since, until) = span(&call.query);
    let listing = Listing {
        channels: call.access.channels.clone(),
        from: call.query.get("From").map(address),
        to: call.query.get("To").map(address),
        since,
        until,
        beside: paging.beside,
        limit: paging.size,
    };
    let (messages, more) = app.store.list(&listing).await.map_err(|error| Refusal::store(&error))?;
    let now = app.clock.now();
    let start = paging.page * paging.size;
    let count = u64::try_from(messages.len()).unwrap_or(0);
    let shown = messages.iter().map(|message| resource::message(&call.access.account, message, now));
    let page = json!({
        "end": (start + count).saturating_sub(1),
        "first_page_uri": uri(call, paging.size, 0, None),
        "messages": shown.collect::<Vec<_>>(),
        "next_page_uri": next(call, &paging, messages.last().filter(|_| more)),
        "page": paging.page,
        "page_size": paging.size,
        "previous_page_uri": previous(call, &paging, messages.first()),
        "start": start,
        "uri": uri(call, paging.size, paging.page, call.query.get("PageToken")),
    });
    Ok(Answer::ok(Subject::Messages, page))
}

/// A number as providers write it; a name or a short code as it is.
fn address(written: &str) -> String {
    Address::received(written).as_str().to_owned()
}

/// Where all filters by date reach together.
fn span(query: &Parameters) -> (Option<Timestamp>, Option<Timestamp>) {
    let (mut since, mut until) = (None, None);
    for name in ["DateSent", "DateSent<", "DateSent>"] {
        for written in query.all(name) {
            let (first, end) = dates::span(name, written);
            since = since.max(first);
            until = match (until, end) {
                (Some(one), Some(other)) => Some(std::cmp::min::<Timestamp>(one, other)),
                (one, other) => one.or(other),
            };
        }
    }
    (since, until)
}

fn next(call: &Call, paging: &Paging, last: Option<&Message>) -> Option<String> {
    let token = format!("PA{}", resource::sid(last?));
    Some(uri(call, paging.size, paging.page + 1, Some(&token)))
}

fn previous(call: &Call, paging: &Paging, first: Option<&Message>) -> Option<String> {
    let page = paging.page.checked_sub(1)?;
    let token = first.filter(|_| page > 0).map(|first| format!("PB{}", resource::sid(first)));
    Some(uri(call, paging.size, page, token.as_deref()))
}

fn uri(call: &Call, size: u64, page: u64, token: Option<&str>) -> String {
    let mut query = Serializer::new(String::new());
    query.extend_pairs(call.query.pairs().filter(|(name, _)| FILTERS.contains(name)));
    query.append_pair("PageSize", &size.to_string()).append_pair("Page", &page.to_string());
    if let Some(token) = token {
        query.append_pair("PageToken", token);
    }
    format!("{}?{}", call.path, query.finish())
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    const ID: &str = "0190a5b17e6f7abc8def0123456789ab";

    #[test]
    fn a_page_is_read_in_twilios_words() {
        let id = Uuid::parse_str(ID).unwrap();
        let cases = [
            (String::new(), Ok((50, 0, Beside::Skip(0)))),
            ("PageSize=2&Page=3".to_owned(), Ok((2, 3, Beside::Skip(6)))),
            ("PageSize=1000".to_owned(), Ok((1000, 0, Beside::Skip(0)))),
            ("PageSize=1001".to_owned(), Err(20007)),
            ("PageSize=0".to_owned(), Ok((1, 0, Beside::Skip(0)))),
            ("PageSize=many&Page=-1".to_owned(), Ok((50, 0, Beside::Skip(0)))),
            (format!("PageSize=2&Page=1&PageToken=PASM{ID}"), Ok((2, 1, Beside::Older(id)))),
            (format!("Page=1&PageToken=PBMM{ID}"), Ok((50, 1, Beside::Newer(id)))),
            (format!("PageToken=SM{ID}"), Err(21481)),
            ("PageToken=PASM1".to_owned(), Err(21481)),
        ];
        for (query, expected) in cases {
            let read = Paging::read(&Parameters::read(query.as_bytes()));
            let read = read.map(|paging| (paging.size, paging.page, paging.beside)).map_err(|refusal| refusal.code);
            assert_eq!(read, expected, "{query}");
        }
    }

    #[test]
    fn filters_by_date_are_taken_together() {
        let time = |text: &str| Some(text.parse::<Timestamp>().unwrap());
        let query = Parameters::read(b"DateSent%3E=2026-11-20&DateSent%3C=2026-11-23&DateSent>=2026-11-21");
        assert_eq!(span(&query), (time("2026-11-21T00:00:00Z"), time("2026-11-24T00:00:00Z")));
        assert_eq!(span(&Parameters::default()), (None, None));
    }
}
