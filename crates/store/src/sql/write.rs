//! Group commits: one durable transaction for a whole batch. A group that does not go in whole is halved until the
//! commits that are in the way stand alone, so each of them is refused by name and the others are written.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use omniva_contracts::engine::*;
use omniva_ledger::{Frontier, canonical, leaf_hash};
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, SqliteTransactionMode, Statement,
    TransactionOptions, TransactionTrait, Value,
};

use super::group::{Leaf, Stop, append, insert, pieces, write_row, write_rows};
use super::query::{frontier_of, peaks_of};
use super::tables::Stored;
use crate::relations::{inadmissible, inadmissible_packet, ordered};
use crate::{Receipt, Refused, Sealed, StoreFault, Trouble, Writer};

/// How an adapter explains its database's errors.
pub(crate) type Explain = fn(DbErr) -> StoreFault;

pub(crate) struct SqlWriter {
    pub db: DatabaseConnection,
    pub explain: Explain,
    /// End of the ledger; `None` when it has to be read again.
    pub frontier: Option<Frontier>,
    /// Why the last write failed, for [`crate::Reader::health`].
    pub last: Arc<Mutex<Option<StoreFault>>>,
    /// Held for as long as the writer lives.
    pub _guard: Box<dyn Send + Sync>,
}

type Answers = Vec<Option<Result<Receipt, Refused>>>;

/// The batch while it is being written.
struct Batch<'a> {
    commits: Vec<&'a Commit>,
    leaves: Vec<Vec<Leaf<'a>>>,
    answers: Answers,
    frontier: Frontier,
}

fn bug(message: String) -> Refused {
    Refused::Store(StoreFault::new(Trouble::Bug, message))
}

/// What no database can hold is refused before it is tried.
fn admit(commit: &Commit) -> Result<(), Refused> {
    for row in ordered(commit) {
        if let Some(wrong) = inadmissible(row) {
            return Err(bug(format!("{} {} {wrong}", row.table().as_str(), row.key())));
        }
    }
    for packet in &commit.packets {
        if let Some(wrong) = inadmissible_packet(packet) {
            return Err(bug(format!("packet {} {wrong}", packet.stardust_id)));
        }
    }
    Ok(())
}

impl<'a> Batch<'a> {
    fn new(batch: &'a [Sealed], frontier: Frontier) -> Self {
        let commits: Vec<&Commit> = batch.iter().map(Sealed::commit).collect();
        let leaves = commits.iter().map(|commit| {
            let leaf = |draft: &'a PacketDraft| Leaf { draft, hash: leaf_hash(&canonical(draft)) };
            commit.packets.iter().map(leaf).collect()
        });
        let leaves = leaves.collect();
        let answers = commits.iter().map(|commit| admit(commit).err().map(Err)).collect();
        Self { commits, leaves, answers, frontier }
    }

    fn open(&self, from: usize, to: usize) -> Vec<usize> {
        (from..to).filter(|n| self.answers.get(*n).is_some_and(Option::is_none)).collect()
    }

    /// Writes what can be written, in order, given that all of it together can't be.
    async fn settle(&mut self, tx: &DatabaseTransaction) -> Result<(), DbErr> {
        let middle = self.commits.len() / 2;
        let mut groups = vec![(middle, self.commits.len()), (0, middle)];
        while let Some((from, to)) = groups.pop() {
            let members = self.open(from, to);
            match members.as_slice() {
                [] => {}
                [one] => self.alone(tx, *one).await?,
                many => {
                    if !self.guarded(tx, many).await? {
                        let middle = from + (to - from) / 2;
                        groups.extend([(middle, to), (from, middle)]);
                    }
                }
            }
        }
        Ok(())
    }

    /// Writes a group whole, or leaves no trace of it and answers false.
    async fn guarded(&mut self, tx: &DatabaseTransaction, members: &[usize]) -> Result<bool, DbErr> {
        savepoint(tx).await?;
        let done = self.together(tx, members).await?;
        if done {
            release(tx).await?
        } else {
            undo(tx).await?
        }
        Ok(done)
    }

