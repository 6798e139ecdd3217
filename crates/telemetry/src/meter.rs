//! One function for each metric. Without an installed recorder they do nothing.

use std::time::Duration;

use metrics::{Key, Label, Level, Metadata, SharedString};
use omniva_contracts::engine::{JobKind, Moment};
use omniva_contracts::fault::FaultClass;

use crate::registry::*;

const METADATA: Metadata<'static> = Metadata::new("omniva", Level::INFO, Some(module_path!()));

fn key<const N: usize>(metric: &Metric, values: [SharedString; N]) -> Key {
    debug_assert_eq!(metric.labels.len(), N, "{}", metric.name);
    let labels: Vec<Label> = metric.labels.iter().zip(values).map(|(label, value)| Label::new(*label, value)).collect();
    Key::from_parts(metric.name, labels)
}

fn count<const N: usize>(metric: &Metric, values: [SharedString; N], by: u64) {
    metrics::with_recorder(|r| r.register_counter(&key(metric, values), &METADATA).increment(by));
}

fn set<const N: usize>(metric: &Metric, values: [SharedString; N], value: f64) {
    metrics::with_recorder(|r| r.register_gauge(&key(metric, values), &METADATA).set(value));
}

fn record<const N: usize>(metric: &Metric, values: [SharedString; N], value: f64) {
    metrics::with_recorder(|r| r.register_histogram(&key(metric, values), &METADATA).record(value));
}

fn of(kind: JobKind) -> SharedString {
    kind.as_str().into()
}

/// Seconds since the epoch, to the microsecond.
fn epoch(at: Moment) -> f64 {
    at.0 as f64 / 1e6
}

/// The word of a class in labels, logs and rows.
pub fn class_word(class: FaultClass) -> &'static str {
    match class {
        FaultClass::Transient => "transient",
        FaultClass::Permanent => "permanent",
        FaultClass::Limit => "limit",
        FaultClass::Interrupted => "interrupted",
        FaultClass::Bug => "bug",
    }
}

pub fn build_info(version: &'static str, revision: &'static str) {
    set(&BUILD_INFO, [version.into(), revision.into()], 1.0);
}
pub fn started(at: Moment) {
    set(&START, [], epoch(at));
}

pub fn job_enqueued(kind: JobKind) {
    count(&JOBS_ENQUEUED, [of(kind)], 1);
}
/// `waited`: from runnable to claimed.
pub fn job_started(kind: JobKind, waited: Duration) {
    count(&JOBS_STARTED, [of(kind)], 1);
    record(&JOB_QUEUE_WAIT, [of(kind)], waited.as_secs_f64());
}
pub fn job_completed(kind: JobKind) {
    count(&JOBS_COMPLETED, [of(kind)], 1);
}
pub fn job_failed(kind: JobKind, class: FaultClass) {
    count(&JOBS_FAILED, [of(kind), class_word(class).into()], 1);
}
pub fn job_retried(kind: JobKind, class: FaultClass) {
    count(&JOBS_RETRIED, [of(kind), class_word(class).into()], 1);
}
pub fn job_quarantined(kind: JobKind, class: FaultClass) {
    count(&JOBS_QUARANTINED, [of(kind), class_word(class).into()], 1);
}
pub fn job_cancelled(kind: JobKind) {
    count(&JOBS_CANCELLED, [of(kind)], 1);
}
/// `outcome`: `done`, `retry`, `snooze`, `cancel`, `discard`, `interrupted`.
pub fn job_ran(kind: JobKind, outcome: &'static str, took: Duration) {
    record(&JOB_RUN, [of(kind), outcome.into()], took.as_secs_f64());
}
/// `state` as the store spells it.
pub fn jobs_in_state(kind: JobKind, state: &'static str, jobs: u64) {
    set(&JOBS, [of(kind), state.into()], jobs as f64);
}
pub fn oldest_runnable(kind: JobKind, since: Option<Moment>) {
    set(&JOB_OLDEST_RUNNABLE, [of(kind)], since.map_or(0.0, epoch));
}

pub fn lease_renewed(kind: JobKind) {
    count(&LEASES_RENEWED, [of(kind)], 1);
}
pub fn lease_expired(kind: JobKind) {
    count(&LEASES_EXPIRED, [of(kind)], 1);
}
/// A report came with a fence that is no longer the job's.
pub fn lease_refused(kind: JobKind) {
    count(&LEASES_REFUSED, [of(kind)], 1);
}

