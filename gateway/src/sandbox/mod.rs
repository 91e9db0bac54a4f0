//! The local Twilio: a real HTTP server that imitates Twilio's messaging API for one account with one
//! number, calls the number's webhook as Twilio would, carries out the TwiML it gets back, and shows the
//! customers' phones on a page.
//!
//! It stands where the network and the carriers stand, so it must not know anything of the gateway's
//! inside: only HTTP passes between the two, and nothing leaves the machine.

mod account;
mod caller;
mod controls;
mod cookies;
mod create;
mod creates;
mod dates;
mod draft;
mod editing;
mod errors;
mod faults;
mod files;
mod guard;
mod inbound;
mod journal;
mod ledger;
mod lifecycle;
mod links;
mod listing;
mod lookup;
mod media;
mod message;
mod number;
mod numbers;
mod options;
mod optout;
mod outcomes;
mod page;
mod reply;
mod reports;
mod rest;
mod rules;
mod services;
mod timeline;
mod traffic;
mod twiml;
mod wire;
mod wishes;
mod xml;

#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use secrecy::SecretString;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::clock::Clock;
use crate::transport::Failure;
use account::Account;
use wire::{Scissors, Wire};

/// How long a stop waits for requests under way.
const GRACE: Duration = Duration::from_secs(5);

/// The account that is imitated.
#[derive(Clone, Debug)]
pub struct Settings {
    pub account_sid: String,
    pub auth_token: SecretString,
    /// The account's one number, in E.164.
    pub number: String,
    /// The Messaging Service that the number belongs to.
    pub messaging_service_sid: Option<String>,
    /// The number's webhook; it can be set later too.
    pub inbound_url: Option<String>,
    /// A file in which messages survive a restart.
    pub keep: Option<PathBuf>,
    pub pace: Pace,
}

/// How fast a message goes from one status to the next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pace {
    /// Slow enough to watch: sent after 0.4 s, delivered after 0.9 s.
    #[default]
    Lively,
    /// Without a pause, for tests.
    Immediate,
}

/// Why the local Twilio does not run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the local Twilio can't listen on {address}: {source}")]
    Bind { address: SocketAddr, source: std::io::Error },
    #[error("the local Twilio can't keep its messages in {}: {source}", path.display())]
    Keep { path: PathBuf, source: std::io::Error },
    #[error("the local Twilio can't call webhooks: {0}")]
    Transport(#[from] Failure),
    #[error("{0}")]
    Fault(String),
}

/// A taken port that nobody is served on yet, so that its URL can be told before all is wired.
#[derive(Debug)]
pub struct Bound {
    listener: TcpListener,
    address: SocketAddr,
}

impl Bound {
    pub async fn bind(listen: SocketAddr) -> Result<Self, Error> {
        let refused = |source| Error::Bind { address: listen, source };
        let listener = TcpListener::bind(listen).await.map_err(refused)?;
        let address = listener.local_addr().map_err(refused)?;
        Ok(Self { listener, address })
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where this machine reaches it.
    pub fn url(&self) -> String {
        let mut address = self.address;
        if address.ip().is_unspecified() {
            address.set_ip(match address {
                SocketAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
                SocketAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
            });
        }
        format!("http://{address}")
    }

    /// Starts to serve. Messages that an earlier run left under way go on from where they stood.
    #[expect(clippy::unused_async, reason = "it spawns, so it needs a runtime; async says so to the caller")]
    pub async fn serve(self, settings: Settings, clock: Arc<dyn Clock>) -> Result<Sandbox, Error> {
        let url = self.url();
        let account = Arc::new(Account::open(settings, url.clone(), clock)?);
        for message in account.ledger.all() {
            lifecycle::start(&account, &message.sid);
        }
        let stopping = account.stopping.clone();
        let app = rest::router(&account).merge(page::router(&account)).merge(open(&account));
        let serving = axum::serve(Wire(self.listener), app.into_make_service_with_connect_info::<Scissors>())
            .with_graceful_shutdown(async move { stopping.cancelled().await });
        let server = tokio::spawn(async move {
            if let Err(error) = serving.await {
                tracing::error!(%error, "the local Twilio stopped");
            }
        });
        Ok(Sandbox { url, account, server })
    }
}

/// What needs no password, since nobody guesses the addresses: where links and media lead to.
fn open(account: &Arc<Account>) -> Router {
    Router::new()
        .route("/{link}", get(links::follow))
        .route("/media/{account}/{file}", get(files::fetch))
        .with_state(Arc::clone(account))
}

/// The running local Twilio. It runs until [`stop`](Self::stop), or until the runtime ends.
pub struct Sandbox {
    url: String,
    account: Arc<Account>,
    server: JoinHandle<()>,
}

impl Sandbox {
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Sets the webhook that is called when somebody texts the number.
    pub fn set_inbound_url(&self, url: String) {
        let done: Result<(), std::convert::Infallible> = self.account.set_up_number(|number| {
            number.inbound_url = Some(url);
            Ok(())
        });
        let Ok(()) = done;
    }

    /// Makes these faults happen, in place of those before. Each is written as `NAME`, `NAME=every:5` or
    /// `NAME=0.1`.
    pub fn set_faults(&self, faults: &[String]) -> Result<(), Error> {
        let rules = faults::written(faults.iter().map(String::as_str)).map_err(Error::Fault)?;
        self.account.faults.set(&rules).map_err(Error::Fault)
    }

    /// Takes no more requests, lets those under way end, and drops what was still to be called back.
    pub async fn stop(mut self) {
        self.account.stop().await;
        if tokio::time::timeout(GRACE, &mut self.server).await.is_err() {
            self.server.abort();
        }
    }
}
