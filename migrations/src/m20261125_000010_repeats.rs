//! The same status report again is counted, not kept again.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::text_null;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let digest = text_null("digest");
        let mut times = ColumnDef::new("times");
        times.integer().not_null().default(1);
        manager.alter_table(Table::alter().table("observations").add_column(digest).to_owned()).await?;
        manager.alter_table(Table::alter().table("observations").add_column(times).to_owned()).await?;
        // Reports from before this step have no digest, and none of them equals another.
        let once = "CREATE UNIQUE INDEX observations_once ON observations (channel, provider_id, status, digest)";
        manager.get_connection().execute_unprepared(once).await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.get_connection().execute_unprepared("DROP INDEX observations_once").await?;
        for column in ["times", "digest"] {
            manager.alter_table(Table::alter().table("observations").drop_column(column).to_owned()).await?;
        }
        Ok(())
    }
}
