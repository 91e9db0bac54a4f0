//! How many calls of one channel are made at a time. Anybody can send webhooks, so that those have turns of their own,
//! and take none of what the gateway asks for itself.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The most calls at a time, of webhooks and of the gateway's own. They are short; that many are those of one that hangs.
pub(super) const STRANGERS: usize = 32;
pub(super) const OURS: usize = 32;
/// The most that wait for a turn. Each has a thread of its own meanwhile.
const WAITING: usize = 128;
/// How long they wait.
const PATIENCE: Duration = Duration::from_secs(5);
/// The same for an answer in hand: longer than all that may wait before it take.
const ANSWER_PATIENCE: Duration = Duration::from_secs(30);

/// On whose behalf a call is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Caller {
    /// Of somebody of whom is not known yet who it is. They come again, and wait for no turn.
    Stranger,
    /// Of the gateway, which may try again later.
    Gateway,
    /// Of an answer that the provider gives once.
    Answer,
}

/// The turns of one channel.
#[derive(Debug)]
pub(super) struct Turns {
    counts: Mutex<Counts>,
    left: Condvar,
    patience: Duration,
    answer_patience: Duration,
}

#[derive(Debug, Default)]
struct Counts {
    strangers: usize,
    ours: usize,
    /// Who waits, by number, in the order in which they came: answers in hand before all else.
    answers: VecDeque<u64>,
    others: VecDeque<u64>,
    numbers: u64,
}

/// A call that is under way.
pub(super) struct Turn<'a> {
    turns: &'a Turns,
    caller: Caller,
}

impl Default for Turns {
    fn default() -> Self {
        let (patience, answer_patience) = (PATIENCE, ANSWER_PATIENCE);
        Self { counts: Mutex::default(), left: Condvar::new(), patience, answer_patience }
    }
}

impl Turns {
    /// A turn, if there is one now. Nobody goes before those who wait; of these, answers go first.
    pub(super) fn now(&self, caller: Caller) -> Option<Turn<'_>> {
        let mut counts = self.counts();
        let free = match caller {
            Caller::Stranger => counts.strangers < STRANGERS,
            Caller::Gateway | Caller::Answer => counts.waiting() == 0 && counts.ours < OURS,
        };
        free.then(|| self.begin(&mut counts, caller))
    }

    /// Waits for a turn, and the thread with it. None when there is none for long, or too many wait.
    pub(super) fn wait(&self, caller: Caller) -> Option<Turn<'_>> {
        let mut counts = self.counts();
        let patience = match caller {
            Caller::Stranger => return None,
            Caller::Gateway if counts.others.len() >= WAITING => return None,
            Caller::Gateway => self.patience,
            Caller::Answer => self.answer_patience,
        };
        let number = counts.join(caller);
        let waited = self.left.wait_timeout_while(counts, patience, |counts| !counts.is_next(number));
        let (mut counts, _) = waited.unwrap_or_else(PoisonError::into_inner);
        let turn = counts.is_next(number).then(|| self.begin(&mut counts, caller));
        counts.leave(number);
        // Whoever is the next now may be another one.
        self.left.notify_all();
        turn
    }

    fn begin(&self, counts: &mut Counts, caller: Caller) -> Turn<'_> {
        *counts.of(caller) += 1;
        Turn { turns: self, caller }
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on nobody waits.
    #[cfg(test)]
    pub(super) fn lose_patience(&mut self) {
        (self.patience, self.answer_patience) = (Duration::ZERO, Duration::ZERO);
    }

    #[cfg(test)]
    pub(super) fn waiting(&self) -> usize {
        self.counts().waiting()
    }
}

impl Counts {
    fn of(&mut self, caller: Caller) -> &mut usize {
        match caller {
            Caller::Stranger => &mut self.strangers,
            Caller::Gateway | Caller::Answer => &mut self.ours,
        }
    }

    fn waiting(&self) -> usize {
        self.answers.len() + self.others.len()
    }

    fn join(&mut self, caller: Caller) -> u64 {
        self.numbers += 1;
        let line = if caller == Caller::Answer { &mut self.answers } else { &mut self.others };
        line.push_back(self.numbers);
        self.numbers
    }

    fn leave(&mut self, number: u64) {
        self.answers.retain(|other| *other != number);
        self.others.retain(|other| *other != number);
    }

    fn is_next(&self, number: u64) -> bool {
        self.ours < OURS && self.answers.front().or(self.others.front()) == Some(&number)
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        *self.turns.counts().of(self.caller) -= 1;
        if self.caller != Caller::Stranger {
            self.turns.left.notify_all();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn who_waits_goes_in_order_and_answers_go_first() {
        let turns = Turns::default();
        let mut taken: Vec<Turn<'_>> = (0..OURS).filter_map(|_| turns.now(Caller::Gateway)).collect();
        let (tell, told) = mpsc::channel();
        std::thread::scope(|scope| {
            let waiting = [(1, Caller::Gateway), (2, Caller::Gateway), (3, Caller::Answer), (4, Caller::Answer)];
            for (name, caller) in waiting {
                let (tell, turns) = (tell.clone(), &turns);
                scope.spawn(move || {
                    let turn = turns.wait(caller);
                    assert!(turn.is_some());
                    tell.send(name).ok();
                    drop(turn);
                });
                while turns.waiting() < name {
                    std::thread::yield_now();
                }
            }
            drop(taken.pop());
            let order: Vec<usize> = told.iter().take(4).collect();
            assert_eq!(order, [3, 4, 1, 2]);
        });
    }

    #[test]
    fn who_came_too_late_to_wait_holds_up_nobody_else() {
        let mut turns = Turns::default();
        turns.lose_patience();
        let mut taken: Vec<Turn<'_>> = (0..OURS).filter_map(|_| turns.now(Caller::Gateway)).collect();
        assert!(turns.wait(Caller::Gateway).is_none() && turns.wait(Caller::Answer).is_none());
        assert_eq!(turns.waiting(), 0);
        drop(taken.pop());
        assert!(turns.now(Caller::Answer).is_some());
    }
}
