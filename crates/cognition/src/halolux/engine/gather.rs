//! Which packets to read for an answer, step by step and without I/O: ask [`Gather::wants`], read, [`Gather::add`], until
//! nothing more is asked for. The number of reads depends on the subject's own history, never on the size of the ledger.

use std::collections::{BTreeMap, BTreeSet};

use omniva_contracts::engine::{EntityRef, EntityType, Packet, PacketId, ProjectId, TraceId};

use super::Inquiry;
use super::facts::Body;

/// Packets that one answer may rest on.
pub const MAX_PACKETS: usize = 600;
/// Reads for one answer.
const MAX_QUERIES: usize = 240;
const ABOUT: u64 = 80;
const CHILDREN: u64 = 48;
const OTHERS: u64 = 60;

/// One read of the store. All lists are in the order of the ledger.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Query {
    /// `packets` with this entity.
    About { entity: EntityRef, limit: u64 },
    /// `packets` with this trace and kind.
    OfTrace { trace: TraceId, kind: String, limit: u64 },
    /// `packets` with this project and kind.
    OfProject { project: ProjectId, kind: String, limit: u64 },
    /// `packet`
    One(PacketId),
    /// `children`, then those packets.
    Children { id: PacketId, limit: u64 },
}

/// Collects the packets for one inquiry.
#[derive(Clone, Debug)]
pub struct Gather {
    inquiry: Inquiry,
    subject: EntityRef,
    asked: BTreeSet<Query>,
    open: Vec<Query>,
    held: BTreeMap<PacketId, Packet>,
    /// Entities whose whole story belongs to the answer.
    followed: BTreeSet<EntityRef>,
    cut: bool,
}

impl Gather {
    pub fn new(inquiry: Inquiry) -> Self {
        let subject = inquiry.subject();
        let mut gather = Self {
            inquiry,
            subject: subject.clone(),
            asked: BTreeSet::new(),
            open: Vec::new(),
            held: BTreeMap::new(),
            followed: BTreeSet::new(),
            cut: false,
        };
        gather.follow(subject.clone());
        if let (Inquiry::WhyNone(_), EntityType::Project) = (&gather.inquiry, subject.entity_type) {
            let project = ProjectId(subject.entity_id);
            for kind in ["source.scanned", "analysis.made", "job.failed"] {
                gather.ask(Query::OfProject { project, kind: kind.into(), limit: OTHERS });
            }
        }
        gather
    }

    /// The reads that are wanted now; empty when all is there that can be had. Each is asked for once.
    pub fn wants(&mut self) -> Vec<Query> {
        std::mem::take(&mut self.open)
    }

    /// What the reads gave. Packets that are held already are ignored.
    pub fn add(&mut self, packets: impl IntoIterator<Item = Packet>) {
        for packet in packets {
            if self.held.contains_key(&packet.draft.stardust_id) {
                continue;
            }
            if self.held.len() >= MAX_PACKETS {
                self.cut = true;
                return;
            }
            self.consider(&packet);
            self.held.insert(packet.draft.stardust_id, packet);
        }
        let held = &self.held;
        self.open.retain(|query| !matches!(query, Query::One(id) if held.contains_key(id)));
    }

    pub fn inquiry(&self) -> &Inquiry {
        &self.inquiry
    }

    /// True when a limit kept packets out.
    pub fn cut(&self) -> bool {
        self.cut
    }

    /// In the order of the ledger.
    pub fn packets(self) -> Vec<Packet> {
        let mut packets: Vec<Packet> = self.held.into_values().collect();
        packets.sort_by_key(|packet| packet.seq);
        packets
    }

    fn ask(&mut self, query: Query) {
        if self.asked.len() >= MAX_QUERIES {
            self.cut = true;
        } else if self.asked.insert(query.clone()) {
            self.open.push(query);
        }
    }

    fn follow(&mut self, entity: EntityRef) {
        if self.followed.insert(entity.clone()) {
            self.ask(Query::About { entity, limit: ABOUT });
        }
    }

    fn consider(&mut self, packet: &Packet) {
        let draft = &packet.draft;
        // Another clip's packets are listed, not followed, unless the subject came from them.
        let own = draft.entity.entity_type != EntityType::Clip || self.followed.contains(&draft.entity);
        if own || self.asked.contains(&Query::One(draft.stardust_id)) {
            for parent in &draft.meta_parents {
                if !self.held.contains_key(parent) {
                    self.ask(Query::One(*parent));
                }
            }
        }
        if !own {
            return;
        }
        self.follow_named(packet);
        if self.leads_on(packet) {
            self.ask(Query::Children { id: draft.stardust_id, limit: CHILDREN });
        }
        match (draft.kind.as_str(), &self.inquiry) {
            ("clip.chosen" | "clip.rejected", Inquiry::Why(_) | Inquiry::WhyNot(_)) if draft.entity == self.subject => {
                self.ask(Query::OfTrace { trace: draft.trace_id, kind: "clip.rejected".into(), limit: OTHERS });
            }
            ("video.normalised", Inquiry::WhyNone(_)) => {
                for kind in ["analysis.made", "clip.rejected", "clip.chosen"] {
                    self.ask(Query::OfTrace { trace: draft.trace_id, kind: kind.into(), limit: OTHERS });
                }
            }
            _ => {}
        }
    }

    /// Whether what follows from this packet belongs to the answer and is not found by entity.
    fn leads_on(&self, packet: &Packet) -> bool {
        use EntityType as T;
        let entity = &packet.draft.entity;
        let from_source = matches!(self.subject.entity_type, T::Video | T::Post | T::Analysis | T::Job);
        match packet.draft.kind.as_str() {
            "deliberation.ruled" | "upload.requested" | "edit.requested" | "directive.issued" => self.below(entity),
            "job.done" if self.subject.entity_type == T::Job => *entity == self.subject,
            "post.captured" => *entity == self.subject,
            "job.done" | "analysis.made" => from_source,
            _ => false,
        }
    }

    /// What came from this may belong to the answer. What the subject's source led to apart from it does not.
    fn below(&self, entity: &EntityRef) -> bool {
        use EntityType as T;
        match (entity.entity_type, self.subject.entity_type) {
            (T::Video, T::Post) => true,
            (T::Video | T::Post | T::Creator | T::Project, _) => *entity == self.subject,
            _ => true,
        }
    }

    /// Rows that the packet is about or names, where their packets are few.
    fn follow_named(&mut self, packet: &Packet) {
        use EntityType as T;
        let entity = &packet.draft.entity;
        if matches!(
            entity.entity_type,
            T::Job | T::Analysis | T::EditJob | T::UploadJob | T::Schedule | T::Video | T::Post
        ) {
            self.follow(entity.clone());
        }
        let body = Body::of(packet);
        if !self.below(entity) {
            return;
        }
        for (key, kind) in [("job_id", T::Job), ("edit_job_id", T::EditJob), ("upload_job_id", T::UploadJob)] {
            if let Some(id) = body.id(key) {
                self.follow(EntityRef::new(kind, id));
            }
        }
        if let Some(subject) = body.entity("subject").filter(|s| matches!(s.entity_type, T::UploadJob | T::Schedule)) {
            self.follow(subject);
        }
        // An upload or a schedule is explained by its clip; a clip not by the others of its video.
        if matches!(entity.entity_type, T::UploadJob | T::Schedule | T::EditJob)
            && let Some(clip) = body.id("clip_id")
        {
            self.follow(EntityRef::new(T::Clip, clip));
        }
    }
}
