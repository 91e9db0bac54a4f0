//! A gateway that is there for the measurement alone, in a process of its own, with the local Twilio in this one.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use clap::Args;
use secrecy::SecretString;
use tempfile::TempDir;
use toml::{Table, Value};

use super::child::{self, Child};
use super::measure::Subject;
use super::system_folder;
use crate::bench::{Failures, Target, Watch, Webhooks, phones};
use crate::cli::Usage;
use crate::clock::SystemClock;
use crate::sandbox::{self, Pace, Sandbox};
use crate::store::Scratch;

const ACCOUNT_SID: &str = "AC00000000000000000000000000000001";
pub(super) const AUTH_TOKEN: &str = "local-development-token";
const NUMBER: &str = "+529983162438";
const CHANNEL: &str = "sms";

#[derive(Debug, Args)]
pub(super) struct Own {
    /// A Postgres server, as in `postgres://USER@HOST/NAME`: a new database is made there, and removed afterwards
    /// [default: SQLite]
    #[arg(long, value_name = "URL", conflicts_with = "gateway")]
    database: Option<String>,
    /// Where the files go, which are removed afterwards; that folder's disk is what is measured [default: the
    /// system's temporary folder]
    #[arg(long, value_name = "FOLDER", conflicts_with = "gateway")]
    folder: Option<PathBuf>,
    /// Which plugins that come with Recado are asked, as in auto-reply,router [default: none]
    #[arg(long, value_name = "NAMES", value_delimiter = ',', conflicts_with = "gateway")]
    pub(super) plugins: Vec<String>,
    /// How long the local Twilio takes to answer
    #[arg(long, value_name = "MS", default_value_t = 0, conflicts_with = "gateway",
          value_parser = clap::value_parser!(u64).range(..=60_000))]
    pub(super) provider_latency: u64,
    /// Another setting, as in delivery.parallel=128; may be given several times
    #[arg(long, value_name = "KEY=VALUE", conflicts_with = "gateway")]
    set: Vec<String>,
}

/// A gateway that runs, and what it needs.
pub(super) struct Started {
    gateway: Child,
    subject: Subject,
    sandbox: Option<Sandbox>,
    scratch: Option<Scratch>,
    folder: TempDir,
}

impl Own {
    /// Refuses what can't be right before anything is started.
    pub(super) fn check(&self) -> Result<(), Usage> {
        let is_server = |url: &String| url.starts_with("postgres://") || url.starts_with("postgresql://");
        if self.database.as_ref().is_some_and(|url| !is_server(url)) {
            let text = "`--database` must begin with postgres://; for SQLite leave it out, and say with --folder where";
            return Err(Usage(text.to_owned()));
        }
        for name in &self.plugins {
            if crate::plugins::builtin(name).is_none() {
                return Err(Usage(format!("no plugin `{name}` comes with Recado; there are auto-reply and router")));
            }
        }
        self.set.iter().try_for_each(|set| setting(set).map(drop))
    }

    pub(super) async fn start(&self, count: u32) -> anyhow::Result<Started> {
        let below = self.folder.clone().unwrap_or_else(system_folder);
        let folder = tempfile::Builder::new()
            .prefix("recado-bench-")
            .tempdir_in(&below)
            .with_context(|| format!("no folder can be made in {}", below.display()))?;
        let sandbox = self.twilio().await?;
        let scratch = match &self.database {
            None => None,
            Some(server) => Some(Scratch::create(server, run()?).await.context(
                "no database can be made on that server; `ALTER ROLE NAME CREATEDB` lets the user of the URL do so",
            )?),
        };
        let subject = self.gateway(folder.path(), &sandbox, scratch.as_ref(), count).await;
        match subject {
            Ok((gateway, subject)) => Ok(Started { gateway, subject, sandbox: Some(sandbox), scratch, folder }),
            Err(error) => {
                if let Some(scratch) = scratch {
                    scratch.remove().await?;
                }
                Err(error)
            }
        }
    }

