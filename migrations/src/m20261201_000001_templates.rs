//! Templates, each with the versions that it had; and which one a message was made of.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer, big_integer_null, integer, integer_null, json, text, text_null, uuid};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(templates()).await?;
        manager.create_table(template_versions()).await?;
        let index = "CREATE UNIQUE INDEX template_versions_number ON template_versions (template_id, version)";
        manager.get_connection().execute_unprepared(index).await?;
        for column in [text_null("template"), integer_null("template_version")] {
            manager.alter_table(Table::alter().table("messages").add_column(column).to_owned()).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for column in ["template_version", "template"] {
            manager.alter_table(Table::alter().table("messages").drop_column(column).to_owned()).await?;
        }
        for table in ["template_versions", "templates"] {
            manager.drop_table(Table::drop().table(table).to_owned()).await?;
        }
        Ok(())
    }
}

fn templates() -> TableCreateStatement {
    Table::create()
        .table("templates")
        .col(uuid("id").primary_key().take())
        .col(text("name").unique_key().take())
        // The number of the current version, from 1.
        .col(integer("version"))
        .col(big_integer("created_at"))
        .col(big_integer("updated_at"))
        // From then on nothing is sent by it; its versions can still be read.
        .col(big_integer_null("archived_at"))
        .take()
}

/// They are only ever added.
fn template_versions() -> TableCreateStatement {
    Table::create()
        .table("template_versions")
        .col(uuid("id").primary_key().take())
        .col(uuid("template_id"))
        .col(integer("version"))
        // Variables, and bodies by locale.
        .col(json("definition"))
        .col(big_integer("created_at"))
        .foreign_key(ForeignKey::create().from("template_versions", "template_id").to("templates", "id"))
        .take()
}
