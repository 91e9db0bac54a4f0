//! The connection rules that a webhook's URL carries in its fragment: `#ct=2000&rc=2&rp=5xx,ct`. Pure.

use std::time::Duration;

/// How long a webhook is waited for, and when it is called again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Rules {
    pub(super) connect: Duration,
    /// Until the answer begins, once connected, and between its pieces.
    pub(super) read: Duration,
    /// For all tries together.
    pub(super) total: Duration,
    pub(super) retries: u32,
    pub(super) again: Again,
    /// A policy of further tries that makes no sense.
    pub(super) unknown: Option<String>,
}

/// After what a webhook is called again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "it is a set of four")]
pub(super) struct Again {
    pub(super) connect: bool,
    pub(super) read: bool,
    pub(super) status_4xx: bool,
    pub(super) status_5xx: bool,
}

const NEVER: Again = Again { connect: false, read: false, status_4xx: false, status_5xx: false };
const ALWAYS: Again = Again { connect: true, read: true, status_4xx: true, status_5xx: true };

impl Default for Rules {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            read: Duration::from_secs(15),
            total: Duration::from_secs(15),
            retries: 1,
            again: Again { connect: true, ..NEVER },
            unknown: None,
        }
    }
}

impl Rules {
    /// What a fragment says. A value out of its range leaves the default, as an unknown name does.
    pub(super) fn of(fragment: &str) -> Self {
        let mut rules = Self::default();
        for (name, value) in form_urlencoded::parse(fragment.as_bytes()) {
            let millis = |most: u64| {
                let millis = value.parse().ok().filter(|millis| (100..=most).contains(millis));
                millis.map(Duration::from_millis)
            };
            match name.as_ref() {
                "ct" => rules.connect = millis(10_000).unwrap_or(rules.connect),
                "rt" => rules.read = millis(15_000).unwrap_or(rules.read),
                "tt" => rules.total = millis(15_000).unwrap_or(rules.total),
                "rc" => rules.retries = value.parse().ok().filter(|count| *count <= 5).unwrap_or(rules.retries),
                "rp" => match Again::of(&value) {
                    Some(again) => rules.again = again,
                    None => rules.unknown = Some(value.into_owned()),
                },
                _ => {}
            }
        }
        rules
    }
}

impl Again {
    fn of(list: &str) -> Option<Self> {
        let mut again = NEVER;
        for name in list.split(',') {
            match name.trim() {
                "all" => again = ALWAYS,
                "ct" => again.connect = true,
                "rt" => again.read = true,
                "4xx" => again.status_4xx = true,
                "5xx" => again.status_5xx = true,
                _ => return None,
            }
        }
        Some(again)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fragment_is_read_within_twilios_ranges() {
        let rules = Rules::default;
        let cases = [
            ("", rules()),
            ("ct=200&x=1", Rules { connect: Duration::from_millis(200), ..rules() }),
            ("ct=99&rt=15001&tt=soon&rc=6", rules()),
            ("rp=often", Rules { unknown: Some("often".to_owned()), ..rules() }),
            ("rp=5XX", Rules { unknown: Some("5XX".to_owned()), ..rules() }),
            ("rt=100&tt=15000", Rules { read: Duration::from_millis(100), ..rules() }),
            ("rc=0", Rules { retries: 0, ..rules() }),
            ("rc=5&rp=all", Rules { retries: 5, again: ALWAYS, ..rules() }),
            ("rp=5xx,rt", Rules { again: Again { read: true, status_5xx: true, ..NEVER }, ..rules() }),
            ("rp=4xx%2Cct", Rules { again: Again { status_4xx: true, connect: true, ..NEVER }, ..rules() }),
        ];
        for (fragment, expected) in cases {
            assert_eq!(Rules::of(fragment), expected, "{fragment}");
        }
    }
}
