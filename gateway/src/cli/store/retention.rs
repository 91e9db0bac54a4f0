//! `recado store retention`

use serde_json::json;

use crate::cli::Context;
use crate::clock::{Clock, SystemClock};
use crate::retention::{self, Due};
use crate::store::Store;

pub(super) async fn run(context: &Context) -> anyhow::Result<()> {
    let config = context.config()?;
    let (store, _) = Store::open(&config.database).await?;
    let due = retention::due(&store, &config.retention, SystemClock.now()).await?;
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
