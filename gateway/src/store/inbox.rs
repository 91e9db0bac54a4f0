//! Conversations as people go through them: what happened last comes first.

use std::collections::BTreeMap;

use jiff::Timestamp;
use sea_orm::sea_query::{Expr, ExprTrait, Query, SelectStatement, UnionType};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DbBackend, EntityTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait,
    Select, Statement, Value,
};
use uuid::Uuid;

use super::contacts::stands_for;
use super::entities::{contacts, conversations, messages};
use super::reads::{Page, cut, to_conversation, with_details};
use super::searching::{holds, like};
use super::shown::{Conversation, Message};
use super::texts::said;
use super::{Error, Store};
use crate::message::{ContactId, ConversationId, ConversationStatus, Direction, MessageId, Status};

/// Of how many signs a piece is at least that is looked for in texts.
const SHORTEST: usize = 3;

/// Open and closed conversations each have an index by when something happened last, so that a text moves its own in
/// one alone. Word for word their conditions.
const OPEN: &str = "conversations.status <> 'closed'";
const CLOSED: &str = "conversations.status = 'closed'";

/// What somebody wants to be another one about a conversation; nothing that is not named changes.
#[derive(Clone, Debug)]
pub struct ConversationChange {
    pub id: ConversationId,
    pub status: Option<ConversationStatus>,
    /// Who is to look after it; none is nobody.
    pub assignee: Option<Option<String>>,
    pub tag: Vec<String>,
    pub untag: Vec<String>,
    pub subject: Option<String>,
}

impl ConversationChange {
    pub fn of(id: ConversationId) -> Self {
        Self { id, status: None, assignee: None, tag: Vec::new(), untag: Vec::new(), subject: None }
    }
}

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Changed {
    Done,
    /// It was like that already.
    Same,
    NotFound,
    /// It is not as whoever wants to change it knows it.
    Mismatch,
    /// It can't be opened again: another one with the same address is open.
    AnotherIsOpen(ConversationId),
    /// It can't be opened again: whose it was has been erased.
    Erased,
}

/// Which conversations.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InboxFilter {
    pub status: Option<ConversationStatus>,
    /// All but the closed ones, where there is no status.
    pub open: bool,
    pub channel: Option<String>,
    pub tag: Option<String>,
    /// Of nobody, where it is empty.
    pub assignee: Option<String>,
    pub unread: bool,
    /// A piece of an address or a contact's name, or of what was said lately.
    pub search: Option<String>,
    /// It is not looked for in texts.
    pub but_texts: bool,
    /// Of this person.
    pub contact: Option<ContactId>,
}

/// The conversation that a page ended with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InboxCursor {
    pub at: Timestamp,
    pub id: Uuid,
}

/// One conversation of the inbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InboxRow {
    pub conversation: Conversation,
    pub name: Option<String>,
    pub last: Option<LastMessage>,
    /// The newest text that has what was searched for, if it was found in one.
    pub said: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastMessage {
    pub direction: Direction,
    pub text: String,
    pub status: Status,
}

impl Store {
    /// A page, and where the next one begins.
    pub async fn inbox(
        &self,
        filter: &InboxFilter,
        after: Option<InboxCursor>,
        limit: u64,
    ) -> Result<(Vec<InboxRow>, Option<InboxCursor>), Error> {
        use conversations::Column;
        let search = Search::of(filter);
        let mut said = self.said(filter, search.as_ref()).await?;
        let newest = |side: &str| {
            let of_side = conversations::Entity::find()
                .select_only()
                .column(Column::Id)
                .filter(Expr::cust(side.to_owned()))
                .filter(matching(filter))
                .filter(Condition::all().add_option(after.map(behind)));
            let found = found_by(search.as_ref(), of_side, self.reads.get_database_backend(), &said);
            QueryTrait::into_query(newest_first(found).limit(limit + 1))
        };
        let wanted = match (filter.status, filter.open) {
            (Some(ConversationStatus::Closed), _) => newest(CLOSED),
            (Some(_), _) | (None, true) => newest(OPEN),
            (None, false) => either(newest(OPEN), newest(CLOSED)),
        };
        let page =
            conversations::Entity::find().find_also_related(contacts::Entity).filter(Column::Id.in_subquery(wanted));
        let mut rows = newest_first(page).limit(limit + 1).all(&self.reads).await?;
        let more = rows.len() as u64 > limit;
        rows.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        let mut last = self.last_of(rows.iter().map(|(row, _)| row.id).collect()).await?;
        let rows: Vec<InboxRow> = rows
            .into_iter()
            .map(|(row, contact)| InboxRow {
                last: last.remove(&row.id),
                said: said.remove(&row.id),
                name: contact.and_then(|contact| contact.name),
                conversation: to_conversation(row),
            })
            .collect();
        let next = rows
            .last()
            .filter(|_| more)
            .map(|row| InboxCursor { at: row.conversation.last_message_at, id: row.conversation.id.0 });
        Ok((rows, next))
    }

