//! TwiML: the answer to a webhook, with the replies that ride it.
//!
//! Twilio takes ten messages and 64 kB per answer, and up to [`MAX_MEDIA`](crate::message::MAX_MEDIA) media
//! per message. What does not fit [`LIMITS`] does not come here, but goes through the API.

use std::borrow::Cow;

use quick_xml::escape::escape;

use crate::channels::{AnswerLimits, Reply};

pub(super) const DECLARATION: &str = r#"<?xml version="1.0" encoding="UTF-8"?>"#;

/// A text of 1600 is one too long in TwiML, unlike in the API. The whole document may have 64 kB;
/// half of it leaves room for what escaping adds.
pub(super) const LIMITS: AnswerLimits = AnswerLimits { text_units: 1599, replies: 10, bytes: 32 * 1024 };

/// A document with one `Message` per reply; one that has nothing to send is left out.
pub(super) fn document(replies: &[Reply]) -> String {
    let replies: Vec<&Reply> =
        replies.iter().filter(|reply| !reply.media.is_empty() || !legal(&reply.text).trim().is_empty()).collect();
    let Some((last, others)) = replies.split_last() else {
        return format!("{DECLARATION}<Response/>");
    };
    let others: String = others.iter().map(|reply| message(reply, &["statusCallback"])).collect();
    // Twilio reports on a text by `action` and on media by `statusCallback`. After an `action` it does not
    // come back for the messages that follow, so only the last may have one.
    let last = message(last, &["action", "statusCallback"]);
    format!("{DECLARATION}<Response>{others}{last}</Response>")
}

fn message(reply: &Reply, callbacks: &[&str]) -> String {
    let Reply { text, media, status_callback } = reply;
    let mut xml = "<Message".to_owned();
    for name in callbacks.iter().filter(|_| !status_callback.is_empty()) {
        xml.extend([" ", name, "=\"", &*escaped(status_callback), "\""]);
    }
    xml += ">";
    if !text.is_empty() {
        xml.extend(["<Body>", &*escaped(text), "</Body>"]);
    }
    for url in media {
        xml.extend(["<Media>", &*escaped(url), "</Media>"]);
    }
    xml + "</Message>"
}

pub(super) fn escaped(text: &str) -> Cow<'static, str> {
    escape(legal(text))
}

/// The text without the characters that XML 1.0 can't carry, not even escaped.
fn legal(text: &str) -> String {
    let allowed = |character: &char| match character {
        '\t' | '\n' | '\r' => true,
        '\u{fffe}' | '\u{ffff}' => false,
        other => *other >= ' ',
    };
    text.chars().filter(allowed).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use quick_xml::Reader;
    use quick_xml::escape::unescape;
    use quick_xml::events::Event;

    use super::*;

    const CALLBACK: &str = "https://recado.example/webhooks/sms/status?part=1&try=2";

    /// Text of nothing but what XML can carry.
    const LEGAL: &str = "[^\u{0}-\u{8}\u{b}\u{c}\u{e}-\u{1f}\u{fffe}\u{ffff}]{0,40}";

    fn reply(text: &str, media: &[&str]) -> Reply {
        Reply {
            text: text.to_owned(),
            media: media.iter().map(|url| (*url).to_owned()).collect(),
            status_callback: CALLBACK.to_owned(),
        }
    }

    /// A message as an XML reader finds it: its attributes' names, its text and its media.
    type Found = (Vec<String>, String, Vec<String>);

    fn read(document: &str) -> Vec<Found> {
        let mut reader = Reader::from_str(document);
        let (mut messages, mut text): (Vec<Found>, _) = (Vec::new(), String::new());
        loop {
            match reader.read_event().unwrap() {
                Event::Start(tag) if tag.name().as_ref() == "Message" => {
                    let attributes = tag.attributes().map(|attribute| {
                        let attribute = attribute.unwrap();
                        assert_eq!(unescape(&attribute.value).unwrap(), CALLBACK);
                        attribute.key.as_ref().to_owned()
                    });
                    messages.push((attributes.collect(), String::new(), Vec::new()));
                }
                Event::Start(_) => text.clear(),
                Event::Text(part) => text += &*part,
                Event::GeneralRef(name) => text.extend(["&", &*name, ";"]),
                Event::End(tag) => match (tag.name().as_ref(), messages.last_mut()) {
                    ("Body", Some((_, body, _))) => *body = unescape(&text).unwrap().into_owned(),
                    ("Media", Some((_, _, media))) => media.push(unescape(&text).unwrap().into_owned()),
                    _ => {}
                },
                Event::Eof => return messages,
                _ => {}
            }
        }
    }

    #[test]
    fn saying_nothing_is_an_empty_response() {
        let nothing = r#"<?xml version="1.0" encoding="UTF-8"?><Response/>"#;
        assert_eq!(document(&[]), nothing);
        assert_eq!(document(&[reply("", &[]), reply("\u{0}\n", &[])]), nothing);
    }

    #[test]
    fn only_the_last_message_hands_control_on() {
        let found = document(&[reply("a < b", &[]), reply("", &["https://m.example/1?a&b"]), reply("", &[])]);
        let callback = CALLBACK.replace('&', "&amp;");
        let expected = format!(
            concat!(
                r#"<?xml version="1.0" encoding="UTF-8"?><Response>"#,
                r#"<Message statusCallback="{0}"><Body>a &lt; b</Body></Message>"#,
                r#"<Message action="{0}" statusCallback="{0}"><Media>https://m.example/1?a&amp;b</Media></Message>"#,
                "</Response>",
            ),
            callback
        );
        assert_eq!(found, expected);
    }

    #[test]
    fn without_a_callback_there_is_no_attribute() {
        let silent = Reply { status_callback: String::new(), ..reply("hi", &[]) };
        assert!(document(&[silent]).contains("<Message><Body>hi</Body></Message>"));
    }

    #[test]
    fn characters_that_xml_forbids_are_dropped() {
        let text = "\u{0}a\u{8}b\u{b}c\u{1f}d\u{fffe}e\u{ffff}f\t\r\n\u{7f}\u{85}😀\u{10ffff}";
        assert_eq!(read(&document(&[reply(text, &[])]))[0].1, "abcdef\t\r\n\u{7f}\u{85}😀\u{10ffff}");
    }

    proptest! {
        #[test]
        fn a_reader_gives_the_replies_back(
            replies in proptest::collection::vec((LEGAL, ".{1,20}"), 1..5),
        ) {
            let replies: Vec<Reply> = replies.iter().map(|(text, url)| reply(text, &[url])).collect();
            let found = read(&document(&replies));
            prop_assert_eq!(found.len(), replies.len());
            for (index, ((attributes, text, media), reply)) in found.iter().zip(&replies).enumerate() {
                prop_assert_eq!(attributes.iter().any(|name| name == "action"), index + 1 == replies.len());
                prop_assert!(attributes.iter().any(|name| name == "statusCallback"));
                prop_assert_eq!(text, &reply.text);
                prop_assert_eq!(&media[0], &legal(&reply.media[0]));
            }
        }
    }
}
