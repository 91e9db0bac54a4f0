//! Keeping `recado dev` apart from a gateway that is meant: on one database, the messages of either would go the way of
//! the other's.
//!
//! A folder is the development gateway's when its file is there, from before the database is.

use std::path::Path;

use super::Usage;
use super::call::DEV_FILE;
use crate::config::Config;

/// What a gateway keeps in a folder.
const KEPT: [&str; 3] = ["recado.db", "journal", "media"];

/// Refuses what another gateway keeps.
pub(super) fn for_development(data: &Path) -> Result<(), Usage> {
    if data.join(DEV_FILE).exists() {
        return Ok(());
    }
    match KEPT.iter().map(|name| data.join(name)).find(|path| path.exists()) {
        None => Ok(()),
        Some(kept) => Err(Usage(format!(
            "{} is not of `recado dev`, since there is no {DEV_FILE} beside it, and a gateway's messages would go to the \
             local Twilio: name another folder with --data, or delete this one if nobody needs it",
            kept.display()
        ))),
    }
}

/// Refuses what a development gateway keeps.
pub(super) fn for_real(config: &Config) -> Result<(), Usage> {
    let places = [("database.url", config.database.file()), ("journal.path", Some(config.journal.path.as_path()))];
    for (key, path) in places {
        let Some(path) = path else { continue };
        let Some(folder) = path.parent().filter(|folder| folder.join(DEV_FILE).exists()) else { continue };
        return Err(Usage(format!(
            "{} (`{key}`) is of `recado dev`, since there is a {DEV_FILE} in {}, and what was tried out there would go to \
             real people: name another place with `{key}`; or take {DEV_FILE} away, if it is a real gateway's by now",
            path.display(),
            if folder.as_os_str().is_empty() { Path::new(".") } else { folder }.display()
        )));
    }
    Ok(())
}
