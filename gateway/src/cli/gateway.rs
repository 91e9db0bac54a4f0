//! Putting a gateway together and running it.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use tokio::sync::{Notify, broadcast, watch};
use tokio::task::JoinHandle;

use super::opening::{self, Opened};
use super::random::{random, random_seed};
use super::{doctor, reloading, transports};
use crate::bulks::{self, Bulks};
use crate::channels::Channels;
use crate::clock::{Clock, Ids, SystemClock};
use crate::config::Config;
use crate::configuring::{self, Configuring};
use crate::deciding::{self, Deciding};
use crate::events::{self, Endpoints};
use crate::followups;
use crate::gate::Rules;
use crate::gauges::{self, Gauges};
use crate::inbound::{self, Early, Inbound};
use crate::journal::Journal;
use crate::lookup::{self, Lookup};
use crate::media::{self, Files, Uploads};
use crate::message::Locale;
use crate::outbound::{self, Outbound};
use crate::pauses::Pauses;
use crate::processing::{self, Processing};
use crate::rates::Rates;
use crate::replay::Replay;
use crate::store::Store;
use crate::transport::{HttpTransport, Limits, Reach, Transport};
use crate::{
    callbacks, components, conversations, delivery, metrics, plugins, reconcile, removals, retention, spans, web,
};

/// A gateway at work.
pub(super) struct Gateway {
    pub(super) store: Store,
    pub(super) ids: Arc<Ids>,
    stop: watch::Sender<bool>,
    server: JoinHandle<()>,
    delivery: JoinHandle<()>,
    media: JoinHandle<()>,
    reconcile: JoinHandle<()>,
    followups: JoinHandle<()>,
    callbacks: JoinHandle<()>,
    events: JoinHandle<()>,
    removals: JoinHandle<()>,
    retention: JoinHandle<()>,
    conversations: JoinHandle<()>,
    bulks: JoinHandle<()>,
    inbound: Inbound,
    /// True before it stops, for who asks whether it is ready.
    leaving: watch::Sender<bool>,
    under_way: delivery::UnderWay,
    announce: Duration,
    drain: Duration,
}

