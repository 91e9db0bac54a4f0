//! A gateway that runs already. What is measured stays with it, so it is not touched by mistake.

use std::io::Write;
use std::path::PathBuf;

use anyhow::{Context as _, bail};
use clap::Args;
use secrecy::SecretString;
use serde_json::Value;

use super::measure::Subject;
use super::own;
use crate::bench::{Client, Target, Watch, Webhooks, phones};
use crate::cli::call::{DEV_DATA, Reach};
use crate::cli::{Context, Usage, dev};

#[derive(Debug, Args)]
pub(super) struct Running {
    /// A gateway that runs: messages are written into it, and it sends them
    #[arg(long, value_name = "URL")]
    gateway: Option<String>,
    /// With --gateway: an API key [default: that of `recado dev`]
    #[arg(long, env = "RECADO_API_KEY", hide_env_values = true)]
    key: Option<String>,
    /// With --gateway: the data folder of `recado dev`
    #[arg(long, default_value = DEV_DATA)]
    data: PathBuf,
    /// With --gateway: the channel; its token is taken from the settings, as the gateway takes it
    #[arg(long, default_value = "sms")]
    channel: String,
    /// With --gateway: its process, so that its processor time and memory are measured
    #[arg(long, requires = "gateway")]
    pid: Option<u32>,
    /// With --gateway: have real messages sent by a real provider, to the numbers of --to
    #[arg(long, requires = "gateway", requires = "to")]
    yes_really_send: bool,
    /// With --gateway: a number to send to; may be given several times [default: made-up ones]
    #[arg(long, value_name = "NUMBER", requires = "gateway")]
    to: Vec<String>,
}

impl Running {
    pub(super) fn is_meant(&self) -> bool {
        self.gateway.is_some()
    }

    /// The gateway, if nothing that is sent there reaches anybody who has not asked for it.
    pub(super) async fn subject(&self, context: &Context, count: u32) -> anyhow::Result<Subject> {
        let url = self.gateway.as_deref().unwrap_or_default().trim_end_matches('/');
        let Some(target) = Target::of(url) else {
            bail!(Usage("`--gateway` must begin with http://: name the gateway itself, not a proxy".to_owned()));
        };
        let dev = Reach::read(&self.data).filter(|dev| dev.gateway == url);
        let Some(key) = self.key.clone().or_else(|| dev.as_ref().map(|dev| dev.key.clone())) else {
            bail!(Usage("no API key: give --key or RECADO_API_KEY (`recado key create` makes one)".to_owned()));
        };
        let language = context.setting("defaults.locale")?;
        let channels =
            Reach { gateway: url.to_owned(), key: key.clone(), password: None }.get("/v1/channels", &language).await?;
        let channels = channels["items"].as_array().map_or(&[][..], Vec::as_slice);
        let Some(channel) = channels.iter().find(|one| one["name"] == *self.channel) else {
            bail!(Usage(format!("the gateway has no channel `{}`", self.channel)));
        };
        if channel["kind"] != "twilio" {
            bail!(Usage(format!("the channel `{}` is none of Twilio's, whose webhooks are imitated", self.channel)));
        }
        let twilio = self.provider(channel).await?;
        let phones = if self.to.is_empty() { phones(count) } else { self.to.clone() };
        let segments_per_s = channel["segments_per_s"].as_f64();
        if let Some(rate) = segments_per_s {
            warn(&format!(
                "the channel sends {rate} segments a second, so that is what is measured of what goes out; with \
                 `channels.{}.rates.segments_per_s = 0` it is as fast as it can be",
                self.channel
            ));
        }
        Ok(Subject {
            webhooks: self.webhooks(context, &target, url, channel, dev.is_some())?,
            key,
            channel: self.channel.clone(),
            twilio,
            watch: self.pid.filter(|_| target.is_here()).map(Watch),
            phones,
            run: own::run()?,
            segments_per_s,
            described: format!("the gateway at {url}"),
        })
    }

    /// The local Twilio; none if it is a real provider, and that is meant.
    async fn provider(&self, channel: &Value) -> anyhow::Result<Option<Target>> {
        let provider = channel["provider_url"].as_str().unwrap_or("somebody who is not known");
        let local = Target::of(provider).filter(Target::is_here);
        let local = match local {
            Some(target) if is_local_twilio(&target).await => Some(target),
            _ => None,
        };
        let url = self.gateway.as_deref().unwrap_or_default();
        if local.is_none() && !self.yes_really_send {
            bail!(
                "the gateway sends by {provider}, which is not the local Twilio: real people would get these \
                 messages, and somebody would pay for them. Measure one that `recado dev` runs, or leave \
                 `--gateway` out. If that is really what you want: --yes-really-send, and --to with numbers of your own"
            );
        }
        let whom = if local.is_some() { "the local Twilio" } else { "A REAL PROVIDER" };
        warn(&format!("messages are written into the gateway at {url}, and it sends texts by {whom}, {provider}"));
        Ok(local)
    }

    fn webhooks(
        &self,
        context: &Context,
        target: &Target,
        url: &str,
        channel: &Value,
        is_dev: bool,
    ) -> anyhow::Result<Webhooks> {
        let name = &self.channel;
        let setting = |key: &str| context.setting(&format!("channels.{name}.{key}"));
        // Those of `recado dev`, where nobody set any.
        let or_dev = |value: String, of_dev: &str| if value.is_empty() && is_dev { of_dev.to_owned() } else { value };
        let account_sid = or_dev(setting("account_sid")?, dev::ACCOUNT_SID);
        let auth_token = or_dev(setting("auth_token")?, dev::AUTH_TOKEN);
        if account_sid.is_empty() || auth_token.is_empty() {
            bail!(Usage(format!(
                "the gateway takes only what is signed: set TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN, or name its \
                 settings with --config (`channels.{name}.auth_token`)"
            )));
        }
        let public_url = context.setting("server.public_url")?;
        let signed = if public_url.is_empty() || is_dev { url } else { public_url.trim_end_matches('/') };
        let number = match channel["sender"].as_str() {
            Some(number) => number.to_owned(),
            None => setting("from")?,
        };
        let path = format!("/webhooks/{name}/inbound");
        Ok(Webhooks {
            target: target.clone(),
            url: format!("{signed}{path}"),
            path,
            account_sid,
            auth_token: SecretString::from(auth_token),
            number: Some(number).filter(|number| !number.is_empty()).context("the channel has no number")?,
        })
    }
}

/// Whether it is the local Twilio that answers there: no provider has these routes.
async fn is_local_twilio(target: &Target) -> bool {
    let creates = Client::new(target.clone()).get::<Value>("/sandbox/creates", None).await;
    creates.is_ok_and(|creates| creates["accepted"].is_u64())
}

fn warn(text: &str) {
    let _ = writeln!(std::io::stderr(), "warning: {text}");
}
