//! Whose turn it is: high before normal before bulk, but none of them never; and in each priority one sender
//! after the other, so that what waits for one holds up no other's.
//!
//! Pure: what waits goes in, orders for the claim come out. Whatever is claimed is told, so that it is fair
//! over many claims, also if each is for a single part.

use std::collections::{BTreeMap, BTreeSet};

use crate::message::{Line, Priority};
use crate::store::Order;

/// A line and priority of which something may leave now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Open {
    pub(super) line: Line,
    pub(super) priority: Priority,
    /// How many segments may leave by this sender. None: as many as there are.
    pub(super) room: Option<u32>,
}

/// Who had their turn when.
#[derive(Clone, Debug, Default)]
pub(super) struct Shares {
    /// How far each priority has come: the one that is behind goes first.
    reached: [u64; Priority::ALL.len()],
    /// The number of each line's last turn, by priority.
    served: BTreeMap<(Priority, Line), u64>,
    turns: u64,
}

/// How far a part brings its priority: where all three always have something, high gets 16 of 21 parts, normal
/// 4 and bulk 1.
fn step(priority: Priority) -> u64 {
    match priority {
        Priority::High => 1,
        Priority::Normal => 4,
        Priority::Bulk => 16,
    }
}

fn place(priority: Priority) -> usize {
    match priority {
        Priority::High => 0,
        Priority::Normal => 1,
        Priority::Bulk => 2,
    }
}

impl Shares {
    /// What to claim, `most` parts at the most: first to each its share, and then what others leave.
    pub(super) fn orders(&self, open: &[Open], most: usize) -> Vec<Order> {
        let mut trial = self.clone();
        let mut left: Vec<(&Open, u32)> = open.iter().map(|open| (open, open.room.unwrap_or(u32::MAX))).collect();
        let mut orders: Vec<Order> = Vec::new();
        for _ in 0..most {
            left.retain(|(_, room)| *room > 0);
            let Some(open) = trial.next(left.iter().map(|(open, _)| *open)) else { break };
            // The priorities of a line share its room.
            for (other, room) in &mut left {
                if other.line == open.line && other.room.is_some() {
                    *room -= 1;
                }
            }
            trial.took(&open.line, open.priority);
            match orders.iter_mut().find(|order| order.line == open.line && order.priority == open.priority) {
                Some(order) => order.parts += 1,
                None => orders.push(order(open, 1)),
            }
        }
        let mut rest: Vec<&Open> = open.iter().filter(|open| open.room != Some(0)).collect();
        rest.sort_by_key(|open| (open.priority, self.last_turn(open)));
        orders.extend(rest.into_iter().map(|open| order(open, most)));
        orders
    }

    /// A part of this line and priority was claimed.
    pub(super) fn took(&mut self, line: &Line, priority: Priority) {
        self.reached[place(priority)] += step(priority);
        self.turns += 1;
        self.served.insert((priority, line.clone()), self.turns);
    }

    /// What waits now. A priority of which nothing did saves no turns up, and a line that is gone is
    /// forgotten.
    pub(super) fn see(&mut self, waiting: &BTreeSet<(Priority, Line)>) {
        let present = |priority: Priority| waiting.iter().any(|(other, _)| *other == priority);
        let behind = Priority::ALL.into_iter().filter(|priority| present(*priority));
        let Some(behind) = behind.map(|priority| self.reached[place(priority)]).min() else { return };
        for priority in Priority::ALL.into_iter().filter(|priority| !present(*priority)) {
            let reached = &mut self.reached[place(priority)];
            *reached = (*reached).max(behind);
        }
        self.served.retain(|key, _| waiting.contains(key));
    }

    fn next<'a>(&self, open: impl Iterator<Item = &'a Open>) -> Option<&'a Open> {
        open.min_by_key(|open| (self.reached[place(open.priority)], open.priority, self.last_turn(open)))
    }

    fn last_turn(&self, open: &Open) -> u64 {
        self.served.get(&(open.priority, open.line.clone())).copied().unwrap_or_default()
    }
}

