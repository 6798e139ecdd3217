//! What the engine counts, next to the one registry of metrics.

use std::time::Duration;

use omniva_cognition::council::{Load, QueueReading};
use omniva_contracts::engine::{Commit, Job, Moment, Row};
use omniva_contracts::fault::FaultClass;
use omniva_store::{Receipt, Refused};
use omniva_supervision::NodeView;
use omniva_telemetry::meter;

/// A job moved; `moved` is the kind of its packet.
pub(crate) fn moved(job: &Job, moved: &str, now: Moment) {
    let class = job.fault.as_ref().map_or(FaultClass::Bug, |fault| fault.class());
    let outcome = match moved {
        "job.claimed" => return meter::job_started(job.kind, now.since(job.run_after)),
        "job.done" => {
            meter::job_completed(job.kind);
            "done"
        }
        "job.failed" => {
            meter::job_failed(job.kind, class);
            "discard"
        }
        "job.retried" | "job.crashed" => {
            meter::job_retried(job.kind, class);
            "retry"
        }
        "job.quarantined" => return meter::job_quarantined(job.kind, class),
        "job.cancelled" => return meter::job_cancelled(job.kind),
        "job.snoozed" => "snooze",
        "job.interrupted" => "interrupted",
        _ => return,
    };
    meter::job_ran(job.kind, outcome, job.started_at.map_or(Duration::ZERO, |at| now.since(at)));
}

/// A group of commits was written in `took`.
pub(crate) fn committed(group: &[(&Commit, &Result<Receipt, Refused>)], took: Duration) {
    let mut written = 0;
    let mut packets = 0;
    let mut head = None;
    for (commit, answer) in group {
        let Ok(receipt) = answer else { continue };
        written += 1;
        packets += receipt.seqs.len() as u64;
        if let (Some(seq), Some(packet)) = (receipt.seqs.last(), commit.packets.last()) {
            head = Some((*seq, packet.at));
        }
        for row in &commit.rows {
            if let Row::Job(job) = row
                && job.version == 1
            {
                meter::job_enqueued(job.kind);
            }
        }
    }
    meter::group_committed(written, group.len() as u64 - written, took);
    if let Some((seq, at)) = head {
        meter::ledger_appended(packets, seq, at);
    }
}

/// Once a control cycle.
pub(crate) fn looked(queues: &[QueueReading], nodes: &[NodeView], load: &Load) {
    for queue in queues {
        meter::jobs_in_state(queue.kind, "PENDING", queue.ready);
        meter::jobs_in_state(queue.kind, "WAITING_RETRY", queue.waiting);
        meter::jobs_in_state(queue.kind, "RUNNING", queue.running);
        meter::jobs_in_state(queue.kind, "QUARANTINED", queue.quarantined);
        meter::oldest_runnable(queue.kind, queue.oldest_ready);
    }
    for node in nodes.iter().filter(|node| node.mailbox_limit.is_some()) {
        meter::mailbox_length(&node.name, node.mailbox);
    }
    meter::disk_free("data", load.disk_free_bytes);
}
