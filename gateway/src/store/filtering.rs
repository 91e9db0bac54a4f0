//! Messages as applications look for them. Those of a bulk send, a conversation, a person are found by what the database
//! has an index for; all else is looked for among the newest, so far and no further, since an index for each would be
//! paid for with every message.

use jiff::{SignedDuration, Timestamp};
use sea_orm::sea_query::Expr;
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait, Select,
};
use uuid::Uuid;

use super::contacts::stands_for;
use super::entities::{addresses, bulk_recipients, conversations, messages};
use super::reads::{Page, cut, lowest_id, with_details};
use super::shown::Message;
use super::{Error, Store};
use crate::message::{Address, ContactId, ConversationId, Direction, Status};

/// How many messages are looked through for one page.
const WINDOW: u64 = 20_000;
/// As many are looked through at first.
const NEAR: u64 = 1_000;
/// How many of a bulk send's are looked at at once.
const SOME: usize = 500;
/// By how much clocks may disagree, as `lowest_id` has it.
const CLOCKS: SignedDuration = SignedDuration::from_mins(1);

/// Which messages to list.
#[derive(Clone, Debug, Default)]
pub struct MessageFilter {
    pub conversation: Option<ConversationId>,
    /// From or to this person.
    pub contact: Option<ContactId>,
    pub direction: Option<Direction>,
    pub channel: Option<String>,
    /// One of these; none are all.
    pub statuses: Vec<Status>,
    pub error_code: Option<i32>,
    pub from: Option<Party>,
    pub to: Option<Party>,
    /// Of this bulk send.
    pub bulk: Option<Uuid>,
    /// Taken, or come in, at that time or later.
    pub since: Option<Timestamp>,
    /// Taken, or come in, before that time.
    pub until: Option<Timestamp>,
    /// Only those of which something was given up.
    pub given_up: bool,
}

/// Whom a message is from or to.
#[derive(Clone, Debug)]
pub struct Party {
    pub address: Address,
    /// It is what a channel sends from, so that what has it is in any conversation.
    pub is_ours: bool,
}

/// Where to look.
enum Among {
    /// These conversations.
    Conversations(Vec<Uuid>),
    /// Those of whom a bulk send is to reach.
    Bulk(Uuid),
    /// What was given up, of which there is little.
    GivenUp,
    /// All, by the time of each and perhaps the channel, of which there are indexes.
    All,
    /// All, one after the other.
    Newest,
}

impl Store {
    /// Messages older than `after`, newest first, `limit` at the most. A page may be shorter, or empty, though there are
    /// more behind it: then so much was looked through that the rest is for another.
    pub async fn messages(
        &self,
        filter: MessageFilter,
        after: Option<Uuid>,
        limit: u64,
    ) -> Result<Page<Message>, Error> {
        let snapshot = self.snapshot().await?;
        let reach = Reach::of(&filter, after);
        let query = |reach: Reach| messages::Entity::find().filter(matching(&filter, reach)).limit(limit + 1);
        let newest_first = query(reach).order_by_desc(messages::Column::Id);
        let (rows, next) = match among(&snapshot, &filter).await? {
            Among::All | Among::GivenUp => page(newest_first.all(&snapshot).await?, limit),
            Among::Conversations(ids) => match ids.as_slice() {
                [] => (Vec::new(), None),
                [only] => {
                    let in_it = newest_first.filter(messages::Column::ConversationId.eq(*only));
                    page(in_it.all(&snapshot).await?, limit)
                }
                several => page(in_conversations(&snapshot, query(reach), several).await?, limit),
            },
            Among::Bulk(id) => page(of_bulk(&snapshot, newest_first.filter(held(&filter)), id, limit).await?, limit),
            Among::Newest => {
                let mut found = (Vec::new(), None);
                // Mostly a page is full after few; finding the end of the window takes longer than all else.
                for window in [NEAR, WINDOW] {
                    let end = window_end(&snapshot, &filter, reach, window).await?;
                    let nearer = query(Reach { from: end.or(reach.from), ..reach }).order_by_desc(messages::Column::Id);
                    let (rows, next) = page(nearer.all(&snapshot).await?, limit);
                    let is_done = next.is_some() || end.is_none();
                    found = (rows, next.or(end));
                    if is_done {
                        break;
                    }
                }
                found
            }
        };
        Ok(Page { items: with_details(&snapshot, rows).await?, next })
    }
}