fn order(open: &Open, parts: usize) -> Order {
    Order { line: open.line.clone(), priority: open.priority, parts, room: open.room }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::message::Address;

    fn line(sender: &str) -> Line {
        Line::of("sms", Some(&Address::received(sender)), None)
    }

    fn open(sender: &str, priority: Priority) -> Open {
        Open { line: line(sender), priority, room: None }
    }

    /// Claims of `most` parts from queues of these lengths until all is gone, or `claims` are over; what was
    /// claimed, in order.
    fn claimed(queues: &[(&str, Priority, usize)], most: usize, claims: usize) -> Vec<(String, Priority)> {
        let mut shares = Shares::default();
        let mut left: Vec<(Open, usize)> =
            queues.iter().map(|(sender, priority, length)| (open(sender, *priority), *length)).collect();
        let mut all = Vec::new();
        for _ in 0..claims {
            left.retain(|(_, length)| *length > 0);
            shares.see(&left.iter().map(|(open, _)| (open.priority, open.line.clone())).collect());
            let opens: Vec<Open> = left.iter().map(|(open, _)| open.clone()).collect();
            let mut free = most;
            for order in shares.orders(&opens, most) {
                let is_its = |open: &Open| open.line == order.line && open.priority == order.priority;
                let Some((_, length)) = left.iter_mut().find(|(open, _)| is_its(open)) else { continue };
                let count = order.parts.min(*length).min(free);
                (*length, free) = (*length - count, free - count);
                for _ in 0..count {
                    shares.took(&order.line, order.priority);
                    all.push((order.line.sender.as_str().to_owned(), order.priority));
                }
            }
        }
        all
    }

    fn count(claimed: &[(String, Priority)], sender: &str, priority: Priority) -> usize {
        claimed.iter().filter(|(its, of)| its == sender && *of == priority).count()
    }

    #[test]
    fn what_is_more_urgent_goes_first_and_nothing_starves() {
        use Priority::{Bulk, High, Normal};
        for most in [1, 4, 16] {
            let all = claimed(&[("1", Bulk, 500), ("1", Normal, 500), ("1", High, 500)], most, 210 / most);
            let counts = [High, Normal, Bulk].map(|priority| count(&all, "1", priority));
            assert!(counts[0] >= 150 && counts[1] >= 35 && counts[2] >= 8, "{most}: {counts:?}");
            assert_eq!(all[0].1, High);
        }
        // With nothing urgent, all is for the rest.
        let all = claimed(&[("1", Bulk, 10), ("1", High, 1)], 4, 3);
        assert_eq!((all[0].1, all.len()), (High, 11));
    }

    #[test]
    fn a_long_queue_holds_up_no_other_sender() {
        use Priority::Normal;
        let all = claimed(&[("1", Normal, 10_000), ("2", Normal, 1), ("3", Normal, 2)], 1, 5);
        let senders: Vec<&str> = all.iter().map(|(sender, _)| sender.as_str()).collect();
        assert_eq!(senders, ["1", "2", "3", "1", "3"]);
        let all = claimed(&[("1", Normal, 10_000), ("2", Normal, 10_000)], 16, 10);
        assert_eq!((count(&all, "1", Normal), count(&all, "2", Normal)), (80, 80));
    }

    #[test]
    fn who_was_idle_has_saved_nothing_up() {
        let mut shares = Shares::default();
        let both: BTreeSet<_> = [(Priority::High, line("1")), (Priority::Bulk, line("1"))].into();
        for _ in 0..1000 {
            shares.see(&[(Priority::High, line("1"))].into());
            shares.took(&line("1"), Priority::High);
        }
        shares.see(&both);
        let opens = [open("1", Priority::High), open("1", Priority::Bulk)];
        let next: Vec<Priority> = (0..20)
            .map(|_| {
                let order = shares.orders(&opens, 1).remove(0);
                shares.took(&order.line, order.priority);
                order.priority
            })
            .collect();
        assert_eq!(next.iter().filter(|priority| **priority == Priority::Bulk).count(), 2, "{next:?}");
    }

    #[test]
    fn a_sender_gets_no_more_than_it_has_room_for() {
        let slow = |priority| Open { room: Some(2), ..open("1", priority) };
        let opens = [slow(Priority::High), slow(Priority::Bulk), open("2", Priority::Bulk)];
        let orders = Shares::default().orders(&opens, 10);
        let shares = |sender: &str| {
            let of_it = orders.iter().filter(|order| order.line == line(sender) && order.parts < 10);
            of_it.map(|order| order.parts).sum::<usize>()
        };
        assert_eq!((shares("1"), shares("2")), (2, 8));
        assert!(orders.iter().filter(|order| order.line == line("1")).all(|order| order.room == Some(2)));
        let closed = Open { room: Some(0), ..open("3", Priority::High) };
        assert_eq!(Shares::default().orders(&[closed], 10), []);
    }

    proptest! {
        #[test]
        fn each_sender_has_its_turn_soon(
            lengths in proptest::collection::vec((0usize..3, 1usize..40), 1..12),
            most in 1usize..17,
        ) {
            let names: Vec<String> = (0..lengths.len()).map(|index| index.to_string()).collect();
            let queues: Vec<(&str, Priority, usize)> = names
                .iter()
                .zip(&lengths)
                .map(|(name, (priority, length))| (name.as_str(), Priority::ALL[*priority], *length))
                .collect();
            let whole: usize = lengths.iter().map(|(_, length)| length).sum();
            let all = claimed(&queues, most, whole);
            prop_assert_eq!(all.len(), whole, "all is claimed");
            for (name, priority, _) in &queues {
                let first = all.iter().position(|(sender, of)| sender == name && of == priority).unwrap();
                prop_assert!(first <= 21 * (lengths.len() + most), "{name} waited for {first}");
            }
        }
    }
}
