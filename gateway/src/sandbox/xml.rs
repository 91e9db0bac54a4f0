//! The same answers as XML, which is what Twilio gives where a path does not end in `.json`. Pure.

use quick_xml::escape::escape;
use serde_json::{Map, Value};

/// Lists, by their key, with the name of one thing in them.
const LISTS: [(&str, &str, &str); 3] = [
    ("messages", "Messages", "Message"),
    ("media_list", "MediaList", "Media"),
    ("incoming_phone_numbers", "IncomingPhoneNumbers", "IncomingPhoneNumber"),
];

/// The document that says the same as an answer of the API.
pub(super) fn document(answer: &Value) -> String {
    let inside = answer.as_object().map(|answer| list(answer).unwrap_or_else(|| members(kind(answer), answer)));
    let inside = inside.unwrap_or_default();
    format!("<?xml version='1.0' encoding='UTF-8'?>\n<TwilioResponse>{inside}</TwilioResponse>")
}

/// A list has its paging as attributes, in one word each.
fn list(answer: &Map<String, Value>) -> Option<String> {
    let (key, name, one) = LISTS.into_iter().find(|(key, _, _)| answer.contains_key(*key))?;
    let entries: String = answer.get(key)?.as_array()?.iter().map(|entry| element(one, entry)).collect();
    let paging = answer.iter().filter(|(other, _)| *other != key);
    let paging = paging.map(|(key, value)| format!(" {}=\"{}\"", key.replace('_', ""), text(value)));
    Some(format!("<{name}{}>{entries}</{name}>", paging.collect::<String>()))
}

/// What an answer is about.
fn kind(answer: &Map<String, Value>) -> &'static str {
    let sid = answer.get("sid").and_then(Value::as_str).unwrap_or_default();
    match sid.get(..2) {
        Some("SM" | "MM") => "Message",
        Some("ME") => "Media",
        Some("PN") => "IncomingPhoneNumber",
        _ if answer.contains_key("outcome") => "Feedback",
        _ => "RestException",
    }
}

fn element(name: &str, value: &Value) -> String {
    match value {
        Value::Object(object) => members(name, object),
        Value::Null => format!("<{name}/>"),
        other => format!("<{name}>{}</{name}>", text(other)),
    }
}

fn members(name: &str, object: &Map<String, Value>) -> String {
    let inside: String = object.iter().map(|(key, value)| element(&pascal(key), value)).collect();
    format!("<{name}>{inside}</{name}>")
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => escape(text.as_str()).into_owned(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

/// `date_created` as `DateCreated`.
fn pascal(key: &str) -> String {
    let capital = |word: &str| {
        let mut characters = word.chars();
        characters.next().map_or_else(String::new, |first| first.to_ascii_uppercase().to_string() + characters.as_str())
    };
    key.split('_').map(capital).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn answers_are_written_in_twilios_xml() {
        let start = "<?xml version='1.0' encoding='UTF-8'?>\n<TwilioResponse>";
        let cases = [
            (
                json!({ "code": 21211, "message": "'To' < 7", "more_info": "https://a/?b&c", "status": 400 }),
                "<RestException><Code>21211</Code><Message>&apos;To&apos; &lt; 7</Message>\
                 <MoreInfo>https://a/?b&amp;c</MoreInfo><Status>400</Status></RestException>",
            ),
            (
                json!({ "sid": "SM1", "date_sent": null, "subresource_uris": { "media": "/m" } }),
                "<Message><DateSent/><Sid>SM1</Sid><SubresourceUris><Media>/m</Media></SubresourceUris></Message>",
            ),
            (
                json!({ "messages": [{ "sid": "SM1" }, { "sid": "SM2" }], "next_page_uri": "/?a&b", "page": 0 }),
                "<Messages nextpageuri=\"/?a&amp;b\" page=\"0\"><Message><Sid>SM1</Sid></Message>\
                 <Message><Sid>SM2</Sid></Message></Messages>",
            ),
        ];
        for (answer, expected) in cases {
            let written = document(&answer);
            // The order of members is that of the map, which may keep the order they were written in.
            let sorted = |text: &str| {
                let mut parts: Vec<_> = text.split_inclusive('>').map(str::to_owned).collect();
                parts.sort();
                parts
            };
            assert_eq!(sorted(&written), sorted(&format!("{start}{expected}</TwilioResponse>")), "{written}");
        }
    }
}