    /// Those that began before `after`, newest first.
    pub async fn conversations_of(
        &self,
        filter: &InboxFilter,
        after: Option<Uuid>,
        limit: u64,
    ) -> Result<Page<Conversation>, Error> {
        use conversations::Column;
        let search = Search::of(filter);
        let said = self.said(filter, search.as_ref()).await?;
        let all = conversations::Entity::find().filter(matching(filter)).order_by_desc(Column::Id).limit(limit + 1);
        let mut query = found_by(search.as_ref(), all, self.reads.get_database_backend(), &said);
        if let Some(after) = after {
            query = query.filter(Column::Id.lt(after));
        }
        let (rows, next) = cut(query.all(&self.reads).await?, limit, |row| row.id);
        Ok(Page { items: rows.into_iter().map(to_conversation).collect(), next })
    }

    /// Numbers are looked for in addresses alone, and so is what half of all texts have in them.
    async fn said(&self, filter: &InboxFilter, search: Option<&Search>) -> Result<BTreeMap<Uuid, String>, Error> {
        match search {
            Some(Search { piece, number: None }) if !filter.but_texts && piece.chars().count() >= SHORTEST => {
                said(&self.reads, piece, &matching(filter)).await
            }
            _ => Ok(BTreeMap::new()),
        }
    }

    async fn last_of(&self, ids: Vec<Uuid>) -> Result<BTreeMap<Uuid, LastMessage>, Error> {
        if ids.is_empty() {
            return Ok(BTreeMap::new());
        }
        let places: Vec<String> = (1..=ids.len()).map(|number| format!("${number}")).collect();
        // Of each one look at an index.
        let sql = format!(
            "SELECT messages.conversation_id AS id, direction, text, status FROM messages WHERE messages.id IN \
             (SELECT (SELECT newest.id FROM messages AS newest WHERE newest.conversation_id = conversations.id \
             AND newest.deleted_at IS NULL ORDER BY newest.id DESC LIMIT 1) FROM conversations \
             WHERE conversations.id IN ({}))",
            places.join(", ")
        );
        let values: Vec<Value> = ids.into_iter().map(Value::from).collect();
        let statement = Statement::from_sql_and_values(self.reads.get_database_backend(), sql, values);
        let mut found = BTreeMap::new();
        for row in self.reads.query_all_raw(statement).await? {
            let direction: String = row.try_get("", "direction")?;
            let status: String = row.try_get("", "status")?;
            let last = LastMessage {
                direction: if direction == "inbound" { Direction::Inbound } else { Direction::Outbound },
                text: row.try_get("", "text")?,
                status: super::operations::read(&status),
            };
            found.insert(row.try_get("", "id")?, last);
        }
        Ok(found)
    }

    /// Messages of a conversation from one of them on, oldest first, `limit` at the most.
    pub async fn messages_from(&self, id: ConversationId, from: MessageId, limit: u64) -> Result<Vec<Message>, Error> {
        let rows = messages::Entity::find()
            .filter(messages::Column::ConversationId.eq(id.0))
            .filter(messages::Column::Id.gte(from.0))
            // Of many, the newest.
            .order_by_desc(messages::Column::Id)
            .limit(limit)
            .all(&self.reads)
            .await?;
        with_details(&self.reads, rows.into_iter().rev().collect()).await
    }
}

