//! Whether what was acknowledged is there once, and was sent once. Pure.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::messages::mark;
use super::records::Known;

/// What was compared, and what should be zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Checked {
    /// How many were acknowledged.
    pub acknowledged: u64,
    /// Acknowledged, and not on record.
    pub lost: u64,
    /// On record more than once.
    pub doubled: u64,
    /// On record, and not at their end: not processed, or without a final status.
    pub unfinished: u64,
    /// At their end, and it is a bad one.
    pub failed: u64,
    /// What the local Twilio has more than once, or not at all. None where it could not be asked.
    pub sent_twice: Option<u64>,
    pub sent_never: Option<u64>,
}

impl Checked {
    /// Whether all that should be zero is.
    pub fn is_good(&self) -> bool {
        let wrong = self.lost + self.doubled + self.unfinished + self.failed;
        wrong + self.sent_twice.unwrap_or(0) + self.sent_never.unwrap_or(0) == 0
    }
}

/// Texts that came in: `sids` were acknowledged, `known` is on record.
pub fn texts(sids: &[String], known: &[Known]) -> Checked {
    let mut times: BTreeMap<&str, (u64, bool)> = BTreeMap::new();
    for one in known {
        let seen = times.entry(one.provider_id.as_deref().unwrap_or_default()).or_default();
        *seen = (seen.0 + 1, one.processed_at.is_some());
    }
    let mut checked = Checked { acknowledged: count(sids.len()), ..Checked::default() };
    for sid in sids {
        match times.get(sid.as_str()) {
            None => checked.lost += 1,
            Some((1, true)) => {}
            Some((1, false)) => checked.unfinished += 1,
            Some(_) => checked.doubled += 1,
        }
    }
    checked
}

/// What the local Twilio accepted for one text to one person.
#[derive(Clone, Debug, Deserialize)]
pub struct Text {
    to: String,
    body: String,
    count: u64,
}

/// Messages that went out: `ids` were acknowledged, `known` is on record.
pub fn outbound(ids: &[Uuid], known: &[Known]) -> Checked {
    let mut known: Vec<&Known> = known.iter().collect();
    known.sort_by_key(|one| one.id);
    let mut checked = Checked { acknowledged: count(ids.len()), ..Checked::default() };
    for id in ids {
        match known.binary_search_by_key(id, |one| one.id).ok().and_then(|place| known.get(place)) {
            None => checked.lost += 1,
            Some(one) if !one.is_final() => checked.unfinished += 1,
            Some(one) if one.delivered_at.is_none() => checked.failed += 1,
            Some(_) => {}
        }
    }
    let distinct: BTreeSet<&Uuid> = ids.iter().collect();
    checked.doubled = count(ids.len() - distinct.len());
    checked
}

/// The same messages in the local Twilio's ledger; those of other runs don't count.
pub fn ledger(mut checked: Checked, ids: &[Uuid], known: &[Known], ledger: &[Text], run: u64) -> Checked {
    let mark = mark(run);
    let ours = ledger.iter().filter(|text| text.body.starts_with(&mark));
    let creates: BTreeMap<(&str, &str), u64> =
        ours.map(|text| ((text.to.as_str(), text.body.as_str()), text.count)).collect();
    let ids: BTreeSet<&Uuid> = ids.iter().collect();
    let acknowledged = known.iter().filter(|one| ids.contains(&one.id));
    let never = acknowledged.filter(|one| !creates.contains_key(&(one.to.as_str(), one.text.as_str()))).count();
    checked.sent_never = Some(count(never));
    checked.sent_twice = Some(count(creates.values().filter(|times| **times > 1).count()));
    checked
}

fn count(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::messages::text;
    use super::super::texts::sid;
    use super::*;

    fn known(number: u64, more: &Value) -> Known {
        let mut one = json!({
            "id": Uuid::from_u128(number.into()), "provider_id": sid(7, number), "to": "+529981050000",
            "text": text(7, number), "status": "delivered", "processed_at": "2026-11-28T10:00:00Z",
            "sent_at": "2026-11-28T10:00:00Z", "delivered_at": "2026-11-28T10:00:01Z",
        });
        one.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        serde_json::from_value(one).unwrap()
    }

    #[test]
    fn a_text_is_there_once() {
        let sids: Vec<String> = (1..=5).map(|number| sid(7, number)).collect();
        let good: Vec<Known> = (1..=5).map(|number| known(number, &json!({}))).collect();
        let all = texts(&sids, &good);
        assert_eq!(all, Checked { acknowledged: 5, ..Checked::default() });
        assert!(all.is_good());
        let late = known(2, &json!({ "processed_at": null }));
        let bad = [known(1, &json!({})), late, known(3, &json!({})), known(3, &json!({})), known(9, &json!({}))];
        let found = texts(&sids, &bad);
        assert_eq!(found, Checked { acknowledged: 5, lost: 2, doubled: 1, unfinished: 1, ..Checked::default() });
        assert!(!found.is_good());
    }

    #[test]
    fn a_message_arrives_once() {
        let ids: Vec<Uuid> = (1..=4).map(Uuid::from_u128).collect();
        let good: Vec<Known> = (1..=4).map(|number| known(number, &json!({}))).collect();
        assert_eq!(outbound(&ids, &good), Checked { acknowledged: 4, ..Checked::default() });
        let bad = [
            known(1, &json!({ "status": "unknown" })),
            known(2, &json!({ "status": "undelivered", "delivered_at": null })),
            known(4, &json!({})),
        ];
        let found = outbound(&ids, &bad);
        assert_eq!(found, Checked { acknowledged: 4, lost: 1, unfinished: 1, failed: 1, ..Checked::default() });
        assert_eq!(outbound(&[ids[0], ids[0]], &good).doubled, 1);
    }

    #[test]
    fn the_ledger_tells_what_was_sent_twice_or_never() {
        let (ids, good) = ([Uuid::from_u128(1), Uuid::from_u128(2)], [known(1, &json!({})), known(2, &json!({}))]);
        let text = |run, number, count| Text { to: "+529981050000".to_owned(), body: text(run, number), count };
        let checked = |ledger: &[Text]| super::ledger(outbound(&ids, &good), &ids, &good, ledger, 7);
        let found = checked(&[text(7, 1, 1), text(7, 2, 1), text(8, 1, 5)]);
        assert!(found.is_good() && found.sent_twice == Some(0) && found.sent_never == Some(0));
        let found = checked(&[text(7, 1, 2)]);
        assert_eq!((found.sent_twice, found.sent_never, found.is_good()), (Some(1), Some(1), false));
    }
}
