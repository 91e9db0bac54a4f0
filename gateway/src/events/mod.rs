//! Telling applications of events at their endpoints, as Standard Webhooks has it.
//!
//! What is to be told is in the database, written with what happened, where an endpoint subscribes to that. Each endpoint is told
//! by itself, so that one which does not answer holds up no other; in order for each conversation, and
//! again under the same id until it answers.

mod judging;
mod settings;
mod signature;
mod telling;
mod trouble;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;
use sha2::{Digest, Sha256};
use tokio::sync::{Notify, watch};
use url::Url;
use uuid::Uuid;

use crate::channels::Channels;
use crate::clock::{Clock, Ids};
use crate::message::Locale;
use crate::rounds;
use crate::store::{self, Store, Subscriptions};
use crate::transport::{Failure, HttpTransport, Limits, Reach, Transport};
pub use settings::{Settings, StreamSettings, check_name, fits};
use signature::Key;
use telling::Teller;

/// How many events one endpoint is told at the same time.
const PARALLEL: u32 = 8;

/// The endpoints that there are. Cheap to clone.
#[derive(Clone, Default)]
pub struct Endpoints(Arc<Shared>);

#[derive(Default)]
struct Shared {
    all: BTreeMap<String, Arc<Endpoint>>,
    /// Of events alone: these follow the clocks of other gateways, too.
    ids: Ids,
}

/// Where an application is told.
pub struct Endpoint {
    pub name: String,
    pub settings: Settings,
    key: Key,
    transport: Arc<dyn Transport>,
    /// Told when there is something to tell.
    news: Notify,
}

/// Why there can't be an endpoint.
#[derive(Debug, thiserror::Error)]
#[error("`endpoints.{name}`: {problem}")]
pub struct BadEndpoint {
    name: String,
    problem: String,
}

impl Endpoint {
    fn build(name: &str, settings: &Settings) -> Result<Self, BadEndpoint> {
        let bad = |problem: String| BadEndpoint { name: name.to_owned(), problem };
        let key = Key::read(&settings.secret).map_err(|problem| bad(problem.to_string()))?;
        let total = Duration::from_secs(u64::from(settings.timeout_s));
        let reach = if settings.private_addresses { Reach::Anyone } else { Reach::Public };
        let limits = Limits::of_telling(total, reach);
        let transport = HttpTransport::new(limits).map_err(|failure: Failure| bad(failure.to_string()))?;
        Ok(Self {
            name: name.to_owned(),
            settings: settings.clone(),
            key,
            transport: Arc::new(transport),
            news: Notify::new(),
        })
    }

    /// Its URL, for others to see: without what may be a secret.
    pub fn shown_url(&self) -> String {
        let Ok(mut url) = Url::parse(&self.settings.url) else { return String::new() };
        let _ = url.set_username("");
        let _ = url.set_password(None);
        url.set_query(None);
        url.into()
    }
}

impl Endpoints {
    pub fn build(settings: &BTreeMap<String, Settings>) -> Result<Self, BadEndpoint> {
        let built = settings.iter().map(|(name, settings)| {
            let endpoint = Endpoint::build(name, settings)?;
            Ok((name.clone(), Arc::new(endpoint)))
        });
        let all = built.collect::<Result<_, BadEndpoint>>()?;
        Ok(Self(Arc::new(Shared { all, ids: Ids::default() })))
    }

    /// By name.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Endpoint>> {
        self.0.all.values()
    }

    pub fn get(&self, name: &str) -> Option<&Arc<Endpoint>> {
        self.0.all.get(name)
    }

    /// A new event's id. They sort by when they were made.
    pub fn event_id(&self, now: Timestamp) -> Uuid {
        self.0.ids.next(now)
    }

    /// There is something to tell this one.
    pub fn wake(&self, name: &str) {
        if let Some(endpoint) = self.get(name) {
            endpoint.news.notify_one();
        }
    }

    /// What the store writes down for them. An error is explained in this language.
    pub fn subscriptions(&self, channels: Channels, locale: Locale, stream: &StreamSettings) -> Subscriptions {
        let wanted = self.iter().map(|endpoint| (endpoint.name.clone(), endpoint.settings.wanted()));
        let (numbering, waking) = (self.clone(), self.clone());
        Subscriptions {
            wanted: wanted.filter(|(_, kinds)| !kinds.is_empty()).collect(),
            stream: stream.is_kept(),
            id: Box::new(move |now| numbering.event_id(now)),
            explain: Box::new(move |channel, code| {
                serde_json::to_value(channels.get(channel)?.explain(code, locale)?).ok()
            }),
            wake: Box::new(move |endpoint| waking.wake(endpoint)),
        }
    }

    /// Puts down at start which there are, and takes up what an earlier run left.
    pub async fn introduce(&self, store: &Store) -> Result<(), store::Error> {
        for endpoint in self.iter() {
            let digest = hex::encode(Sha256::digest(endpoint.settings.url.as_bytes()));
            store.introduce_endpoint(&endpoint.name, digest).await?;
        }
        store.settle_stream().await?;
        if let Some(newest) = store.newest_in_stream().await? {
            self.0.ids.after(newest);
        }
        Ok(())
    }
}

