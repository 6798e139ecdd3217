//! Cron's mailbox.

use std::sync::Arc;
use std::time::Duration;

use omniva_contracts::fault::Fault;

use super::{Msg, perform};
use crate::kit::Kit;
use crate::part::Part;

/// Before the store is asked again that did not answer.
const AGAIN: Duration = Duration::from_secs(1);
/// Clocks jump: never longer without a look.
const QUIET: Duration = Duration::from_secs(60);

pub struct Cron;

#[derive(Default)]
pub struct State {
    alarm: u64,
    looking: bool,
    more: bool,
    halted: bool,
}

impl Part for Cron {
    type Msg = Msg;
    type State = State;

    fn begin(&self, _: &Arc<Kit>) -> State {
        State::default()
    }

    fn first(&self) -> Option<Msg> {
        Some(Msg::Look)
    }

    fn handle(&self, kit: &Arc<Kit>, msg: Msg, state: &mut State) -> Result<(), Fault> {
        match msg {
            Msg::Look => state.look(kit),
            Msg::Alarm(number) if number == state.alarm => state.look(kit),
            Msg::Alarm(_) => {}
            Msg::Looked { next } => {
                state.looking = false;
                state.alarm += 1;
                let pause = next.map_or(AGAIN, |at| kit.until(at).min(QUIET));
                if std::mem::take(&mut state.more) {
                    state.look(kit);
                } else {
                    kit.wires.cron.later(pause, Msg::Alarm(state.alarm));
                }
            }
            Msg::Halt => state.halted = true,
        }
        Ok(())
    }
}

impl State {
    fn look(&mut self, kit: &Arc<Kit>) {
        if self.looking {
            self.more = true;
        } else if !self.halted {
            self.looking = true;
            perform::start(kit);
        }
    }
}
