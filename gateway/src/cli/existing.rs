//! Opening a database for a look at what is in it, or for a change.

use anyhow::{Context as _, bail};

use crate::store::{Settings, Store, migration_status};

/// Not one that would be made here and now, in whichever folder this is, and not one of another version: the gateway that
/// works on it knows nothing of steps that it does not have, and could not start any more.
pub(super) async fn open(settings: &Settings) -> anyhow::Result<Store> {
    if let Some(file) = settings.file()
        && !file.exists()
    {
        bail!(
            "there is no database at {} (`database.url`): go to the gateway's folder, or name its settings with --config",
            file.display()
        );
    }
    let steps = migration_status(settings).await.context("the database can't be opened")?;
    let pending: Vec<&str> = steps.iter().filter(|step| !step.applied).map(|step| step.name.as_str()).collect();
    if !pending.is_empty() {
        bail!(
            "the database lacks steps of its schema, and a look takes none: {}. `recado migrate up` takes them, and so does \
             the next start of a gateway of this version",
            pending.join(", ")
        );
    }
    let (store, _recordings) = Store::open(settings).await.context("the database can't be opened")?;
    Ok(store)
}
