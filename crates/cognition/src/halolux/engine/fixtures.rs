//! A ledger as the engine writes it: one video from its source to a published clip, a rejected candidate beside it, and
//! whatever noise a test wants around it.

use omniva_contracts::engine::*;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Gather, Inquiry, Query};

pub struct Book {
    pub packets: Vec<Packet>,
    /// Sets the ids apart where a test keeps several stories.
    pub salt: u64,
}

pub fn thing(kind: EntityType, n: u64) -> EntityRef {
    EntityRef::new(kind, Uuid::from_u128(u128::from(n)))
}

pub fn ruling(question: Question, subject: &EntityRef, decision: Decision) -> Ruling {
    let advisory = |module, stance, score, rationale: &str, detail| Advisory {
        module,
        question,
        subject: subject.clone(),
        stance,
        score,
        confidence: 0.9,
        evidence: Vec::new(),
        rationale: rationale.into(),
        detail,
    };
    let votes =
        json!({ "votes": [{ "agent": "strategist", "vote": 0.91, "confidence": 1.0, "commentary": "high novelty" }] });
    Ruling {
        question,
        subject: subject.clone(),
        decision,
        by: Precedence::Council,
        why: "most were for it".into(),
        coherence: 0.8,
        advisories: vec![
            advisory(Module::Paradox, Stance::Neutral, 0.5, "no conflicts", json!({ "conflicts": [] })),
            advisory(Module::Lattice, Stance::Support, 0.82, "under-indexed topic", Value::Null),
            advisory(
                Module::Horizon,
                Stance::Hold,
                0.4,
                "much of this was posted",
                json!({ "goal_window": "2026-W47" }),
            ),
            advisory(Module::Pantheon, Stance::Support, 0.7, "most voted for it", votes),
        ],
        missing: Vec::new(),
        rollback: "take the clip back".into(),
    }
}

pub const APPROVE: Decision = Decision::Approve { priority: 612 };

impl Book {
    pub fn new(salt: u64) -> Self {
        Self { packets: Vec::new(), salt }
    }

    pub fn thing(&self, kind: EntityType, n: u64) -> EntityRef {
        thing(kind, self.salt * 1000 + n)
    }

    pub fn add(&mut self, kind: &str, entity: &EntityRef, parents: &[PacketId], body: Value) -> PacketId {
        let n = self.packets.len() as u64;
        let id = PacketId(Uuid::from_u128(u128::from(self.salt) << 64 | u128::from(0xabcd_0000 + n)));
        self.packets.push(Packet {
            seq: self.salt * 10_000 + n,
            hash: [0; 32],
            draft: PacketDraft {
                stardust_id: id,
                kind: kind.into(),
                entity: entity.clone(),
                project_id: Some(ProjectId(Uuid::from_u128(9))),
                trace_id: TraceId(Uuid::from_u128(u128::from(self.salt))),
                source: "zenith".into(),
                meta_parents: parents.to_vec(),
                at: Moment(n as i64 * 1_000_000),
                body,
                decision_chain: None,
            },
        });
        id
    }

    pub fn rule(&mut self, ruling: &Ruling, parents: &[PacketId]) -> PacketId {
        let body = json!({ "question": ruling.question, "decision": ruling.decision, "why": ruling.why });
        let id = self.add("deliberation.ruled", &ruling.subject, parents, body);
        if let Some(last) = self.packets.last_mut() {
            last.draft.decision_chain = Some(json!(ruling));
        }
        id
    }

    /// A job that ends well, from its first packet to its last.
    pub fn job(&mut self, n: u64, kind: JobKind, subject: &EntityRef, parent: PacketId) -> PacketId {
        let job = self.thing(EntityType::Job, n);
        let created = self.add("job.created", &job, &[parent], json!({ "kind": kind, "subject": subject }));
        let claimed = self.add("job.claimed", &job, &[created], json!({ "worker": "w1", "attempt": 1 }));
        let progressed = self.add("job.progressed", &job, &[claimed], json!({ "step": "INIT" }));
        self.add("job.done", &job, &[progressed], json!({ "attempt": 1, "seconds": 2.5 }))
    }

