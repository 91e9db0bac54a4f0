//! What a message went through, for whoever collects OpenTelemetry's spans: off unless an endpoint is set.
//!
//! All spans of a text and of what it led to share one trace, whose id is the message's own: it needs no context
//! carried along, and holds across gateways and restarts. A span has ids, names from the settings and words of
//! this program, never a text or a number. Off, recording costs a look at one word. Must not know what is done.

mod otlp;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http::header::CONTENT_TYPE;
use jiff::Timestamp;
use serde::Deserialize;
use tokio::sync::mpsc::{self, error::TrySendError};
use tokio::sync::oneshot;
use uuid::Uuid;

use crate::clock::Clock;
use crate::transport::Transport;

/// `[telemetry]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Where spans go, without `/v1/traces`. Empty is nowhere.
    pub otlp_endpoint: String,
}

impl Settings {
    /// The key that makes no sense, and why.
    pub fn check(&self) -> Result<(), (&'static str, String)> {
        if self.otlp_endpoint.is_empty() {
            return Ok(());
        }
        let url = url::Url::parse(&self.otlp_endpoint);
        if url.is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host()) {
            return Ok(());
        }
        Err(("otlp_endpoint", "is no URL; write one as in http://127.0.0.1:4318".to_owned()))
    }

    fn url(&self) -> String {
        format!("{}/v1/traces", self.otlp_endpoint.trim_end_matches('/'))
    }
}

/// Where the trace of a message begins, or what came after.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    First,
    After,
}

/// Something that was done about a message, and how long it took.
#[derive(Clone, Debug, PartialEq)]
pub struct Span {
    /// The message that it all began with.
    pub trace: Uuid,
    pub place: Place,
    pub name: &'static str,
    pub took: Duration,
    pub attributes: Vec<(&'static str, String)>,
    /// Whether it came to nothing good.
    pub failed: bool,
}

struct Ended {
    span: Span,
    at: Timestamp,
}

enum Work {
    Ended(Ended),
    /// Everything before is to be sent, and then this one is told.
    Finish(oneshot::Sender<()>),
}

/// How many spans wait at the most; more are left out.
const WAITING: usize = 4096;
/// How many are sent together.
const BATCH: usize = 512;
/// For how long spans are gathered.
const GATHER: Duration = Duration::from_millis(500);

struct Started {
    clock: Arc<dyn Clock>,
    work: mpsc::Sender<Work>,
    left_out: AtomicU64,
}

static STARTED: OnceLock<Started> = OnceLock::new();

/// Begins to send what is recorded from now on, if there is an endpoint. A second call changes nothing.
pub fn start(settings: &Settings, clock: Arc<dyn Clock>, transport: Arc<dyn Transport>) {
    if settings.otlp_endpoint.is_empty() {
        return;
    }
    let (work, waiting) = mpsc::channel(WAITING);
    if STARTED.set(Started { clock, work, left_out: AtomicU64::new(0) }).is_ok() {
        let exporter = Exporter { url: settings.url(), transport, failing: false };
        tokio::spawn(exporter.run(waiting));
    }
}

/// Whether anybody wants spans.
pub fn wanted() -> bool {
    STARTED.get().is_some()
}

/// This has just ended. It is made only if somebody wants it.
pub fn record(span: impl FnOnce() -> Span) {
    let Some(started) = STARTED.get() else { return };
    let ended = Ended { span: span(), at: started.clock.now() };
    if let Err(TrySendError::Full(_)) = started.work.try_send(Work::Ended(ended)) {
        started.left_out.fetch_add(1, Ordering::Relaxed);
    }
}

/// Sends what was recorded so far.
pub async fn finish() {
    let Some(started) = STARTED.get() else { return };
    let (tell, told) = oneshot::channel();
    if started.work.send(Work::Finish(tell)).await.is_ok() {
        let _ = told.await;
    }
}

struct Exporter {
    url: String,
    transport: Arc<dyn Transport>,
    failing: bool,
}

impl Exporter {
    async fn run(mut self, mut waiting: mpsc::Receiver<Work>) {
        let mut gathered: Vec<Work> = Vec::with_capacity(BATCH);
        while waiting.recv_many(&mut gathered, BATCH).await > 0 {
            let more = gathered.len() == BATCH;
            let mut finished = Vec::new();
            let mut spans = Vec::new();
            for work in gathered.drain(..) {
                match work {
                    Work::Ended(ended) => spans.push(ended),
                    Work::Finish(tell) => finished.push(tell),
                }
            }
            if !spans.is_empty() {
                self.send(&spans).await;
            }
            if finished.is_empty() && !more {
                tokio::time::sleep(GATHER).await;
            }
            for tell in finished {
                let _ = tell.send(());
            }
        }
    }

    async fn send(&mut self, spans: &[Ended]) {
        let body = otlp::body(spans).to_string();
        let request = Request::post(&self.url).header(CONTENT_TYPE, "application/json").body(Bytes::from(body));
        let outcome = match request {
            Ok(request) => match self.transport.send(request).await {
                Ok(response) if response.status().is_success() => Ok(()),
                Ok(response) => Err(format!("it answered {}", response.status().as_u16())),
                Err(failure) => Err(failure.to_string()),
            },
            Err(error) => Err(error.to_string()),
        };
        let left_out = STARTED.get().map_or(0, |started| started.left_out.swap(0, Ordering::Relaxed));
        if left_out > 0 {
            tracing::warn!(spans = left_out, "spans were left out: there were more than could be sent");
        }
        match outcome {
            Ok(()) => self.failing = false,
            // Once, not for every batch.
            Err(reason) if !self.failing => {
                self.failing = true;
                tracing::warn!(
                    reason,
                    "spans can't be sent to `telemetry.otlp_endpoint`; they are left out until it takes them"
                );
            }
            Err(_) => {}
        }
    }
}
