//! The rows of outbound messages, their media and their parts.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use sea_orm::{DatabaseTransaction, Set, TryIntoModel};
use uuid::Uuid;

use super::check::answer_ends;
use super::gate::Gate;
use super::inserting::insert;
use super::media::{linked, stored};
use super::{count, media_rows, millis, storable, storable_json};
use crate::message::Status;
use crate::store::entities::{media, messages, parts};
use crate::store::media::StoredFile;
use crate::store::reads::to_message;
use crate::store::records::{NewOutbound, NewPart, Route, Schedule, Sender};
use crate::store::{Error, Message, Rejection};

/// What is stored of some messages, in their order.
pub(super) struct OutboundRows(Vec<Row>);

struct Row {
    message: messages::ActiveModel,
    media: Vec<media::ActiveModel>,
    parts: Vec<parts::ActiveModel>,
}

impl OutboundRows {
    /// Each message with its conversation.
    pub(super) async fn of(
        transaction: &DatabaseTransaction,
        new: &[(&NewOutbound, Uuid)],
        gate: &Gate,
    ) -> Result<Self, Error> {
        let files = linked(transaction, new.iter().flat_map(|(message, _)| &message.media)).await?;
        Ok(Self(new.iter().map(|(message, id)| Row::of(message, *id, gate, &files)).collect()))
    }

    /// The messages as whoever reads them gets them.
    pub(super) fn messages(&self) -> Result<Vec<Message>, Error> {
        self.0.iter().map(Row::message).collect()
    }

    pub(super) async fn insert(self, transaction: &DatabaseTransaction) -> Result<(), Error> {
        if self.0.is_empty() {
            return Ok(());
        }
        let (mut messages, mut media, mut parts) = (Vec::with_capacity(self.0.len()), Vec::new(), Vec::new());
        for row in self.0 {
            messages.push(row.message);
            media.extend(row.media);
            parts.extend(row.parts);
        }
        insert(transaction, messages).await?;
        insert(transaction, media).await?;
        insert(transaction, parts).await
    }
}

impl Row {
    fn of(message: &NewOutbound, conversation_id: Uuid, gate: &Gate, files: &BTreeMap<&str, StoredFile>) -> Self {
        let due_at = gate.held_until(message).unwrap_or_else(|| leaves(message));
        let night = gate.night(message);
        // What is held is kept here.
        let send_at = match message.schedule {
            Schedule::AtProvider(at) if gate.held_until(message).is_none() => Some(millis(at)),
            _ => None,
        };
        let parts = (0u32..).zip(&message.parts).map(|(position, part)| parts::ActiveModel {
            quiet_at: Set(night.map(|(begins, _)| millis(*begins))),
            time_zone: Set(night.map(|(_, time_zone)| time_zone.clone())),
            send_at: Set(send_at),
            ..part_row(message, conversation_id, position, part, due_at)
        });
        Self {
            message: messages::ActiveModel {
                gate: Set(gate.told(message).map(|told| told.to_string())),
                ..outbound_row(message, conversation_id, starting_status(message).as_str())
            },
            media: media_rows(message.id.0, None, message.media.iter().map(|url| (url.as_str(), None)))
                .zip(&message.media)
                .map(|(row, url)| match files.get(url.as_str()) {
                    Some(file) => stored(row, file),
                    None => row,
                })
                .collect(),
            parts: parts.collect(),
        }
    }

    fn message(&self) -> Result<Message, Error> {
        let media = self.media.iter().cloned().map(|row| row.try_into_model().map(Into::into));
        let parts = self.parts.iter().cloned().map(TryIntoModel::try_into_model);
        let media = media.collect::<Result<_, sea_orm::DbErr>>()?;
        let parts = parts.collect::<Result<_, sea_orm::DbErr>>()?;
        Ok(to_message(self.message.clone().try_into_model()?, media, parts, false))
    }
}

