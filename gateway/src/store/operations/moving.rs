//! What is read of a message when its parts move: a third of its columns, since each of each row costs something.

use sea_orm::DerivePartialModel;
use uuid::Uuid;

use crate::message::Status;
use crate::store::entities::messages;

#[derive(Clone, DerivePartialModel)]
#[sea_orm(entity = "messages::Entity")]
pub(super) struct Moving {
    pub(super) id: Uuid,
    pub(super) conversation_id: Uuid,
    pub(super) channel: String,
    pub(super) sender: Option<String>,
    pub(super) service: Option<String>,
    pub(super) status: String,
    pub(super) segments: Option<i32>,
    pub(super) error_code: Option<i32>,
    pub(super) error_message: Option<String>,
    pub(super) updated_at: i64,
    pub(super) sent_at: Option<i64>,
    pub(super) delivered_at: Option<i64>,
    pub(super) failed_at: Option<i64>,
    pub(super) read_at: Option<i64>,
    pub(super) callback_url: Option<String>,
    pub(super) deleted_at: Option<i64>,
    pub(super) redacted_at: Option<i64>,
}

impl From<&messages::Model> for Moving {
    fn from(whole: &messages::Model) -> Self {
        Self {
            id: whole.id,
            conversation_id: whole.conversation_id,
            channel: whole.channel.clone(),
            sender: whole.sender.clone(),
            service: whole.service.clone(),
            status: whole.status.clone(),
            segments: whole.segments,
            error_code: whole.error_code,
            error_message: whole.error_message.clone(),
            updated_at: whole.updated_at,
            sent_at: whole.sent_at,
            delivered_at: whole.delivered_at,
            failed_at: whole.failed_at,
            read_at: whole.read_at,
            callback_url: whole.callback_url.clone(),
            deleted_at: whole.deleted_at,
            redacted_at: whole.redacted_at,
        }
    }
}

impl Moving {
    /// The first time that it was seen to have come so far.
    pub(super) fn stamp(&mut self, reached: Status, now: i64) {
        if matches!(reached, Status::Sent | Status::Delivered | Status::Undelivered | Status::Read) {
            self.sent_at.get_or_insert(now);
        }
        if matches!(reached, Status::Delivered | Status::Read) {
            self.delivered_at.get_or_insert(now);
        }
        if matches!(reached, Status::Failed | Status::Undelivered | Status::Canceled) {
            self.failed_at.get_or_insert(now);
        }
        if reached == Status::Read {
            self.read_at.get_or_insert(now);
        }
    }

    /// The whole message, as it is by now: with all that a move changes.
    pub(super) fn whole(&self, stored: &messages::Model) -> messages::Model {
        messages::Model {
            status: self.status.clone(),
            sender: self.sender.clone(),
            segments: self.segments,
            error_code: self.error_code,
            error_message: self.error_message.clone(),
            updated_at: self.updated_at,
            sent_at: self.sent_at,
            delivered_at: self.delivered_at,
            failed_at: self.failed_at,
            read_at: self.read_at,
            ..stored.clone()
        }
    }
}
