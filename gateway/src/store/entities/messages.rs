//! A message, inbound or outbound.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "messages")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub conversation_id: Uuid,
    pub channel: String,
    pub direction: String,
    pub provider_id: Option<String>,
    pub sender: Option<String>,
    pub service: Option<String>,
    pub recipient: String,
    pub text: String,
    pub status: String,
    pub segments: Option<i32>,
    pub error_code: Option<i32>,
    pub error_message: Option<String>,
    pub ordinal: Option<i32>,
    pub previous_inbound_at: Option<i64>,
    pub in_reply_to: Option<Uuid>,
    pub plugin: Option<String>,
    pub extra: Json,
    pub answer: Option<String>,
    pub created_at: i64,
    pub updated_at: i64,
    pub processed_at: Option<i64>,
    pub sent_at: Option<i64>,
    pub delivered_at: Option<i64>,
    pub failed_at: Option<i64>,
    pub read_at: Option<i64>,
    pub send_at: Option<i64>,
    pub callback_url: Option<String>,
    pub callback_key_id: Option<Uuid>,
    pub callback_account: Option<String>,
    pub deleted_at: Option<i64>,
    pub redacted_at: Option<i64>,
    pub seed: Option<i64>,
    pub discarded: Option<String>,
    pub rejected_by: Option<String>,
    /// What the gate refused it for.
    pub refused_for: Option<String>,
    pub caused_by: Option<Uuid>,
    pub hops: Option<i32>,
    pub seen: Option<String>,
    /// What plugins decided about it as it came in, as JSON.
    pub decided: Option<String>,
    pub gate: Option<String>,
    pub repeats: Option<i32>,
    pub repeated_at: Option<i64>,
    /// Of an inbound message: who processes it.
    pub gateway: Option<Uuid>,
    /// What it was made of, and which version of that.
    pub template: Option<String>,
    pub template_version: Option<i32>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
