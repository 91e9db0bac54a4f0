//! `recado channel`

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use super::call::At;
use super::{Context, Usage};
use crate::channels::conformance::{Check, Examples, Subject, Verdict, check};
use crate::channels::{Channel, Channels, Part, Settings, component, no_components};
use crate::components::Loader;

#[derive(Debug, Args)]
pub(super) struct ChannelCommand {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Run the checks that every channel must pass; nothing is sent
    Check {
        /// A channel of the settings, a component's file, or `builtin:NAME`
        channel: String,
        /// Recorded webhooks and responses, in TOML; their `settings` go before the configured ones
        #[arg(long, value_name = "FILE")]
        examples: Option<PathBuf>,
    },
    /// Send nothing more by a channel of a running gateway, until it is resumed; what comes in is taken
    Pause {
        /// The channel's name
        channel: String,
        /// Why, for others to read
        #[arg(long)]
        reason: Option<String>,
        #[command(flatten)]
        at: At,
    },
    /// Let a channel go on that was paused by hand
    Resume {
        /// The channel's name
        channel: String,
        #[command(flatten)]
        at: At,
    },
}

impl ChannelCommand {
    pub(super) async fn run(&self, context: &Context) -> anyhow::Result<()> {
        match &self.what {
            What::Check { channel, examples } => examine(context, channel, examples.as_ref()),
            What::Pause { channel, reason, at } => {
                change(context, at, channel, "pause", &json!({ "reason": reason })).await
            }
            What::Resume { channel, at } => change(context, at, channel, "resume", &Value::Null).await,
        }
    }
}

/// Pauses or resumes, and shows the channel as it is then.
async fn change(context: &Context, at: &At, channel: &str, what: &str, body: &Value) -> anyhow::Result<()> {
    let language = context.setting("defaults.locale")?;
    let shown = at.reach(context)?.post(&format!("/v1/channels/{channel}/{what}"), body, &language).await?;
    context.output.print(&shown, || {
        let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let (name, state) = (word(&shown["name"]), word(&shown["state"]));
        match shown["paused"]["title"].as_str() {
            Some(title) => format!("{name}  {state}  {title}. {}", word(&shown["paused"]["remedy"])),
            None => format!("{name}  {state}"),
        }
    });
    Ok(())
}

fn examine(context: &Context, channel: &str, examples: Option<&PathBuf>) -> anyhow::Result<()> {
    let examples = match examples {
        Some(path) => {
            let text = std::fs::read_to_string(path).with_context(|| format!("{} can't be read", path.display()))?;
            Examples::read(&text).map_err(|error| Usage(format!("{}: {error}", path.display())))?
        }
        None => Examples::default(),
    };
    let settings = settings(context, channel, &examples)?;
    let checks = run(channel, &settings, &examples)?;
    let failed = checks.iter().filter(|check| matches!(check.verdict, Verdict::Failed(_))).count();
    let told = json!({ "channel": channel, "conforms": failed == 0, "checks": checks });
    context.output.print(&told, || lines(&checks));
    if failed > 0 {
        bail!("the channel fails {failed} of {} checks", checks.len());
    }
    Ok(())
}

/// The channel's settings: those of the examples, where there are some, for the component that is named.
fn settings(context: &Context, channel: &str, examples: &Examples) -> anyhow::Result<Settings> {
    let recorded = examples.settings.clone();
    let is_component = channel.starts_with("builtin:") || PathBuf::from(channel).is_file();
    let configured = if is_component {
        Settings::Component(component::Settings::new(channel))
    } else {
        let config = context.config()?;
        let known: Vec<&str> = config.channels.keys().map(String::as_str).collect();
        let unknown = || Usage(format!("there is no channel and no file `{channel}`; there are: {}", known.join(", ")));
        config.channels.get(channel).cloned().ok_or_else(unknown)?
    };
    let Some(mut recorded) = recorded else { return Ok(configured) };
    if let Settings::Component(settings) = &configured {
        recorded.insert("kind".to_owned(), "component".into());
        recorded.insert("component".to_owned(), settings.component.clone().into());
    }
    let wrong = |problem: String| Usage(format!("the examples' settings: {problem}"));
    let mut read: Settings = recorded.try_into().map_err(|error: toml::de::Error| wrong(error.to_string()))?;
    let sources = context.sources(Vec::new());
    let resolved = read.resolve(|name| sources.environment.get(name));
    resolved.map_err(|(key, problem)| wrong(format!("`{key}`: {problem}")))?;
    Ok(read)
}

fn run(name: &str, settings: &Settings, examples: &Examples) -> anyhow::Result<Vec<Check>> {
    let secrets = settings.secrets().iter().map(|secret| secret.expose_secret().to_owned()).collect();
    if let Settings::Component(settings) = settings {
        let wrong = |(key, problem)| Usage(format!("`{key}` {problem}"));
        settings.check().map_err(wrong)?;
        let channel = Loader::default()
            .of_any_host()
            .channel(name, settings)
            .map_err(|error| Usage(format!("{}: `{}` {error}", settings.component, error.key())))?;
        let draft = |part: &Part| {
            channel.draft(part).map(|draft| format!("{draft:?} {}", String::from_utf8_lossy(&draft.body)))
        };
        return Ok(check(&Subject { channel: &channel, secrets, draft: Some(&draft) }, examples));
    }
    let all = Channels::build(&[(name.to_owned(), settings.clone())].into(), &no_components)?;
    let channel = all.get(name).context("the channel was not made")?;
    let channel: &dyn Channel = channel.as_ref();
    Ok(check(&Subject { channel, secrets, draft: None }, examples))
}

fn lines(checks: &[Check]) -> String {
    let line = |check: &Check| match &check.verdict {
        Verdict::Passed => format!("passed   {}", check.name),
        Verdict::Failed(reason) => format!("FAILED   {}: {reason}", check.name),
        Verdict::Skipped(reason) => format!("skipped  {}: {reason}", check.name),
    };
    checks.iter().map(line).collect::<Vec<_>>().join("\n")
}
