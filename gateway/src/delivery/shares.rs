//! Whose turn it is: high before normal before bulk, but none of them never; and in each priority one sender
//! after the other, so that what waits for one holds up no other's.
//!
//! Pure: what waits goes in, orders for the claim come out. Whatever is claimed is told, so that it is fair
//! over many claims, also if each is for a single part. That something of a line is due does not say that it
//! can be claimed: it may wait for an older part of its conversation. So it is asked, and then the others are.

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

/// One look for parts: who is still to be asked, and what came of it so far.
#[derive(Debug)]
pub(super) struct Look {
    asked: Vec<(Open, Answer)>,
    gave: BTreeSet<Priority>,
}

/// What a line and priority had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    /// It was not asked, or had all that it was asked for.
    Open,
    /// No more now.
    Over,
    /// Nothing at all, though something is due: it waits for what is older.
    Nothing,
}

impl Shares {
    /// Begins a look at what waits now. A priority of which nothing does saves no turns up, and a line that
    /// is gone is forgotten.
    pub(super) fn look(&mut self, open: Vec<Open>) -> Look {
        let present: BTreeSet<Priority> = open.iter().map(|open| open.priority).collect();
        self.forgive(|priority| !present.contains(&priority), &present);
        let waiting: BTreeSet<(Priority, &Line)> = open.iter().map(|open| (open.priority, &open.line)).collect();
        self.served.retain(|(priority, line), _| waiting.contains(&(*priority, line)));
        Look { asked: open.into_iter().map(|open| (open, Answer::Open)).collect(), gave: BTreeSet::new() }
    }

    /// What to claim next, `most` parts at the most: to each its share. None when nobody has anything left.
    pub(super) fn orders(&self, look: &Look, most: usize) -> Vec<Order> {
        let mut trial = self.clone();
        let open = look.asked.iter().filter(|(_, answer)| *answer == Answer::Open);
        let mut left: Vec<(&Open, u32)> = open.map(|(open, _)| (open, open.room.unwrap_or(u32::MAX))).collect();
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
        orders
    }

    /// What was claimed of these orders, and how much room each line has now. Who had less than it was asked
    /// for is not asked again, so that others get what it leaves.
    pub(super) fn came(
        &mut self,
        look: &mut Look,
        orders: &[Order],
        claimed: &[(Line, Priority)],
        room: impl Fn(&Line) -> Option<u32>,
    ) {
        for (line, priority) in claimed {
            self.took(line, *priority);
            look.gave.insert(*priority);
        }
        for (open, answer) in look.asked.iter_mut().filter(|(_, answer)| *answer == Answer::Open) {
            let is_its = |line: &Line, priority: Priority| *line == open.line && priority == open.priority;
            let asked: usize =
                orders.iter().filter(|order| is_its(&order.line, order.priority)).map(|order| order.parts).sum();
            let got = claimed.iter().filter(|(line, priority)| is_its(line, *priority)).count();
            open.room = room(&open.line);
            *answer = match got {
                _ if open.room == Some(0) => Answer::Over,
                got if got >= asked => Answer::Open,
                0 => Answer::Nothing,
                _ => Answer::Over,
            };
        }
    }

    /// The end of a look. A priority of which all lines had nothing saves no turns up either.
    pub(super) fn end(&mut self, look: &Look) {
        let had = |priority: Priority| {
            look.asked.iter().any(|(open, answer)| open.priority == priority && *answer != Answer::Nothing)
        };
        self.forgive(|priority| !look.gave.contains(&priority) && !had(priority), &look.gave);
    }

    /// A part of this line and priority was claimed.
    fn took(&mut self, line: &Line, priority: Priority) {
        self.reached[place(priority)] += step(priority);
        self.turns += 1;
        self.served.insert((priority, line.clone()), self.turns);
    }

