//! `recado plugin run`

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, bail};
use clap::{Args, ValueEnum};
use serde_json::json;

use super::super::{Context, Usage};
use super::component::{Component, engine};
use super::shown;
use crate::clock::{Clock, SystemClock};
use crate::message::{Address, Media, Place, Status};
use crate::plugins::wasm::WasmPlugin;
use crate::plugins::{Fetcher, LiveFetcher, Origin, Plugin, Scope, Settings};
use crate::workbench::{
    Answers, NotAsked, Outcome, Received, Reported, Sending, Setting, Workbench, World, length, moment, shown_length,
};

#[derive(Debug, Args)]
pub(super) struct Run {
    /// The component: a file, a folder with one in it, or `builtin:NAME`
    #[arg(default_value = ".")]
    file: PathBuf,
    /// The text; may be given several times, for one message after the other
    #[arg(long, allow_hyphen_values = true)]
    text: Vec<String>,
    /// The hook to call [default: the one that the other options mean, or inbound]
    #[arg(long, value_enum)]
    hook: Option<Hook>,
    /// What became of a message, for the hook status
    #[arg(long, value_name = "STATUS")]
    status: Option<Status>,
    /// The timer that runs out, for the hook timer
    #[arg(long, value_name = "NAME")]
    timer: Option<String>,
    /// What the timer was given along
    #[arg(long, value_name = "TEXT", requires = "timer")]
    payload: Option<String>,
    /// Who writes; for the hook outbound, the sender
    #[arg(long, value_name = "NUMBER")]
    from: Option<String>,
    /// Who is written to
    #[arg(long, value_name = "NUMBER")]
    to: Option<String>,
    /// The channel
    #[arg(long, default_value = "sms", value_name = "NAME")]
    channel: String,
    /// A URL of a picture or another file that comes with the text; may be given several times
    #[arg(long, value_name = "URL")]
    media: Vec<String>,
    /// The time, as in `2026-08-03 20:15` [default: now]
    #[arg(long, value_name = "TIME")]
    at: Option<String>,
    /// How much time passes afterwards, as in `24h`: timers run out in it
    #[arg(long, value_name = "LENGTH")]
    wait: Option<String>,
    /// Do all of it so many times
    #[arg(long, default_value_t = 1, value_name = "TIMES", num_args = 0..=1, default_missing_value = "2")]
    repeat: u32,
    /// Begin with what is in this file, and keep in it what is there afterwards
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,
    /// How an operator would set it up [default: `NAME.toml` beside `NAME.wasm`, if it is there]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Let it ask the `hosts` of its settings; without this, nobody answers
    #[arg(long)]
    allow_fetch: bool,
    /// Where randomness begins
    #[arg(long, default_value_t = 0)]
    seed: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Hook {
    Inbound,
    Outbound,
    Status,
    Timer,
}

/// A number of nobody's.
const PERSON: &str = "+525512345678";

impl Run {
    pub(super) async fn run(&self, context: &Context) -> anyhow::Result<()> {
        let component = Component::find(Some(&self.file))?;
        let settings = component.settings(context, self.config.as_deref())?;
        let name = component.name;
        let plugin = WasmPlugin::load(&engine(context)?, &settings, component.bytes).await;
        let plugin = plugin.with_context(|| format!("a gateway would not take {name}"))?;
        let manifest = plugin.manifest().clone();
        let mut bench = self.bench(context, Arc::new(plugin), &settings)?;
        let outcomes = self.call(&mut bench).await?;
        if let Some(path) = &self.state {
            let world = serde_json::to_string_pretty(&bench.world)?;
            std::fs::write(path, world).with_context(|| format!("--state: {} can't be written", path.display()))?;
        }
        let told = json!({
            "plugin": { "name": manifest.name, "version": manifest.version, "sha256": manifest.digest },
            "config": settings.config,
            "calls": outcomes,
            "afterwards": self.afterwards(&bench)?,
        });
        context.output.print(&told, || {
            let mut lines: Vec<String> = outcomes.iter().map(|outcome| shown::outcome(outcome, "")).collect();
            lines.push(Self::describe(&bench, &told["afterwards"]));
            lines.join("\n")
        });
        match outcomes.iter().find_map(|outcome| outcome.failure.as_ref()) {
            Some(failure) => bail!("the plugin gave no decision: {failure}"),
            None => Ok(()),
        }
    }

