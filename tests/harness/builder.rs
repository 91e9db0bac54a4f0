//! What a gateway under test is to be like, and starting it.

use std::path::Path;

use toml::Table;

use crate::postgres::FreshDatabase;
use crate::twilio::LocalTwilio;
use crate::{ACCOUNT_SID, AUTH_TOKEN, Log, Must, NUMBER, Plugin, ScriptedProvider, TestGateway, binary, gateway, run};

/// What a gateway is to be like.
#[derive(Default)]
pub struct Builder {
    overrides: Table,
    provider: Option<String>,
    messaging_service: Option<String>,
    plugins: Option<Vec<Plugin>>,
    database: Option<FreshDatabase>,
    allow_errors: bool,
    allow_unsent: bool,
    on_disk: bool,
}

impl Builder {
    /// Settings over those that every test has.
    #[must_use]
    pub fn config_toml(mut self, text: &str) -> Self {
        merge(&mut self.overrides, text.parse().must("settings"));
        self
    }

    /// The first puts itself in place of the usual auto-reply, the others come behind.
    #[must_use]
    pub fn plugin(mut self, plugin: Plugin) -> Self {
        self.plugins.get_or_insert_default().push(plugin);
        self
    }

    #[must_use]
    pub fn no_plugins(mut self) -> Self {
        self.plugins = Some(Vec::new());
        self
    }

    /// Sends to this provider instead of the local Twilio.
    #[must_use]
    pub fn provider(mut self, provider: &ScriptedProvider) -> Self {
        self.provider = Some(provider.url());
        self
    }

    /// Sends by this messaging service, to which the account's number belongs.
    #[must_use]
    pub fn messaging_service(mut self, sid: &str) -> Self {
        merge(&mut self.overrides, channel("messaging_service_sid", sid));
        self.messaging_service = Some(sid.to_owned());
        self
    }

    #[must_use]
    pub fn public_url(mut self, url: &str) -> Self {
        merge(&mut self.overrides, one("server", "public_url", url));
        self
    }

    /// Errors in the log are what the test is about.
    #[must_use]
    pub fn allow_errors(mut self) -> Self {
        self.allow_errors = true;
        self
    }

    /// Messages that stay in the outbox are what the test is about.
    #[must_use]
    pub fn allow_unsent(mut self) -> Self {
        self.allow_unsent = true;
        self
    }

    /// In a folder on the disk (`TMPDIR`), for what is too large for memory.
    #[must_use]
    pub fn on_disk(mut self) -> Self {
        self.on_disk = true;
        self
    }

    /// On a database of its own in Postgres; none where there is no server for tests.
    pub fn postgres(mut self) -> Option<Self> {
        self.database = Some(FreshDatabase::create()?);
        Some(self)
    }

    /// Starts it, and the local Twilio unless there is another provider.
    pub fn start(self) -> TestGateway {
        let folder = if self.on_disk { tempfile::tempdir().must("a folder") } else { crate::folder() };
        let twilio = self.provider.is_none().then(|| LocalTwilio::start(self.messaging_service));
        let provider = self.provider.or_else(|| twilio.as_ref().map(|twilio| twilio.url().to_owned()));
        let mut settings = usual(&provider.must("a provider"));
        let sqlite = format!("sqlite://{}", folder.path().join("recado.db").display());
        let url = self.database.as_ref().map_or(sqlite, FreshDatabase::url);
        merge(&mut settings, one("database", "url", &url));
        merge(&mut settings, self.overrides);
        if let Some(plugins) = &self.plugins {
            install(&mut settings, plugins, folder.path());
        }
        write(&settings, folder.path());
        let made = run(folder.path(), &["--config", "test.toml", "--json", "key", "create", "--name", "test"], &[]);
        let made = made.good().json();
        let [key, account_sid, callback_token] =
            ["key", "account_sid", "auth_token"].map(|name| made[name].as_str().must(name).to_owned());
        let log = Log::default();
        let (process, address) = gateway::serve(folder.path(), "127.0.0.1:0", &log).must("the gateway does not start");
        let gateway = TestGateway {
            process,
            twilio,
            database: self.database,
            folder,
            address,
            key,
            account_sid,
            callback_token,
            settings,
            log,
            allow_errors: self.allow_errors,
            allow_unsent: self.allow_unsent,
        };
        if let Some(twilio) = &gateway.twilio {
            twilio.set_inbound_url(gateway.webhook_url("sms/inbound"));
        }
        gateway
    }
}

/// What every gateway under test has. Tries come soon one after the other, and as fast as can be.
fn usual(provider: &str) -> Table {
    let text = format!(
        "[channels.sms]\nkind = \"twilio\"\naccount_sid = \"{ACCOUNT_SID}\"\nauth_token = \"{AUTH_TOKEN}\"\n\
         from = \"{NUMBER}\"\nbase_url = \"{provider}\"\n[channels.sms.rates]\nsegments_per_s = 0\n[delivery]\nbackoff_s = 1\nbackoff_max_s = 2\n\
         [plugin_host]\ncache = '{}'",
        binary::compiled().display()
    );
    text.parse().must("the usual settings")
}

fn one(section: &str, key: &str, value: &str) -> Table {
    let inner = Table::from_iter([(key.to_owned(), value.into())]);
    Table::from_iter([(section.to_owned(), inner.into())])
}

/// One setting of the channel.
fn channel(key: &str, value: &str) -> Table {
    Table::from_iter([("channels".to_owned(), one("sms", key, value).into())])
}

/// Puts `over` over `under`, table by table.
pub(crate) fn merge(under: &mut Table, over: Table) {
    for (key, value) in over {
        match (under.get_mut(&key), value) {
            (Some(toml::Value::Table(under)), toml::Value::Table(over)) => merge(under, over),
            (_, value) => drop(under.insert(key, value)),
        }
    }
}

/// Puts these plugins in place of those that are set.
pub(crate) fn install(settings: &mut Table, plugins: &[Plugin], folder: &Path) {
    let installed: Vec<toml::Value> = plugins.iter().map(|plugin| plugin.install(folder).into()).collect();
    settings.insert("plugins".to_owned(), installed.into());
}

/// Leaves the settings where the program is told to look.
pub(crate) fn write(settings: &Table, folder: &Path) {
    std::fs::write(folder.join("test.toml"), settings.to_string()).must("the settings' file");
}
