//! Why a message was not sent yet.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::channels::{Reason, paused};
use crate::message::{Direction, Line, Locale, Status};
use crate::store::{self, Message};
use crate::web::App;

/// What a message waits for; of several, what comes last.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(tag = "for", rename_all = "snake_case")]
pub(in crate::web) enum Waits {
    /// Its time.
    Time { until: Timestamp },
    /// The gate: quiet hours, where the recipient is.
    Gate { code: String, until: Timestamp, time_zone: String },
    /// Its channel, which is paused.
    Channel {
        #[serde(flatten)]
        reason: Reason,
    },
    /// Its sender, which is as fast as it may be.
    Sender { segments_per_s: Option<f64>, until: Timestamp },
}

impl Waits {
    /// None of what does not wait, or waits for nothing that is known here.
    pub(in crate::web) async fn of(
        app: &App,
        message: &Message,
        gate: Option<&Value>,
        locale: Locale,
    ) -> Result<Option<Self>, store::Error> {
        let waits = message.parts.iter().any(|part| part.status == Status::Pending);
        if message.direction == Direction::Inbound || !waits {
            return Ok(None);
        }
        let now = app.clock.now();
        if let Some(held) = gate.and_then(held).filter(|held| held.until > now) {
            let Held { code, until, time_zone } = held;
            return Ok(Some(Self::Gate { code, until, time_zone }));
        }
        if let Some(until) = message.send_at.filter(|at| *at > now) {
            return Ok(Some(Self::Time { until }));
        }
        if let Some(reason) = paused(app, locale).await?.remove(&message.channel) {
            return Ok(Some(Self::Channel { reason }));
        }
        let line = Line::of(&message.channel, message.from.as_ref(), message.service.as_deref());
        if app.rates.room(&line, now) != Some(0) {
            return Ok(None);
        }
        let rate = app.rates.rate(&line, now);
        let segments_per_s = rate.slowed_to.or(rate.limit);
        Ok(Some(Self::Sender { segments_per_s, until: app.rates.next(&line, now) }))
    }
}

/// What the gate put down when it held a message.
#[derive(Deserialize)]
struct Held {
    code: String,
    until: Timestamp,
    time_zone: String,
}

fn held(gate: &Value) -> Option<Held> {
    (gate["verdict"] == "held").then(|| Held::deserialize(gate).ok()).flatten()
}