/// The row of an outbound message whose parts were not tried yet.
fn outbound_row(message: &NewOutbound, conversation_id: Uuid, status: &str) -> messages::ActiveModel {
    messages::ActiveModel {
        id: Set(message.id.0),
        conversation_id: Set(conversation_id),
        channel: Set(message.channel.clone()),
        direction: Set("outbound".to_owned()),
        provider_id: Set(None),
        sender: Set(message.sender.address().map(|sender| sender.as_str().to_owned())),
        service: Set(message.service.clone()),
        recipient: Set(message.recipient.as_str().to_owned()),
        text: Set(storable(&message.text)),
        status: Set(status.to_owned()),
        segments: Set(Some(count(message.segments))),
        error_code: Set(None),
        error_message: Set(message.rejected.as_ref().map(|rejection| storable(&rejection.problem()))),
        ordinal: Set(None),
        previous_inbound_at: Set(None),
        in_reply_to: Set(message.in_reply_to.map(|id| id.0)),
        plugin: Set(message.plugin.clone()),
        extra: Set(serde_json::json!([])),
        answer: Set(None),
        created_at: Set(millis(message.at)),
        updated_at: Set(millis(message.at)),
        processed_at: Set(None),
        sent_at: Set(None),
        delivered_at: Set(None),
        failed_at: Set(message.rejected.as_ref().map(|_| millis(message.at))),
        read_at: Set(None),
        send_at: Set(match message.schedule {
            Schedule::Now => None,
            Schedule::At(at) | Schedule::AtProvider(at) => Some(millis(at)),
        }),
        callback_url: Set(message.callback.as_ref().map(|callback| callback.url.clone())),
        callback_key_id: Set(message.callback.as_ref().map(|callback| callback.api_key_id)),
        callback_account: Set(message.callback.as_ref().map(|callback| callback.account.clone())),
        deleted_at: Set(None),
        redacted_at: Set(None),
        seed: Set(message.seed.map(u64::cast_signed)),
        discarded: Set(None),
        rejected_by: Set(message.rejected.as_ref().and_then(Rejection::plugin).map(str::to_owned)),
        refused_for: Set(message.rejected.as_ref().and_then(Rejection::refused_for).map(str::to_owned)),
        caused_by: Set(message.caused_by.map(|id| id.0)),
        hops: Set((message.hops > 0).then(|| count(message.hops))),
        seen: Set(None),
        decided: Set(None),
        gate: Set(None),
        repeats: Set(None),
        repeated_at: Set(None),
        gateway: Set(None),
        template: Set(message.template.as_ref().map(|template| template.name.clone())),
        template_version: Set(message.template.as_ref().map(|template| count(template.version))),
    }
}

/// When it is due at the earliest.
pub(super) fn leaves(message: &NewOutbound) -> Timestamp {
    match message.schedule {
        Schedule::Now | Schedule::AtProvider(_) => message.at,
        Schedule::At(at) => at,
    }
}

/// When it is not worth sending any more, if that was said.
fn expires(message: &NewOutbound) -> Option<Timestamp> {
    let from = match message.schedule {
        Schedule::Now => message.at,
        Schedule::At(at) | Schedule::AtProvider(at) => at.max(message.at),
    };
    let valid = SignedDuration::from_secs(i64::from(message.options.validity?));
    from.checked_add(valid).ok()
}

pub(in crate::store) fn starting_status(message: &NewOutbound) -> Status {
    match message.route {
        _ if message.rejected.is_some() => Status::Failed,
        Route::Outbox => Status::Pending,
        Route::Answer { .. } => Status::Unknown,
    }
}

fn part_row(
    message: &NewOutbound,
    conversation_id: Uuid,
    position: u32,
    part: &NewPart,
    due_at: Timestamp,
) -> parts::ActiveModel {
    let (state, attempts, ask_at) = match message.route {
        Route::Outbox => ("queued", 0, None),
        Route::Answer { ask_at } => ("unknown", 1, Some(ask_at)),
    };
    parts::ActiveModel {
        id: Set(part.id.0),
        message_id: Set(message.id.0),
        conversation_id: Set(conversation_id),
        channel: Set(message.channel.clone()),
        position: Set(count(position)),
        sender: Set(message.sender.address().map(|sender| sender.as_str().to_owned())),
        service: Set(message.service.clone()),
        recipient: Set(message.recipient.as_str().to_owned()),
        text: Set(storable(&part.text)),
        media: Set(storable_json(serde_json::json!(part.media))),
        state: Set(state.to_owned()),
        status: Set(starting_status(message).as_str().to_owned()),
        provider_id: Set(None),
        segments: Set(Some(count(part.segments))),
        error_code: Set(None),
        error_message: Set(None),
        attempts: Set(attempts),
        due_at: Set(millis(due_at)),
        lease_until: Set(None),
        send_at: Set(None),
        options: Set((!message.options.is_default()).then(|| storable_json(serde_json::json!(message.options)))),
        created_at: Set(millis(message.at)),
        updated_at: Set(millis(message.at)),
        check_at: Set(ask_at.map(millis)),
        unknown_at: Set(ask_at.map(|_| millis(answer_ends(message.at)))),
        checks: Set(0),
        own_sender: Set(matches!(message.sender, Sender::Own(_))),
        looks: Set(None),
        priority: Set(message.priority.number()),
        given_up_at: Set(None),
        confirms: Set(message.confirms),
        quiet_at: Set(None),
        time_zone: Set(None),
        bulk_id: Set(message.bulk.map(|place| place.bulk_id)),
        put_off: Set(false),
        due_before: Set(None),
        waited_ms: Set(0),
        expires_at: Set(expires(message).map(millis)),
        taken_back_at: Set(None),
    }
}
