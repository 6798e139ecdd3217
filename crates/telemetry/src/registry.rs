//! Every metric, declared once: what it is called, what it counts, in which unit, by which labels. `meter` has a function
//! for each; nothing else in the workspace names a metric.

use std::fmt::Write;

use metrics::{KeyName, Recorder, Unit};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Only grows; `_total`.
    Counter,
    Gauge,
    /// `_bucket`, `_sum`, `_count`.
    Histogram,
}

impl Kind {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// One metric. Label values come from closed sets (kinds, classes, route templates, names of actors): never ids.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Metric {
    pub name: &'static str,
    pub kind: Kind,
    /// `seconds`, `bytes`, `timestamp` (seconds since the epoch), or the noun that is counted.
    pub unit: &'static str,
    pub labels: &'static [&'static str],
    /// Upper bounds, for histograms.
    pub buckets: &'static [f64],
    /// One sentence.
    pub meaning: &'static str,
}

/// 1 ms to 4 h: a commit takes milliseconds, a talk show hours.
pub const SECONDS: &[f64] = &[
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0,
    1800.0, 3600.0, 7200.0, 14400.0,
];
/// How many commits share one transaction.
const GROUP: &[f64] = &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1024.0];
const MIB: f64 = 1024.0 * 1024.0;
const BYTES: &[f64] = &[
    16.0 * MIB,
    32.0 * MIB,
    64.0 * MIB,
    128.0 * MIB,
    256.0 * MIB,
    512.0 * MIB,
    1024.0 * MIB,
    2048.0 * MIB,
    4096.0 * MIB,
    8192.0 * MIB,
    16384.0 * MIB,
];

macro_rules! metrics {
    ($($ident:ident = $kind:ident $name:literal ($unit:literal) [$($label:literal),*] $(in $buckets:ident)? : $meaning:literal;)+) => {
        $(pub(crate) const $ident: Metric = Metric {
            name: $name,
            kind: Kind::$kind,
            unit: $unit,
            labels: &[$($label),*],
            buckets: metrics!(@buckets $($buckets)?),
            meaning: $meaning,
        };)+
        /// The registry, in the order of the documentation.
        pub const METRICS: &[Metric] = &[$($ident),+];
    };
    (@buckets) => { &[] };
    (@buckets $buckets:ident) => { $buckets };
}

