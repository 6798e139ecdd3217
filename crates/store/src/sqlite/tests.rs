//! What only a store in a file has: locks, versions, damage, full disks, backups.

use std::fs;
use std::path::Path;

use omniva_contracts::engine::*;
use omniva_contracts::fault::{Code, Fault};
use sea_orm::{ConnectionTrait, Database, DatabaseConnection, TransactionTrait};
use uuid::Uuid;

use super::lock::beside;
use super::open::open_writer;
use super::*;
use crate::examine::by_pages;
use crate::suite::rows::{id, one_of_each, project, stored};
use crate::suite::{ALL, ORIGIN, Store, of};
use crate::*;

async fn raw(path: &Path) -> DatabaseConnection {
    Database::connect(format!("sqlite://{}?mode=rwc", path.display())).await.expect("opens")
}

fn trouble<T>(result: Result<T, StoreFault>) -> Trouble {
    match result {
        Ok(_) => panic!("it worked"),
        Err(fault) => fault.trouble,
    }
}

async fn write(opened: &mut Opened, rows: Vec<Row>) -> Result<Vec<Result<Receipt, Refused>>, StoreFault> {
    let sealed = opened.mandate.seal(of(rows));
    opened.writer.write(&[sealed]).await
}

fn packet(n: u128) -> PacketDraft {
    crate::suite::ledger_packet(n)
}

async fn filled(path: &Path) -> Opened {
    let mut opened = open_sqlite(path, ORIGIN).await.expect("opens");
    let commit = Commit { rows: one_of_each(), packets: (0..40).map(packet).collect(), purges: vec![] };
    let sealed = opened.mandate.seal(commit);
    opened.writer.write(&[sealed]).await.expect("works").remove(0).expect("is written");
    opened
}

#[tokio::test]
async fn it_opens_again_with_its_content_and_its_name() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("deep/er/omniva.db");
    let head = filled(&path).await.reader.head().await.expect("answered");
    let opened = open_sqlite(&path, Uuid::from_u128(99)).await.expect("opens");
    assert_eq!(opened.reader.head().await, Ok(head.clone()));
    assert_eq!((head.origin, head.size), (ORIGIN, 40));
    let mut store = Store::from(opened);
    for row in one_of_each() {
        assert_eq!(stored(&store, &row).await, Some(row));
    }
    // The ledger goes on where it was.
    let receipt = store.commit(Commit { packets: vec![packet(50)], ..Commit::default() }).await.expect("is written");
    assert_eq!(receipt.seqs, [40]);
    assert!(store.opened.reader.describe().await.expect("answered").starts_with("SQLite 3."));
}

#[tokio::test]
async fn a_second_engine_is_refused_and_a_reader_is_not() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("omniva.db");
    let mut first = open_sqlite(&path, ORIGIN).await.expect("opens");
    let refused = open_sqlite(&path, ORIGIN).await.map(|_| ()).expect_err("is refused");
    assert_eq!(refused.trouble, Trouble::InUse);
    assert_eq!(Fault::from(refused).code, Code::StoreInUse);
    let reader = open_sqlite_read_only(&path).await.expect("opens");
    write(&mut first, vec![Row::Project(project(1))]).await.expect("works").remove(0).expect("is written");
    assert_eq!(reader.reader.project(id(1, 1)).await, Ok(Some(project(1))));
    drop(first);
    assert_eq!(reader.reader.projects(None, ALL).await.expect("answered").total, 1);
    open_sqlite(&path, ORIGIN).await.expect("the lock went with its holder");
}

#[tokio::test]
async fn a_newer_schema_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("omniva.db");
    drop(open_sqlite(&path, ORIGIN).await.expect("opens"));
    let db = raw(&path).await;
    db.execute_unprepared("INSERT INTO seaql_migrations VALUES ('m9999_later', 0)").await.expect("is written");
    db.close().await.expect("closes");
    assert_eq!(trouble(open_sqlite(&path, ORIGIN).await), Trouble::Newer);
    assert_eq!(trouble(open_sqlite_read_only(&path).await), Trouble::Newer);
}

