//! Reads a request to send a message and says what is wrong with it, in Twilio's order and words.
//! Pure: a form in, a request or a refusal out.

use jiff::Timestamp;
use url::Url;

use super::errors::Refusal;
use super::options;
use super::outcomes;
use super::wishes::Wishes;

/// The most UTF-16 units of a body.
pub(super) const MAX_BODY: usize = 1600;
/// The most media of a message.
pub(super) const MAX_MEDIA: usize = 10;
const MAX_CALLBACK: usize = 4000;

/// A request to send that can be carried out.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Create {
    pub(super) to: String,
    /// Nobody: the Messaging Service picks.
    pub(super) from: Option<String>,
    pub(super) messaging_service_sid: Option<String>,
    pub(super) body: String,
    pub(super) media: Vec<String>,
    pub(super) status_callback: Option<String>,
    pub(super) send_at: Option<Timestamp>,
    /// How many seconds it may wait to leave.
    pub(super) validity: Option<u32>,
    pub(super) wishes: Wishes,
}

/// What the account may send from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Senders<'a> {
    pub(super) number: &'a str,
    pub(super) messaging_service_sid: Option<&'a str>,
}

impl Create {
    pub(super) fn read(form: &[(String, String)], senders: Senders<'_>, now: Timestamp) -> Result<Self, Refusal> {
        let from = value(form, "From");
        let service = value(form, "MessagingServiceSid");
        if from.is_none() && service.is_none() {
            return Err(Refusal::invalid(21603, "A 'From' phone number is required."));
        }
        let to = value(form, "To").ok_or_else(|| Refusal::invalid(21604, "A 'To' phone number is required."))?;
        let media = media(form);
        let content = options::content(form)?;
        let body = value(form, "Body").or(content.as_deref()).unwrap_or_default();
        if body.is_empty() && media.is_empty() {
            return Err(no_content(service));
        }
        check_service(service, senders)?;
        if let Some(from) = from {
            check_sender(from, senders)?;
        }
        check_recipient(to, from.unwrap_or(senders.number))?;
        check_content(body, &media)?;
        let status_callback = value(form, "StatusCallback");
        if let Some(callback) = status_callback.filter(|url| !is_callback(url)) {
            return Err(Refusal::invalid(21609, format!("The StatusCallback URL {callback} is not a valid URL.")));
        }
        let send_at = options::send_at(form, service, now)?;
        let validity = options::validity(form)?;
        let wishes = Wishes::read(form, service)?;
        Ok(Self {
            to: to.to_owned(),
            from: from.map(str::to_owned),
            messaging_service_sid: service.map(str::to_owned),
            body: body.to_owned(),
            media,
            status_callback: status_callback.map(str::to_owned),
            send_at,
            validity,
            wishes,
        })
    }
}

/// `+`, and 7 to 15 digits of which the first is not 0.
pub(super) fn is_e164(number: &str) -> bool {
    number.strip_prefix('+').is_some_and(|digits| {
        (7..=15).contains(&digits.len()) && !digits.starts_with('0') && digits.bytes().all(|b| b.is_ascii_digit())
    })
}

/// An HTTP URL with a host that Twilio would call; on this machine `localhost` is one.
pub(super) fn is_callback(url: &str) -> bool {
    let host = |url: Url| url.host_str().is_some_and(|host| !host.contains('_'));
    url.chars().count() <= MAX_CALLBACK && http_url(url).is_some_and(host)
}

pub(super) fn http_url(url: &str) -> Option<Url> {
    Url::parse(url).ok().filter(|url| matches!(url.scheme(), "http" | "https"))
}

/// The first non-empty value of a parameter.
pub(super) fn value<'a>(form: &'a [(String, String)], name: &str) -> Option<&'a str> {
    form.iter().find(|(key, value)| key == name && !value.is_empty()).map(|(_, value)| value.as_str())
}

fn media(form: &[(String, String)]) -> Vec<String> {
    let urls = form.iter().filter(|(name, url)| name == "MediaUrl" && !url.is_empty());
    urls.map(|(_, url)| url.clone()).collect()
}

