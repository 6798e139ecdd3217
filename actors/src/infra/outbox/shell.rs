//! The outbox's mailbox.

use std::sync::Arc;
use std::time::Duration;

use omniva_contracts::fault::Fault;

use super::{Msg, perform};
use crate::kit::Kit;
use crate::part::Part;

/// Sweeps without news: a wake-up is lost once in a blue moon.
const QUIET: Duration = Duration::from_secs(10);
/// After something could not be dispatched.
const AGAIN: Duration = Duration::from_secs(1);

pub struct Outbox;

#[derive(Default)]
pub struct State {
    busy: bool,
    /// News came while a round was running.
    more: bool,
}

impl Part for Outbox {
    type Msg = Msg;
    type State = State;

    fn begin(&self, _: &Arc<Kit>) -> State {
        State::default()
    }

    fn first(&self) -> Option<Msg> {
        Some(Msg::Sweep)
    }

    fn handle(&self, kit: &Arc<Kit>, msg: Msg, state: &mut State) -> Result<(), Fault> {
        match msg {
            Msg::Sweep if state.busy => state.more = true,
            Msg::Sweep => {
                (state.busy, state.more) = (true, false);
                perform::start(kit);
            }
            Msg::Swept { left } => {
                state.busy = false;
                let pause = if left { AGAIN } else { QUIET };
                let line = &kit.wires.outbox;
                if state.more { line.wake(Msg::Sweep) } else { line.later(pause, Msg::Sweep) }
            }
        }
        Ok(())
    }
}
