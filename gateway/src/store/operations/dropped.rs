//! Files that somebody lets go of. Whether anybody else has one is looked at later, and only then does it go: what a
//! crash cuts off is done again, and who is about to put down that they have it, too, has time to.

use std::collections::BTreeSet;

use async_trait::async_trait;
use sea_orm::{ColumnTrait, Condition, DatabaseTransaction, EntityTrait, QueryFilter, Set};

use super::inserting::insert_or;
use crate::store::entities::dropped_files;
use crate::store::media::DroppedFile;
use crate::store::writer::Operation;
use crate::store::{Error, Store};

/// Whoever looks before this is committed and forgets after it must see that it came again.
const AGAIN: &str = "ON CONFLICT (digest) DO UPDATE SET \
    unused_since = excluded.unused_since, times = dropped_files.times + 1";

/// Puts down, where whoever had these files is removed, that they may be nobody's now.
pub(super) async fn drop_files(
    transaction: &DatabaseTransaction,
    digests: impl IntoIterator<Item = String>,
) -> Result<(), Error> {
    let digests: BTreeSet<String> = digests.into_iter().collect();
    let rows = digests.into_iter().map(|digest| dropped_files::ActiveModel {
        digest: Set(digest),
        // A gateway of an older version goes by it, unless an hour ago is later.
        unused_since: Set(0),
        times: Set(1),
    });
    insert_or(transaction, rows.collect(), AGAIN).await.map(drop)
}

struct Forget(Vec<DroppedFile>);

#[async_trait]
impl Operation for Forget {
    type Output = ();

    async fn apply(&self, transaction: &DatabaseTransaction) -> Result<(), Error> {
        use dropped_files::Column;
        let these = self.0.iter().fold(Condition::any(), |these, file| {
            let this = Condition::all().add(Column::Digest.eq(file.digest.as_str())).add(Column::Times.eq(file.times));
            these.add(this)
        });
        dropped_files::Entity::delete_many().filter(these).exec(transaction).await?;
        Ok(())
    }
}

impl Store {
    /// Files that are gone, or that others have, who let go of them themselves; unless somebody let go of one since it
    /// was looked at.
    pub async fn forget_dropped(&self, files: Vec<DroppedFile>) -> Result<(), Error> {
        // Without a condition it would be all.
        if files.is_empty() {
            return Ok(());
        }
        self.write(Forget(files)).await
    }
}
