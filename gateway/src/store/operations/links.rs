//! Public links of what is sent now: they last for as long from now, however long it waited.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter, QueryOrder, Set, Statement, Value,
};
use uuid::Uuid;

use super::inserting::insert_or;
use super::millis;
use super::rows::places;
use super::sizes::filled;
use crate::store::Error;
use crate::store::entities::{media, media_links};
use crate::store::media::link_hash;
use crate::store::records::Claimed;

/// Links by their hashes, and until when each is to last.
type Lasting = BTreeMap<String, i64>;

/// Has the links that these parts take along last for `lasts` from when the provider fetches what they lead to. Most
/// parts have none, and cost nothing.
pub(super) async fn renew(
    transaction: &DatabaseTransaction,
    claimed: &[Claimed],
    now: Timestamp,
    lasts: Duration,
) -> Result<(), Error> {
    let mut lasting = Lasting::new();
    let mut messages: Vec<Uuid> = Vec::new();
    for part in claimed {
        // What the provider keeps until a time is fetched then.
        let fetched = part.send_at.map_or(now, |at| at.max(now));
        let until = millis(fetched.checked_add(lasts).unwrap_or(Timestamp::MAX));
        for hash in part.media.iter().filter_map(|url| link_hash(url)) {
            lasting.insert(hash, until);
            messages.push(part.message_id.0);
        }
    }
    if lasting.is_empty() {
        return Ok(());
    }
    for hash in extend(transaction, &lasting).await? {
        lasting.remove(&hash);
    }
    if lasting.is_empty() {
        return Ok(());
    }
    make_anew(transaction, messages, &lasting).await
}

/// None ends sooner than it would have. Those that are there.
async fn extend(transaction: &DatabaseTransaction, lasting: &Lasting) -> Result<Vec<String>, Error> {
    let backend = transaction.get_database_backend();
    let mut by_end: BTreeMap<i64, Vec<&str>> = BTreeMap::new();
    for (hash, until) in lasting {
        by_end.entry(*until).or_default().push(hash);
    }
    let mut there = Vec::new();
    for (until, hashes) in by_end {
        let mut values: Vec<Value> = vec![until.into(), until.into()];
        values.extend(filled(hashes.into_iter().map(Value::from)));
        let names = places(backend, 1, values.len());
        let [first, second, hashes @ ..] = names.as_slice() else { continue };
        let sql = format!(
            "UPDATE media_links SET expires_at = CASE WHEN expires_at < {first} THEN {second} ELSE expires_at END \
             WHERE hash IN ({}) RETURNING hash",
            hashes.join(", ")
        );
        for row in transaction.query_all_raw(Statement::from_sql_and_values(backend, sql, values)).await? {
            there.push(row.try_get("", "hash")?);
        }
    }
    Ok(there)
}

/// Those that had ended, and were tidied away: a message has its files for as long as it is to have them. One that lets
/// go of a file gives nobody a link to it.
async fn make_anew(transaction: &DatabaseTransaction, messages: Vec<Uuid>, lasting: &Lasting) -> Result<(), Error> {
    let files = media::Entity::find()
        .filter(media::Column::MessageId.is_in(messages))
        .filter(media::Column::Digest.is_not_null())
        .order_by_asc(media::Column::MessageId)
        .order_by_asc(media::Column::Position)
        .all(transaction)
        .await?;
    let mut rows = BTreeMap::new();
    for file in files {
        let Some((hash, until)) = link_hash(&file.url).and_then(|hash| lasting.get_key_value(&hash)) else { continue };
        let (Some(digest), Some((_, name))) = (file.digest, file.url.rsplit_once('/')) else { continue };
        let row = media_links::ActiveModel {
            hash: Set(hash.clone()),
            name: Set(name.to_owned()),
            digest: Set(digest),
            content_type: Set(file.sniffed_type.unwrap_or_default()),
            bytes: Set(file.bytes.unwrap_or(0)),
            expires_at: Set(*until),
        };
        rows.insert(hash, row);
    }
    insert_or(transaction, rows.into_values().collect(), "ON CONFLICT DO NOTHING").await.map(drop)
}
