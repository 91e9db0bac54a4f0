//! Postgres goes away, or falls silent, just when it was told to commit: what was asked for is done once all the same.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use std::time::Duration;

use async_trait::async_trait;
use sea_orm::{ConnectionTrait, DatabaseTransaction, DbBackend, Statement, TransactionTrait};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::*;
use crate::store::leftover::{SINCE, Server};
use crate::store::writer::Operation;
use crate::store::{Error, MessageFilter, Orphans};

on_postgres!(
    a_commit_whose_answer_is_lost_is_done_once,
    a_commit_that_never_arrived_is_done_once,
    a_gateway_that_was_taken_for_dead_learns_what_a_commit_came_to,
    a_connection_that_falls_silent_is_replaced,
    connections_for_reading_that_fall_silent_are_replaced,
    what_is_left_of_a_silent_connection_locks_nothing,
    a_gateway_that_vanishes_in_a_transaction_holds_nobody_up,
    a_gateway_that_pauses_in_a_transaction_does_it_again,
    what_waits_for_a_lock_for_too_long_is_given_up_alone,
    a_process_with_the_number_of_another_is_not_ended,
);

/// What happens to a COMMIT on its way.
const NOTHING: usize = 0;
/// Postgres gets it, and nobody hears of it.
const UNHEARD: usize = 1;
const LOST: usize = 2;
/// Postgres gets it, and nothing comes back.
const UNANSWERED: usize = 3;

/// A line to Postgres.
struct Line {
    url: String,
    commits: Arc<AtomicUsize>,
    /// How often it fell silent: connections from before stay so.
    silences: Arc<AtomicU64>,
    accepting: JoinHandle<()>,
}

/// Longer than any of this takes by itself, and less than others would be waited for.
const SOON: Duration = Duration::from_secs(20);

impl Line {
    async fn to(database: &Database) -> Self {
        let mut url = url::Url::parse(&database.url).unwrap();
        let server = format!("{}:{}", url.host_str().unwrap(), url.port().unwrap_or(5432));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        url.set_host(Some("127.0.0.1")).unwrap();
        url.set_port(Some(listener.local_addr().unwrap().port())).unwrap();
        let (commits, silences) = (Arc::<AtomicUsize>::default(), Arc::<AtomicU64>::default());
        let counts = (commits.clone(), silences.clone());
        let accepting = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = TcpStream::connect(&server).await.unwrap();
                tokio::spawn(carry(client, server, counts.0.clone(), counts.1.clone()));
            }
        });
        Self { url: url.into(), commits, silences, accepting }
    }

    /// A gateway at the end of it, which waits a second for Postgres.
    async fn gateway(&self, database: &Database) -> Store {
        let settings = Settings { url: self.url.clone(), timeout_s: 1, ..database.settings() };
        let (store, _) = Store::open(&settings).await.unwrap();
        store.join(database.id(), at(0)).await.unwrap();
        store
    }

    fn next_commit(&self, is: usize) {
        self.commits.store(is, Ordering::SeqCst);
    }

    fn fall_silent(&self) {
        self.silences.fetch_add(1, Ordering::SeqCst);
    }

    /// As if the machine at the other end had lost its power: nothing is closed, and nobody comes back.
    fn vanish(&self) {
        self.fall_silent();
        self.accepting.abort();
    }
}

