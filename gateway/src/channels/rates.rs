//! `[channels.NAME.rates]`: how fast each sender of a channel may send.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::message::Address;

/// A rate above this is a typing mistake.
const MOST: f64 = 100_000.0;

/// In segments a second; 0 is no limit. What is not set is what the provider allows, as far as the channel
/// knows it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Rates {
    /// Of each sender that is not named.
    pub segments_per_s: Option<f64>,
    /// By address, or by the provider's service.
    pub senders: BTreeMap<String, f64>,
}

impl Rates {
    /// Says which key is wrong, and why.
    pub fn check(&self) -> Result<(), (String, String)> {
        let every = self.segments_per_s.iter().map(|rate| ("rates.segments_per_s".to_owned(), rate));
        let named = self.senders.iter().map(|(sender, rate)| (format!("rates.senders.\"{sender}\""), rate));
        for (key, rate) in every.chain(named) {
            if !rate.is_finite() || !(0.0..=MOST).contains(rate) {
                return Err((key, format!("is {rate}, but must be from 0 (no limit) to {MOST} segments a second")));
            }
        }
        Ok(())
    }

    /// What the operator says of this sender; `None` is nothing.
    pub fn of(&self, sender: &Address) -> Option<f64> {
        self.senders.get(sender.as_str()).copied().or(self.segments_per_s)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rates(text: &str) -> Rates {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn a_named_sender_goes_before_all_others() {
        let rates = rates("segments_per_s = 5\nsenders = { '+14155550100' = 30, MG1 = 0 }");
        let of = |sender: &str| rates.of(&Address::received(sender));
        assert_eq!((of("+14155550100"), of("MG1"), of("22395")), (Some(30.0), Some(0.0), Some(5.0)));
        assert_eq!(Rates::default().of(&Address::received("22395")), None);
    }

    #[test]
    fn what_makes_no_sense_is_named_by_its_key() {
        for (text, key) in [
            ("segments_per_s = -1", "rates.segments_per_s"),
            ("segments_per_s = nan", "rates.segments_per_s"),
            ("senders = { '22395' = 1e9 }", "rates.senders.\"22395\""),
        ] {
            assert_eq!(rates(text).check().unwrap_err().0, key);
        }
        assert_eq!(rates("segments_per_s = 0.5").check(), Ok(()));
    }
}
