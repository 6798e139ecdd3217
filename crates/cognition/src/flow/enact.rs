//! What a ruling means.

use omniva_contracts::config::EngineConfig;
use omniva_contracts::engine::*;
use omniva_contracts::fault::Fault;
use omniva_contracts::ports::Ids;
use serde_json::{Value, json};

use super::Enacted;
use super::payload::{AnalyzePayload, EditPayload, SchedulePayload, UploadPayload, key};
use super::publish;
use super::rows::{Scribe, clip_to, gone, set};
use crate::council::Brief;
use crate::jobs::{NewJob, RetryPolicy, new_job, step};

/// Parents that one ruling's packet names, at most.
const PARENTS: usize = 64;

/// Everything that one ruling is turned into, while it is.
pub(super) struct Desk<'a> {
    pub ruling: &'a Ruling,
    pub brief: &'a Brief,
    pub config: &'a EngineConfig,
    pub scribe: Scribe<'a>,
    /// The packet of the ruling: parent of all that follows.
    pub parent: PacketId,
    pub enacted: Enacted,
}

/// Rows, packets, jobs and directives that follow from `ruling`; always with the packet `deliberation.ruled`, which holds
/// the whole ruling.
///
/// Errors: the brief lacks the row that the ruling is about.
pub fn enact(
    ruling: &Ruling,
    brief: &Brief,
    now: Moment,
    config: &EngineConfig,
    ids: &mut dyn Ids,
) -> Result<Enacted, Fault> {
    let mut scribe = Scribe { ids, source: "zenith", project_id: brief.project_id(), trace_id: brief.trace_id, now };
    let ruled = ruled(ruling, brief, &mut scribe);
    let parent = ruled.stardust_id;
    let enacted = Enacted { packets: vec![ruled], ..Enacted::default() };
    let mut desk = Desk { ruling, brief, config, scribe, parent, enacted };
    if let Decision::Defer { until } = &ruling.decision {
        desk.enacted.ask_again = Some((*until).max(now));
        return Ok(desk.enacted);
    }
    match ruling.question {
        Question::Ingest => desk.ingest()?,
        Question::Select | Question::Edit => desk.select()?,
        Question::Upload => publish::upload(&mut desk)?,
        Question::Schedule => publish::schedule(&mut desk)?,
        Question::Recover => desk.recover()?,
    }
    Ok(desk.enacted)
}

/// The decision chain holds the whole ruling: who said what, who was missing, who had the last word.
fn ruled(ruling: &Ruling, brief: &Brief, scribe: &mut Scribe<'_>) -> PacketDraft {
    let mut parents: Vec<PacketId> = brief.evidence.clone();
    parents.extend(ruling.advisories.iter().flat_map(|a| a.evidence.iter().copied()));
    let mut seen = std::collections::BTreeSet::new();
    parents.retain(|id| seen.insert(*id));
    parents.truncate(PARENTS);
    let body = json!({
        "question": ruling.question, "decision": ruling.decision, "by": ruling.by, "why": ruling.why,
        "coherence": ruling.coherence, "missing": ruling.missing, "rollback": ruling.rollback,
    });
    let mut packet = scribe.packet("deliberation.ruled", ruling.subject.clone(), &parents, body);
    packet.decision_chain = Some(json!(ruling));
    packet
}