/// From which message to before which one, by their ids. One bound of each kind: of two, a database may well walk by the
/// wider one.
#[derive(Clone, Copy)]
struct Reach {
    from: Option<Uuid>,
    before: Option<Uuid>,
}

impl Reach {
    fn of(filter: &MessageFilter, after: Option<Uuid>) -> Self {
        let until = filter.until.map(|until| lowest_id(until.checked_add(CLOCKS + CLOCKS).unwrap_or(Timestamp::MAX)));
        Self { from: filter.since.map(lowest_id), before: [after, until].into_iter().flatten().min() }
    }
}

fn page(rows: Vec<messages::Model>, limit: u64) -> (Vec<messages::Model>, Option<Uuid>) {
    cut(rows, limit, |row| row.id)
}

/// All that is wished, but for where to look.
fn matching(filter: &MessageFilter, reach: Reach) -> Condition {
    use messages::Column;
    let mut all = reached(filter, reach);
    if let Some(since) = filter.since {
        all = all.add(Column::CreatedAt.gte(since.as_millisecond()));
    }
    if let Some(until) = filter.until {
        all = all.add(Column::CreatedAt.lt(until.as_millisecond()));
    }
    if let Some(direction) = filter.direction {
        all = all.add(Column::Direction.eq(direction_name(direction)));
    }
    if !filter.statuses.is_empty() {
        all = all.add(Column::Status.is_in(filter.statuses.iter().map(|status| status.as_str())));
    }
    if let Some(code) = filter.error_code {
        all = all.add(Column::ErrorCode.eq(code));
    }
    if let Some(Party { address, .. }) = &filter.from {
        all = all.add(Column::Sender.eq(without_nul(address.as_str())));
    }
    if let Some(Party { address, .. }) = &filter.to {
        all = all.add(Column::Recipient.eq(without_nul(address.as_str())));
    }
    if filter.given_up {
        all = all
            .add(Expr::cust("messages.id IN (SELECT message_id FROM parts WHERE given_up_at IS NOT NULL)"))
            // What was removed can't be tried again.
            .add(Column::RedactedAt.is_null());
    }
    all
}

/// What there are indexes for, together with the order.
fn reached(filter: &MessageFilter, Reach { from, before }: Reach) -> Condition {
    use messages::Column;
    let channel = filter.channel.as_deref().map(|channel| Column::Channel.eq(without_nul(channel)));
    Condition::all()
        .add_option(channel)
        .add_option(from.map(|from| Column::Id.gte(from)))
        .add_option(before.map(|before| Column::Id.lt(before)))
}

/// Where a message is held, for what is found by something else.
fn held(filter: &MessageFilter) -> Condition {
    use messages::Column;
    let theirs = filter.contact.map(|contact| {
        let ids = conversations::Entity::find()
            .select_only()
            .column(conversations::Column::Id)
            .filter(conversations::Column::ContactId.in_subquery(stands_for(contact)));
        Column::ConversationId.in_subquery(ids.into_query())
    });
    let that = filter.conversation.map(|id| Column::ConversationId.eq(id.0));
    Condition::all().add_option(theirs).add_option(that)
}

