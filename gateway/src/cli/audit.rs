//! `recado audit`

use clap::Args;

use super::{Context, existing};
use crate::store::{self, AuditEntry};

/// What was done by hand, and by whom.
#[derive(Debug, Args)]
pub(super) struct Audit {
    /// How many, the newest first
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    last: u32,
}

impl Audit {
    pub(super) async fn run(&self, context: &Context) -> anyhow::Result<()> {
        let figment = context.sources(Vec::new()).figment()?;
        let settings: store::Settings = figment.extract_inner("database")?;
        let store = existing::open(&settings).await?;
        let entries = store.audit_entries(None, u64::from(self.last)).await?.items;
        context.output.print(&entries, || entries.iter().map(line).collect::<Vec<_>>().join("\n"));
        Ok(())
    }
}

fn line(entry: &AuditEntry) -> String {
    let by = entry.actor_id.as_deref().unwrap_or("somebody");
    format!("{:.0}  {} {by}  {}  {}", entry.at, entry.actor, entry.action, entry.subject)
}
