//! What is made to go wrong, and how often it did. A rule decides by counting or by a seeded draw, so the
//! same requests meet the same faults again.

use std::collections::BTreeMap;
use std::num::NonZeroU64;
use std::sync::Mutex;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::account::lock;

/// The longest delay, in milliseconds.
const MAX_DELAY: u64 = 60_000;

/// Something that goes wrong between Twilio and the application.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fault {
    /// A create is refused with 429; nothing is accepted.
    CreateRefused,
    /// A create is answered with 503; nothing is accepted.
    CreateFailedBefore,
    /// A create is accepted, and answered with 500.
    CreateFailedAfter,
    /// A create is accepted, and the connection is closed without an answer.
    CreateCutAfter,
    /// A create is answered late.
    CreateLate,
    /// A status callback is not made.
    CallbackLost,
    /// A status callback is made late, and with it those that follow it.
    CallbackLate,
    /// A status callback is made twice.
    CallbackDuplicated,
    /// A status callback is made after the one that follows it.
    CallbackReordered,
    /// The signature is over the URL without its port, or with the scheme's own: which of the two Twilio
    /// signs has changed over time, so a receiver takes both.
    SignaturePortToggled,
    /// The signature is over the URL with a port that is not its own.
    SignaturePortWrong,
    /// The signature is by the token that takes the account's place in a rotation: the same with `-rotated`
    /// behind it.
    SignatureTokenRotated,
}

impl Fault {
    pub(super) const ALL: [Self; 12] = [
        Self::CreateRefused,
        Self::CreateFailedBefore,
        Self::CreateFailedAfter,
        Self::CreateCutAfter,
        Self::CreateLate,
        Self::CallbackLost,
        Self::CallbackLate,
        Self::CallbackDuplicated,
        Self::CallbackReordered,
        Self::SignaturePortToggled,
        Self::SignaturePortWrong,
        Self::SignatureTokenRotated,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::CreateRefused => "create_refused",
            Self::CreateFailedBefore => "create_failed_before",
            Self::CreateFailedAfter => "create_failed_after",
            Self::CreateCutAfter => "create_cut_after",
            Self::CreateLate => "create_late",
            Self::CallbackLost => "callback_lost",
            Self::CallbackLate => "callback_late",
            Self::CallbackDuplicated => "callback_duplicated",
            Self::CallbackReordered => "callback_reordered",
            Self::SignaturePortToggled => "signature_port_toggled",
            Self::SignaturePortWrong => "signature_port_wrong",
            Self::SignatureTokenRotated => "signature_token_rotated",
        }
    }
}

/// When a fault happens: `{"every": 3}`, or `{"probability": 0.1, "seed": 7}`. A fault that takes time
/// also says how much: `"millis": 250`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Rule {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    every: Option<NonZeroU64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    probability: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    seed: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    millis: Option<u64>,
}

/// Reads faults as written on a command line: `NAME` for every time, `NAME=every:5`, `NAME=0.1`, and
/// `create_late=every:3:2000` with the milliseconds it takes.
pub(super) fn written<'a>(faults: impl Iterator<Item = &'a str>) -> Result<Map<String, Value>, String> {
    faults.map(|fault| one(fault).map(|(name, rule)| (name.to_owned(), rule))).collect()
}

fn one(fault: &str) -> Result<(&str, Value), String> {
    let (name, rule) = fault.split_once('=').unwrap_or((fault, "every:1"));
    let (rule, millis) = match rule.rsplit_once(':') {
        Some((rule, millis)) if rule != "every" => (rule, Some(millis)),
        _ => (rule, None),
    };
    let problem = || {
        let known = Fault::ALL.map(Fault::name).join(", ");
        format!(
            "`{fault}` is no fault; write NAME, NAME=every:5, NAME=0.1 or create_late=every:3:2000; there are {known}"
        )
    };
    let mut read = Map::new();
    match rule.strip_prefix("every:") {
        Some(every) => read.insert("every".to_owned(), json!(every.parse::<u64>().map_err(|_| problem())?)),
        None => read.insert("probability".to_owned(), json!(rule.parse::<f64>().map_err(|_| problem())?)),
    };
    if let Some(millis) = millis {
        read.insert("millis".to_owned(), json!(millis.parse::<u64>().map_err(|_| problem())?));
    }
    Ok((name, Value::Object(read)))
}

