//! `recado template`

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::Context;
use super::call::{At, Reach};

#[derive(Debug, Args)]
pub(super) struct TemplateCommand {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Which templates there are
    List {
        /// Those that are archived instead
        #[arg(long)]
        archived: bool,
        #[command(flatten)]
        at: At,
    },
    /// One template: its current version, or another
    Show {
        name: String,
        /// Another than its current version
        #[arg(long, value_name = "VERSION")]
        number: Option<u32>,
        #[command(flatten)]
        at: At,
    },
    /// Save a template from a JSON or TOML file, as a new version if it is there already
    Put {
        /// With `name`, `default_locale`, `variables` and `bodies`
        file: PathBuf,
        /// Only if this is still the current version
        #[arg(long, value_name = "VERSION")]
        over: Option<u32>,
        #[command(flatten)]
        at: At,
    },
    /// What would be sent, and how many segments that is
    Preview {
        name: String,
        /// Another than its current version
        #[arg(long, value_name = "VERSION")]
        number: Option<u32>,
        /// As in es-MX
        #[arg(long)]
        locale: Option<String>,
        /// What is put in instead of the examples; may be given several times
        #[arg(long = "set", value_name = "NAME=VALUE", value_parser = pair)]
        variables: Vec<(String, String)>,
        /// To whom it might go
        #[arg(long, allow_hyphen_values = true)]
        to: Option<String>,
        #[command(flatten)]
        at: At,
    },
}

impl What {
    fn at(&self) -> &At {
        match self {
            Self::List { at, .. } | Self::Show { at, .. } | Self::Put { at, .. } | Self::Preview { at, .. } => at,
        }
    }
}

impl TemplateCommand {
    pub(super) async fn run(&self, context: &Context) -> anyhow::Result<()> {
        let language = context.setting("defaults.locale")?;
        let reach = self.what.at().reach(context)?;
        match &self.what {
            What::List { archived, .. } => list(context, &reach, *archived, &language).await,
            What::Show { name, number, .. } => {
                let version = number.map(|version| format!("?version={version}")).unwrap_or_default();
                let shown = reach.get(&format!("/v1/templates/{}{version}", segment(name)?), &language).await?;
                context.output.print(&shown, || text(&shown));
                Ok(())
            }
            What::Put { file, over, .. } => {
                let body = read(file)?;
                let name = body["name"].as_str().context("the file has no `name`")?;
                let etag = over.map(|version| format!("\"{version}\""));
                let path = format!("/v1/templates/{}", segment(name)?);
                let saved = reach.put(&path, &body, etag.as_deref(), &language).await?;
                context.output.print(&saved, || line(&saved));
                Ok(())
            }
            What::Preview { name, number, locale, variables, to, .. } => {
                let variables: BTreeMap<&String, &String> =
                    variables.iter().map(|(name, value)| (name, value)).collect();
                let body = json!({ "version": number, "locale": locale, "variables": variables, "to": to });
                let path = format!("/v1/templates/{}/preview", segment(name)?);
                let previewed = reach.post(&path, &body, &language).await?;
                context.output.print(&previewed, || {
                    let (segments, cost) = (&previewed["segments"], &previewed["cost"]);
                    let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
                    format!(
                        "{}\n\n{}  {}  {} segment(s): {}",
                        word(&previewed["text"]),
                        word(&previewed["locale"]),
                        word(&segments["encoding"]),
                        segments["segments"],
                        word(&cost["means"])
                    )
                });
                Ok(())
            }
        }
    }
}

async fn list(context: &Context, reach: &Reach, archived: bool, language: &str) -> anyhow::Result<()> {
    let path = format!("/v1/templates?limit=200&archived={archived}");
    let mut items = Vec::new();
    let mut next = path.clone();
    loop {
        let page = reach.get(&next, language).await?;
        items.extend(page["items"].as_array().into_iter().flatten().cloned());
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        next = format!("{path}&cursor={cursor}");
    }
    let all = json!({ "items": items });
    context.output.print(&all, || {
        let lines: Vec<String> = all["items"].as_array().into_iter().flatten().map(line).collect();
        if lines.is_empty() { "there is no template".to_owned() } else { lines.join("\n") }
    });
    Ok(())
}

fn line(template: &Value) -> String {
    let names = |key: &str| {
        let names: Vec<&str> = template[key].as_object().into_iter().flatten().map(|(name, _)| name.as_str()).collect();
        names.join(", ")
    };
    let variables = match names("variables") {
        none if none.is_empty() => "no variables".to_owned(),
        some => some,
    };
    let name = template["name"].as_str().unwrap_or_default();
    format!("{name}  version {}  {}  {variables}", template["version"], names("bodies"))
}

fn text(template: &Value) -> String {
    let bodies = template["bodies"].as_object().into_iter().flatten();
    let bodies: Vec<String> =
        bodies.map(|(locale, body)| format!("\n[{locale}]\n{}", body["text"].as_str().unwrap_or_default())).collect();
    format!("{}\n{}", line(template), bodies.join("\n"))
}

/// A template in a file: JSON, or TOML where its name ends so.
fn read(file: &Path) -> anyhow::Result<Value> {
    let contents =
        std::fs::read_to_string(file).with_context(|| format!("the file {} can't be read", file.display()))?;
    let read = match file.extension().and_then(|extension| extension.to_str()) {
        Some("toml") => toml::from_str(&contents).map_err(anyhow::Error::from),
        _ => serde_json::from_str(&contents).map_err(anyhow::Error::from),
    };
    read.with_context(|| format!("{} is no template", file.display()))
}

/// A name as a part of an address.
fn segment(name: &str) -> anyhow::Result<&str> {
    if !crate::templates::is_name(name) {
        bail!("`{name}` can't be a template's name: it {}", crate::templates::NAME_RULE);
    }
    Ok(name)
}

/// `NAME=VALUE`
pub(super) fn pair(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("write it as NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}
