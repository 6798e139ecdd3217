//! What the store holds, and one commit's way into it: all of it, or none.

use std::collections::{BTreeMap, BTreeSet};

use omniva_contracts::engine::*;
use omniva_ledger::Frontier;
use uuid::Uuid;

use crate::relations::{Key, inadmissible, inadmissible_packet, keep_fixed, key, ordered, references, unique};
use crate::{Receipt, Refused, StoreFault, Trouble};

type Place = (Table, Key);

pub(super) struct State {
    pub origin: Uuid,
    rows: BTreeMap<Table, BTreeMap<Key, Row>>,
    uniques: BTreeMap<(Table, String), Key>,
    by_state: BTreeMap<JobState, BTreeSet<Uuid>>,
    pub packets: Vec<Packet>,
    pub packet_ids: BTreeMap<PacketId, u64>,
    pub children: BTreeMap<PacketId, Vec<u64>>,
    pub by_entity: BTreeMap<EntityRef, Vec<u64>>,
    pub frontier: Frontier,
    pub logs: Vec<LogRow>,
}

/// A type of row, found in [`Row`].
pub(super) trait Kept: Sized + Clone {
    const TABLE: Table;
    fn of(row: &Row) -> Option<&Self>;
}

macro_rules! kept {
    ($($variant:ident $type:ty, $table:ident;)+) => {$(
        impl Kept for $type {
            const TABLE: Table = Table::$table;
            fn of(row: &Row) -> Option<&Self> {
                match row { Row::$variant(r) => Some(r), _ => None }
            }
        }
    )+};
}

kept! {
    Project Project, Projects;
    Creator Creator, Creators;
    Post Post, Posts;
    Video Video, Videos;
    Analysis AnalysisRow, Analysis;
    Clip Clip, Clips;
    EditJob EditJobRow, EditJobs;
    UploadJob UploadJobRow, UploadJobs;
    Schedule Schedule, Schedules;
    Sample SampleRow, Samples;
    Model ModelRow, Models;
    Artifact Artifact, Artifacts;
    Job Job, Jobs;
    Queue QueueControl, Queues;
    Cron CronEntry, Cron;
    Directive Directive, Directives;
    ApiKey ApiKey, ApiKeys;
    Setting Setting, Settings;
    Answer IdempotentAnswer, Answers;
    Audit AuditRow, Audit;
    Checkpoint Checkpoint, Checkpoints;
}

fn bug(message: String) -> Refused {
    Refused::Store(StoreFault::new(Trouble::Bug, message))
}

impl State {
    pub fn new(origin: Uuid) -> Self {
        Self {
            origin,
            rows: BTreeMap::new(),
            uniques: BTreeMap::new(),
            by_state: BTreeMap::new(),
            packets: Vec::new(),
            packet_ids: BTreeMap::new(),
            children: BTreeMap::new(),
            by_entity: BTreeMap::new(),
            frontier: Frontier::new(),
            logs: Vec::new(),
        }
    }

    fn row(&self, table: Table, key: &Key) -> Option<&Row> {
        self.rows.get(&table)?.get(key)
    }

    pub fn get<T: Kept>(&self, key: impl Into<Key>) -> Option<T> {
        self.row(T::TABLE, &key.into()).and_then(T::of).cloned()
    }

