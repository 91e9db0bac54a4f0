//! The API's answers in XML, as Twilio gives them where a path does not end in `.json`. Pure.

use serde_json::{Map, Value};

use super::twiml::{DECLARATION, escaped};

/// What an answer is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    Message,
    Messages,
    Media,
    MediaList,
    Feedback,
    Refusal,
}

impl Subject {
    /// The name of its element.
    fn name(self) -> &'static str {
        match self {
            Self::Message => "Message",
            Self::Messages => "Messages",
            Self::Media => "Media",
            Self::MediaList => "MediaList",
            Self::Feedback => "Feedback",
            Self::Refusal => "RestException",
        }
    }

    /// Of a list: where its entries are, and what each of them is.
    fn entries(self) -> Option<(&'static str, Self)> {
        match self {
            Self::Messages => Some(("messages", Self::Message)),
            Self::MediaList => Some(("media_list", Self::Media)),
            Self::Message | Self::Media | Self::Feedback | Self::Refusal => None,
        }
    }
}

/// Members that are addresses of the API. In XML they lead to more of it.
const ADDRESSES: [&str; 3] = ["feedback", "media", "uri"];

/// The document that says what the JSON says.
pub fn document(subject: Subject, answer: &Value) -> String {
    let nothing = Map::new();
    let answer = answer.as_object().unwrap_or(&nothing);
    let mut xml = format!("{DECLARATION}<TwilioResponse>");
    match subject.entries() {
        None => element(&mut xml, subject.name(), &members(answer)),
        Some((key, one)) => list(&mut xml, subject.name(), answer, key, one.name()),
    }
    xml + "</TwilioResponse>"
}

/// What a list says of itself stands in attributes, whose names are in one word.
fn list(xml: &mut String, name: &str, answer: &Map<String, Value>, entries: &str, one: &str) {
    xml.extend(["<", name]);
    for (key, value) in answer.iter().filter(|(key, _)| *key != entries) {
        xml.extend([" ", &key.replace('_', ""), "=\"", &text(value), "\""]);
    }
    *xml += ">";
    let entries = answer.get(entries).and_then(Value::as_array).into_iter().flatten();
    for entry in entries.filter_map(Value::as_object) {
        element(xml, one, &members(entry));
    }
    xml.extend(["</", name, ">"]);
}

fn element(xml: &mut String, name: &str, inside: &str) {
    match inside {
        "" => xml.extend(["<", name, "/>"]),
        _ => xml.extend(["<", name, ">", inside, "</", name, ">"]),
    }
}

fn members(of: &Map<String, Value>) -> String {
    let mut xml = String::new();
    for (key, value) in of {
        let inside = match value {
            Value::Object(inner) => members(inner),
            Value::String(address) if ADDRESSES.contains(&key.as_str()) => {
                escaped(address.strip_suffix(".json").unwrap_or(address)).into_owned()
            }
            other => text(other),
        };
        element(&mut xml, &pascal(key), &inside);
    }
    xml
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => escaped(text).into_owned(),
        other => other.to_string(),
    }
}

/// `date_created` as `DateCreated`.
fn pascal(key: &str) -> String {
    let mut name = String::new();
    let mut starts = true;
    for character in key.chars() {
        match character {
            '_' => starts = true,
            first if starts => {
                name.push(first.to_ascii_uppercase());
                starts = false;
            }
            other => name.push(other),
        }
    }
    name
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(subject: Subject, answer: &Value, expected: &str) {
        let whole = format!("{DECLARATION}<TwilioResponse>{expected}</TwilioResponse>");
        assert_eq!(document(subject, answer), whole);
    }

    #[test]
    fn a_refusal_is_an_exception() {
        let refusal =
            json!({ "code": 21211, "message": "'To' < 7\u{1}", "more_info": "https://a/?b&c", "status": 400 });
        let expected = "<RestException><Code>21211</Code><Message>&apos;To&apos; &lt; 7</Message>\
                        <MoreInfo>https://a/?b&amp;c</MoreInfo><Status>400</Status></RestException>";
        check(Subject::Refusal, &refusal, expected);
    }

    #[test]
    fn a_resource_has_elements_and_its_addresses_lead_to_xml() {
        let message = json!({
            "body": "a.json", "date_sent": null, "subresource_uris": { "feedback": "/F.json", "media": "/M.json" },
            "uri": "/SM1.json",
        });
        let expected = "<Message><Body>a.json</Body><DateSent/><SubresourceUris><Feedback>/F</Feedback>\
                        <Media>/M</Media></SubresourceUris><Uri>/SM1</Uri></Message>";
        check(Subject::Message, &message, expected);
    }

    #[test]
    fn a_list_says_where_it_stands_in_attributes() {
        let list = json!({
            "messages": [{ "sid": "SM1" }, { "sid": "SM2" }], "next_page_uri": "/?a&b", "page": 0,
            "previous_page_uri": null,
        });
        let expected = "<Messages nextpageuri=\"/?a&amp;b\" page=\"0\" previouspageuri=\"\">\
                        <Message><Sid>SM1</Sid></Message><Message><Sid>SM2</Sid></Message></Messages>";
        check(Subject::Messages, &list, expected);
        let none = json!({ "media_list": [], "start": 0 });
        check(Subject::MediaList, &none, "<MediaList start=\"0\"></MediaList>");
    }
}
