//! The queues' questions go through the indexes that leave finished jobs out, and never sort or scan the table.

use omniva_contracts::engine::*;
use sea_orm::{Database, DatabaseConnection, DbBackend, Statement, Value};
use sea_orm_migration::MigratorTrait;

use crate::port::JobFilter;
use crate::sql::group::update_text;
use crate::sql::query::{Where, all, select};
use crate::sql::read::{
    CLAIM_ORDER, DUE_ORDER, EXPIRED_ORDER, JOBS_ORDER, LAPSED_ORDER, claimable, due, expired, jobs_where, lapsed,
};
use crate::sql::read_ledger::{DEPTHS, NEXT_DUE, QUARANTINED, latest_where};
use crate::sql::tables::Stored;

async fn database() -> DatabaseConnection {
    let db = Database::connect("sqlite::memory:").await.expect("opens");
    omniva_migrations::Migrator::up(&db, None).await.expect("migrates");
    db
}

async fn plan(db: &DatabaseConnection, sql: &str, values: Vec<Value>) -> String {
    let rows = all(db, format!("EXPLAIN QUERY PLAN {sql}"), values).await.expect("is explained");
    rows.iter().map(|row| row.try_get_by_index::<String>(3).expect("a text")).collect::<Vec<_>>().join("; ")
}

async fn assert_index(db: &DatabaseConnection, of: Where, order: &str, index: &str) {
    let plan = plan(db, &format!("{} LIMIT 10", select::<Job>(&of, order)), of.values.clone()).await;
    assert!(plan.contains(index), "{index} is not used: {plan}");
    assert!(!plan.contains("SCAN") || plan.contains(&format!("USING INDEX {index}")), "{plan}");
}

#[tokio::test]
async fn every_question_of_the_queues_has_its_index() {
    let db = database().await;
    let now = Moment(5);
    assert_index(&db, claimable(JobKind::Edit, now), CLAIM_ORDER, "jobs_claim").await;
    assert_index(&db, due(now), DUE_ORDER, "jobs_due").await;
    assert_index(&db, lapsed(now), LAPSED_ORDER, "jobs_lease").await;
    assert_index(&db, expired(now), EXPIRED_ORDER, "jobs_expiry").await;
    let claim = claimable(JobKind::Edit, now);
    let text = select::<Job>(&claim, CLAIM_ORDER);
    let plan_of_claim = plan(&db, &text, claim.values).await;
    assert!(!plan_of_claim.contains("TEMP B-TREE"), "claiming sorts: {plan_of_claim}");
}

/// What uploads have spent lately is asked for each slot that is planned.
#[tokio::test]
async fn late_uploads_are_found_without_a_look_at_other_jobs() {
    let db = database().await;
    let filter = JobFilter { kind: Some(JobKind::Upload), since: Some(Moment(5)), ..JobFilter::default() };
    assert_index(&db, jobs_where(&filter), JOBS_ORDER, "jobs_uploads").await;
}

#[tokio::test]
async fn counting_and_waiting_read_indexes_alone() {
    let db = database().await;
    let indexes = ["jobs_wake", "jobs_due", "jobs_lease", "jobs_expiry"];
    for (sql, index) in NEXT_DUE.into_iter().zip(indexes) {
        let values = if sql.contains("$1") { vec![Value::BigInt(Some(5))] } else { vec![] };
        let plan = plan(&db, sql, values).await;
        assert!(plan.contains(&format!("COVERING INDEX {index}")), "{sql}: {plan}");
    }
    for sql in DEPTHS.into_iter().chain([QUARANTINED]) {
        let values = if sql.contains("$1") { vec![Value::BigInt(Some(5))] } else { vec![] };
        let plan = plan(&db, sql, values).await;
        assert!(plan.contains("COVERING INDEX jobs_"), "{sql}: {plan}");
    }
}

#[tokio::test]
async fn a_group_of_updates_finds_its_rows_by_key() {
    let db = database().await;
    let text = update_text(DbBackend::Sqlite, Job::shape(), 4);
    let statement = Statement::from_string(DbBackend::Sqlite, format!("EXPLAIN QUERY PLAN {text}"));
    let rows = sea_orm::ConnectionTrait::query_all_raw(&db, statement).await.expect("is explained");
    let plan: Vec<String> = rows.iter().map(|row| row.try_get_by_index(3).expect("a text")).collect();
    assert!(plan.iter().any(|line| line.contains("SEARCH jobs USING INDEX sqlite_autoindex_jobs_1")), "{plan:?}");
}

#[tokio::test]
async fn figures_are_found_by_channel_and_publication() {
    let db = database().await;
    let of = Where::new().is("channel", &"youtube/main".to_owned()).compared("measured_at", ">=", Some(&Moment(5)));
    let text = select::<SampleRow>(&of, r#"t."measured_at" DESC, t."sample_id" DESC"#);
    let listed = plan(&db, &text, of.values).await;
    assert!(listed.contains("samples_channel") && !listed.contains("TEMP B-TREE"), "{listed}");
    let of = latest_where(&[ScheduleId(uuid::Uuid::nil()), ScheduleId(uuid::Uuid::max())]);
    let latest = plan(&db, &select::<SampleRow>(&of, ""), of.values).await;
    assert!(latest.matches("samples_schedule").count() == 2 && !latest.contains("SCAN"), "{latest}");
}

#[tokio::test]
async fn lists_of_jobs_by_project_are_read_in_order() {
    let db = database().await;
    let of = Where::new().is("project_id", &ProjectId(uuid::Uuid::nil()));
    let text = select::<Job>(&of, r#"t."created_at" DESC, t."id" DESC"#);
    let plan = plan(&db, &text, of.values).await;
    assert!(plan.contains("jobs_project") && !plan.contains("TEMP B-TREE"), "{plan}");
}
