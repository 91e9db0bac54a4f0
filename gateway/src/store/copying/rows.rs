//! Rows of any table: reading them in the order of their key, writing them, and what they come to in a checksum.
//!
//! Both databases are read in the same order: ids and texts byte by byte, whatever language a Postgres sorts by.

use futures::{Stream, StreamExt};
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, QueryResult, Statement, StreamTrait,
    Value,
};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::Error;
use super::tables::{Kind, Table};

pub(in crate::store) type Row = Vec<Value>;

/// The most rows in one page.
const PAGE: usize = 500;
/// SQLite takes 32,766 values in one statement, Postgres 65,535.
const VALUES: usize = 32_000;

impl Table {
    /// How many rows are written in one transaction.
    pub(in crate::store) fn page(&self) -> usize {
        PAGE.min(VALUES / self.columns.len().max(1))
    }

    pub(in crate::store) async fn count(&self, connection: &impl ConnectionTrait) -> Result<u64, DbErr> {
        let sql = format!("SELECT COUNT(*) FROM {}", quoted(&self.name));
        let statement = Statement::from_string(connection.get_database_backend(), sql);
        let row = connection.query_one_raw(statement).await?;
        let count: i64 = row.map(|row| row.try_get_by_index(0)).transpose()?.unwrap_or(0);
        Ok(u64::try_from(count).unwrap_or(0))
    }

    pub(in crate::store) async fn is_empty(&self, connection: &impl ConnectionTrait) -> Result<bool, DbErr> {
        let sql = format!("SELECT 1 FROM {} LIMIT 1", quoted(&self.name));
        let statement = Statement::from_string(connection.get_database_backend(), sql);
        Ok(connection.query_one_raw(statement).await?.is_none())
    }

    /// The greatest key there is: as far as a copy has come.
    pub(in crate::store) async fn last_key(&self, connection: &DatabaseConnection) -> Result<Option<Row>, DbErr> {
        let backend = ConnectionTrait::get_database_backend(connection);
        let order: Vec<String> = self.ordered(backend).iter().map(|part| format!("{part} DESC")).collect();
        let sql = format!("{} ORDER BY {} LIMIT 1", self.selected(), order.join(", "));
        let Some(row) = connection.query_one_raw(Statement::from_string(backend, sql)).await? else { return Ok(None) };
        let row = self.decode(&row)?;
        Ok(Some(self.key.iter().filter_map(|place| row.get(*place).cloned()).collect()))
    }

