//! Asking: one request or a list of several pages, and leaving a provider alone that fails.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};

use super::Work;
use super::settings::later;
use crate::channels::{Listed, Records, Search, Unreadable};
use crate::clock::ends;

/// A list of more pages than this is not read to its end, and then nothing follows from it. What came in is read a quarter
/// of an hour twice and more, so with 200 to a page this is enough for some hundred and fifty texts a second.
const PAGES: usize = 1_000;
/// The first pause after a failure, in seconds; it doubles.
const PAUSE: u64 = 5;
const LONGEST_PAUSE: u64 = 300;

/// Why a provider gave no answer to go by.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failed {
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
    #[error(transparent)]
    Unanswered(#[from] crate::transport::Failure),
    #[error("the list has more than {PAGES} pages")]
    Endless,
}

/// The channels whose providers failed lately.
#[derive(Default)]
pub(super) struct Pauses(Mutex<BTreeMap<String, Pause>>);

struct Pause {
    failures: u32,
    until: Timestamp,
    length: Duration,
}

impl Pause {
    /// Not later because the clock was set back.
    fn ends(&mut self, now: Timestamp) -> Timestamp {
        self.until = ends(self.until, self.length, now);
        self.until
    }
}

impl Pauses {
    fn all(&self) -> MutexGuard<'_, BTreeMap<String, Pause>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn is_paused(&self, channel: &str, now: Timestamp) -> bool {
        self.paused_until(channel, now).is_some()
    }

    /// Until when the channel is left alone, if it is.
    pub(super) fn paused_until(&self, channel: &str, now: Timestamp) -> Option<Timestamp> {
        self.all().get_mut(channel).map(|pause| pause.ends(now)).filter(|until| *until > now)
    }

    fn succeeded(&self, channel: &str) {
        self.all().remove(channel);
    }

    /// Until when the channel is left alone. Requests that failed together count as one failure.
    fn failed(&self, channel: &str, now: Timestamp, wanted: Option<Duration>) -> Timestamp {
        let mut all = self.all();
        let new = Pause { failures: 0, until: Timestamp::MIN, length: Duration::ZERO };
        let pause = all.entry(channel.to_owned()).or_insert(new);
        if pause.ends(now) <= now {
            let usual = Duration::from_secs((PAUSE << pause.failures.min(10)).min(LONGEST_PAUSE));
            pause.failures += 1;
            pause.length = wanted.unwrap_or(usual).max(usual);
            pause.until = later(now, pause.length);
        }
        pause.until
    }
}

impl Work {
    pub(super) async fn answer<T>(
        &self,
        request: http::Request<Bytes>,
        read: impl FnOnce(&http::Response<Bytes>) -> Result<T, Unreadable>,
    ) -> Result<T, Failed> {
        let response = self.parts.transport.send(request).await?;
        Ok(read(&response)?)
    }

    /// All that a search finds.
    pub(super) async fn list(&self, records: &dyn Records, search: &Search) -> Result<Vec<Listed>, Failed> {
        let (mut found, mut pages) = (Vec::new(), self.pages(records, search));
        while let Some(page) = pages.next().await? {
            found.extend(page);
        }
        Ok(found)
    }

    /// What a search finds, page by page.
    pub(super) fn pages<'a>(&'a self, records: &'a dyn Records, search: &'a Search) -> Pages<'a> {
        Pages { work: self, records, search, next: Some(records.list(search)), left: PAGES }
    }

    pub(super) fn note_success(&self, channel: &str) {
        self.pauses.succeeded(channel);
    }

    /// Says so, and gives the time until which the provider is left alone.
    pub(super) fn note_failure(&self, channel: &str, failed: &Failed) -> Timestamp {
        let wanted = match failed {
            Failed::Unreadable(Unreadable::Refused { after, .. }) => *after,
            _ => None,
        };
        tracing::warn!(channel, error = %failed, "the provider does not say what became of messages");
        self.pauses.failed(channel, self.parts.clock.now(), wanted)
    }
}

/// A provider's list, newest first, down to a page that is older altogether.
pub(super) struct Pages<'a> {
    work: &'a Work,
    records: &'a dyn Records,
    search: &'a Search,
    next: Option<http::Request<Bytes>>,
    left: usize,
}

impl Pages<'_> {
    /// Of the next page, what the search is for; none when all was read.
    pub(super) async fn next(&mut self) -> Result<Option<Vec<Listed>>, Failed> {
        let Some(request) = self.next.take() else { return Ok(None) };
        if self.left == 0 {
            return Err(Failed::Endless);
        }
        self.left -= 1;
        let page = self.work.answer(request, |response| self.records.read_list(response)).await?;
        // A date without milliseconds may lie up to a second before the moment it stands for.
        let since = self.search.since.checked_sub(SignedDuration::from_secs(1)).unwrap_or(Timestamp::MIN);
        let old = !page.messages.is_empty() && page.messages.iter().all(|listed| listed.created_at < since);
        if let Some(next) = page.next.filter(|_| !old) {
            self.next = Some(self.records.list_on(&next)?);
        }
        let of_window = |listed: &Listed| (since..=self.search.until).contains(&listed.created_at);
        let right = |listed: &Listed| listed.direction == self.search.direction && of_window(listed);
        Ok(Some(page.messages.into_iter().filter(right).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_provider_that_fails_is_left_alone_ever_longer() {
        let pauses = Pauses::default();
        let at = |seconds| Timestamp::from_second(seconds).unwrap();
        assert_eq!(pauses.failed("sms", at(0), None), at(5));
        assert_eq!(pauses.failed("sms", at(1), None), at(5), "it failed at the same time");
        assert!(pauses.is_paused("sms", at(4)) && !pauses.is_paused("sms", at(5)) && !pauses.is_paused("other", at(1)));
        assert_eq!(pauses.failed("sms", at(5), None), at(15));
        assert_eq!(pauses.failed("sms", at(15), Some(Duration::from_mins(1))), at(75));
        for _ in 0..20 {
            pauses.failed("sms", at(100_000), None);
        }
        assert_eq!(pauses.failed("sms", at(200_000), None), at(200_080));
        pauses.succeeded("sms");
        assert_eq!(pauses.failed("sms", at(300_000), None), at(300_005));
        // The clock was set back.
        assert!(pauses.is_paused("sms", at(290_000)) && pauses.is_paused("sms", at(290_004)));
        assert!(!pauses.is_paused("sms", at(290_005)));
    }
}
