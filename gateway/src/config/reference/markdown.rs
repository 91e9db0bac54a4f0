//! The reference as Markdown.

use std::fmt::Write;

use super::{Key, Reference, Section};

/// How the document is made anew.
pub(super) const ANEW: &str = "cargo run -- config reference > config/REFERENCE.md";

pub(super) fn write(reference: &Reference) -> String {
    let mut text = format!(
        "# Settings\n\n*Made from [`recado.toml`](recado.toml); change that, and then `{ANEW}`.*\n\n{}\n\n\
         Where the second column says *as in*, nothing is set, and what stands there is an example.\n",
        prose(&reference.about)
    );
    for section in &reference.sections {
        write_section(&mut text, section);
    }
    text
}

fn write_section(text: &mut String, section: &Section) {
    let Section { name, list, built_in, about, keys } = section;
    let header = if *list { format!("[[{name}]]") } else { format!("[{name}]") };
    // Writing to a text does not fail.
    let _ = write!(text, "\n## `{header}`\n\n");
    if !about.is_empty() {
        let _ = write!(text, "{}\n\n", prose(about));
    }
    if !built_in {
        text.push_str("It is not there unless you write it.\n\n");
    }
    if keys.is_empty() {
        return;
    }
    text.push_str("| key | default | |\n|---|---|---|\n");
    for key in keys {
        let variables = key.variables.iter().map(|name| format!("<br>`{name}`")).collect::<Vec<_>>().concat();
        let _ = writeln!(text, "| `{}`{variables} | {} | {} |", key.name, value(key), cell(&key.about));
    }
}

fn value(key: &Key) -> String {
    let written = key.value.replace('|', "\\|");
    let as_in = if key.built_in { "" } else { "*as in* " };
    format!("{as_in}`{written}`<br>{}", key.kind.says())
}

fn cell(text: &str) -> String {
    prose(text).replace('|', "\\|").replace("\n\n", "<br>")
}

/// What would be read as markup outside of code is written so that it stays as it is.
fn prose(text: &str) -> String {
    let mut code = false;
    let mut written = String::with_capacity(text.len());
    for sign in text.chars() {
        code ^= sign == '`';
        if !code && matches!(sign, '*' | '<' | '[' | ']' | '\\') {
            written.push('\\');
        }
        written.push(sign);
    }
    written
}
