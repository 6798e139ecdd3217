//! All facts for one question, gathered once from the store so that everyone judges the same moment.

use std::collections::BTreeMap;

use omniva_contracts::analysis::Embedding;
use omniva_contracts::config::Persona;
use omniva_contracts::engine::*;
use omniva_contracts::fault::{Code, FaultClass};

use crate::eclipse::Breaker;
use crate::limits::Taken;

/// The facts. Lists are bounded by whoever gathers them (see each field); what could not be read is a fault of the
/// gathering and never an empty list.
#[derive(Clone, Debug, PartialEq)]
pub struct Brief {
    pub question: Question,
    pub subject: EntityRef,
    pub now: Moment,
    pub trace_id: TraceId,

    pub project: Option<Project>,
    pub creator: Option<Creator>,
    pub post: Option<Post>,
    pub video: Option<Video>,
    pub clip: Option<Clip>,
    pub edit_job: Option<EditJobRow>,
    pub upload_job: Option<UploadJobRow>,
    pub schedule: Option<Schedule>,
    /// The job that the question is about (Recover), or that led to it.
    pub job: Option<Job>,

    /// Other rows with exactly the same content (SHA-256).
    pub same_checksum: Vec<EntityRef>,
    /// Other videos that share sound or picture with the subject's, the longest overlap first; at most 16.
    pub near_duplicates: Vec<Likeness>,
    /// Clips of the same video but the subject itself, REJECTED ones left out; at most 1,000.
    pub siblings: Vec<ClipDigest>,
    /// The project's last clips but the subject itself, newest first, REJECTED ones left out; at most 500.
    pub recent_clips: Vec<ClipDigest>,
    /// What stands in the schedules of the subject's target from yesterday on, CANCELLED and MISSED left out; at most 1,000.
    pub booked: Vec<Booking>,
    /// Every upload and place in the schedule that the clip has, on whatever target; at most 50 of each.
    pub uploads: Vec<UploadJobRow>,
    pub places: Vec<Schedule>,
    /// What the accounts of the subject's service hold and have used.
    pub taken: Vec<Taken>,
    /// Clips of the project published since the start of the UTC day.
    pub published_today: u32,
    /// Jobs on the same subject that are not final.
    pub open_jobs: Vec<JobDigest>,
    /// Every running project, for fairness.
    pub projects: Vec<ProjectLoad>,
    /// Every queue.
    pub queues: Vec<QueueReading>,
    /// Faults of the last window, newest first; at most 500.
    pub recent_faults: Vec<RecentFault>,
    /// Every breaker that is not closed, and that of the subject's queue.
    pub breakers: Vec<Breaker>,
    pub load: Load,
    /// What operators impose on this subject; the last one counts.
    pub overrides: Vec<Override>,

    /// Packets about the subject and what it came from; at most 500.
    pub lineage: Vec<PacketDigest>,
    /// Packets that lead directly here; they become the parents of the ruling's packet.
    pub evidence: Vec<PacketId>,
    /// The highest `routing_sequence` that was given out.
    pub last_routing_sequence: u64,
    /// Pantheon's council (`config/personas.toml`).
    pub personas: Vec<Persona>,
    /// Of what was learnt about them; 0 where they count as configured.
    pub personas_version: u64,
}

/// What a video has in common with another one that is there already, by their fingerprints.
#[derive(Clone, Debug, PartialEq)]
pub struct Likeness {
    pub other: EntityRef,
    /// Both come from one creator.
    pub same_creator: bool,
    /// Lengths of the subject's video and of the other one.
    pub own_seconds: f64,
    pub other_seconds: f64,
    /// `None` where too little is common to count.
    pub audio: Option<Overlap>,
    pub video: Option<Overlap>,
    /// Both have sound that could be compared: pictures that agree under sound that does not are footage used again.
    pub both_sound: bool,
    /// Second of the other one that lies under second 0 of the subject's.
    pub offset: f64,
    /// Left and right are exchanged.
    pub mirrored: bool,
}

/// A common stretch of sound or of picture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Overlap {
    pub seconds: f64,
    /// 0..1: how much of what could agree within it does.
    pub similarity: f64,
    /// First and last common second of the subject's video.
    pub from: f64,
    pub to: f64,
}

/// A clip as far as others compare themselves with it.
#[derive(Clone, Debug, PartialEq)]
pub struct ClipDigest {
    pub clip_id: ClipId,
    pub video_id: VideoId,
    pub start_time: f64,
    pub end_time: f64,
    pub status: ClipStatus,
    pub confidence: f64,
    pub keywords: Vec<String>,
    /// Unit length; empty when there is none.
    pub embedding: Vec<f32>,
    pub title: String,
    pub created_at: Moment,
    pub updated_at: Moment,
}

