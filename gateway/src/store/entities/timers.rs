//! A timer that a plugin set and that has not run out.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "timers")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub conversation_id: Uuid,
    pub plugin: String,
    pub name: String,
    pub payload: String,
    pub started_at: i64,
    pub due_at: i64,
    pub message_id: Uuid,
    pub lease_until: Option<i64>,
    pub hops: i32,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