    fn hook(&self) -> Hook {
        self.hook.unwrap_or(match (&self.status, &self.timer) {
            (Some(_), _) => Hook::Status,
            (None, Some(_)) => Hook::Timer,
            (None, None) => Hook::Inbound,
        })
    }

    /// Who the conversation is with.
    fn person(&self, region: &str) -> anyhow::Result<Address> {
        let (flag, number) = match self.hook() {
            Hook::Outbound => ("--to", &self.to),
            Hook::Inbound | Hook::Status | Hook::Timer => ("--from", &self.from),
        };
        let number = number.as_deref().unwrap_or(PERSON);
        // Whoever writes may do so from a short code or a name, too.
        let sender = || Address::sender(number).filter(|_| flag == "--from");
        let address = Address::recipient(number, region).ok().or_else(sender);
        address.ok_or_else(|| Usage(format!("{flag}: `{number}` is no number; `recado phone` explains it")).into())
    }

    fn bench(&self, context: &Context, plugin: Arc<dyn Plugin>, settings: &Settings) -> anyhow::Result<Workbench> {
        let (locale, time_zone) = (context.setting("defaults.locale")?, context.setting("defaults.time_zone")?);
        let now = SystemClock.now();
        let mut world = match &self.state {
            Some(path) if path.exists() => read(path)?,
            _ => World::new(now),
        };
        world.now = match &self.at {
            Some(at) => moment(at, &time_zone).map_err(|problem| Usage(format!("--at: {problem}")))?,
            None => world.now.max(now),
        };
        let ours = if self.hook() == Hook::Outbound { &self.from } else { &self.to };
        let ours = ours.clone().map_or_else(|| context.setting("channels.sms.from"), Ok)?;
        let fetcher: Arc<dyn Fetcher> = if self.allow_fetch {
            let fetcher = LiveFetcher::new(std::slice::from_ref(settings));
            Arc::new(fetcher.map_err(|(_, failure)| failure)?)
        } else {
            Arc::new(Answers::default())
        };
        let setting = Setting {
            name: settings.name.clone(),
            place: Place { locale, time_zone, subject: None },
            region: context.setting("defaults.region")?,
            ours: Address::received(&ours),
            seed: self.seed,
            fetcher,
        };
        Ok(Workbench::new(plugin, setting, world))
    }

    async fn call(&self, bench: &mut Workbench) -> anyhow::Result<Vec<Outcome>> {
        let person = self.person(&bench.setting().region.clone())?;
        let hook = self.hook();
        if self.text.is_empty() && self.media.is_empty() && matches!(hook, Hook::Inbound | Hook::Outbound) {
            return Err(Usage("--text: what is the text?".to_owned()).into());
        }
        let wait =
            self.wait.as_deref().map(length).transpose().map_err(|problem| Usage(format!("--wait: {problem}")))?;
        let mut outcomes = Vec::new();
        for _ in 0..self.repeat {
            match hook {
                Hook::Inbound | Hook::Outbound => {
                    for text in self.texts() {
                        outcomes.push(self.message(bench, hook, &person, text).await?);
                    }
                }
                Hook::Status => outcomes.push(bench.report(self.reported(&person)).await?),
                Hook::Timer => {
                    let name = self.timer.as_deref().unwrap_or_default();
                    let id = bench.open(&self.channel, &person);
                    outcomes.push(bench.fire(id, name, self.payload.as_deref()).await?);
                }
            }
            if let Some(wait) = wait {
                outcomes.extend(bench.pass(wait).await);
            }
        }
        Ok(outcomes)
    }

