//! Statements that are written by hand say what they return: with `*`, what was prepared by one gateway would be refused
//! once a newer one has added a column.

use super::{code, files, is_test};

/// What comes before the `*`s of a text that mean all columns.
fn stars(text: &str) -> Vec<String> {
    let whole: Vec<&str> = code(text).map(|line| line.trim().trim_end_matches('\\')).collect();
    let whole = whole.join(" ");
    let meant = |(at, _): (usize, &str)| {
        let before = whole.get(..at)?.trim_end();
        let word = before.split(|c: char| !c.is_ascii_alphabetic()).next_back()?.to_uppercase();
        let begins = ["SELECT", "DISTINCT", "RETURNING"].contains(&word.as_str());
        (begins || before.ends_with('.')).then(|| before.chars().rev().take(40).collect::<Vec<_>>())
    };
    whole.match_indices('*').filter_map(meant).map(|end| end.into_iter().rev().collect()).collect()
}

#[test]
fn statements_name_the_columns_that_they_return() {
    let mut breaches = Vec::new();
    // Nobody else speaks to a database.
    for (name, text) in files("gateway/src/store") {
        if !is_test(&format!("store/{name}")) {
            breaches.extend(stars(&text).into_iter().map(|before| format!("store/{name}: {before}*")));
        }
    }
    assert!(breaches.is_empty(), "\n{}", breaches.join("\n"));
}

#[test]
fn the_check_finds_each_star_that_means_all_columns() {
    for text in
        ["select * from a", "SELECT \\\n    * FROM a", "SELECT a.* FROM a", "SELECT 1, b . * FROM b", "RETURNING *\""]
    {
        assert_eq!(stars(text).len(), 1, "{text}");
    }
    for text in
        ["SELECT COUNT(*) FROM a", "SELECT a * 2 FROM a", "let a = *b;", "// SELECT * FROM a", "a.iter().map(|b| *b)"]
    {
        assert!(stars(text).is_empty(), "{text}");
    }
}
