//! Paradox: what can't be true at the same time. It blocks, with the ids of what is in conflict; it changes nothing.

use std::collections::{BTreeMap, BTreeSet};

use omniva_contracts::config::{CouncilConfig, EngineConfig};
use omniva_contracts::engine::*;
use serde_json::{Value, json};
use uuid::Uuid;

use super::advice::advice;
use super::likeness as near;
use super::topics::{likeness, own};
use super::{Brief, ClipDigest};

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq)]
struct Conflict {
    stance: Stance,
    /// `duplicate`, `near_duplicate`, `partial_reuse`, `overlaps`, `repeats`, `double_booked`, `contradictory_jobs`, `wrong_state`,
    /// `already_published`, `lineage_cycle`
    code: &'static str,
    with: Vec<Uuid>,
    why: String,
}

pub fn paradox(brief: &Brief, config: &EngineConfig) -> Advisory {
    let mut conflicts = Vec::new();
    lineage(brief, &mut conflicts);
    duplicates(brief, &config.council, &mut conflicts);
    states(brief, &mut conflicts);
    if matches!(brief.question, Question::Select | Question::Edit | Question::Upload) {
        neighbours(brief, &config.council, &mut conflicts);
    }
    if brief.question == Question::Schedule {
        bookings(brief, config, &mut conflicts);
    }
    // The gravest first; the order is that of `Stance`, which rises with gravity.
    conflicts.sort_by(|a, b| b.stance.cmp(&a.stance).then(a.code.cmp(b.code)).then(a.with.cmp(&b.with)));
    let findings: Vec<Value> =
        conflicts.iter().map(|c| json!({ "code": c.code, "with": c.with, "why": c.why, "stance": c.stance })).collect();
    match conflicts.first() {
        None => {
            let mut detail = json!({ "action": "ignore", "findings": findings });
            near::tell(brief, &config.council, &mut detail);
            advice(Module::Paradox, brief, Stance::Support, (1.0, 1.0), "Nothing contradicts it.", detail)
        }
        Some(worst) => {
            let action = match worst.stance {
                Stance::Quarantine => "quarantine",
                Stance::Block | Stance::Hold => "block",
                _ => "ignore",
            };
            let mut detail =
                json!({ "action": action, "code": worst.code, "conflicts": worst.with, "findings": findings });
            near::tell(brief, &config.council, &mut detail);
            let score = if worst.stance == Stance::Oppose { 0.3 } else { 0.0 };
            advice(Module::Paradox, brief, worst.stance, (score, 1.0), worst.why.clone(), detail)
        }
    }
}

fn duplicates(brief: &Brief, config: &CouncilConfig, conflicts: &mut Vec<Conflict>) {
    if matches!(brief.question, Question::Schedule | Question::Recover) {
        return;
    }
    if !brief.same_checksum.is_empty() {
        let with: Vec<Uuid> = brief.same_checksum.iter().map(|e| e.entity_id).collect();
        let why = format!("The same content is there already, {} time(s).", with.len());
        conflicts.push(Conflict { stance: Stance::Block, code: "duplicate", with, why });
    }
    for like in &brief.near_duplicates {
        if let Some(said) = near::judge(like, config) {
            let with = vec![like.other.entity_id];
            conflicts.push(Conflict { stance: said.stance, code: said.code, with, why: said.why });
        }
    }
}

