//! Opening a database for a look at what is in it, or for a change.

use anyhow::{Context as _, bail};

use crate::store::{Settings, Store};

/// Not one that would be made here and now, in whichever folder this is.
pub(super) async fn open(settings: &Settings) -> anyhow::Result<Store> {
    if let Some(file) = settings.file()
        && !file.exists()
    {
        bail!(
            "there is no database at {} (`database.url`): go to the gateway's folder, or name its settings with --config",
            file.display()
        );
    }
    let (store, _recordings) = Store::open(settings).await.context("the database can't be opened")?;
    Ok(store)
}
