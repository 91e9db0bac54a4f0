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
    /// What kept it from being sent: the gate's code, or `plugin`.
    pub refused_for: Option<String>,
    /// Of those that were delivered: that it took so many milliseconds at the most, of a few steps;
    /// `i64::MAX` for longer.
    pub took_at_most_ms: Option<i64>,
    pub messages: u64,
}

/// Steps between half a second and four hours, in milliseconds.
const STEPS: [i64; 15] = [
    500, 1_000, 2_000, 3_000, 5_000, 8_000, 13_000, 20_000, 30_000, 60_000, 120_000, 300_000, 900_000, 3_600_000,
    14_400_000,
];

/// The step that a delivery fell into.
fn step() -> String {
    let took = "delivered_at - COALESCE(send_at, created_at)";
    let steps: Vec<String> = STEPS.iter().map(|step| format!("WHEN {took} <= {step} THEN {step}")).collect();
    format!("CASE WHEN delivered_at IS NULL THEN NULL {} ELSE {} END", steps.join(" "), i64::MAX)
}

impl Store {
    /// Of the messages since then; days begin so many milliseconds before those of UTC.
    pub async fn volume(&self, since: Timestamp, offset_ms: i64) -> Result<Vec<Volume>, Error> {
        let sql = format!(
            "SELECT (created_at + $1) / 86400000 AS day, channel, direction, status, error_code, \
             CASE WHEN rejected_by IS NOT NULL THEN 'plugin' ELSE refused_for END AS kept_back, \
             CAST({} AS BIGINT) AS took, COUNT(*) AS messages FROM messages WHERE id >= $2 AND created_at >= $3 \
             GROUP BY 1, 2, 3, 4, 5, 6, 7 ORDER BY 1, 2, 3, 4, 5, 6, 7",
            step()
        );
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
                refused_for: row.try_get("", "kept_back")?,
                took_at_most_ms: row.try_get("", "took")?,
                messages: u64::try_from(row.try_get::<i64>("", "messages")?).unwrap_or(0),
            });
        }
        Ok(found)
    }
}
