//! `recado migrate`

use clap::{Args, Subcommand};
use serde_json::json;

use super::Context;
use crate::store::{self, Store};
use crate::telemetry;

#[derive(Debug, Args)]
pub(super) struct Migrate {
    #[command(subcommand)]
    way: Way,
}

#[derive(Clone, Copy, Debug, Subcommand)]
enum Way {
    /// Take every step that this database lacks
    Up,
    /// Undo the newest steps; their data is gone
    Down {
        #[arg(long, default_value_t = 1)]
        steps: u32,
    },
    /// Show which steps this database has
    Status,
}

impl Migrate {
    pub(super) async fn run(&self, context: &Context) -> anyhow::Result<()> {
        let figment = context.sources(Vec::new()).figment()?;
        let settings: store::Settings = figment.extract_inner("database")?;
        // What a step waits for is told there, and no more than that.
        let log: telemetry::Settings = figment.extract_inner("log")?;
        telemetry::start(&telemetry::Settings { level: "warn".to_owned(), ..log })?;
        match self.way {
            Way::Up => drop(Store::open(&settings).await?),
            Way::Down { steps } => store::migrate_down(&settings, steps).await?,
            Way::Status => {}
        }
        let steps = store::migration_status(&settings).await?;
        context.output.print(&json!({ "steps": steps }), || {
            let lines =
                steps.iter().map(|step| format!("{}  {}", if step.applied { "done   " } else { "pending" }, step.name));
            lines.collect::<Vec<_>>().join("\n")
        });
        Ok(())
    }
}