async fn carry(mut client: TcpStream, mut server: TcpStream, commits: Arc<AtomicUsize>, silences: Arc<AtomicU64>) {
    let since = silences.load(Ordering::SeqCst);
    let (mut asked, mut answered) = (vec![0; 65_536], vec![0; 65_536]);
    loop {
        tokio::select! {
            read = client.read(&mut asked) => {
                if silences.load(Ordering::SeqCst) > since {
                    // Nobody closes anything.
                    std::future::pending::<()>().await;
                }
                let Ok(bytes @ 1..) = read else { return };
                let asked = &asked[..bytes];
                let is_commit = asked.windows(6).any(|word| word == b"COMMIT");
                match if is_commit { commits.swap(NOTHING, Ordering::SeqCst) } else { NOTHING } {
                    NOTHING => server.write_all(asked).await.unwrap(),
                    UNHEARD => {
                        server.write_all(asked).await.unwrap();
                        assert_ne!(server.read(&mut answered).await.unwrap(), 0);
                        return;
                    }
                    UNANSWERED => {
                        server.write_all(asked).await.unwrap();
                        std::future::pending::<()>().await;
                    }
                    _ => return,
                }
            }
            read = server.read(&mut answered) => {
                let Ok(bytes @ 1..) = read else { return };
                if client.write_all(&answered[..bytes]).await.is_err() {
                    return;
                }
            }
        }
    }
}

async fn a_commit_whose_answer_is_lost_is_done_once(database: Database) {
    let line = Line::to(&database).await;
    let store = line.gateway(&database).await;
    line.next_commit(UNHEARD);
    let sent = store.submit(database.submission(ANA, &["hola"])).await.unwrap();
    assert!(sent.stored().is_some(), "it is not stored a second time, and nobody is told that it was not: {sent:?}");
    assert_eq!(store.messages(MessageFilter::default(), None, 50).await.unwrap().items.len(), 1);
    line.next_commit(UNHEARD);
    let parts = claim(&store, &database, 1, 10).await;
    assert_eq!(parts.len(), 1, "whoever claimed it knows of it");
    // Whoever takes texts over knows which.
    let text = database.inbound("SM1", LUIS);
    store.record(text.clone()).await.unwrap();
    let other = line.gateway(&database).await;
    line.next_commit(UNHEARD);
    let taken = other.take_over(Orphans::All, at(100), at(100), 10).await.unwrap();
    assert_eq!(taken.iter().map(|text| text.id).collect::<Vec<_>>(), [text.id]);
}

async fn a_commit_that_never_arrived_is_done_once(database: Database) {
    let line = Line::to(&database).await;
    let store = line.gateway(&database).await;
    line.next_commit(LOST);
    let sent = store.submit(database.submission(ANA, &["hola"])).await.unwrap();
    assert!(sent.stored().is_some(), "{sent:?}");
    assert_eq!(store.messages(MessageFilter::default(), None, 50).await.unwrap().items.len(), 1);
}

async fn a_gateway_that_was_taken_for_dead_learns_what_a_commit_came_to(database: Database) {
    let line = Line::to(&database).await;
    let store = line.gateway(&database).await;
    let other = database.store().await;
    other.join(database.id(), at(0)).await.unwrap();
    let all = async || other.messages(MessageFilter::default(), None, 50).await.unwrap().items.len();
    let forget_it = async || {
        let beats = other.beat(at(1)).await.unwrap();
        other.take_over(Orphans::Of(beats), at(1), at(0), 10).await.unwrap();
        assert_eq!(other.beat(at(1)).await.unwrap().len(), 1, "it is taken for dead");
    };
    // While it waits for the answer …
    line.next_commit(UNANSWERED);
    let submitting = tokio::spawn({
        let (store, new) = (store.clone(), database.submission(ANA, &["hola"]));
        async move { store.submit(new).await }
    });
    while all().await == 0 {
        tokio::task::yield_now().await;
    }
    forget_it().await;
    let sent = submitting.await.unwrap().unwrap();
    assert!(sent.stored().is_some(), "{sent:?}");
    // … and before it begins.
    forget_it().await;
    line.next_commit(UNHEARD);
    let sent = store.submit(database.submission(LUIS, &["hola"])).await.unwrap();
    assert!(sent.stored().is_some(), "{sent:?}");
    assert_eq!(all().await, 2);
}

async fn a_connection_that_falls_silent_is_replaced(database: Database) {
    let line = Line::to(&database).await;
    let store = line.gateway(&database).await;
    line.fall_silent();
    let sent = store.submit(database.submission(ANA, &["hola"])).await.unwrap();
    assert!(sent.stored().is_some(), "{sent:?}");
    let direct = database.store().await;
    assert_eq!(direct.messages(MessageFilter::default(), None, 50).await.unwrap().items.len(), 1);
}

