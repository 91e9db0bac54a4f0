//! `recado dev`: everything on this machine.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use clap::Args;
use figment::value::Value;
use secrecy::SecretString;
use serde_json::json;

use super::call::{DEV_DATA, Reach};
use super::gateway::Gateway;
use super::random::{random, random_key};
use super::signals::{StopSignals, StoppedAtOnce};
use super::user::{DEV_OWNER, let_owner_in};
use super::{Context, Usage, apart, inwards};
use crate::callbacks::token;
use crate::clock::{Clock, SystemClock};
use crate::config::{Config, Sources};
use crate::message::Locale;
use crate::sandbox::{self, Pace, Sandbox};
use crate::store::{Act, Actor, NewKey};
use crate::{plugins, telemetry, web};

#[derive(Debug, Args)]
pub(super) struct Dev {
    /// The gateway's port; 0 is any free one
    #[arg(long, default_value_t = 8080)]
    port: u16,
    /// The local Twilio's port [default: 8081, or any free one with --port 0]
    #[arg(long)]
    twilio_port: Option<u16>,
    /// The folder where everything is kept
    #[arg(long, default_value = DEV_DATA)]
    data: PathBuf,
    /// A plugin to ask before the others; may be given several times
    #[arg(long, value_name = "FILE")]
    plugin: Vec<PathBuf>,
    /// What goes wrong at the local Twilio, as in `create_cut_after=every:5` or `callback_lost=0.1`; may be
    /// given several times, and changed on the page
    #[arg(long, value_name = "FAULT")]
    fault: Vec<String>,
    /// Also call what the settings name beyond this machine and its network: endpoints, plugins' hosts, a collector of
    /// spans. Messages go to the local Twilio all the same
    #[arg(long)]
    reach_out: bool,
}

/// The local Twilio's account, where the environment names none.
pub(super) const ACCOUNT_SID: &str = "AC00000000000000000000000000000001";
pub(super) const AUTH_TOKEN: &str = "local-development-token";

/// Where it keeps what, and an account that nobody needs to have: for commands that only look at it.
pub(super) fn flags(data: &Path) -> Vec<(String, Value)> {
    let at = |name: &str| data.join(name).display().to_string();
    let flags = [
        ("database.url", format!("sqlite://{}", at("recado.db"))),
        ("plugin_files.folder", at("plugins")),
        ("plugin_host.cache", at("cache/plugins")),
        ("channels.sms.account_sid", ACCOUNT_SID.to_owned()),
        ("channels.sms.auth_token", AUTH_TOKEN.to_owned()),
    ];
    flags.into_iter().map(|(key, value)| (key.to_owned(), Value::from(value))).collect()
}

impl Dev {
    pub(super) async fn run(&self, context: &Context) -> anyhow::Result<()> {
        apart::for_development(&self.data)?;
        let phones = self.bind_phones().await?;
        let hint = "choose another port with --port, or --port 0 for any free ones";
        let bound = web::Bound::bind(local(self.port)).await.context(hint)?;
        std::fs::create_dir_all(&self.data)
            .with_context(|| format!("the folder {} can't be made", self.data.display()))?;
        let sources = self.sources(context, bound.address(), &phones.url());
        let (config, left_out) = self.config(&sources)?;
        telemetry::start(&config.log)?;
        let gateway_url = format!("http://{}", bound.address());
        let reach = self.reach(gateway_url.clone())?;
        let sandbox = self.serve_phones(context, phones, &gateway_url).await?;
        let source = self.plugin_source(sources);
        let mut signals = StopSignals::listen()?;
        let gateway = Box::pin(Gateway::start(&config, source, bound)).await?;
        let_in(context, &gateway, &reach, Locale::from_tag(&config.defaults.locale)).await?;
        self.welcome(context, &reach, sandbox.url(), &left_out);
        signals.next().await;
        tracing::info!("stopping");
        let stop = async {
            gateway.stop().await;
            sandbox.stop().await;
        };
        tokio::select! {
            () = stop => Ok(()),
            () = signals.next() => Err(StoppedAtOnce.into()),
        }
    }

    async fn bind_phones(&self) -> anyhow::Result<sandbox::Bound> {
        let port = self.twilio_port.unwrap_or(if self.port == 0 { 0 } else { 8081 });
        let hint = "choose another port with --twilio-port, or --port 0 for any free ones";
        sandbox::Bound::bind(local(port)).await.context(hint)
    }