impl Rule {
    fn check(&self, fault: Fault) -> Result<(), String> {
        let name = fault.name();
        if self.every.is_some() == self.probability.is_some() {
            return Err(format!("`{name}` has either `every` or `probability`"));
        }
        if self.probability.is_some_and(|probability| !(0.0..=1.0).contains(&probability)) {
            return Err(format!("`probability` of `{name}` is a number from 0 to 1"));
        }
        let takes_time = matches!(fault, Fault::CreateLate | Fault::CallbackLate);
        if self.millis.is_some_and(|millis| !takes_time || millis > MAX_DELAY) {
            return Err(format!("`millis` is for `create_late` and `callback_late` alone, and at most {MAX_DELAY}"));
        }
        Ok(())
    }
}

/// All faults of one account.
#[derive(Debug, Default)]
pub(super) struct Faults(Mutex<BTreeMap<Fault, Switch>>);

#[derive(Debug)]
struct Switch {
    rule: Option<Rule>,
    /// How often it could have happened since the rule was set.
    chances: u64,
    happened: u64,
    draws: StdRng,
}

impl Switch {
    fn new(rule: Option<Rule>) -> Self {
        let seed = rule.as_ref().and_then(|rule| rule.seed).unwrap_or(0);
        Self { rule, chances: 0, happened: 0, draws: StdRng::seed_from_u64(seed) }
    }
}

impl Faults {
    /// Replaces all rules; a fault that is not named happens no more. One whose rule stays goes on counting.
    pub(super) fn set(&self, rules: &Map<String, Value>) -> Result<(), String> {
        let mut wanted = BTreeMap::new();
        for (name, rule) in rules {
            let fault = Fault::ALL.into_iter().find(|fault| fault.name() == name);
            let fault = fault.ok_or_else(|| {
                let known = Fault::ALL.map(Fault::name).join(", ");
                format!("there is no fault `{name}`; there are {known}")
            })?;
            let rule: Option<Rule> =
                serde_json::from_value(rule.clone()).map_err(|error| format!("`{name}`: {error}"))?;
            rule.as_ref().map_or(Ok(()), |rule| rule.check(fault))?;
            wanted.insert(fault, rule);
        }
        let mut switches = lock(&self.0);
        for fault in Fault::ALL {
            let rule = wanted.remove(&fault).flatten();
            if switches.get(&fault).and_then(|switch| switch.rule.as_ref()) != rule.as_ref() {
                switches.insert(fault, Switch::new(rule));
            }
        }
        Ok(())
    }

    /// Whether the fault happens now; it counts as having happened then.
    pub(super) fn happens(&self, fault: Fault) -> bool {
        self.delay(fault).is_some()
    }

    /// How long the fault takes, in milliseconds, if it happens now.
    pub(super) fn delay(&self, fault: Fault) -> Option<u64> {
        let mut switches = lock(&self.0);
        let switch = switches.get_mut(&fault)?;
        let rule = switch.rule.as_ref()?;
        switch.chances += 1;
        let happens = match (rule.every, rule.probability) {
            (Some(every), _) => switch.chances % every == 0,
            (None, Some(probability)) => switch.draws.random_bool(probability),
            (None, None) => false,
        };
        if !happens {
            return None;
        }
        switch.happened += 1;
        Some(rule.millis.unwrap_or(0))
    }

