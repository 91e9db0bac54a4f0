//! What the gateway has on record, by its API.

use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
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

/// How far the gateway's clock may be behind: what it takes then has a time from before. All is told apart by ids anyway.
const BEHIND: SignedDuration = SignedDuration::from_mins(10);

/// All messages of a direction since then, newest first, and some from before. `tell` hears how many were read.
pub async fn list(
    client: &mut Client,
    key: &str,
    direction: &str,
    since: Timestamp,
    tell: &mut (dyn FnMut(u64) + Send),
) -> Result<Vec<Known>, String> {
    let first = first_page(direction, since);
    let (mut path, mut all) = (first.clone(), Vec::new());
    loop {
        let mut page: Page = client.get(&path, Some(key)).await?;
        all.append(&mut page.items);
        tell(u64::try_from(all.len()).unwrap_or(u64::MAX));
        let Some(cursor) = page.next_cursor else { return Ok(all) };
        path = format!("{first}&cursor={cursor}");
    }
}

fn first_page(direction: &str, since: Timestamp) -> String {
    let since = since.checked_sub(BEHIND).unwrap_or(since);
    format!("/v1/messages?direction={direction}&since={since}&limit={PAGE}")
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_clock_that_is_behind_dates_before_the_beginning_is_asked_for() {
        let path = first_page("inbound", "2026-11-01T12:00:00Z".parse().unwrap());
        assert_eq!(path, "/v1/messages?direction=inbound&since=2026-11-01T11:50:00Z&limit=200");
    }
}
