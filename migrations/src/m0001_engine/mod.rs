//! The first version: everything that the engine keeps.

mod engine;
mod indexes;
mod ledger;
mod media;
mod views;

use sea_orm_migration::prelude::*;

pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m0001_engine"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    /// All or nothing on SQLite too: an interrupted first start leaves no half of a schema.
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let backend = manager.get_database_backend();
        for mut table in media::tables().into_iter().chain(engine::tables()).chain(ledger::tables(backend)) {
            manager.create_table(table.take()).await?;
        }
        for statement in indexes::ALL.iter().chain(views::ALL) {
            manager.get_connection().execute_unprepared(statement).await?;
        }
        Ok(())
    }
}

/// Columns and keys of tables, in few words.
mod columns {
    use sea_orm_migration::prelude::*;
    pub use sea_orm_migration::schema::{
        big_integer, big_integer_null, blob, boolean, double, double_null, text, text_null, uuid, uuid_null,
    };

    pub fn table(name: &'static str, columns: Vec<ColumnDef>) -> TableCreateStatement {
        let mut table = Table::create();
        table.table(name);
        for column in columns {
            table.col(column);
        }
        table
    }

    pub fn id(name: &'static str) -> ColumnDef {
        uuid(name).primary_key().take()
    }

    pub fn name(name: &'static str) -> ColumnDef {
        text(name).primary_key().take()
    }

    /// `column` holds the primary key `key` of `to`; no action on update or delete.
    pub fn refers(table: &mut TableCreateStatement, column: &'static str, to: &'static str, key: &'static str) {
        let from = table.get_table_name().cloned();
        let mut foreign = ForeignKey::create();
        if let Some(from) = from {
            foreign.from_tbl(from);
        }
        table.foreign_key(foreign.from_col(column).to(to, key));
    }
}
