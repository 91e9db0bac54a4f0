//! What decisions change besides messages: conversations, contacts, where messages to others belong.

use std::collections::{BTreeMap, BTreeSet};

use sea_orm::sea_query::{Expr, LockType};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, DatabaseTransaction, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder,
    QuerySelect, Set, Value,
};
use uuid::Uuid;

use super::assigning::by_tags;
use super::contacts::locked;
use super::conversation::{Key, Wanted, find_or_create};
use super::kept::{self, is_kept};
use super::rows::Rows;
use super::tell::Before;
use super::{millis, storable};
use crate::message::ConversationStatus;
use crate::store::Error;
use crate::store::decisions::Processed;
use crate::store::entities::conversations;
use crate::store::events::EventKind;
use crate::store::plugins::to_attributes;
use crate::store::records::Submission;
use crate::store::reporting::Reporting;

/// The conversations that these are about to change, where somebody wants to be told of that. They are locked.
pub(super) async fn before(
    transaction: &DatabaseTransaction,
    done: &[&Processed],
    reporting: &Reporting,
) -> Result<Before, Error> {
    let changes = |processed: &&&Processed| {
        processed.status.is_some() || processed.tags.is_some() || processed.assignee.is_some()
    };
    let ids: BTreeSet<Uuid> = done.iter().filter(changes).map(|processed| processed.conversation_id.0).collect();
    if ids.is_empty() || !reporting.subscribed().wants(EventKind::ConversationUpdated) {
        return Ok(Before::new());
    }
    let rows = conversations::Entity::find()
        .filter(conversations::Column::Id.is_in(ids))
        .order_by_asc(conversations::Column::Id)
        .lock(LockType::NoKeyUpdate)
        .all(transaction)
        .await?;
    Ok(rows.into_iter().map(|row| (row.id, row)).collect())
}

/// What few decisions change, one by one.
pub(super) async fn change(
    transaction: &DatabaseTransaction,
    done: &[&Processed],
    reporting: &Reporting,
) -> Result<(), Error> {
    for processed in done {
        change_conversation(transaction, processed, reporting).await?;
        change_contact(transaction, processed).await?;
    }
    touch(transaction, done).await
}

async fn change_conversation(
    transaction: &DatabaseTransaction,
    processed: &Processed,
    reporting: &Reporting,
) -> Result<(), Error> {
    use conversations::Column;
    let conversation = || conversations::Entity::update_many().filter(Column::Id.eq(processed.conversation_id.0));
    if let Some(status) = processed.status {
        let closed_at = (status == ConversationStatus::Closed).then(|| millis(processed.at));
        // A closed conversation stays closed: a new one may have begun with the same address.
        conversation()
            .col_expr(Column::Status, Expr::value(status.as_str()))
            .col_expr(Column::ClosedAt, Expr::value(closed_at))
            .filter(Column::Status.ne(ConversationStatus::Closed.as_str()))
            .exec(transaction)
            .await?;
    }
    if let Some(tags) = &processed.tags {
        let found = conversations::Entity::find_by_id(processed.conversation_id.0).lock(LockType::NoKeyUpdate);
        if let Some(row) = found.one(transaction).await? {
            let known = row.tags.clone();
            let tags = retagged(row.tags, &processed.tags_seen, tags);
            let mut change = conversation().col_expr(Column::Tags, Expr::value(tags.clone()));
            if row.assignee.is_none()
                && processed.assignee.is_none()
                && let Some(assignee) = by_tags(transaction, &known, &tags, reporting).await?
            {
                change = change.col_expr(Column::Assignee, Expr::value(assignee));
            }
            change.exec(transaction).await?;
        }
    }
    if let Some(assignee) = &processed.assignee {
        let assignee = assignee.as_deref().map(storable);
        conversation().col_expr(Column::Assignee, Expr::value(assignee)).exec(transaction).await?;
    }
    if processed.discarded.is_some() {
        // It was counted when it was recorded.
        conversation()
            .col_expr(Column::Unread, Expr::cust("unread - 1"))
            .filter(Column::Unread.gt(0))
            .exec(transaction)
            .await?;
    }
    Ok(())
}

/// The tags that there are, with what is different between those that plugins saw and those that they want.
fn retagged(there: serde_json::Value, seen: &[String], wanted: &[String]) -> serde_json::Value {
    let mut tags: Vec<String> = serde_json::from_value(there).unwrap_or_default();
    tags.retain(|tag| wanted.contains(tag) || !seen.contains(tag));
    for tag in wanted.iter().filter(|tag| !seen.contains(tag)).map(|tag| storable(tag)) {
        if !tags.contains(&tag) {
            tags.push(tag);
        }
    }
    serde_json::json!(tags)
}