    /// The operator's settings, with all that would reach outside turned inwards.
    fn sources(&self, context: &Context, address: SocketAddr, phones_url: &str) -> Sources {
        let plugins = self.data.join("plugins").display().to_string();
        let journal = self.data.join("journal").display().to_string();
        let media = self.data.join("media").display().to_string();
        let compiled = self.data.join("cache/plugins").display().to_string();
        let fetched = self.data.join("cache/components").display().to_string();
        let database = format!("sqlite://{}", self.data.join("recado.db").display());
        let environment = &context.environment;
        let account_sid = environment.get("TWILIO_ACCOUNT_SID").unwrap_or(ACCOUNT_SID);
        let auth_token = environment.get("TWILIO_AUTH_TOKEN").unwrap_or(AUTH_TOKEN);
        let flags = [
            ("server.listen", address.to_string()),
            ("server.public_url", format!("http://{address}")),
            ("database.url", database),
            ("journal.path", journal),
            ("media.path", media),
            ("plugin_files.folder", plugins),
            ("plugin_files.fetched", fetched),
            ("plugin_host.cache", compiled),
            ("channels.sms.kind", "twilio".to_owned()),
            ("channels.sms.base_url", phones_url.to_owned()),
            ("channels.sms.edge", String::new()),
            ("channels.sms.region", String::new()),
            ("channels.sms.lookups_url", String::new()),
            ("channels.sms.messaging_url", String::new()),
            ("channels.sms.account_sid", account_sid.to_owned()),
            ("channels.sms.auth_token", auth_token.to_owned()),
            // Empty is unset: the local Twilio has an account, and no keys.
            ("channels.sms.api_key", String::new()),
            ("channels.sms.api_key_secret", String::new()),
        ];
        let mut flags: Vec<_> = flags.into_iter().map(|(key, value)| (key.to_owned(), Value::from(value))).collect();
        flags.push(("stream.keep_h".to_owned(), Value::from(1.0)));
        // The application that is tried out runs here, too.
        flags.push(("callbacks.private_addresses".to_owned(), Value::from(true)));
        context.sources(flags)
    }

    /// With the keys of what is left out.
    fn config(&self, sources: &Sources) -> anyhow::Result<(Config, Vec<String>)> {
        let mut config = sources.load()?;
        // Any other channel would speak to a real provider.
        config.channels.retain(|name, _| name == "sms");
        let mut left_out = Vec::new();
        if !self.reach_out {
            left_out.extend(inwards::turn(&mut config));
            left_out.extend(inwards::turn_plugins(&mut config.wanted_plugins(sources)?.settings));
        }
        Ok((config, left_out))
    }

    /// The plugins, at each look at them.
    fn plugin_source(&self, sources: Sources) -> plugins::Source {
        let first: Vec<_> = self.plugin.iter().map(|path| plugins::Settings::from_file(path)).collect();
        let reach_out = self.reach_out;
        Box::new(move || {
            let mut wanted = sources.plugins().map_err(|error| error.to_string())?;
            if !reach_out {
                inwards::turn_plugins(&mut wanted.settings);
            }
            wanted.settings.splice(..0, first.iter().cloned());
            Ok(wanted)
        })
    }

    async fn serve_phones(
        &self,
        context: &Context,
        phones: sandbox::Bound,
        gateway_url: &str,
    ) -> anyhow::Result<Sandbox> {
        let environment = &context.environment;
        let number = context.setting("channels.sms.from")?;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let settings = sandbox::Settings {
            account_sid: environment.get("TWILIO_ACCOUNT_SID").unwrap_or(ACCOUNT_SID).to_owned(),
            auth_token: SecretString::from(environment.get("TWILIO_AUTH_TOKEN").unwrap_or(AUTH_TOKEN)),
            number,
            messaging_service_sid: Some(context.setting("channels.sms.messaging_service_sid")?)
                .filter(|sid| !sid.is_empty()),
            inbound_url: Some(format!("{gateway_url}/webhooks/sms/inbound")),
            keep: Some(self.data.join("local-twilio.jsonl")),
            pace: Pace::Lively,
        };
        let sandbox = phones.serve(settings, clock).await?;
        sandbox.set_faults(&self.fault).map_err(|error| Usage(format!("--fault: {error}")))?;
        Ok(sandbox)
    }

    /// The same key at every start of the same data folder. It is left there before anything else is.
    fn reach(&self, url: String) -> anyhow::Result<Reach> {
        let (key, password) = match Reach::read(&self.data) {
            Some(before) => (before.key, before.password),
            None => (random_key()?, None),
        };
        let password = match password {
            Some(password) => password,
            None => hex::encode(&random()?[..8]),
        };
        let reach = Reach { gateway: url, key, password: Some(password) };
        reach.write(&self.data).with_context(|| format!("{} can't be written to", self.data.display()))?;
        Ok(reach)
    }

