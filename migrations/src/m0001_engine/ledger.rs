//! Stardust: packets by place, their parents, signed checkpoints, and the state of the Merkle tree.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

use super::columns::*;

pub fn tables(backend: DbBackend) -> Vec<TableCreateStatement> {
    vec![packets(backend), links(), checkpoints(), meta()]
}

/// A 64-bit number as primary key. SQLite keeps a table in the order of its INTEGER PRIMARY KEY without a second index,
/// which is 64 bits wide there and 32 bits in PostgreSQL.
fn place(backend: DbBackend, column: &'static str) -> ColumnDef {
    match backend {
        DbBackend::Sqlite => ColumnDef::new(column).integer().not_null().primary_key().take(),
        _ => big_integer(column).primary_key().take(),
    }
}

/// No foreign keys: the ledger is append-only, and what it is about may be purged.
fn packets(backend: DbBackend) -> TableCreateStatement {
    table(
        "stardust_metadata",
        vec![
            place(backend, "seq"),
            uuid("stardust_id"),
            text("kind"),
            text("entity_type"),
            uuid("entity_id"),
            uuid_null("project_id"),
            uuid("trace_id"),
            text("source"),
            text("lineage"),
            text("body"),
            text_null("decision_chain"),
            blob("leaf_hash"),
            big_integer("created_at"),
        ],
    )
}

fn links() -> TableCreateStatement {
    let mut links = table("packet_links", vec![uuid("parent_id"), big_integer("child_seq"), uuid("child_id")]);
    links.primary_key(Index::create().col("parent_id").col("child_seq"));
    links
}

fn checkpoints() -> TableCreateStatement {
    table(
        "ledger_checkpoints",
        vec![
            big_integer("size").primary_key().take(),
            uuid("origin"),
            text("root"),
            big_integer("at"),
            text("signature"),
            text("key_id"),
        ],
    )
}

/// One row. `peaks` are the roots of the full subtrees, 32 bytes each, largest first.
fn meta() -> TableCreateStatement {
    table(
        "ledger_meta",
        vec![big_integer("id").primary_key().take(), uuid("origin"), big_integer("size"), blob("peaks")],
    )
}
