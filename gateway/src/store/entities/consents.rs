//! What a person allowed, with its proof.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "consents")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub channel: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub address: String,
    pub state: String,
    pub source: String,
    pub error_code: Option<i32>,
    pub message_id: Option<Uuid>,
    pub at: i64,
    /// When it was last said again, if it was. An older word to the contrary changes nothing.
    pub said_again_at: Option<i64>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
