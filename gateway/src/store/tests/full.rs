//! A transaction that SQLite undoes by itself, as it does when the disk is full, and one that is found wrong at its end:
//! nothing is said to be stored that is not, then and afterwards.

use async_trait::async_trait;
use sea_orm::{ConnectionTrait, DatabaseTransaction, Statement, TransactionTrait};

use super::*;
use crate::store::Error;
use crate::store::operations::learned::{self, About, Learned};
use crate::store::operations::{record, submit};
use crate::store::writer::Operation;

/// The file may become no larger than it is, for the connection that writes.
struct NoRoom;

async fn no_room(transaction: &DatabaseTransaction) {
    let count = Statement::from_string(transaction.get_database_backend(), "PRAGMA page_count");
    let pages: i64 = transaction.query_one_raw(count).await.unwrap().unwrap().try_get("", "page_count").unwrap();
    transaction.execute_unprepared(&format!("PRAGMA max_page_count = {pages}")).await.unwrap();
}

#[async_trait]
impl Operation for NoRoom {
    type Output = ();

    async fn apply(&self, transaction: &DatabaseTransaction) -> Result<(), Error> {
        no_room(transaction).await;
        Ok(())
    }
}

fn texts(database: &Database, round: usize) -> Vec<NewInbound> {
    (0..40).map(|it| database.inbound(&format!("SM{round}-{it}"), &format!("+5299811{round:03}{it:02}"))).collect()
}

/// What others see of all that was said to be stored.
async fn all_are_there(database: &Database, said: &[MessageId]) {
    let others = database.store().await;
    let there: Vec<MessageId> = others.unprocessed(10_000).await.unwrap().into_iter().map(|text| text.id).collect();
    let missing: Vec<_> = said.iter().filter(|id| !there.contains(id)).collect();
    assert!(missing.is_empty(), "{} of {} are not there", missing.len(), said.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_said_to_be_stored_is_also_after_a_full_disk() {
    let folder = TempDir::new().unwrap();
    let database = Database::in_folder(&folder);
    let store = database.store().await;
    store.write(NoRoom).await.unwrap();
    let mut said = Vec::new();
    // It undoes the first of these that do not fit; then there is room again.
    for round in 0..20 {
        let new = texts(&database, round);
        if store.record_all(new.clone()).await.is_ok() {
            said.extend(new.iter().map(|text| text.id));
        }
    }
    // What is undone here, and not by SQLite, must undo no more than itself.
    let nowhere = Settlement { part_id: PartId(database.id()), ..settlement(&database) };
    assert!(matches!(store.settle(nowhere).await, Err(Error::Refused(_))));
    let last = database.inbound("SM-last", ANA);
    assert_eq!(store.record(last.clone()).await.unwrap(), Receipt::Recorded);
    said.push(last.id);
    all_are_there(&database, &said).await;
}

fn settlement(database: &Database) -> Settlement {
    let error = crate::message::ProviderError { code: None, message: None };
    Settlement {
        part_id: PartId(database.id()),
        attempt_id: database.id(),
        result: Settled::Unknown { error },
        exchange: None,
        at: at(1),
    }
}

/// Refers to nobody.
struct Orphan;

#[async_trait]
impl Operation for Orphan {
    type Output = ();

    async fn apply(&self, transaction: &DatabaseTransaction) -> Result<(), Error> {
        let insert = "INSERT INTO addresses (address, contact_id, created_at) VALUES ('+529981110000', x'00', 0)";
        transaction.execute_unprepared(insert).await?;
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_refers_to_nothing_spoils_only_itself() {
    let folder = TempDir::new().unwrap();
    let database = Database::in_folder(&folder);
    let store = database.store().await;
    let new = database.inbound("SM1", ANA);
    let (orphan, recorded) = tokio::join!(store.write(Orphan), store.record(new.clone()));
    assert!(orphan.is_err());
    assert_eq!(recorded.unwrap(), Receipt::Recorded);
    let last = database.inbound("SM2", ANA);
    store.record(last.clone()).await.unwrap();
    all_are_there(&database, &[new.id, last.id]).await;
}

/// SQLite undoes the whole transaction exactly if the statement was not made to be undone by itself, for which it copies
/// every page that it changes.
async fn is_copied_for(database: &Database, round: impl AsyncFn(&DatabaseTransaction, usize) -> bool) -> bool {
    let transaction = database.directly().await.begin().await.unwrap();
    no_room(&transaction).await;
    let mut rounds = 0;
    while round(&transaction, rounds).await {
        rounds += 1;
        assert!(rounds < 900, "there is room for all");
    }
    transaction.execute_unprepared("ROLLBACK").await.is_ok()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_statement_that_messages_need_is_made_to_be_undone_by_itself() {
    let folder = TempDir::new().unwrap();
    let database = Database::in_folder(&folder);
    let store = database.store().await;
    let reporting = &store.reporting;
    let recorded = is_copied_for(&database, async |transaction, round| {
        let new = texts(&database, round);
        record::apply(transaction, &new.iter().collect::<Vec<_>>(), reporting).await.is_ok()
    });
    assert!(!recorded.await, "texts that come in");
    let submitted = is_copied_for(&database, async |transaction, round| {
        let number = |it| format!("+5299811{round:03}{it:02}");
        let new: Vec<Submission> = (0..40).map(|it| database.submission(&number(it), &["hola"])).collect();
        submit::apply(transaction, &new.iter().collect::<Vec<_>>(), reporting).await.is_ok()
    });
    assert!(!submitted.await, "messages that go out");
    let reported = is_copied_for(&database, async |transaction, round| {
        let report = |it| About::Report(database.report(None, &format!("SM{round}-{it}"), Status::Sent, 1));
        let new: Vec<Learned> = (0..40).map(|it| Learned { about: report(it), questions: store.questions }).collect();
        learned::apply(transaction, &new.iter().collect::<Vec<_>>(), reporting).await.is_ok()
    });
    assert!(!reported.await, "reports");
}
