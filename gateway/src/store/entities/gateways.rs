//! A gateway at work on this database.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "gateways")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub started_at: i64,
    pub beats: i64,
    /// How many transactions it began, as of the last that was committed.
    pub commits: Option<i64>,
    /// Since when it is not at work any more, or was taken to be.
    pub gone_at: Option<i64>,
    /// How far it had counted then; one of an older version that was there all the same counts on, and knows no more.
    pub gone_beats: Option<i64>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
