//! One status report, kept as received; the same again is counted.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "observations")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub channel: String,
    pub provider_id: String,
    pub part_id: Option<Uuid>,
    pub status: String,
    pub error_code: Option<i32>,
    pub error_message: Option<String>,
    pub conflict: bool,
    pub raw: Json,
    pub received_at: i64,
    pub digest: Option<String>,
    pub times: i32,
    pub repeated_at: Option<i64>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