    /// All rows whose key is greater, in the order of their keys.
    pub(in crate::store) async fn read<'a>(
        &'a self,
        connection: &'a (impl ConnectionTrait + StreamTrait),
        after: Option<Row>,
    ) -> Result<impl Stream<Item = Result<Row, DbErr>> + Send + 'a, DbErr> {
        let backend = ConnectionTrait::get_database_backend(connection);
        let order = self.ordered(backend).join(", ");
        let after = after.unwrap_or_default();
        let places: Vec<String> = (1..=after.len()).map(|number| format!("${number}")).collect();
        let beyond =
            if places.is_empty() { String::new() } else { format!(" WHERE ({order}) > ({})", places.join(", ")) };
        let sql = format!("{}{beyond} ORDER BY {order}", self.selected());
        let rows = connection.stream_raw(Statement::from_sql_and_values(backend, sql, after)).await?;
        Ok(rows.map(move |row| self.decode(&row?)))
    }

    pub(in crate::store) async fn insert(
        &self,
        transaction: &DatabaseTransaction,
        rows: Vec<Row>,
    ) -> Result<(), DbErr> {
        let backend = ConnectionTrait::get_database_backend(transaction);
        let (width, height) = (self.columns.len(), rows.len());
        let place = |number: usize| match (backend, self.columns[number % width].kind) {
            (DbBackend::Postgres, Some(Kind::Json)) => format!("CAST(${} AS JSON)", number + 1),
            _ => format!("${}", number + 1),
        };
        let places: Vec<String> = (0..height)
            .map(|row| format!("({})", (row * width..(row + 1) * width).map(place).collect::<Vec<_>>().join(", ")))
            .collect();
        let names: Vec<String> = self.columns.iter().map(|column| quoted(&column.name)).collect();
        let sql = format!("INSERT INTO {} ({}) VALUES {}", quoted(&self.name), names.join(", "), places.join(", "));
        let values: Vec<Value> = rows.into_iter().flatten().collect();
        transaction.execute_raw(Statement::from_sql_and_values(backend, sql, values)).await.map(drop)
    }

    /// Puts something in the place of NUL, which Postgres takes in no text; whether there was any.
    pub(super) fn make_storable(&self, row: &mut Row) -> Result<bool, Error> {
        let mut changed = false;
        for (place, value) in row.iter_mut().enumerate() {
            let Value::String(Some(text)) = value else { continue };
            if !text.contains('\0') {
                continue;
            }
            if self.key.contains(&place) {
                return Err(Error::NulInKey { table: self.name.clone() });
            }
            *text = crate::store::operations::storable(text);
            changed = true;
        }
        Ok(changed)
    }

    fn selected(&self) -> String {
        let columns = self.columns.iter().map(|column| match column.kind {
            // As it is written: what is parsed and written again might be another text.
            Some(Kind::Json) => format!("CAST({} AS TEXT)", quoted(&column.name)),
            _ => quoted(&column.name),
        });
        format!("SELECT {} FROM {}", columns.collect::<Vec<_>>().join(", "), quoted(&self.name))
    }

    fn ordered(&self, backend: DbBackend) -> Vec<String> {
        let keys = self.key.iter().map(|place| &self.columns[*place]);
        keys.map(|column| match (backend, column.kind) {
            (DbBackend::Postgres, Some(Kind::Text)) => format!("{} COLLATE \"C\"", quoted(&column.name)),
            _ => quoted(&column.name),
        })
        .collect()
    }

    fn decode(&self, row: &QueryResult) -> Result<Row, DbErr> {
        let value = |(place, column): (usize, &super::tables::Column)| -> Result<Value, DbErr> {
            Ok(match column.kind {
                Some(Kind::Uuid) => row.try_get_by_index::<Option<Uuid>>(place)?.into(),
                Some(Kind::Integer) => row.try_get_by_index::<Option<i32>>(place)?.into(),
                Some(Kind::BigInteger) => row.try_get_by_index::<Option<i64>>(place)?.into(),
                Some(Kind::Text | Kind::Json) => row.try_get_by_index::<Option<String>>(place)?.into(),
                Some(Kind::Boolean) => row.try_get_by_index::<Option<bool>>(place)?.into(),
                Some(Kind::Bytes) => row.try_get_by_index::<Option<Vec<u8>>>(place)?.into(),
                None => {
                    let column = format!("{}.{} is of a kind that no copy knows", self.name, column.name);
                    return Err(DbErr::Custom(column));
                }
            })
        };
        self.columns.iter().enumerate().map(value).collect()
    }
}

/// What the rows of a table come to, in order.
#[derive(Clone, Default)]
pub(in crate::store) struct Sum {
    hasher: Sha256,
    pub(in crate::store) rows: u64,
}

impl Sum {
    /// Every value has its kind and its length in front, so that no two rows come to the same bytes.
    pub(in crate::store) fn add(&mut self, row: &Row) {
        self.rows += 1;
        for value in row {
            match value {
                Value::Uuid(Some(id)) => self.field(b'u', id.as_bytes()),
                Value::Int(Some(number)) => self.field(b'i', &i64::from(*number).to_be_bytes()),
                Value::BigInt(Some(number)) => self.field(b'i', &number.to_be_bytes()),
                Value::String(Some(text)) => self.field(b't', text.as_bytes()),
                Value::Bool(Some(bit)) => self.field(b'b', &[u8::from(*bit)]),
                Value::Bytes(Some(bytes)) => self.field(b'x', bytes),
                _ => self.field(b'n', &[]),
            }
        }
    }

    fn field(&mut self, kind: u8, bytes: &[u8]) {
        self.hasher.update([kind]);
        self.hasher.update(u64::try_from(bytes.len()).unwrap_or(u64::MAX).to_be_bytes());
        self.hasher.update(bytes);
    }

    /// SHA-256, in hex.
    pub(in crate::store) fn checksum(self) -> String {
        hex::encode(self.hasher.finalize())
    }
}

fn quoted(name: &str) -> String {
    format!("\"{name}\"")
}
