//! Looking for a piece of a text as people type it: in capital letters or small ones, with accents or without. What a
//! database itself holds for one letter differs: SQLite knows it of ASCII alone, Postgres goes by the locale it was made in.

use sea_orm::DbBackend;
use sea_orm::sea_query::{Expr, ExprTrait, LikeExpr};

/// Letters that people type for each other.
const ALIKE: [&str; 8] = ["aáàâäãå", "eéèêë", "iíìîï", "oóòôöõ", "uúùûü", "nñ", "cç", "yýÿ"];
/// So much of what somebody looks for counts. SQLite takes patterns of 50,000 bytes.
const LONGEST: usize = 200;

/// A letter as it is compared.
fn plain(letter: char) -> char {
    let small = one(letter.to_lowercase()).unwrap_or(letter);
    ALIKE.iter().find(|letters| letters.contains(small)).and_then(|letters| letters.chars().next()).unwrap_or(small)
}

/// All letters that are compared as this one is.
fn variants(letter: char) -> Vec<char> {
    let plain = plain(letter);
    let small: Vec<char> = match ALIKE.iter().find(|letters| letters.starts_with(plain)) {
        Some(letters) => letters.chars().collect(),
        None => vec![plain],
    };
    let capital = small.iter().filter_map(|letter| one(letter.to_uppercase()));
    let mut all: Vec<char> = small.iter().copied().chain(capital).chain([letter]).collect();
    all.sort_unstable();
    all.dedup();
    all
}

fn one(mut letters: impl Iterator<Item = char>) -> Option<char> {
    letters.next().filter(|_| letters.next().is_none())
}

/// That the column holds the piece.
pub(super) fn holds(backend: DbBackend, column: &str, piece: &str) -> Expr {
    let piece = piece.chars().filter(|letter| *letter != '\0').take(LONGEST);
    if backend == DbBackend::Sqlite {
        let pattern: String = piece.map(|letter| class(letter, |plain| matches!(plain, '*' | '?' | '['))).collect();
        return Expr::cust_with_values(format!("{column} GLOB ?"), [format!("*{pattern}*")]);
    }
    let regex: String = piece.map(escaped).collect();
    Expr::cust_with_values(format!("{column} ~ $1"), [regex])
}

/// That the expression holds the piece as it is, whatever characters are in it.
pub(super) fn like(expression: &'static str, piece: &str) -> Expr {
    let mut pattern = String::from("%");
    for character in piece.chars().take(LONGEST) {
        if matches!(character, '%' | '_' | '!') {
            pattern.push('!');
        }
        pattern.push(character);
    }
    pattern.push('%');
    Expr::cust(expression).like(LikeExpr::new(pattern).escape('!'))
}

/// For `GLOB` (<https://www.sqlite.org/lang_expr.html#glob>): nothing is taken literally in it by a sign before, only by
/// brackets around it.
fn class(letter: char, is_special: impl Fn(char) -> bool) -> String {
    match variants(letter).as_slice() {
        [only] if !is_special(*only) => only.to_string(),
        several => format!("[{}]", several.iter().collect::<String>()),
    }
}

/// For a regular expression of Postgres
/// (<https://www.postgresql.org/docs/current/functions-matching.html#POSIX-SYNTAX-DETAILS>).
fn escaped(letter: char) -> String {
    if letter.is_ascii() && !letter.is_ascii_alphanumeric() { format!("\\{letter}") } else { class(letter, |_| false) }
}

/// Before which letter of a text the piece begins.
pub fn place(text: &str, piece: &str) -> Option<usize> {
    let text: Vec<char> = text.chars().map(plain).collect();
    let piece: Vec<char> = piece.chars().filter(|letter| *letter != '\0').take(LONGEST).map(plain).collect();
    if piece.is_empty() { Some(0) } else { text.windows(piece.len()).position(|window| window == piece) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_piece_is_found_however_it_is_typed() {
        for (text, piece, at) in [
            ("Ángel Pérez", "ángel", Some(0)),
            ("Ángel Pérez", "PEREZ", Some(6)),
            ("Angel", "Ángel", Some(0)),
            ("MUÑOZ", "munoz", Some(0)),
            ("¿Abren MAÑANA?", "mañana", Some(7)),
            ("Engel", "ángel", None),
            ("Straße", "ße", Some(4)),
            ("İstanbul", "stan", Some(1)),
            ("50%", "5_%", None),
            ("hola", "", Some(0)),
            ("", "a", None),
        ] {
            assert_eq!(place(text, piece), at, "{piece} in {text}");
        }
    }

    #[test]
    fn what_means_something_in_a_pattern_is_taken_as_it_is() {
        let glob: String = "a*?[]^-".chars().map(|it| class(it, |it| matches!(it, '*' | '?' | '['))).collect();
        assert_eq!(glob, "[AaÀÁÂÃÄÅàáâãäå][*][?][[]]^-");
        assert_eq!("(Z.\\ñ".chars().map(escaped).collect::<String>(), "\\([Zz]\\.\\\\[NnÑñ]");
    }
}
