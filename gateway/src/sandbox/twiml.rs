//! Reads TwiML for messages. Pure: text in, verbs and warnings out.

use http::Method;
use quick_xml::Reader;
use quick_xml::XmlVersion;
use quick_xml::escape::resolve_xml_entity;
use quick_xml::events::{BytesRef, BytesStart, Event};

use super::message::Warning;

/// Deeper than this, nothing is TwiML any more.
const MAX_DEPTH: usize = 16;

/// What a document asks for, and what in it was passed over.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Document {
    pub(super) verbs: Vec<Verb>,
    pub(super) warnings: Vec<Warning>,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verb {
    Message(Reply),
    Redirect { url: String, method: Method },
}

/// A `<Message>`.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Reply {
    pub(super) to: Option<String>,
    pub(super) from: Option<String>,
    pub(super) action: Option<String>,
    pub(super) method: Method,
    pub(super) status_callback: Option<String>,
    pub(super) body: String,
    pub(super) media: Vec<String>,
}

#[derive(Debug, Default)]
struct Element {
    name: String,
    attributes: Vec<(String, String)>,
    /// The text directly in it, without its children's.
    text: String,
    children: Vec<Element>,
}

impl Document {
    pub(super) fn parse(text: &str) -> Result<Self, Warning> {
        let root = tree(text).map_err(|reason| Warning::new(12100, reason))?;
        if root.name != "Response" {
            return Err(Warning::new(12102, format!("the root element is {}", root.name)));
        }
        let mut document = Self::default();
        if !root.text.trim().is_empty() {
            document.warn(12200, "there is text between the verbs".to_owned());
        }
        for element in root.children {
            match element.name.as_str() {
                "Message" | "Sms" => document.message(&element),
                "Redirect" => {
                    document.check(&element, &["method"]);
                    let method = document.method(&element, Method::POST);
                    document.verbs.push(Verb::Redirect { url: element.text.trim().to_owned(), method });
                }
                other => document.warn(14110, format!("{other} is no verb for messages")),
            }
        }
        Ok(document)
    }

    fn message(&mut self, element: &Element) {
        self.check(element, &["to", "from", "action", "method", "statusCallback"]);
        let method = self.method(element, Method::POST);
        let (mut body, mut media) = (String::new(), Vec::new());
        for child in &element.children {
            match child.name.as_str() {
                "Body" => body.push_str(&child.text),
                "Media" => media.push(child.text.trim().to_owned()),
                other => self.warn(12200, format!("{other} is not allowed in {}", element.name)),
            }
        }
        if element.children.iter().all(|child| child.name != "Body") {
            body.push_str(&element.text);
        }
        let reply = Reply {
            to: element.attribute("to"),
            from: element.attribute("from"),
            action: element.attribute("action"),
            method,
            status_callback: element.attribute("statusCallback"),
            body: body.trim().to_owned(),
            media,
        };
        self.verbs.push(Verb::Message(reply));
    }

    fn method(&mut self, element: &Element, default: Method) -> Method {
        match element.attribute("method").map(|method| method.to_ascii_uppercase()).as_deref() {
            None => default,
            Some("GET") => Method::GET,
            Some("POST") => Method::POST,
            Some(other) => {
                self.warn(14104, format!("{other} is neither GET nor POST"));
                default
            }
        }
    }

    fn check(&mut self, element: &Element, known: &[&str]) {
        for (name, _) in element.attributes.iter().filter(|(name, _)| !known.contains(&name.as_str())) {
            self.warn(12200, format!("{} has no attribute {name}", element.name));
        }
    }

    fn warn(&mut self, code: u32, detail: String) {
        self.warnings.push(Warning::new(code, detail));
    }
}

impl Element {
    fn open(start: &BytesStart<'_>) -> Result<Self, String> {
        let mut element = Self { name: start.name().as_ref().to_owned(), ..Self::default() };
        for attribute in start.attributes() {
            let attribute = attribute.map_err(|error| error.to_string())?;
            let value = attribute.normalized_value(XmlVersion::Implicit1_0).map_err(|error| error.to_string())?;
            element.attributes.push((attribute.key.as_ref().to_owned(), value.into_owned()));
        }
        Ok(element)
    }

    fn attribute(&self, name: &str) -> Option<String> {
        let found = self.attributes.iter().find(|(key, value)| key == name && !value.trim().is_empty());
        found.map(|(_, value)| value.trim().to_owned())
    }
}

/// The root element with all that is in it.
fn tree(text: &str) -> Result<Element, String> {
    let mut reader = Reader::from_str(text.trim_start_matches('\u{feff}').trim());
    let mut open = vec![Element::default()];
    loop {
        match reader.read_event().map_err(|error| error.to_string())? {
            Event::Start(start) if open.len() < MAX_DEPTH => open.push(Element::open(&start)?),
            Event::Start(_) => return Err("the elements are nested too deeply".to_owned()),
            Event::Empty(start) => close(&mut open, Element::open(&start)?),
            Event::End(_) => {
                let element = open.pop().unwrap_or_default();
                close(&mut open, element);
            }
            Event::Text(text) => write(&mut open, &text.xml10_content()),
            Event::CData(text) => write(&mut open, &text.xml10_content()),
            Event::GeneralRef(reference) => write(&mut open, &resolve(&reference)?),
            Event::Eof => break,
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) => {}
        }
    }
    match open.as_mut_slice() {
        [document] if document.children.len() == 1 && document.text.trim().is_empty() => {
            document.children.pop().ok_or_else(String::new)
        }
        [_] => Err("there is not exactly one root element".to_owned()),
        _ => Err("an element is not closed".to_owned()),
    }
}