metrics! {
    BUILD_INFO = Gauge "omniva_build_info" ("1") ["version", "revision"]: "Always 1; says what runs.";
    START = Gauge "omniva_start_timestamp_seconds" ("timestamp") []: "When this process started.";

    JOBS_ENQUEUED = Counter "omniva_jobs_enqueued_total" ("jobs") ["kind"]: "Jobs that were put into a queue.";
    JOBS_STARTED = Counter "omniva_jobs_started_total" ("attempts") ["kind"]: "Attempts that a worker began.";
    JOBS_COMPLETED = Counter "omniva_jobs_completed_total" ("jobs") ["kind"]: "Jobs that ended well.";
    JOBS_FAILED = Counter "omniva_jobs_failed_total" ("attempts") ["kind", "class"]: "Attempts that ended with a fault, by its class.";
    JOBS_RETRIED = Counter "omniva_jobs_retried_total" ("attempts") ["kind", "class"]: "Attempts after which the job waits for another one.";
    JOBS_QUARANTINED = Counter "omniva_jobs_quarantined_total" ("jobs") ["kind", "class"]: "Jobs that were put aside until a person or Eclipse frees them.";
    JOBS_CANCELLED = Counter "omniva_jobs_cancelled_total" ("jobs") ["kind"]: "Jobs that were called off.";
    JOBS = Gauge "omniva_jobs" ("jobs") ["kind", "state"]: "Jobs in the store, by state.";
    JOB_QUEUE_WAIT = Histogram "omniva_job_queue_wait_seconds" ("seconds") ["kind"] in SECONDS: "From runnable to claimed.";
    JOB_RUN = Histogram "omniva_job_run_seconds" ("seconds") ["kind", "outcome"] in SECONDS: "One attempt, from claim to outcome.";
    JOB_OLDEST_RUNNABLE = Gauge "omniva_job_oldest_runnable_timestamp_seconds" ("timestamp") ["kind"]: "Since when the oldest runnable job has been runnable; 0 when none is.";

    LEASES_RENEWED = Counter "omniva_leases_renewed_total" ("leases") ["kind"]: "Leases that progress renewed.";
    LEASES_EXPIRED = Counter "omniva_leases_expired_total" ("leases") ["kind"]: "Leases that ran out; the rescuer brought the job back.";
    LEASES_REFUSED = Counter "omniva_leases_refused_total" ("reports") ["kind"]: "Reports of workers whose lease was no longer theirs.";

    ACTOR_RESTARTS = Counter "omniva_actor_restarts_total" ("restarts") ["actor"]: "Restarts that a supervisor granted.";
    ACTOR_ESCALATIONS = Counter "omniva_actor_escalations_total" ("escalations") ["group"]: "Groups that gave up.";
    ACTOR_KILLED = Counter "omniva_actor_killed_total" ("actors") ["actor"]: "Actors that did not stop in time, or made no progress, and were killed.";
    ACTOR_MAILBOX = Gauge "omniva_actor_mailbox_length" ("messages") ["actor"]: "Messages that wait.";

    LEDGER_ENTRIES = Counter "omniva_ledger_entries_total" ("packets") []: "Packets that this process appended.";
    LEDGER_HEAD = Gauge "omniva_ledger_head_sequence" ("sequence") []: "Place of the last packet.";
    LEDGER_HEAD_AT = Gauge "omniva_ledger_head_timestamp_seconds" ("timestamp") []: "When the last packet was written.";
    LEDGER_VERIFY_FAILURES = Counter "omniva_ledger_verify_failures_total" ("failures") []: "Verifications that found a broken chain. Must stay 0.";

    CHILD_CPU = Histogram "omniva_child_cpu_seconds" ("seconds") ["tool"] in SECONDS: "Processor time of one child process.";
    CHILD_RSS = Histogram "omniva_child_max_rss_bytes" ("bytes") ["tool"] in BYTES: "The most memory that one child process held.";
    CHILD_KILLED = Counter "omniva_child_killed_total" ("processes") ["tool", "reason"]: "Child processes that were ended by force.";

    COMMITS = Counter "omniva_store_commits_total" ("commits") ["result"]: "Commits, written or refused.";
    COMMIT_GROUP = Histogram "omniva_store_commit_group_size" ("commits") [] in GROUP: "Commits that shared one transaction.";
    COMMIT_SECONDS = Histogram "omniva_store_commit_seconds" ("seconds") [] in SECONDS: "One transaction of the store-writer.";

    HTTP_REQUESTS = Counter "omniva_http_requests_total" ("requests") ["route", "status"]: "Answers of the API, by route template and status.";
    HTTP_SECONDS = Histogram "omniva_http_request_seconds" ("seconds") ["route"] in SECONDS: "From request to answer.";

    EVENTS_SENT = Counter "omniva_events_sent_total" ("events") ["transport"]: "Events handed to listeners.";
    EVENT_CLIENTS = Gauge "omniva_event_clients" ("clients") ["transport"]: "Listeners that are connected.";

    LOG_ROWS_DROPPED = Counter "omniva_log_rows_dropped_total" ("rows") []: "Log rows that were not stored because the log-writer was behind.";
    LOG_LINES_LOST = Counter "omniva_log_lines_lost_total" ("lines") []: "Log lines that could not be written.";
    INVARIANT_VIOLATIONS = Counter "omniva_invariant_violations_total" ("violations") ["invariant"]: "Broken invariants. Must stay 0.";
    DISK_FREE = Gauge "omniva_disk_free_bytes" ("bytes") ["area"]: "Free space where this area lives.";
}