/// Tells all endpoints until told to stop, then finishes what is under way.
pub async fn run(endpoints: Endpoints, store: Store, clock: Arc<dyn Clock>, stop: watch::Receiver<bool>) {
    let enabled = endpoints.iter().filter(|endpoint| !endpoint.settings.disabled);
    let tellers = enabled.map(|endpoint| {
        let (store, clock, endpoint) = (store.clone(), Arc::clone(&clock), Arc::clone(endpoint));
        let teller = Teller { store, clock, endpoint, trouble: Mutex::default() };
        rounds::run(teller, PARALLEL, stop.clone())
    });
    futures::future::join_all(tellers).await;
}

/// How often what was kept for whoever listens is looked through.
const LOOK: Duration = Duration::from_mins(1);
/// How much of it goes at once: others write, too.
const STEP: usize = 500;
const PAUSE: Duration = Duration::from_millis(100);

/// Gives up what was kept for whoever listens, when it is old, until told to stop.
pub async fn forget(settings: StreamSettings, store: Store, clock: Arc<dyn Clock>, mut stop: watch::Receiver<bool>) {
    let for_ever = async {
        loop {
            let Some(before) = settings.before(clock.now()) else { return };
            let pause = match store.forget_stream(before, STEP).await {
                Ok(STEP) => PAUSE,
                Ok(_) => LOOK,
                Err(error) => {
                    tracing::warn!(%error, "old events stay for now");
                    LOOK
                }
            };
            tokio::time::sleep(pause).await;
        }
    };
    tokio::select! {
        _ = stop.wait_for(|stop| *stop) => {}
        () = for_ever => {}
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    fn endpoint(url: &str, private_addresses: bool) -> Endpoint {
        let secret = format!("whsec_{}", "A".repeat(32));
        let settings = serde_json::json!({ "url": url, "secret": secret, "private_addresses": private_addresses });
        Endpoint::build("crm", &serde_json::from_value(settings).unwrap()).unwrap()
    }

    /// Whatever the settings were checked for: a name may mean another address by now.
    #[tokio::test]
    async fn a_private_address_is_called_only_where_that_is_allowed() {
        for url in ["http://127.0.0.1:1/", "http://localhost:1/"] {
            for allowed in [false, true] {
                let request = http::Request::post(url).body(Bytes::new()).unwrap();
                let failure = endpoint(url, allowed).transport.send(request).await.unwrap_err();
                assert_eq!(failure.is_private(), !allowed, "{url}: {failure}");
            }
        }
    }

    /// Whatever is behind that: too much, or less than was announced.
    #[tokio::test]
    async fn the_head_of_an_answer_is_the_answer() {
        for answer in [
            "HTTP/1.1 204 No Content\r\n\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length: 2000000\r\n\r\nmuch",
            "HTTP/1.1 202 Accepted\r\ncontent-length: 5\r\n\r\nhi",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nnonsense",
        ] {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            let url = format!("http://{}/", listener.local_addr().unwrap());
            let application = async {
                let (mut socket, _) = listener.accept().await.unwrap();
                let _ = socket.read(&mut [0; 1024]).await;
                socket.write_all(answer.as_bytes()).await.unwrap();
            };
            let request = http::Request::post(&url).body(Bytes::new()).unwrap();
            let endpoint = endpoint(&url, true);
            let (told, ()) = tokio::join!(endpoint.transport.send(request), application);
            let told = told.map(|response| response.status().is_success());
            assert_eq!(told, Ok(true), "{answer}");
        }
    }

    #[test]
    fn a_url_is_shown_without_what_may_be_a_secret() {
        let shown = endpoint("https://ana:hush@crm.example.com:8443/hook?token=hush", false).shown_url();
        assert_eq!(shown, "https://crm.example.com:8443/hook");
    }
}
