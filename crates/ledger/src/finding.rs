//! What an audit found, with codes that never change their meaning.

use omniva_contracts::engine::Checkpoint;
use serde::Serialize;

/// Findings that are kept in full.
const LIMIT: usize = 1000;

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $text:literal),+ $(,)?) => {
        /// Stable: add, never rename.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        pub enum FindingCode { $($(#[$doc])* #[serde(rename = $text)] $name),+ }
        impl FindingCode {
            pub const ALL: &'static [FindingCode] = &[$(FindingCode::$name),+];
            pub fn as_str(self) -> &'static str { match self { $(FindingCode::$name => $text),+ } }
        }
    };
}

codes! {
    /// The content does not fit the hash stored beside it.
    Changed = "packet_changed",
    /// The stored content is no packet.
    Unreadable = "packet_unreadable",
    Missing = "packet_missing",
    Order = "packet_order",
    /// The same id twice.
    Repeated = "packet_repeated",
    /// The index of parents says something else than the packet.
    Links = "links_changed",
    /// A packet rests on one that is not there.
    ParentMissing = "parent_missing",
    /// Content and hashes were replaced together: the signed root is another one.
    Rewritten = "rewritten",
    /// Two histories were signed, or the log knows another one.
    Forked = "forked",
    /// The store has fewer packets than a checkpoint of its own.
    Truncated = "truncated",
    /// The store has fewer packets than the checkpoint log: an older copy was put back.
    RolledBack = "rolled_back",
    Signature = "checkpoint_signature",
    UnknownKey = "checkpoint_key",
    OtherLedger = "checkpoint_origin",
    CheckpointOrder = "checkpoint_order",
    CheckpointRemoved = "checkpoint_removed",
    LogCut = "checkpoint_log_cut",
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Finding {
    pub code: FindingCode,
    /// First packet at fault; of a checkpoint, its size.
    pub seq: Option<u64>,
    /// Last packet that may be at fault, where the place is known to a range only.
    pub until: Option<u64>,
    pub message: String,
}

#[derive(Default)]
pub(crate) struct Findings {
    kept: Vec<Finding>,
    more: u64,
}

impl Findings {
    pub fn add(&mut self, code: FindingCode, seq: Option<u64>, until: Option<u64>, message: String) {
        if self.kept.len() < LIMIT {
            self.kept.push(Finding { code, seq, until, message });
        } else {
            self.more += 1;
        }
    }

    pub fn checkpoint(&mut self, code: FindingCode, checkpoint: &Checkpoint, why: &str) {
        let message = format!("checkpoint of {} packets: {why}", checkpoint.size);
        self.add(code, Some(checkpoint.size), None, message);
    }

    pub fn done(self) -> (Vec<Finding>, u64) {
        (self.kept, self.more)
    }
}
