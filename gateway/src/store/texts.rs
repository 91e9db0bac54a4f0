//! What was said in conversations, for whoever looks for a word. An index of all words would double what every message
//! costs: the newest messages are gone through instead, so far and no further.

use std::collections::BTreeMap;

use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait};
use uuid::Uuid;

use super::Error;
use super::entities::{conversations, messages};
use super::searching::holds;

/// How many messages are looked through.
const SEARCHED: u64 = 20_000;
/// In how many conversations something is found at the most: whoever finds more is helped by none of them.
const MOST: usize = 500;
/// How many texts that have it are read at once.
const SOME: u64 = 1_000;

/// In which of these conversations the piece was said lately; and the newest text of each that has it.
pub(super) async fn said(
    database: &impl ConnectionTrait,
    piece: &str,
    among: &Condition,
) -> Result<BTreeMap<Uuid, String>, Error> {
    use messages::Column;
    let among = || {
        let of_it = conversations::Entity::find()
            .select_only()
            .column(conversations::Column::Id)
            .filter(Expr::cust("conversations.id = messages.conversation_id"))
            .filter(among.clone());
        (!among.is_empty()).then(|| Expr::exists(of_it.into_query()))
    };
    let newest_first = || messages::Entity::find().select_only().order_by_desc(Column::Id);
    let last = newest_first().column(Column::Id).offset(SEARCHED - 1).limit(1);
    let end: Option<Uuid> = last.into_tuple().one(database).await?;
    let mut found = BTreeMap::new();
    let mut before: Option<Uuid> = None;
    loop {
        let reach = Condition::all()
            .add_option(end.map(|end| Column::Id.gte(end)))
            .add_option(before.map(|before| Column::Id.lt(before)));
        let some = newest_first()
            .columns([Column::Id, Column::ConversationId, Column::Text])
            .filter(reach)
            .filter(holds(database.get_database_backend(), "messages.text", piece))
            .filter(Column::DeletedAt.is_null())
            .filter(Condition::all().add_option(among()))
            .limit(SOME);
        let some: Vec<(Uuid, Uuid, String)> = some.into_tuple().all(database).await?;
        before = some.last().map(|(id, ..)| *id).filter(|_| u64::try_from(some.len()).is_ok_and(|some| some == SOME));
        for (_, conversation, text) in some {
            if found.len() == MOST {
                return Ok(found);
            }
            found.entry(conversation).or_insert(text);
        }
        if before.is_none() {
            return Ok(found);
        }
    }
}