async fn connections_for_reading_that_fall_silent_are_replaced(database: Database) {
    let line = Line::to(&database).await;
    let store = line.gateway(&database).await;
    let sent = store.submit(database.submission(ANA, &["hola"])).await.unwrap().stored().unwrap();
    let read = async || {
        let all = store.messages(MessageFilter::default(), None, 50).await.map(|page| page.items.len());
        let one = store.message(sent).await.map(|message| message.is_some());
        (all, one)
    };
    assert!(matches!(read().await, (Ok(1), Ok(true))));
    line.fall_silent();
    // Of one moment, and by itself: either is told that the database is away, and the next is not.
    for _ in 0..3 {
        let _ = read().await;
    }
    assert!(matches!(read().await, (Ok(1), Ok(true))));
}

/// Postgres does not know that nobody is at the other end of a connection, and keeps what is locked there.
async fn what_is_left_of_a_silent_connection_locks_nothing(database: Database) {
    let line = Line::to(&database).await;
    let store = line.gateway(&database).await;
    // It waits in the middle of a transaction, when its connection falls silent.
    let other = database.directly().await.begin().await.unwrap();
    other.execute_unprepared("LOCK TABLE messages IN ACCESS EXCLUSIVE MODE").await.unwrap();
    let submission = database.submission(ANA, &["hola"]);
    let sending = tokio::spawn({
        let store = store.clone();
        async move { store.submit(submission).await }
    });
    while waiting(&other).await == 0 {
        tokio::task::yield_now().await;
    }
    line.fall_silent();
    other.rollback().await.unwrap();
    let sent = sending.await.unwrap().unwrap();
    assert!(sent.stored().is_some(), "{sent:?}");
    let direct = database.store().await;
    assert_eq!(direct.messages(MessageFilter::default(), None, 50).await.unwrap().items.len(), 1);
}

/// Not before Postgres would notice by itself, but as soon as it has undone what nobody goes on with.
async fn a_gateway_that_vanishes_in_a_transaction_holds_nobody_up(database: Database) {
    let line = Line::to(&database).await;
    let vanishing = line.gateway(&database).await;
    let other = Store::open(&Settings { timeout_s: 1, ..database.settings() }).await.unwrap().0;
    other.join(database.id(), at(0)).await.unwrap();
    let text = database.inbound("SM1", ANA);
    vanishing.record(text.clone()).await.unwrap();
    let beats = other.beat(at(1)).await.unwrap();
    let lock = database.directly().await.begin().await.unwrap();
    // Its own row and a conversation are locked by then.
    lock.execute_unprepared("LOCK TABLE parts IN ACCESS EXCLUSIVE MODE").await.unwrap();
    let submission = database.submission(ANA, &["hola"]);
    let sending = tokio::spawn(async move { vanishing.submit(submission).await });
    while waiting(&lock).await == 0 {
        tokio::task::yield_now().await;
    }
    line.vanish();
    lock.rollback().await.unwrap();
    sending.abort();
    let taken = async {
        loop {
            let taken = other.take_over(Orphans::Of(beats.clone()), at(2), at(0), 10).await.unwrap();
            if !taken.is_empty() {
                return taken;
            }
        }
    };
    let taken = timeout(SOON, taken).await.expect("its texts are taken over soon");
    assert_eq!(taken.iter().map(|text| text.id).collect::<Vec<_>>(), [text.id]);
    let sent = timeout(SOON, other.submit(database.submission(ANA, &["hola"]))).await.expect("it goes on soon");
    assert!(sent.unwrap().stored().is_some());
}

/// Comes to a pause once before a statement and once before the end, until Postgres has undone what it began.
struct Pausing {
    others: DatabaseConnection,
    times: AtomicUsize,
}

#[async_trait]
impl Operation for Pausing {
    type Output = ();