#[tokio::test]
async fn damage_and_strangers_are_told_apart_from_our_bugs() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("text.db");
    fs::write(&path, "this is no database, whatever its name says".repeat(200)).expect("is written");
    assert_eq!(trouble(open_sqlite(&path, ORIGIN).await), Trouble::Corrupt);
    let path = folder.path().join("other.db");
    let db = raw(&path).await;
    db.execute_unprepared("CREATE TABLE notes (id INTEGER)").await.expect("is made");
    db.close().await.expect("closes");
    assert_eq!(trouble(open_sqlite(&path, ORIGIN).await), Trouble::Corrupt);
    assert_eq!(trouble(open_sqlite_read_only(&folder.path().join("none.db")).await), Trouble::Unavailable);
    // A ledger that lost packets behind the engine's back.
    let path = folder.path().join("torn.db");
    drop(filled(&path).await);
    let db = raw(&path).await;
    db.execute_unprepared("DELETE FROM stardust_metadata WHERE seq = 39").await.expect("is gone");
    db.close().await.expect("closes");
    assert_eq!(trouble(open_sqlite(&path, ORIGIN).await), Trouble::Corrupt);
}

#[tokio::test]
async fn a_full_disk_loses_nothing_and_the_next_write_goes_on() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("omniva.db");
    let (mut writer, _) = open_writer(&path, ORIGIN).await.expect("opens");
    let mandate = Mandate(());
    let with = |n: u128, size: usize| {
        let mut project = project(n);
        project.description = "x".repeat(size);
        mandate.seal(Commit { rows: vec![Row::Project(project)], packets: vec![packet(n)], purges: vec![] })
    };
    writer.write(&[with(1, 1)]).await.expect("works").remove(0).expect("is written");
    writer.db.execute_unprepared("PRAGMA max_page_count = 1").await.expect("is set");
    assert_eq!(trouble(writer.write(&[with(2, 1 << 20)]).await), Trouble::NoSpace);
    assert_eq!(writer.last.lock().expect("held").as_ref().map(|fault| fault.trouble), Some(Trouble::NoSpace));
    writer.db.execute_unprepared("PRAGMA max_page_count = 1000000").await.expect("is set");
    let receipt = writer.write(&[with(2, 1 << 20)]).await.expect("works").remove(0).expect("is written");
    assert_eq!(receipt.seqs, [1]);
    assert_eq!(*writer.last.lock().expect("held"), None);
}

/// SQLite ends a transaction by itself when the disk is full; the driver does not see it.
#[tokio::test]
async fn after_a_transaction_that_sqlite_ended_itself_what_is_answered_as_written_is_there_for_all() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("omniva.db");
    let mut opened = open_sqlite(&path, ORIGIN).await.expect("opens");
    drop(opened);
    let (mut writer, _) = open_writer(&path, ORIGIN).await.expect("opens");
    for _ in 0..3 {
        let tx = writer.db.begin().await.expect("begins");
        tx.execute_unprepared("ROLLBACK").await.expect("ends it");
        drop(tx);
    }
    let mandate = Mandate(());
    let seal =
        |n| mandate.seal(Commit { rows: vec![Row::Project(project(n))], packets: vec![packet(n)], purges: vec![] });
    // A refused one on the way takes the way through savepoints and back.
    writer.write(&[seal(1), seal(1), seal(2)]).await.expect("works");
    opened_elsewhere_sees(&path, 2).await;
    drop(writer);
    opened = open_sqlite(&path, ORIGIN).await.expect("opens");
    assert_eq!(opened.reader.head().await.expect("reads").size, 2);
}

async fn opened_elsewhere_sees(path: &Path, projects: u64) {
    let other = open_sqlite_read_only(path).await.expect("opens");
    assert_eq!(other.reader.projects(None, Page { offset: 0, limit: 10 }).await.expect("reads").total, projects);
}

