//! Who works in the console, since when, what they note down, and what they sent.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer, big_integer_null, text, uuid};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let users = Table::create()
            .table("users")
            .col(uuid("id").primary_key())
            .col(text("name").unique_key())
            // A PHC string of Argon2id; the password itself is nowhere.
            .col(text("password"))
            .col(text("role"))
            .col(text("locale"))
            .col(big_integer("created_at"))
            .col(big_integer_null("disabled_at"))
            .to_owned();
        let sessions = Table::create()
            .table("sessions")
            // SHA-256 of the token, in hex; the token itself is in the browser alone.
            .col(text("hash").primary_key())
            .col(uuid("user_id"))
            // What a form must carry.
            .col(text("csrf"))
            .col(big_integer("created_at"))
            .col(big_integer("seen_at"))
            .col(big_integer("expires_at"))
            .foreign_key(ForeignKey::create().from("sessions", "user_id").to("users", "id"))
            .to_owned();
        let notes = Table::create()
            .table("notes")
            .col(uuid("id").primary_key())
            .col(uuid("conversation_id"))
            .col(uuid("user_id"))
            .col(text("text"))
            .col(big_integer("created_at"))
            .foreign_key(ForeignKey::create().from("notes", "conversation_id").to("conversations", "id"))
            .foreign_key(ForeignKey::create().from("notes", "user_id").to("users", "id"))
            .to_owned();
        let authors = Table::create()
            .table("authors")
            .col(uuid("message_id").primary_key())
            .col(uuid("user_id"))
            .foreign_key(ForeignKey::create().from("authors", "message_id").to("messages", "id"))
            .foreign_key(ForeignKey::create().from("authors", "user_id").to("users", "id"))
            .to_owned();
        for table in [users, sessions, notes, authors] {
            manager.create_table(table).await?;
        }
        let connection = manager.get_connection();
        connection.execute_unprepared("CREATE INDEX sessions_user ON sessions (user_id)").await?;
        connection.execute_unprepared("CREATE INDEX notes_conversation ON notes (conversation_id, id)").await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["authors", "notes", "sessions", "users"] {
            manager.drop_table(Table::drop().table(table).to_owned()).await?;
        }
        Ok(())
    }
}
