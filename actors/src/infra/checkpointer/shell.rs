//! The checkpointer's mailbox.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use omniva_contracts::fault::Fault;
use omniva_ledger::Signer;
use tokio::sync::oneshot;

use super::{Msg, perform};
use crate::kit::Kit;
use crate::part::Part;

/// Packets after which a checkpoint is due, and the least time between two: a busy ledger is signed often, not always.
const PACKETS: u64 = 1000;
const APART: Duration = Duration::from_secs(10);

/// The key, and the file that the checkpoints are kept in beside the store.
pub struct Seal {
    pub signer: Signer,
    pub file: Option<PathBuf>,
}

pub struct Checkpointer {
    pub seal: Option<Arc<Seal>>,
}

#[derive(Default)]
pub struct State {
    packets: u64,
    busy: bool,
    /// The least time since the last one is not over.
    resting: bool,
    wanted: bool,
    waiting: Vec<oneshot::Sender<()>>,
    /// Answered when the running one is over.
    answering: Vec<oneshot::Sender<()>>,
}

impl Part for Checkpointer {
    type Msg = Msg;
    type State = State;

    fn begin(&self, _: &Arc<Kit>) -> State {
        State::default()
    }

    fn handle(&self, kit: &Arc<Kit>, msg: Msg, state: &mut State) -> Result<(), Fault> {
        match msg {
            Msg::Written(packets) => state.packets += packets,
            Msg::Now => state.wanted = true,
            Msg::Last(done) => state.waiting.push(done),
            Msg::Signed => {
                state.busy = false;
                answer(&mut state.answering);
            }
            Msg::Tick => state.resting = false,
        }
        let due = state.wanted || (state.packets >= PACKETS && !state.resting) || !state.waiting.is_empty();
        if due && !state.busy {
            self.sign(kit, state);
        }
        Ok(())
    }
}

impl Checkpointer {
    fn sign(&self, kit: &Arc<Kit>, state: &mut State) {
        (state.packets, state.wanted) = (0, false);
        state.answering = std::mem::take(&mut state.waiting);
        let Some(seal) = self.seal.clone() else {
            answer(&mut state.answering);
            return;
        };
        (state.busy, state.resting) = (true, true);
        let kit = kit.clone();
        kit.wires.checkpointer.later(APART, Msg::Tick);
        tokio::spawn(async move {
            if let Err(fault) = perform::sign(kit.clone(), seal).await {
                tracing::warn!(error = %fault, "a checkpoint could not be kept");
            }
            kit.wires.checkpointer.deliver(Msg::Signed).await;
        });
    }
}

/// Who does not wait any more needs no answer.
fn answer(waiting: &mut Vec<oneshot::Sender<()>>) {
    for done in waiting.drain(..) {
        let _ = done.send(());
    }
}
