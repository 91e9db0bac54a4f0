//! Messages that came in and whose webhook did not: they are taken from the provider's list.

use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::Work;
use super::asking::Failed;
use super::settings::{earlier, seconds};
use crate::channels::{self, Listed, Records, Search, Unreadable};
use crate::inbound::{self, Inbound};
use crate::message::{Direction, Media, Status};
use crate::store;

/// How far before the last reading the next one begins: a list may show a message late.
const OVERLAP: Duration = Duration::from_mins(15);

/// Why a pull came to nothing; the next one reads the same again.
#[derive(Debug, thiserror::Error)]
pub(super) enum Problem {
    #[error(transparent)]
    Provider(#[from] Failed),
    #[error(transparent)]
    Store(#[from] store::Error),
    #[error(transparent)]
    Inbound(#[from] inbound::Error),
}

impl Work {
    pub(super) async fn pull_channel(&self, name: &str, inbound: &Inbound) {
        let Some(channel) = self.parts.channels.get(name) else { return };
        let Some(records) = channel.records() else { return };
        // What waits in the journal came by its webhook, which brought more than the list has.
        if self.pauses.is_paused(name, self.parts.clock.now()) || inbound.journalled().waiting.entries > 0 {
            return;
        }
        match self.pull_from(name, records, channel.sender(), inbound).await {
            Ok(()) => self.note_success(name),
            Err(Problem::Provider(failed)) => _ = self.note_failure(name, &failed),
            Err(problem) => tracing::warn!(channel = name, error = %problem, "what came in can't be looked through"),
        }
    }

    async fn pull_from(
        &self,
        name: &str,
        records: &dyn Records,
        recipient: Option<&crate::message::Address>,
        inbound: &Inbound,
    ) -> Result<(), Problem> {
        let (now, started) = (self.parts.clock.now(), Instant::now());
        let settings = &self.parts.settings;
        let (window, after) = (settings.pull_window(), seconds(settings.pull_after_s));
        let latest = self.readings.latest(name, now, started, window, after);
        let pulled = self.parts.store.begin_pull(name, now, latest).await?;
        if pulled.was_ahead {
            tracing::warn!(
                channel = name,
                since = %pulled.reached_at,
                "what came in was looked through up to a time that has not come: a clock is or was ahead; it is done again"
            );
        }
        let until = earlier(now, after);
        let since = pulled.began_at.max(earlier(now, window)).max(earlier(pulled.reached_at, OVERLAP));
        if until < since {
            return Ok(());
        }
        let search =
            Search { direction: Direction::Inbound, sender: None, recipient: recipient.cloned(), since, until };
        let Some(missing) = self.missing(name, records, &search).await? else { return Ok(()) };
        self.take(name, records, missing, inbound).await?;
        self.parts.store.end_pull(name, until).await?;
        self.readings.read(name, started);
        Ok(())
    }

    /// What is listed and not here, in the order in which it came; none if the gateway is being stopped, which is not to
    /// wait for a long list.
    pub(super) async fn missing(
        &self,
        name: &str,
        records: &dyn Records,
        search: &Search,
    ) -> Result<Option<Vec<Listed>>, Problem> {
        let (mut missing, mut pages) = (Vec::new(), self.pages(records, search));
        // Of a long list, no more than what is not here is kept in memory.
        while let Some(mut page) = pages.next().await? {
            page.retain(|listed| records.is_ours(listed) && listed.status != Status::Receiving);
            let ids: Vec<String> = page.iter().map(|listed| listed.provider_id.clone()).collect();
            let recorded = self.parts.store.recorded(name, &ids).await?;
            missing.extend(page.into_iter().filter(|listed| !recorded.contains(&listed.provider_id)));
            if self.stopping() {
                return Ok(None);
            }
        }
        // That is the order of the conversation. The list is newest first, and of those of one second it alone tells the
        // order.
        missing.reverse();
        missing.sort_by_key(|listed| listed.created_at);
        Ok(Some(missing))
    }

    async fn take(
        &self,
        name: &str,
        records: &dyn Records,
        missing: Vec<Listed>,
        inbound: &Inbound,
    ) -> Result<(), Problem> {
        for listed in missing {
            let media = self.media(records, &listed).await?;
            let from = listed.created_at;
            let Some(message) = brought(listed, media, self.parts.clock.now()) else { continue };
            inbound.recover(name, message, from).await?;
        }
        Ok(())
    }

    async fn media(&self, records: &dyn Records, listed: &Listed) -> Result<Vec<Media>, Failed> {
        if listed.media == 0 {
            return Ok(Vec::new());
        }
        let request = records.list_media(&listed.provider_id)?;
        match self.answer(request, |response| records.read_media(response)).await {
            // Deleted meanwhile; the text is still there.
            Err(Failed::Unreadable(Unreadable::Missing)) => Ok(Vec::new()),
            answer => answer,
        }
    }
}

/// As its webhook would have brought it, and that it did not.
fn brought(listed: Listed, media: Vec<Media>, now: Timestamp) -> Option<channels::Inbound> {
    let mut extra = listed.extra;
    extra.push(("RecoveredAt".to_owned(), now.to_string()));
    Some(channels::Inbound {
        provider_id: listed.provider_id,
        sender: listed.sender?,
        recipient: listed.recipient?,
        text: listed.text,
        media,
        segments: listed.segments,
        consent: listed.consent,
        handled: listed.handled,
        extra,
    })
}