#[tokio::test]
async fn a_database_that_may_not_be_written_says_so() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("omniva.db");
    let (mut writer, _) = open_writer(&path, ORIGIN).await.expect("opens");
    writer.db.execute_unprepared("PRAGMA query_only = on").await.expect("is set");
    let sealed = Mandate(()).seal(of(vec![Row::Project(project(1))]));
    assert_eq!(trouble(writer.write(&[sealed]).await), Trouble::ReadOnly);
}

#[tokio::test]
async fn a_lock_held_elsewhere_is_unavailable() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("omniva.db");
    let (mut writer, _) = open_writer(&path, ORIGIN).await.expect("opens");
    writer.db.execute_unprepared("PRAGMA busy_timeout = 0").await.expect("is set");
    let other = raw(&path).await;
    other.execute_unprepared("BEGIN IMMEDIATE").await.expect("begins");
    let sealed = Mandate(()).seal(of(vec![Row::Project(project(1))]));
    assert_eq!(trouble(writer.write(std::slice::from_ref(&sealed)).await), Trouble::Unavailable);
    other.execute_unprepared("ROLLBACK").await.expect("ends");
    writer.write(&[sealed]).await.expect("works").remove(0).expect("is written");
}

#[tokio::test]
async fn a_backup_made_while_writing_can_be_restored() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("omniva.db");
    let mut opened = filled(&path).await;
    let to = folder.path().join("backups/one.db");
    let (uploads, record) = (folder.path().join("uploads"), format!("{}.json", Uuid::from_u128(7)));
    fs::create_dir(&uploads).expect("made");
    fs::write(uploads.join(&record), "{\"sent\": true}").expect("written");
    let manifest = opened.upkeep.backup(&to, Some(&uploads)).await.expect("is made");
    assert_eq!((manifest.origin, manifest.size), (ORIGIN, 40));
    assert_eq!(manifest.records.as_ref().map(|records| records.count), Some(1));
    let head = opened.reader.head().await.expect("answered");
    write(&mut opened, vec![Row::Project(project(2))]).await.expect("works").remove(0).expect("is written");
    assert_eq!(trouble(opened.upkeep.backup(&to, None).await), Trouble::InUse);
    assert_eq!(verify_backup(&to).await, Ok(manifest.clone()));
    let names: Vec<_> =
        fs::read_dir(to.parent().expect("a folder")).expect("reads").flatten().map(|e| e.file_name()).collect();
    assert_eq!(names.len(), 3, "{names:?}");

    assert_eq!(trouble(restore(&to, &path, &uploads).await), Trouble::InUse);
    let (back, records) = (folder.path().join("back/omniva.db"), folder.path().join("back/uploads"));
    assert_eq!(restore(&to, &back, &records).await, Ok(manifest));
    assert_eq!(fs::read_to_string(records.join(&record)).expect("is back"), "{\"sent\": true}");
    assert_eq!(trouble(restore(&to, &back, &records).await), Trouble::InUse);
    let store = Store::from(open_sqlite(&back, Uuid::nil()).await.expect("opens"));
    assert_eq!(store.opened.reader.head().await, Ok(head));
    for row in one_of_each() {
        assert_eq!(stored(&store, &row).await, Some(row));
    }
    assert_eq!(store.opened.reader.project(id(1, 2)).await, Ok(None));
}

#[tokio::test]
async fn a_damaged_backup_is_not_restored() {
    let folder = tempfile::tempdir().expect("a folder");
    let opened = filled(&folder.path().join("omniva.db")).await;
    let to = folder.path().join("one.db");
    let none = folder.path().join("uploads");
    opened.upkeep.backup(&to, Some(&none)).await.expect("is made");
    let records = beside(&to, ".uploads");
    fs::write(&records, "{}\n").expect("is written");
    assert_eq!(trouble(verify_backup(&to).await), Trouble::Corrupt, "records of another backup");
    fs::remove_file(&records).expect("is removed");
    assert!(verify_backup(&to).await.is_err(), "none of the records it should have");
    fs::write(&records, "").expect("is written");
    assert!(verify_backup(&to).await.is_ok());
    let mut bytes = fs::read(&to).expect("reads");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&to, bytes).expect("is written");
    assert_eq!(trouble(verify_backup(&to).await), Trouble::Corrupt);
    let back = folder.path().join("back.db");
    assert_eq!(trouble(restore(&to, &back, &none).await), Trouble::Corrupt);
    assert!(!back.exists());
    fs::remove_file(beside(&to, ".json")).expect("is removed");
    assert!(verify_backup(&to).await.is_err());
}