    /// Every fault by name, with its rule and how often it could have happened and did.
    pub(super) fn report(&self) -> Value {
        let switches = lock(&self.0);
        let entry = |fault: Fault| {
            let switch = switches.get(&fault);
            let told = json!({
                "rule": switch.and_then(|switch| switch.rule.as_ref()),
                "chances": switch.map_or(0, |switch| switch.chances),
                "happened": switch.map_or(0, |switch| switch.happened),
            });
            (fault.name().to_owned(), told)
        };
        Value::Object(Fault::ALL.into_iter().map(entry).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(rules: &Value) -> Faults {
        let faults = Faults::default();
        faults.set(rules.as_object().unwrap()).unwrap();
        faults
    }

    fn draw(faults: &Faults, count: usize) -> Vec<bool> {
        (0..count).map(|_| faults.happens(Fault::CallbackLost)).collect()
    }

    #[test]
    fn a_fault_happens_every_so_often_or_by_a_seeded_draw() {
        let third = faults(&json!({ "callback_lost": { "every": 3 } }));
        assert_eq!(draw(&third, 7), [false, false, true, false, false, true, false]);
        let seeded = json!({ "callback_lost": { "probability": 0.5, "seed": 7 } });
        let drawn = draw(&faults(&seeded), 200);
        assert_eq!(draw(&faults(&seeded), 200), drawn);
        assert_ne!(draw(&faults(&json!({ "callback_lost": { "probability": 0.5, "seed": 8 } })), 200), drawn);
        assert!((60..140).contains(&drawn.iter().filter(|happens| **happens).count()));
        assert_eq!(draw(&Faults::default(), 3), [false; 3]);
    }

    #[test]
    fn faults_are_read_from_a_command_line() {
        let line = ["create_cut_after", "callback_lost=0.1", "create_refused=every:5", "create_late=every:3:2000"];
        let rules = written(line.into_iter()).unwrap();
        let expected = json!({
            "create_cut_after": { "every": 1 },
            "callback_lost": { "probability": 0.1 },
            "create_refused": { "every": 5 },
            "create_late": { "every": 3, "millis": 2000 },
        });
        assert_eq!(Value::Object(rules.clone()), expected);
        Faults::default().set(&rules).unwrap();
        let half = written(["create_late=0.5:20"].into_iter()).unwrap();
        assert_eq!(half["create_late"], json!({ "probability": 0.5, "millis": 20 }));
        for bad in ["create_refused=often", "create_refused=every:x", "create_late=every:3:soon", "callback_lost="] {
            assert!(written([bad].into_iter()).unwrap_err().contains(bad), "{bad}");
        }
    }

    #[test]
    fn counts_go_on_while_the_rule_stays() {
        let faults = faults(&json!({ "callback_lost": { "every": 2 } }));
        draw(&faults, 3);
        let same = json!({ "callback_lost": { "every": 2 }, "create_late": { "every": 1, "millis": 5 } });
        faults.set(same.as_object().unwrap()).unwrap();
        let expected = json!({ "rule": { "every": 2 }, "chances": 3, "happened": 1 });
        assert_eq!(faults.report()["callback_lost"], expected);
        assert_eq!(faults.delay(Fault::CreateLate), Some(5));
        faults.set(&Map::new()).unwrap();
        assert_eq!(faults.report()["callback_lost"], json!({ "rule": null, "chances": 0, "happened": 0 }));
        assert_eq!(faults.delay(Fault::CreateLate), None);
    }

    #[test]
    fn a_bad_rule_changes_nothing() {
        let cases = [
            json!({ "nothing": { "every": 1 } }),
            json!({ "callback_lost": {} }),
            json!({ "callback_lost": { "every": 0 } }),
            json!({ "callback_lost": { "every": 1, "probability": 0.5 } }),
            json!({ "callback_lost": { "probability": 1.5 } }),
            json!({ "callback_lost": { "every": 1, "millis": 5 } }),
            json!({ "callback_lost": { "every": 1, "often": true } }),
            json!({ "create_late": { "every": 1, "millis": 60_001 } }),
        ];
        let faults = faults(&json!({ "create_cut_after": { "every": 1 } }));
        for rules in cases {
            assert!(faults.set(rules.as_object().unwrap()).is_err(), "{rules}");
        }
        assert!(faults.happens(Fault::CreateCutAfter));
    }
}
