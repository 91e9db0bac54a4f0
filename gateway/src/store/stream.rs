//! What happened, in the order in which it was committed, for whoever listens to it.
//!
//! Several gateways write into one Postgres at once, and an event that was begun earlier may be committed later.
//! So nothing is shown beyond the first transaction that is still under way: what comes then is behind all that was
//! shown before, and nobody who goes on from an event misses one. Postgres knows that for the whole server alone: a
//! long transaction that writes in another database there holds the stream up, too.

use sea_orm::{ConnectionTrait, DbBackend, EntityTrait, FromQueryResult, QueryOrder, QuerySelect, Statement};
use uuid::Uuid;

use super::entities::stream;
use super::events::about;
use super::operations::columns;
use super::{Error, Store};
use crate::message::ConversationId;

/// Between two events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StreamPlace {
    xid: i64,
    id: Uuid,
}

impl StreamPlace {
    /// Before all that is kept.
    pub const START: Self = Self { xid: -1, id: Uuid::nil() };

    /// By what somebody goes on from here: the id of the event before it, or 0.
    pub fn mark(&self) -> String {
        if *self == Self::START { "0".to_owned() } else { self.id.to_string() }
    }
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Streamed {
    pub id: Uuid,
    /// `message.received`, …
    pub kind: String,
    pub conversation_id: Option<ConversationId>,
    /// As endpoints are told it.
    pub body: String,
    /// Right behind it.
    pub place: StreamPlace,
}

impl Store {
    /// Behind all that has happened by now.
    pub async fn stream_end(&self) -> Result<StreamPlace, Error> {
        let backend = self.reads.get_database_backend();
        let sql = format!("SELECT xid, id FROM stream WHERE {} ORDER BY xid DESC, id DESC LIMIT 1", settled(backend));
        let row = self.reads.query_one_raw(Statement::from_string(backend, sql)).await?;
        let Some(row) = row else { return Ok(StreamPlace::START) };
        Ok(StreamPlace { xid: row.try_get("", "xid")?, id: row.try_get("", "id")? })
    }

    /// The newest id that is kept: new ones come after it, also where the clock was set back meanwhile.
    pub async fn newest_in_stream(&self) -> Result<Option<Uuid>, Error> {
        let newest = stream::Entity::find().select_only().column(stream::Column::Id).order_by_desc(stream::Column::Id);
        Ok(newest.into_tuple().one(&self.reads).await?)
    }

    /// Right behind an event; none, if it is not kept any more.
    pub async fn stream_behind(&self, id: Uuid) -> Result<Option<StreamPlace>, Error> {
        let row = stream::Entity::find_by_id(id).one(&self.reads).await?;
        Ok(row.map(|row| StreamPlace { xid: row.xid, id: row.id }))
    }

    /// What happened next, `limit` at the most.
    pub async fn stream_from(&self, place: StreamPlace, limit: u64) -> Result<Vec<Streamed>, Error> {
        let backend = self.reads.get_database_backend();
        let sql = format!(
            "SELECT {} FROM stream WHERE (xid, id) > ($1, $2) AND {} ORDER BY xid, id LIMIT {limit}",
            columns::all::<stream::Entity>(),
            settled(backend)
        );
        let statement = Statement::from_sql_and_values(backend, sql, [place.xid.into(), place.id.into()]);
        let rows = self.reads.query_all_raw(statement).await?;
        let shown = |row| {
            let row = stream::Model::from_query_result(row, "")?;
            Ok(Streamed {
                id: row.id,
                kind: row.kind,
                conversation_id: about(row.conversation_id).map(ConversationId),
                body: row.body,
                place: StreamPlace { xid: row.xid, id: row.id },
            })
        };
        rows.iter().map(shown).collect()
    }
}

/// What nothing more comes before.
fn settled(backend: DbBackend) -> &'static str {
    match backend {
        DbBackend::Postgres => "xid < pg_snapshot_xmin(pg_current_snapshot())::text::bigint",
        _ => "xid >= 0",
    }
}