#[tokio::test]
async fn a_changed_packet_is_found() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("omniva.db");
    let opened = filled(&path).await;
    assert_eq!(opened.upkeep.integrity().await, Ok(vec![]));
    let db = raw(&path).await;
    db.execute_unprepared("UPDATE stardust_metadata SET source = 'eclipse' WHERE seq = 7").await.expect("is changed");
    let wrong = opened.upkeep.integrity().await.expect("answered");
    assert_eq!(wrong, ["ledger: packet 7 does not have the hash of its content"]);
    db.execute_unprepared("UPDATE ledger_meta SET size = 32, peaks = substr(peaks, 1, 32)").await.expect("is changed");
    assert_eq!(opened.upkeep.integrity().await.expect("answered").len(), 2);
}

#[tokio::test]
async fn the_derived_views_answer() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("omniva.db");
    let _opened = filled(&path).await;
    let db = raw(&path).await;
    for (view, rows) in [
        ("latest_analysis_per_video", 1),
        ("best_clip_per_video", 1),
        ("pending_edit_jobs", 1),
        ("upcoming_upload_schedule", 1),
    ] {
        let found = crate::sql::query::all(&db, format!("SELECT * FROM {view}"), vec![]).await.expect("is answered");
        assert_eq!(found.len(), rows, "{view}");
    }
}

/// Whatever is done to a packet in the database: the short way into an audit says what the long way says.
#[tokio::test]
async fn a_tampered_packet_is_examined_as_it_is_read() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("omniva.db");
    let opened = filled(&path).await;
    let db = raw(&path).await;
    db.execute_unprepared("CREATE TABLE kept AS SELECT * FROM stardust_metadata").await.expect("is kept");
    let both = async || {
        let reader = opened.reader.as_ref();
        let (short, long) = (reader.examined(0, 40).await, examined_one_by_one(reader, 0, 40).await);
        assert_eq!(short, long);
        short
    };
    let audit = |examined: Vec<omniva_ledger::Examined>| {
        let mut audit = omniva_ledger::Audit::new(&omniva_ledger::Expected::default());
        examined.into_iter().for_each(|packet| audit.take(packet));
        audit.finish().findings
    };
    let sound = both().await.expect("reads");
    assert_eq!(audit(sound.clone()), []);
    // Changes that leave what was hashed as it is, changes that do not, and those after which it is no packet.
    let same = [
        "body = ' ' || body || ' '",
        "body = replace(body, '\"text\":', '\"text\" : ')",
        "body = replace(body, '1e+300', '1E300')",
        "decision_chain = 'null'",
        "decision_chain = ' null'",
        "lineage = replace(lineage, ',\"_meta', ', \"_meta')",
    ];
    let changed = [
        "body = replace(body, 'true', 'false')",
        "body = replace(body, '0.30000000000000004', '0.3')",
        "body = '{}'",
        "body = '{\"a\":1,\"a\":2}'",
        "body = 7",
        "kind = 'clip.choseN'",
        "kind = kind || char(0)",
        "entity_type = 'clips'",
        "entity_id = zeroblob(16)",
        "project_id = zeroblob(16)",
        "trace_id = zeroblob(16)",
        "source = ''",
        "lineage = replace(lineage, ',\"00000', ',\"10000')",
        "lineage = '{\"trace_id\":\"00000000-0000-0000-0000-000000000000\",\"_meta_parents\":[]}'",
        "decision_chain = '[]'",
        "created_at = created_at + 1",
        "leaf_hash = zeroblob(32)",
        "stardust_id = zeroblob(16)",
    ];
    let unreadable = [
        "body = '{'",
        "body = x'7b7d'",
        "body = CAST(x'22ff22' AS TEXT)",
        "decision_chain = ''",
        "decision_chain = x'00'",
        "kind = x'ff'",
        "entity_type = 'nothing'",
        "entity_id = x'00'",
        "stardust_id = x''",
        "project_id = 'x'",
        "lineage = '[]'",
        "lineage = replace(lineage, '00', 'zz')",
        "leaf_hash = x'00'",
        "leaf_hash = 'x'",
        "created_at = 'soon'",
    ];
    for (set, what) in
        same.iter().map(|s| (s, 0)).chain(changed.iter().map(|s| (s, 1))).chain(unreadable.iter().map(|s| (s, 2)))
    {
        db.execute_unprepared(&format!("UPDATE stardust_metadata SET {set} WHERE seq = 7")).await.expect("is changed");
        let found = both().await;
        match what {
            0 => assert_eq!(found.as_ref(), Ok(&sound), "{set}"),
            1 => {
                let findings = audit(found.expect("reads"));
                assert_eq!(
                    findings.first().map(|f| (f.code.as_str(), f.seq)),
                    Some(("packet_changed", Some(7))),
                    "{set}"
                );
            }
            _ => assert!(found.is_err(), "{set}"),
        }
        let back = "DELETE FROM stardust_metadata WHERE seq = 7; INSERT INTO stardust_metadata SELECT * FROM kept WHERE seq = 7";
        db.execute_unprepared(back).await.expect("is put back");
    }
    db.execute_unprepared("DELETE FROM stardust_metadata WHERE seq BETWEEN 3 AND 5").await.expect("are gone");
    let findings = audit(both().await.expect("reads"));
    assert_eq!(findings.first().map(|f| (f.seq, f.until)), Some((Some(3), Some(5))));
}

