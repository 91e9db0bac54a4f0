//! Opening the database, also when its server is away just now, or while its schema is brought up to date for long: until
//! it is there, what comes in is kept.

use std::pin::pin;
use std::time::Duration;

use anyhow::Context as _;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use crate::config::Config;
use crate::inbound::Early;
use crate::store::{self, Recorded, Store};
use crate::web;

/// How long nobody asks again whether the database is there.
const PAUSE: Duration = Duration::from_secs(1);
/// How long an opening may take before webhooks are kept meanwhile: what comes in until then waits at the door, and a
/// provider gives up after fifteen.
const SOON: Duration = Duration::from_secs(3);

/// An open database, and the way to who calls.
pub(super) struct Opened {
    pub(super) store: Store,
    pub(super) recordings: mpsc::UnboundedReceiver<Recorded>,
    pub(super) door: Door,
}

/// How what is open is served.
struct Serving {
    connections: usize,
    drain: Duration,
    stopping: watch::Receiver<bool>,
}

impl Serving {
    fn serve(self, bound: web::Bound, router: web::Routes) -> JoinHandle<()> {
        tokio::spawn(bound.serve(router, self.connections, self.stopping, self.drain))
    }
}

/// What waits for the routes of a gateway at work.
pub(super) enum Door {
    /// Nothing was served before.
    Closed(Closed),
    /// Webhooks are kept, since the database was away.
    Early { doors: web::Doors, server: JoinHandle<()> },
}

/// What it takes to serve either.
pub(super) struct Closed {
    bound: web::Bound,
    serving: Serving,
    /// Made only if it comes to that: once there is one, a gateway at work begins with the journal.
    early: Box<dyn FnOnce() -> Early>,
    public_url: String,
}

impl Closed {
    /// Opens the database. Should it be away, or take long, webhooks are kept meanwhile.
    async fn open<T>(
        self,
        settings: &store::Settings,
        open: impl AsyncFn() -> Result<T, store::Error>,
    ) -> Result<(Door, T), store::Error> {
        let mut opening = pin!(open());
        let first = timeout(SOON, &mut opening).await;
        let (door, opened) = match first {
            Ok(Ok(opened)) => return Ok((Door::Closed(self), opened)),
            Ok(Err(error @ store::Error::Unavailable(_))) if settings.can_be_away() => (self.keep(), Err(error)),
            Ok(Err(error)) => return Err(error),
            Err(_) => (self.keep(), opening.await),
        };
        let mut away = match opened {
            Ok(opened) => return Ok((door, opened)),
            Err(error) => error,
        };
        while matches!(away, store::Error::Unavailable(_)) && settings.can_be_away() {
            tracing::error!(error = %away, "the database can't be opened yet; is `database.url` right?");
            sleep(PAUSE).await;
            match open().await {
                Ok(opened) => return Ok((door, opened)),
                Err(error) => away = error,
            }
        }
        Err(away)
    }

    /// Keeps webhooks from now on.
    fn keep(self) -> Door {
        let Self { bound, serving, early, public_url } = self;
        let (doors, router) = web::Doors::early(early(), &public_url);
        let address = bound.address();
        let server = serving.serve(bound, router);
        tracing::warn!("the database is not there: webhooks are kept in the journal until it is, all else is refused");
        tracing::info!(%address, "listening");
        Door::Early { doors, server }
    }
}

impl Door {
    /// Serves these, until it is to stop.
    pub(super) fn open(self, router: web::Routes) -> JoinHandle<()> {
        match self {
            Self::Closed(Closed { bound, serving, .. }) => serving.serve(bound, router),
            Self::Early { doors, server } => {
                doors.open(router);
                server
            }
        }
    }

