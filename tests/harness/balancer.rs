//! One address for several gateways, as a load balancer is: each connection goes to the next gateway that
//! takes it.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

use crate::Must;
use crate::background::block;

/// At work until it is dropped.
pub(crate) struct Balancer {
    address: SocketAddr,
    gateways: Gateways,
    /// Ends the accept loop when it is dropped.
    _running: oneshot::Sender<()>,
}

#[derive(Clone, Default)]
struct Gateways {
    addresses: Arc<Mutex<Vec<SocketAddr>>>,
    turn: Arc<AtomicUsize>,
}

impl Balancer {
    pub(crate) fn start() -> Self {
        let gateways = Gateways::default();
        let (running, mut stopped) = oneshot::channel();
        let all = gateways.clone();
        let address = block(async move {
            let listener = TcpListener::bind("127.0.0.1:0").await.must("a port");
            let address = listener.local_addr().must("a port");
            tokio::spawn(async move {
                loop {
                    tokio::select! {
                        Ok((connection, _)) = listener.accept() => drop(tokio::spawn(all.clone().forward(connection))),
                        _ = &mut stopped => return,
                    }
                }
            });
            address
        });
        Self { address, gateways, _running: running }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Those that connections go to from now on.
    pub(crate) fn set(&self, gateways: Vec<SocketAddr>) {
        *self.gateways.addresses.lock().unwrap_or_else(PoisonError::into_inner) = gateways;
    }
}

impl Gateways {
    /// Ends both sides as soon as one of them is gone.
    async fn forward(self, mut connection: TcpStream) {
        let addresses = self.addresses.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let first = self.turn.fetch_add(1, Ordering::Relaxed);
        for offset in 0..addresses.len() {
            let address = addresses[(first + offset) % addresses.len()];
            if let Ok(mut gateway) = TcpStream::connect(address).await {
                let _ = copy_bidirectional(&mut connection, &mut gateway).await;
                return;
            }
        }
    }
}
