//! How the gateway reaches others: how long it waits for whom, and whom it may reach at all.

use std::sync::Arc;
use std::time::Duration;

use crate::clock::Clock;
use crate::config::Config;
use crate::store::Store;
use crate::transport::{Body, HttpTransport, Limits, Reach};
use crate::{callbacks, media};

/// Whoever collects spans may be slow, and then loses some.
pub(super) const SPANS: Limits = Limits {
    connect: Duration::from_secs(2),
    silence: None,
    total: Duration::from_secs(5),
    response: 1024 * 1024,
    body: Body::Needed,
    reach: Reach::Anyone,
};

pub(super) fn media(settings: &media::Settings, reach: Reach) -> anyhow::Result<Arc<HttpTransport>> {
    let total = Duration::from_secs(u64::from(settings.timeout_s));
    let limits = Limits { total, response: settings.max_bytes, reach, ..Limits::default() };
    Ok(Arc::new(HttpTransport::new(limits)?))
}

/// An application's address comes from whoever has a key.
pub(super) fn callbacks(config: &Config, store: &Store, clock: &Arc<dyn Clock>) -> anyhow::Result<callbacks::Parts> {
    let settings = config.callbacks.clone();
    let transport = Arc::new(HttpTransport::new(settings.limits())?);
    Ok(callbacks::Parts { store: store.clone(), transport, clock: Arc::clone(clock), settings })
}
