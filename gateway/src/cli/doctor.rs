//! `recado doctor`

use std::io::{BufRead, IsTerminal, Write};
use std::sync::Arc;
use std::time::Duration;

use anyhow::bail;
use clap::Args;
use serde_json::json;

use super::{Context, Usage};
use crate::channels::{Channels, Finding, State};
use crate::clock::{Clock, SystemClock};
use crate::components::Loader;
use crate::config::Config;
use crate::transport::{HttpTransport, Limits};
use crate::{doctor, web};

/// How long each of those who are asked may take.
const EACH: Duration = Duration::from_secs(10);

#[derive(Debug, Args)]
pub(super) struct Doctor {
    /// Set the provider's settings right where they differ, asking before each change
    #[arg(long)]
    fix: bool,
    /// Make every change without asking
    #[arg(long, requires = "fix")]
    yes: bool,
}

impl Doctor {
    pub(super) async fn run(&self, context: &Context) -> anyhow::Result<()> {
        if self.fix && !self.yes && !std::io::stdin().is_terminal() {
            let text = "--fix asks before each change, and there is no terminal to ask on: add --yes to agree to all";
            bail!(Usage(text.to_owned()));
        }
        let sources = context.sources(Vec::new());
        let config = match sources.load() {
            Ok(config) => config,
            Err(error) => {
                let remedy = "set it right, then look again; `recado config show` tells where each value comes from";
                let finding = Finding::failed("settings", error.to_string(), remedy);
                let rest = Finding::skipped("all the rest", "not looked at, since the settings can't be used");
                return tell(context, &[finding, rest], &[]);
            }
        };
        let file = sources.path().map_or_else(|| "no file".to_owned(), |path| path.display().to_string());
        let settings = Finding::ok("settings", format!("the settings are right ({file}, over the built-in defaults)"));
        let plugins = sources.plugins().map(|wanted| wanted.settings).map_err(|error| error.to_string());
        let components = Loader::default();
        let channels = Channels::build(&config.channels, &|name, settings| components.load(name, settings))?;
        let doctor = doctor::Doctor::new(config, channels, Arc::new(transport()?), Arc::new(SystemClock));
        let mut findings = doctor.examine(&plugins).await;
        let mut fixed = Vec::new();
        if self.fix {
            fixed = self.set_right(&doctor, &findings).await?;
            if !fixed.is_empty() {
                findings = doctor.examine(&plugins).await;
            }
        }
        findings.insert(0, settings);
        tell(context, &findings, &fixed)
    }

    /// Makes the changes that somebody agrees to, and says which were made.
    async fn set_right(&self, doctor: &doctor::Doctor, findings: &[Finding]) -> anyhow::Result<Vec<String>> {
        let mut fixed = Vec::new();
        for (finding, fix) in findings.iter().filter_map(|finding| Some((finding, finding.fix.as_ref()?))) {
            if !self.yes && !agreed(&fix.change)? {
                continue;
            }
            if let Err(reason) = doctor.fix(&finding.check, fix).await {
                bail!("{} was not set right: {reason}", finding.check);
            }
            fixed.push(fix.change.clone());
        }
        Ok(fixed)
    }
}

fn transport() -> anyhow::Result<HttpTransport> {
    Ok(HttpTransport::new(Limits { total: EACH, ..Limits::default() })?)
}

/// How the console of a running gateway looks at one of its channels.
pub(super) fn examine(config: &Config, channels: &Channels, clock: &Arc<dyn Clock>) -> anyhow::Result<web::Examine> {
    let doctor = doctor::Doctor::new(config.clone(), channels.clone(), Arc::new(transport()?), Arc::clone(clock));
    let doctor = Arc::new(doctor);
    Ok(Arc::new(move |name| {
        let doctor = Arc::clone(&doctor);
        Box::pin(async move { doctor.examine_channel(&name).await })
    }))
}

/// Asks on standard error, so that the findings alone are on standard output.
fn agreed(change: &str) -> anyhow::Result<bool> {
    write!(std::io::stderr(), "{change}\nChange it? [y/N] ")?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer)?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}

fn tell(context: &Context, findings: &[Finding], fixed: &[String]) -> anyhow::Result<()> {
    let failed = findings.iter().filter(|finding| finding.state == State::Failed).count();
    let all = json!({ "ok": failed == 0, "findings": findings, "fixed": fixed });
    context.output.print(&all, || {
        let changes = fixed.iter().map(|change| format!("changed  {change}"));
        changes.chain(findings.iter().map(describe)).collect::<Vec<_>>().join("\n")
    });
    if failed > 0 {
        bail!("{failed} check(s) failed");
    }
    Ok(())
}

fn describe(finding: &Finding) -> String {
    let mark = match finding.state {
        State::Ok => "ok     ",
        State::Warning => "warning",
        State::Failed => "FAILED ",
        State::Skipped => "skipped",
    };
    let line = format!("{mark}  {}: {}", finding.check, finding.finding);
    finding.remedy.iter().fold(line, |line, remedy| format!("{line}\n         → {remedy}"))
}
