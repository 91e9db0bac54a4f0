//! Fresh databases on the Postgres server that `RECADO_TEST_POSTGRES` names.

use std::sync::atomic::{AtomicUsize, Ordering};

use sea_orm::{ConnectionTrait, Database, DbBackend, Statement};

use crate::Must;
use crate::background::block;

/// How many databases this process has made.
static COUNT: AtomicUsize = AtomicUsize::new(0);

/// A database of its own for one test; dropped when this is.
pub struct FreshDatabase {
    server: String,
    name: String,
}

impl FreshDatabase {
    /// None where there is no server.
    pub fn create() -> Option<Self> {
        let server = std::env::var_os("RECADO_TEST_POSTGRES")?.into_string().ok().filter(|url| !url.is_empty())?;
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("recado_test_{}_{number}", std::process::id());
        let database = Self { server, name };
        database.execute(format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", database.name));
        database.execute(format!("CREATE DATABASE {}", database.name));
        Some(database)
    }

    /// The server's URL, with this database in place of the one it names.
    pub fn url(&self) -> String {
        let (server, query) = self.server.split_once('?').unwrap_or((&self.server, ""));
        let host = server.splitn(4, '/').take(3).collect::<Vec<_>>().join("/");
        let query = if query.is_empty() { String::new() } else { format!("?{query}") };
        format!("{host}/{}{query}", self.name)
    }

    /// What it takes on the disk, without the server's log.
    pub(crate) fn bytes(&self) -> u64 {
        self.number("SELECT pg_database_size(current_database()) AS number")
    }

    /// How many tables it has.
    pub fn tables(&self) -> u64 {
        self.number("SELECT count(*) AS number FROM pg_tables WHERE schemaname = 'public'")
    }

    /// How many databases on the same server have a name that begins like this.
    pub fn beside(&self, name: &str) -> u64 {
        self.number(&format!("SELECT count(*) AS number FROM pg_database WHERE starts_with(datname, '{name}')"))
    }

    fn number(&self, sql: &str) -> u64 {
        let (url, statement) = (self.url(), Statement::from_string(DbBackend::Postgres, sql));
        let read = block(async move {
            let connection = Database::connect(url).await?;
            let row = connection.query_one_raw(statement).await?;
            connection.close().await?;
            row.map_or(Ok(0), |row| row.try_get::<i64>("", "number"))
        });
        u64::try_from(read.must("a number of the database")).unwrap_or(0)
    }

    fn execute(&self, sql: String) {
        let server = self.server.clone();
        let done = block(async move {
            let connection = Database::connect(server).await?;
            connection.execute_unprepared(&sql).await?;
            connection.close().await
        });
        done.must("the Postgres server of RECADO_TEST_POSTGRES");
    }
}

impl Drop for FreshDatabase {
    fn drop(&mut self) {
        self.execute(format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name));
    }
}
