//! `recado store retention`

use serde_json::json;

use crate::cli::{Context, existing};
use crate::clock::{Clock, SystemClock};
use crate::retention::{self, Due};
use crate::store;

pub(super) async fn run(context: &Context) -> anyhow::Result<()> {
    // Nothing else of the settings has to be right for a look.
    let figment = context.sources(Vec::new()).figment()?;
    let database: store::Settings = figment.extract_inner("database")?;
    let ages: retention::Settings = figment.extract_inner("retention")?;
    ages.check().map_err(|(key, problem)| anyhow::anyhow!("`retention.{key}` {problem}"))?;
    let store = existing::open(&database).await?;
    let due = retention::due(&store, &ages, SystemClock.now()).await?;
    context.output.print(&json!({ "retention": due }), || due.iter().map(line).collect::<Vec<_>>().join("\n"));
    Ok(())
}

fn line(due: &Due) -> String {
    let what = due.what.as_str();
    match due.due {
        Some(rows) => format!("{what:<14} {rows:>10} older than {} days", due.days),
        None => format!("{what:<14} kept for ever"),
    }
}