    fn welcome(&self, context: &Context, reach: &Reach, phones_url: &str, left_out: &[String]) {
        let Reach { gateway, key, password } = reach;
        let password = password.as_deref().unwrap_or_default();
        let data = self.data.display().to_string();
        // For an SDK of Twilio's: any account that is configured is one of the key's.
        let account_sid = context.environment.get("TWILIO_ACCOUNT_SID").unwrap_or(ACCOUNT_SID);
        let auth_token = token(&web::hash_key(key));
        let value = json!({
            "gateway": gateway, "phones": phones_url, "key": key, "data": data,
            "account_sid": account_sid, "auth_token": auth_token,
            "console": format!("{gateway}/console"), "user": DEV_OWNER, "password": password,
            "left_out": left_out,
        });
        let first = if self.reach_out {
            "No message leaves this machine, but what the settings name elsewhere is called."
        } else {
            "Nothing leaves this machine and its network."
        };
        let left_out = match left_out {
            [] => String::new(),
            keys => format!("Left out   {}; with --reach-out they are called\n  ", keys.join(", ")),
        };
        context.output.print(&value, || {
            format!(
                "\n  Recado is running. {first}\n\n  \
                 Phones     {phones_url}   text the gateway from here\n  \
                 Gateway    {gateway}\n  \
                 API key    {key}\n  \
                 Console    {gateway}/console   sign in as {DEV_OWNER} with {password}\n  \
                 Twilio SDK account {account_sid} with the key as its token; callbacks signed with {auth_token}\n  \
                 Kept in    {data}\n  {left_out}\n  \
                 Send a message to one of the phones:\n\n  \
                 curl -s '{gateway}/v1/messages?wait=sent' -H 'Authorization: Bearer {key}' \
                 -H 'Content-Type: application/json' -d '{{\"to\": \"998 123 4567\", \"text\": \"Hola\"}}'\n\n  \
                 Ctrl-C stops.\n"
            )
        });
    }
}

/// Makes the key, and the owner of the console.
async fn let_in(context: &Context, gateway: &Gateway, reach: &Reach, locale: Locale) -> anyhow::Result<()> {
    let now = SystemClock.now();
    let new = NewKey {
        id: gateway.ids.next(now),
        name: "development".to_owned(),
        hash: web::hash_key(&reach.key),
        scopes: None,
        expires_at: None,
        per_second: None,
        at: now,
    };
    let actor = Actor::Command(context.environment.account());
    let act = Act { id: gateway.ids.next(now), at: now, actor, action: "key.created", subject: new.id.to_string() };
    gateway.store.create_key(new, act).await?;
    let password = reach.password.as_deref().unwrap_or_default();
    let_owner_in(&gateway.store, password, locale, context.environment.account()).await
}

fn local(port: u16) -> SocketAddr {
    SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::Common;
    use crate::cli::output::Output;
    use crate::config::Environment;

    const ENDPOINTS: &str = "telemetry.otlp_endpoint = 'https://spans.example.com'\n\
         [endpoints.far]\nurl = 'https://crm.example.com/'\nsecret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'\n\
         [endpoints.near]\nurl = 'http://127.0.0.1:9000/'\nprivate_addresses = true\n\
         secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'\n";
    const PLUGIN: &str = "[[plugins]]\nname = 'asks'\ncomponent = 'builtin:router'\nhosts = ['api.example.com']\n";

    #[test]
    fn nothing_that_the_settings_name_elsewhere_is_called_unless_it_shall_be_also_after_a_change() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("recado.toml");
        std::fs::write(&file, format!("{ENDPOINTS}{PLUGIN}")).unwrap();
        let common = Common { config: Some(file.clone()), json: false };
        let context = Context { common, environment: Environment::default(), output: Output::new(false) };
        let of = |reach_out: bool| {
            let data = folder.path().join("data");
            let dev =
                Dev { port: 0, twilio_port: None, data, plugin: vec!["mine.wasm".into()], fault: vec![], reach_out };
            let sources = dev.sources(&context, local(80), "http://127.0.0.1:81");
            (dev.config(&sources).unwrap(), dev.plugin_source(sources))
        };
        let ((config, left_out), source) = of(false);
        assert_eq!(left_out, ["endpoints.far", "telemetry.otlp_endpoint", "plugins.asks.hosts"]);
        assert_eq!(config.endpoints.into_keys().collect::<Vec<_>>(), ["near"]);
        assert!(config.telemetry.otlp_endpoint.is_empty());
        let ((wanted, unchanged), asks) = of(true);
        assert!(unchanged.is_empty());
        assert_eq!((wanted.endpoints.len(), wanted.telemetry.otlp_endpoint.is_empty()), (2, false));
        std::fs::write(&file, format!("{PLUGIN}[plugins.config]\n")).unwrap();
        let hosts = |source: &plugins::Source| {
            let settings = source().unwrap().settings;
            settings.into_iter().map(|plugin| (plugin.name, plugin.hosts.len())).collect::<Vec<_>>()
        };
        assert_eq!(hosts(&source), [("mine".to_owned(), 0), ("asks".to_owned(), 0)]);
        assert_eq!(hosts(&asks), [("mine".to_owned(), 0), ("asks".to_owned(), 1)]);
    }
}
