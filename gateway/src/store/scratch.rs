//! A database of its own on somebody's Postgres server, for a while.

use sea_orm::{ConnectionTrait, DatabaseConnection};

use super::Error;
use super::connect::{self, Use};

/// A new, empty database beside the one that a URL names. It stays until it is removed.
pub struct Scratch {
    server: String,
    name: String,
}

impl Scratch {
    /// `number` tells it from others.
    pub async fn create(server: &str, number: u64) -> Result<Self, Error> {
        let scratch = Self { server: server.to_owned(), name: format!("recado_bench_{number:016x}") };
        let connection = scratch.connect().await?;
        connection.execute_unprepared(&format!("CREATE DATABASE {}", scratch.name)).await?;
        connection.close().await?;
        Ok(scratch)
    }

    pub fn url(&self) -> String {
        beside(&self.server, &self.name)
    }

    /// Removes it with all that is in it, whoever still uses it.
    pub async fn remove(&self) -> Result<(), Error> {
        let connection = self.connect().await?;
        connection.execute_unprepared(&format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name)).await?;
        Ok(connection.close().await?)
    }

    async fn connect(&self) -> Result<DatabaseConnection, Error> {
        connect::connect(&self.server, 1, Use::Writing).await
    }
}

/// The URL of another database on the same server.
fn beside(url: &str, name: &str) -> String {
    let (place, query) = url.split_once('?').map_or((url, None), |(place, query)| (place, Some(query)));
    let mut pieces = place.splitn(4, '/');
    let server: Vec<&str> = pieces.by_ref().take(3).collect();
    let query = query.map(|query| format!("?{query}")).unwrap_or_default();
    format!("{}/{name}{query}", server.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_database_is_on_the_same_server() {
        let cases = [
            ("postgres://a:b@host:5432/recado", "postgres://a:b@host:5432/x"),
            ("postgres://host", "postgres://host/x"),
            ("postgres://host/?host=/run/postgresql", "postgres://host/x?host=/run/postgresql"),
        ];
        for (url, expected) in cases {
            assert_eq!(beside(url, "x"), expected);
        }
    }
}
