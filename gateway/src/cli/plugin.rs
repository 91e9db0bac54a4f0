//! `recado plugin`

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::Context;
use crate::plugins::authoring::{Environment, Options, Verdict, build, check};

#[derive(Debug, Args)]
pub(super) struct Plugin {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Compile a plugin's crate to a component
    Build {
        /// The crate's folder
        directory: PathBuf,
        /// Where the component goes: a file or a folder [default: the crate's folder]
        #[arg(long)]
        out: Option<PathBuf>,
        /// Build to the side and say whether the component that is there is stale
        #[arg(long)]
        check: bool,
    },
}

impl Plugin {
    pub(super) fn run(&self, context: &Context) -> anyhow::Result<()> {
        let What::Build { directory, out, check: only_check } = &self.what;
        let options = Options { out: out.clone(), quiet: context.common.json, environment: Environment::of_process() };
        if *only_check {
            let verdict = check(directory, &options)?;
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
            let built = build(directory, &options)?;
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
