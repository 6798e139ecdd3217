//! Packets on their way into an audit: read where they lie, put into canonical form and hashed, without becoming
//! packets in between. Whatever is not as it was written is left to the usual way, which reads it or says what is wrong.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use omniva_contracts::engine::*;
use omniva_ledger::{Columns, Document, Examined, Examiner};
use uuid::Uuid;

use super::rows::{Connection, Row};
use crate::sql::packets;

/// Connections that are kept; more are opened when more ask at once, and closed again.
const KEPT: usize = 4;

/// Reads packets of one database. Shared by all who ask.
pub(crate) struct Examination {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
}

impl Examination {
    pub fn new(path: PathBuf) -> Arc<Self> {
        Arc::new(Self { path, idle: Mutex::default() })
    }

    /// The packets at places `from` to `until`, which is not among them. `None` when something is not as it was written.
    pub async fn packets(self: &Arc<Self>, from: u64, until: u64) -> Option<Vec<Examined>> {
        let this = self.clone();
        tokio::task::spawn_blocking(move || this.read(from, until)).await.ok()?
    }

    fn read(&self, from: u64, until: u64) -> Option<Vec<Examined>> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut connection = idle.or_else(|| Connection::open(&self.path))?;
        let found = read(&mut connection, from, until)?;
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < KEPT {
            idle.push(connection);
        }
        Some(found)
    }
}

fn read(connection: &mut Connection, from: u64, until: u64) -> Option<Vec<Examined>> {
    let sql = format!(
        r#"SELECT {} FROM "stardust_metadata" WHERE "seq" >= ?1 AND "seq" < ?2 ORDER BY "seq""#,
        packets::COLUMNS
    );
    // No place is beyond 63 bits.
    let end = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
    let mut rows = connection.ask(&sql, &[end(from), end(until)])?;
    let mut examiner = Examiner::default();
    let mut parents = Vec::new();
    let mut found = Vec::new();
    while let Some(row) = rows.step()? {
        found.push(examine(&row, &mut examiner, &mut parents)?);
    }
    Some(found)
}

/// In the order of [`packets::COLUMNS`].
fn examine(row: &Row<'_>, examiner: &mut Examiner, parents: &mut Vec<PacketId>) -> Option<Examined> {
    let id = |column| Uuid::from_slice(row.blob(column)?).ok();
    let entity = EntityRef { entity_type: EntityType::parse(row.text(3)?)?, entity_id: id(4)? };
    lineage(row.text(8)?, parents)?;
    let columns = Columns {
        stardust_id: PacketId(id(1)?),
        kind: row.text(2)?,
        entity: &entity,
        project_id: if row.is_null(5) { None } else { Some(ProjectId(id(5)?)) },
        trace_id: TraceId(id(6)?),
        source: row.text(7)?,
        meta_parents: parents,
        body: Document::Text(row.text(9)?),
        decision_chain: if row.is_null(10) { None } else { Some(Document::Text(row.text(10)?)) },
        at: Moment(row.integer(12)?),
    };
    let seq = u64::try_from(row.integer(0)?).ok()?;
    examiner.examine(seq, <[u8; 32]>::try_from(row.blob(11)?).ok()?, &columns)
}

/// Parents out of a lineage as [`packets::values`] writes it, and in no other form.
fn lineage(text: &str, parents: &mut Vec<PacketId>) -> Option<()> {
    parents.clear();
    let (_, rest) = quoted(text.strip_prefix("{\"trace_id\":")?)?;
    let mut rest = rest.strip_prefix(",\"_meta_parents\":[")?;
    while !rest.starts_with(']') {
        if !parents.is_empty() {
            rest = rest.strip_prefix(',')?;
        }
        let (parent, behind) = quoted(rest)?;
        parents.push(PacketId(parent));
        rest = behind;
    }
    (rest == "]}").then_some(())
}

/// An id of 36 characters in quotes, and what stands behind it.
fn quoted(text: &str) -> Option<(Uuid, &str)> {
    let (id, rest) = text.strip_prefix('"')?.split_at_checked(36)?;
    Some((Uuid::try_parse_ascii(id.as_bytes()).ok()?, rest.strip_prefix('"')?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lineages_are_read_in_the_form_they_are_written_in() {
        let id = |n: u128| Uuid::from_u128(n);
        let mut parents = vec![PacketId(id(9))];
        let head = format!(r#"{{"trace_id":"{}","_meta_parents":["#, id(1));
        assert_eq!(lineage(&format!("{head}]}}"), &mut parents), Some(()));
        assert_eq!(parents, []);
        assert_eq!(lineage(&format!(r#"{head}"{}","{}"]}}"#, id(2), id(3)), &mut parents), Some(()));
        assert_eq!(parents, [PacketId(id(2)), PacketId(id(3))]);
        for odd in [
            String::new(),
            format!("{head}]"),
            format!("{head}]}} "),
            format!("{head}1]}}"),
            format!(r#"{head}"{}",]}}"#, id(2)),
            format!(r#"{head}"{}""{}"]}}"#, id(2), id(3)),
            format!(r#"{head},"{}"]}}"#, id(2)),
            format!(r#"{head}"{}"]}}"#, id(2).simple()),
            format!(r#"{head}"x{}"]}}"#, id(2)),
            format!(r#"{{"_meta_parents":[],"trace_id":"{}"}}"#, id(1)),
        ] {
            assert_eq!(lineage(&odd, &mut parents), None, "{odd}");
        }
    }
}