async fn change_contact(transaction: &DatabaseTransaction, processed: &Processed) -> Result<(), Error> {
    if processed.attributes.is_empty() {
        return Ok(());
    }
    let Some(contact) = locked(transaction, processed.contact_id.0).await? else { return Ok(()) };
    let mut attributes = to_attributes(contact.attributes.clone());
    for (name, value) in &processed.attributes {
        match value {
            Some(value) => attributes.insert(storable(name), storable(value)),
            None => attributes.remove(&storable(name)),
        };
    }
    let mut row = contact.into_active_model();
    row.attributes = Set(Some(serde_json::json!(attributes)));
    row.updated_at = Set(millis(processed.at));
    row.update(transaction).await?;
    Ok(())
}

/// The conversations that something was replied in.
async fn touch(transaction: &DatabaseTransaction, done: &[&Processed]) -> Result<(), Error> {
    let mut last = BTreeMap::new();
    for processed in done.iter().filter(|processed| !processed.replies.is_empty()) {
        let at = last.entry(processed.conversation_id.0).or_insert(i64::MIN);
        *at = millis(processed.at).max(*at);
    }
    mark_last(transaction, last).await
}

/// The conversation that each message belongs to, in order; those that did not exist are there
/// afterwards, and all are locked. Writing to somebody is taking the conversation up, so a new one is
/// active.
///
/// What is only kept begins no conversation, as far as there is one, and is not the last that was said in it.
///
/// Those that get tags are kept in `before`, where somebody wants to be told of that.
pub(super) async fn place(
    transaction: &DatabaseTransaction,
    submissions: &[&Submission],
    before: &mut Before,
    reporting: &Reporting,
) -> Result<Vec<Uuid>, Error> {
    if submissions.is_empty() {
        return Ok(Vec::new());
    }
    let taken: BTreeSet<Key> = submissions.iter().filter(|one| !is_kept(one)).map(|one| key(one)).collect();
    let aside = submissions.iter().map(|submission| key(submission)).filter(|key| !taken.contains(key));
    let aside = kept::places(transaction, aside.collect::<BTreeSet<Key>>().into_iter()).await?;
    let mut wanted = BTreeMap::new();
    for submission in submissions.iter().filter(|submission| !aside.contains_key(&key(submission))) {
        wanted.entry(key(submission)).or_insert_with(|| Wanted {
            conversation_id: submission.conversation_id.0,
            contact_id: submission.contact_id.0,
            subject: submission.subject.clone(),
            status: ConversationStatus::Active,
            at: submission.message.at,
        });
    }
    let mut found = find_or_create(transaction, &wanted).await?;
    let keeps = reporting.subscribed().wants(EventKind::ConversationUpdated);
    let mut places = Vec::with_capacity(submissions.len());
    let mut joined = BTreeMap::new();
    for submission in submissions {
        if let Some(id) = aside.get(&key(submission)) {
            places.push(*id);
            continue;
        }
        let conversation = found
            .get_mut(&key(submission))
            .ok_or_else(|| Error::Overtaken("the conversation was closed just now".to_owned()))?;
        if keeps && !submission.tags.is_empty() {
            before.entry(conversation.id).or_insert_with(|| conversation.clone());
        }
        if !submission.tags.is_empty() {
            tag(transaction, conversation, &submission.tags, reporting).await?;
        }
        if !is_kept(submission) {
            joined.insert(conversation.id, millis(submission.message.at));
        }
        places.push(conversation.id);
    }
    mark_last(transaction, joined).await?;
    Ok(places)
}

fn key(submission: &Submission) -> Key {
    (submission.message.channel.clone(), submission.message.recipient.as_str().to_owned())
}

async fn tag(
    transaction: &DatabaseTransaction,
    conversation: &mut conversations::Model,
    wanted: &[String],
    reporting: &Reporting,
) -> Result<(), Error> {
    let before = conversation.tags.clone();
    let mut tags: Vec<String> = serde_json::from_value(conversation.tags.clone()).unwrap_or_default();
    let known: BTreeSet<String> = tags.iter().cloned().collect();
    tags.extend(wanted.iter().map(|tag| storable(tag)).filter(|tag| !known.contains(tag)));
    conversation.tags = serde_json::json!(tags);
    if conversation.assignee.is_none() {
        conversation.assignee = by_tags(transaction, &before, &conversation.tags, reporting).await?;
    }
    conversations::Entity::update_many()
        .col_expr(conversations::Column::Tags, Expr::value(conversation.tags.clone()))
        .col_expr(conversations::Column::Assignee, Expr::value(conversation.assignee.clone()))
        .filter(conversations::Column::Id.eq(conversation.id))
        .exec(transaction)
        .await?;
    Ok(())
}

/// When the last message of these conversations was.
async fn mark_last(transaction: &DatabaseTransaction, last: BTreeMap<Uuid, i64>) -> Result<(), Error> {
    let mut rows = Rows::new(transaction, &["", "BIGINT"]);
    for (id, at) in last {
        rows.push([Value::from(id), Value::from(at)]);
    }
    let update = "UPDATE conversations SET last_message_at = new.column2, updated_at = new.column2";
    rows.update(transaction, update, "WHERE conversations.id = new.column1").await
}