    /// Up to the candidates: gives the packet of the analysis.
    pub fn analysed(&mut self, chosen: u64, rejected: u64) -> PacketId {
        let (creator, post) = (self.thing(EntityType::Creator, 1), self.thing(EntityType::Post, 2));
        let (video, analysis) = (self.thing(EntityType::Video, 3), self.thing(EntityType::Analysis, 4));
        let scanned = self.add("source.scanned", &creator, &[], json!({ "found": 1, "skipped": [] }));
        let scraped = self.job(101, JobKind::Scrape, &post, scanned);
        let body = json!({ "url": "file:///inbox/show.mp4", "platform_post_id": "show" });
        let captured = self.add("post.captured", &post, &[scraped], body);
        let body = json!({ "title": "A talk\nshow", "duration_seconds": 239.0, "resolution": "1920x1080", "checksum": "0123456789abcdef" });
        let normalised = self.add("video.normalised", &video, &[captured], body);
        let ruled = self.rule(&ruling(Question::Ingest, &video, APPROVE), &[normalised]);
        let done = self.job(102, JobKind::Analyze, &video, ruled);
        let why = (chosen == 0).then_some("every candidate was below the floor");
        let body = json!({ "candidates": chosen + rejected, "chosen": chosen, "virality_score": 0.6, "relevance_score": 0.5, "why_none": why });
        let made = self.add("analysis.made", &analysis, &[done], body);
        for n in 0..rejected {
            let other = self.thing(EntityType::Clip, 50 + n);
            let body = json!({ "start_time": 90.0, "end_time": 120.0, "confidence": 0.3, "code": "overlaps", "reason": "it overlaps a better one" });
            self.add("clip.rejected", &other, &[made], body);
        }
        made
    }

    /// The whole way of one clip.
    pub fn published() -> Self {
        let mut book = Self::new(1);
        let made = book.analysed(1, 2);
        let (clip, slot, upload) = (
            book.thing(EntityType::Clip, 5),
            book.thing(EntityType::Schedule, 6),
            book.thing(EntityType::UploadJob, 7),
        );
        let body = json!({ "start_time": 12.0, "end_time": 40.5, "confidence": 0.82, "reason": "a strong opening" });
        let chosen = book.add("clip.chosen", &clip, &[made], body);
        let selected = book.rule(&ruling(Question::Select, &clip, APPROVE), &[chosen]);
        let edited = book.job(103, JobKind::Edit, &clip, selected);
        let job = Uuid::from_u128(1103);
        let edit = book.thing(EntityType::EditJob, 8).entity_id;
        book.add(
            "clip.editing",
            &clip,
            &[selected],
            json!({ "edit_job_id": edit, "job_id": job, "from": "READY_FOR_EDIT" }),
        );
        let body = json!({ "edit_job_id": edit, "seconds": 28.5, "encoder": "libx264", "wall_seconds": 9.0, "sha256": "feedbeef00112233" });
        let rendered = book.add("clip.rendered", &clip, &[edited], body);
        let approved = book.rule(&ruling(Question::Upload, &clip, APPROVE), &[rendered]);
        let body = json!({ "clip_id": clip.entity_id, "target": "folder", "title": "A strong opening" });
        book.add("upload.ordered", &upload, &[approved], body);
        let placed = book.job(104, JobKind::Schedule, &slot, approved);
        let body = json!({ "clip_id": clip.entity_id, "recommended_time": "2026-11-21T18:00:00.000000Z" });
        let recommended = book.add("schedule.recommended", &slot, &[placed], body);
        let timed = book.rule(&ruling(Question::Schedule, &slot, APPROVE), &[recommended]);
        let sent = book.job(105, JobKind::Upload, &upload, timed);
        let body = json!({ "clip_id": clip.entity_id, "target": "folder", "time": "2026-11-21T18:00:00.000000Z", "job_id": Uuid::from_u128(1105) });
        book.add("schedule.confirmed", &slot, &[timed], body);
        let ended = book.add(
            "upload.ended",
            &upload,
            &[sent],
            json!({ "clip_id": clip.entity_id, "target": "folder", "status": "DONE" }),
        );
        book.add("clip.published", &clip, &[ended], json!({ "target": "folder" }));
        book
    }

    /// Reads as the store does.
    pub fn read(&self, query: &Query) -> Vec<Packet> {
        let like = |kind: &str, p: &&Packet| p.draft.kind == *kind;
        let take = |packets: Vec<&Packet>, limit: u64| packets.into_iter().take(limit as usize).cloned().collect();
        match query {
            Query::About { entity, limit } => {
                take(self.packets.iter().filter(|p| p.draft.entity == *entity).collect(), *limit)
            }
            Query::OfTrace { trace, kind, limit } => {
                take(self.packets.iter().filter(|p| p.draft.trace_id == *trace && like(kind, p)).collect(), *limit)
            }
            Query::OfProject { project, kind, limit } => take(
                self.packets.iter().filter(|p| p.draft.project_id == Some(*project) && like(kind, p)).collect(),
                *limit,
            ),
            Query::One(id) => self.packets.iter().filter(|p| p.draft.stardust_id == *id).cloned().collect(),
            Query::Children { id, limit } => {
                take(self.packets.iter().filter(|p| p.draft.meta_parents.contains(id)).collect(), *limit)
            }
        }
    }

    /// Gathers for an inquiry; gives the packets and the number of reads.
    pub fn gather(&self, inquiry: &Inquiry) -> (Vec<Packet>, usize) {
        let mut gather = Gather::new(inquiry.clone());
        let mut reads = 0;
        loop {
            let queries = gather.wants();
            if queries.is_empty() {
                return (gather.packets(), reads);
            }
            reads += queries.len();
            for query in &queries {
                gather.add(self.read(query));
            }
        }
    }
}