    async fn apply(&self, transaction: &DatabaseTransaction) -> Result<(), Error> {
        let times = self.times.fetch_add(1, Ordering::SeqCst);
        if times < 2 {
            let pid = number(transaction, "SELECT pg_backend_pid()::bigint").await;
            transaction.execute_unprepared("SET LOCAL idle_in_transaction_session_timeout = 10").await?;
            let there = format!("SELECT COUNT(*) FROM pg_stat_activity WHERE pid = {pid}");
            while number(&self.others, &there).await > 0 {
                tokio::task::yield_now().await;
            }
        }
        if times != 1 {
            transaction.execute_unprepared("SELECT 1").await?;
        }
        Ok(())
    }
}

async fn a_gateway_that_pauses_in_a_transaction_does_it_again(database: Database) {
    let store = database.store().await;
    store.join(database.id(), at(0)).await.unwrap();
    let pausing = Pausing { others: database.directly().await, times: AtomicUsize::new(0) };
    store.write(pausing).await.unwrap();
    assert!(store.submit(database.submission(ANA, &["hola"])).await.unwrap().stored().is_some());
}

/// One conversation is locked by somebody who does not let go of it. The rest goes on.
async fn what_waits_for_a_lock_for_too_long_is_given_up_alone(database: Database) {
    let store = Store::open(&Settings { timeout_s: 1, ..database.settings() }).await.unwrap().0;
    store.join(database.id(), at(0)).await.unwrap();
    store.submit(database.submission(ANA, &["hola"])).await.unwrap();
    let lock = database.directly().await.begin().await.unwrap();
    lock.execute_unprepared("SELECT id FROM conversations FOR UPDATE").await.unwrap();
    let submission = database.submission(ANA, &["hola"]);
    let held = tokio::spawn({
        let store = store.clone();
        async move { store.submit(submission).await }
    });
    while waiting(&lock).await == 0 {
        tokio::task::yield_now().await;
    }
    let others = async {
        while store.submit(database.submission(LUIS, &["hola"])).await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    timeout(SOON, others).await.expect("what is for somebody else is stored soon");
    assert!(matches!(held.await.unwrap(), Err(Error::Unavailable(_))));
    lock.rollback().await.unwrap();
    assert!(store.submit(database.submission(ANA, &["hola"])).await.unwrap().stored().is_some());
}

async fn a_process_with_the_number_of_another_is_not_ended(database: Database) {
    let (direct, other) = (database.directly().await, database.directly().await.begin().await.unwrap());
    let pid = number(&other, "SELECT pg_backend_pid()::bigint").await;
    let since = number(&other, &format!("SELECT {SINCE} FROM pg_stat_activity WHERE pid = pg_backend_pid()")).await;
    let there = format!("SELECT COUNT(*) FROM pg_stat_activity WHERE pid = {pid}");
    let server = |since| Server { pid: i32::try_from(pid).unwrap(), since };
    for since in [None, Some(since - 1)] {
        server(since).end(&direct).await.unwrap();
        assert_eq!(number(&other, "SELECT 1::bigint").await, 1);
    }
    server(Some(since)).end(&direct).await.unwrap();
    while number(&direct, &there).await > 0 {
        tokio::task::yield_now().await;
    }
}

async fn number(connection: &impl ConnectionTrait, sql: &str) -> i64 {
    let statement = Statement::from_string(DbBackend::Postgres, sql.to_owned());
    connection.query_one_raw(statement).await.unwrap().unwrap().try_get_by_index(0).unwrap()
}

/// How many transactions of this database wait for a lock.
pub(super) async fn waiting(connection: &DatabaseTransaction) -> i64 {
    let sql = "SELECT COUNT(DISTINCT pid) FROM pg_locks AS waiting JOIN pg_locks AS here USING (pid) \
         JOIN pg_database ON pg_database.oid = here.database WHERE NOT waiting.granted AND datname = current_database()";
    number(connection, sql).await
}
