//! `recado contact import`

use std::io::IsTerminal;
use std::path::Path;

use anyhow::{Context as _, bail};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};

use crate::cli::call::Reach;
use crate::cli::{Context, Usage};
use crate::web::contact_list::{self, Line, Uneven};

/// As many lines go in one call, and one transaction.
const CALL: usize = 200;

pub(super) async fn run(
    context: &Context,
    reach: &Reach,
    file: &Path,
    dry_run: bool,
    language: &str,
) -> anyhow::Result<()> {
    let text = std::fs::read_to_string(file).with_context(|| format!("{} can't be read", file.display()))?;
    let read =
        contact_list::read(&text, usize::MAX).map_err(|problem| Usage(format!("{}: {problem}", file.display())))?;
    let items: Vec<Value> = read.lines.iter().map(item).collect();
    let all = items.len() + read.uneven.len();
    let bar = bar(context.common.json, items.len());
    let (mut came, mut errors) = (Vec::new(), read.uneven.iter().map(uneven).collect::<Vec<_>>());
    let mut counts = [("created", 0), ("changed", 0), ("known", 0)];
    for (number, some) in items.chunks(CALL).enumerate() {
        let body = json!({ "items": some, "dry_run": dry_run });
        let answer = reach.post("/v1/contacts/import", &body, language).await;
        let mut answer = answer.with_context(|| match number {
            0 => "nothing was taken".to_owned(),
            _ => format!("the first {} lines were looked at; the same again goes on", number * CALL),
        })?;
        for (name, count) in &mut counts {
            *count += answer[*name].as_u64().unwrap_or(0);
        }
        for (name, all) in [("lines", &mut came), ("errors", &mut errors)] {
            if let Some(more) = answer[name].as_array_mut() {
                all.append(more);
            }
        }
        bar.inc(some.len() as u64);
    }
    bar.finish_and_clear();
    errors.sort_by_key(|error| error["line"].as_u64());
    let [(_, created), (_, changed), (_, known)] = counts;
    let count = errors.len();
    let told = json!({
        "created": created, "changed": changed, "known": known, "lines": came, "errors": errors, "dry_run": dry_run,
    });
    context.output.print(&told, || {
        let mut shown: Vec<String> = if dry_run { preview(&told) } else { Vec::new() };
        shown.extend(told["errors"].as_array().into_iter().flatten().map(error_line));
        let (create, change) = if dry_run { ("would be created", "would change") } else { ("created", "changed") };
        shown.push(format!("{created} {create}, {changed} {change}, {known} known before, {count} wrong"));
        shown.join("\n")
    });
    if count > 0 {
        let others = if dry_run { "the others would be" } else { "the others were" };
        bail!("{count} of {all} lines were not taken; {others}");
    }
    Ok(())
}

/// As an import takes it.
fn item(line: &Line) -> Value {
    let mut item = json!({ "line": line.number, "attributes": line.attributes });
    for (name, text) in [("address", &line.address), ("name", &line.name)] {
        if let Some(text) = text {
            item[name] = json!(text);
        }
    }
    item
}

/// As an import tells it.
fn uneven(line: &Uneven) -> Value {
    json!({ "line": line.number, "column": "", "code": "other-length", "problem": line.to_string() })
}

/// On a terminal alone; nothing beside JSON.
fn bar(json: bool, lines: usize) -> ProgressBar {
    if json || !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(lines as u64);
    match ProgressStyle::with_template("{wide_bar} {human_pos} of {human_len} lines, {eta} left") {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

fn preview(told: &Value) -> Vec<String> {
    let line = |came: &Value| {
        let what: Vec<&str> = came["changed"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let outcome = came["outcome"].as_str().unwrap_or_default();
        format!("line {}: {outcome} {}", came["line"], what.join(", ")).trim_end().to_owned()
    };
    told["lines"].as_array().into_iter().flatten().map(line).collect()
}

fn error_line(error: &Value) -> String {
    let word = |name: &str| error[name].as_str().unwrap_or_default();
    match word("column") {
        "" => format!("line {}: {}", error["line"], word("problem")),
        column => format!("line {}, column {column}: {}", error["line"], word("problem")),
    }
}