fn newest_first<Q: QueryOrder>(query: Q) -> Q {
    query.order_by_desc(conversations::Column::LastMessageAt).order_by_desc(conversations::Column::Id)
}

/// What comes after that one.
fn behind(InboxCursor { at, id }: InboxCursor) -> Condition {
    use conversations::Column;
    let at = at.as_millisecond();
    let same = Condition::all().add(Column::LastMessageAt.eq(at)).add(Column::Id.lt(id));
    // The first is what an index is used for.
    let earlier = Condition::any().add(Column::LastMessageAt.lt(at)).add(same);
    Condition::all().add(Column::LastMessageAt.lte(at)).add(earlier)
}

/// In one statement: who is closed between two would be in none of them.
fn either(open: SelectStatement, closed: SelectStatement) -> SelectStatement {
    let ids = |of: SelectStatement, name: &'static str| {
        Query::select().column(conversations::Column::Id).from_subquery(of, name).take()
    };
    ids(open, "still_open").union(UnionType::All, ids(closed, "ended")).take()
}

fn matching(filter: &InboxFilter) -> Condition {
    use conversations::Column;
    let mut all = Condition::all();
    match filter.status {
        Some(status) => all = all.add(Column::Status.eq(status.as_str())),
        None if filter.open => all = all.add(Column::Status.ne(ConversationStatus::Closed.as_str())),
        None => {}
    }
    if let Some(channel) = &filter.channel {
        // An expression has no index: by that of open conversations, all of the channel would be sorted first.
        all = all.add(Expr::cust("COALESCE(conversations.channel, '')").eq(channel.replace('\0', "")));
    }
    if let Some(tag) = &filter.tag {
        // As it stands in the JSON list.
        let quoted = serde_json::Value::String(tag.replace('\0', "")).to_string();
        all = all.add(like("CAST(conversations.tags AS TEXT)", &quoted));
    }
    match filter.assignee.as_deref() {
        Some("") => all = all.add(Column::Assignee.is_null()),
        Some(assignee) => all = all.add(Column::Assignee.eq(assignee.replace('\0', ""))),
        None => {}
    }
    if let Some(contact) = filter.contact {
        all = all.add(Column::ContactId.in_subquery(stands_for(contact)));
    }
    if filter.unread {
        all = all.add(Column::Unread.gt(0));
    }
    all
}

/// Those of these that have what is searched for. Only a search needs to know who it is with: Postgres plans the join
/// anew for each page of a large table, which takes longer than reading it.
fn found_by(
    search: Option<&Search>,
    these: Select<conversations::Entity>,
    backend: DbBackend,
    said: &BTreeMap<Uuid, String>,
) -> Select<conversations::Entity> {
    match search {
        Some(search) => these.left_join(contacts::Entity).filter(search.condition(backend, said)),
        None => these,
    }
}

/// What somebody searches for.
struct Search {
    piece: String,
    /// Of a number as people write it, its digits.
    number: Option<String>,
}

impl Search {
    fn of(filter: &InboxFilter) -> Option<Self> {
        let piece = filter.search.as_deref()?.trim().replace('\0', "");
        let digits: String = piece.chars().filter(char::is_ascii_digit).collect();
        let is_number = !digits.is_empty() && piece.chars().all(|c| c.is_ascii_digit() || " +-().".contains(c));
        (!piece.is_empty()).then(|| Self { piece, number: is_number.then_some(digits) })
    }

    fn condition(&self, backend: DbBackend, said: &BTreeMap<Uuid, String>) -> Condition {
        let ids = (!said.is_empty()).then(|| conversations::Column::Id.is_in(said.keys().copied()));
        let address = self.number.as_ref().unwrap_or(&self.piece).to_lowercase();
        Condition::any()
            .add(holds(backend, "contacts.name", &self.piece))
            .add(like("LOWER(conversations.address)", &address))
            .add_option(ids)
    }
}
