//! What Postgres knows of its tables: how it reads them follows from that, and from when it was asked first. Its own
//! worker looks at a table a minute or so after it grew (<https://www.postgresql.org/docs/current/routine-vacuuming.html>),
//! and until then what was planned for an empty table is done with thousands of rows, at twice the cost and more. So a
//! gateway has those looked at that have just become twice as large.

use std::collections::BTreeMap;
use std::time::Duration;

use sea_orm::{ConnectionTrait, DbBackend, FromQueryResult, Statement};
use tokio::sync::watch;
use tokio::time::sleep;

use super::{Error, Store};

/// How often it looks; that costs what a look at the size of some fifty files does.
const LOOK: Duration = Duration::from_secs(2);
/// With fewer pages any way is as good as another.
const FEW: i64 = 8;

/// How large a table is, in pages, and was when Postgres looked at it last.
#[derive(Clone, Debug, PartialEq, Eq, FromQueryResult)]
struct Size {
    name: String,
    pages: i64,
    known: i64,
}

/// The tables that have become twice as large since they were looked at, or since it was tried. What belongs to
/// somebody else can't be looked at, and is not tried again and again.
fn grown(sizes: Vec<Size>, tried: &BTreeMap<String, i64>) -> Vec<Size> {
    let looked_at = |size: &Size| size.known.max(tried.get(&size.name).copied().unwrap_or(0));
    sizes.into_iter().filter(|size| size.pages > looked_at(size).saturating_mul(2).saturating_add(FEW)).collect()
}

impl Store {
    /// Looks after that until told to stop. Ends at once on a database that needs no such thing.
    pub async fn know_tables(self, mut stop: watch::Receiver<bool>) {
        if self.reads.get_database_backend() != DbBackend::Postgres {
            return;
        }
        let for_ever = async {
            let mut tried = BTreeMap::new();
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
    pub(super) async fn look_at_grown(&self, tried: &mut BTreeMap<String, i64>) -> Result<Vec<String>, Error> {
        let sizes =
            Size::find_by_statement(Statement::from_string(DbBackend::Postgres, SIZES)).all(&self.reads).await?;
        let mut looked_at = Vec::new();
        for size in grown(sizes, tried) {
            tried.insert(size.name.clone(), size.pages);
            self.reads.execute_unprepared(&format!("ANALYZE \"{}\"", size.name)).await?;
            looked_at.push(size.name);
        }
        Ok(looked_at)
    }
}

const SIZES: &str = "SELECT relname::text AS name, \
    pg_relation_size(oid) / current_setting('block_size')::bigint AS pages, relpages::bigint AS known \
    FROM pg_class WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_looked_at_each_time_that_it_has_doubled() {
        let size = |pages, known| Size { name: "parts".to_owned(), pages, known };
        for (pages, known, tried, is_due) in [
            (8, 0, None, false),
            (9, 0, None, true),
            (28, 10, None, false),
            (29, 10, None, true),
            (29, 0, Some(10), true),
            (28, 0, Some(10), false),
            (3, 1_000, None, false),
        ] {
            let tried = tried.into_iter().map(|pages| ("parts".to_owned(), pages)).collect();
            assert_eq!(!grown(vec![size(pages, known)], &tried).is_empty(), is_due, "{pages} {known} {tried:?}");
        }
    }
}
