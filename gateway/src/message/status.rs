//! Where a message stands, and how reports of it are put in order.
//!
//! Owns the words, their order and what a new report changes. Must not know who reports, nor
//! keep reports: providers deliver them late, twice and out of order, and all that is decided
//! here is what to believe.

use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// In our own outbox; nothing was handed over yet.
    Pending,
    /// Handed over perhaps: the outcome of the try is not known.
    Unknown,
    /// The provider has it, to be sent at a set time.
    Scheduled,
    /// The provider has it, and is still to choose a sender.
    Accepted,
    Queued,
    Sending,
    /// Left the provider. Some carriers never report more.
    Sent,
    /// Reached the handset.
    Delivered,
    /// Left the provider and was refused on the way.
    Undelivered,
    /// Never left the provider, or us.
    Failed,
    Canceled,
    /// Seen by a person. Only after `Delivered`.
    Read,
    /// Inbound, not complete yet.
    Receiving,
    /// Inbound, complete.
    Received,
}

/// A word that is no status.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a status")]
pub struct UnknownStatus(String);

/// What a report changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reduction {
    /// What to believe now.
    pub status: Status,
    /// The report contradicts a final status, which is kept.
    pub conflict: bool,
    /// The status is not what it was.
    pub changed: bool,
}

impl Status {
    pub const ALL: [Self; 14] = [
        Self::Pending,
        Self::Unknown,
        Self::Scheduled,
        Self::Accepted,
        Self::Queued,
        Self::Sending,
        Self::Sent,
        Self::Delivered,
        Self::Undelivered,
        Self::Failed,
        Self::Canceled,
        Self::Read,
        Self::Receiving,
        Self::Received,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Unknown => "unknown",
            Self::Scheduled => "scheduled",
            Self::Accepted => "accepted",
            Self::Queued => "queued",
            Self::Sending => "sending",
            Self::Sent => "sent",
            Self::Delivered => "delivered",
            Self::Undelivered => "undelivered",
            Self::Failed => "failed",
            Self::Canceled => "canceled",
            Self::Read => "read",
            Self::Receiving => "receiving",
            Self::Received => "received",
        }
    }

    /// Whether nothing more is to come, but for `Delivered` becoming `Read`.
    pub fn is_final(self) -> bool {
        self.rank() >= Self::Delivered.rank()
    }

    /// Whether the message ended without reaching anyone.
    pub fn is_lost(self) -> bool {
        matches!(self, Self::Failed | Self::Undelivered | Self::Canceled)
    }

    fn rank(self) -> u8 {
        match self {
            Self::Pending => 0,
            Self::Unknown => 1,
            Self::Scheduled => 2,
            Self::Accepted => 3,
            Self::Queued => 4,
            Self::Sending | Self::Receiving => 5,
            Self::Sent => 6,
            Self::Delivered | Self::Undelivered | Self::Failed | Self::Canceled | Self::Received => 7,
            Self::Read => 8,
        }
    }
}

/// Takes a report into account. A status only ever goes up; the first final one stays, but that
/// `Delivered` may become `Read`. A different final one is a conflict, for a person or the
/// provider's own record to settle.
pub fn reduce(current: Status, observed: Status) -> Reduction {
    let seen_by_a_person =
        matches!((current, observed), (Status::Delivered, Status::Read) | (Status::Read, Status::Delivered));
    let conflict = current.is_final() && observed.is_final() && current != observed && !seen_by_a_person;
    let status = if !conflict && observed.rank() > current.rank() { observed } else { current };
    Reduction { status, conflict, changed: status != current }
}

/// Where a message of several parts stands; nothing for none.
///
/// One lost part loses the message, since what arrived makes no sense without it: it is
/// `Failed`, or else `Undelivered`, or else `Canceled`, if any of its parts is. Otherwise it is
/// as far as its least part: `Delivered` when all are, `Unknown` while one is.
pub fn least(statuses: impl Iterator<Item = Status>) -> Option<Status> {
    statuses.min_by_key(|status| match status {
        Status::Failed => (0, 0),
        Status::Undelivered => (0, 1),
        Status::Canceled => (0, 2),
        status => (1, status.rank()),
    })
}

