//! One version of a value that a plugin remembers.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "plugin_state")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub version: Uuid,
    pub plugin: String,
    pub scope: String,
    pub subject: Uuid,
    pub key: String,
    pub bytes: i32,
    pub expires_at: Option<i64>,
    pub written_at: i64,
    pub message_id: Uuid,
    pub replaced_at: Option<i64>,
    pub replaced_by: Option<Uuid>,
    pub value: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
