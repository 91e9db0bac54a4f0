//! When it was last said again what is on record of somebody: what was said before that changes nothing, however late
//! it comes to be known.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let column = "ALTER TABLE consents ADD COLUMN said_again_at BIGINT";
        manager.get_connection().execute_unprepared(column).await.map(|_| ())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.get_connection().execute_unprepared("ALTER TABLE consents DROP COLUMN said_again_at").await.map(|_| ())
    }
}
