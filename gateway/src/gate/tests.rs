//! What is read in a text, and who may be written to.

use super::settings::{ByLanguage, Caps, Confirmations, QuietSettings};
use super::*;
use crate::message::consent::{Choice, Source};

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn settings() -> Settings {
    let told = |opt_out: &str, help: &str| Confirmations {
        opt_out: opt_out.to_owned(),
        opt_in: "in".to_owned(),
        help: help.to_owned(),
    };
    Settings {
        exempt: vec![Exempt::Replies],
        reply_minutes: 60,
        confirmations: ByLanguage { es: told("fuera", ""), en: told("out", "help") },
        ..Settings::default()
    }
}

fn rules(settings: &Settings) -> Rules {
    settings.check().unwrap();
    Rules::new(settings, &Home { locale: Locale::Es, time_zone: "America/Cancun", region: "MX" })
}

fn night() -> Settings {
    let (from, to) = (Some("21:00".to_owned()), Some("08:00".to_owned()));
    Settings { quiet_hours: QuietSettings { from, to, ..QuietSettings::default() }, ..settings() }
}

#[test]
fn what_a_channel_knows_goes_before_the_words() {
    use Choice::{OptedIn, OptedOut};
    use Keyword::{Help, OptIn, OptOut};
    let says = |choice, source| Some(Consent { choice, source, code: Some(21610) });
    let twilios = says(OptedOut, Source::Message);
    let advanced = says(OptedOut, Source::Provider);
    let back = says(OptedIn, Source::Provider);
    let ours = |choice| Some(Consent { choice, source: Source::Message, code: None });
    // Text, what the channel says, whether it answered; what is heard, the language, whether we confirm; the consent.
    let cases = [
        ("hola", None, false, None, None),
        ("ALTO", None, false, Some((OptOut, Locale::Es, true)), ours(OptedOut)),
        ("iniciar", None, false, Some((OptIn, Locale::Es, true)), ours(OptedIn)),
        // An empty text is none.
        ("ayuda", None, false, Some((Help, Locale::Es, false)), None),
        ("help", None, false, Some((Help, Locale::En, true)), None),
        ("STOP", twilios, true, Some((OptOut, Locale::En, false)), twilios),
        ("STOP", twilios, false, Some((OptOut, Locale::En, true)), twilios),
        ("HELP", None, true, None, None),
        ("ya no", advanced, true, Some((OptOut, Locale::Es, false)), advanced),
        ("ALTO", back, true, Some((OptIn, Locale::Es, false)), back),
        ("ALTO", None, true, None, None),
    ];
    for (text, consent, handled, heard, expected) in cases {
        let (found, allowed) = rules(&settings()).hear(text, consent, handled);
        let found = found.map(|heard| (heard.keyword, heard.locale, heard.confirm));
        assert_eq!((found, allowed), (heard, expected), "{text} {consent:?} {handled}");
    }
    let silent = Settings { confirm: Confirm::Never, ..settings() };
    assert!(!rules(&silent).hear("ALTO", None, false).0.unwrap().confirm);
}

fn facts(recipient: &Address) -> Facts<'_> {
    // Two in the afternoon in Cancun.
    let now = at("2026-12-01T19:00:00Z");
    Facts {
        recipient,
        confirms: false,
        opted_out: None,
        reply: false,
        last_inbound_at: None,
        priority: Priority::Normal,
        time_zone: None,
        sent: Sent::default(),
        leaves: now,
        now,
    }
}

#[test]
fn whoever_opted_out_gets_the_confirmation_and_nothing_else() {
    let ana = Address::received("+529981112233");
    let since = at("2026-12-01T18:00:00Z");
    let out = Facts { opted_out: Some(since), ..facts(&ana) };
    let refused = Verdict::Refused(Refusal::OptedOut { since, everywhere: false });
    let all = Settings { exempt: vec![Exempt::Replies, Exempt::High], ..settings() };
    for rules in [rules(&settings()), rules(&all)] {
        assert_eq!(rules.judge(&facts(&ana)), Verdict::Allowed(None));
        let urgent = Facts { reply: true, priority: Priority::High, last_inbound_at: Some(since), ..out.clone() };
        for facts in [out.clone(), urgent] {
            assert_eq!(rules.judge(&facts), refused);
        }
        let confirming = Facts { confirms: true, ..out.clone() };
        assert_eq!(rules.judge(&confirming), Verdict::Allowed(Some(Exempt::Confirmations)));
    }
    let everywhere = Settings { scope: Scope::Business, ..settings() };
    assert_eq!(rules(&everywhere).judge(&out), Verdict::Refused(Refusal::OptedOut { since, everywhere: true }));
}

