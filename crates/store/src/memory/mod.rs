//! The store in memory: nothing outlives the process. For `omniva clip`, simulation and tests; deterministic,
//! and it can be told to fail.

mod read;
mod state;
mod upkeep;
mod write;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use uuid::Uuid;

use crate::{Mandate, Opened, StoreFault};
use state::State;

/// Failures to come, each for one write or read.
#[derive(Default)]
pub struct Faults {
    writes: Mutex<VecDeque<StoreFault>>,
    reads: Mutex<VecDeque<StoreFault>>,
}

impl Faults {
    /// The next write that is not spoken for fails with this, and writes nothing.
    pub fn fail_write(&self, fault: StoreFault) {
        self.writes.lock().unwrap_or_else(PoisonError::into_inner).push_back(fault);
    }
    /// The next read that is not spoken for fails with this.
    pub fn fail_read(&self, fault: StoreFault) {
        self.reads.lock().unwrap_or_else(PoisonError::into_inner).push_back(fault);
    }
    fn write(&self) -> Result<(), StoreFault> {
        self.writes.lock().unwrap_or_else(PoisonError::into_inner).pop_front().map_or(Ok(()), Err)
    }
    fn read(&self) -> Result<(), StoreFault> {
        self.reads.lock().unwrap_or_else(PoisonError::into_inner).pop_front().map_or(Ok(()), Err)
    }
}

#[derive(Clone)]
struct Memory {
    state: Arc<RwLock<State>>,
    faults: Arc<Faults>,
}

impl Memory {
    fn look(&self) -> Result<RwLockReadGuard<'_, State>, StoreFault> {
        self.faults.read()?;
        Ok(self.state.read().unwrap_or_else(PoisonError::into_inner))
    }
    fn change(&self) -> Result<RwLockWriteGuard<'_, State>, StoreFault> {
        self.faults.write()?;
        Ok(self.state.write().unwrap_or_else(PoisonError::into_inner))
    }
}

/// An empty store; `origin` names its ledger.
pub fn open_memory(origin: Uuid) -> Opened {
    open_memory_with(origin, Arc::default())
}

/// The same, failing as `faults` says.
pub fn open_memory_with(origin: Uuid, faults: Arc<Faults>) -> Opened {
    let memory = Memory { state: Arc::new(RwLock::new(State::new(origin))), faults };
    Opened {
        reader: Arc::new(memory.clone()),
        writer: Box::new(memory.clone()),
        mandate: Mandate(()),
        upkeep: Arc::new(memory),
    }
}
