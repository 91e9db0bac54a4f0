//! Twilio's own record of messages: the list, one message, and the media of one.
//!
//! Only the account's own addresses below the configured base are ever asked: of what a page says
//! about the next one, nothing but the query is taken.

use bytes::Bytes;
use form_urlencoded::Serializer;
use http::header::{ACCEPT, AUTHORIZATION};
use http::{HeaderValue, Request, Response, Uri};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::Value;

use super::consents;
use super::events::{sender_named, status_named};
use super::rest::{Rest, Sender, number, retry_after};
use crate::channels::listing::{Listed, Listing, Records, Search, Unreadable};
use crate::message::{Address, Direction, Media, ProviderError, Status};

/// How many messages a page has. Twilio gives up to 1000; with the longest texts that would be
/// more than ten megabytes.
const PAGE: &str = "200";

/// What Twilio puts before the texts of trial accounts.
const TRIAL: &str = "Sent from your Twilio trial account - ";

impl Records for Rest {
    /// By `To` and `From`. What came in has a date by which it can be found too; what went out has
    /// none until it is sent, so its date is left to who reads the list.
    fn list(&self, search: &Search) -> Request<Bytes> {
        let mut query = Serializer::new(String::new());
        if let Some(recipient) = &search.recipient {
            query.append_pair("To", recipient.as_str());
        }
        if let Some(sender) = &search.sender {
            query.append_pair("From", sender.as_str());
        }
        if search.direction == Direction::Inbound {
            let day = search.since.to_zoned(TimeZone::UTC).date().to_string();
            query.append_pair("DateSent>", &day);
        }
        query.append_pair("PageSize", PAGE);
        self.get(&self.endpoint, Some(&query.finish()))
    }

    fn list_on(&self, next: &str) -> Result<Request<Bytes>, Unreadable> {
        let (path, query) = next.split_once('?').ok_or(Unreadable::Malformed("the next page has no query"))?;
        // A base URL with a path of its own stands before the path that Twilio knows.
        let ours = path.starts_with("/2010-04-01/") && self.endpoint.path().ends_with(path);
        if !ours || query.contains('#') {
            return Err(Unreadable::Malformed("the next page is not of this account's messages"));
        }
        let uri = format!("{}?{query}", self.endpoint);
        uri.parse::<Uri>().map_err(|_| Unreadable::Malformed("the next page's address can't be read"))?;
        Ok(self.get(&self.endpoint, Some(query)))
    }

    fn read_list(&self, response: &Response<Bytes>) -> Result<Listing, Unreadable> {
        let page = body(response)?;
        let messages = page.get("messages").and_then(Value::as_array).ok_or(Unreadable::Malformed("no messages"))?;
        let messages = messages.iter().map(listed).collect::<Result<_, _>>()?;
        let next = match page.get("next_page_uri") {
            None | Some(Value::Null) => None,
            Some(Value::String(next)) => Some(next.clone()).filter(|next| !next.is_empty()),
            Some(_) => return Err(Unreadable::Malformed("the next page's address is no text")),
        };
        Ok(Listing { messages, next })
    }

    fn fetch(&self, provider_id: &str) -> Result<Request<Bytes>, Unreadable> {
        Ok(self.get(&self.below(&format!("{}.json", checked(provider_id)?))?, None))
    }

    fn read_message(&self, response: &Response<Bytes>) -> Result<Listed, Unreadable> {
        listed(&body(response)?)
    }

    fn list_media(&self, provider_id: &str) -> Result<Request<Bytes>, Unreadable> {
        Ok(self.get(&self.below(&format!("{}/Media.json", checked(provider_id)?))?, None))
    }

    fn read_media(&self, response: &Response<Bytes>) -> Result<Vec<Media>, Unreadable> {
        let page = body(response)?;
        let media = page.get("media_list").and_then(Value::as_array).ok_or(Unreadable::Malformed("no media list"))?;
        media
            .iter()
            .map(|media| {
                let sid = |name| checked(text(media, name).unwrap_or_default());
                let url = self.below(&format!("{}/Media/{}", sid("parent_sid")?, sid("sid")?))?.to_string();
                Ok(Media { url, content_type: text(media, "content_type").map(str::to_owned) })
            })
            .collect()
    }

    fn is_ours(&self, inbound: &Listed) -> bool {
        match &self.sender {
            Sender::Address(address) => inbound.recipient.as_ref() == Some(address),
            Sender::Service(service) => inbound.service.as_ref() == Some(service),
        }
    }
}

