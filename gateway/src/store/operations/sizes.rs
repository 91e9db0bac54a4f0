//! For how many rows or values statements are made. One of another text is compiled anew, which costs as much as to run
//! it, and no database keeps as many compiled as there are sizes of a batch: so all are brought to a few sizes.

const SIZES: [usize; 14] = [1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128];

/// What is larger than the largest is a multiple of it.
const LARGEST: usize = 128;

/// The first size that has room for so many.
pub(super) fn size_for(count: usize) -> usize {
    SIZES.into_iter().find(|size| *size >= count).unwrap_or_else(|| count.next_multiple_of(LARGEST))
}

/// Values to look for, of which it does not matter if one is there twice: the last is repeated until they are a size.
pub(in crate::store) fn filled<T: Clone>(values: impl IntoIterator<Item = T>) -> Vec<T> {
    let mut values: Vec<T> = values.into_iter().collect();
    if let Some(last) = values.last().cloned() {
        values.resize(size_for(values.len()), last);
    }
    values
}

/// What must not be there twice goes in pieces, each a size: the largest first.
pub(super) fn pieces(mut count: usize) -> Vec<usize> {
    let mut pieces = Vec::new();
    while count > 0 {
        let largest = SIZES.into_iter().rev().find(|size| *size <= count).unwrap_or(1);
        pieces.push(largest);
        count -= largest;
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_has_room_and_little_is_left() {
        for count in 1..1_000 {
            let size = size_for(count);
            assert!(size >= count && size < 2 * count, "{count}: {size}");
            assert_eq!(filled(0..count).len(), size);
            assert_eq!(filled(0..count)[..count], (0..count).collect::<Vec<_>>());
            assert!(filled(0..count)[count..].iter().all(|last| *last == count - 1));
        }
        assert_eq!(filled(std::iter::empty::<u8>()), [0; 0]);
    }

    #[test]
    fn pieces_are_few_and_all_of_it() {
        for count in 0..=LARGEST {
            assert_eq!(pieces(count).iter().sum::<usize>(), count);
            assert!(pieces(count).len() <= 4, "{count}: {:?}", pieces(count));
            assert!(pieces(count).iter().all(|piece| SIZES.contains(piece)));
        }
        assert_eq!(pieces(300), [128, 128, 32, 12]);
    }
}
