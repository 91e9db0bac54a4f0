//! Whose the files of messages are, once their person is erased.

use std::collections::{BTreeMap, BTreeSet};

use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, FromQueryResult, QueryFilter, QuerySelect,
    Statement, Value,
};
use uuid::Uuid;

use super::erasing::messages_of;
use super::uploads::named_by_bulks;
use crate::store::Error;
use crate::store::entities::{media, media_links, uploads};
use crate::store::media::link_hash;

/// A file of a message.
#[derive(FromQueryResult)]
pub(super) struct File {
    pub(super) digest: String,
    url: String,
}

/// The files of their messages, each as often as there is one that has it.
pub(super) async fn of_messages(transaction: &DatabaseTransaction, contact: Uuid) -> Result<Vec<File>, Error> {
    let found = media::Entity::find()
        .select_only()
        .columns([media::Column::Digest, media::Column::Url])
        .filter(media::Column::MessageId.in_subquery(messages_of(contact)))
        .filter(media::Column::Digest.is_not_null());
    Ok(found.into_model().all(transaction).await?)
}

/// The files of their messages that nobody else has, is shown or is to get, as far as that is known: what was uploaded
/// before it was counted how often it is used, or was used in another way, stays.
pub(super) async fn of_nobody_else(transaction: &DatabaseTransaction, contact: Uuid) -> Result<Vec<String>, Error> {
    let files = of_messages(transaction, contact).await?;
    let mut theirs: BTreeSet<String> = files.iter().map(|file| file.digest.clone()).collect();
    if theirs.is_empty() {
        return Ok(Vec::new());
    }
    for digest in of_others(transaction, contact, &theirs).await? {
        theirs.remove(&digest);
    }
    let own: BTreeSet<String> = files.iter().filter_map(|file| link_hash(&file.url)).collect();
    let links =
        media_links::Entity::find().filter(media_links::Column::Digest.is_in(theirs.iter().map(String::as_str)));
    for link in links.all(transaction).await? {
        if !own.contains(&link.hash) {
            theirs.remove(&link.digest);
        }
    }
    let named = named_by_bulks(transaction).await?;
    let uploaded = uploads::Entity::find().filter(uploads::Column::Digest.is_in(theirs.iter().map(String::as_str)));
    let mut times_used: BTreeMap<String, Option<i32>> = BTreeMap::new();
    for upload in uploaded.all(transaction).await? {
        let times = upload.times_used.filter(|times| *times > 0 && !named.contains(&upload.id));
        let all = times_used.entry(upload.digest).or_insert(Some(0));
        *all = all.zip(times).map(|(all, times)| all.saturating_add(times));
    }
    let sent =
        |digest: &str| files.iter().filter(|file| file.digest == digest && link_hash(&file.url).is_some()).count();
    theirs.retain(|digest| match times_used.get(digest) {
        Some(times) => times.and_then(|times| usize::try_from(times).ok()).is_some_and(|times| times <= sent(digest)),
        // It came in, or was uploaded and is not any more.
        None => true,
    });
    Ok(theirs.into_iter().collect())
}

async fn of_others(
    transaction: &DatabaseTransaction,
    contact: Uuid,
    theirs: &BTreeSet<String>,
) -> Result<Vec<String>, Error> {
    let places: Vec<String> = (2..theirs.len() + 2).map(|number| format!("${number}")).collect();
    let sql = format!(
        "SELECT media.digest AS digest FROM media JOIN messages ON messages.id = media.message_id \
         JOIN conversations ON conversations.id = messages.conversation_id \
         WHERE media.digest IN ({}) AND conversations.contact_id <> $1",
        places.join(", ")
    );
    let values: Vec<Value> =
        [contact.into()].into_iter().chain(theirs.iter().map(|digest| digest.as_str().into())).collect();
    let statement = Statement::from_sql_and_values(transaction.get_database_backend(), sql, values);
    let rows = transaction.query_all_raw(statement).await?;
    Ok(rows.iter().map(|row| row.try_get("", "digest")).collect::<Result<_, _>>()?)
}