fn close(open: &mut [Element], element: Element) {
    if let Some(parent) = open.last_mut() {
        parent.children.push(element);
    }
}

fn write(open: &mut [Element], text: &str) {
    if let Some(element) = open.last_mut() {
        element.text.push_str(text);
    }
}

fn resolve(reference: &BytesRef<'_>) -> Result<String, String> {
    if let Some(character) = reference.resolve_char_ref().map_err(|error| error.to_string())? {
        return Ok(character.to_string());
    }
    let name: &str = reference;
    resolve_xml_entity(name).map(str::to_owned).ok_or_else(|| format!("&{name}; means nothing"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn texts(twiml: &str) -> Vec<String> {
        let verbs = Document::parse(twiml).unwrap().verbs;
        let texts = verbs.into_iter().map(|verb| match verb {
            Verb::Message(reply) => reply.body,
            Verb::Redirect { url, method } => format!("{method} {url}"),
        });
        texts.collect()
    }

    #[test]
    fn texts_are_read_in_every_form() {
        let cases: [(&str, &[&str]); 9] = [
            ("<Response/>", &[]),
            ("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Response></Response>\n", &[]),
            ("\u{feff}<Response><Message>hola</Message></Response>", &["hola"]),
            ("<Response><!-- a --><Message>\n a &amp; b &lt;&#241;&#x1F600; </Message></Response>", &["a & b <ñ😀"]),
            ("<Response><Message><Body>a </Body><Body>b</Body></Message></Response>", &["a b"]),
            ("<Response><Message><![CDATA[a & <b>]]></Message></Response>", &["a & <b>"]),
            ("<Response><Sms>a</Sms><Message>b</Message></Response>", &["a", "b"]),
            ("<Response><Redirect method=\"get\">/next</Redirect></Response>", &["GET /next"]),
            ("<Response><Redirect> http://a/?b=1&amp;c=2 </Redirect></Response>", &["POST http://a/?b=1&c=2"]),
        ];
        for (twiml, expected) in cases {
            assert_eq!(texts(twiml), expected, "{twiml}");
        }
    }

    #[test]
    fn a_message_is_read_with_all_its_attributes() {
        let twiml = "<Response><Message to='+1' from=\"+2\" action='/a?x=1&amp;y=2' method='GET' statusCallback='/s'>\
                     <Body>hi</Body><Media>http://a/1.png</Media><Media> http://a/2.png </Media></Message></Response>";
        let reply = Reply {
            to: Some("+1".to_owned()),
            from: Some("+2".to_owned()),
            action: Some("/a?x=1&y=2".to_owned()),
            method: Method::GET,
            status_callback: Some("/s".to_owned()),
            body: "hi".to_owned(),
            media: vec!["http://a/1.png".to_owned(), "http://a/2.png".to_owned()],
        };
        let expected = Document { verbs: vec![Verb::Message(reply)], warnings: vec![] };
        assert_eq!(Document::parse(twiml), Ok(expected));
    }

    #[test]
    fn what_is_no_twiml_is_told() {
        let cases = [
            ("", 12100),
            ("hello", 12100),
            ("<Response>", 12100),
            ("<Response></response>", 12100),
            ("<Response/><Response/>", 12100),
            ("<Response>&nbsp;</Response>", 12100),
            ("<Response><Message a=b>x</Message></Response>", 12100),
            ("<response/>", 12102),
            ("<html><body>It works</body></html>", 12102),
        ];
        for (twiml, code) in cases {
            assert_eq!(Document::parse(twiml).map_err(|warning| warning.code), Err(code), "{twiml}");
        }
    }

    #[test]
    fn what_is_passed_over_is_told() {
        let cases = [
            ("<Response>hi</Response>", 12200),
            ("<Response><Say>hi</Say></Response>", 14110),
            ("<Response><Message voice='x'>hi</Message></Response>", 12200),
            ("<Response><Message method='PUT'>hi</Message></Response>", 14104),
            ("<Response><Message>hi<Bold/></Message></Response>", 12200),
        ];
        for (twiml, code) in cases {
            let warnings = Document::parse(twiml).unwrap().warnings;
            assert_eq!(warnings.iter().map(|warning| warning.code).collect::<Vec<_>>(), [code], "{twiml}");
        }
    }

    #[test]
    fn nesting_is_bounded() {
        assert_eq!(Document::parse(&"<Response>".repeat(30_000)).unwrap_err().code, 12100);
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "(<|>|/|&|;|#|Response|Message|\"|=| |\\PC){0,40}") {
            let _ = Document::parse(&text);
        }
    }
}