    /// These priorities are no further behind than the last of the others.
    fn forgive(&mut self, these: impl Fn(Priority) -> bool, others: &BTreeSet<Priority>) {
        let Some(behind) = others.iter().map(|priority| self.reached[place(*priority)]).min() else { return };
        for priority in Priority::ALL.into_iter().filter(|priority| these(*priority)) {
            let reached = &mut self.reached[place(priority)];
            *reached = (*reached).max(behind);
        }
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

    /// A look for `most` parts in queues of these lengths; of a blocked one nothing comes.
    fn look(shares: &mut Shares, queues: &mut [(Open, usize, bool)], most: usize) -> Vec<(String, Priority)> {
        let opens = queues.iter().filter(|(_, length, _)| *length > 0).map(|(open, ..)| open.clone()).collect();
        let mut look = shares.look(opens);
        let mut all = Vec::new();
        while all.len() < most {
            let orders = shares.orders(&look, most - all.len());
            if orders.is_empty() {
                break;
            }
            let mut came = Vec::new();
            for order in &orders {
                let is_its = |open: &Open| open.line == order.line && open.priority == order.priority;
                let Some((_, length, blocked)) = queues.iter_mut().find(|(open, ..)| is_its(open)) else { continue };
                let count = if *blocked { 0 } else { order.parts.min(*length) };
                *length -= count;
                came.extend(std::iter::repeat_n((order.line.clone(), order.priority), count));
            }
            shares.came(&mut look, &orders, &came, |_| None);
            all.extend(came);
        }
        shares.end(&look);
        all.into_iter().map(|(line, priority)| (line.sender.as_str().to_owned(), priority)).collect()
    }

    /// Looks until all is gone, or `looks` are over; what was claimed, in order.
    fn claimed(queues: &[(&str, Priority, usize)], most: usize, looks: usize) -> Vec<(String, Priority)> {
        let mut shares = Shares::default();
        let mut queues: Vec<_> =
            queues.iter().map(|(sender, priority, length)| (open(sender, *priority), *length, false)).collect();
        (0..looks).flat_map(|_| look(&mut shares, &mut queues, most)).collect()
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
        use Priority::{Bulk, High};
        let mut shares = Shares::default();
        let mut high = [(open("1", High), 1_000, false)];
        for _ in 0..1000 {
            look(&mut shares, &mut high, 1);
        }
        let mut both = [(open("1", High), 100, false), (open("1", Bulk), 100, false)];
        let next: Vec<_> = (0..20).flat_map(|_| look(&mut shares, &mut both, 1)).collect();
        assert_eq!(count(&next, "1", Bulk), 2, "{next:?}");
    }

    #[test]
    fn who_waits_for_what_is_older_takes_no_turns_and_saves_none_up() {
        use Priority::{Bulk, High, Normal};
        for most in [1, 5] {
            let mut shares = Shares::default();
            let queue = |sender: &str, priority, blocked| (open(sender, priority), 10_000, blocked);
            let mut queues =
                [queue("1", High, false), queue("1", Normal, false), queue("2", Bulk, true), queue("3", Normal, true)];
            let all: Vec<_> = (0..1000).flat_map(|_| look(&mut shares, &mut queues, most)).collect();
            assert_eq!(all.len(), 1000 * most, "nobody's place is left empty");
            assert_eq!(count(&all, "1", Normal), 200 * most, "as if the others were not there");
            queues[2].2 = false;
            let next: Vec<_> = (0..20).flat_map(|_| look(&mut shares, &mut queues, 1)).collect();
            assert!(count(&next, "2", Bulk) <= 2, "{next:?}");
            // A line of the same priority that can send does so in its place.
            let mut queues = [queue("1", High, false), queue("2", Bulk, true), queue("4", Bulk, false)];
            let all: Vec<_> = (0..170).flat_map(|_| look(&mut shares, &mut queues, most)).collect();
            assert!(count(&all, "4", Bulk).abs_diff(10 * most) <= 2, "{}", count(&all, "4", Bulk));
        }
    }

    #[test]
    fn a_sender_gets_no_more_than_it_has_room_for() {
        let slow = |priority| Open { room: Some(2), ..open("1", priority) };
        let opens = vec![slow(Priority::High), slow(Priority::Bulk), open("2", Priority::Bulk)];
        let mut shares = Shares::default();
        let mut round = shares.look(opens);
        let orders = shares.orders(&round, 10);
        let parts = |sender: &str| {
            orders.iter().filter(|order| order.line == line(sender)).map(|order| order.parts).sum::<usize>()
        };
        assert_eq!((parts("1"), parts("2")), (2, 8));
        assert!(orders.iter().filter(|order| order.line == line("1")).all(|order| order.room == Some(2)));
        // Its room is gone with one long part; what that left out keeps its turn.
        let long = [(line("1"), Priority::High)];
        shares.came(&mut round, &orders, &long, |line| (line.sender.as_str() == "1").then_some(0));
        shares.end(&round);
        assert_eq!(shares.orders(&round, 10), []);
        assert_eq!((shares.reached[0], shares.reached[2]), (1, 0));
        let closed = Open { room: Some(0), ..open("3", Priority::High) };
        let round = shares.look(vec![closed]);
        assert_eq!(shares.orders(&round, 10), []);
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
