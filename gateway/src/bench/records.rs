//! What the gateway has on record, by its API.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde::Deserialize;
use uuid::Uuid;

use super::client::Client;

/// A message on record, as far as it matters here.
#[derive(Clone, Debug, Deserialize)]
pub struct Known {
    pub id: Uuid,
    pub provider_id: Option<String>,
    pub text: String,
    pub to: String,
    pub status: String,
    pub processed_at: Option<Timestamp>,
    pub sent_at: Option<Timestamp>,
    pub delivered_at: Option<Timestamp>,
}

impl Known {
    /// Whether nothing more is to come.
    pub fn is_final(&self) -> bool {
        matches!(self.status.as_str(), "delivered" | "read" | "undelivered" | "failed" | "canceled")
    }
}

#[derive(Deserialize)]
struct Page {
    items: Vec<Known>,
    next_cursor: Option<Uuid>,
}

/// The most that a page may have.
const PAGE: u32 = 200;

/// All messages of a direction since then, newest first. `tell` hears how many were read.
pub async fn list(
    client: &mut Client,
    key: &str,
    direction: &str,
    since: Timestamp,
    tell: &mut (dyn FnMut(u64) + Send),
) -> Result<Vec<Known>, String> {
    let first = format!("/v1/messages?direction={direction}&since={since}&limit={PAGE}");
    let (mut path, mut all) = (first.clone(), Vec::new());
    loop {
        let mut page: Page = client.get(&path, Some(key)).await?;
        all.append(&mut page.items);
        tell(u64::try_from(all.len()).unwrap_or(u64::MAX));
        let Some(cursor) = page.next_cursor else { return Ok(all) };
        path = format!("{first}&cursor={cursor}");
    }
}

/// How long somebody waits for what is on its way.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    pub until: Instant,
}

/// A pause between two looks.
const PAUSE: Duration = Duration::from_millis(10);

impl Patience {
    pub fn of(time: Duration) -> Self {
        Self { until: Instant::now() + time }
    }

    fn is_over(self) -> bool {
        Instant::now() >= self.until
    }
}

/// Waits until nothing more is to come of these; false if patience was over before. Looks at one after the other,
/// so that waiting costs the gateway little.
pub async fn settled(client: &mut Client, key: &str, ids: &[Uuid], patience: Patience) -> Result<bool, String> {
    for id in ids {
        loop {
            let known: Known = client.get(&format!("/v1/messages/{id}"), Some(key)).await?;
            if known.is_final() {
                break;
            }
            if patience.is_over() {
                return Ok(false);
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
    Ok(true)
}
