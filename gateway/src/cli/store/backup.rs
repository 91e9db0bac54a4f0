//! `recado store backup`

use std::path::PathBuf;

use clap::Args;

use crate::cli::Context;
use crate::store;

#[derive(Debug, Args)]
pub(super) struct Backup {
    /// Where to; it must not be there
    file: PathBuf,
}

impl Backup {
    pub(super) async fn run(&self, context: &Context) -> anyhow::Result<()> {
        let figment = context.sources(Vec::new()).figment()?;
        let settings: store::Settings = figment.extract_inner("database")?;
        let made = store::backup(&settings, &self.file).await?;
        context.output.print(&made, || format!("{}  {} bytes, checked", made.file.display(), made.bytes));
        Ok(())
    }
}
