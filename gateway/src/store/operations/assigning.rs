//! Whose turn it is to look after a conversation that nobody looks after.

use sea_orm::{ConnectionTrait, DatabaseTransaction, Statement};
use uuid::Uuid;

use crate::store::Error;
use crate::store::reporting::Reporting;

/// Who looks after a conversation by the tags that it has got now.
pub(super) async fn by_tags(
    transaction: &DatabaseTransaction,
    before: &serde_json::Value,
    after: &serde_json::Value,
    reporting: &Reporting,
) -> Result<Option<String>, Error> {
    let tags = |json: &serde_json::Value| serde_json::from_value::<Vec<String>>(json.clone()).unwrap_or_default();
    let rules = reporting.handling();
    if rules.assign.is_empty() {
        return Ok(None);
    }
    let Some(names) = rules.assignees(&tags(before), &tags(after)) else { return Ok(None) };
    if let [only] = names {
        return Ok(Some(only.clone()));
    }
    let mut next: Option<(i64, Option<Uuid>, &String)> = None;
    for name in names {
        let (open, newest) = load(transaction, name).await?;
        // Nobody's newest is before all others; of those who are equal, the first of the list stays.
        if next.is_none_or(|(fewest, oldest, _)| (open, newest) < (fewest, oldest)) {
            next = Some((open, newest, name));
        }
    }
    Ok(next.map(|(_, _, name)| name.clone()))
}

/// Who looks after so many is not counted further.
const MANY: u32 = 1_000;

/// How many open conversations somebody looks after, up to a limit, and the newest of all that they ever had, whose id tells when it
/// began.
async fn load(transaction: &DatabaseTransaction, name: &str) -> Result<(i64, Option<Uuid>), Error> {
    // Word for word the conditions of the partial indexes, so that SQLite uses them.
    let sql = format!(
        "SELECT (SELECT COUNT(*) FROM (SELECT 1 FROM conversations WHERE assignee IS NOT NULL AND status <> 'closed' \
         AND assignee = $1 LIMIT {MANY}) AS counted) AS number, (SELECT id FROM conversations \
         WHERE assignee IS NOT NULL AND assignee = $1 ORDER BY id DESC LIMIT 1) AS newest"
    );
    let statement = Statement::from_sql_and_values(transaction.get_database_backend(), sql, [name.into()]);
    let Some(row) = transaction.query_one_raw(statement).await? else { return Ok((0, None)) };
    Ok((row.try_get("", "number")?, row.try_get("", "newest")?))
}
