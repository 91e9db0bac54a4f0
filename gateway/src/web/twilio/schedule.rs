//! When a message is to leave, if not at once. Pure.

use jiff::{SignedDuration, Timestamp};

use super::dates::moment;
use super::parameters::Parameters;
use super::refusal::Refusal;

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
}
