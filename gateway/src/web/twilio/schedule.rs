//! What a request to send asks for beside who and what: a time to leave, how it is sent, a template.
//! Pure.

use jiff::{SignedDuration, Timestamp};

use super::dates::moment;
use super::parameters::Parameters;
use super::refusal::Refusal;
use crate::message::{ContentTemplate, Options};

/// How soon a scheduled message may leave, and how late.
const SOONEST: SignedDuration = SignedDuration::from_secs(300);
const LATEST: SignedDuration = SignedDuration::from_hours(35 * 24);

/// The time at which a message is to leave, if one is asked for.
pub(super) fn send_at(form: &Parameters, now: Timestamp) -> Result<Option<Timestamp>, Refusal> {
    let (kind, written) = (form.get("ScheduleType"), form.get("SendAt"));
    let refuse = |code, message| Err(Refusal::invalid(code, message));
    match (kind, written) {
        (None, None) => return Ok(None),
        _ if form.get("MessagingServiceSid").is_none() => {
            return refuse(35118, "MessagingServiceSid is required to schedule a message");
        }
        (Some(kind), _) if kind != "fixed" => {
            return refuse(35126, "The ScheduleType value provided is not supported for this channel");
        }
        (Some(_), None) => return refuse(35111, "SendAt timestamp is missing"),
        (None, Some(_)) => return refuse(35119, "SendAt can only be used when ScheduleType is 'fixed'"),
        (Some(_), Some(_)) => {}
    }
    let Some(time) = written.and_then(moment) else {
        return refuse(35114, "SendAt is not a timestamp in ISO 8601");
    };
    match time.duration_since(now) {
        ahead if ahead < SOONEST => refuse(35115, "SendAt is at least 300 seconds in the future"),
        ahead if ahead > LATEST => refuse(35117, "SendAt is at most 35 days in the future"),
        _ => Ok(Some(time)),
    }
}

/// How the message is to be sent.
pub(super) fn options(form: &Parameters) -> Result<Options, Refusal> {
    Ok(Options {
        validity: validity(form)?,
        smart_encoded: form.switch("SmartEncoded"),
        shorten_urls: form.switch("ShortenUrls"),
        risk_check: match form.get("RiskCheck") {
            Some("enable") => Some(true),
            Some("disable") => Some(false),
            _ => None,
        },
        provide_feedback: form.switch("ProvideFeedback"),
        content: content(form)?,
    })
}

fn validity(form: &Parameters) -> Result<Option<u32>, Refusal> {
    let Some(written) = form.get("ValidityPeriod") else { return Ok(None) };
    let seconds = written.parse().ok().filter(|seconds| (1..=36_000).contains(seconds));
    seconds.map(Some).ok_or_else(|| {
        Refusal::invalid(21624, format!("The validity period {written} is not between 1 and 36000 seconds"))
    })
}

fn content(form: &Parameters) -> Result<Option<ContentTemplate>, Refusal> {
    let variables = form.get("ContentVariables");
    let Some(sid) = form.get("ContentSid") else {
        return match variables {
            Some(_) => Err(Refusal::invalid(21654, "ContentSid Required")),
            None => Ok(None),
        };
    };
    let digits = sid.strip_prefix("HX").unwrap_or_default();
    if digits.len() != 32 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(Refusal::invalid(21655, "The ContentSid is Invalid"));
    }
    let variables = variables.map(serde_json::from_str).transpose();
    let variables = variables.map_err(|_| Refusal::invalid(21656, "The ContentVariables Parameter is invalid"))?;
    Ok(Some(ContentTemplate { sid: sid.to_owned(), variables: variables.unwrap_or_default() }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(query: &str) -> Parameters {
        Parameters::read(query.as_bytes())
    }

    #[test]
    fn a_time_to_leave_is_checked_in_twilios_numbers() {
        let now: Timestamp = "2026-11-23T00:00:00Z".parse().unwrap();
        let cases = [
            ("MessagingServiceSid=MG", Ok(None)),
            ("ScheduleType=fixed&SendAt=2026-11-23T00:05:00Z", Err(35118)),
            ("MessagingServiceSid=MG&ScheduleType=soon&SendAt=2026-11-23T00:05:00Z", Err(35126)),
            ("MessagingServiceSid=MG&ScheduleType=fixed", Err(35111)),
            ("MessagingServiceSid=MG&SendAt=2026-11-23T00:05:00Z", Err(35119)),
            ("MessagingServiceSid=MG&ScheduleType=fixed&SendAt=tomorrow", Err(35114)),
            ("MessagingServiceSid=MG&ScheduleType=fixed&SendAt=2026-11-23T00:04:59Z", Err(35115)),
            ("MessagingServiceSid=MG&ScheduleType=fixed&SendAt=2026-12-28T00:00:01Z", Err(35117)),
            ("MessagingServiceSid=MG&ScheduleType=fixed&SendAt=2026-12-28T00:00:00Z", Ok(Some("2026-12-28T00:00:00Z"))),
        ];
        for (query, expected) in cases {
            let expected = expected.map(|time: Option<&str>| time.map(|time| time.parse::<Timestamp>().unwrap()));
            assert_eq!(send_at(&form(query), now).map_err(|refusal| refusal.code), expected, "{query}");
        }
    }

    #[test]
    fn wishes_are_read_and_checked_in_twilios_numbers() {
        let sid = "HX0123456789abcdef0123456789abcdef";
        let query = format!(
            "ValidityPeriod=60&SmartEncoded=true&ShortenUrls=False&RiskCheck=disable&ProvideFeedback=true\
             &ContentSid={sid}&ContentVariables={{\"1\":\"Ana\"}}"
        );
        let read = options(&form(&query)).unwrap();
        let content = ContentTemplate { sid: sid.to_owned(), variables: [("1".to_owned(), "Ana".to_owned())].into() };
        let expected = Options {
            validity: Some(60),
            smart_encoded: Some(true),
            shorten_urls: Some(false),
            risk_check: Some(false),
            provide_feedback: Some(true),
            content: Some(content),
        };
        assert_eq!(read, expected);
        assert_eq!(options(&form("")), Ok(Options::default()));
        for (query, code) in [
            ("ValidityPeriod=0".to_owned(), 21624),
            ("ValidityPeriod=36001".to_owned(), 21624),
            ("ValidityPeriod=1h".to_owned(), 21624),
            ("ContentVariables={}".to_owned(), 21654),
            ("ContentSid=HX1".to_owned(), 21655),
            (format!("ContentSid={sid}&ContentVariables=x"), 21656),
            (format!("ContentSid={sid}&ContentVariables={{\"1\":2}}"), 21656),
        ] {
            assert_eq!(options(&form(&query)).map_err(|refusal| refusal.code), Err(code), "{query}");
        }
    }
}