    pub fn all<T: Kept + 'static>(&self) -> impl Iterator<Item = &T> {
        self.rows.get(&T::TABLE).into_iter().flat_map(BTreeMap::values).filter_map(T::of)
    }

    pub fn by_unique<T: Kept>(&self, unique: String) -> Option<T> {
        let key = self.uniques.get(&(T::TABLE, unique))?;
        self.row(T::TABLE, key).and_then(T::of).cloned()
    }

    pub fn jobs_in(&self, state: JobState) -> impl Iterator<Item = &Job> {
        let ids = self.by_state.get(&state).into_iter().flatten();
        ids.filter_map(|id| self.row(Table::Jobs, &Key::Id(*id)).and_then(Job::of))
    }

    /// Writes one commit.
    pub fn apply(&mut self, commit: &Commit) -> Result<Receipt, Refused> {
        let mut undo = Vec::new();
        let mut outcome = Ok(());
        for row in ordered(commit) {
            outcome = self.put(row, &mut undo);
            if outcome.is_err() {
                break;
            }
        }
        if outcome.is_ok() {
            outcome = self.admit_packets(commit);
        }
        if let Err(refused) = outcome {
            for (place, old) in undo.into_iter().rev() {
                self.set(place, old);
            }
            return Err(refused);
        }
        for purge in &commit.purges {
            self.purge(purge);
        }
        Ok(Receipt { seqs: commit.packets.iter().map(|packet| self.append(packet)).collect() })
    }

    fn put(&mut self, row: &Row, undo: &mut Vec<(Place, Option<Row>)>) -> Result<(), Refused> {
        let (table, place) = (row.table(), (row.table(), key(row)));
        if let Some(wrong) = inadmissible(row) {
            return Err(bug(format!("{} {} {wrong}", table.as_str(), row.key())));
        }
        let old = self.row(table, &place.1);
        let mut row = row.clone();
        match (old, row.version()) {
            (Some(_), 1) => return Err(Refused::Duplicate { table, key: row.key() }),
            (None, 1) => {}
            (Some(old), version) if old.version() == version - 1 => keep_fixed(&mut row, old),
            _ => return Err(Refused::Stale { table, key: row.key() }),
        }
        if let Some(taken) = unique(&row)
            && self.uniques.get(&(table, taken)).is_some_and(|holder| *holder != place.1)
        {
            return Err(Refused::Duplicate { table, key: row.key() });
        }
        if references(&row).into_iter().flatten().any(|(table, id)| self.row(table, &Key::Id(id)).is_none()) {
            return Err(Refused::Dangling { table, key: row.key() });
        }
        let old = self.set(place.clone(), Some(row));
        undo.push((place, old));
        Ok(())
    }

    /// Puts or removes a row with everything that is derived from it; answers what stood there.
    fn set(&mut self, (table, key): Place, row: Option<Row>) -> Option<Row> {
        let rows = self.rows.entry(table).or_default();
        let old = rows.remove(&key);
        if let Some(old) = &old {
            if let Some(unique) = unique(old) {
                self.uniques.remove(&(table, unique));
            }
            if let Row::Job(job) = old {
                self.by_state.entry(job.state).or_default().remove(&job.id.0);
            }
        }
        if let Some(row) = row {
            if let Some(unique) = unique(&row) {
                self.uniques.insert((table, unique), key.clone());
            }
            if let Row::Job(job) = &row {
                self.by_state.entry(job.state).or_default().insert(job.id.0);
            }
            rows.insert(key, row);
        }
        old
    }

    fn admit_packets(&self, commit: &Commit) -> Result<(), Refused> {
        let mut own = BTreeSet::new();
        for packet in &commit.packets {
            if let Some(wrong) = inadmissible_packet(packet) {
                return Err(bug(format!("packet {} {wrong}", packet.stardust_id)));
            }
            if self.packet_ids.contains_key(&packet.stardust_id) || !own.insert(packet.stardust_id) {
                return Err(Refused::Duplicate { table: Table::Packets, key: packet.stardust_id.to_string() });
            }
        }
        Ok(())
    }

    fn append(&mut self, draft: &PacketDraft) -> u64 {
        let hash = omniva_ledger::leaf_hash(&omniva_ledger::canonical(draft));
        let seq = self.frontier.push(hash);
        self.packet_ids.insert(draft.stardust_id, seq);
        for parent in draft.meta_parents.iter().collect::<BTreeSet<_>>() {
            self.children.entry(*parent).or_default().push(seq);
        }
        self.by_entity.entry(draft.entity.clone()).or_default().push(seq);
        self.packets.push(Packet { seq, hash, draft: draft.clone() });
        seq
    }

    fn purge(&mut self, purge: &Purge) {
        let gone: Vec<Place> = match purge {
            Purge::ExpiredAnswers { before } => {
                let expired = self.all::<IdempotentAnswer>().filter(|a| a.expires_at < *before);
                expired.map(|a| (Table::Answers, Key::Text(a.key.clone()))).collect()
            }
            Purge::OldSamples { before, at_most } => {
                let old = self.all::<SampleRow>().filter(|r| r.sample.measured_at < *before);
                let mut old: Vec<(Moment, SampleId)> = old.map(|r| (r.sample.measured_at, r.sample_id)).collect();
                old.sort();
                let at_most = usize::try_from(*at_most).unwrap_or(usize::MAX);
                old.into_iter().take(at_most).map(|(_, id)| (Table::Samples, Key::Id(id.0))).collect()
            }
            Purge::EndedJobs { before, at_most } => {
                let edits = self.all::<EditJobRow>().map(|e| e.job_id);
                let needed: BTreeSet<JobId> =
                    edits.chain(self.all::<UploadJobRow>().filter_map(|u| u.job_id)).collect();
                let finals = JobState::ALL.into_iter().filter(|s| s.is_final());
                let mut ended: Vec<(Moment, JobId)> = finals
                    .flat_map(|state| self.jobs_in(state))
                    .filter(|job| !needed.contains(&job.id))
                    .filter_map(|job| Some((job.ended_at.filter(|at| at < before)?, job.id)))
                    .collect();
                ended.sort();
                let at_most = usize::try_from(*at_most).unwrap_or(usize::MAX);
                ended.into_iter().take(at_most).map(|(_, id)| (Table::Jobs, Key::Id(id.0))).collect()
            }
        };
        for place in gone {
            self.set(place, None);
        }
    }
}

impl From<Uuid> for Key {
    fn from(id: Uuid) -> Self {
        Key::Id(id)
    }
}
impl From<&str> for Key {
    fn from(text: &str) -> Self {
        Key::Text(text.to_owned())
    }
}
