//! Opening the database, also when its server is away just now: until it is there, what comes in is kept.

use std::time::Duration;

use anyhow::Context as _;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::sleep;

use crate::config::Config;
use crate::inbound::Early;
use crate::store::{self, Recorded, Store};
use crate::web;

/// How long nobody asks again whether the database is there.
const PAUSE: Duration = Duration::from_secs(1);

/// An open database, and the way to who calls.
pub(super) struct Opened {
    pub(super) store: Store,
    pub(super) recordings: mpsc::UnboundedReceiver<Recorded>,
    pub(super) door: Door,
}

/// How what is open is served.
#[derive(Clone, Copy)]
pub(super) struct Serving {
    connections: usize,
    drain: Duration,
}

/// What waits for the routes of a gateway at work.
pub(super) enum Door {
    /// Nothing was served before.
    Closed { bound: web::Bound, serving: Serving, stopping: watch::Receiver<bool> },
    /// Webhooks were kept while the database was away.
    Early { doors: web::Doors, server: JoinHandle<()> },
}

impl Door {
    /// Serves these, until it is to stop.
    pub(super) fn open(self, router: web::Routes) -> JoinHandle<()> {
        match self {
            Self::Closed { bound, serving, stopping } => serve(bound, router, serving, stopping),
            Self::Early { doors, server } => {
                doors.open(router);
                server
            }
        }
    }
}

fn serve(
    bound: web::Bound,
    router: web::Routes,
    Serving { connections, drain }: Serving,
    stopping: watch::Receiver<bool>,
) -> JoinHandle<()> {
    tokio::spawn(bound.serve(router, connections, stopping, drain))
}

/// Waits for a server that is away. A mistake, as in `database.url`, is told at once.
pub(super) async fn open(
    config: &Config,
    early: Early,
    public_url: &str,
    bound: web::Bound,
    stopping: &watch::Receiver<bool>,
) -> anyhow::Result<Opened> {
    let settings = &config.database;
    let serving = Serving { connections: config.server.connections, drain: config.server.drain() };
    let mut away = match Store::open(settings).await {
        Ok((store, recordings)) => {
            let door = Door::Closed { bound, serving, stopping: stopping.clone() };
            return Ok(Opened { store, recordings, door });
        }
        Err(error @ store::Error::Unavailable(_)) if settings.can_be_away() => error,
        Err(error) => return Err(error).context(UNOPENED),
    };
    let (doors, router) = web::Doors::early(early, public_url);
    let address = bound.address();
    let server = serve(bound, router, serving, stopping.clone());
    tracing::warn!("the database is away: webhooks are kept in the journal until it is there, all else is refused");
    tracing::info!(%address, "listening");
    while let store::Error::Unavailable(_) = away {
        tracing::error!(error = %away, "the database can't be opened yet; is `database.url` right?");
        sleep(PAUSE).await;
        match Store::open(settings).await {
            Ok((store, recordings)) => {
                let door = Door::Early { doors, server };
                return Ok(Opened { store, recordings, door });
            }
            Err(error) => away = error,
        }
    }
    Err(away).context(UNOPENED)
}

const UNOPENED: &str = "the database can't be opened";