impl ClipDigest {
    /// Reads what analysis put into the metadata: `title`, `embedding` (wire form of [`Embedding`]), `keywords`.
    pub fn of(clip: &Clip) -> Self {
        let text = |key: &str| clip.metadata.get(key).and_then(|v| v.as_str()).unwrap_or_default().to_owned();
        let mut keywords: Vec<String> = clip.semantic_tags.iter().map(|t| t.to_lowercase()).collect();
        if let Some(list) = clip.metadata.get("keywords").and_then(|v| v.as_array()) {
            keywords.extend(list.iter().filter_map(|k| k.as_str()).map(str::to_lowercase));
        }
        keywords.sort();
        keywords.dedup();
        Self {
            clip_id: clip.clip_id,
            video_id: clip.video_id,
            start_time: clip.start_time,
            end_time: clip.end_time,
            status: clip.status,
            confidence: clip.confidence,
            keywords,
            embedding: Embedding::decode(&text("embedding")),
            title: text("title"),
            created_at: clip.created_at,
            updated_at: clip.updated_at,
        }
    }
    pub fn seconds(&self) -> f64 {
        (self.end_time - self.start_time).max(0.0)
    }
}

/// A place in the schedule.
#[derive(Clone, Debug, PartialEq)]
pub struct Booking {
    pub schedule_id: ScheduleId,
    pub clip_id: ClipId,
    pub project_id: ProjectId,
    pub target: String,
    pub at: Moment,
    pub status: ScheduleStatus,
}

#[derive(Clone, Debug, PartialEq)]
pub struct JobDigest {
    pub job_id: JobId,
    pub kind: JobKind,
    pub state: JobState,
    pub unique_key: Option<String>,
    pub attempt: u32,
    pub worker: Option<String>,
}

impl JobDigest {
    pub fn of(job: &Job) -> Self {
        Self {
            job_id: job.id,
            kind: job.kind,
            state: job.state,
            unique_key: job.unique_key.clone(),
            attempt: job.attempt,
            worker: job.worker.clone(),
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct ProjectLoad {
    pub project_id: ProjectId,
    pub running: bool,
    /// Jobs that wait or run.
    pub open_jobs: u64,
    /// Clips made in the goal window.
    pub recent_clips: u64,
}

/// A queue as it is.
#[derive(Clone, Debug, PartialEq)]
pub struct QueueReading {
    pub kind: JobKind,
    pub ready: u64,
    pub waiting: u64,
    pub running: u64,
    pub quarantined: u64,
    pub oldest_ready: Option<Moment>,
    pub control: QueueControl,
}

#[derive(Clone, Debug, PartialEq)]
pub struct RecentFault {
    pub kind: JobKind,
    pub job_id: JobId,
    pub code: Code,
    pub class: FaultClass,
    /// The worker died, rather than saying what was wrong.
    pub crash: bool,
    pub at: Moment,
}

/// Infinity's readings of the machine.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Load {
    pub cores: u32,
    /// Share of all cores in use, 0..1.
    pub cpu: f64,
    pub memory_total_bytes: u64,
    pub memory_free_bytes: u64,
    pub disk_free_bytes: u64,
}

#[derive(Clone, Debug, PartialEq)]
pub struct PacketDigest {
    pub id: PacketId,
    pub kind: String,
    pub entity: EntityRef,
    pub parents: Vec<PacketId>,
    pub at: Moment,
}

impl PacketDigest {
    pub fn of(packet: &PacketDraft) -> Self {
        Self {
            id: packet.stardust_id,
            kind: packet.kind.clone(),
            entity: packet.entity.clone(),
            parents: packet.meta_parents.clone(),
            at: packet.at,
        }
    }
}

impl Brief {
    /// A brief without any facts, to be filled in.
    pub fn new(question: Question, subject: EntityRef, trace_id: TraceId, now: Moment) -> Self {
        Self {
            question,
            subject,
            now,
            trace_id,
            project: None,
            creator: None,
            post: None,
            video: None,
            clip: None,
            edit_job: None,
            upload_job: None,
            schedule: None,
            job: None,
            same_checksum: Vec::new(),
            near_duplicates: Vec::new(),
            siblings: Vec::new(),
            recent_clips: Vec::new(),
            booked: Vec::new(),
            uploads: Vec::new(),
            places: Vec::new(),
            taken: Vec::new(),
            published_today: 0,
            open_jobs: Vec::new(),
            projects: Vec::new(),
            queues: Vec::new(),
            recent_faults: Vec::new(),
            breakers: Vec::new(),
            load: Load::default(),
            overrides: Vec::new(),
            lineage: Vec::new(),
            evidence: Vec::new(),
            last_routing_sequence: 0,
            personas: Vec::new(),
            personas_version: 0,
        }
    }
    pub fn project_id(&self) -> Option<ProjectId> {
        self.project.as_ref().map(|p| p.project_id)
    }
    pub fn queue(&self, kind: JobKind) -> Option<&QueueReading> {
        self.queues.iter().find(|q| q.kind == kind)
    }
    /// The kind of job that an approval would start.
    pub fn next_kind(&self) -> Option<JobKind> {
        match self.question {
            Question::Ingest => Some(JobKind::Analyze),
            Question::Select | Question::Edit => Some(JobKind::Edit),
            Question::Upload => Some(JobKind::Schedule),
            Question::Schedule => Some(JobKind::Upload),
            Question::Recover => self.job.as_ref().map(|j| j.kind),
        }
    }
    /// Votes on the clip, by persona.
    pub fn votes(&self) -> BTreeMap<String, f64> {
        self.clip.as_ref().map(|c| c.pantheon_votes.clone()).unwrap_or_default()
    }
}
