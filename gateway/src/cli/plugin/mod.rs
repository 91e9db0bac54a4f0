//! `recado plugin`: writing, trying and building plugins; those of a running gateway.

mod build;
mod check;
mod component;
mod fetch;
mod new;
mod run;
mod shown;
mod test;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::Context;
use super::call::At;
use fetch::Fetch;

#[derive(Debug, Args)]
pub(super) struct Plugin {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Make the folder of a new plugin
    New(new::New),
    /// Compile a plugin to a component
    Build(build::Build),
    /// Say whether a gateway would take a component, and if not, why
    Check(check::Check),
    /// Call a component as a gateway would, and show what it decides; nothing is sent
    Run(Box<run::Run>),
    /// Run a table of cases on a component
    Test(test::Test),
    /// Fetch a component from a registry, and say how to pin it
    Fetch(Fetch),
    /// Show the plugins of a running gateway, and how they fare
    List(At),
    /// Load what changed into a running gateway; if anything can't be loaded, nothing changes
    Reload {
        #[command(flatten)]
        at: At,
        /// Try what changed on so many of the last messages first
        #[arg(long, value_name = "N")]
        after_replay: Option<u64>,
        /// The most of them that may be treated differently, as in 5%
        #[arg(long, value_name = "PERCENT", requires = "after_replay", value_parser = percent, default_value = "0%")]
        max_changed: f64,
    },
}

impl Plugin {
    pub(super) async fn run(&self, context: &Context) -> anyhow::Result<()> {
        match &self.what {
            What::New(command) => command.run(context),
            What::Build(command) => command.run(context),
            What::Check(command) => command.run(context).await,
            What::Run(command) => command.run(context).await,
            What::Test(command) => command.run(context).await,
            What::Fetch(fetch) => fetch.run(context).await,
            What::List(at) => list(at, context).await,
            What::Reload { at, after_replay, max_changed } => reload(at, context, *after_replay, *max_changed).await,
        }
    }
}

async fn list(at: &At, context: &Context) -> anyhow::Result<()> {
    let language = context.setting("defaults.locale")?;
    let plugins = at.reach(context)?.get("/v1/plugins", &language).await?;
    context.output.print(&plugins, || lines(&plugins["items"], describe));
    Ok(())
}

async fn reload(at: &At, context: &Context, after_replay: Option<u64>, max_changed: f64) -> anyhow::Result<()> {
    let language = context.setting("defaults.locale")?;
    let trial = after_replay.map(|last| json!({ "after_replay": last, "max_changed": max_changed }));
    let body = trial.unwrap_or(Value::Null);
    let reloaded = at.reach(context)?.post("/v1/plugins/reload", &body, &language).await?;
    let line = |plugin: &Value| {
        let word = |name: &str| plugin[name].as_str().unwrap_or_default().to_owned();
        format!("{:<10} {} {}", word("change"), word("name"), word("version"))
    };
    context.output.print(&reloaded, || lines(&reloaded["plugins"], line));
    Ok(())
}

/// A share, with or without its sign.
pub(super) fn percent(text: &str) -> Result<f64, String> {
    let number = text.trim().trim_end_matches('%').trim().parse::<f64>();
    number.ok().filter(|share| (0.0..=100.0).contains(share)).ok_or_else(|| "a share is from 0% to 100%".to_owned())
}

fn lines(plugins: &Value, line: impl Fn(&Value) -> String) -> String {
    let lines: Vec<String> = plugins.as_array().into_iter().flatten().map(line).collect();
    if lines.is_empty() { "no plugins".to_owned() } else { lines.join("\n") }
}

/// One plugin, for people.
fn describe(plugin: &Value) -> String {
    let word = |name: &str| plugin[name].as_str().unwrap_or_default();
    let hooks = plugin["hooks"].as_object().into_iter().flatten();
    let hooks: Vec<&str> = hooks.filter(|(_, wanted)| **wanted == true).map(|(name, _)| name.as_str()).collect();
    let mut text = format!(
        "{}  {} {}  {}\n  {}\n  hooks {}, {} calls, {} failures, {} µs on average",
        word("name"),
        word("title"),
        word("version"),
        word("state"),
        word("component"),
        hooks.join(" "),
        plugin["calls"],
        plugin["failures"],
        plugin["mean_micros"],
    );
    if let Some(fetches) = plugin["fetches"].as_object() {
        let told: Vec<String> = fetches.iter().map(|(name, count)| format!("{name} {count}")).collect();
        text = format!("{text}\n  fetches: {}", told.join(", "));
    }
    if let Some(reason) = plugin["last_failure"].as_str() {
        text = format!("{text}\n  last failure {}: {reason}", word("last_failure_at"));
    }
    if let Some(until) = plugin["tripped_until"].as_str() {
        text = format!("{text}\n  not asked until {until}");
    }
    text
}