impl Rest {
    pub(super) fn get(&self, uri: &Uri, query: Option<&str>) -> Request<Bytes> {
        let mut request = Request::new(Bytes::new());
        // A query that was encoded here, or that was tried before, leaves the address readable.
        let uri = query.and_then(|query| format!("{uri}?{query}").parse().ok()).unwrap_or_else(|| uri.clone());
        *request.uri_mut() = uri;
        let headers = request.headers_mut();
        headers.insert(AUTHORIZATION, self.authorization.clone());
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        request
    }

    /// An address below `…/Messages/`.
    fn below(&self, tail: &str) -> Result<Uri, Unreadable> {
        let messages = self.endpoint.to_string();
        let messages = messages.strip_suffix(".json").unwrap_or(&messages);
        format!("{messages}/{tail}").parse().map_err(|_| Unreadable::Malformed("the id makes no address"))
    }
}

/// An id that is nothing but one, so that it leads nowhere else.
fn checked(sid: &str) -> Result<&str, Unreadable> {
    let good = !sid.is_empty() && sid.bytes().all(|byte| byte.is_ascii_alphanumeric());
    good.then_some(sid).ok_or(Unreadable::Malformed("the id is no id"))
}

fn body(response: &Response<Bytes>) -> Result<Value, Unreadable> {
    let status = response.status().as_u16();
    match status {
        200 => serde_json::from_slice(response.body()).map_err(|_| Unreadable::Malformed("it is no JSON")),
        404 => Err(Unreadable::Missing),
        _ => Err(Unreadable::Refused { status, after: retry_after(response.headers()) }),
    }
}

fn text<'a>(value: &'a Value, name: &str) -> Option<&'a str> {
    value.get(name).and_then(Value::as_str).filter(|text| !text.is_empty())
}

fn date(value: &Value, name: &str) -> Option<Timestamp> {
    jiff::fmt::rfc2822::parse(text(value, name)?).ok().map(|date| date.timestamp())
}

/// A message whose id, direction or date is missing spoils the list: one that can't be told apart
/// must not count as absent.
fn listed(value: &Value) -> Result<Listed, Unreadable> {
    let missing = |what| Unreadable::Malformed(what);
    let sid = text(value, "sid").ok_or(missing("a message has no sid"))?;
    let word = text(value, "direction").ok_or(missing("a message has no direction"))?;
    let direction = if word == "inbound" { Direction::Inbound } else { Direction::Outbound };
    let created_at = date(value, "date_created").ok_or(missing("a message has no date"))?;
    let body = value.get("body").and_then(Value::as_str).unwrap_or_default();
    let count = |name| value.get(name).and_then(number::<u32>);
    let code = value.get("error_code").and_then(number).filter(|code: &i32| *code != 0);
    let message = text(value, "error_message").map(str::to_owned);
    let kept = ["date_created", "date_sent", "messaging_service_sid", "account_sid"];
    let named = ["DateCreated", "DateSent", "MessagingServiceSid", "AccountSid"];
    let extra = kept.iter().zip(named).filter_map(|(key, name)| Some((name.to_owned(), text(value, key)?.to_owned())));
    let status = text(value, "status").and_then(status_named).unwrap_or(Status::Queued);
    let consent = match direction {
        Direction::Inbound => consents::of_message(None, text(value, "from").unwrap_or_default(), body),
        Direction::Outbound => consents::of_report(status, code),
    };
    Ok(Listed {
        provider_id: sid.to_owned(),
        direction,
        reply: word == "outbound-reply",
        sender: text(value, "from").and_then(sender_named),
        recipient: text(value, "to").map(Address::received),
        text: body.strip_prefix(TRIAL).filter(|_| direction == Direction::Outbound).unwrap_or(body).replace('\0', ""),
        media: count("num_media").unwrap_or(0),
        status,
        error: (code.is_some() || message.is_some()).then_some(ProviderError { code, message }),
        segments: count("num_segments").filter(|count| *count > 0),
        created_at,
        sent_at: date(value, "date_sent"),
        consent,
        handled: direction == Direction::Inbound
            && consents::handles(
                None,
                text(value, "from").unwrap_or_default(),
                text(value, "to").unwrap_or_default(),
                text(value, "messaging_service_sid"),
                body,
            ),
        service: text(value, "messaging_service_sid").map(str::to_owned),
        extra: extra.collect(),
    })
}
