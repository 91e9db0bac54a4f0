//! What Postgres knows of its tables: how it reads them follows from that, and from when it was asked first. Its own
//! worker looks at a table a minute or so after it grew (<https://www.postgresql.org/docs/current/routine-vacuuming.html>),
//! and until then what was planned for an empty table is done with thousands of rows, at twice the cost and more. So a
//! gateway has those looked at that have just become twice as large.

use std::collections::BTreeMap;
use std::time::Duration;

use sea_orm::{ConnectionTrait, DbBackend, FromQueryResult, Statement};
use tokio::sync::watch;
use tokio::time::sleep;

use super::{Error, Store, copying};

/// How often it looks; that costs what a look at the size of some fifty files does.
const LOOK: Duration = Duration::from_secs(2);
/// With fewer pages any way is as good as another.
const FEW: i64 = 8;

/// How large a table is, in pages, and was when Postgres looked at it last.
#[derive(Clone, Debug, PartialEq, Eq, FromQueryResult)]
pub(super) struct Size {
    name: String,
    pages: i64,
    known: i64,
}

/// What each table was when it was tried.
pub(super) type Tried = BTreeMap<String, Size>;

/// The tables that have become twice as large since they were looked at. What belongs to somebody else, or is being looked
/// at, is not; it is not tried again and again.
fn grown(sizes: Vec<Size>, tried: &Tried) -> Vec<Size> {
    let is_due = |size: &Size| {
        let before = tried.get(&size.name).filter(|before| before.known == size.known);
        let looked_at = before.map_or(size.known, |before| before.pages.max(size.known));
        size.pages > looked_at.saturating_mul(2).saturating_add(FEW)
    };
    sizes.into_iter().filter(is_due).collect()
}

impl Store {
    /// Looks after that until told to stop. Ends at once on a database that needs no such thing.
    pub async fn know_tables(self, mut stop: watch::Receiver<bool>) {
        if self.reads.get_database_backend() != DbBackend::Postgres {
            return;
        }
        let for_ever = async {
            let mut tried = Tried::new();
            loop {
                if let Err(error) = self.look_at_grown(&mut tried).await {
                    tracing::debug!(%error, "Postgres has not looked at its tables");
                }
                sleep(LOOK).await;
            }
        };
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => {}
            () = for_ever => {}
        }
    }

    /// Which tables Postgres has looked at now.
    pub(super) async fn look_at_grown(&self, tried: &mut Tried) -> Result<Vec<String>, Error> {
        let sizes = Size::find_by_statement(Statement::from_string(DbBackend::Postgres, SIZES));
        let mut sizes = sizes.all(&self.reads).await?;
        // There may be tables of others.
        let ours = copying::tables::all();
        sizes.retain(|size| ours.iter().any(|table| table.name == size.name));
        let mut looked_at = Vec::new();
        for size in grown(sizes, tried) {
            self.reads.execute_unprepared(&format!("ANALYZE (SKIP_LOCKED) \"{}\"", size.name)).await?;
            looked_at.push(size.name.clone());
            tried.insert(size.name.clone(), size);
        }
        Ok(looked_at)
    }
}

const SIZES: &str = "SELECT relname::text AS name, \
    pg_relation_size(oid) / current_setting('block_size')::bigint AS pages, relpages::bigint AS known \
    FROM pg_class WHERE relkind = 'r' \
    AND relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = current_schema())";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_looked_at_each_time_that_it_has_doubled() {
        let size = |pages, known| Size { name: "parts".to_owned(), pages, known };
        for (now, tried, is_due) in [
            (size(8, 0), None, false),
            (size(9, 0), None, true),
            (size(28, 10), None, false),
            (size(29, 10), None, true),
            (size(29, 0), Some(size(10, 0)), true),
            (size(28, 0), Some(size(10, 0)), false),
            (size(28, 9), Some(size(28, 0)), true),
            (size(3, 1_000), None, false),
        ] {
            let before = tried.iter().cloned().map(|size| (size.name.clone(), size)).collect();
            assert_eq!(!grown(vec![now.clone()], &before).is_empty(), is_due, "{now:?} {tried:?}");
        }
    }
}
