//! Verifies a whole ledger offline: packets in order, signed checkpoints, the public keys, nothing else. One pass, 50
//! bytes a packet of memory.
//!
//! What it can't see: packets after the last checkpoint may have been replaced or cut off by whoever can write the
//! database and recompute its hashes. [`AuditReport::covered`] says up to where the signatures reach.

use std::collections::{BTreeMap, HashMap, HashSet};

use omniva_contracts::engine::{Checkpoint, PacketDraft, PacketId};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::canonical::Out;
use super::finding::{Finding, FindingCode, Findings};
use super::{Columns, Frontier, Hash, Verifier, canonical, hex, leaf_hash};

/// A packet as it is stored.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    pub seq: u64,
    pub content: Content<'a>,
    /// The leaf hash that is stored beside it.
    pub hash: Hash,
    /// Parents as stored outside the packet, in any order; `None` where there is no such index.
    pub links: Option<&'a [PacketId]>,
}

#[derive(Clone, Copy, Debug)]
pub enum Content<'a> {
    /// The bytes that were hashed.
    Canonical(&'a [u8]),
    /// Put together again from columns: costs the canonical form as well.
    Draft(&'a PacketDraft),
}

/// An entry after the expensive part, which needs no order: read and hashed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Examined {
    seq: u64,
    leaf: Hash,
    same_hash: bool,
    same_links: bool,
    read: Option<(Uuid, Vec<Uuid>)>,
}

#[derive(Deserialize)]
struct Named {
    stardust_id: Uuid,
    #[serde(rename = "_meta_parents")]
    meta_parents: Vec<Uuid>,
}

impl Examined {
    pub fn seq(&self) -> u64 {
        self.seq
    }
}

/// Reads and hashes one entry. Independent of all others: may run on any number of threads.
pub fn examine(entry: &Entry<'_>) -> Examined {
    let (leaf, read) = match entry.content {
        Content::Canonical(bytes) => {
            let named = serde_json::from_slice::<Named>(bytes).ok();
            (leaf_hash(bytes), named.map(|named| (named.stardust_id, named.meta_parents)))
        }
        Content::Draft(draft) => {
            let parents = draft.meta_parents.iter().map(|parent| parent.0).collect();
            (leaf_hash(&canonical(draft)), Some((draft.stardust_id.0, parents)))
        }
    };
    let same_links = match (entry.links, &read) {
        (Some(links), Some((_, parents))) => {
            let sorted = |mut ids: Vec<Uuid>| {
                ids.sort_unstable();
                ids.dedup();
                ids
            };
            sorted(links.iter().map(|link| link.0).collect()) == sorted(parents.clone())
        }
        _ => true,
    };
    Examined { seq: entry.seq, leaf, same_hash: leaf == entry.hash, same_links, read }
}

/// Reads and hashes packets in parts, one after the other, in one piece of memory.
#[derive(Default)]
pub struct Examiner {
    text: Out,
}

impl Examiner {
    /// As [`examine`] does with a draft. `None` when a document of it is no JSON.
    pub fn examine(&mut self, seq: u64, hash: Hash, packet: &Columns<'_>) -> Option<Examined> {
        self.text.clear();
        self.text.packet(packet)?;
        let leaf = leaf_hash(self.text.bytes());
        let parents = packet.meta_parents.iter().map(|parent| parent.0).collect();
        let read = Some((packet.stardust_id.0, parents));
        Some(Examined { seq, leaf, same_hash: leaf == hash, same_links: true, read })
    }
}

