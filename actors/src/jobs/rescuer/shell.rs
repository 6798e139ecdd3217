//! The rescuer's mailbox: one alarm, always set to the next thing that is due.

use std::sync::Arc;
use std::time::Duration;

use omniva_contracts::engine::Moment;
use omniva_contracts::fault::Fault;

use super::{Msg, perform};
use crate::kit::Kit;
use crate::part::Part;

/// Never longer without a look, whatever the news said: a look is four small reads.
const QUIET: Duration = Duration::from_secs(10);
/// Between two sweeps, so that a stream of things that become due is swept in groups.
const APART: Duration = Duration::from_millis(20);
/// After the store was away.
const AGAIN: Duration = Duration::from_millis(500);

pub struct Rescuer;

#[derive(Default)]
pub struct State {
    /// Number of the alarm that counts, and when it rings.
    alarm: u64,
    rings: Option<Moment>,
    sweeping: bool,
    /// Became due while a sweep was running.
    sooner: Option<Moment>,
    halted: bool,
}

impl Part for Rescuer {
    type Msg = Msg;
    type State = State;

    fn begin(&self, _: &Arc<Kit>) -> State {
        State::default()
    }

    fn first(&self) -> Option<Msg> {
        Some(Msg::Adopt)
    }

    fn handle(&self, kit: &Arc<Kit>, msg: Msg, state: &mut State) -> Result<(), Fault> {
        match msg {
            Msg::Written(news) => state.heard(kit, news.next_due),
            Msg::Adopt => {
                perform::adopt(kit);
                state.set(kit, kit.now());
            }
            Msg::Adopted => state.heard(kit, Some(kit.now())),
            Msg::Alarm(number) if number == state.alarm && !state.sweeping && !state.halted => {
                state.sweeping = true;
                perform::sweep(kit);
            }
            Msg::Alarm(_) => {}
            Msg::Swept(swept) => {
                state.sweeping = false;
                let soonest = match (swept.next, state.sooner.take()) {
                    (Some(a), Some(b)) => Some(a.min(b)),
                    (a, b) => a.or(b),
                };
                let pause = if swept.again { AGAIN } else { QUIET };
                let at = soonest.map_or(kit.now().after(pause), |at| at.min(kit.now().after(pause)));
                state.set(kit, at);
            }
            Msg::Halt => state.halted = true,
        }
        Ok(())
    }
}

impl State {
    fn heard(&mut self, kit: &Arc<Kit>, due: Option<Moment>) {
        let Some(due) = due else { return };
        if self.sweeping {
            self.sooner = Some(self.sooner.map_or(due, |at| at.min(due)));
        } else if self.rings.is_none_or(|rings| due < rings) {
            self.set(kit, due);
        }
    }

    /// The alarm that was set before no longer counts.
    fn set(&mut self, kit: &Arc<Kit>, at: Moment) {
        self.alarm += 1;
        self.rings = Some(at);
        kit.wires.rescuer.later(kit.until(at).max(APART), Msg::Alarm(self.alarm));
    }
}
