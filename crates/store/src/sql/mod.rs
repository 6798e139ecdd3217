//! What every SQL adapter shares: rows as columns, queries, group commits. Nothing here is special to one database, except
//! where a [`DbBackend`] is asked for.

pub(crate) mod field;
pub(crate) mod group;
pub(crate) mod packets;
pub(crate) mod query;
pub(crate) mod read;
pub(crate) mod read_ledger;
pub(crate) mod tables;
pub(crate) mod write;

pub(crate) use read::SqlReader;
pub(crate) use write::SqlWriter;
