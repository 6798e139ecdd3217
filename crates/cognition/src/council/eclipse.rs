//! Eclipse's advice: whether the way ahead is healthy, and after a failure what can heal it.

use std::time::Duration;

use omniva_contracts::config::EngineConfig;
use omniva_contracts::engine::*;
use omniva_contracts::fault::FaultClass;
use serde_json::json;

use super::Brief;
use super::advice::advice;
use crate::eclipse::{BreakerState, recover};
use crate::jobs::RetryPolicy;

pub fn eclipse(brief: &Brief, config: &EngineConfig) -> Advisory {
    if brief.question == Question::Recover { after_failure(brief, config) } else { before_work(brief, config) }
}

/// Is the pool that would do the work well, and is there room?
fn before_work(brief: &Brief, config: &EngineConfig) -> Advisory {
    let say = |stance, score, why: String, detail| advice(Module::Eclipse, brief, stance, (score, 1.0), why, detail);
    let Some(kind) = brief.next_kind() else {
        return say(Stance::Neutral, config.council.neutral, "Nothing would be started.".into(), json!({}));
    };
    let name = kind.as_str();
    let wait = brief.now.after(Duration::try_from_secs_f64(config.council.defer_seconds).unwrap_or_default());
    if let Some(breaker) = brief.breakers.iter().find(|b| b.queue == kind && b.state == BreakerState::Open) {
        let until = breaker.open_until.unwrap_or(wait).max(wait);
        let why = format!("The breaker of the {name} pool is open until {until}.");
        return say(Stance::Hold, 0.0, why, json!({ "code": "breaker_open", "until": until }));
    }
    if let Some(queue) = brief.queue(kind).filter(|q| q.control.mode == QueueMode::Quarantined) {
        let why = format!("The {name} pool is quarantined: {}", queue.control.reason);
        return say(Stance::Hold, 0.0, why, json!({ "code": "pool_quarantined", "until": wait }));
    }
    let free = brief.load.disk_free_bytes as f64 / 1e9;
    let heavy = matches!(kind, JobKind::Analyze | JobKind::Edit);
    if heavy && brief.load.disk_free_bytes > 0 && free < config.control.min_free_disk_gigabytes {
        let why = format!("Only {free:.1} GB are free: work that writes much waits.");
        return say(Stance::Hold, 0.0, why, json!({ "code": "no_space", "until": wait }));
    }
    let faults = brief.recent_faults.iter().filter(|f| f.kind == kind).count();
    let score = 1.0 / (1.0 + faults as f64 / f64::from(config.eclipse.trip_failures.max(1)));
    let why = format!("The {name} pool is well ({faults} fault(s) in the window).");
    say(Stance::Support, score, why, json!({ "readiness": score, "faults": faults }))
}

/// A retry plan for one more round, or why there is none, with the measures that the pools need.
fn after_failure(brief: &Brief, config: &EngineConfig) -> Advisory {
    let say = |stance, score, why: String, detail| advice(Module::Eclipse, brief, stance, (score, 1.0), why, detail);
    let measures = recover(&brief.recent_faults, &[], brief.now, &config.eclipse);
    let Some(job) = &brief.job else {
        let detail = json!({ "code": "no_job", "measures": measures });
        return say(Stance::Oppose, 0.0, "The job is not there any more.".into(), detail);
    };
    let class = job.fault.as_ref().map_or(FaultClass::Bug, |f| f.class());
    let code = job.fault.as_ref().map_or("unknown", |f| f.code.as_str());
    let rounds =
        brief.lineage.iter().filter(|p| p.kind == "recovery.ordered" && p.entity.entity_id == job.id.0).count() as u32;
    let remediation = json!({
        "restart_required": !measures.is_empty(), "cache_flush": code == "child_memory",
        "free_space": code == "no_space",
    });
    let plan = |plan: &str, delay: f64, code: &str| {
        json!({
            "plan": plan, "code": code, "class": class, "delay_seconds": delay, "rounds": rounds,
            "measures": measures, "remediation": remediation,
        })
    };
    if job.state == JobState::Quarantined {
        let why = format!("Its worker died {} times under it: a person must look before it runs again.", job.crashes);
        return say(Stance::Oppose, 0.0, why, plan("quarantine", 0.0, "quarantined"));
    }
    if job.state != JobState::Error && job.state != JobState::Skipped {
        let why = format!("The job is {}: it needs no help.", job.state.as_str());
        return say(Stance::Oppose, 0.0, why, plan("leave", 0.0, "job_moved_on"));
    }
    let policy = RetryPolicy::of(config, job.kind);
    // The pause of a whole round: as long as the longest pause between two of its attempts, doubled with each round.
    let pause = policy.pause(class, job.max_attempts.saturating_add(rounds), 0.5);
    match pause {
        Some(pause) if rounds < config.eclipse.recover_rounds => {
            let why = format!("{code} may pass: one more round in {:.0} s.", pause.as_secs_f64());
            say(Stance::Support, 0.7, why, plan("retry", pause.as_secs_f64(), code))
        }
        Some(_) => {
            let why = format!("{code} did not pass in {rounds} more round(s).");
            say(Stance::Oppose, 0.0, why, plan("leave", 0.0, "rounds_used_up"))
        }
        None => say(Stance::Oppose, 0.0, format!("{code} will not pass by itself."), plan("leave", 0.0, code)),
    }
}
