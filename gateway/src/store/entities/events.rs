//! What an application is to be told at its endpoint.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "events")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub endpoint: String,
    pub kind: String,
    /// All zeros where it is about none.
    pub conversation_id: Uuid,
    /// All zeros where it is about none.
    pub message_id: Uuid,
    pub plugin: Option<String>,
    pub body: String,
    pub state: String,
    pub created_at: i64,
    pub due_at: i64,
    pub tries: i32,
    pub lease_until: Option<i64>,
    pub answer: Option<i32>,
    pub problem: Option<String>,
    pub finished_at: Option<i64>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
