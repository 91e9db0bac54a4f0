//! Postgres goes away, or falls silent, just when it was told to commit: what was asked for is done once all the same.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use sea_orm::{ConnectionTrait, DatabaseTransaction, DbBackend, Statement, TransactionTrait};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::store::{MessageFilter, Orphans};

on_postgres!(
    a_commit_whose_answer_is_lost_is_done_once,
    a_commit_that_never_arrived_is_done_once,
    a_gateway_that_was_taken_for_dead_learns_what_a_commit_came_to,
    a_connection_that_falls_silent_is_replaced,
    connections_for_reading_that_fall_silent_are_replaced,
    what_is_left_of_a_silent_connection_locks_nothing,
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
}

impl Line {
    async fn to(database: &Database) -> Self {
        let mut url = url::Url::parse(&database.url).unwrap();
        let server = format!("{}:{}", url.host_str().unwrap(), url.port().unwrap_or(5432));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        url.set_host(Some("127.0.0.1")).unwrap();
        url.set_port(Some(listener.local_addr().unwrap().port())).unwrap();
        let line = Self { url: url.into(), commits: Arc::default(), silences: Arc::default() };
        let (commits, silences) = (line.commits.clone(), line.silences.clone());
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = TcpStream::connect(&server).await.unwrap();
                tokio::spawn(carry(client, server, commits.clone(), silences.clone()));
            }
        });
        line
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
}

async fn carry(mut client: TcpStream, mut server: TcpStream, commits: Arc<AtomicUsize>, silences: Arc<AtomicU64>) {
    let since = silences.load(Ordering::SeqCst);
    let (mut asked, mut answered) = (vec![0; 65_536], vec![0; 65_536]);
    loop {
        tokio::select! {
            read = client.read(&mut asked) => {
                let Ok(bytes @ 1..) = read else { return };
                let asked = &asked[..bytes];
                if silences.load(Ordering::SeqCst) > since {
                    // Nobody closes anything.
                    std::future::pending::<()>().await;
                }
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

/// How many transactions wait for a lock.
async fn waiting(connection: &DatabaseTransaction) -> i64 {
    let sql = "SELECT COUNT(*) FROM pg_locks JOIN pg_database ON pg_database.oid = pg_locks.database \
         WHERE NOT granted AND datname = current_database()";
    let statement = Statement::from_string(DbBackend::Postgres, sql.to_owned());
    connection.query_one_raw(statement).await.unwrap().unwrap().try_get_by_index(0).unwrap()
}