    /// What a step of the start comes to. Should its server go away again, webhooks are kept and the step waits for it:
    /// until it `answers`, and a few times more, for then it may be something that waiting does not mend.
    pub(super) async fn there<T>(
        mut self,
        settings: &store::Settings,
        answers: impl AsyncFn() -> bool,
        step: impl AsyncFn() -> Result<T, store::Error>,
    ) -> Result<(Self, T), store::Error> {
        let mut tries = TRIES;
        loop {
            let away = match step().await {
                Ok(done) => return Ok((self, done)),
                Err(error @ (store::Error::Unavailable(_) | store::Error::Overtaken(_))) if settings.can_be_away() => {
                    error
                }
                Err(error) => return Err(error),
            };
            if answers().await {
                if tries == 0 {
                    return Err(away);
                }
                tries -= 1;
            }
            tracing::error!(error = %away, "the database has gone away again; the start waits for it");
            self = match self {
                Self::Closed(closed) => closed.keep(),
                early @ Self::Early { .. } => early,
            };
            sleep(PAUSE).await;
        }
    }
}

/// Waits for a server that is away, and for a schema that is brought up to date. A mistake, as in `database.url`, is told
/// at once.
pub(super) async fn open(
    config: &Config,
    early: impl FnOnce() -> Early + 'static,
    public_url: &str,
    bound: web::Bound,
    stopping: &watch::Receiver<bool>,
) -> anyhow::Result<Opened> {
    let (settings, stopping) = (&config.database, stopping.clone());
    let serving = Serving { connections: config.server.connections, drain: config.server.drain(), stopping };
    let closed = Closed { bound, serving, early: Box::new(early), public_url: public_url.to_owned() };
    let (door, (store, recordings)) =
        closed.open(settings, || Store::open(settings)).await.context("the database can't be opened")?;
    Ok(Opened { store, recordings, door })
}