impl std::fmt::Display for Status {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl std::str::FromStr for Status {
    type Err = UnknownStatus;

    /// Twilio's deprecated `partially_delivered` is read as `Sent`: some of it arrived, so it
    /// certainly left, and to say `Delivered` would be to say more than Twilio did.
    fn from_str(word: &str) -> Result<Self, Self::Err> {
        if word == "partially_delivered" {
            return Ok(Self::Sent);
        }
        let status = Self::ALL.into_iter().find(|status| status.as_str() == word);
        status.ok_or_else(|| UnknownStatus(word.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use proptest::{prelude::*, sample::subsequence};

    use super::{Status::*, *};

    const LOST: [Status; 3] = [Undelivered, Failed, Canceled];

    fn after(observations: &[Status]) -> (Status, bool) {
        observations.iter().fold((Pending, false), |(current, conflict), &observed| {
            let reduction = reduce(current, observed);
            assert_eq!(reduction.changed, reduction.status != current);
            (reduction.status, conflict || reduction.conflict)
        })
    }

    #[test]
    fn reports_are_put_in_order() {
        let cases: [(&[Status], Status, bool); 18] = [
            (&[], Pending, false),
            (&[Scheduled, Queued, Sending, Sent], Sent, false),
            (&[Scheduled, Queued, Sending, Sent, Queued], Sent, false),
            (&[Delivered, Sent], Delivered, false),
            (&[Delivered, Delivered], Delivered, false),
            (&[Failed, Failed], Failed, false),
            (&[Delivered, Failed], Delivered, true),
            (&[Failed, Delivered], Failed, true),
            (&[Undelivered, Failed], Undelivered, true),
            (&[Canceled, Sent], Canceled, false),
            (&[Canceled, Delivered], Canceled, true),
            (&[Delivered, Read], Read, false),
            (&[Read, Delivered, Sent], Read, false),
            (&[Sent, Read], Read, false),
            (&[Failed, Read], Failed, true),
            (&[Read, Undelivered], Read, true),
            (&[Unknown, Accepted, Unknown, Pending], Accepted, false),
            (&[Receiving, Received, Receiving], Received, false),
        ];
        for (observations, status, conflict) in cases {
            assert_eq!(after(observations), (status, conflict), "{observations:?}");
        }
    }

    #[test]
    fn only_the_last_words_are_final() {
        let ends: Vec<Status> = Status::ALL.into_iter().filter(|status| status.is_final()).collect();
        assert_eq!(ends, [Delivered, Undelivered, Failed, Canceled, Read, Received]);
        let lost: Vec<Status> = Status::ALL.into_iter().filter(|status| status.is_lost()).collect();
        assert_eq!(lost, LOST);
    }

    #[test]
    fn a_message_is_as_far_as_its_least_part() {
        let cases: [(&[Status], Option<Status>); 9] = [
            (&[], None),
            (&[Delivered, Delivered], Some(Delivered)),
            (&[Delivered, Read], Some(Delivered)),
            (&[Delivered, Sent, Queued], Some(Queued)),
            (&[Sent, Unknown, Delivered], Some(Unknown)),
            (&[Delivered, Undelivered, Pending], Some(Undelivered)),
            (&[Undelivered, Failed], Some(Failed)),
            (&[Canceled, Delivered], Some(Canceled)),
            (&[Canceled, Undelivered], Some(Undelivered)),
        ];
        for (parts, expected) in cases {
            assert_eq!(least(parts.iter().copied()), expected, "{parts:?}");
        }
    }

    #[test]
    fn every_status_is_written_and_read_as_one_word() {
        for status in Status::ALL {
            let word = status.to_string();
            assert_eq!(word.parse(), Ok(status));
            assert_eq!(serde_json::to_string(&status).unwrap(), format!("\"{word}\""));
            assert_eq!(serde_json::from_str::<Status>(&format!("\"{word}\"")).unwrap(), status);
        }
        assert_eq!("partially_delivered".parse(), Ok(Sent));
        for word in ["", "Delivered", "done"] {
            assert_eq!(word.parse::<Status>(), Err(UnknownStatus(word.into())));
        }
    }

    /// The words that Twilio has, `partially_delivered` among them.
    const TWILIOS: [&str; 13] = [
        "accepted",
        "scheduled",
        "canceled",
        "queued",
        "sending",
        "sent",
        "failed",
        "delivered",
        "undelivered",
        "receiving",
        "received",
        "read",
        "partially_delivered",
    ];

    /// What reports come to, said in another way than by taking one after the other: the furthest
    /// while there is no end; then the first end, which only a person's reading goes beyond.
    fn expected(reports: &[Status]) -> (Status, bool) {
        let ends: Vec<Status> = reports.iter().copied().filter(|report| report.is_final()).collect();
        let Some(&first) = ends.first() else {
            let rank = reports.iter().map(|report| report.rank()).max();
            return (*reports.iter().find(|report| Some(report.rank()) == rank).unwrap(), false);
        };
        let seen = |status| matches!(status, Delivered | Read);
        let conflict = ends.iter().any(|&end| end != first && !(seen(first) && seen(end)));
        (if seen(first) && ends.contains(&Read) { Read } else { first }, conflict)
    }

    /// 13 + 13² + … + 13⁵ sequences, repeats among them.
    #[test]
    fn every_order_of_up_to_five_of_twilios_reports_goes_up_and_shows_contradictions() {
        let words = TWILIOS.map(|word| word.parse::<Status>().unwrap());
        let mut count = 0;
        for length in 1..=5 {
            for number in 0..13_usize.pow(length) {
                let digits = (0..length).scan(number, |rest, _| {
                    let digit = *rest % 13;
                    *rest /= 13;
                    Some(words[digit])
                });
                let reports: Vec<Status> = digits.collect();
                let mut current = Pending;
                for &report in &reports {
                    let next = reduce(current, report).status;
                    assert!(next.rank() >= current.rank(), "{reports:?}");
                    current = next;
                }
                assert_eq!(after(&reports), expected(&reports), "{reports:?}");
                count += 1;
            }
        }
        assert_eq!(count, 402_233);
    }

    fn statuses() -> impl Strategy<Value = Status> {
        prop::sample::select(Status::ALL.to_vec())
    }

    fn ways() -> impl Strategy<Value = Vec<Status>> {
        let way = subsequence(vec![Unknown, Scheduled, Accepted, Queued, Sending, Sent], 0..=6);
        let ends: [&[Status]; 7] =
            [&[], &[Delivered], &[Delivered, Read], &[Read], &[Failed], &[Undelivered], &[Canceled]];
        (way, prop::sample::select(ends.to_vec())).prop_map(|(way, end)| [way.as_slice(), end].concat())
    }

    fn in_any_order(way: Vec<Status>) -> impl Strategy<Value = (Vec<Status>, Vec<Status>)> {
        let twice = way.repeat(2);
        (Just(way), Just(twice).prop_shuffle())
    }

    proptest! {
        #[test]
        fn order_and_repetition_do_not_matter_while_there_is_one_end((way, shuffled) in ways().prop_flat_map(in_any_order)) {
            prop_assert_eq!(after(&way), after(&shuffled));
            prop_assert!(!after(&shuffled).1);
        }

        #[test]
        fn a_status_never_goes_down_and_an_end_stays(current in statuses(), observed in statuses()) {
            let reduction = reduce(current, observed);
            prop_assert!(reduction.status.rank() >= current.rank());
            if current.is_final() && current != Delivered {
                prop_assert_eq!(reduction.status, current);
            }
            prop_assert!(!(reduction.conflict && reduction.changed));
        }
    }
}