    async fn twilio(&self) -> anyhow::Result<Sandbox> {
        let settings = sandbox::Settings {
            account_sid: ACCOUNT_SID.to_owned(),
            auth_token: SecretString::from(AUTH_TOKEN),
            number: NUMBER.to_owned(),
            messaging_service_sid: None,
            inbound_url: None,
            keep: None,
            pace: Pace::Immediate,
        };
        let bound = sandbox::Bound::bind(([127, 0, 0, 1], 0).into()).await?;
        let sandbox = bound.serve(settings, Arc::new(SystemClock)).await?;
        if self.provider_latency > 0 {
            sandbox.set_faults(&[format!("create_late=every:1:{}", self.provider_latency)])?;
        }
        Ok(sandbox)
    }

    async fn gateway(
        &self,
        folder: &Path,
        sandbox: &Sandbox,
        scratch: Option<&Scratch>,
        count: u32,
    ) -> anyhow::Result<(Child, Subject)> {
        let url = scratch.map_or_else(|| format!("sqlite://{}", folder.join("recado.db").display()), Scratch::url);
        let settings = self.settings(folder, &url, sandbox.url())?;
        write(&folder.join("bench.toml"), &settings)?;
        let made = child::ask(folder, &["--config", "bench.toml", "--json", "key", "create", "--name", "bench"])?;
        let key = made["key"].as_str().context("no key was made")?.to_owned();
        let (gateway, address) = Child::start(folder, &["--config", "bench.toml", "serve", "--tied"]).await?;
        let described = match &self.database {
            None => format!("SQLite in {}", folder.parent().unwrap_or(folder).display()),
            Some(_) => "Postgres".to_owned(),
        };
        let base = format!("http://{address}");
        let subject = Subject {
            webhooks: webhooks(&base)?,
            key,
            channel: CHANNEL.to_owned(),
            twilio: Some(Target::of(sandbox.url()).context("the local Twilio has no address")?),
            watch: Some(Watch(gateway.id())),
            phones: phones(count),
            run: run()?,
            segments_per_s: None,
            described,
        };
        Ok((gateway, subject))
    }

    /// Nothing of it reaches outside, and nothing is done beside what is measured.
    fn settings(&self, folder: &Path, database: &str, twilio: &str) -> anyhow::Result<Table> {
        let at = |name: &str| Value::from(folder.join(name).display().to_string());
        let mut settings: Table = format!(
            "server.listen = '127.0.0.1:0'\nlog.format = 'json'\nplugins = []\nplugin_files.watch_s = 0\n\
             reconcile = {{ poll_s = [], pull_every_s = 0, ask_after_s = 3600 }}\n\
             [channels.{CHANNEL}]\nkind = 'twilio'\naccount_sid = '{ACCOUNT_SID}'\nauth_token = '{AUTH_TOKEN}'\n\
             from = '{NUMBER}'\nbase_url = '{twilio}'\nrates.segments_per_s = 0"
        )
        .parse()?;
        let paths = [
            ("database.url", Value::from(database)),
            ("journal.path", at("journal")),
            ("media.path", at("media")),
            ("plugin_files.folder", at("plugins")),
            ("plugin_files.fetched", at("components")),
            ("plugin_host.cache", at("compiled")),
            ("plugins", self.plugins.iter().map(|name| Value::from(plugin(name))).collect::<Vec<_>>().into()),
        ];
        for (key, value) in paths {
            insert(&mut settings, key, value);
        }
        for set in &self.set {
            let (key, value) = setting(set)?;
            insert(&mut settings, key, value);
        }
        Ok(settings)
    }
}

impl Started {
    pub(super) fn subject(&self) -> &Subject {
        &self.subject
    }

    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Whether the database is in the folder.
    pub(super) fn on_disk(&self) -> bool {
        self.scratch.is_none()
    }

    /// A server that keeps nothing, and the same texts for it.
    pub(super) async fn bare(&self) -> anyhow::Result<(Child, Subject)> {
        let (server, address) = Child::start(self.folder.path(), &["--json", "bench", "--bare"]).await?;
        let webhooks = webhooks(&format!("http://{address}"))?;
        let subject = Subject { webhooks, watch: Some(Watch(server.id())), ..self.subject.clone() };
        Ok((server, subject))
    }

