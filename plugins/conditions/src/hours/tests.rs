//! Open and closed, and when next.

use recado_sdk::testing::Host;
use serde_json::{Value, json};

use super::*;

const ZONE: &str = "America/Cancun";

fn hours(json: Value) -> Hours {
    serde_json::from_value(json).unwrap()
}

fn office() -> Hours {
    hours(json!({
        "open": [
            { "days": ["mon", "tue", "wed", "thu", "fri"], "from": "09:00", "to": "14:00" },
            { "days": ["mon", "tue", "wed", "thu", "fri"], "from": "16:00", "to": "19:00" },
            { "days": ["sat"], "from": "10:00", "to": "14:00" },
        ],
        "holidays": ["12-25", "2026-12-24"],
    }))
}

fn moment(local: &str, zone: &str) -> f64 {
    Host::new().at(local, zone).now()
}

/// Whether it is open at a time, and how many minutes later it opens.
fn check(hours: &Hours, zone: &str, time: &str, opens: Option<&str>) {
    let now = moment(time, zone);
    let expected = opens.map(|opens| moment(opens, zone));
    assert_eq!(hours.next_opening(now, zone).unwrap(), expected, "{time}");
    assert_eq!(hours.is_open(now, zone).unwrap(), expected == Some(now), "{time}");
}

#[test]
fn an_office_is_open_in_its_hours_and_on_no_holiday() {
    // In 2026 the 3rd of August and the 21st of December are Mondays.
    let cases = [
        ("2026-08-03 08:59:59", "2026-08-03 09:00"),
        ("2026-08-03 09:00", "2026-08-03 09:00"),
        ("2026-08-03 13:59:59", "2026-08-03 13:59:59"),
        ("2026-08-03 14:00", "2026-08-03 16:00"),
        ("2026-08-03 18:59", "2026-08-03 18:59"),
        ("2026-08-03 19:00", "2026-08-04 09:00"),
        ("2026-08-07 20:00", "2026-08-08 10:00"),
        ("2026-08-08 14:00", "2026-08-10 09:00"),
        ("2026-08-09 12:00", "2026-08-10 09:00"),
        ("2026-12-23 19:00", "2026-12-26 10:00"),
        ("2026-12-24 10:00", "2026-12-26 10:00"),
        ("2025-12-24 10:00", "2025-12-24 10:00"),
        ("2027-12-25 11:00", "2027-12-27 09:00"),
    ];
    for (time, opens) in cases {
        check(&office(), ZONE, time, Some(opens));
    }
}

#[test]
fn a_night_belongs_to_the_day_it_begins_on() {
    let bar = hours(json!({
        "open": [{ "days": ["fri", "sat"], "from": "22:00", "to": "02:00" }],
        "holidays": ["2026-08-08"],
    }));
    let cases = [
        ("2026-08-07 21:59", "2026-08-07 22:00"),
        ("2026-08-07 23:59", "2026-08-07 23:59"),
        // The night of Friday goes on into the holiday; the holiday's own does not begin.
        ("2026-08-08 01:59", "2026-08-08 01:59"),
        ("2026-08-08 02:00", "2026-08-14 22:00"),
        ("2026-08-08 23:00", "2026-08-14 22:00"),
        ("2026-08-16 00:30", "2026-08-16 00:30"),
        ("2026-08-16 02:00", "2026-08-21 22:00"),
    ];
    for (time, opens) in cases {
        check(&bar, ZONE, time, Some(opens));
    }
    let always = hours(json!({ "open": [{ "from": "06:00", "to": "06:00" }] }));
    check(&always, ZONE, "2026-08-07 05:59", Some("2026-08-07 05:59"));
    check(&always, ZONE, "2026-08-07 06:00", Some("2026-08-07 06:00"));
}

#[test]
fn without_hours_it_is_open_but_on_holidays() {
    check(&Hours::default(), ZONE, "2026-08-09 03:00", Some("2026-08-09 03:00"));
    let closed = hours(json!({ "holidays": ["2026-08-09", "2026-08-10"] }));
    check(&closed, ZONE, "2026-08-08 23:59", Some("2026-08-08 23:59"));
    check(&closed, ZONE, "2026-08-09 00:00", Some("2026-08-11 00:00"));
    let never = hours(json!({ "open": [{ "days": [], "from": "09:00", "to": "10:00" }] }));
    check(&never, ZONE, "2026-08-09 00:00", None);
}

#[test]
fn the_clocks_may_be_changed() {
    let zone = "Europe/Madrid";
    let early = hours(json!({ "open": [{ "from": "01:00", "to": "01:30" }, { "from": "04:00", "to": "05:00" }] }));
    // 2026-03-29: 02:00 becomes 03:00. 2026-10-25: 03:00 becomes 02:00.
    let cases = [
        ("2026-03-28 05:00", "2026-03-29 01:00"),
        ("2026-03-29 01:30", "2026-03-29 04:00"),
        ("2026-10-24 05:00", "2026-10-25 01:00"),
        ("2026-10-25 01:30", "2026-10-25 04:00"),
        ("2026-10-25 05:00", "2026-10-26 01:00"),
    ];
    for (time, opens) in cases {
        check(&early, zone, time, Some(opens));
    }
}

#[test]
fn a_time_zone_of_its_own_wins_and_an_unknown_one_is_named() {
    let now = moment("2026-08-03 10:00", ZONE);
    let madrid = Hours { time_zone: "Europe/Madrid".to_owned(), ..office() };
    assert!(office().is_open(now, ZONE).unwrap());
    assert!(madrid.is_open(now, ZONE).unwrap(), "17:00 in Madrid");
    assert!(!madrid.is_open(now + 3.0 * HOUR, ZONE).unwrap(), "20:00 in Madrid");
    let nowhere = Hours { time_zone: "Mars/Base".to_owned(), ..office() };
    let failure = nowhere.next_opening(now, ZONE).unwrap_err();
    assert_eq!(failure, Failure::bad_config("`Mars/Base` is no time zone (IANA)"));
}

#[test]
fn days_and_times_are_read_and_written() {
    let read_date = |text: &str| Date::try_from(text.to_owned()).map(String::from);
    let read_time = |text: &str| TimeOfDay::try_from(text.to_owned()).map(String::from);
    for text in ["2026-12-24", "12-25", "02-29", "01-01", "12-31"] {
        assert_eq!(read_date(text).as_deref(), Ok(text));
    }
    for text in [
        "",
        "2026",
        "26-12-24",
        "2026-13-01",
        "12-32",
        "00-10",
        "10-00",
        "1-1",
        "12/25",
        "+1-01",
        "ñ-123",
        "2026-12-24-1",
    ] {
        assert!(read_date(text).is_err_and(|error| error.contains(text)), "{text}");
    }
    for text in ["00:00", "09:05", "23:59", "24:00"] {
        assert_eq!(read_time(text).as_deref(), Ok(text));
    }
    for text in ["", "9:00", "24:01", "25:00", "09:60", "0900", "09:00:00", "-1:00"] {
        assert!(read_time(text).is_err_and(|error| error.contains(text)), "{text}");
    }
}
