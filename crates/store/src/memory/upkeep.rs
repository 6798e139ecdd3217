//! Care of a store in memory: it can be checked, and there is nothing to back up.

use std::path::Path;

use async_trait::async_trait;
use omniva_ledger::{Frontier, canonical, leaf_hash};

use super::Memory;
use crate::{Answered, Manifest, StoreFault, Trouble, Upkeep};

#[async_trait]
impl Upkeep for Memory {
    async fn backup(&self, _to: &Path, _records: Option<&Path>) -> Answered<Manifest> {
        Err(StoreFault::new(Trouble::Unavailable, "a store in memory has no file to copy"))
    }

    async fn integrity(&self) -> Answered<Vec<String>> {
        let state = self.look()?;
        let mut wrong = Vec::new();
        for (place, packet) in state.packets.iter().enumerate() {
            if packet.seq != place as u64 || packet.hash != leaf_hash(&canonical(&packet.draft)) {
                wrong.push(format!("packet {} at place {place} does not have the hash of its content", packet.seq));
            }
        }
        let root = Frontier::from_leaves(state.packets.iter().map(|p| p.hash)).root();
        if root != state.frontier.root() {
            wrong.push("the packets do not add up to the head of the ledger".to_owned());
        }
        Ok(wrong)
    }
}
