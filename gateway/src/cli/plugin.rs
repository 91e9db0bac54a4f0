//! `recado plugin`

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde_json::Value;

use super::Context;
use super::call::Reach;
use super::fetch::Fetch;
use crate::plugins::authoring::{Environment, Options, Verdict, build, check};

#[derive(Debug, Args)]
pub(super) struct Plugin {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Compile a plugin's crate to a component
    Build {
        /// The crate's folder
        directory: PathBuf,
        /// Where the component goes: a file or a folder [default: the crate's folder]
        #[arg(long)]
        out: Option<PathBuf>,
        /// Build to the side and say whether the component that is there is stale
        #[arg(long)]
        check: bool,
    },
    /// Fetch a component from a registry, and say how to pin it
    Fetch(Fetch),
    /// Show the plugins of a running gateway, and how they fare
    List(Running),
    /// Load what changed into a running gateway; if anything can't be loaded, nothing changes
    Reload(Running),
}

/// Which gateway.
#[derive(Debug, Args)]
struct Running {
    /// The gateway [default: that of `recado dev`, or `server.listen`]
    #[arg(long, value_name = "URL", env = "RECADO_GATEWAY")]
    gateway: Option<String>,
    /// An API key [default: that of `recado dev`]
    #[arg(long, env = "RECADO_API_KEY", hide_env_values = true)]
    key: Option<String>,
    /// The data folder of `recado dev`
    #[arg(long, default_value = "data")]
    data: PathBuf,
}

impl Plugin {
    pub(super) async fn run(&self, context: &Context) -> anyhow::Result<()> {
        match &self.what {
            What::Build { directory, out, check } => make(context, directory, out.clone(), *check),
            What::Fetch(fetch) => fetch.run(context).await,
            What::List(running) => running.list(context).await,
            What::Reload(running) => running.reload(context).await,
        }
    }
}

impl Running {
    fn reach(&self, context: &Context) -> anyhow::Result<Reach> {
        Reach::find(context, self.gateway.as_deref(), self.key.as_deref(), &self.data)
    }

    async fn list(&self, context: &Context) -> anyhow::Result<()> {
        let language = context.setting("defaults.locale")?;
        let plugins = self.reach(context)?.get("/v1/plugins", &language).await?;
        context.output.print(&plugins, || lines(&plugins["items"], describe));
        Ok(())
    }

    async fn reload(&self, context: &Context) -> anyhow::Result<()> {
        let language = context.setting("defaults.locale")?;
        let reloaded = self.reach(context)?.post("/v1/plugins/reload", &Value::Null, &language).await?;
        let line = |plugin: &Value| {
            let word = |name: &str| plugin[name].as_str().unwrap_or_default().to_owned();
            format!("{:<10} {} {}", word("change"), word("name"), word("version"))
        };
        context.output.print(&reloaded, || lines(&reloaded["plugins"], line));
        Ok(())
    }
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
    if let Some(reason) = plugin["last_failure"].as_str() {
        text = format!("{text}\n  last failure {}: {reason}", word("last_failure_at"));
    }
    if let Some(until) = plugin["tripped_until"].as_str() {
        text = format!("{text}\n  not asked until {until}");
    }
    text
}

fn make(context: &Context, directory: &Path, out: Option<PathBuf>, only_check: bool) -> anyhow::Result<()> {
    let options = Options { out, quiet: context.common.json, environment: Environment::of_process() };
    if only_check {
        let verdict = check(directory, &options)?;
        context.output.print(&verdict, || match &verdict {
            Verdict::Identical { path, compiler } => {
                format!("{} is what {compiler} makes of its sources", path.display())
            }
            Verdict::OtherCompiler { path, recorded, used } => format!(
                "{} was made of these sources by {recorded}; {used} makes a fit component of them, too",
                path.display()
            ),
        });
    } else {
        let built = build(directory, &options)?;
        context.output.print(&built, || {
            format!(
                "{}  {} bytes  sha256 {}\nmade by {}",
                built.path.display(),
                built.bytes,
                built.sha256,
                built.compiler
            )
        });
    }
    Ok(())
}
