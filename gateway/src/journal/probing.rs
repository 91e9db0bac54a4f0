//! Whether the journal can be written, found out by writing: once for all who ask at about the same time, since anybody
//! may ask, and the disk has other work.

use std::io;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::Mutex;

use super::{Error, apart};

/// For how long an answer holds.
const HOLDS: SignedDuration = SignedDuration::from_secs(1);

/// Locked while somebody looks.
#[derive(Default)]
pub(super) struct Probing(Arc<Mutex<Option<Answer>>>);

struct Answer {
    /// When it was asked for.
    at: Timestamp,
    told: Result<(), Error>,
}

impl Probing {
    /// What `write` says, or what came of it a moment ago for somebody else.
    pub(super) async fn ask(
        &self,
        now: Timestamp,
        write: impl FnOnce() -> Result<(), Error> + Send + 'static,
    ) -> io::Result<Result<(), Error>> {
        let mut last = Arc::clone(&self.0).lock_owned().await;
        // After a clock was set back, nothing holds.
        if let Some(answer) = last.as_ref().filter(|last| now.duration_since(last.at).abs() < HOLDS) {
            return Ok(answer.told.clone());
        }
        // The lock goes along: if whoever asked leaves before the disk is done, nobody begins beside it.
        apart(move || {
            let told = write();
            *last = Some(Answer { at: now, told: told.clone() });
            Ok(told)
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::sync::mpsc;

    use futures::FutureExt;
    use futures::future::join_all;

    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millisecond(millis).unwrap()
    }

    #[tokio::test]
    async fn many_who_ask_at_once_are_told_what_one_look_found() {
        let (probing, looks) = (Probing::default(), Arc::new(AtomicU32::new(0)));
        let (go, wait) = mpsc::channel::<()>();
        let first = probing.ask(at(0), {
            let looks = Arc::clone(&looks);
            move || {
                wait.recv().unwrap();
                looks.fetch_add(1, Ordering::SeqCst);
                Ok(())
            }
        });
        assert!(first.now_or_never().is_none(), "whoever asked leaves, and the disk is at work");
        let look = || {
            let looks = Arc::clone(&looks);
            move || {
                looks.fetch_add(1, Ordering::SeqCst);
                Ok(())
            }
        };
        let mut others = Box::pin(join_all((0..100).map(|_| probing.ask(at(10), look()))));
        assert!((&mut others).now_or_never().is_none());
        go.send(()).unwrap();
        assert!(others.await.iter().all(|told| matches!(told, Ok(Ok(())))));
        assert_eq!(looks.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn an_answer_holds_for_a_second() {
        let probing = Probing::default();
        let full = Error::Full { bytes: 2, most: 1 };
        for (millis, is_new) in [(0, true), (999, false), (1_000, true), (1_500, false), (-5_000, true), (0, true)] {
            let (looked, told) = mpsc::channel();
            let answer = full.clone();
            let look = move || {
                looked.send(()).unwrap();
                Err(answer)
            };
            assert!(matches!(probing.ask(at(millis), look).await, Ok(Err(Error::Full { .. }))), "{millis}");
            assert_eq!(told.recv().is_ok(), is_new, "{millis}");
        }
    }
}
