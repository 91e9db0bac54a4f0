//! Somebody whom a bulk send is to reach.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "bulk_recipients")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub bulk_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub position: i32,
    pub recipient: String,
    pub locale: Option<String>,
    pub variables: Option<Json>,
    pub state: String,
    pub message_id: Option<Uuid>,
    pub code: Option<String>,
    pub problem: Option<String>,
    pub tries: i32,
    pub failed_since: Option<i64>,
    pub retry_at: Option<i64>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
