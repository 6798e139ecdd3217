//! One suite for every adapter: what a store does is written once, and each adapter is held to it.

pub(crate) mod engagement;
mod group;
mod ledger;
mod lists;
mod queues;
mod random;
mod refusals;
pub(crate) mod rows;

use omniva_contracts::engine::*;
use tempfile::TempDir;
use uuid::Uuid;

use crate::{Opened, Page, Receipt, Refused, Sealed};

pub(crate) const ORIGIN: Uuid = Uuid::from_u128(0x0a);
pub(crate) const ALL: Page = Page { limit: 1_000, offset: 0 };

/// An opened store and what has to live as long.
pub(crate) struct Store {
    pub opened: Opened,
    _folder: Option<TempDir>,
}

pub(crate) async fn memory() -> Store {
    Store { opened: crate::open_memory(ORIGIN), _folder: None }
}

pub(crate) async fn sqlite() -> Store {
    let folder = tempfile::tempdir().expect("a folder");
    let opened = crate::open_sqlite(&folder.path().join("omniva.db"), ORIGIN).await.expect("opens");
    Store { opened, _folder: Some(folder) }
}

impl From<Opened> for Store {
    fn from(opened: Opened) -> Self {
        Self { opened, _folder: None }
    }
}

pub(crate) fn ledger_packet(n: u128) -> PacketDraft {
    ledger::packet(n)
}

impl Store {
    pub fn seal(&self, commit: Commit) -> Sealed {
        self.opened.mandate.seal(commit)
    }
    pub async fn batch(&mut self, commits: Vec<Commit>) -> Vec<Result<Receipt, Refused>> {
        let batch: Vec<Sealed> = commits.into_iter().map(|commit| self.seal(commit)).collect();
        self.opened.writer.write(&batch).await.expect("the store works")
    }
    pub async fn commit(&mut self, commit: Commit) -> Result<Receipt, Refused> {
        self.batch(vec![commit]).await.remove(0)
    }
    pub async fn put(&mut self, rows: Vec<Row>) {
        self.commit(of(rows)).await.expect("is written");
    }
    pub async fn refusal(&mut self, rows: Vec<Row>) -> Refused {
        self.commit(of(rows)).await.expect_err("is refused")
    }
}

pub(crate) fn of(rows: Vec<Row>) -> Commit {
    Commit { rows, ..Commit::default() }
}

macro_rules! store_suite {
    ($adapter:ident: $($module:ident::$case:ident),+ $(,)?) => {
        mod $adapter {
            $(
                #[tokio::test]
                async fn $case() {
                    super::$module::$case(super::$adapter().await).await;
                }
            )+
        }
    };
}

macro_rules! every_adapter {
    ($($module:ident::$case:ident),+ $(,)?) => {
        store_suite!(memory: $($module::$case),+);
        store_suite!(sqlite: $($module::$case),+);
    };
}

every_adapter! {
    rows::every_row_reads_as_it_was_written,
    rows::every_row_can_change,
    rows::what_a_job_was_made_with_stays,
    lists::pages_do_not_overlap,
    lists::filters_of_clips,
    lists::filters_of_jobs,
    lists::filters_of_schedules_and_uploads,
    lists::filters_of_artifacts_and_analyses,
    lists::small_tables_are_sorted,
    lists::counts_of_a_project,
    lists::logs_by_filter,
    engagement::samples_by_filter_newest_first,
    engagement::the_latest_of_each_publication,
    engagement::old_samples_are_purged_and_models_stand_by_name,
    refusals::stale_changes,
    refusals::taken_keys,
    refusals::dangling_references,
    refusals::what_no_store_can_hold,
    refusals::a_refused_commit_leaves_nothing,
    refusals::an_active_analysis_is_the_only_one,
    refusals::a_unique_key_is_free_when_its_job_is_final,
    group::the_others_of_a_batch_are_written,
    group::a_row_changes_twice_in_a_batch,
    group::order_among_commits_counts,
    group::many_inserters_one_job_each_key,
    group::large_batches,
    queues::claimable_by_priority_then_age,
    queues::due_lapsed_expired_and_when_next,
    queues::depths_by_kind,
    queues::ended_jobs_are_purged_unless_needed,
    ledger::packets_are_gapless_under_refusals,
    ledger::packets_read_as_they_were_written,
    ledger::packets_by_filter,
    ledger::packets_are_examined_as_they_are_read,
    ledger::a_packet_twice_is_refused,
    ledger::checkpoints_and_health,
}