/// The whole ledger, as `ledger verify` reads it, with holes wider than a page and sizes that are not true.
#[tokio::test]
async fn a_whole_ledger_is_read_up_to_its_last_packet() {
    const COUNT: u64 = 620;
    // A hole of 520 is wider than all the pages that are read ahead, on any machine of today.
    const PAGE: u64 = 2;
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("omniva.db");
    let mut opened = open_sqlite(&path, ORIGIN).await.expect("opens");
    let commit = Commit { packets: (0..u128::from(COUNT)).map(packet).collect(), ..Commit::default() };
    let sealed = opened.mandate.seal(commit);
    opened.writer.write(&[sealed]).await.expect("works").remove(0).expect("is written");
    let read = async |size: u64| {
        let mut audit = omniva_ledger::Audit::new(&omniva_ledger::Expected::default());
        by_pages(&opened.reader, size, PAGE, |packet| audit.take(packet)).await.expect("reads");
        audit.finish()
    };
    let whole = read(COUNT).await;
    assert_eq!((whole.findings.len(), whole.packets), (0, COUNT));
    assert_eq!(whole.root, omniva_ledger::hex::write(&opened.reader.head().await.expect("answered").root));
    // No more than was asked for, and no further than there is something.
    assert_eq!(read(141).await.packets, 141);
    assert_eq!(read(u64::MAX).await, whole);
    let db = raw(&path).await;
    let gone = "DELETE FROM stardust_metadata WHERE seq BETWEEN 80 AND 599";
    db.execute_unprepared(gone).await.expect("are gone");
    let holed = read(COUNT).await;
    assert_eq!(holed.packets, 100);
    assert_eq!(holed.findings.first().map(|f| (f.seq, f.until)), Some((Some(80), Some(599))));
    db.execute_unprepared("UPDATE stardust_metadata SET body = '{' WHERE seq = 610").await.expect("is changed");
    assert!(examine_all(&opened.reader, COUNT, |_| {}).await.is_err());
}
