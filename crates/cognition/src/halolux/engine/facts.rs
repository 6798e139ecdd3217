//! Packets by id, in the order of the ledger, and which of them have to do with a subject.

use std::collections::{BTreeMap, BTreeSet};

use omniva_contracts::engine::{EntityRef, EntityType, Packet, PacketId};
use serde_json::Value;

pub(super) struct Facts<'a> {
    by_seq: BTreeMap<u64, &'a Packet>,
    seq_of: BTreeMap<PacketId, u64>,
    children: BTreeMap<PacketId, Vec<u64>>,
}

impl<'a> Facts<'a> {
    pub fn new(packets: &'a [Packet]) -> Self {
        let by_seq: BTreeMap<u64, &Packet> = packets.iter().map(|packet| (packet.seq, packet)).collect();
        let mut children: BTreeMap<PacketId, Vec<u64>> = BTreeMap::new();
        let mut seq_of = BTreeMap::new();
        for (seq, packet) in &by_seq {
            seq_of.insert(packet.draft.stardust_id, *seq);
            for parent in &packet.draft.meta_parents {
                children.entry(*parent).or_default().push(*seq);
            }
        }
        Self { by_seq, seq_of, children }
    }

    pub fn get(&self, id: PacketId) -> Option<&'a Packet> {
        self.seq_of.get(&id).and_then(|seq| self.by_seq.get(seq)).copied()
    }

    /// In the order of the ledger.
    pub fn all(&self) -> impl DoubleEndedIterator<Item = &'a Packet> + '_ {
        self.by_seq.values().copied()
    }

    pub fn about<'s>(&'s self, entity: &'s EntityRef) -> impl DoubleEndedIterator<Item = &'a Packet> + 's {
        self.all().filter(move |packet| packet.draft.entity == *entity)
    }

    pub fn children(&self, id: PacketId) -> impl Iterator<Item = &'a Packet> + '_ {
        self.children.get(&id).into_iter().flatten().filter_map(|seq| self.by_seq.get(seq)).copied()
    }

    /// Everything that the subject came from and everything that came from it. The way down ends at packets about a clip
    /// that is not the subject: what became of it is its own story.
    pub fn concerning(&self, subject: &EntityRef) -> BTreeSet<u64> {
        let own: Vec<&Packet> = self.about(subject).collect();
        let mut up: BTreeSet<u64> = BTreeSet::new();
        let mut todo = own.clone();
        while let Some(packet) = todo.pop() {
            if up.insert(packet.seq) {
                todo.extend(packet.draft.meta_parents.iter().filter_map(|parent| self.get(*parent)));
            }
        }
        let mut down: BTreeSet<u64> = BTreeSet::new();
        let mut todo = own;
        while let Some(packet) = todo.pop() {
            if !down.insert(packet.seq) {
                continue;
            }
            let another = packet.draft.entity.entity_type == EntityType::Clip && packet.draft.entity != *subject;
            if !another {
                todo.extend(self.children(packet.draft.stardust_id));
            }
        }
        up.union(&down).copied().collect()
    }
}

/// A packet's body, read leniently: what is not there is not said.
#[derive(Clone, Copy)]
pub(super) struct Body<'a>(pub &'a Value);

impl<'a> Body<'a> {
    pub fn of(packet: &'a Packet) -> Self {
        Self(&packet.draft.body)
    }
    pub fn text(self, key: &str) -> Option<&'a str> {
        self.0.get(key).and_then(Value::as_str).filter(|text| !text.trim().is_empty())
    }
    pub fn number(self, key: &str) -> Option<f64> {
        self.0.get(key).and_then(Value::as_f64)
    }
    pub fn count(self, key: &str) -> Option<u64> {
        self.0.get(key).and_then(Value::as_u64)
    }
    pub fn list(self, key: &str) -> &'a [Value] {
        self.0.get(key).and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }
    pub fn entity(self, key: &str) -> Option<EntityRef> {
        self.0.get(key).and_then(|value| serde_json::from_value(value.clone()).ok())
    }
    pub fn id(self, key: &str) -> Option<uuid::Uuid> {
        self.text(key).and_then(|text| text.parse().ok())
    }
}
