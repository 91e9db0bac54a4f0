//! `recado plugin new`

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use super::super::{Context, Usage};
use crate::plugins::authoring::{Error, Wanted, Written, begin};

#[derive(Debug, Args)]
pub(super) struct New {
    /// The plugin's name: lower-case words with hyphens between them
    name: String,
    /// What it is written in
    #[arg(long, value_enum)]
    lang: Language,
    /// Where its folder is made
    #[arg(long = "in", value_name = "FOLDER", default_value = ".")]
    place: PathBuf,
    /// For Rust, where Recado's SDK is [default: that of the checkout around this folder, or else a copy
    /// of it in the plugin's folder]
    #[arg(long, value_name = "FOLDER")]
    sdk: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Language {
    Rust,
    Js,
    Python,
    C,
}

impl New {
    pub(super) fn run(&self, context: &Context) -> anyhow::Result<()> {
        let language = match self.lang {
            Language::Rust => Written::Rust,
            Language::Js => Written::Js,
            Language::Python => Written::Python,
            Language::C => Written::C,
        };
        let sdk = self.sdk.clone().or_else(|| checkout(&self.place));
        let wanted = Wanted { name: self.name.clone(), language, place: self.place.clone(), sdk };
        let begun = begin(&wanted).map_err(|error| match error {
            Error::BadName { .. } => Usage(error.to_string()).into(),
            error => anyhow::Error::from(error),
        })?;
        context.output.print(&begun, || {
            let folder = begun.folder.strip_prefix(".").unwrap_or(&begun.folder).display();
            let first = match begun.language {
                Written::Js => "  npm install\n",
                Written::Python => "  python3 -m venv .venv && .venv/bin/pip install componentize-py\n",
                Written::Rust | Written::C => "",
            };
            format!(
                "{folder} is there. Next:\n\n  cd {folder}\n{first}  recado plugin build\n  \
                 recado plugin run --text \"hola\"\n  recado plugin test\n\nREADME.md there says more."
            )
        });
        Ok(())
    }
}

/// The SDK of the checkout of Recado that a folder is in.
fn checkout(place: &Path) -> Option<PathBuf> {
    let place = std::path::absolute(place).ok()?;
    let sdk = place.ancestors().map(|folder| folder.join("sdk")).find(|sdk| sdk.join("wit/plugin.wit").is_file())?;
    let manifest = std::fs::read_to_string(sdk.join("Cargo.toml")).ok()?;
    manifest.contains("name = \"recado-sdk\"").then_some(sdk)
}
