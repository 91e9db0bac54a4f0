//! What happened, kept for a while for whoever listens to it.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "stream")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The transaction that wrote it, as Postgres counts them; 0 on `SQLite`, which has one after the other. The
    /// database fills it in.
    pub xid: i64,
    pub kind: String,
    /// All zeros where it is about none.
    pub conversation_id: Uuid,
    /// All zeros where it is about none.
    pub message_id: Uuid,
    pub body: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
