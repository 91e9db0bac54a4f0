//! What the shipped plugins ask about a message: its words, its language, its time, its numbers.
//!
//! Owns how an operator writes such a condition and whether it holds; what follows is the plugins'
//! own.

mod hours;
mod keywords;
mod language;
mod number;
mod words;

pub use hours::{Date, Day, Hours, TimeOfDay, Window};
pub use keywords::{Keyword, Matching, Text};
pub use language::{detect as detect_language, known as known_language, of_person as language_of, primary};
pub use number::{country, has_prefix};
