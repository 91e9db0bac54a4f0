//! What the plugins decided that were asked about one message: the first in columns of its own. What they
//! decided about one that came in stands with the message.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "traces")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub message_id: Uuid,
    pub position: i32,
    pub plugin: String,
    pub version: String,
    pub digest: String,
    pub decision: Json,
    pub error: Option<String>,
    pub duration_micros: i64,
    pub created_at: i64,
    pub hook: String,
    pub seed: Option<i64>,
    /// What the plugins that were asked after this one decided, as JSON.
    pub further: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
