//! Telling one endpoint: claim, sign, post, settle.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{Request, Response};
use jiff::Timestamp;

use super::Endpoint;
use super::judging::judge;
use super::trouble::{self, Trouble};
use crate::clock::Clock;
use crate::metrics;
use crate::rounds::Worker;
use crate::store::{self, ClaimedEvent, EventResult, EventSettled, EventSettlement, Store};
use crate::transport::Failure;

/// How often it looks: what is to be told may come from another gateway on the same database.
const LOOK: Duration = Duration::from_secs(1);
/// How much longer than a request it holds what it has claimed.
const MARGIN: Duration = Duration::from_secs(15);

/// Tells one endpoint.
pub(super) struct Teller {
    pub(super) store: Store,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) endpoint: Arc<Endpoint>,
    pub(super) trouble: Mutex<Trouble>,
}

#[async_trait]
impl Worker for Teller {
    type Claimed = ClaimedEvent;

    async fn claim(&self, limit: usize) -> Vec<ClaimedEvent> {
        match self.claim_due(limit).await {
            Ok(claimed) => claimed,
            Err(error) => {
                tracing::warn!(%error, endpoint = self.endpoint.name, "an endpoint can't be told anything for now");
                Vec::new()
            }
        }
    }

    async fn work(&self, event: ClaimedEvent) {
        self.tell(event).await;
        // The next of its conversation may have waited for it.
        self.endpoint.news.notify_one();
    }

    async fn rest(&self) {
        let pause = self.trouble().pause(self.clock.now());
        if let Some(pause) = pause {
            return tokio::time::sleep(pause).await;
        }
        tokio::select! {
            () = self.endpoint.news.notified() => {}
            () = tokio::time::sleep(LOOK) => {}
        }
    }
}

impl Teller {
    fn trouble(&self) -> MutexGuard<'_, Trouble> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn claim_due(&self, limit: usize) -> Result<Vec<ClaimedEvent>, store::Error> {
        let (now, name) = (self.clock.now(), &self.endpoint.name);
        if self.trouble().pause(now).is_some() || !self.store.events_due(name, now).await? {
            return Ok(Vec::new());
        }
        let limit = self.trouble().admit(limit, now);
        if limit == 0 {
            return Ok(Vec::new());
        }
        let lease = Duration::from_secs(u64::from(self.endpoint.settings.timeout_s)) + MARGIN;
        let until = now.checked_add(lease).unwrap_or(Timestamp::MAX);
        self.store.claim_events(name, now, until, limit).await
    }

    async fn tell(&self, event: ClaimedEvent) {
        let outcome = self.post(&event).await;
        let now = self.clock.now();
        let answer = outcome.as_ref().ok().map(|response| response.status().as_u16());
        let settings = &self.endpoint.settings;
        let result = judge(&settings.retry_s, event.tries, &outcome, now);
        self.log(&event, answer, &result);
        self.trouble().note(trouble::is_away(&outcome), now);
        let ClaimedEvent { id, tries, .. } = event;
        let (endpoint, patience) = (self.endpoint.name.clone(), settings.patience());
        let settlement = EventSettlement { id, endpoint, tries, at: now, answer, result, patience };
        match self.store.settle_event(settlement).await {
            Ok(EventSettled { disabled: false }) => {}
            Ok(EventSettled { disabled: true }) => tracing::warn!(
                endpoint = self.endpoint.name,
                seconds = settings.disable_after_s,
                "an endpoint failed for too long and is disabled: what it is to be told waits until \
                 `recado endpoint enable`, or until it has another `url`"
            ),
            // The lease ends, and it is told again.
            Err(error) => tracing::warn!(event_id = %id, %error, "what telling an event came to is not on record"),
        }
    }

    async fn post(&self, event: &ClaimedEvent) -> Result<Response<Bytes>, Failure> {
        let (id, seconds) = (event.id.to_string(), self.clock.now().as_second());
        let request = Request::post(&self.endpoint.settings.url)
            .header(CONTENT_TYPE, "application/json")
            .header("webhook-id", &id)
            .header("webhook-timestamp", seconds)
            .header("webhook-signature", self.endpoint.key.sign(&id, seconds, &event.body))
            .body(Bytes::from(event.body.clone()))
            .map_err(|error| Failure::NotSent(error.to_string()))?;
        self.endpoint.transport.send(request).await
    }

    fn log(&self, event: &ClaimedEvent, answer: Option<u16>, result: &EventResult) {
        let (endpoint, tries) = (&self.endpoint.name, event.tries);
        let event_id = event.id;
        let message_id = event.message_id.map(tracing::field::display);
        metrics::EVENTS.add(endpoint, [outcome(result)]);
        match result {
            EventResult::Delivered => {
                tracing::info!(endpoint, %event_id, message_id, tries, answer, "told an endpoint");
            }
            EventResult::Retry { due_at, problem } => {
                tracing::info!(endpoint, %event_id, message_id, tries, problem, %due_at, "an endpoint is told again");
            }
            EventResult::GivenUp { problem } => {
                tracing::warn!(endpoint, %event_id, message_id, tries, problem, "an event was given up");
            }
            EventResult::Gone { problem } => tracing::warn!(
                endpoint, %event_id, message_id, problem,
                "an endpoint says that it is gone: what it is to be told waits until it has another `url` or is enabled"
            ),
        }
    }
}

fn outcome(result: &EventResult) -> &'static str {
    match result {
        EventResult::Delivered => "delivered",
        EventResult::Retry { .. } => "retry",
        EventResult::GivenUp { .. } => "given-up",
        EventResult::Gone { .. } => "gone",
    }
}