fn no_content(service: Option<&str>) -> Refusal {
    match service {
        Some(_) => Refusal::invalid(21619, "A text message body or media urls must be specified."),
        None => Refusal::invalid(21602, "Message body is required."),
    }
}

fn check_service(service: Option<&str>, senders: Senders<'_>) -> Result<(), Refusal> {
    let Some(sid) = service else { return Ok(()) };
    let hexadecimal = |rest: &str| rest.len() == 32 && rest.bytes().all(|b| b.is_ascii_hexdigit());
    if !sid.strip_prefix("MG").is_some_and(hexadecimal) {
        return Err(Refusal::invalid(21705, "The Messaging Service Sid is invalid."));
    }
    if senders.messaging_service_sid != Some(sid) {
        return Err(Refusal::invalid(21701, format!("The Messaging Service {sid} does not exist.")));
    }
    Ok(())
}

fn check_sender(from: &str, senders: Senders<'_>) -> Result<(), Refusal> {
    if let Some(refusal) = outcomes::refused_sender(from) {
        return Err(refusal);
    }
    if from == senders.number || outcomes::is_test_sender(from) {
        return Ok(());
    }
    let short_code = (3..=8).contains(&from.len()) && from.bytes().all(|b| b.is_ascii_digit());
    let name = from.len() <= 11
        && from.bytes().all(|b| b.is_ascii_alphanumeric() || b == b' ')
        && from.bytes().any(|b| b.is_ascii_alphabetic());
    if is_e164(from) || short_code || name {
        Err(outcomes::foreign_sender(from))
    } else {
        Err(outcomes::invalid_sender(from))
    }
}

fn check_recipient(to: &str, from: &str) -> Result<(), Refusal> {
    if !is_e164(to) {
        return Err(outcomes::invalid_recipient(to));
    }
    if let Some(refusal) = outcomes::refused_recipient(from, to) {
        return Err(refusal);
    }
    if to == from {
        return Err(Refusal::invalid(21266, format!("'To' and 'From' number cannot be the same: {to}")));
    }
    Ok(())
}