    /// Ends all of it and removes what it left, and gives what the gateway's log has to say.
    pub(super) async fn stop(&mut self) -> anyhow::Result<Failures> {
        let failures = self.gateway.failures();
        self.gateway.end();
        if let Some(sandbox) = self.sandbox.take() {
            sandbox.stop().await;
        }
        if let Some(scratch) = &self.scratch {
            scratch.remove().await?;
        }
        Ok(failures)
    }
}

fn webhooks(base: &str) -> anyhow::Result<Webhooks> {
    let path = format!("/webhooks/{CHANNEL}/inbound");
    Ok(Webhooks {
        target: Target::of(base).with_context(|| format!("{base} is no address"))?,
        url: format!("{base}{path}"),
        path,
        account_sid: ACCOUNT_SID.to_owned(),
        auth_token: SecretString::from(AUTH_TOKEN),
        number: NUMBER.to_owned(),
    })
}

/// What tells one run from all others.
pub(super) fn run() -> anyhow::Result<u64> {
    getrandom::u64().map_err(|error| anyhow::anyhow!("the system gives no random bytes: {error}"))
}

/// A plugin with settings as somebody might have them: a reply to all, some words of its own, a few routes.
fn plugin(name: &str) -> Table {
    let config = match name {
        "auto-reply" => {
            "text = 'Gracias por tu mensaje.'\nrules = [{ keywords = ['precio'], reply = 'La lista.' }, { keywords = ['cita'], reply = '¿Cuándo?' }]"
        }
        "router" => {
            "inbound.routes = [{ when = { sender = ['+1'] }, then = { tag = ['norte'] } }, { when = { keywords = ['pedido'] }, then = { tag = ['pedidos'] } }]"
        }
        _ => "",
    };
    let text = format!("name = '{name}'\ncomponent = 'builtin:{name}'\n[config]\n{config}");
    text.parse().unwrap_or_default()
}

/// A key and its value; a value that is none of TOML's is a text.
fn setting(text: &str) -> Result<(&str, Value), Usage> {
    let wrong = || Usage(format!("`--set {text}`: must be KEY=VALUE, as in delivery.parallel=128"));
    let (key, value) = text.split_once('=').ok_or_else(wrong)?;
    if key.is_empty() || key.split('.').any(str::is_empty) {
        return Err(wrong());
    }
    let read = format!("value = {value}").parse::<Table>().ok().and_then(|mut table| table.remove("value"));
    Ok((key, read.unwrap_or_else(|| Value::from(value))))
}

/// Puts a value in, with the tables on the way to it.
fn insert(into: &mut Table, key: &str, value: Value) {
    match key.split_once('.') {
        None => drop(into.insert(key.to_owned(), value)),
        Some((first, rest)) => {
            let below = into.entry(first).or_insert_with(|| Table::new().into());
            if !below.is_table() {
                *below = Table::new().into();
            }
            if let Some(below) = below.as_table_mut() {
                insert(below, rest, value);
            }
        }
    }
}

/// Readable by its owner alone: a database's URL may hold a password.
fn write(path: &Path, settings: &Table) -> anyhow::Result<()> {
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;
    let mut file = std::fs::OpenOptions::new().create_new(true).write(true).mode(0o600).open(path)?;
    file.write_all(settings.to_string().as_bytes()).with_context(|| format!("{} can't be written", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_put_where_they_belong() {
        let mut settings: Table = "a.b = 1\nc = 2".parse().unwrap();
        for set in ["a.d.e=[1, 2]", "a.b=5", "c.f=text", "g=it's"] {
            let (key, value) = setting(set).unwrap();
            insert(&mut settings, key, value);
        }
        let wanted: Table = "a.b = 5\na.d.e = [1, 2]\nc.f = 'text'\ng = \"it's\"".parse().unwrap();
        assert_eq!(settings, wanted);
        for wrong in ["a", "=1", "a..b=1"] {
            assert!(setting(wrong).unwrap_err().to_string().contains("KEY=VALUE"), "{wrong}");
        }
    }

    #[test]
    fn the_plugins_settings_are_read() {
        for name in ["auto-reply", "router"] {
            assert!(!plugin(name)["config"].as_table().unwrap().is_empty(), "{name}");
        }
    }
}
