//! `recado lookup`

use clap::Args;
use serde_json::Value;

use super::Context;
use super::call::At;

#[derive(Debug, Args)]
pub(super) struct Lookup {
    /// The number, in any usual form
    #[arg(allow_hyphen_values = true)]
    number: String,
    /// The country it is dialled in [default: `defaults.region`]
    #[arg(long)]
    region: Option<String>,
    /// The channel whose provider is asked, where there are several
    #[arg(long)]
    channel: Option<String>,
    /// Ask the provider even if the answer is known from before
    #[arg(long)]
    fresh: bool,
    #[command(flatten)]
    at: At,
}

impl Lookup {
    pub(super) async fn run(&self, context: &Context) -> anyhow::Result<()> {
        let reach = self.at.reach(context)?;
        let language = context.setting("defaults.locale")?;
        let report = reach.get(&self.path(), &language).await?;
        context.output.print(&report, || describe(&report));
        Ok(())
    }

    fn path(&self) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        for (name, value) in [("region", &self.region), ("channel", &self.channel)] {
            if let Some(value) = value {
                query.append_pair(name, value);
            }
        }
        if self.fresh {
            query.append_pair("fresh", "true");
        }
        // A plus stands for a space in a query alone; in a path the space must be written out.
        let number: String = form_urlencoded::byte_serialize(self.number.as_bytes()).collect();
        format!("/v1/lookup/{}?{}", number.replace('+', "%20"), query.finish())
    }
}

fn describe(report: &Value) -> String {
    let word = |name: &str| match &report[name] {
        Value::String(text) => text.clone(),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        _ => "-".to_owned(),
    };
    let mut text = word("number");
    for name in ["valid", "country", "national", "kind", "line_type", "mobile", "carrier"] {
        text = format!("{text}\n  {:<13}{}", name.replace('_', " "), word(name));
    }
    if report["mobile_country_code"].is_string() {
        let network = format!("{} {}", word("mobile_country_code"), word("mobile_network_code"));
        text = format!("{text}\n  {:<13}{network}", "network");
    }
    let when = if report["cached"] == true { ", known from before" } else { "" };
    text = format!("{text}\n  {:<13}{}{when}", "looked up", word("looked_up_at"));
    if report["source"] == "local" {
        text = format!("{text}\nthe channel's provider has no lookup: this is what the digits tell");
    }
    if let Some(error) = report["error"].as_object() {
        let part = |name: &str| error.get(name).and_then(Value::as_str).unwrap_or_default();
        text = format!("{text}\nerror {}: {}\n  {}", error["code"], part("title"), part("remedy"));
    }
    text
}