impl Gateway {
    /// Opens the database, loads the plugins, takes up what an earlier run left, and listens.
    #[expect(clippy::too_many_lines, reason = "the one place where all rooms meet, line by line")]
    pub(super) async fn start(config: &Config, source: plugins::Source, bound: web::Bound) -> anyhow::Result<Self> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        metrics::start();
        metrics::START.set("", [], clock.now().as_duration().as_secs_f64());
        let public_url = config.server.public_url.clone().unwrap_or_else(|| format!("http://{}", bound.address()));
        let ids = Arc::new(Ids::default());
        let components = components::Loader::new(&random()?);
        let channels = Channels::build(&config.channels, &|name, settings| components.load(name, settings))?;
        let engine = plugins::wasm::Engine::keeping(config.plugin_host.cache())?;
        let journal = Journal::open(&config.journal, &hex::encode(&random()?[..6]))
            .context("the journal is needed while the database is away; `journal.path` is its folder")?;
        let endpoints = Endpoints::build(&config.endpoints)?;
        let (stop, stopping) = watch::channel(false);
        let early = (channels.clone(), journal.clone(), Arc::clone(&clock), Arc::clone(&ids));
        let early = move || Early::new(&early.0, &early.1, &early.2, &early.3);
        let Opened { store, recordings, door } = opening::open(config, early, &public_url, bound, &stopping).await?;
        let asked = store.clone();
        let answers = &async || asked.ping().await.is_ok();
        // Loading plugins asks for these at once.
        let (door, _) = door.there(&config.database, answers, || store.plugin_configs()).await?;
        let loader = plugins::Loader::start(engine, source, configuring::kept(store.clone())).await?;
        let store = store.asking(config.reconcile.questions());
        let rules = Rules::new(&config.gate, &config.defaults.home());
        store.gate_by(rules.clone());
        store.handle_by(config.conversations.rules());
        let locale = Locale::from_tag(&config.defaults.locale);
        store.subscribe(endpoints.subscriptions(channels.clone(), locale, &config.stream));
        let first = async || {
            endpoints.introduce(&store).await?;
            Ok((store.newest_waiting().await?, store.paused().await?))
        };
        let (door, (newest, by_hand)) = door.there(&config.database, answers, first).await?;
        if let Some(newest) = newest {
            ids.after(newest);
        }
        let folder = &config.media.path;
        let files = Files::open(folder, clock.now())
            .with_context(|| format!("the folder {} (`media.path`) can't be used", folder.display()))?;
        let (leaving, is_leaving) = watch::channel(false);
        let under_way = delivery::UnderWay::default();
        spans::start(&config.telemetry, Arc::clone(&clock), Arc::new(HttpTransport::new(transports::SPANS)?));
        let wanted = Arc::new(Notify::new());
        let outbox = Arc::new(Notify::new());
        let pauses = Pauses::new(channels.clone(), config.delivery.lengths(), locale);
        pauses.set_by_hand(by_hand.into_keys());
        let said = config.channels.iter().map(|(name, settings)| (name.clone(), settings.rates().clone())).collect();
        let rates = Rates::new(channels.clone(), said, config.delivery.gateways);
        let (settled, _) = broadcast::channel(1024);
        let place = config.defaults.place();
        let total = Duration::from_secs(u64::from(config.delivery.timeout_s));
        let transport: Arc<dyn Transport> = Arc::new(HttpTransport::new(Limits { total, ..Limits::default() })?);
        let (in_force, of_reports) = (loader.in_force(), Arc::clone(&ids));
        store.report_when(move |now| in_force.chain().wants_status().then(|| of_reports.next(now)));
        let deciding = Deciding::new(deciding::Parts {
            store: store.clone(),
            plugins: loader.in_force(),
            clock: Arc::clone(&clock),
            ids: Arc::clone(&ids),
            place: place.clone(),
            random: random_seed,
        });
        let uploads = Uploads::new(media::UploadsParts {
            store: store.clone(),
            files: files.clone(),
            clock: Arc::clone(&clock),
            ids: Arc::clone(&ids),
            public_url: public_url.clone(),
            max_bytes: config.media.max_bytes,
            link_ttl_h: config.media.link_ttl_h,
            random: || random().ok(),
        });
        let outbound = Outbound::new(outbound::Parts {
            store: store.clone(),
            deciding: deciding.clone(),
            channels: channels.clone(),
            clock: Arc::clone(&clock),
            ids: Arc::clone(&ids),
            place: place.clone(),
            region: config.defaults.region.clone(),
            transport: Arc::clone(&transport),
            outbox: Arc::clone(&outbox),
            uploads: uploads.clone(),
            settled: settled.clone(),
        });
        tokio::spawn(outbound.clone().recall(stopping.clone()));
        let bulks = Bulks::new(bulks::Parts {
            store: store.clone(),
            outbound: outbound.clone(),
            clock: Arc::clone(&clock),
            ids: Arc::clone(&ids),
            locale,
        });
        let working = tokio::spawn(bulks::run(bulks.clone(), stopping.clone()));
        let processing = Processing::new(processing::Parts {
            store: store.clone(),
            deciding,
            outbound: outbound.clone(),
            clock: Arc::clone(&clock),
            ids: Arc::clone(&ids),
            endpoints: endpoints.clone(),
            parallel: config.inbound.parallel,
            outbox: Arc::clone(&outbox),
            patience: processing::Patience::default(),
        });
        let inbound = Inbound::new(inbound::Parts {
            store: store.clone(),
            journal,
            journal_after: Duration::from_millis(u64::from(config.journal.after_ms)),
            channels: channels.clone(),
            processing: processing.clone(),
            clock: Arc::clone(&clock),
            ids: Arc::clone(&ids),
            settings: config.inbound.clone(),
            place,
            public_url: public_url.clone(),
            outbox: Arc::clone(&outbox),
            wanted: Arc::clone(&wanted),
            pauses: pauses.clone(),
            rates: rates.clone(),
            alone: config.delivery.gateways == 1,
            rules,
        });
        let (door, ()) = door.there(&config.database, answers, || inbound.join()).await?;
        inbound.start(recordings);
        tokio::spawn(store.clone().wake_each_other(config.database.url.clone()));
        tokio::spawn(store.clone().know_tables(stopping.clone()));
        let followups = tokio::spawn(followups::run(
            followups::Parts {
                store: store.clone(),
                processing,
                clock: Arc::clone(&clock),
                settings: config.followups.clone(),
            },
            stopping.clone(),
        ));
        let delivery = tokio::spawn(delivery::run(
            delivery::Parts {
                store: store.clone(),
                channels: channels.clone(),
                transport: Arc::clone(&transport),
                clock: Arc::clone(&clock),
                ids: Arc::clone(&ids),
                settings: config.delivery.clone(),
                public_url: public_url.clone(),
                links_last: Duration::from_hours(u64::from(config.media.link_ttl_h)),
                outbox: Arc::clone(&outbox),
                settled: settled.clone(),
                pauses: pauses.clone(),
                rates: rates.clone(),
                turns: delivery::Turns::default(),
                under_way: under_way.clone(),
            },
            stopping.clone(),
        ));
        // A page of a list is longer than what a send is answered.
        let limits = Limits { total, response: 16 * 1024 * 1024, ..Limits::default() };
        let reconcile = tokio::spawn(reconcile::run(
            reconcile::Parts {
                store: store.clone(),
                channels: channels.clone(),
                transport: Arc::new(HttpTransport::new(limits)?),
                clock: Arc::clone(&clock),
                ids: Arc::clone(&ids),
                settings: config.reconcile.clone(),
                tries: config.delivery.tries,
                pauses: pauses.clone(),
                outbox,
                settled,
            },
            inbound.clone(),
            stopping.clone(),
        ));
        let retention = tokio::spawn(retention::run(
            retention::Parts {
                store: store.clone(),
                files: files.clone(),
                clock: Arc::clone(&clock),
                settings: config.retention.clone(),
            },
            stopping.clone(),
        ));
        let (clock_of_quiet, settings) = (Arc::clone(&clock), config.conversations.clone());
        let quiet = conversations::Parts { store: store.clone(), clock: clock_of_quiet, settings };
        let conversations = tokio::spawn(conversations::run(quiet, stopping.clone()));
        let lookup = Lookup::new(lookup::Parts {
            store: store.clone(),
            channels: channels.clone(),
            transport: Arc::new(HttpTransport::new(Limits::default())?),
            clock: Arc::clone(&clock),
            region: config.defaults.region.clone(),
            settings: config.lookup.clone(),
        });
        let media = tokio::spawn(media::run(
            media::Parts {
                store: store.clone(),
                channels: channels.clone(),
                chosen: transports::media(&config.media, Reach::Anyone)?,
                public: transports::media(&config.media, Reach::Public)?,
                files,
                clock: Arc::clone(&clock),
                ids: Arc::clone(&ids),
                settings: config.media.clone(),
                wanted,
            },
            stopping.clone(),
        ));
        let replay = Replay {
            store: store.clone(),
            place: config.defaults.place(),
            history: config.followups.state_history(),
            clock: Arc::clone(&clock),
            parallel: 2,
        };
        reloading::check_before(&loader, &replay, &config.plugin_files);
        reloading::keep_fresh(&loader, &config.plugin_files, &stopping);
        let configuring = Configuring { store: store.clone(), plugins: loader.clone() };
        tokio::spawn(configuring::follow(configuring.clone(), stopping.clone()));
        let telling = transports::callbacks(config, &store, &clock)?;
        let callbacks = tokio::spawn(callbacks::run(telling, stopping.clone()));
        let telling = events::run(endpoints.clone(), store.clone(), Arc::clone(&clock), stopping.clone());
        let events = tokio::spawn(telling);
        tokio::spawn(events::forget(config.stream.clone(), store.clone(), Arc::clone(&clock), stopping.clone()));
        let removing = removals::Parts {
            store: store.clone(),
            channels: channels.clone(),
            transport,
            clock: Arc::clone(&clock),
            timeout: total,
        };
        let removals = tokio::spawn(removals::run(removing, stopping.clone()));
        tokio::spawn(gauges::run(stopping.clone()));
        let gauges = Gauges::new(gauges::Parts {
            store: store.clone(),
            channels: channels.clone(),
            inbound: inbound.clone(),
            pauses: pauses.clone(),
            plugins: loader.in_force(),
            endpoints: endpoints.clone(),
            clock: Arc::clone(&clock),
        });
        let console =
            web::Console::new(config.console.clone(), config.defaults.place(), Arc::clone(&ids), &public_url, || {
                random().ok()
            });
        let examine = doctor::examine(config, &channels, &clock)?;
        let router = web::router(web::Shared {
            inbound: inbound.clone(),
            outbound,
            bulks,
            uploads,
            lookup,
            store: store.clone(),
            keys: web::Keys::new(store.clone()),
            ids: Arc::clone(&ids),
            channels,
            examine,
            pauses,
            rates,
            plugins: loader,
            configuring,
            replay,
            endpoints,
            gauges,
            console,
            proxies: web::Proxies::new(&config.server.trusted_proxies),
            listeners: web::Listeners::new(config.stream.is_kept()),
            metrics_token: config.server.metrics_token.clone(),
            clock,
            locale,
            place_locale: config.defaults.locale.as_str().into(),
            region: config.defaults.region.as_str().into(),
            public_url: public_url.into(),
            private_callbacks: config.callbacks.private_addresses,
            stopping: is_leaving,
        });
        let server = door.open(router);
        Ok(Self {
            store,
            ids,
            stop,
            server,
            delivery,
            media,
            reconcile,
            followups,
            callbacks,
            events,
            removals,
            retention,
            conversations,
            bulks: working,
            inbound,
            leaving,
            under_way,
            announce: Duration::from_secs(u64::from(config.server.announce_s)),
            drain: config.server.drain(),
        })
    }

    /// Says that it is not ready, stops accepting, finishes what is under way, and gives up when the time is
    /// over: what is left then is on disk and taken up by the next start.
    pub(super) async fn stop(self) {
        self.leaving.send_replace(true);
        tokio::time::sleep(self.announce).await;
        self.stop.send_replace(true);
        let finished = async {
            let _ = self.server.await;
            // Before what they put into the lanes is waited for.
            let _ = self.reconcile.await;
            let _ = self.followups.await;
            self.inbound.drain().await;
            let _ = self.bulks.await;
            let _ = self.delivery.await;
            let _ = self.media.await;
            let _ = self.callbacks.await;
            let _ = self.events.await;
            let _ = self.removals.await;
            let _ = self.retention.await;
            let _ = self.conversations.await;
        };
        if tokio::time::timeout(self.drain + LAST, finished).await.is_err() {
            tracing::warn!("stopped before all was done; the next start goes on with it");
        }
        // Should the database be away, the leases end by themselves.
        let _ = tokio::time::timeout(LAST, self.under_way.give_up(&self.store, SystemClock.now())).await;
        let _ = tokio::time::timeout(LAST, self.inbound.leave()).await;
        let _ = tokio::time::timeout(LAST, spans::finish()).await;
    }
}

/// For what is done last.
const LAST: Duration = Duration::from_secs(1);
