//! The accept loop: a cap on connections, time limits for request heads and for what a client does not take, and a stop
//! that lets what is under way finish.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::body::Incoming;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};

use super::stalled::Patient;

/// How long a client may take to send a request's head, and may stay silent between two.
const HEAD: Duration = Duration::from_secs(15);
/// How long a client may take nothing of what is written to it.
const TAKING: Duration = Duration::from_secs(30);
/// The most bytes of a request's head.
const HEAD_BYTES: usize = 32 * 1024;
/// A pause after an accept that failed, as when the process has no file descriptors left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Who is at the other end of a request's connection: the client, or a proxy in front of us.
#[derive(Clone, Copy, Debug)]
pub(super) struct Peer(pub(super) SocketAddr);

/// Why the gateway can't listen.
#[derive(Debug, thiserror::Error)]
#[error("can't listen on {address}: {reason}. Is another gateway running?")]
pub struct BindError {
    address: SocketAddr,
    reason: std::io::Error,
}

/// A socket that listens already, so that its port is known before anything is served.
pub struct Bound {
    listener: TcpListener,
    address: SocketAddr,
}

impl Bound {
    pub async fn bind(address: SocketAddr) -> Result<Self, BindError> {
        let listener = TcpListener::bind(address).await.map_err(|reason| BindError { address, reason })?;
        let address = listener.local_addr().map_err(|reason| BindError { address, reason })?;
        Ok(Self { listener, address })
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until told to stop, then gives what is under way `drain` to finish.
    pub async fn serve(self, router: Router, connections: usize, stop: watch::Receiver<bool>, drain: Duration) {
        self.serve_patiently(router, connections, stop, drain, TAKING).await;
    }

    /// Likewise, and cuts off who takes nothing for so long.
    pub(super) async fn serve_patiently(
        self,
        router: Router,
        connections: usize,
        mut stop: watch::Receiver<bool>,
        drain: Duration,
        patience: Duration,
    ) {
        let graceful = GracefulShutdown::new();
        let free = Arc::new(Semaphore::new(connections.max(1)));
        loop {
            let next = async {
                let permit = Arc::clone(&free).acquire_owned().await;
                (permit, self.listener.accept().await)
            };
            let (permit, accepted) = tokio::select! {
                next = next => next,
                _ = stop.wait_for(|stop| *stop) => break,
            };
            match accepted {
                Ok((socket, peer)) => {
                    // Small answers shall not wait for more to come; where it can't be set, they just do.
                    let _ = socket.set_nodelay(true);
                    let service = TowerToHyperService::new(router.clone());
                    let service = service_fn(move |mut request: hyper::Request<Incoming>| {
                        request.extensions_mut().insert(Peer(peer));
                        service.call(request)
                    });
                    let socket = TokioIo::new(Patient::of(socket, patience));
                    let connection = graceful.watch(http().serve_connection(socket, service));
                    tokio::spawn(async move {
                        // A connection that breaks off concerns its client alone.
                        let _ = connection.await;
                        drop(permit);
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "a connection was not accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
        drop(self.listener);
        if tokio::time::timeout(drain, graceful.shutdown()).await.is_err() {
            tracing::warn!("some requests did not finish in time and were cut off");
        }
    }
}

fn http() -> hyper::server::conn::http1::Builder {
    let mut http = hyper::server::conn::http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEAD).max_buf_size(HEAD_BYTES);
    http
}
