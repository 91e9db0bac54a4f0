//! One provider request of an outbound message.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "parts")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub message_id: Uuid,
    pub conversation_id: Uuid,
    pub channel: String,
    pub position: i32,
    pub sender: Option<String>,
    pub service: Option<String>,
    pub recipient: String,
    pub text: String,
    pub media: Json,
    pub state: String,
    pub status: String,
    pub provider_id: Option<String>,
    pub segments: Option<i32>,
    pub error_code: Option<i32>,
    pub error_message: Option<String>,
    pub attempts: i32,
    pub due_at: i64,
    pub lease_until: Option<i64>,
    pub send_at: Option<i64>,
    pub options: Option<Json>,
    pub created_at: i64,
    pub updated_at: i64,
    pub check_at: Option<i64>,
    pub unknown_at: Option<i64>,
    pub checks: i32,
    pub own_sender: bool,
    /// A JSON list.
    pub looks: Option<String>,
    /// The lower, the sooner.
    pub priority: i32,
    pub given_up_at: Option<i64>,
    /// It confirms that somebody opted out, and so goes to them all the same.
    pub confirms: bool,
    /// From when on it may not leave, since it is night then by the clock of that time zone.
    pub quiet_at: Option<i64>,
    pub time_zone: Option<String>,
    /// The bulk send that it is of.
    pub bulk_id: Option<Uuid>,
    /// It waits for the morning, and for nothing else: what follows does not wait for it, though it was tried.
    pub put_off: bool,
    /// When it was due before it was put off until the morning.
    pub due_before: Option<i64>,
    /// For how long it had been due when it was claimed last.
    pub waited_ms: i64,
    /// From when on it is not to be sent any more.
    pub expires_at: Option<i64>,
    /// When somebody took it back: from then on it does not come back to the queue.
    pub taken_back_at: Option<i64>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
