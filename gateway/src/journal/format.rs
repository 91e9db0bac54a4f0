//! The bytes of a segment: a line that says what it is, then a line for each entry, which is a
//! checksum, a space and JSON. JSON has no newline in it, so that what comes behind a damaged
//! entry can still be read, and so can a person. Pure.

use sha2::{Digest, Sha256};

/// The first line of every segment; another number is another format.
pub(super) const HEADER: &[u8] = b"recado journal 1\n";
/// How the first line begins in every version.
const NAME: &[u8] = b"recado journal ";
/// How many hexadecimal digits of the SHA-256 of an entry stand before it: 64 bits.
const DIGITS: usize = 16;

/// What a line turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Line<'a> {
    Whole(&'a [u8]),
    /// It is not what was written once.
    Damaged,
    /// It has holes: the disk lost it, or its write was cut off although what is behind it came to the disk.
    Hollow,
    /// The end of what was being written when the machine stopped. Nobody was told that it is kept.
    Torn,
}

/// Whether what begins like this is a segment of another version.
pub(super) fn is_another_version(first: &[u8]) -> bool {
    let behind = first.strip_prefix(NAME).and_then(<[u8]>::first);
    first != HEADER && behind.is_some_and(u8::is_ascii_digit)
}

/// The line of an entry.
pub(super) fn line(json: &[u8]) -> Vec<u8> {
    let mut line = Vec::with_capacity(DIGITS + json.len() + 2);
    line.extend_from_slice(&checksum(json));
    line.push(b' ');
    line.extend_from_slice(json);
    line.push(b'\n');
    line
}

/// The lines of a part of a segment that begins with one, and where each begins in it, in bytes. At the
/// end of a segment that nobody writes to any more (`to_the_end`), what is bad may be torn; elsewhere
/// an unfinished line is left out.
pub(super) fn lines(bytes: &[u8], to_the_end: bool) -> Vec<(usize, Line<'_>)> {
    let mut lines = Vec::new();
    let mut offset = 0;
    for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
        match piece.strip_suffix(b"\n") {
            Some(line) => lines.push((offset, entry(line).map_or_else(|| bad(line), Line::Whole))),
            None if to_the_end => lines.push((offset, Line::Torn)),
            None => {}
        }
        offset += piece.len();
    }
    if to_the_end {
        tear(&mut lines);
    }
    lines
}

/// How many bytes of this are whole lines.
pub(super) fn finished(bytes: &[u8]) -> usize {
    bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1)
}

/// A file system that lost its power may have given the file its length already, and reads what was not
/// written as zeros, which JSON never has. A bad line without holes was written once.
fn bad(line: &[u8]) -> Line<'static> {
    if line.contains(&0) { Line::Hollow } else { Line::Damaged }
}

/// Bad lines at the very end are torn where they have holes.
fn tear(lines: &mut [(usize, Line<'_>)]) {
    for (_, line) in lines.iter_mut().rev() {
        match line {
            Line::Torn => {}
            Line::Hollow => *line = Line::Torn,
            _ => return,
        }
    }
}

fn entry(line: &[u8]) -> Option<&[u8]> {
    let (sum, rest) = line.split_at_checked(DIGITS)?;
    let json = rest.strip_prefix(b" ")?;
    (sum == checksum(json)).then_some(json)
}

fn checksum(json: &[u8]) -> [u8; DIGITS] {
    let mut digits = [0; DIGITS];
    let hash = hex::encode(Sha256::digest(json));
    for (digit, of_hash) in digits.iter_mut().zip(hash.bytes()) {
        *digit = of_hash;
    }
    digits
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn segment(entries: &[String]) -> Vec<u8> {
        entries.iter().flat_map(|entry| line(entry.as_bytes())).collect()
    }

    fn whole(bytes: &[u8]) -> Vec<String> {
        let whole = lines(bytes, true).into_iter().filter_map(|(_, line)| match line {
            Line::Whole(json) => Some(String::from_utf8(json.to_vec()).unwrap()),
            _ => None,
        });
        whole.collect()
    }

    fn some(count: usize) -> Vec<String> {
        (0..count).map(|number| format!("{{\"text\":\"Hola {number}\"}}")).collect()
    }

    #[test]
    fn a_line_can_be_made_by_hand() {
        // printf hola | sha256sum
        assert_eq!(line(b"hola"), b"b221d9dbb083a7f3 hola\n");
    }

    #[test]
    fn a_write_that_was_cut_anywhere_leaves_what_was_before_it_and_no_damage() {
        let entries = some(3);
        let bytes = segment(&entries);
        let before = segment(&entries[..2]).len();
        for end in before..bytes.len() {
            let cut = &bytes[..end];
            assert_eq!(whole(cut), entries[..2], "cut at {end}");
            assert_eq!(lines(cut, false).len(), 2, "it may still be finished");
            assert_eq!(finished(cut), before);
            let torn = lines(cut, true).iter().filter(|(_, line)| *line == Line::Torn).count();
            assert_eq!(torn, usize::from(end > before), "cut at {end}");
            assert_eq!(lines(cut, true).len(), 2 + torn);
            // The same with the file's length already there.
            let mut hollow = cut.to_vec();
            hollow.resize(bytes.len() - 1, 0);
            hollow.push(b'\n');
            let expected = if end + 1 == bytes.len() { 3 } else { 2 };
            assert_eq!(whole(&hollow), entries[..expected]);
            assert!(!lines(&hollow, true).iter().any(|(_, line)| *line == Line::Damaged), "cut at {end}");
        }
    }

    #[test]
    fn a_bad_entry_without_holes_is_damaged_also_at_the_end() {
        let mut bytes = segment(&some(2));
        let length = bytes.len();
        bytes[length - 4] ^= 1;
        let first = segment(&some(1)).len();
        assert_eq!(lines(&bytes, true)[1], (first, Line::Damaged));
    }

    #[test]
    fn holes_before_what_came_to_the_disk_are_told_from_damage() {
        let mut bytes = segment(&some(4));
        let [first, third] = [1, 3].map(|count| segment(&some(count)).len());
        bytes[first..third - 3].fill(0);
        assert_eq!(lines(&bytes, true)[1], (first, Line::Hollow));
        assert_eq!(whole(&bytes), [&some(4)[0], &some(4)[3]].map(Clone::clone));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(entries in prop::collection::vec("[^\n]{0,200}", 0..20)) {
            prop_assert_eq!(whole(&segment(&entries)), entries);
        }

        #[test]
        fn a_flipped_bit_is_seen_and_costs_no_more_than_its_neighbour(
            count in 1_usize..10,
            place in any::<prop::sample::Index>(),
            bit in 0_u8..8,
        ) {
            let entries = some(count);
            let mut bytes = segment(&entries);
            let place = place.index(bytes.len());
            bytes[place] ^= 1 << bit;
            let read = whole(&bytes);
            // In order, nothing made up, and at most the entry itself and the one behind it are gone.
            prop_assert!(read.iter().all(|entry| entries.contains(entry)));
            prop_assert!(read.is_sorted());
            prop_assert!(read.len() < count && read.len() + 2 >= count, "{} of {count}", read.len());
            let bad = lines(&bytes, true).len() - read.len();
            prop_assert!(bad >= 1);
        }
    }
}