fn check_content(body: &str, media: &[String]) -> Result<(), Refusal> {
    if body.encode_utf16().count() > MAX_BODY {
        return Err(Refusal::invalid(21617, "The concatenated message body exceeds the 1600 character limit."));
    }
    if media.len() > MAX_MEDIA {
        return Err(Refusal::invalid(21623, "Number of media files exceeds allowed limit"));
    }
    if media.iter().any(|url| http_url(url).is_none()) {
        return Err(Refusal::invalid(21620, "Invalid media URL(s)"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SERVICE: &str = "MG0123456789abcdef0123456789abcdef";
    const SENDERS: Senders<'_> = Senders { number: "+529983162438", messaging_service_sid: Some(SERVICE) };

    fn read(form: &str) -> Result<Create, Refusal> {
        Create::read(
            &form_urlencoded::parse(form.as_bytes()).into_owned().collect::<Vec<_>>(),
            SENDERS,
            Timestamp::UNIX_EPOCH,
        )
    }

    #[test]
    fn what_is_wrong_is_told_in_twilios_numbers_and_order() {
        let ok = "From=%2B529983162438&To=%2B525512345678&Body=hi";
        let long = "x".repeat(1601);
        let emoji = "😀".repeat(801);
        let eleven = "&MediaUrl=http://a/b".repeat(11);
        let cases = [
            (String::new(), 21603),
            ("To=x".to_owned(), 21603),
            ("From=%2B529983162438".to_owned(), 21604),
            ("From=bad_one&To=x".to_owned(), 21602),
            (format!("MessagingServiceSid={SERVICE}&To=x"), 21619),
            ("MessagingServiceSid=MGx&To=x&Body=hi".to_owned(), 21705),
            (format!("MessagingServiceSid=MG{}&To=x&Body=hi", "0".repeat(32)), 21701),
            ("From=bad_one&To=x&Body=hi".to_owned(), 21212),
            ("From=%2B15005550001&To=x&Body=hi".to_owned(), 21212),
            ("From=%2B14155550100&To=x&Body=hi".to_owned(), 21606),
            ("From=Recado&To=x&Body=hi".to_owned(), 21606),
            ("From=%2B15005550007&To=x&Body=hi".to_owned(), 21606),
            ("From=%2B15005550008&To=x&Body=hi".to_owned(), 21611),
            ("From=%2B529983162438&To=5512345678&Body=hi".to_owned(), 21211),
            ("From=%2B529983162438&To=%2B15005550001&Body=hi".to_owned(), 21211),
            ("From=%2B529983162438&To=%2B15005550002&Body=hi".to_owned(), 21612),
            ("From=%2B529983162438&To=%2B15005550003&Body=hi".to_owned(), 21408),
            ("From=%2B529983162438&To=%2B15005550004&Body=hi".to_owned(), 21610),
            ("From=%2B529983162438&To=%2B529981121610&Body=hi".to_owned(), 21610),
            ("From=%2B529983162438&To=%2B15005550009&Body=hi".to_owned(), 21614),
            ("From=%2B529983162438&To=%2B529983162438&Body=hi".to_owned(), 21266),
            (format!("MessagingServiceSid={SERVICE}&To=%2B529983162438&Body=hi"), 21266),
            (format!("From=%2B529983162438&To=%2B525512345678&Body={long}"), 21617),
            (format!("From=%2B529983162438&To=%2B525512345678&Body={emoji}"), 21617),
            (format!("{ok}{eleven}"), 21623),
            (format!("{ok}&MediaUrl=ftp://a/b"), 21620),
            (format!("{ok}&ContentSid=HX1"), 21655),
            (format!("{ok}&ScheduleType=fixed&SendAt=1970-01-01T01:00:00Z"), 35118),
            (format!("{ok}&ValidityPeriod=0"), 21624),
            (format!("{ok}&StatusCallback=nowhere"), 21609),
            (format!("{ok}&StatusCallback=http://a_b.example/"), 21609),
            (format!("{ok}&StatusCallback=http://a/{}", "x".repeat(4000)), 21609),
        ];
        for (form, code) in cases {
            assert_eq!(read(&form).map_err(|refusal| refusal.code), Err(code), "{form:.90}");
        }
    }

    #[test]
    fn what_is_right_is_read_whole() {
        let emoji = "😀".repeat(800);
        let form = format!(
            "MessagingServiceSid={SERVICE}&From=%2B529983162438&To=%2B525512345678&Body={emoji}\
             &MediaUrl=http://a/b&MediaUrl=https://c/d&StatusCallback=http://localhost:1/s?x=1&SmartEncoded=true\
             &ScheduleType=fixed&SendAt=1970-01-01T01:00:00Z&ValidityPeriod=60"
        );
        let expected = Create {
            to: "+525512345678".to_owned(),
            from: Some("+529983162438".to_owned()),
            messaging_service_sid: Some(SERVICE.to_owned()),
            body: emoji,
            media: vec!["http://a/b".to_owned(), "https://c/d".to_owned()],
            status_callback: Some("http://localhost:1/s?x=1".to_owned()),
            send_at: "1970-01-01T01:00:00Z".parse().ok(),
            validity: Some(60),
            wishes: Wishes { smart_encoded: Some(true), ..Wishes::default() },
        };
        assert_eq!(read(&form), Ok(expected));
        let template = "MessagingServiceSid=MG0123456789abcdef0123456789abcdef&To=%2B525512345678\
                        &ContentSid=HX0123456789abcdef0123456789abcdef";
        assert_eq!(read(template).unwrap().body, "[HX0123456789abcdef0123456789abcdef]");
        assert!(read("From=%2B15005550006&To=%2B525512345678&Body=hi").is_ok());
    }

    proptest! {
        #[test]
        fn no_form_makes_it_panic(form in "((From|To|Body|MediaUrl|StatusCallback|MessagingServiceSid|SendAt|ContentSid)=\\PC{0,20}&){0,6}") {
            let _ = read(&form);
        }
    }
}
