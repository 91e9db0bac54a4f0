//! The database: that it answers, takes writes, has every step, and has room to grow.

use std::collections::BTreeMap;
use std::path::Path;

use rustix::fs::{Access, access, statvfs};
use serde_json::Value;

use crate::channels::Finding;
use crate::store::{self, Seen};

/// Less room than this is told.
const LOW: u64 = 512 * 1024 * 1024;

/// `endpoints` are those of the settings: of others, nobody needs to know.
/// With the findings comes what is kept of plugins' configurations.
pub(super) async fn examine(settings: &store::Settings, endpoints: &[&str]) -> (Vec<Finding>, BTreeMap<String, Value>) {
    let inspection = match store::inspect(settings).await {
        Ok(inspection) => inspection,
        Err(error) => {
            let remedy = "check `database.url`, that the server runs or the file is a database, and who may use it";
            return (vec![Finding::failed("database", error.to_string(), remedy)], BTreeMap::new());
        }
    };
    let mut findings = Vec::new();
    if let Some(folder) = inspection.file.as_deref().and_then(Path::parent) {
        findings.extend(disk(folder));
    }
    if let Some(seen) = &inspection.seen {
        findings.extend(database(seen, endpoints));
    } else {
        let finding = "there is no database yet; the next `recado serve` makes it";
        findings.push(Finding::warning("database", finding, "`recado migrate up` makes it now"));
    }
    (findings, inspection.seen.map(|seen| seen.plugin_configs).unwrap_or_default())
}

fn database(seen: &Seen, endpoints: &[&str]) -> Vec<Finding> {
    let writes = match &seen.not_writable {
        None => Finding::ok("database", "the database answers and takes writes"),
        Some(reason) => {
            let remedy = "let the gateway's user write to it and make tables in it";
            Finding::failed("database", format!("the database takes no writes: {reason}"), remedy)
        }
    };
    let steps = if seen.pending.is_empty() {
        Finding::ok("database.schema", "the schema is up to date")
    } else {
        let finding = format!("the schema lacks {}", seen.pending.join(", "));
        Finding::warning("database.schema", finding, "`recado migrate up`, or the next start, takes these steps")
    };
    let paused = seen.paused.iter().map(|channel| {
        let remedy = format!("`recado channel resume {channel}`, when it shall send again");
        Finding::warning(format!("channels.{channel}.paused"), "somebody paused it: nothing is sent by it", remedy)
    });
    let disabled = seen.disabled.iter().filter(|endpoint| endpoints.contains(&endpoint.as_str())).map(|endpoint| {
        let finding = "it failed for too long or said that it is gone: it is told nothing";
        let remedy = format!("`recado endpoint enable {endpoint}`, when it answers again; what waits is told then");
        Finding::warning(format!("endpoints.{endpoint}"), finding, remedy)
    });
    [writes, steps].into_iter().chain(paused).chain(disabled).collect()
}

/// The folder of an SQLite file, or the one that it would be made in.
fn disk(folder: &Path) -> Option<Finding> {
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let made = folder.ancestors().find(|folder| folder.exists()).unwrap_or(Path::new("."));
    let made = if made.as_os_str().is_empty() { Path::new(".") } else { made };
    let shown = made.display();
    if access(made, Access::WRITE_OK).is_err() {
        let remedy = "SQLite keeps files beside the database: let the gateway's user write to the folder";
        return Some(Finding::failed("database.folder", format!("the folder {shown} can't be written to"), remedy));
    }
    let room = statvfs(made).ok()?;
    Some(room_left(&shown.to_string(), room.f_bavail.saturating_mul(room.f_frsize)))
}

fn room_left(folder: &str, bytes: u64) -> Finding {
    let finding = format!("the folder {folder} can be written to and has {} MiB left", bytes / (1024 * 1024));
    if bytes < LOW {
        return Finding::warning("database.folder", finding, "make room: a full disk turns webhooks away");
    }
    Finding::ok("database.folder", finding)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::channels::State;

    #[test]
    fn little_room_is_told() {
        assert_eq!(room_left("data", LOW).state, State::Ok);
        let low = room_left("data", LOW - 1);
        assert_eq!(low.state, State::Warning);
        assert!(low.finding.contains("511 MiB"), "{low:?}");
    }

    #[test]
    fn what_the_database_lacks_is_told() {
        let states = |pending: &[&str], not_writable: Option<&str>, paused: &[&str], disabled: &[&str]| {
            let pending = pending.iter().map(|step| (*step).to_owned()).collect();
            let paused = paused.iter().map(|channel| (*channel).to_owned()).collect();
            let disabled = disabled.iter().map(|endpoint| (*endpoint).to_owned()).collect();
            let not_writable = not_writable.map(str::to_owned);
            let found =
                database(&Seen { pending, not_writable, paused, disabled, plugin_configs: BTreeMap::new() }, &["crm"]);
            found.iter().map(|finding| finding.state).collect::<Vec<_>>()
        };
        assert_eq!(states(&[], None, &[], &[]), [State::Ok, State::Ok]);
        assert_eq!(states(&["m1"], None, &[], &[]), [State::Ok, State::Warning]);
        assert_eq!(states(&[], Some("readonly"), &[], &[]), [State::Failed, State::Ok]);
        assert_eq!(states(&[], None, &["sms"], &[]), [State::Ok, State::Ok, State::Warning]);
        assert_eq!(states(&[], None, &[], &["crm", "no longer there"]), [State::Ok, State::Ok, State::Warning]);
    }

    #[test]
    fn a_folder_that_is_still_to_be_made_is_judged_by_the_one_it_will_be_in() {
        let folder = tempfile::tempdir().unwrap();
        let found = disk(&folder.path().join("deep/er")).unwrap();
        assert!(found.state != State::Failed && found.finding.contains(&folder.path().display().to_string()));
    }
}