async fn among(database: &impl ConnectionTrait, filter: &MessageFilter) -> Result<Among, Error> {
    use conversations::Column;
    if let Some(id) = filter.bulk {
        return Ok(Among::Bulk(id));
    }
    let mut theirs = Condition::all();
    if let Some(contact) = filter.contact {
        theirs = theirs.add(Column::ContactId.in_subquery(stands_for(contact)));
    }
    for Party { address, .. } in [&filter.from, &filter.to].into_iter().flatten().filter(|party| !party.is_ours) {
        let address = without_nul(address.as_str());
        let Some(known) = addresses::Entity::find_by_id(address.as_str()).one(database).await? else { continue };
        theirs = theirs.add(Column::ContactId.eq(known.contact_id)).add(Column::Address.eq(address));
    }
    if let Some(ConversationId(id)) = filter.conversation {
        if theirs.is_empty() {
            return Ok(Among::Conversations(vec![id]));
        }
        theirs = theirs.add(Column::Id.eq(id));
    }
    if !theirs.is_empty() {
        let ids = conversations::Entity::find().select_only().column(Column::Id).filter(theirs);
        return Ok(Among::Conversations(ids.into_tuple().all(database).await?));
    }
    let is_by_no_index = filter.direction.is_some()
        || !filter.statuses.is_empty()
        || filter.error_code.is_some()
        || filter.from.is_some()
        || filter.to.is_some();
    Ok(match (filter.given_up, is_by_no_index) {
        (true, _) => Among::GivenUp,
        (false, true) => Among::Newest,
        (false, false) => Among::All,
    })
}

/// The newest of several conversations.
async fn in_conversations(
    database: &impl ConnectionTrait,
    query: Select<messages::Entity>,
    several: &[Uuid],
) -> Result<Vec<messages::Model>, Error> {
    use messages::Column;
    // By an expression, so that no database walks through the messages of all in their order: all that these
    // conversations have is little.
    let ids: Vec<Uuid> = query
        .select_only()
        .column(Column::Id)
        .filter(Column::ConversationId.is_in(several.iter().copied()))
        .order_by_desc(Expr::cust("COALESCE(messages.id, messages.id)"))
        .into_tuple()
        .all(database)
        .await?;
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    Ok(messages::Entity::find().filter(Column::Id.is_in(ids)).order_by_desc(Column::Id).all(database).await?)
}

/// Those of a bulk send, whose recipients are some thousands at the most.
async fn of_bulk(
    database: &impl ConnectionTrait,
    query: Select<messages::Entity>,
    id: Uuid,
    limit: u64,
) -> Result<Vec<messages::Model>, Error> {
    use bulk_recipients::Column;
    let made: Vec<Option<Uuid>> = bulk_recipients::Entity::find()
        .select_only()
        .column(Column::MessageId)
        .filter(Column::BulkId.eq(id))
        .filter(Column::MessageId.is_not_null())
        .into_tuple()
        .all(database)
        .await?;
    let mut made: Vec<Uuid> = made.into_iter().flatten().collect();
    made.sort_unstable_by(|one, other| other.cmp(one));
    let mut found = Vec::new();
    for some in made.chunks(SOME) {
        let these = query.clone().filter(messages::Column::Id.is_in(some.iter().copied()));
        found.extend(these.all(database).await?);
        if u64::try_from(found.len()).is_ok_and(|number| number > limit) {
            break;
        }
    }
    Ok(found)
}

/// The last message to look at; none where that is the last there is.
async fn window_end(
    database: &impl ConnectionTrait,
    filter: &MessageFilter,
    reach: Reach,
    window: u64,
) -> Result<Option<Uuid>, Error> {
    let last = messages::Entity::find()
        .select_only()
        .column(messages::Column::Id)
        .filter(reached(filter, reach))
        .order_by_desc(messages::Column::Id)
        .offset(window - 1)
        .limit(1);
    Ok(last.into_tuple().one(database).await?)
}

fn direction_name(direction: Direction) -> &'static str {
    match direction {
        Direction::Inbound => "inbound",
        Direction::Outbound => "outbound",
    }
}

/// No text in a database has one.
fn without_nul(text: &str) -> String {
    text.replace('\0', "")
}