/// What to check against.
#[derive(Clone, Debug, Default)]
pub struct Expected {
    /// Of the ledger; `None` takes that of the first checkpoint.
    pub origin: Option<Uuid>,
    /// Public keys that checkpoints may be signed with.
    pub keys: Vec<Verifier>,
    /// As the store lists them, oldest first.
    pub checkpoints: Vec<Checkpoint>,
    /// As `checkpoints.log` lists them, where there is one.
    pub log: Option<Vec<Checkpoint>>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AuditReport {
    pub packets: u64,
    /// Hex Merkle root over all packets that were read.
    pub root: String,
    /// Packets up to the last checkpoint that fits: these are exactly what was signed.
    pub covered: u64,
    /// Checkpoints whose signature and root fit.
    pub checkpoints: u64,
    pub findings: Vec<Finding>,
    /// Findings beyond the limit of 1000.
    pub more: u64,
}

impl AuditReport {
    pub fn sound(&self) -> bool {
        self.findings.is_empty()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Origin {
    Store,
    Log,
}

pub struct Audit {
    /// Believed roots by size, least first: those still to come.
    signed: std::collections::btree_map::IntoIter<u64, (Hash, Origin)>,
    next_signed: Option<(u64, Hash, Origin)>,
    frontier: Frontier,
    next_seq: u64,
    /// Places are wrong from here on: roots mean nothing any more.
    displaced: bool,
    /// A root did not fit, or a packet's content is wrong: later roots can't fit.
    spoiled: bool,
    covered: u64,
    fitting: u64,
    ids: HashSet<Uuid>,
    /// Parents that no packet has been seen for, and who named them first.
    awaited: HashMap<Uuid, u64>,
    findings: Findings,
}

impl Audit {
    pub fn new(expected: &Expected) -> Self {
        let mut findings = Findings::default();
        let origin = expected.origin.or_else(|| expected.checkpoints.first().map(|checkpoint| checkpoint.origin));
        let mut signed = BTreeMap::new();
        let mut newest = 0;
        for checkpoint in &expected.checkpoints {
            if checkpoint.size < newest {
                findings.checkpoint(FindingCode::CheckpointOrder, checkpoint, "it stands after a larger one");
            }
            newest = newest.max(checkpoint.size);
            believe(checkpoint, Origin::Store, origin, &expected.keys, &mut signed, &mut findings);
        }
        if let Some(log) = &expected.log {
            let origin = origin.or_else(|| log.first().map(|checkpoint| checkpoint.origin));
            for checkpoint in log {
                believe(checkpoint, Origin::Log, origin, &expected.keys, &mut signed, &mut findings);
            }
            compare_lists(&expected.checkpoints, log, &mut findings);
        }
        let mut audit = Self {
            signed: signed.into_iter(),
            next_signed: None,
            frontier: Frontier::new(),
            next_seq: 0,
            displaced: false,
            spoiled: false,
            covered: 0,
            fitting: 0,
            ids: HashSet::new(),
            awaited: HashMap::new(),
            findings,
        };
        audit.advance();
        audit.compare_root();
        audit
    }

    /// The next packet, in the order of the ledger.
    pub fn push(&mut self, entry: &Entry<'_>) {
        self.take(examine(entry));
    }

    /// The next packets, read and hashed on two threads.
    pub fn push_all(&mut self, entries: &[Entry<'_>]) {
        let (left, right) = entries.split_at(entries.len() / 2);
        let (left, right) = std::thread::scope(|scope| {
            let other = scope.spawn(|| right.iter().map(examine).collect::<Vec<_>>());
            let left: Vec<_> = left.iter().map(examine).collect();
            // A panic over there would be a bug; doing the work here brings it up here.
            (left, other.join().unwrap_or_else(|_| right.iter().map(examine).collect()))
        });
        for examined in left.into_iter().chain(right) {
            self.take(examined);
        }
    }

    /// The next packet, examined before.
    pub fn take(&mut self, packet: Examined) {
        let seq = packet.seq;
        if seq > self.next_seq {
            let message = format!("packets {} to {} are missing", self.next_seq, seq - 1);
            self.findings.add(FindingCode::Missing, Some(self.next_seq), Some(seq - 1), message);
            self.displaced = true;
        } else if seq < self.next_seq {
            self.findings.add(FindingCode::Order, Some(seq), None, format!("packet {seq} stands twice or too late"));
            self.displaced = true;
        }
        self.next_seq = self.next_seq.max(seq.saturating_add(1));
        if !packet.same_hash {
            let message = format!("packet {seq} is not what its hash was made from");
            self.findings.add(FindingCode::Changed, Some(seq), None, message);
            self.spoiled = true;
        }
        if !packet.same_links {
            let message = format!("the links stored for packet {seq} are not the parents that it names");
            self.findings.add(FindingCode::Links, Some(seq), None, message);
        }
        match packet.read {
            Some((id, parents)) => self.relate(seq, id, parents),
            None => {
                self.findings.add(FindingCode::Unreadable, Some(seq), None, format!("packet {seq} is no packet"));
            }
        }
        self.frontier.push(packet.leaf);
        self.compare_root();
    }

    fn relate(&mut self, seq: u64, id: Uuid, parents: Vec<Uuid>) {
        if !self.ids.insert(id) {
            self.findings.add(FindingCode::Repeated, Some(seq), None, format!("packet {id} stands here again"));
        }
        // Parents mostly stand before their children.
        if !self.awaited.is_empty() {
            self.awaited.remove(&id);
        }
        for parent in parents {
            if !self.ids.contains(&parent) {
                self.awaited.entry(parent).or_insert(seq);
            }
        }
    }

    fn advance(&mut self) {
        self.next_signed = self.signed.next().map(|(size, (root, origin))| (size, root, origin));
    }

    fn compare_root(&mut self) {
        let Some((size, root, origin)) = self.next_signed.filter(|signed| signed.0 == self.frontier.size()) else {
            return;
        };
        self.advance();
        if self.displaced {
            return;
        }
        if self.frontier.root() == root {
            self.covered = size;
            self.fitting += 1;
            return;
        }
        if !self.spoiled {
            let (code, what) = match origin {
                Origin::Store => (FindingCode::Rewritten, "was signed with another content"),
                Origin::Log => (FindingCode::Forked, "has another content than the checkpoint log says"),
            };
            let message = format!(
                "the ledger {what}: something between packets {} and {} differs",
                self.covered,
                size.saturating_sub(1)
            );
            self.findings.add(code, Some(self.covered), Some(size.saturating_sub(1)), message);
            self.spoiled = true;
        }
    }

    pub fn finish(mut self) -> AuditReport {
        let held = self.frontier.size();
        // Roots that were skipped over cannot be left: sizes come one by one. What is left is beyond the end.
        while let Some((size, _, origin)) = self.next_signed {
            let (code, who) = match origin {
                Origin::Store => (FindingCode::Truncated, "a checkpoint"),
                Origin::Log => (FindingCode::RolledBack, "the checkpoint log"),
            };
            let message = format!("{who} names {size} packets, the ledger has {held}");
            self.findings.add(code, Some(self.next_seq), Some(size.saturating_sub(1)), message);
            self.advance();
        }
        let mut awaited: Vec<(u64, Uuid)> = self.awaited.iter().map(|(parent, seq)| (*seq, *parent)).collect();
        awaited.sort_unstable();
        for (seq, parent) in awaited {
            let message = format!("packet {seq} names the parent {parent}, which is not in the ledger");
            self.findings.add(FindingCode::ParentMissing, Some(seq), None, message);
        }
        let (findings, more) = self.findings.done();
        AuditReport {
            packets: held,
            root: hex::write(&self.frontier.root()),
            covered: self.covered,
            checkpoints: self.fitting,
            findings,
            more,
        }
    }
}

/// Takes up a checkpoint if it is signed with a known key and speaks of this ledger.
fn believe(
    checkpoint: &Checkpoint,
    from: Origin,
    origin: Option<Uuid>,
    keys: &[Verifier],
    signed: &mut BTreeMap<u64, (Hash, Origin)>,
    findings: &mut Findings,
) {
    if origin.is_some_and(|origin| origin != checkpoint.origin) {
        findings.checkpoint(FindingCode::OtherLedger, checkpoint, "it speaks of another ledger");
        return;
    }
    let Some(key) = keys.iter().find(|key| key.key_id() == checkpoint.key_id) else {
        findings.checkpoint(
            FindingCode::UnknownKey,
            checkpoint,
            "none of the given public keys is the one that it names",
        );
        return;
    };
    match key.verify(checkpoint) {
        Err(fault) => findings.checkpoint(FindingCode::Signature, checkpoint, &fault.to_string()),
        Ok(root) => match signed.get(&checkpoint.size) {
            Some((other, _)) if *other != root => {
                findings.checkpoint(FindingCode::Forked, checkpoint, "another root is signed for the same size");
            }
            Some(_) => {}
            None => {
                signed.insert(checkpoint.size, (root, from));
            }
        },
    }
}

/// The store and the log list the same checkpoints; only the newest of the store may not be in the log yet.
fn compare_lists(stored: &[Checkpoint], log: &[Checkpoint], findings: &mut Findings) {
    let key = |checkpoint: &Checkpoint| (checkpoint.size, checkpoint.signature.clone());
    let in_store: HashSet<_> = stored.iter().map(key).collect();
    let in_log: HashSet<_> = log.iter().map(key).collect();
    for checkpoint in log {
        if !in_store.contains(&key(checkpoint)) {
            findings.checkpoint(
                FindingCode::CheckpointRemoved,
                checkpoint,
                "the checkpoint log has it, the store has not",
            );
        }
    }
    // The caller may have put a witnessed one of the store's beside them: the newest can stand there twice.
    let newest = stored.iter().max_by_key(|checkpoint| checkpoint.size).map(key);
    for checkpoint in stored.iter().filter(|checkpoint| newest != Some(key(checkpoint))) {
        if !in_log.contains(&key(checkpoint)) {
            findings.checkpoint(FindingCode::LogCut, checkpoint, "the store has it, the checkpoint log has not");
        }
    }
}
