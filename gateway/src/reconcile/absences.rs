//! Since when parts are missing in the provider's list, by a clock that nobody sets.
//!
//! What is missing for long is sent again. Were that told by the clock on the wall alone, a step of it would make a
//! second long, and a message that the provider has and does not list yet would be sent twice. After a restart it is
//! waited anew, and so it is after each try, whichever gateway made that.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;

use crate::message::PartId;

/// So many are remembered; further ones wait until some of these are decided.
const MOST: usize = 100_000;
/// Whatever was not looked for as long as this was settled by a report, or is another gateway's.
const STALE: Duration = Duration::from_hours(24);

#[derive(Default)]
pub(super) struct Absences(Mutex<BTreeMap<PartId, Absence>>);

struct Absence {
    /// The try that it is about, by when that ended.
    ended_at: Timestamp,
    since: Instant,
    looked: Instant,
}

impl Absences {
    fn all(&self) -> MutexGuard<'_, BTreeMap<PartId, Absence>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// For how long it has been missing, each time that it was looked for, since the try that ended then.
    pub(super) fn lasted(&self, part: PartId, ended_at: Timestamp, now: Instant) -> Duration {
        let all = self.all();
        let absence = all.get(&part).filter(|absence| absence.ended_at == ended_at);
        absence.map_or(Duration::ZERO, |absence| now.saturating_duration_since(absence.since))
    }

    /// It is missing, or still is.
    pub(super) fn missed(&self, part: PartId, ended_at: Timestamp, now: Instant) {
        let mut all = self.all();
        if let Some(absence) = all.get_mut(&part) {
            // Another gateway, or somebody by hand, may have had it sent again meanwhile.
            let since = if absence.ended_at == ended_at { absence.since } else { now };
            *absence = Absence { ended_at, since, looked: now };
            return;
        }
        if all.len() >= MOST {
            all.retain(|_, absence| now.saturating_duration_since(absence.looked) < STALE);
        }
        if all.len() < MOST {
            all.insert(part, Absence { ended_at, since: now, looked: now });
        }
    }

    /// It is known what became of it, or it begins anew.
    pub(super) fn forget(&self, part: PartId) {
        self.all().remove(&part);
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    const ENDED: Timestamp = Timestamp::UNIX_EPOCH;

    fn part(number: usize) -> PartId {
        PartId(Uuid::from_u128(number as u128))
    }

    #[test]
    fn an_absence_lasts_from_the_first_look_until_it_is_decided() {
        let absences = Absences::default();
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        assert_eq!(absences.lasted(part(1), ENDED, at(0)), Duration::ZERO);
        absences.missed(part(1), ENDED, at(0));
        absences.missed(part(1), ENDED, at(40));
        assert_eq!(absences.lasted(part(1), ENDED, at(60)), Duration::from_mins(1));
        absences.forget(part(1));
        absences.missed(part(1), ENDED, at(70));
        assert_eq!(absences.lasted(part(1), ENDED, at(80)), Duration::from_secs(10));
    }

    #[test]
    fn an_absence_begins_anew_with_each_try() {
        let absences = Absences::default();
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let again = Timestamp::from_second(300).unwrap();
        absences.missed(part(1), ENDED, at(0));
        assert_eq!(absences.lasted(part(1), again, at(400)), Duration::ZERO);
        absences.missed(part(1), again, at(400));
        assert_eq!(absences.lasted(part(1), again, at(430)), Duration::from_secs(30));
    }

    #[test]
    fn no_more_are_remembered_than_there_is_room_for() {
        let absences = Absences::default();
        let start = Instant::now();
        for number in 0..=MOST {
            absences.missed(part(number), ENDED, start);
        }
        let later = start + STALE;
        assert_eq!(
            (absences.lasted(part(0), ENDED, later), absences.lasted(part(MOST), ENDED, later)),
            (STALE, Duration::ZERO)
        );
        absences.missed(part(0), ENDED, later);
        absences.missed(part(MOST), ENDED, later);
        assert_eq!(absences.lasted(part(MOST), ENDED, later + STALE), STALE, "there is room again");
        assert_eq!(absences.all().len(), 2);
    }
}
