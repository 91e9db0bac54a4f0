//! Putting a gateway together and running it.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use tokio::sync::{Notify, broadcast, watch};
use tokio::task::JoinHandle;

use crate::channels::Channels;
use crate::clock::{Clock, Ids, SystemClock};
use crate::config::Config;
use crate::inbound::{self, Inbound};
use crate::message::Locale;
use crate::outbound::{self, Outbound};
use crate::store::Store;
use crate::transport::{HttpTransport, Limits, Transport};
use crate::{delivery, plugins, web};

/// A gateway at work.
pub(super) struct Gateway {
    pub(super) store: Store,
    pub(super) ids: Arc<Ids>,
    stop: watch::Sender<bool>,
    server: JoinHandle<()>,
    delivery: JoinHandle<()>,
    inbound: Inbound,
    drain: Duration,
}

impl Gateway {
    /// Opens the database, loads the plugins, takes up what an earlier run left, and listens.
    pub(super) async fn start(config: &Config, bound: web::Bound) -> anyhow::Result<Self> {
        let public_url = config.server.public_url.clone().unwrap_or_else(|| format!("http://{}", bound.address()));
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let ids = Arc::new(Ids::default());
        let channels = Channels::build(&config.channels)?;
        let chain = plugins::load(&config.plugins).await?;
        let (store, recordings) = Store::open(&config.database).await.context("the database can't be opened")?;
        let (stop, stopping) = watch::channel(false);
        let outbox = Arc::new(Notify::new());
        let pauses = delivery::Pauses::default();
        let locale = Locale::from_tag(&config.defaults.locale);
        let (settled, _) = broadcast::channel(1024);
        let place = config.defaults.place();
        let total = Duration::from_secs(u64::from(config.delivery.timeout_s));
        let transport: Arc<dyn Transport> = Arc::new(HttpTransport::new(Limits { total, ..Limits::default() })?);

        let inbound = Inbound::start(
            inbound::Parts {
                store: store.clone(),
                channels: channels.clone(),
                chain,
                clock: Arc::clone(&clock),
                ids: Arc::clone(&ids),
                settings: config.inbound.clone(),
                place: place.clone(),
                public_url: public_url.clone(),
                outbox: Arc::clone(&outbox),
            },
            recordings,
        )
        .await?;
        let outbound = Outbound::new(outbound::Parts {
            store: store.clone(),
            channels: channels.clone(),
            clock: Arc::clone(&clock),
            ids: Arc::clone(&ids),
            place,
            region: config.defaults.region.clone(),
            transport: Arc::clone(&transport),
            outbox: Arc::clone(&outbox),
            settled: settled.clone(),
        });
        let delivery = tokio::spawn(delivery::run(
            delivery::Parts {
                store: store.clone(),
                channels: channels.clone(),
                transport,
                clock: Arc::clone(&clock),
                ids: Arc::clone(&ids),
                settings: config.delivery.clone(),
                public_url: public_url.clone(),
                outbox,
                settled,
                pauses: pauses.clone(),
                locale,
            },
            stopping.clone(),
        ));
        let router = web::router(web::App {
            inbound: inbound.clone(),
            outbound,
            store: store.clone(),
            channels,
            pauses,
            clock,
            locale,
            region: config.defaults.region.as_str().into(),
            public_url: public_url.into(),
            stopping: stopping.clone(),
        });
        let drain = Duration::from_secs(u64::from(config.server.drain_s));
        let server = tokio::spawn(bound.serve(router, config.server.connections, stopping, drain));
        Ok(Self { store, ids, stop, server, delivery, inbound, drain })
    }

    /// Stops accepting, finishes what is under way, and gives up when the time is over: what is
    /// left then is on disk and taken up by the next start.
    pub(super) async fn stop(self) {
        self.stop.send_replace(true);
        let finished = async {
            let _ = self.server.await;
            self.inbound.drain().await;
            let _ = self.delivery.await;
        };
        if tokio::time::timeout(self.drain + Duration::from_secs(1), finished).await.is_err() {
            tracing::warn!("stopped before all was done; the next start goes on with it");
        }
    }
}

/// A new API key: random enough that nobody guesses it.
pub(super) fn random_key() -> anyhow::Result<String> {
    let mut random = [0; 24];
    getrandom::fill(&mut random).map_err(|error| anyhow::anyhow!("the system gives no random bytes: {error}"))?;
    Ok(web::new_key(random))
}

/// Waits until somebody asks the process to stop. A second time, it stops at once.
pub(super) async fn stop_signal() {
    use tokio::signal::unix::{SignalKind, signal};
    let terminate = signal(SignalKind::terminate());
    let Ok(mut terminate) = terminate else {
        let _ = tokio::signal::ctrl_c().await;
        return;
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
    tokio::spawn(async move {
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = terminate.recv() => {}
        }
        std::process::abort();
    });
}