    /// Writes a group whole; when it answers false, the caller takes back what of it was written.
    async fn together(&mut self, tx: &DatabaseTransaction, members: &[usize]) -> Result<bool, DbErr> {
        let commits: Vec<&Commit> = members.iter().filter_map(|n| self.commits.get(*n).copied()).collect();
        if commits.iter().any(|commit| !commit.purges.is_empty()) {
            return Ok(false);
        }
        let mut frontier = self.frontier.clone();
        let written = match write_rows(tx, &commits).await {
            Ok(()) => {
                let leaves: Vec<Leaf<'_>> = members
                    .iter()
                    .filter_map(|n| self.leaves.get(*n))
                    .flatten()
                    .map(|leaf| Leaf { draft: leaf.draft, hash: leaf.hash })
                    .collect();
                append(tx, &leaves, &mut frontier).await
            }
            Err(stop) => Err(stop),
        };
        let mut seqs = match written {
            Ok(seqs) => seqs.into_iter(),
            Err(Stop::Conflict(_)) => return Ok(false),
            Err(Stop::Db(error)) => return Err(error),
        };
        self.frontier = frontier;
        for (n, commit) in members.iter().zip(commits) {
            let receipt = Receipt { seqs: seqs.by_ref().take(commit.packets.len()).collect() };
            self.answer(*n, Ok(receipt));
        }
        Ok(true)
    }

    /// Writes one commit row by row, so that a refusal has its reason.
    async fn alone(&mut self, tx: &DatabaseTransaction, n: usize) -> Result<(), DbErr> {
        let (Some(commit), Some(leaves)) = (self.commits.get(n).copied(), self.leaves.get(n)) else { return Ok(()) };
        let mut frontier = self.frontier.clone();
        savepoint(tx).await?;
        let mut answer = rows_of(tx, commit).await?;
        if answer.is_ok() {
            for purge in &commit.purges {
                delete(tx, purge).await?;
            }
            answer = packets_of(tx, leaves, &mut frontier).await?;
        }
        match &answer {
            Ok(_) => {
                release(tx).await?;
                self.frontier = frontier;
            }
            Err(_) => undo(tx).await?,
        }
        self.answer(n, answer);
        Ok(())
    }

    fn answer(&mut self, n: usize, answer: Result<Receipt, Refused>) {
        if let Some(place) = self.answers.get_mut(n) {
            *place = Some(answer);
        }
    }
}

async fn rows_of(tx: &DatabaseTransaction, commit: &Commit) -> Result<Result<Receipt, Refused>, DbErr> {
    for row in ordered(commit) {
        if let Err(refused) = write_row(tx, row).await? {
            return Ok(Err(refused));
        }
    }
    Ok(Ok(Receipt::default()))
}

async fn packets_of(
    tx: &DatabaseTransaction,
    leaves: &[Leaf<'_>],
    frontier: &mut Frontier,
) -> Result<Result<Receipt, Refused>, DbErr> {
    let mut seqs = Vec::with_capacity(leaves.len());
    for leaf in leaves {
        match append(tx, std::slice::from_ref(leaf), frontier).await {
            Ok(places) => seqs.extend(places),
            Err(Stop::Db(error)) => return Err(error),
            Err(Stop::Conflict(_)) => {
                let key = leaf.draft.stardust_id.to_string();
                return Ok(Err(Refused::Duplicate { table: Table::Packets, key }));
            }
        }
    }
    Ok(Ok(Receipt { seqs }))
}

async fn savepoint(tx: &DatabaseTransaction) -> Result<(), DbErr> {
    tx.execute_unprepared("SAVEPOINT part").await.map(|_| ())
}

async fn release(tx: &DatabaseTransaction) -> Result<(), DbErr> {
    tx.execute_unprepared("RELEASE SAVEPOINT part").await.map(|_| ())
}

async fn undo(tx: &DatabaseTransaction) -> Result<(), DbErr> {
    tx.execute_unprepared("ROLLBACK TO SAVEPOINT part").await?;
    release(tx).await
}

async fn delete(tx: &DatabaseTransaction, purge: &Purge) -> Result<(), DbErr> {
    let (sql, values) = match purge {
        Purge::ExpiredAnswers { before } => {
            (r#"DELETE FROM "idempotent_answers" WHERE "expires_at" < $1"#, vec![Value::BigInt(Some(before.0))])
        }
        Purge::OldSamples { before, at_most } => (
            r#"DELETE FROM "engagement_samples" WHERE "sample_id" IN (
                 SELECT s."sample_id" FROM "engagement_samples" s WHERE s."measured_at" < $1
                 ORDER BY s."measured_at", s."sample_id" LIMIT $2)"#,
            vec![Value::BigInt(Some(before.0)), Value::BigInt(Some(i64::try_from(*at_most).unwrap_or(i64::MAX)))],
        ),
        // Jobs that an edit or upload job refers to stay as long as that does.
        Purge::EndedJobs { before, at_most } => (
            r#"DELETE FROM "jobs" WHERE "id" IN (
                 SELECT j."id" FROM "jobs" j
                 WHERE j."state" IN ('DONE', 'ERROR', 'CANCELLED', 'SKIPPED') AND j."ended_at" < $1
                   AND NOT EXISTS (SELECT 1 FROM "edit_jobs" e WHERE e."job_id" = j."id")
                   AND NOT EXISTS (SELECT 1 FROM "upload_jobs" u WHERE u."job_id" = j."id")
                 ORDER BY j."ended_at", j."id" LIMIT $2)"#,
            vec![Value::BigInt(Some(before.0)), Value::BigInt(Some(i64::try_from(*at_most).unwrap_or(i64::MAX)))],
        ),
    };
    tx.execute_raw(Statement::from_sql_and_values(tx.get_database_backend(), sql, values)).await.map(|_| ())
}

