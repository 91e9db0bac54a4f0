//! Parts that were handed over and whose reports do not come: the provider says where they stand.

use super::Work;
use super::asking::Failed;
use super::settings::later;
use crate::channels::{Listed, Unreadable};
use crate::store::{self, Due, NewObservation, Observed};

impl Work {
    pub(super) async fn poll(&self, due: Due) -> Result<(), store::Error> {
        let store = &self.parts.store;
        let records = self.parts.channels.get(&due.channel).and_then(|channel| channel.records());
        let (Some(records), Some(provider_id)) = (records, &due.provider_id) else {
            return store.ask_again(vec![due.part_id], None, due.checks).await;
        };
        let listed = match records.fetch(provider_id) {
            Ok(request) => self.answer(request, |response| records.read_message(response)).await,
            Err(unreadable) => Err(unreadable.into()),
        };
        match listed {
            Ok(listed) => {
                self.note_success(&due.channel);
                // First, so that nothing is struck off whose answer is not on record.
                self.learn(&due, listed).await?;
                let next = self.parts.settings.poll_pause(due.checks);
                let next = next.map(|pause| later(self.parts.clock.now(), pause));
                store.ask_again(vec![due.part_id], next, due.checks).await
            }
            // It was deleted there, so nothing more will be known.
            Err(Failed::Unreadable(Unreadable::Missing)) => {
                tracing::info!(part_id = %due.part_id, "the provider has no record of a part it took");
                store.ask_again(vec![due.part_id], None, due.checks).await
            }
            Err(failed) => {
                let until = self.note_failure(&due.channel, &failed);
                store.ask_again(vec![due.part_id], Some(until), due.checks.saturating_sub(1)).await
            }
        }
    }

    /// What is new is kept as a report is.
    async fn learn(&self, due: &Due, listed: Listed) -> Result<(), store::Error> {
        let code = listed.error.as_ref().and_then(|error| error.code);
        let sender_is_new = due.sender.is_none() && listed.sender.is_some();
        if listed.status == due.status && !sender_is_new && (due.has_code || code.is_none()) {
            return Ok(());
        }
        let now = self.parts.clock.now();
        let (status, error) = (listed.status, listed.error.clone());
        let mut raw = vec![("Asked".to_owned(), status.to_string())];
        raw.extend(code.map(|code| ("ErrorCode".to_owned(), code.to_string())));
        let observed = self
            .parts
            .store
            .observe(NewObservation {
                id: self.parts.ids.next(now),
                channel: due.channel.clone(),
                provider_id: listed.provider_id,
                part_id: Some(due.part_id),
                sender: listed.sender,
                status,
                error: listed.error,
                consent: listed.consent,
                raw,
                received_at: now,
            })
            .await?;
        if let Observed::Message { id, conflict, .. } = observed {
            tracing::info!(part_id = %due.part_id, message_id = %id, %status, conflict, "the provider was asked for a status");
            self.parts.pauses.reported(&due.channel, error.as_ref(), now);
            // Nobody needs to be waiting for it.
            let _ = self.parts.settled.send(id);
        }
        Ok(())
    }
}