/// `actor`: its name in the tree.
pub fn actor_restarted(actor: &str) {
    count(&ACTOR_RESTARTS, [actor.to_owned().into()], 1);
}
pub fn group_escalated(group: &str) {
    count(&ACTOR_ESCALATIONS, [group.to_owned().into()], 1);
}
pub fn actor_killed(actor: &str) {
    count(&ACTOR_KILLED, [actor.to_owned().into()], 1);
}
pub fn mailbox_length(actor: &str, messages: u64) {
    set(&ACTOR_MAILBOX, [actor.to_owned().into()], messages as f64);
}

/// `packets` were appended; the last one has this place and time.
pub fn ledger_appended(packets: u64, head: u64, at: Moment) {
    count(&LEDGER_ENTRIES, [], packets);
    set(&LEDGER_HEAD, [], head as f64);
    set(&LEDGER_HEAD_AT, [], epoch(at));
}
pub fn ledger_verify_failed() {
    count(&LEDGER_VERIFY_FAILURES, [], 1);
}

/// `tool`: `analyze`, `edit` …, the role of the child process.
pub fn child_ended(tool: &'static str, cpu: Duration, max_rss_bytes: u64) {
    record(&CHILD_CPU, [tool.into()], cpu.as_secs_f64());
    record(&CHILD_RSS, [tool.into()], max_rss_bytes as f64);
}
/// `reason`: `timeout`, `memory`, `cancelled` …
pub fn child_killed(tool: &'static str, reason: &'static str) {
    count(&CHILD_KILLED, [tool.into(), reason.into()], 1);
}

/// One transaction: `written` commits of it were taken, `refused` were not.
pub fn group_committed(written: u64, refused: u64, took: Duration) {
    count(&COMMITS, ["written".into()], written);
    count(&COMMITS, ["refused".into()], refused);
    record(&COMMIT_GROUP, [], (written + refused) as f64);
    record(&COMMIT_SECONDS, [], took.as_secs_f64());
}

/// `route`: the template (`/v1/projects/{id}`), never the path.
pub fn http_answered(route: &'static str, status: u16, took: Duration) {
    count(&HTTP_REQUESTS, [route.into(), status.to_string().into()], 1);
    record(&HTTP_SECONDS, [route.into()], took.as_secs_f64());
}

/// `transport`: `websocket`, `sse`.
pub fn events_sent(transport: &'static str, events: u64) {
    count(&EVENTS_SENT, [transport.into()], events);
}
pub fn event_clients(transport: &'static str, clients: u64) {
    set(&EVENT_CLIENTS, [transport.into()], clients as f64);
}

pub fn log_rows_dropped(rows: u64) {
    count(&LOG_ROWS_DROPPED, [], rows);
}
pub fn log_lines_lost(lines: u64) {
    count(&LOG_LINES_LOST, [], lines);
}
pub fn invariant_violated(invariant: &'static str) {
    count(&INVARIANT_VIOLATIONS, [invariant.into()], 1);
}
pub fn disk_free(area: &'static str, bytes: u64) {
    set(&DISK_FREE, [area.into()], bytes as f64);
}

/// Describes every metric, and starts the counters whose labels are known at 0, so that the first event is an increase.
pub(crate) fn prime() {
    metrics::with_recorder(|r| METRICS.iter().for_each(|m| m.describe(r)));
    for kind in JobKind::ALL {
        for metric in [
            &JOBS_ENQUEUED,
            &JOBS_STARTED,
            &JOBS_COMPLETED,
            &JOBS_CANCELLED,
            &LEASES_RENEWED,
            &LEASES_EXPIRED,
            &LEASES_REFUSED,
        ] {
            count(metric, [of(kind)], 0);
        }
        for class in
            [FaultClass::Transient, FaultClass::Permanent, FaultClass::Limit, FaultClass::Interrupted, FaultClass::Bug]
        {
            for metric in [&JOBS_FAILED, &JOBS_RETRIED, &JOBS_QUARANTINED] {
                count(metric, [of(kind), class_word(class).into()], 0);
            }
        }
    }
    for metric in [&LEDGER_ENTRIES, &LEDGER_VERIFY_FAILURES, &LOG_ROWS_DROPPED, &LOG_LINES_LOST] {
        count(metric, [], 0);
    }
}
