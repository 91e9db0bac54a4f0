//! How much went in and out lately, and what became of it: one look at the messages of a few days.

use jiff::Timestamp;
use sea_orm::{ConnectionTrait, Statement};

use super::reads::lowest_id;
use super::{Error, Store};
use crate::message::{Direction, Status};

/// How many messages of a day went one way and came to the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Volume {
    /// Days since the first of 1970, at the place that the offset is of.
    pub day: i64,
    pub channel: String,
    pub direction: Direction,
    pub status: Status,
    pub error_code: Option<i32>,
    pub messages: u64,
    /// Of those that were delivered: how long that took altogether, in milliseconds.
    pub took_ms: u64,
}

impl Store {
    /// Of the messages since then; days begin so many milliseconds before those of UTC.
    pub async fn volume(&self, since: Timestamp, offset_ms: i64) -> Result<Vec<Volume>, Error> {
        let sql = "SELECT (created_at + $1) / 86400000 AS day, channel, direction, status, error_code, \
                   COUNT(*) AS messages, \
                   CAST(COALESCE(SUM(delivered_at - COALESCE(send_at, created_at)), 0) AS BIGINT) AS took \
                   FROM messages WHERE id >= $2 AND created_at >= $3 GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2, 3, 4, 5";
        let values = [offset_ms.into(), lowest_id(since).into(), since.as_millisecond().into()];
        let statement = Statement::from_sql_and_values(self.reads.get_database_backend(), sql, values);
        let mut found = Vec::new();
        for row in self.reads.query_all_raw(statement).await? {
            let direction: String = row.try_get("", "direction")?;
            let status: String = row.try_get("", "status")?;
            found.push(Volume {
                day: row.try_get("", "day")?,
                channel: row.try_get("", "channel")?,
                direction: if direction == "inbound" { Direction::Inbound } else { Direction::Outbound },
                status: super::operations::read(&status),
                error_code: row.try_get("", "error_code")?,
                messages: u64::try_from(row.try_get::<i64>("", "messages")?).unwrap_or(0),
                took_ms: u64::try_from(row.try_get::<i64>("", "took")?).unwrap_or(0),
            });
        }
        Ok(found)
    }
}
