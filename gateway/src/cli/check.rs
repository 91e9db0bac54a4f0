//! Commands that only look: `config`, `phone`, `segments`.

use anyhow::bail;
use clap::{Args, Subcommand};
use serde_json::json;

use super::Context;
use crate::channels::Channels;
use crate::components::Loader;
use crate::config::{Reference, show};
use crate::message::{Locale, phone, segments};
use crate::plugins;

#[derive(Debug, Args)]
pub(super) struct ConfigCommand {
    #[command(subcommand)]
    what: What,
}

#[derive(Clone, Copy, Debug, Subcommand)]
enum What {
    /// Say whether the settings make sense, and if not, what to change
    Check,
    /// Show every setting and where it came from; secrets are left out
    Show,
    /// Print every setting with its kind, its default, its environment variable and what it means, as Markdown
    Reference,
}

impl ConfigCommand {
    pub(super) async fn run(&self, context: &Context) -> anyhow::Result<()> {
        match self.what {
            What::Check => {
                let config = context.config()?;
                // So does a channel that is a component.
                let components = Loader::default();
                Channels::build(&config.channels, &|name, settings| components.load(name, settings))?;
                let wanted = context.sources(Vec::new()).plugins()?.settings;
                // A plugin checks its part of the settings by its own schema.
                plugins::load(&plugins::wasm::Engine::new()?, &wanted).await?;
                let (channels, plugins) = (config.channels.len(), wanted.len());
                context.output.print(&json!({ "ok": true, "channels": channels, "plugins": plugins }), || {
                    format!("the settings are right: {channels} channel(s), {plugins} plugin(s)")
                });
            }
            What::Show => {
                let shown = show(&context.sources(Vec::new()).figment()?)?;
                context.output.print(&shown, || {
                    let lines =
                        shown.iter().map(|shown| format!("{} = {}    # {}", shown.key, shown.value, shown.origin));
                    lines.collect::<Vec<_>>().join("\n")
                });
            }
            What::Reference => {
                let reference = Reference::of_defaults();
                context.output.print(&reference, || reference.markdown().trim_end().to_owned());
            }
        }
        Ok(())
    }
}

#[derive(Debug, Args)]
pub(super) struct Phone {
    /// The number, in any usual form
    #[arg(allow_hyphen_values = true)]
    number: String,
    /// The country it is dialled in [default: `defaults.region`]
    #[arg(long)]
    region: Option<String>,
    /// The language of the reason: es or en [default: `defaults.locale`]
    #[arg(long)]
    locale: Option<String>,
}

impl Phone {
    pub(super) fn run(&self, context: &Context) -> anyhow::Result<()> {
        let region = match &self.region {
            Some(region) => region.to_uppercase(),
            None => context.setting("defaults.region")?,
        };
        let locale = match &self.locale {
            Some(tag) => Locale::from_tag(tag),
            None => context.locale()?,
        };
        let inspection = phone::inspect(&self.number, &region);
        let refused = phone::parse(&self.number, &region).err().map(|refusal| refusal.reason(locale));
        // What is refused is told once: by the error, or by the JSON for programs.
        if refused.is_none() || context.common.json {
            context.output.print(&inspection, || describe(&inspection));
        }
        if let Some(reason) = refused {
            bail!("{reason}");
        }
        Ok(())
    }
}

fn describe(inspection: &phone::Inspection) -> String {
    let kind = serde_json::to_value(inspection.kind).unwrap_or_default();
    format!(
        "{}\n  national       {}\n  international  {}\n  country        {}\n  kind           {}",
        inspection.e164.as_deref().unwrap_or("-"),
        inspection.national.as_deref().unwrap_or("-"),
        inspection.international.as_deref().unwrap_or("-"),
        inspection.country.as_deref().unwrap_or("-"),
        kind.as_str().unwrap_or("-"),
    )
}

#[derive(Debug, Args)]
pub(super) struct Segments {
    /// The text
    #[arg(allow_hyphen_values = true)]
    text: String,
    /// Count it as Twilio's smart encoding would send it
    #[arg(long)]
    smart: bool,
}

impl Segments {
    pub(super) fn run(&self, context: &Context) {
        let counted =
            if self.smart { segments::count(&segments::smart(&self.text)) } else { segments::count(&self.text) };
        context.output.print(&counted, || {
            let mut text = format!(
                "{} segment(s), {}, {} of {} units used; {} left in the last",
                counted.segments, counted.encoding, counted.units, counted.units_per_segment, counted.remaining
            );
            if !counted.non_gsm.is_empty() {
                text = format!("{text}\nnot in GSM-7: {}", counted.non_gsm.join(" "));
            }
            text
        });
    }
}