/// Clips of the same video that share too much of it, and clips of the project that say the same.
fn neighbours(brief: &Brief, config: &CouncilConfig, conflicts: &mut Vec<Conflict>) {
    let Some(own) = own(brief) else { return };
    for other in brief.siblings.iter().filter(|o| o.video_id == own.video_id && is_ahead(o, &own)) {
        let shared = (own.end_time.min(other.end_time) - own.start_time.max(other.start_time)).max(0.0);
        let shorter = own.seconds().min(other.seconds());
        if shorter > 0.0 && shared / shorter > config.max_overlap {
            let why = format!(
                "It shares {shared:.1} s with a clip of the same video at {:.1} to {:.1} s that is ahead of it.",
                other.start_time, other.end_time
            );
            conflicts.push(Conflict { stance: Stance::Block, code: "overlaps", with: vec![other.clip_id.0], why });
        }
    }
    let since = brief.now.before(std::time::Duration::from_secs(u64::from(config.repeat_days) * 86_400));
    let repeated = brief
        .recent_clips
        .iter()
        .filter(|o| o.created_at >= since && o.clip_id != own.clip_id && is_ahead(o, &own))
        .map(|o| (o, likeness(o, &own)))
        .filter(|(_, like)| *like >= config.repeat_similarity)
        .max_by(|a, b| a.1.total_cmp(&b.1).then(b.0.clip_id.cmp(&a.0.clip_id)));
    if let Some((other, like)) = repeated {
        let stance = if like >= config.near_duplicate { Stance::Block } else { Stance::Oppose };
        let why = format!("It says nearly what a clip of {} says (likeness {like:.2}).", other.created_at);
        conflicts.push(Conflict { stance, code: "repeats", with: vec![other.clip_id.0], why });
    }
}

/// Of two clips that exclude each other exactly one is ahead: the further one, then the better, the older, the lower id.
fn is_ahead(other: &ClipDigest, own: &ClipDigest) -> bool {
    use std::cmp::Ordering;
    let rank = |status: ClipStatus| match status {
        ClipStatus::Rejected | ClipStatus::Failed => 0,
        ClipStatus::ReadyForEdit => 1,
        ClipStatus::Editing => 2,
        ClipStatus::Ready => 3,
        ClipStatus::Scheduled => 4,
        ClipStatus::Uploading => 5,
        ClipStatus::Published => 6,
    };
    if rank(other.status) == 0 {
        return false;
    }
    let order = rank(other.status)
        .cmp(&rank(own.status))
        .then(other.confidence.total_cmp(&own.confidence))
        .then(own.created_at.cmp(&other.created_at))
        .then(own.clip_id.cmp(&other.clip_id));
    order == Ordering::Greater
}

fn bookings(brief: &Brief, config: &EngineConfig, conflicts: &mut Vec<Conflict>) {
    let Some(slot) = &brief.schedule else { return };
    let live = |b: &&super::Booking| !matches!(b.status, ScheduleStatus::Cancelled | ScheduleStatus::Missed);
    let others: Vec<&super::Booking> = brief
        .booked
        .iter()
        .filter(|b| b.schedule_id != slot.schedule_id && b.target == slot.target)
        .filter(live)
        .collect();
    let Some(time) = slot.recommended_time else {
        let why = "No time has been recommended yet.".into();
        conflicts.push(Conflict { stance: Stance::Block, code: "slot_missing", with: Vec::new(), why });
        return;
    };
    let grace = std::time::Duration::from_secs(u64::from(config.schedule.missed_minutes) * 60);
    if time.after(grace) < brief.now {
        let why = format!("The slot {time} passed before it was ruled on.");
        conflicts.push(Conflict { stance: Stance::Block, code: "slot_passed", with: Vec::new(), why });
    }
    let same: Vec<Uuid> = others.iter().filter(|b| b.at == time).map(|b| b.schedule_id.0).collect();
    if !same.is_empty() {
        let why = format!("The slot {time} on {} is taken.", slot.target);
        conflicts.push(Conflict { stance: Stance::Block, code: "double_booked", with: same, why });
    }
    let twice: Vec<Uuid> = others.iter().filter(|b| b.clip_id == slot.clip_id).map(|b| b.schedule_id.0).collect();
    if !twice.is_empty() {
        let why = format!("The clip has another place in the schedule of {}.", slot.target);
        conflicts.push(Conflict { stance: Stance::Block, code: "contradictory_slots", with: twice, why });
    }
}

/// Whether the upload that the question is about has been done.
fn is_out(brief: &Brief) -> bool {
    brief.upload_job.as_ref().is_none_or(|upload| matches!(upload.status, WorkStatus::Done | WorkStatus::Live))
}