impl SqlWriter {
    fn note<T>(&self, done: Result<T, DbErr>) -> Result<T, StoreFault> {
        let done = done.map_err(self.explain);
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = done.as_ref().err().cloned();
        done
    }

    /// SQLite takes its write lock at the start: a transaction that read first could not become a writer.
    async fn begin(&self) -> Result<DatabaseTransaction, DbErr> {
        let mode = (self.db.get_database_backend() == DbBackend::Sqlite).then_some(SqliteTransactionMode::Immediate);
        let options = TransactionOptions { sqlite_transaction_mode: mode, isolation_level: None, access_mode: None };
        self.db.begin_with_options(options).await
    }

    async fn end_of_ledger(&mut self, tx: &DatabaseTransaction) -> Result<Frontier, DbErr> {
        match self.frontier.take() {
            Some(frontier) => Ok(frontier),
            None => frontier_of(tx).await.map(|(_, frontier)| frontier),
        }
    }

    async fn try_write(&mut self, batch: &[Sealed]) -> Result<Answers, DbErr> {
        let mut tx = self.begin().await?;
        let frontier = self.end_of_ledger(&tx).await?;
        let size = frontier.size();
        let mut batch = Batch::new(batch, frontier);
        // Mostly nothing is refused: then the transaction itself is all that has to be undone, and SQLite need not keep
        // every page that it changes a second time for a savepoint. A commit alone may be large: it goes the same way,
        // since row by row each costs a word to the thread of the database and back.
        let open = batch.open(0, batch.commits.len());
        if !open.is_empty() && !batch.together(&tx, &open).await? {
            tx.rollback().await?;
            tx = self.begin().await?;
            batch.settle(&tx).await?;
        }
        if batch.frontier.size() != size {
            keep_frontier(&tx, size, &batch.frontier).await?;
        }
        tx.commit().await?;
        self.frontier = Some(batch.frontier);
        Ok(batch.answers)
    }

    /// A row that is there already was written by an attempt whose answer was lost.
    async fn try_logs(&self, rows: &[LogRow]) -> Result<(), DbErr> {
        let tx = self.begin().await?;
        let shape = LogRow::shape();
        let columns = shape.written();
        for piece in pieces(rows) {
            let put = |row: &LogRow, out: &mut Vec<Value>| row.values(out);
            match insert(&tx, shape.table, &columns, shape.width(), piece, put).await {
                Ok(()) | Err(Stop::Conflict(None)) => {}
                Err(Stop::Conflict(Some(conflict))) => return Err(DbErr::Custom(conflict.to_string())),
                Err(Stop::Db(error)) => return Err(error),
            }
        }
        tx.commit().await
    }
}

/// Moves the end of the ledger on; refused when somebody else has.
async fn keep_frontier(tx: &DatabaseTransaction, from: u64, frontier: &Frontier) -> Result<(), DbErr> {
    let number = |n: u64| Value::BigInt(i64::try_from(n).ok());
    let sql = r#"UPDATE "ledger_meta" SET "size" = $1, "peaks" = $2 WHERE "id" = 1 AND "size" = $3"#;
    let values = vec![number(frontier.size()), Value::Bytes(Some(peaks_of(frontier))), number(from)];
    let done = tx.execute_raw(Statement::from_sql_and_values(tx.get_database_backend(), sql, values)).await?;
    if done.rows_affected() == 1 {
        return Ok(());
    }
    Err(DbErr::Type(format!("the ledger does not end at {from} any more")))
}

#[async_trait]
impl Writer for SqlWriter {
    async fn write(&mut self, batch: &[Sealed]) -> Result<Vec<Result<Receipt, Refused>>, StoreFault> {
        if batch.is_empty() {
            return Ok(Vec::new());
        }
        let answers = self.try_write(batch).await;
        let answers = self.note(answers)?;
        let unanswered = || Err(bug("a commit of the batch was not settled".to_owned()));
        Ok(answers.into_iter().map(|answer| answer.unwrap_or_else(unanswered)).collect())
    }

    async fn write_logs(&mut self, rows: Vec<LogRow>) -> Result<(), StoreFault> {
        let done = self.try_logs(&rows).await;
        self.note(done)
    }
}
