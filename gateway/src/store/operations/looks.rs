//! What each look at the provider's list found of a part that may be there, kept in its row.

use jiff::Timestamp;

use super::matching::Unknown;
use crate::store::questions::{Fate, Found, Look, Match};

/// The most that are kept of one part; the newest.
const MOST: usize = 20;

/// The looks there were, and this one.
pub(super) fn add(before: Option<&str>, look: Look) -> Option<String> {
    let mut looks = read(before);
    looks.push(look);
    let over = looks.len().saturating_sub(MOST);
    serde_json::to_string(looks.get(over..)?).ok()
}

pub(in crate::store) fn read(looks: Option<&str>) -> Vec<Look> {
    looks.and_then(|looks| serde_json::from_str(looks).ok()).unwrap_or_default()
}

/// A look that found it.
pub(super) fn found(at: Timestamp, listed: usize) -> Look {
    Look { at, found: Match::One, listed, concluded: "found".to_owned(), reason: None }
}

/// A look that did not tell which one it is, if it is there.
pub(super) fn missed(at: Timestamp, listed: usize, unknown: &Unknown, free: &[&Found], fate: Fate) -> Look {
    let may_be = |found: &&&Found| unknown.may_be(found) || unknown.may_be_misdated(found);
    let found = match free.iter().filter(may_be).count() {
        0 => Match::None,
        1 => Match::Unsure,
        _ => Match::Several,
    };
    let (concluded, reason) = match fate {
        Fate::Found(_) => ("found", None),
        Fate::Resent => ("sent_again", None),
        Fate::Canceled => ("canceled", None),
        Fate::GivenUp => ("given_up", None),
        Fate::Held(hold) => ("held", Some(hold.reason().to_owned())),
        Fate::Open => ("open", None),
    };
    Look { at, found, listed, concluded: concluded.to_owned(), reason }
}

/// The provider did not say.
pub(super) fn unanswered(at: Timestamp) -> Look {
    Look { at, found: Match::NoAnswer, listed: 0, concluded: "open".to_owned(), reason: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_are_kept_and_what_can_not_be_read_is_none() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let mut kept = Some("no list".to_owned());
        for second in 0..25 {
            kept = add(kept.as_deref(), unanswered(at(second)));
        }
        let looks = read(kept.as_deref());
        assert_eq!(looks.len(), MOST);
        assert_eq!((looks[0].at, looks[MOST - 1].at), (at(5), at(24)));
        assert_eq!(read(None), []);
    }
}
