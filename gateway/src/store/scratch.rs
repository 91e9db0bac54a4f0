//! A database of its own on somebody's Postgres server, for a while.

use sea_orm::{ConnectionTrait, DatabaseConnection};
use url::form_urlencoded;

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

/// The URL of another database on the same server. A name among the parameters would count before that of the path.
fn beside(url: &str, name: &str) -> String {
    let (place, query) = url.split_once('?').unwrap_or((url, ""));
    let mut pieces = place.splitn(4, '/');
    let server: Vec<&str> = pieces.by_ref().take(3).collect();
    let is_kept = |pair: &&str| form_urlencoded::parse(pair.as_bytes()).all(|(key, _)| key != "dbname");
    let query: Vec<&str> = query.split('&').filter(is_kept).collect();
    let query = query.join("&");
    format!("{}/{name}{}{query}", server.join("/"), if query.is_empty() { "" } else { "?" })
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
            ("postgres://host/a?dbname=recado", "postgres://host/x"),
            ("postgres:///?host=/run&%64bname=recado&user=me", "postgres:///x?host=/run&user=me"),
        ];
        for (url, expected) in cases {
            assert_eq!(beside(url, "x"), expected);
        }
    }
}
