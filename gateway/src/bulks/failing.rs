//! Recipients for whom nothing can be decided, since a plugin or a channel's component fails at their message: when
//! they are tried again, and when that is enough. What fails for everybody is nobody's own, and holds all up instead.

use jiff::{SignedDuration, Timestamp};

use crate::message::MessageId;
use crate::store::{BulkPlace, Failing, RecipientProblem};

/// How often somebody is tried at least, and for how long, before they are refused.
const TRIES: u32 = 5;
const LONG_ENOUGH: SignedDuration = SignedDuration::from_secs(60);
/// The pauses behind the first tries, in seconds; together they are long enough.
const PAUSES: [i64; 4] = [5, 10, 20, 25];

/// What making one message came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Came {
    /// It is in the outbox; or the gate, which is asked last, said why not.
    Decided(Option<MessageId>),
    /// Nobody had to be asked, or a plugin refused it, perhaps before the one that fails could be asked.
    Nothing,
    /// Something keeps messages from being taken now, whoever they are for.
    Hampered,
    Failed {
        place: BulkPlace,
        /// As it was before this try.
        failing: Failing,
        /// The plugin that failed; none where the channel's component did.
        plugin: Option<String>,
        problem: RecipientProblem,
    },
}

/// Whether what failed in a batch is the recipients' own: what fails for them decided about others at the same time, or
/// it failed at an earlier try of each, and nobody is left who was not tried yet. What begins to fail for all at the very
/// end can't be told from that.
pub(super) fn is_their_own(batch: &[Came], works_for_others: bool, others_are_left: bool) -> bool {
    let failed_before = |came: &Came| !matches!(came, Came::Failed { failing, .. } if failing.tries == 0);
    !batch.contains(&Came::Hampered) && (works_for_others || (!others_are_left && batch.iter().all(failed_before)))
}

/// How somebody stands after one more try that failed, and when the next is; none when it is enough.
pub(super) fn next(before: Failing, now: Timestamp) -> Option<(Failing, Timestamp)> {
    let since = before.since.unwrap_or(now);
    let tries = before.tries.saturating_add(1);
    if tries >= TRIES && now.duration_since(since) >= LONG_ENOUGH {
        return None;
    }
    let pause = usize::try_from(before.tries).ok().and_then(|tries| PAUSES.get(tries));
    let pause = SignedDuration::from_secs(pause.copied().unwrap_or(PAUSES[PAUSES.len() - 1]));
    Some((Failing { tries, since: Some(since) }, now.checked_add(pause).unwrap_or(now)))
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn failed(tries: u32) -> Came {
        let place = BulkPlace { bulk_id: Uuid::nil(), position: 0 };
        let problem = RecipientProblem { code: "no-verdict".to_owned(), detail: "trapped".to_owned() };
        Came::Failed { place, failing: Failing { tries, since: None }, plugin: Some("strict".to_owned()), problem }
    }

    #[test]
    fn what_fails_for_everybody_is_nobodys_own() {
        use Came::{Decided, Hampered, Nothing};
        // And whether it is where it works for nobody, and nobody else is left.
        let cases = [
            (vec![failed(0), Decided(None)], false),
            (vec![failed(0), failed(0)], false),
            // Others were tried just now for the first time.
            (vec![failed(3), failed(0), Nothing], false),
            (vec![failed(1), failed(3), Nothing], true),
            // By a plugin before the one that fails.
            (vec![failed(3), Decided(None)], true),
            (vec![failed(3)], true),
            (vec![failed(0)], false),
        ];
        for (mut batch, alone) in cases {
            let judged = [(false, false), (false, true), (true, false), (true, true)]
                .map(|(works, left)| is_their_own(&batch, works, left));
            assert_eq!(judged, [alone, false, true, true], "{batch:?}");
            // The database was away, or the like.
            batch.push(Hampered);
            assert!(!is_their_own(&batch, true, false), "{batch:?}");
        }
    }

    #[test]
    fn somebody_is_tried_five_times_and_for_a_minute() {
        let at = |second: i64| Timestamp::from_second(second).unwrap();
        let failing = |tries, since| Failing { tries, since: Some(at(since)) };
        let cases = [
            (Failing::default(), 100, Some((failing(1, 100), at(105)))),
            (failing(1, 100), 105, Some((failing(2, 100), at(115)))),
            (failing(2, 100), 115, Some((failing(3, 100), at(135)))),
            (failing(3, 100), 135, Some((failing(4, 100), at(160)))),
            (failing(4, 100), 160, None),
            // Soon one after the other, as by several gateways.
            (failing(4, 100), 159, Some((failing(5, 100), at(184)))),
            (failing(5, 100), 184, None),
            // Long ago, as before a pause of the bulk send.
            (failing(1, 100), 9_000, Some((failing(2, 100), at(9_010)))),
        ];
        for (before, now, expected) in cases {
            assert_eq!(next(before, at(now)), expected, "{before:?} at {now}");
        }
    }
}
