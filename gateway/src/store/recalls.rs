//! What providers keep until its time, though somebody took it back, or its recipient has opted out since.

use sea_orm::{ConnectionTrait, Statement};
use uuid::Uuid;

use super::operations::{OF_BUSINESS, OF_CHANNEL};
use super::{Error, Store};
use crate::message::{MessageId, PartId};

/// A part that a provider keeps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptThere {
    pub part_id: PartId,
    pub message_id: MessageId,
    pub channel: String,
    pub provider_id: String,
    pub why: Recall,
}

/// Why it is taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recall {
    /// Nobody knew that the provider had it when it was taken back.
    TakenBack,
    OptedOut,
}

/// How many at a time.
const PAGE: usize = 200;

impl Store {
    /// All that providers keep for later and that is not to go: what was taken back, and what is for people who have
    /// opted out. Found by what is known by now, whoever put that down and however: what was just being handed over
    /// then is found, too.
    pub async fn kept_in_vain(&self) -> Result<Vec<KeptThere>, Error> {
        let mut kept = Vec::new();
        loop {
            let after = kept.last().map_or(Uuid::nil(), |last: &KeptThere| last.part_id.0);
            let page = self.kept_after(after).await?;
            let goes_on = page.len() == PAGE;
            kept.extend(page);
            if !goes_on {
                return Ok(kept);
            }
        }
    }

    async fn kept_after(&self, after: Uuid) -> Result<Vec<KeptThere>, Error> {
        let opted_out = if self.reporting.rules().is_business_wide() { OF_BUSINESS } else { OF_CHANNEL };
        // The status first word for word as the partial index has it, so that SQLite uses it.
        let sql = format!(
            "SELECT due.id, due.message_id, due.channel, due.provider_id, due.taken_back_at FROM parts AS due \
             WHERE due.status = 'scheduled' AND due.id > $1 AND due.state = 'settled' AND due.provider_id IS NOT NULL \
             AND (due.taken_back_at IS NOT NULL OR (NOT due.confirms AND ({opted_out}) IS NOT NULL)) \
             ORDER BY due.id LIMIT {PAGE}"
        );
        let backend = self.reads.get_database_backend();
        let rows = self.reads.query_all_raw(Statement::from_sql_and_values(backend, sql, [after.into()])).await?;
        let kept = |row: &sea_orm::QueryResult| -> Result<KeptThere, sea_orm::DbErr> {
            let taken_back_at: Option<i64> = row.try_get("", "taken_back_at")?;
            Ok(KeptThere {
                part_id: PartId(row.try_get("", "id")?),
                message_id: MessageId(row.try_get("", "message_id")?),
                channel: row.try_get("", "channel")?,
                provider_id: row.try_get("", "provider_id")?,
                why: if taken_back_at.is_some() { Recall::TakenBack } else { Recall::OptedOut },
            })
        };
        Ok(rows.iter().map(kept).collect::<Result<_, _>>()?)
    }
}
