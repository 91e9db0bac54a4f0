//! `recado plugin check`

use std::path::PathBuf;

use anyhow::bail;
use clap::Args;
use serde_json::{Value, json};

use super::super::Context;
use super::component::Component;
use crate::plugins::authoring::{Surface, surface};
use crate::plugins::wasm::{Engine, Inspection, LoadError, inspect};
use crate::plugins::{Hooks, Settings, offered};

#[derive(Debug, Args)]
pub(super) struct Check {
    /// The component: a file, a folder with one in it, or `builtin:NAME`
    #[arg(default_value = ".")]
    file: PathBuf,
    /// How an operator would set it up, as in `NAME.toml` beside `NAME.wasm` [default: with nothing]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

impl Check {
    pub(super) async fn run(&self, context: &Context) -> anyhow::Result<()> {
        let component = Component::find(Some(&self.file))?;
        let settings = match &self.config {
            Some(file) => component.settings(context, Some(file))?,
            None => Settings::new(component.name.clone(), component.name.clone()),
        };
        let bytes = component.bytes;
        let surface = surface(&bytes).unwrap_or_default();
        let size = bytes.len();
        // It keeps nothing: how long compiling takes is part of the answer.
        let inspected = inspect(&Engine::new()?, &settings, bytes).await;
        let problems = match &inspected {
            Ok(inspection) => inspection.problems.clone(),
            Err(error) => vec![error.to_string()],
        };
        let told = told(&inspected, &surface, size, &problems);
        context.output.print(&told, || describe(&inspected, &surface, size, &problems));
        if problems.is_empty() { Ok(()) } else { bail!("a gateway would not take it: {}", problems.join("; ")) }
    }
}

fn told(inspected: &Result<Inspection, LoadError>, surface: &Surface, size: usize, problems: &[String]) -> Value {
    let mut told = match inspected {
        Ok(inspection) => json!(inspection),
        Err(_) => json!({ "bytes": size, "problems": problems, "warnings": [] }),
    };
    told["ok"] = json!(problems.is_empty());
    told["contract"] = json!(offered());
    told["imports"] = json!(surface.imports);
    told["exports"] = json!(surface.exports);
    told
}

fn describe(inspected: &Result<Inspection, LoadError>, surface: &Surface, size: usize, problems: &[String]) -> String {
    let mut lines = Vec::new();
    if let Ok(inspection) = inspected {
        lines.push(format!("{} {}  {}", inspection.name, inspection.version, inspection.description));
        lines.push(format!("  hooks      {}", hooks(inspection.hooks)));
    }
    lines.push(format!("  exports    {}", listed(&surface.exports)));
    let (wasi, own): (Vec<_>, Vec<_>) = surface.imports.iter().cloned().partition(|name| name.starts_with("wasi:"));
    lines.push(format!("  imports    {}", listed(&own)));
    if let Ok(inspection) = inspected {
        let count = wasi.len();
        let wasi = if inspection.wasi {
            format!("{count} of its interfaces, which are given with nothing behind them")
        } else {
            "not used".to_owned()
        };
        lines.push(format!("  WASI       {wasi}"));
        let keys = inspection.schema["properties"].as_object().into_iter().flatten().map(|(key, _)| key.clone());
        lines.push(format!("  config     {}", listed(&keys.collect::<Vec<_>>())));
        lines.push(format!("  size       {size} bytes, SHA-256 {}", inspection.sha256));
        let trial = inspection.trial_micros.div_ceil(1_000);
        lines.push(format!("  time       {} ms to compile, {trial} ms to link and try it", inspection.compile_ms));
        lines.extend(inspection.warnings.iter().map(|warning| format!("warning: {warning}")));
    } else {
        lines.push(format!("  size       {size} bytes"));
    }
    lines.extend(problems.iter().map(|problem| format!("problem: {problem}")));
    if problems.is_empty() {
        lines.push(format!("it is a plugin for {}", offered()));
    }
    lines.join("\n")
}

fn hooks(hooks: Hooks) -> String {
    let all =
        [("inbound", hooks.inbound), ("outbound", hooks.outbound), ("status", hooks.status), ("timer", hooks.timer)];
    listed(&all.iter().filter(|(_, there)| *there).map(|(name, _)| (*name).to_owned()).collect::<Vec<_>>())
}

fn listed(names: &[String]) -> String {
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}