impl Desk<'_> {
    pub(super) fn note(&mut self, kind: &str, entity: EntityRef, body: Value) -> PacketId {
        let packet = self.scribe.packet(kind, entity, &[self.parent], body);
        let id = packet.stardust_id;
        self.enacted.packets.push(packet);
        id
    }

    /// A new job that follows from the ruling. An open one with the same key stands for it.
    pub(super) fn enqueue(&mut self, new: NewJob) -> Option<JobId> {
        let same = |j: &&crate::council::JobDigest| j.unique_key == new.unique_key && !j.state.is_final();
        if let Some(open) = self.brief.open_jobs.iter().find(same).filter(|_| new.unique_key.is_some()) {
            return Some(open.job_id);
        }
        let new = NewJob {
            project_id: new.project_id.or(self.brief.project_id()),
            trace_id: self.brief.trace_id,
            meta_parents: vec![self.parent],
            ..new
        };
        let (job, packet) = new_job(new, self.scribe.now, self.config, self.scribe.ids, "zenith");
        let id = job.id;
        self.enacted.packets.push(packet);
        self.enacted.jobs.push(job);
        Some(id)
    }

    pub(super) fn job(&self, kind: JobKind, payload: Value) -> NewJob {
        let priority = match self.ruling.decision {
            Decision::Approve { priority } => priority,
            _ => PRIORITY_DEFAULT,
        };
        NewJob { priority, ..NewJob::now(kind, payload, self.brief.trace_id, self.scribe.now) }
    }

    /// Code and kind of a "no".
    pub(super) fn refusal(&self) -> (String, bool) {
        match &self.ruling.decision {
            Decision::Reject { code } => (code.clone(), false),
            Decision::Quarantine { code } => (code.clone(), true),
            Decision::Approve { .. } | Decision::Defer { .. } => (String::new(), false),
        }
    }

    fn ingest(&mut self) -> Result<(), Fault> {
        let video = self.brief.video.as_ref().ok_or_else(|| gone("the video", self.ruling.subject.entity_id))?;
        let entity = EntityRef::new(EntityType::Video, video.video_id);
        if !matches!(self.ruling.decision, Decision::Approve { .. }) {
            let (code, quarantined) = self.refusal();
            let kind = if quarantined { "video.quarantined" } else { "video.rejected" };
            self.note(kind, entity, json!({ "code": code, "why": self.ruling.why }));
            return Ok(());
        }
        let new = self.job(JobKind::Analyze, json!(AnalyzePayload { video_id: video.video_id }));
        self.enqueue(NewJob { subject: Some(entity), unique_key: Some(key::analyze(video.video_id)), ..new });
        Ok(())
    }

    fn select(&mut self) -> Result<(), Fault> {
        let clip = self.brief.clip.as_ref().ok_or_else(|| gone("the clip", self.ruling.subject.entity_id))?;
        if !matches!(self.ruling.decision, Decision::Approve { .. }) {
            self.reject_clip(clip);
            return Ok(());
        }
        let entity = EntityRef::new(EntityType::Clip, clip.clip_id);
        let edit_job_id = EditJobId(self.scribe.ids.next());
        let new = self.job(JobKind::Edit, json!(EditPayload { clip_id: clip.clip_id, edit_job_id }));
        let made = self.enacted.jobs.len();
        let job_id =
            self.enqueue(NewJob { subject: Some(entity.clone()), unique_key: Some(key::edit(clip.clip_id)), ..new });
        let Some(job_id) = job_id.filter(|_| self.enacted.jobs.len() > made) else { return Ok(()) };
        self.note("clip.editing", entity, json!({ "edit_job_id": edit_job_id, "job_id": job_id, "from": clip.status }));
        self.enacted.rows.push(Row::EditJob(EditJobRow {
            edit_job_id,
            clip_id: clip.clip_id,
            job_id,
            operations: json!([]),
            ffmpeg_commands: Vec::new(),
            gpu_required: false,
            estimated_duration_seconds: None,
            status: WorkStatus::Queued,
            created_at: self.scribe.now,
            version: 1,
        }));
        self.enacted.rows.push(Row::Clip(Box::new(clip_to(clip, ClipStatus::Editing, self.scribe.now))));
        Ok(())
    }

    /// REJECTED, with the reason where people and the API look for it.
    pub(super) fn reject_clip(&mut self, clip: &Clip) {
        let (code, quarantined) = self.refusal();
        let entity = EntityRef::new(EntityType::Clip, clip.clip_id);
        let kind = if quarantined { "clip.quarantined" } else { "clip.rejected" };
        let body = json!({ "code": code, "why": self.ruling.why, "from": clip.status });
        let packet = self.note(kind, entity, body);
        let mut next = clip_to(clip, ClipStatus::Rejected, self.scribe.now);
        set(
            &mut next.metadata,
            [
                ("rejected_by", json!(Module::Zenith)),
                ("rejected_code", json!(code)),
                ("reason", json!(self.ruling.why)),
                ("quarantined", json!(quarantined)),
                ("ruled_by", json!(packet)),
            ],
        );
        self.enacted.rows.push(Row::Clip(Box::new(next)));
    }

    /// Another round for the job when Eclipse's plan says so, and the measures that its pool needs.
    fn recover(&mut self) -> Result<(), Fault> {
        let job = self.brief.job.as_ref().ok_or_else(|| gone("the job", self.ruling.subject.entity_id))?;
        let entity = EntityRef::new(EntityType::Job, job.id);
        let detail = self.ruling.advisories.iter().find(|a| a.module == Module::Eclipse).map(|a| a.detail.clone());
        let detail = detail.unwrap_or_default();
        let measures = detail.get("measures").cloned().unwrap_or_else(|| json!([]));
        let measures: Vec<(Order, String)> = serde_json::from_value(measures)
            .map_err(|e| Fault::internal("Eclipse's measures can't be read").with_detail(e))?;
        for (order, why) in measures {
            self.order(order, &why);
        }
        let (code, _) = self.refusal();
        if !matches!(self.ruling.decision, Decision::Approve { .. }) {
            self.note("recovery.declined", entity, json!({ "code": code, "why": self.ruling.why }));
            return Ok(());
        }
        let policy = RetryPolicy::of(self.config, job.kind);
        let Ok(again) = step(job, &JobEvent::RetryAsked, self.scribe.now, 0.5, &policy) else {
            // It moved on meanwhile, or an operator was faster: nothing is left to do.
            self.note("recovery.declined", entity, json!({ "code": "job_moved_on", "state": job.state }));
            return Ok(());
        };
        let delay = detail.get("delay_seconds").and_then(Value::as_f64).unwrap_or(0.0);
        let parent = self.note("recovery.ordered", entity, json!({ "delay_seconds": delay, "why": self.ruling.why }));
        let (mut next, packet) = again.seal(self.scribe.ids, "zenith", self.scribe.now);
        next.run_after = self.scribe.now.after(crate::jobs::seconds(delay));
        next.expires_at = next.expires_at.map(|_| next.run_after.after(policy.ttl));
        if let Some(mut packet) = packet {
            packet.meta_parents = vec![parent];
            self.enacted.packets.push(packet);
        }
        self.enacted.rows.push(Row::Job(Box::new(next)));
        Ok(())
    }

    fn order(&mut self, order: Order, why: &str) {
        let directive_id = DirectiveId(self.scribe.ids.next());
        let entity = EntityRef::new(EntityType::Directive, directive_id);
        let packet = self.note("directive.issued", entity, json!({ "order": order, "why": why }));
        self.enacted.directives.push(Directive {
            directive_id,
            rollback: crate::control::rollback(&order),
            order,
            state: DirectiveState::Pending,
            source: DecisionSource::Zenith,
            reason: why.to_owned(),
            evidence: vec![self.parent, packet],
            trace_id: self.brief.trace_id,
            created_at: self.scribe.now,
            dispatched_at: None,
            version: 1,
        });
    }
}

pub(super) fn upload_job(desk: &Desk<'_>, payload: UploadPayload) -> NewJob {
    let id = payload.upload_job_id;
    NewJob {
        subject: Some(EntityRef::new(EntityType::UploadJob, id)),
        unique_key: Some(key::upload(id)),
        ..desk.job(JobKind::Upload, json!(payload))
    }
}

pub(super) fn schedule_job(desk: &Desk<'_>, payload: SchedulePayload) -> NewJob {
    let id = payload.schedule_id;
    NewJob {
        subject: Some(EntityRef::new(EntityType::Schedule, id)),
        unique_key: Some(key::schedule(id)),
        ..desk.job(JobKind::Schedule, json!(payload))
    }
}
