//! `recado replay`

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::num::NonZero;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::bail;
use clap::Args;
use jiff::Timestamp;
use uuid::Uuid;

use super::plugin::percent;
use super::{Context, dev, existing};
use crate::clock::SystemClock;
use crate::config::Sources;
use crate::message::ConversationId;
use crate::plugins::wasm::Engine;
use crate::plugins::{self, load};
use crate::replay::{self, Wanted};
use crate::store::{PastFilter, Store};

/// How many messages are told to people one by one.
const SHOWN: usize = 50;

#[derive(Debug, Args)]
pub(super) struct Replay {
    /// The newest so many [default: 100, or all of the given time]
    #[arg(long, value_name = "N")]
    last: Option<u64>,
    /// Those that came in from this time on, as in 2026-11-01T00:00:00Z
    #[arg(long, value_name = "TIME")]
    since: Option<Timestamp>,
    /// Those that came in before this time
    #[arg(long, value_name = "TIME")]
    until: Option<Timestamp>,
    /// Those of one conversation
    #[arg(long, value_name = "ID")]
    conversation: Option<Uuid>,
    /// A settings file whose plugins are asked [default: those of the settings]
    #[arg(long, value_name = "FILE")]
    candidate: Option<PathBuf>,
    /// A component to ask in place of the plugin of its name, or else before the others; may be given several
    /// times
    #[arg(long, value_name = "FILE")]
    plugin: Vec<PathBuf>,
    /// The data folder of `recado dev`, whose messages and plugins are meant
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Fail if more than this share would be treated differently, as in 5%
    #[arg(long, value_name = "PERCENT", value_parser = percent)]
    max_changed: Option<f64>,
}

impl Replay {
    pub(super) async fn run(&self, context: &Context) -> anyhow::Result<()> {
        let config = self.sources(context, context.common.config.clone()).load()?;
        let engine = Engine::keeping(config.plugin_host.cache())?;
        let store = existing::open(&config.database).await?;
        let chain = load(&engine, &self.plugins(context, &store).await?).await?;
        let filter =
            PastFilter { since: self.since, until: self.until, conversation: self.conversation.map(ConversationId) };
        let timed = self.since.is_some() || self.until.is_some();
        let last = self.last.unwrap_or(if timed { u64::MAX } else { 100 });
        let wanted = Wanted { last, filter };
        let mut done = 0;
        let seen = std::io::stderr().is_terminal() && !context.common.json;
        let parallel = std::thread::available_parallelism().map_or(1, NonZero::get);
        let replay = replay::Replay {
            store,
            place: config.defaults.place(),
            history: config.followups.state_history(),
            clock: Arc::new(SystemClock),
            parallel,
        };
        let progress = |more| {
            done += more;
            if seen && done % 25 == 0 {
                super::output::progress(&format!("{done} messages"));
            }
        };
        let report = replay.run(&chain, &wanted, progress).await?;
        if seen {
            super::output::progress("");
        }
        context.output.print(&report, || report.text(SHOWN));
        if self.max_changed.is_some_and(|most| most < 100.0) && report.compares_nothing() {
            bail!("none of them could be compared, so --max-changed holds of none");
        }
        if let Some(most) = self.max_changed
            && report.changed_percent() > most
        {
            bail!("{:.1} % would be treated differently, and {most} % are the most", report.changed_percent());
        }
        Ok(())
    }

    /// The settings, or those of `recado dev`, which needs no account.
    fn sources(&self, context: &Context, file: Option<PathBuf>) -> Sources {
        let flags = self.data.as_deref().map(dev::flags).unwrap_or_default();
        Sources { file, environment: context.environment.clone(), flags }
    }

    /// The plugins that are asked, in their order. What is kept of their configurations counts as at a start, unless
    /// another settings file is named: then its own do.
    async fn plugins(&self, context: &Context, store: &Store) -> anyhow::Result<Vec<plugins::Settings>> {
        let file = self.candidate.clone().or_else(|| context.common.config.clone());
        let mut settings = self.sources(context, file).plugins()?.settings;
        let mut kept = if self.candidate.is_some() { BTreeMap::new() } else { store.plugin_configs().await? };
        for plugin in &mut settings {
            if let Some((_, Some(config))) = kept.remove(&plugin.name) {
                plugin.config = config;
            }
        }
        let mut first = 0;
        for path in &self.plugin {
            let named = plugins::Settings::from_file(path);
            if let Some(plugin) = settings.iter_mut().find(|plugin| plugin.name == named.name) {
                // With the settings that it has.
                (plugin.component, plugin.sha256) = (named.component, None);
            } else {
                settings.insert(first, named);
                first += 1;
            }
        }
        Ok(settings)
    }
}
