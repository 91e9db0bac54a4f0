//! How many SMS segments a text takes, counted as Twilio's own calculator does.
//!
//! Pure figures: what a text costs, not what to do about it. Must not know of channels or limits.
//!
//! A segment carries 140 octets. A text of GSM 03.38 characters alone goes out as GSM-7: 160
//! septets, where a character of the extension table takes two. Any other character makes the
//! whole text UCS-2: 70 UTF-16 units. When one segment is not enough, each gives 6 octets to a
//! header and carries 153 septets or 67 units; neither an extension character nor what a reader
//! sees as one character is divided between two segments.

mod clusters;
mod gsm;
mod smart;
#[cfg(test)]
mod tests;

use serde::Serialize;

pub use smart::{smart, smart_editions};

const SEGMENT_BITS: usize = 140 * 8;
const HEADER_BITS: usize = 6 * 8;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub enum Encoding {
    #[serde(rename = "GSM-7")]
    Gsm7,
    #[serde(rename = "UCS-2")]
    Ucs2,
}

impl Encoding {
    /// What a message of this text is encoded as.
    pub fn of(text: &str) -> Self {
        if gsm::fits(text) { Self::Gsm7 } else { Self::Ucs2 }
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Gsm7 => "GSM-7",
            Self::Ucs2 => "UCS-2",
        }
    }

    fn unit_bits(self) -> usize {
        match self {
            Self::Gsm7 => 7,
            Self::Ucs2 => 16,
        }
    }
}

impl std::fmt::Display for Encoding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The figures of one text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Segments {
    pub encoding: Encoding,
    /// At least one: an empty text takes a segment too.
    pub segments: usize,
    /// Septets in GSM-7, UTF-16 units in UCS-2; without headers.
    pub units: usize,
    /// What each of the segments can carry: 160 or 70 when there is one, else 153 or 67.
    pub units_per_segment: usize,
    /// What the last segment can still carry: `units_per_segment` less the units in it. One more
    /// unit than this makes another segment.
    pub remaining: usize,
    /// As Twilio's calculator has it: septets in GSM-7, what a reader sees as one in UCS-2.
    pub characters: usize,
    /// The characters that force UCS-2, each once, in order of appearance.
    pub non_gsm: Vec<String>,
    #[serde(skip)]
    bits: Vec<usize>,
    #[serde(skip)]
    unicode_scalars: usize,
}

impl Segments {
    /// The size of all segments, without headers.
    pub fn message_bits(&self) -> usize {
        self.bits.iter().sum()
    }

    /// The size of all segments, with the headers that more than one need.
    pub fn total_bits(&self) -> usize {
        let headers = if self.bits.len() > 1 { self.bits.len() } else { 0 };
        self.message_bits() + headers * HEADER_BITS
    }

    /// The size of each segment, without its header.
    pub fn bits_per_segment(&self) -> &[usize] {
        &self.bits
    }

    pub fn unicode_scalars(&self) -> usize {
        self.unicode_scalars
    }
}

/// Counts the segments that a text takes.
pub fn count(text: &str) -> Segments {
    let encoding = Encoding::of(text);
    let characters = characters(text, encoding);
    let sizes: Vec<usize> = characters.iter().map(|character| size(character, encoding)).collect();
    let bits: Vec<usize> = pack(&sizes).into_iter().map(|range| sizes[range].iter().sum()).collect();
    let units = bits.iter().sum::<usize>() / encoding.unit_bits();
    let header = if bits.len() > 1 { HEADER_BITS } else { 0 };
    let units_per_segment = (SEGMENT_BITS - header) / encoding.unit_bits();
    let units_in_last = bits.last().copied().unwrap_or(0) / encoding.unit_bits();
    Segments {
        encoding,
        segments: bits.len(),
        units,
        units_per_segment,
        remaining: units_per_segment.saturating_sub(units_in_last),
        characters: if encoding == Encoding::Gsm7 { units } else { characters.len() },
        non_gsm: non_gsm(&characters),
        bits,
        unicode_scalars: text.chars().count(),
    }
}

/// What each segment carries.
pub fn texts(text: &str) -> Vec<String> {
    let encoding = Encoding::of(text);
    let characters = characters(text, encoding);
    let sizes: Vec<usize> = characters.iter().map(|character| size(character, encoding)).collect();
    pack(&sizes).into_iter().map(|range| characters[range].concat()).collect()
}

/// What may not be divided. In GSM-7 that is every single character.
fn characters(text: &str, encoding: Encoding) -> Vec<&str> {
    match encoding {
        Encoding::Gsm7 => text.split("").filter(|character| !character.is_empty()).collect(),
        Encoding::Ucs2 => clusters::clusters(text),
    }
}

fn size(character: &str, encoding: Encoding) -> usize {
    let units = match encoding {
        Encoding::Gsm7 => character.chars().filter_map(gsm::septets).sum(),
        Encoding::Ucs2 => character.encode_utf16().count(),
    };
    units * encoding.unit_bits()
}

/// Fills one segment after the other, and says which characters each got.
///
/// The first becomes a part of several only when something does not fit it: it then gives room
/// to its header, and the characters in the way move on. What moved is not weighed again, and
/// what alone is larger than a segment gets one of its own, as in Twilio's calculator.
fn pack(sizes: &[usize]) -> Vec<std::ops::Range<usize>> {
    let (mut starts, mut used) = (vec![0], 0);
    for (index, size) in sizes.iter().enumerate() {
        if used + size > SEGMENT_BITS {
            let mut start = index;
            if starts.len() == 1 {
                while used + HEADER_BITS > SEGMENT_BITS {
                    start -= 1;
                    used -= sizes[start];
                }
            }
            starts.push(start);
            used = HEADER_BITS + sizes[start..index].iter().sum::<usize>();
        }
        used += size;
    }
    let ends = starts.iter().skip(1).copied().chain([sizes.len()]);
    starts.iter().copied().zip(ends).map(|(start, end)| start..end).collect()
}

fn non_gsm(characters: &[&str]) -> Vec<String> {
    let mut seen = std::collections::HashSet::new();
    let foreign = characters.iter().filter(|character| !gsm::fits(character) && seen.insert(**character));
    foreign.map(|&character| character.to_owned()).collect()
}