/// How often a step is done again by a server that answers.
const TRIES: u32 = 20;

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::collections::BTreeMap;
    use std::net::SocketAddr;
    use std::sync::Arc;

    use tempfile::TempDir;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;

    use super::*;
    use crate::channels::{self, Channels};
    use crate::clock::{Clock, SystemClock};
    use crate::journal::{self, Journal};

    fn settings(url: &str) -> store::Settings {
        store::Settings { url: url.to_owned(), readers: 1, queue: 1, timeout_s: 30 }
    }

    fn journal(folder: &TempDir) -> Journal {
        let path = folder.path().join("journal");
        Journal::open(&journal::Settings { path, max_bytes: 1024 * 1024, after_ms: 100 }, "test").unwrap()
    }

    async fn closed(journal: &Journal, stopping: &watch::Receiver<bool>) -> Closed {
        let channels = Channels::build(&BTreeMap::new(), &channels::no_components).unwrap();
        let (journal, clock, ids): (_, Arc<dyn Clock>, _) = (journal.clone(), Arc::new(SystemClock), Arc::default());
        let early = Box::new(move || Early::new(&channels, &journal, &clock, &ids));
        let bound = web::Bound::bind(([127, 0, 0, 1], 0).into()).await.unwrap();
        let serving = Serving { connections: 10, drain: Duration::ZERO, stopping: stopping.clone() };
        Closed { bound, serving, early, public_url: "http://localhost".to_owned() }
    }

    async fn ready(address: SocketAddr) -> String {
        // Sockets know no virtual time.
        tokio::time::resume();
        let mut answer = String::new();
        let answered = async {
            let mut socket = TcpStream::connect(address).await.unwrap();
            let request = b"GET /readyz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
            socket.write_all(request).await.unwrap();
            socket.read_to_string(&mut answer).await.unwrap();
        };
        timeout(Duration::from_secs(10), answered).await.expect("somebody answers");
        tokio::time::pause();
        answer
    }

    fn away() -> store::Error {
        store::Error::Unavailable("gone".to_owned())
    }

    #[tokio::test(start_paused = true)]
    async fn a_step_waits_for_a_server_that_goes_again_and_webhooks_are_kept_meanwhile() {
        let folder = tempfile::tempdir().unwrap();
        let (journal, (_stop, stopping)) = (journal(&folder), watch::channel(false));
        let closed = closed(&journal, &stopping).await;
        let (address, tries) = (closed.bound.address(), Cell::new(0));
        let step = async || {
            tries.set(tries.get() + 1);
            match tries.get() {
                1 => return Err(away()),
                2 => assert!(ready(address).await.contains("degraded")),
                _ => return Ok(()),
            }
            Err(store::Error::Overtaken("by another".to_owned()))
        };
        let (door, ()) =
            Door::Closed(closed).there(&settings("postgres://localhost/recado"), async || false, step).await.unwrap();
        assert!(matches!(door, Door::Early { .. }) && journal.is_held());
        assert_eq!(tries.get(), 3);
    }

    #[tokio::test]
    async fn what_waiting_does_not_mend_ends_the_start_and_nothing_is_served_where_nothing_is_away() {
        let folder = tempfile::tempdir().unwrap();
        let (journal, (_stop, stopping)) = (journal(&folder), watch::channel(false));
        let (file, server) = (settings("sqlite://recado.db"), settings("postgres://localhost/recado"));
        for (settings, error) in [(&file, away()), (&server, store::Error::Refused("a defect".to_owned()))] {
            let step = async || Err::<(), _>(error.clone());
            let ended = Door::Closed(closed(&journal, &stopping).await).there(settings, async || false, step).await;
            assert_eq!(ended.err().unwrap().to_string(), error.to_string());
        }
        let step = async || Ok(7);
        let (door, seven) =
            Door::Closed(closed(&journal, &stopping).await).there(&server, async || false, step).await.unwrap();
        assert!(matches!(door, Door::Closed(_)) && !journal.is_held());
        assert_eq!(seven, 7);
    }

    #[tokio::test(start_paused = true)]
    async fn while_the_schema_is_brought_up_to_date_for_long_webhooks_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        let (journal, (_stop, stopping)) = (journal(&folder), watch::channel(false));
        for (settings, takes, is_kept) in [
            (settings("sqlite://recado.db"), SOON * 10, true),
            (settings("postgres://localhost/recado"), SOON * 10, true),
            (settings("sqlite://recado.db"), SOON / 2, false),
        ] {
            let closed = closed(&journal, &stopping).await;
            let (address, tries) = (closed.bound.address(), Cell::new(0));
            let open = async || {
                tries.set(tries.get() + 1);
                sleep(takes).await;
                if is_kept {
                    assert!(ready(address).await.contains("degraded"));
                }
                Ok(7)
            };
            let (door, seven) = closed.open(&settings, open).await.unwrap();
            assert_eq!((matches!(door, Door::Early { .. }), seven, tries.get()), (is_kept, 7, 1));
        }
        // A server that goes away meanwhile is waited for; what is wrong is told.
        let tries = Cell::new(0);
        let open = async || {
            tries.set(tries.get() + 1);
            sleep(SOON * 2).await;
            if tries.get() < 3 { Err::<(), _>(away()) } else { Err(store::Error::Refused("a defect".to_owned())) }
        };
        let server = settings("postgres://localhost/recado");
        let ended = closed(&journal, &stopping).await.open(&server, open).await;
        assert!(matches!(ended.err().unwrap(), store::Error::Refused(_)));
        assert_eq!(tries.get(), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn a_step_that_fails_although_the_server_answers_ends_the_start_after_a_while() {
        let folder = tempfile::tempdir().unwrap();
        let (journal, (_stop, stopping)) = (journal(&folder), watch::channel(false));
        let (closed, tries) = (closed(&journal, &stopping).await, Cell::new(0));
        let step = async || {
            tries.set(tries.get() + 1);
            Err::<(), _>(away())
        };
        // It is away at first.
        let answers = async || tries.get() > 5;
        let ended = Door::Closed(closed).there(&settings("postgres://localhost/recado"), answers, step).await;
        assert_eq!(ended.err().unwrap().to_string(), away().to_string());
        assert_eq!(tries.get(), 5 + TRIES + 1);
    }
}
