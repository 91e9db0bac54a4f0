//! What a request to send asks for beside who and what: a time to leave, how long it may wait, and a
//! template. Pure.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::create::value;
use super::dates::moment;
use super::errors::Refusal;

/// How soon a scheduled message may leave, and how late.
const SOONEST: SignedDuration = SignedDuration::from_secs(300);
const LATEST: SignedDuration = SignedDuration::from_hours(35 * 24);

/// The time at which a message is to leave, if one is asked for.
pub(super) fn send_at(
    form: &[(String, String)],
    service: Option<&str>,
    now: Timestamp,
) -> Result<Option<Timestamp>, Refusal> {
    let refuse = |code, message: &str| Err(Refusal::invalid(code, message));
    let (kind, written) = (value(form, "ScheduleType"), value(form, "SendAt"));
    if kind.is_none() && written.is_none() {
        return Ok(None);
    }
    if service.is_none() {
        return refuse(35118, "MessagingServiceSid is required to schedule a message");
    }
    if kind.is_some_and(|kind| kind != "fixed") {
        return refuse(35126, "The ScheduleType value provided is not supported for this channel");
    }
    let Some(written) = written else {
        return refuse(35111, "SendAt timestamp is missing");
    };
    if kind.is_none() {
        return refuse(35119, "SendAt can only be used when ScheduleType is 'fixed'");
    }
    let Some(time) = moment(written) else {
        return refuse(35114, "SendAt is not a timestamp in ISO 8601");
    };
    let ahead = time.duration_since(now);
    if ahead < SOONEST {
        return refuse(35115, "SendAt is at least 300 seconds in the future");
    }
    if ahead > LATEST {
        return refuse(35117, "SendAt is at most 35 days in the future");
    }
    Ok(Some(time))
}

/// How many seconds a message may wait to leave.
pub(super) fn validity(form: &[(String, String)]) -> Result<Option<u32>, Refusal> {
    let Some(written) = value(form, "ValidityPeriod") else { return Ok(None) };
    let seconds = written.parse().ok().filter(|seconds| (1..=36_000).contains(seconds));
    seconds.map(Some).ok_or_else(|| {
        Refusal::invalid(21624, format!("The validity period {written} is not between 1 and 36000 seconds"))
    })
}

/// What stands for a template's text, which only Twilio knows: its id and what is filled in.
pub(super) fn content(form: &[(String, String)]) -> Result<Option<String>, Refusal> {
    let variables = value(form, "ContentVariables");
    let Some(sid) = value(form, "ContentSid") else {
        return match variables {
            Some(_) => Err(Refusal::invalid(21654, "ContentSid Required")),
            None => Ok(None),
        };
    };
    let hexadecimal = |rest: &str| rest.len() == 32 && rest.bytes().all(|b| b.is_ascii_hexdigit());
    if !sid.strip_prefix("HX").is_some_and(hexadecimal) {
        return Err(Refusal::invalid(21655, "The ContentSid is Invalid"));
    }
    let variables: BTreeMap<String, String> = match variables {
        Some(json) => serde_json::from_str(json)
            .map_err(|_| Refusal::invalid(21656, "The ContentVariables Parameter is invalid"))?,
        None => BTreeMap::new(),
    };
    let filled = variables.iter().map(|(name, value)| format!(" {name}={value}"));
    Ok(Some(format!("[{sid}{}]", filled.collect::<String>())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(query: &str) -> Vec<(String, String)> {
        form_urlencoded::parse(query.as_bytes()).into_owned().collect()
    }

    #[test]
    fn a_time_to_leave_is_checked_in_twilios_numbers() {
        let now: Timestamp = "2026-11-23T00:00:00Z".parse().unwrap();
        let cases = [
            ("", Some("MG"), Ok(None)),
            ("ScheduleType=fixed&SendAt=2026-11-23T00:05:00Z", None, Err(35118)),
            ("ScheduleType=soon&SendAt=2026-11-23T00:05:00Z", Some("MG"), Err(35126)),
            ("ScheduleType=fixed", Some("MG"), Err(35111)),
            ("SendAt=2026-11-23T00:05:00Z", Some("MG"), Err(35119)),
            ("ScheduleType=fixed&SendAt=tomorrow", Some("MG"), Err(35114)),
            ("ScheduleType=fixed&SendAt=2026-11-23T00:04:59Z", Some("MG"), Err(35115)),
            ("ScheduleType=fixed&SendAt=2026-12-28T00:00:01Z", Some("MG"), Err(35117)),
            ("ScheduleType=fixed&SendAt=2026-12-28T00:00:00Z", Some("MG"), Ok(Some("2026-12-28T00:00:00Z"))),
            ("ScheduleType=fixed&SendAt=2026-11-23T00:05:00Z", Some("MG"), Ok(Some("2026-11-23T00:05:00Z"))),
        ];
        for (query, service, expected) in cases {
            let expected = expected.map(|time: Option<&str>| time.map(|time| time.parse::<Timestamp>().unwrap()));
            let seen = send_at(&form(query), service, now).map_err(|refusal| refusal.code);
            assert_eq!(seen, expected, "{query}");
        }
    }

    #[test]
    fn validity_and_templates_are_checked_in_twilios_numbers() {
        for (query, expected) in [
            ("", Ok(None)),
            ("ValidityPeriod=1", Ok(Some(1))),
            ("ValidityPeriod=36000", Ok(Some(36_000))),
            ("ValidityPeriod=0", Err(21624)),
            ("ValidityPeriod=36001", Err(21624)),
            ("ValidityPeriod=1h", Err(21624)),
        ] {
            assert_eq!(validity(&form(query)).map_err(|refusal| refusal.code), expected, "{query}");
        }
        let sid = "HX0123456789abcdef0123456789abcdef";
        for (query, expected) in [
            (String::new(), Ok(None)),
            ("ContentVariables={}".to_owned(), Err(21654)),
            ("ContentSid=HX1".to_owned(), Err(21655)),
            (format!("ContentSid={sid}&ContentVariables=x"), Err(21656)),
            (format!("ContentSid={sid}&ContentVariables={{\"1\":2}}"), Err(21656)),
            (format!("ContentSid={sid}"), Ok(Some(format!("[{sid}]")))),
            (format!("ContentSid={sid}&ContentVariables={{\"1\":\"Ana\"}}"), Ok(Some(format!("[{sid} 1=Ana]")))),
        ] {
            assert_eq!(content(&form(&query)).map_err(|refusal| refusal.code), expected, "{query}");
        }
    }
}