#[test]
fn at_night_what_nobody_asked_for_waits_until_the_morning_where_they_are() {
    let (ana, ines) = (Address::received("+529981112233"), Address::received("+573011234567"));
    // Half past nine in the evening in Cancun and in Bogotá, half past six in Tijuana.
    let evening = at("2026-12-02T02:30:00Z");
    let held = |until: &str, zone: &str| Verdict::Held { until: at(until), time_zone: zone.to_owned() };
    let in_cancun = held("2026-12-02T13:00:00Z", "America/Cancun");
    let rules = rules(&night());
    let base = |to| Facts { leaves: evening, now: evening, ..facts(to) };
    let cases = [
        (base(&ana), in_cancun.clone()),
        (base(&ines), held("2026-12-02T13:00:00Z", "America/Bogota")),
        (Facts { time_zone: Some("America/Tijuana"), ..base(&ana) }, Verdict::Allowed(None)),
        (Facts { time_zone: Some("nowhere"), ..base(&ana) }, in_cancun.clone()),
        (Facts { reply: true, ..base(&ana) }, Verdict::Allowed(Some(Exempt::Replies))),
        (Facts { priority: Priority::High, ..base(&ana) }, in_cancun.clone()),
        (
            Facts { last_inbound_at: Some(at("2026-12-02T01:30:00Z")), ..base(&ana) },
            Verdict::Allowed(Some(Exempt::Replies)),
        ),
        (Facts { last_inbound_at: Some(at("2026-12-02T01:29:59Z")), ..base(&ana) }, in_cancun.clone()),
        // What is planned for the night is not for now.
        (Facts { now: at("2026-12-01T19:00:00Z"), ..base(&ana) }, in_cancun.clone()),
    ];
    for (facts, expected) in cases {
        assert_eq!(rules.judge(&facts), expected, "{facts:?}");
    }
    let mut refusing = night();
    refusing.quiet_hours.action = Action::Refuse;
    refusing.exempt = vec![Exempt::High];
    let rules = Rules::new(&refusing, &Home { locale: Locale::Es, time_zone: "America/Cancun", region: "MX" });
    let (until, time_zone) = (at("2026-12-02T13:00:00Z"), "America/Cancun".to_owned());
    let refused = Verdict::Refused(Refusal::QuietHours { until, time_zone });
    assert_eq!(rules.judge(&Facts { reply: true, ..base(&ana) }), refused);
    let urgent = Facts { priority: Priority::High, ..base(&ana) };
    assert_eq!(rules.judge(&urgent), Verdict::Allowed(Some(Exempt::High)));
}

#[test]
fn caps_count_what_nobody_asked_for() {
    let ana = Address::received("+529981112233");
    let rules = rules(&Settings { caps: Caps { per_day: 2, per_week: 3 }, ..settings() });
    let capped = |limit, window| Verdict::Refused(Refusal::FrequencyCap { limit, window });
    for (in_a_day, in_a_week, expected) in [
        (0, 0, Verdict::Allowed(None)),
        (1, 2, Verdict::Allowed(None)),
        (2, 2, capped(2, Window::Day)),
        (0, 3, capped(3, Window::Week)),
        (9, 9, capped(2, Window::Day)),
    ] {
        let sent = Sent { in_a_day, in_a_week };
        assert_eq!(rules.judge(&Facts { sent, ..facts(&ana) }), expected, "{sent:?}");
        let reply = Facts { sent, reply: true, ..facts(&ana) };
        assert!(matches!(rules.judge(&reply), Verdict::Allowed(_)), "{sent:?}");
    }
}

#[test]
fn what_makes_no_sense_is_told_by_its_key() {
    let hours = |from: Option<&str>, to: Option<&str>| {
        let (from, to) = (from.map(str::to_owned), to.map(str::to_owned));
        Settings { quiet_hours: QuietSettings { from, to, ..QuietSettings::default() }, ..settings() }
    };
    let cases = [
        (hours(Some("21:00"), None), "quiet_hours.to"),
        (hours(None, Some("08:00")), "quiet_hours.from"),
        (hours(Some("9 pm"), Some("08:00")), "quiet_hours.from"),
        (hours(Some("21:00"), Some("25:00")), "quiet_hours.to"),
        (hours(Some("21:00"), Some("21:00")), "quiet_hours.to"),
        (Settings { caps: Caps { per_day: 5, per_week: 3 }, ..settings() }, "caps.per_day"),
    ];
    for (settings, key) in cases {
        assert_eq!(settings.check().unwrap_err().0, key);
    }
}
