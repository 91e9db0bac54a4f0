//! The numbers of made-up customers. Pure.

/// How many there are in a block whose numbers differ in the last four digits.
const BLOCK: u32 = 10_000;
/// The most that there are.
pub(super) const MOST: u32 = 80 * BLOCK;

/// So many numbers of Cancún in E.164, all different. None ends in one of Twilio's error numbers (which begin
/// with 1, 2 or 3), since at the local Twilio that is what such a number meets.
pub fn phones(count: u32) -> Vec<String> {
    (0..count.clamp(1, MOST)).map(|index| format!("+52998{}5{:04}", 10 + index / BLOCK, index % BLOCK)).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn all_are_different_and_none_meets_an_error() {
        let phones = phones(25_000);
        assert_eq!(phones.iter().collect::<BTreeSet<_>>().len(), 25_000);
        assert!(phones.iter().all(|phone| phone.len() == 13 && phone.as_bytes()[8] == b'5'));
        assert_eq!(
            (super::phones(0).len(), &phones[0], &phones[12_345]),
            (1, &"+529981050000".to_owned(), &"+529981152345".to_owned())
        );
    }
}