impl Metric {
    fn unit_of(&self) -> Option<Unit> {
        match self.unit {
            "seconds" | "timestamp" => Some(Unit::Seconds),
            "bytes" => Some(Unit::Bytes),
            _ => None,
        }
    }
    /// Gives the metric its HELP text.
    pub(crate) fn describe(&self, recorder: &dyn Recorder) {
        let (name, unit, text) = (KeyName::from_const_str(self.name), self.unit_of(), self.meaning.into());
        match self.kind {
            Kind::Counter => recorder.describe_counter(name, unit, text),
            Kind::Gauge => recorder.describe_gauge(name, unit, text),
            Kind::Histogram => recorder.describe_histogram(name, unit, text),
        }
    }
}

/// The registry as a Markdown table.
pub fn docs() -> String {
    let mut text = String::from("| Metric | Type | Unit | Labels | Buckets | Meaning |\n|---|---|---|---|---|---|\n");
    for m in METRICS {
        let labels = m.labels.iter().map(|l| format!("`{l}`")).collect::<Vec<_>>().join(", ");
        let buckets = match (m.buckets.first(), m.buckets.last()) {
            (Some(first), Some(last)) => format!("{first} to {last} ({})", m.buckets.len()),
            _ => String::new(),
        };
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "| `{}` | {} | {} | {labels} | {buckets} | {} |",
            m.name,
            m.kind.as_str(),
            m.unit,
            m.meaning
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};
    use std::time::Duration;

    use omniva_contracts::engine::{JobKind, Moment};
    use omniva_contracts::fault::FaultClass;

    use super::*;
    use crate::meter;

    /// Calls every function of `meter` that writes a metric.
    fn touch_everything() {
        let (kind, class, at, span) =
            (JobKind::Edit, FaultClass::Limit, Moment(1_715_094_000_000_000), Duration::from_millis(3));
        meter::prime();
        meter::build_info("1.2.3", "abc");
        meter::started(at);
        meter::job_enqueued(kind);
        meter::job_started(kind, span);
        meter::job_completed(kind);
        meter::job_failed(kind, class);
        meter::job_retried(kind, class);
        meter::job_quarantined(kind, class);
        meter::job_cancelled(kind);
        meter::job_ran(kind, "done", span);
        meter::jobs_in_state(kind, "PENDING", 7);
        meter::oldest_runnable(kind, Some(at));
        meter::lease_renewed(kind);
        meter::lease_expired(kind);
        meter::lease_refused(kind);
        meter::actor_restarted("editor");
        meter::group_escalated("workers");
        meter::actor_killed("editor");
        meter::mailbox_length("editor", 3);
        meter::ledger_appended(2, 40, at);
        meter::ledger_verify_failed();
        meter::child_ended("edit", span, 300 << 20);
        meter::child_killed("edit", "memory");
        meter::group_committed(5, 1, span);
        meter::http_answered("/v1/projects/{id}", 200, span);
        meter::events_sent("websocket", 4);
        meter::event_clients("websocket", 2);
        meter::log_rows_dropped(1);
        meter::log_lines_lost(1);
        meter::invariant_violated("no_lost_job");
        meter::disk_free("work", 1 << 30);
    }

    fn rendered() -> String {
        let recorder = crate::install::recorder().unwrap();
        metrics::with_local_recorder(&recorder, touch_everything);
        recorder.handle().render()
    }

    #[test]
    fn a_scrape_and_the_registry_agree_both_ways() {
        let text = rendered();
        let line_of = |start: &str| {
            let told = text.lines().filter_map(|l| l.strip_prefix(start)?.split_once(' '));
            told.collect::<BTreeMap<_, _>>()
        };
        let (types, helps) = (line_of("# TYPE "), line_of("# HELP "));
        let declared: BTreeMap<_, _> = METRICS.iter().map(|m| (m.name, m.kind.as_str())).collect();
        assert_eq!(types, declared);
        assert_eq!(helps, METRICS.iter().map(|m| (m.name, m.meaning)).collect());
    }

    #[test]
    fn labels_in_a_scrape_are_those_declared() {
        let text = rendered();
        let mut seen: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for line in text.lines().filter(|l| !l.is_empty() && !l.starts_with('#')) {
            let name = &line[..line.find(['{', ' ']).unwrap()];
            let base = ["_bucket", "_sum", "_count"].iter().find_map(|s| name.strip_suffix(s));
            let metric =
                METRICS.iter().find(|m| m.name == name || Some(m.name) == base).unwrap_or_else(|| panic!("{line}"));
            let labels = line.split_once('{').map_or("", |(_, rest)| rest.split_once("\"} ").unwrap().0);
            let names = labels.split("\",").filter(|l| !l.is_empty()).map(|l| l.split_once('=').unwrap().0);
            seen.entry(metric.name).or_default().extend(names.filter(|l| *l != "le"));
        }
        for metric in METRICS {
            assert_eq!(seen[metric.name], metric.labels.iter().copied().collect(), "{}", metric.name);
        }
    }

    #[test]
    fn values_arrive() {
        let text = rendered();
        for line in [
            r#"omniva_jobs_failed_total{kind="edit",class="limit"} 1"#,
            r#"omniva_jobs_failed_total{kind="scrape",class="bug"} 0"#,
            r#"omniva_job_queue_wait_seconds_bucket{kind="edit",le="0.0025"} 0"#,
            r#"omniva_job_queue_wait_seconds_bucket{kind="edit",le="0.005"} 1"#,
            r#"omniva_job_oldest_runnable_timestamp_seconds{kind="edit"} 1715094000"#,
            r#"omniva_http_requests_total{route="/v1/projects/{id}",status="200"} 1"#,
            r#"omniva_store_commits_total{result="written"} 5"#,
            "omniva_store_commit_group_size_sum 6",
            "omniva_ledger_head_sequence 40",
        ] {
            assert!(text.lines().any(|l| l == line), "{line} is not in\n{text}");
        }
    }

    #[test]
    fn names_follow_the_rules() {
        let mut names = BTreeSet::new();
        for m in METRICS {
            let name = m.name;
            assert!(names.insert(name), "{name} twice");
            assert!(name.starts_with("omniva_"), "{name}");
            assert!(name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'), "{name}");
            assert_eq!(m.kind == Kind::Counter, name.ends_with("_total"), "{name}");
            assert_eq!(m.kind == Kind::Histogram, !m.buckets.is_empty(), "{name}");
            for odd in ["_bucket", "_sum", "_count", "_milliseconds", "_ms", "_mb", "_percent", "_minutes"] {
                assert!(!name.ends_with(odd), "{name}");
            }
            let base = name.strip_suffix("_total").unwrap_or(name);
            match m.unit {
                "timestamp" => assert!(base.ends_with("_timestamp_seconds"), "{name}"),
                "seconds" => assert!(base.ends_with("_seconds"), "{name}"),
                "bytes" => assert!(base.ends_with("_bytes"), "{name}"),
                _ => assert!(!base.ends_with("_seconds") && !base.ends_with("_bytes"), "{name}"),
            }
            assert!(m.buckets.windows(2).all(|w| w[0] < w[1]), "{name}");
            if m.kind == Kind::Histogram && name.ends_with("_seconds") {
                assert_eq!((m.buckets.first(), m.buckets.last()), (Some(&0.001), Some(&14400.0)), "{name}");
            }
            assert!(m.meaning.ends_with('.') && !m.meaning.contains('|'), "{name}");
            for label in m.labels {
                assert!(
                    !label.ends_with("id") && *label != "path" && *label != "le" && *label != "quantile",
                    "{name} {label}"
                );
            }
        }
    }

    #[test]
    fn every_metric_is_in_the_docs() {
        let docs = docs();
        assert_eq!(docs.lines().count(), METRICS.len() + 2);
        assert!(METRICS.iter().all(|m| docs.contains(&format!("| `{}` | {} |", m.name, m.kind.as_str()))), "{docs}");
        assert!(docs.lines().all(|l| l.matches('|').count() == 7), "{docs}");
    }
}