/// Rows and jobs that contradict the question.
fn states(brief: &Brief, conflicts: &mut Vec<Conflict>) {
    if let Some(clip) = &brief.clip {
        let fits = match brief.question {
            Question::Select => clip.status == ClipStatus::ReadyForEdit,
            Question::Edit => !matches!(
                clip.status,
                ClipStatus::Editing | ClipStatus::Scheduled | ClipStatus::Uploading | ClipStatus::Published
            ),
            Question::Upload => clip.status == ClipStatus::Ready,
            // It may be out, or on its way, elsewhere.
            Question::Schedule => {
                matches!(clip.status, ClipStatus::Ready | ClipStatus::Scheduled)
                    || matches!(clip.status, ClipStatus::Uploading | ClipStatus::Published) && !is_out(brief)
            }
            Question::Ingest | Question::Recover => true,
        };
        if !fits {
            let published = clip.status == ClipStatus::Published;
            let code = if published { "already_published" } else { "wrong_state" };
            let why = format!("The clip is {}, which does not fit the question.", clip.status.as_str());
            conflicts.push(Conflict { stance: Stance::Block, code, with: vec![clip.clip_id.0], why });
        }
    }
    let failed = brief.job.as_ref().filter(|_| brief.question == Question::Recover);
    let stands_in = |j: &&super::JobDigest| {
        failed.is_some_and(|f| j.job_id != f.id && f.unique_key.is_some() && j.unique_key == f.unique_key)
    };
    if let Some(other) = brief.open_jobs.iter().find(stands_in) {
        let why = "Another job does the same already.".into();
        conflicts.push(Conflict { stance: Stance::Block, code: "contradictory_jobs", with: vec![other.job_id.0], why });
    }
    let mut kinds: BTreeMap<JobKind, Vec<Uuid>> = BTreeMap::new();
    for job in brief.open_jobs.iter().filter(|j| !j.state.is_final() && j.state != JobState::Quarantined) {
        kinds.entry(job.kind).or_default().push(job.job_id.0);
    }
    for (kind, mut ids) in kinds {
        if ids.len() > 1 {
            ids.sort();
            let why = format!("{} {} jobs are open on the same subject.", ids.len(), kind.as_str());
            conflicts.push(Conflict { stance: Stance::Block, code: "contradictory_jobs", with: ids, why });
        }
    }
}

/// A packet that follows from itself.
fn lineage(brief: &Brief, conflicts: &mut Vec<Conflict>) {
    let parents: BTreeMap<PacketId, &[PacketId]> = brief.lineage.iter().map(|p| (p.id, p.parents.as_slice())).collect();
    if let Some(at) = find_cycle(&parents) {
        let why = "A packet of its lineage follows from itself: the history can't be trusted.".into();
        conflicts.push(Conflict { stance: Stance::Quarantine, code: "lineage_cycle", with: vec![at.0], why });
    }
}

/// Peels off packets whose parents are all outside or peeled; what is left lies on or behind a cycle. Linear.
fn find_cycle(parents: &BTreeMap<PacketId, &[PacketId]>) -> Option<PacketId> {
    let mut children: BTreeMap<PacketId, Vec<PacketId>> = BTreeMap::new();
    let mut waits: BTreeMap<PacketId, usize> = BTreeMap::new();
    for (id, over) in parents {
        let inside: BTreeSet<&PacketId> = over.iter().filter(|p| parents.contains_key(p)).collect();
        waits.insert(*id, inside.len());
        inside.into_iter().for_each(|p| children.entry(*p).or_default().push(*id));
    }
    let mut free: Vec<PacketId> = waits.iter().filter(|(_, n)| **n == 0).map(|(id, _)| *id).collect();
    while let Some(id) = free.pop() {
        waits.remove(&id);
        for child in children.remove(&id).unwrap_or_default() {
            if let Some(n) = waits.get_mut(&child) {
                *n -= 1;
                if *n == 0 {
                    free.push(child);
                }
            }
        }
    }
    waits.into_keys().next()
}
