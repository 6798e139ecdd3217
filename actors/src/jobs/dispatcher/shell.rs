//! The dispatcher's mailbox.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use omniva_cognition::eclipse::BreakerState;
use omniva_contracts::engine::{JobKind, QueueControl, QueueMode};
use omniva_contracts::fault::Fault;
use tokio::sync::oneshot;

use super::Msg;
use super::perform::{self, Found};
use crate::kit::Kit;
use crate::part::Part;

/// Pause after a claim that brought nothing although there was something.
const TROUBLE: Duration = Duration::from_millis(500);
/// Pause before the queues' controls are asked for again.
const AGAIN: Duration = Duration::from_millis(200);
/// While most places of a queue are taken, one that comes back waits this long for others: one claim takes them all.
const GATHER: Duration = Duration::from_millis(1);
/// A queue whose intake is slowed to `f` claims one job, then waits `(1 / f - 1)` of these.
const SLOWED: Duration = Duration::from_secs(1);

pub struct Dispatcher;

#[derive(Default)]
pub struct State {
    controls: BTreeMap<JobKind, QueueControl>,
    known: bool,
    reading: bool,
    /// Controls changed while they were read.
    reread: bool,
    /// A claim of this queue is on its way.
    busy: BTreeSet<JobKind>,
    /// Something happened to it meanwhile.
    dirty: BTreeSet<JobKind>,
    /// A look that gathers places is on its way.
    gathering: BTreeSet<JobKind>,
    /// Its pause after a slowed claim, or for an open breaker, is not over.
    resting: BTreeSet<JobKind>,
    halted: bool,
    halting: Option<oneshot::Sender<()>>,
}

impl Part for Dispatcher {
    type Msg = Msg;
    type State = State;

    /// Words on their way to the generation before were lost with it.
    fn begin(&self, kit: &Arc<Kit>) -> State {
        kit.benches.values().for_each(|bench| bench.heard());
        State::default()
    }

    fn first(&self) -> Option<Msg> {
        Some(Msg::Look)
    }

    fn handle(&self, kit: &Arc<Kit>, msg: Msg, state: &mut State) -> Result<(), Fault> {
        match msg {
            Msg::Written(news) => {
                if news.queues {
                    state.read(kit);
                }
                news.ready.iter().for_each(|queue| state.go(kit, *queue));
            }
            Msg::Freed(queue) => {
                kit.bench(queue).heard();
                state.freed(kit, queue);
            }
            Msg::Look => state.look(kit),
            Msg::LookAt(queue) => {
                state.resting.remove(&queue);
                state.gathering.remove(&queue);
                state.go(kit, queue);
            }
            Msg::Halt(done) => {
                state.halted = true;
                state.halting = Some(done);
            }
            Msg::Controls(controls) => state.learn(kit, controls),
            Msg::Claimed { queue, found } => state.claimed(kit, queue, found),
        }
        if state.busy.is_empty()
            && let Some(done) = state.halting.take()
        {
            let _ = done.send(());
        }
        Ok(())
    }
}

impl State {
    fn read(&mut self, kit: &Arc<Kit>) {
        if self.reading {
            self.reread = true;
        } else {
            self.reading = true;
            perform::controls(kit);
        }
    }

    fn learn(&mut self, kit: &Arc<Kit>, controls: Option<Vec<QueueControl>>) {
        self.reading = false;
        match controls {
            Some(controls) => {
                self.controls = controls.into_iter().map(|control| (control.queue, control)).collect();
                self.known = true;
                if std::mem::take(&mut self.reread) {
                    self.read(kit);
                }
                self.look(kit);
            }
            None => {
                self.known = false;
                kit.wires.dispatcher.later(AGAIN, Msg::Look);
            }
        }
    }

    fn look(&mut self, kit: &Arc<Kit>) {
        if !self.known {
            return self.read(kit);
        }
        kit.benches.keys().for_each(|queue| self.go(kit, *queue));
    }

    fn claimed(&mut self, kit: &Arc<Kit>, queue: JobKind, found: Found) {
        self.busy.remove(&queue);
        let dirty = self.dirty.remove(&queue);
        match found {
            Found::Trouble => {
                self.resting.insert(queue);
                kit.wires.dispatcher.later(TROUBLE, Msg::LookAt(queue));
            }
            Found::Full => self.go(kit, queue),
            Found::All if dirty => self.go(kit, queue),
            Found::All => {}
        }
    }

    fn freed(&mut self, kit: &Arc<Kit>, queue: JobKind) {
        let limit = self.controls.get(&queue).map_or(0, |control| control.limit);
        let crowded = kit.bench(queue).taken() > limit / 2;
        if !crowded || self.resting.contains(&queue) {
            self.go(kit, queue);
        } else if self.gathering.insert(queue) {
            kit.wires.dispatcher.later(GATHER, Msg::LookAt(queue));
        }
    }

    /// Claims what there are places for, one claim of a queue at a time.
    fn go(&mut self, kit: &Arc<Kit>, queue: JobKind) {
        // While the controls are read, nothing is claimed: a pause that was answered holds. The answer looks at all queues.
        if self.halted || !self.known || self.reading || self.resting.contains(&queue) {
            return;
        }
        if self.busy.contains(&queue) {
            self.dirty.insert(queue);
            return;
        }
        let control = self.controls.get(&queue).cloned().unwrap_or_else(|| kit.default_queue(queue));
        // Nobody here runs jobs of this kind: they wait.
        let Some(bench) = kit.benches.get(&queue) else { return };
        match control.mode {
            QueueMode::Running => {}
            QueueMode::Draining if bench.taken() == 0 => {
                self.busy.insert(queue);
                return perform::drained(kit, &control);
            }
            QueueMode::Draining | QueueMode::Paused | QueueMode::Quarantined => return,
        }
        let Some(limit) = self.limit(kit, &control) else { return };
        let line = kit.wires.dispatcher.clone();
        let freed: Arc<dyn Fn() + Send + Sync> = Arc::new(move || line.wake(Msg::Freed(queue)));
        let places = bench.reserve(kit.config.jobs.claim_batch, limit, &freed);
        if !places.is_empty() {
            self.busy.insert(queue);
            perform::claim(kit, queue, places);
        }
    }

    /// Places that the queue may use now: fewer while its breaker probes, one at a time while its intake is slowed, none
    /// while the breaker is open.
    fn limit(&mut self, kit: &Arc<Kit>, control: &QueueControl) -> Option<u32> {
        let (queue, now) = (control.queue, kit.now());
        let breaker = kit.pulse.breaker(queue, now, &kit.config);
        match breaker.state {
            BreakerState::Closed => {}
            BreakerState::HalfOpen => return Some(1),
            BreakerState::Open => {
                let pause = breaker.open_until.map_or(SLOWED, |at| kit.until(at)).max(SLOWED / 10);
                self.rest(kit, queue, pause);
                return None;
            }
        }
        if control.intake >= 1.0 {
            return Some(control.limit);
        }
        let taken = kit.bench(queue).taken();
        let pause = SLOWED.mul_f64((1.0 / control.intake.clamp(0.01, 1.0) - 1.0).min(60.0));
        self.rest(kit, queue, pause);
        Some((taken + 1).min(control.limit))
    }

    fn rest(&mut self, kit: &Arc<Kit>, queue: JobKind, pause: Duration) {
        self.resting.insert(queue);
        kit.wires.dispatcher.later(pause, Msg::LookAt(queue));
    }
}
