//! How a consent came about. Only ever added to.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "consent_events")]
pub struct Model {
    /// Of what brought it: a message, a report, a try, or a call of its own.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub channel: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub address: String,
    pub choice: String,
    pub source: String,
    pub words: Option<String>,
    pub proof: Option<String>,
    pub note: Option<String>,
    pub actor: Option<String>,
    pub message_id: Option<Uuid>,
    pub error_code: Option<i32>,
    pub at: i64,
    pub recorded_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
