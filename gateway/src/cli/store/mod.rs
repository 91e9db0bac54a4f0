//! `recado store`

mod backup;
mod copy;
mod retention;

use clap::{Args, Subcommand};

use super::Context;

#[derive(Debug, Args)]
pub(super) struct StoreCommand {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Copy all of a database into an empty one, while no gateway runs on either
    Copy(copy::Copy),
    /// Back an SQLite database up, also while gateways work on it
    Backup(backup::Backup),
    /// Show how much is older than `[retention]` says, and still there
    Retention,
}

impl StoreCommand {
    pub(super) async fn run(&self, context: &Context) -> anyhow::Result<()> {
        match &self.what {
            What::Copy(command) => command.run(context).await,
            What::Backup(command) => command.run(context).await,
            What::Retention => retention::run(context).await,
        }
    }
}