    /// A message may be media alone.
    fn texts(&self) -> Vec<&str> {
        if self.text.is_empty() { vec![""] } else { self.text.iter().map(String::as_str).collect() }
    }

    async fn message(
        &self,
        bench: &mut Workbench,
        hook: Hook,
        person: &Address,
        text: &str,
    ) -> Result<Outcome, NotAsked> {
        let (channel, text) = (self.channel.clone(), text.to_owned());
        if hook == Hook::Outbound {
            let sender = self.from.as_deref().and_then(Address::sender);
            let (to, media) = (person.clone(), self.media.clone());
            return bench.send(Sending { channel, to, sender, text, media, origin: Origin::Api, send_at: None }).await;
        }
        let media = self.media.iter().map(|url| Media { url: url.clone(), content_type: None }).collect();
        bench.receive(Received { channel, from: person.clone(), text, media, extra: Vec::new() }).await
    }

    fn reported(&self, person: &Address) -> Reported {
        let status = self.status.unwrap_or(Status::Delivered);
        Reported { channel: self.channel.clone(), to: person.clone(), status, error: None, plugin: None }
    }

    /// What is there in the end.
    fn afterwards(&self, bench: &Workbench) -> anyhow::Result<serde_json::Value> {
        let world = &bench.world;
        let person = self.person(&bench.setting().region)?;
        let conversation = world.people.last(&self.channel, &person);
        let contact = conversation.and_then(|conversation| world.people.contact(conversation.contact));
        let timers = conversation.map(|conversation| world.timers(conversation.id)).unwrap_or_default();
        let remembered = |scope| world.remembered(scope, conversation);
        Ok(json!({
            "conversation": conversation,
            "contact": contact,
            "timers": timers,
            "state": {
                "conversation": remembered(Scope::Conversation),
                "contact": remembered(Scope::Contact),
                "global": remembered(Scope::Global),
            },
        }))
    }

    fn describe(bench: &Workbench, afterwards: &serde_json::Value) -> String {
        let conversation = &afterwards["conversation"];
        let mut lines = vec!["afterwards".to_owned()];
        if !conversation.is_null() {
            let tags = conversation["tags"].as_array().into_iter().flatten().filter_map(serde_json::Value::as_str);
            let tags: Vec<&str> = tags.collect();
            let assignee = conversation["assignee"].as_str().unwrap_or("nobody");
            let status = conversation["status"].as_str().unwrap_or_default();
            let tags = if tags.is_empty() { "no tags".to_owned() } else { format!("tags {}", tags.join(", ")) };
            lines.push(format!("  conversation: {status}, assigned to {assignee}, {tags}"));
        }
        for (name, value) in afterwards["contact"]["attributes"].as_object().into_iter().flatten() {
            lines.push(format!("  attribute {name} = {value}"));
        }
        for scope in ["conversation", "contact", "global"] {
            let values = afterwards["state"][scope].as_object().into_iter().flatten();
            lines.extend(values.map(|(key, value)| format!("  remembered ({scope}): {key} = {value}")));
        }
        let id = conversation["id"].as_str().and_then(|id| id.parse().ok());
        for timer in id.map(|id| bench.world.timers(id)).unwrap_or_default() {
            let left = shown_length(timer.due_at.duration_since(bench.world.now));
            lines.push(format!("  timer {} in {left}", timer.name));
        }
        lines.join("\n")
    }
}

fn read(path: &Path) -> anyhow::Result<World> {
    let text = std::fs::read_to_string(path).with_context(|| format!("--state: {} can't be read", path.display()))?;
    let hint = "is no state that `recado plugin run` kept; take it away to begin anew";
    serde_json::from_str(&text).with_context(|| format!("--state: {} {hint}", path.display()))
}
