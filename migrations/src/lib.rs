//! The schema of the store, in versions. Portable: SQLite and PostgreSQL run the same migrations.
//!
//! Rules: instants are BIGINT microseconds since the epoch (variable-length time texts sort wrongly in SQLite); ids have
//! the database's UUID type; documents that nothing filters on are JSON in TEXT; what is filtered on is a column; foreign
//! keys are strict and never cascade; nothing is deleted by the schema.

mod m0001_engine;

use sea_orm_migration::prelude::*;

/// All versions of the schema, oldest first.
pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![Box::new(m0001_engine::Migration)]
    }
}

/// Names of all versions of the schema that this program knows, oldest first.
pub fn known() -> Vec<String> {
    Migrator::migrations().iter().map(|migration| migration.name().to_owned()).collect()
}
