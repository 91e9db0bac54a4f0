//! `recado plugin test`

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::Args;
use serde_json::json;

use super::super::{Context, Usage};
use super::component::{Component, engine};
use super::shown;
use crate::plugins::Settings;
use crate::workbench::cases::{Bench, Cases, Report};

/// What a file of cases is called.
const USUAL: &str = "cases.toml";

#[derive(Debug, Args)]
pub(super) struct Test {
    /// The component: a file, a folder with one in it, or `builtin:NAME` [default: the one that the
    /// cases name, or the one in their folder]
    file: Option<PathBuf>,
    /// The cases [default: `cases.toml` beside the component]
    #[arg(long, value_name = "FILE")]
    cases: Option<PathBuf>,
    /// Run only the cases that have this in their name
    #[arg(long, value_name = "TEXT")]
    only: Option<String>,
    /// Show what the plugin decided in each step
    #[arg(long)]
    show: bool,
}

impl Test {
    pub(super) async fn run(&self, context: &Context) -> anyhow::Result<()> {
        let path = self.cases.clone().unwrap_or_else(|| self.usual());
        let cases = Cases::read(&path).map_err(|error| Usage(error.to_string()))?;
        let component = Component::find(Some(&self.component(&cases, &path)))?;
        let bench = Bench {
            engine: engine(context)?,
            settings: settings(&component, &cases, &path)?,
            component: component.bytes,
        };
        let mut reports = Vec::new();
        let wanted = cases.cases.iter().filter(|case| self.only.as_ref().is_none_or(|only| case.name.contains(only)));
        for case in wanted {
            let report = bench.run(case, &cases).await;
            reports.push(
                report.map_err(|problem| anyhow::anyhow!("{}: case `{}`: {problem}", path.display(), case.name))?,
            );
        }
        if reports.is_empty() {
            return Err(Usage("--only: no case has this in its name".to_owned()).into());
        }
        let failed = reports.iter().filter(|report| !report.ok).count();
        let told = json!({ "cases": reports, "passed": reports.len() - failed, "failed": failed });
        context.output.print(&told, || self.describe(&reports, failed));
        if failed > 0 {
            bail!("{failed} of {} cases came to something else than {} says", reports.len(), path.display());
        }
        Ok(())
    }

    fn usual(&self) -> PathBuf {
        match &self.file {
            Some(file) if file.is_dir() => file.join(USUAL),
            Some(file) => file.with_file_name(USUAL),
            None => PathBuf::from(USUAL),
        }
    }

    fn component(&self, cases: &Cases, path: &Path) -> PathBuf {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        match (&self.file, &cases.component) {
            (Some(file), _) => file.clone(),
            (None, Some(named)) if named.to_string_lossy().starts_with("builtin:") => named.clone(),
            (None, Some(named)) => folder.join(named),
            (None, None) => folder.to_owned(),
        }
    }

    fn describe(&self, reports: &[Report], failed: usize) -> String {
        let mut lines = Vec::new();
        for report in reports {
            lines.push(format!("{}  {}", if report.ok { "ok  " } else { "FAIL" }, report.name));
            if self.show {
                lines.extend(report.steps.iter().flatten().map(|outcome| shown::outcome(outcome, "      ")));
            }
            for difference in &report.differences {
                let step = if difference.step == 0 { String::new() } else { format!("step {}, ", difference.step) };
                lines.push(format!("      {step}{}: {}", difference.happened, difference.what));
                lines.push(shown::indented("        expected  ", &difference.expected));
                lines.push(shown::indented("        found     ", &difference.found));
            }
        }
        lines.push(format!("{} passed, {failed} failed", reports.len() - failed));
        lines.join("\n")
    }
}

/// What the file says of how the plugin is set up.
fn settings(component: &Component, cases: &Cases, path: &Path) -> anyhow::Result<Settings> {
    let mut table = cases.plugin.clone();
    table.insert("component".to_owned(), component.name.clone().into());
    table.entry("name").or_insert_with(|| component.name.clone().into());
    let settings: Settings = table.try_into().with_context(|| format!("{}: [plugin]", path.display()))?;
    settings.check().map_err(|(key, problem)| Usage(format!("{}: `plugin.{key}`: {problem}", path.display())))?;
    Ok(settings)
}
