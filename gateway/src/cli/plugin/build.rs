//! `recado plugin build`

use std::path::PathBuf;

use clap::Args;

use super::super::Context;
use crate::plugins::authoring::{Environment, Options, Verdict, build, check};

#[derive(Debug, Args)]
pub(super) struct Build {
    /// The plugin's folder
    #[arg(default_value = ".")]
    directory: PathBuf,
    /// Where the component goes: a file or a folder [default: the plugin's folder]
    #[arg(long)]
    out: Option<PathBuf>,
    /// Build to the side and say whether the component that is there is stale (Rust only)
    #[arg(long)]
    check: bool,
}

impl Build {
    pub(super) fn run(&self, context: &Context) -> anyhow::Result<()> {
        let environment = Environment::of_process();
        let options = Options { out: self.out.clone(), quiet: context.common.json, environment };
        if self.check {
            let verdict = check(&self.directory, &options)?;
            context.output.print(&verdict, || match &verdict {
                Verdict::Identical { path, compiler } => {
                    format!("{} is what {compiler} makes of its sources", path.display())
                }
                Verdict::OtherCompiler { path, recorded, used } => format!(
                    "{} was made of these sources by {recorded}; {used} makes a fit component of them, too",
                    path.display()
                ),
            });
        } else {
            let built = build(&self.directory, &options)?;
            context.output.print(&built, || {
                format!(
                    "{}  {} bytes  sha256 {}\nmade by {}",
                    built.path.display(),
                    built.bytes,
                    built.sha256,
                    built.compiler
                )
            });
        }
        Ok(())
    }
}
