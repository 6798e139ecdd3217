//! Zenith's mailbox: starts a task for each thought, seals what comes back.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use omniva_contracts::engine::{Commit, EntityRef, Question};
use omniva_contracts::fault::Fault;
use omniva_store::Mandate;
use tokio::sync::oneshot;

use super::{Inquiry, Msg, advance, ask, cycle, deliberate, sweep};
use crate::infra::store_writer::{self, Answer};
use crate::kit::Kit;
use crate::part::Part;

/// Deliberations at the same time: they mostly read and wait for modules.
const SIDE_BY_SIDE: usize = 8;
/// Questions that wait; more are left to the sweep.
const WAITING_MAX: usize = 2000;
/// Pause between two urgent cycles, so that a storm of deaths is one look.
const URGENT_PAUSE: Duration = Duration::from_secs(1);

/// Holds the mandate, through all generations.
pub struct Zenith {
    pub mandate: Mandate,
}

#[derive(Default)]
pub struct State {
    waiting: VecDeque<Inquiry>,
    /// Subjects in deliberation, with the question.
    running: BTreeMap<EntityRef, Question>,
    /// Everything that waits, runs or is put off: nothing is asked twice.
    known: BTreeSet<(EntityRef, Question)>,
    cycling: bool,
    sweeping: bool,
    urgent: bool,
    halting: Option<oneshot::Sender<()>>,
    halted: bool,
    cycles: u64,
}

impl Part for Zenith {
    type Msg = Msg;
    type State = State;

    fn begin(&self, _: &Arc<Kit>) -> State {
        State::default()
    }

    fn first(&self) -> Option<Msg> {
        Some(Msg::Cycle)
    }

    fn handle(&self, kit: &Arc<Kit>, msg: Msg, state: &mut State) -> Result<(), Fault> {
        match msg {
            Msg::Ask(asked, reply) => ask::start(kit, *asked, reply),
            Msg::Advance(moves, reply) => {
                let kit = kit.clone();
                tokio::spawn(async move { drop(reply.send(advance::advance(kit, moves).await)) });
            }
            Msg::Consider(inquiries) => state.take(kit, inquiries),
            Msg::Commit(commit, answer) => self.seal(kit, *commit, answer),
            Msg::Considered(inquiry) => state.considered(&inquiry),
            Msg::Urgent(why) => state.urgent(kit, why),
            Msg::Cycle => state.cycle(kit),
            Msg::Cycled => state.cycled(kit),
            Msg::Sweep => state.sweep(kit),
            Msg::Swept => state.sweeping = false,
            Msg::Halt(done) => {
                state.halted = true;
                state.waiting.clear();
                state.halting = Some(done);
            }
        }
        state.turn(kit);
        Ok(())
    }
}

impl Zenith {
    /// What does not reach the writer is dropped with its answer, which tells the one who waits.
    fn seal(&self, kit: &Arc<Kit>, commit: Commit, answer: Answer) {
        let sealed = self.mandate.seal(commit);
        kit.wires.store_writer.wake(store_writer::Msg::Write(sealed, answer));
    }
}

impl State {
    fn take(&mut self, kit: &Arc<Kit>, inquiries: Vec<Inquiry>) {
        for mut inquiry in inquiries {
            let key = (inquiry.subject.clone(), inquiry.question);
            if self.halted || self.waiting.len() >= WAITING_MAX || !self.known.insert(key) {
                continue;
            }
            match inquiry.at.take().map(|at| kit.until(at)).filter(|wait| !wait.is_zero()) {
                None => self.waiting.push_back(inquiry),
                Some(wait) => {
                    self.known.remove(&(inquiry.subject.clone(), inquiry.question));
                    kit.wires.zenith.later(wait, Msg::Consider(vec![inquiry]));
                }
            }
        }
    }

    /// Starts what may start: the first waiting question of each subject that is free.
    fn turn(&mut self, kit: &Arc<Kit>) {
        let mut at = 0;
        while self.running.len() < SIDE_BY_SIDE && at < self.waiting.len() {
            let free = self.waiting.get(at).is_some_and(|inquiry| !self.running.contains_key(&inquiry.subject));
            if !free {
                at += 1;
                continue;
            }
            if let Some(inquiry) = self.waiting.remove(at) {
                self.running.insert(inquiry.subject.clone(), inquiry.question);
                deliberate::start(kit, inquiry);
            }
        }
        if self.running.is_empty()
            && let Some(done) = self.halting.take()
        {
            let _ = done.send(());
        }
    }

    fn considered(&mut self, inquiry: &Inquiry) {
        self.running.remove(&inquiry.subject);
        self.known.remove(&(inquiry.subject.clone(), inquiry.question));
    }

    fn urgent(&mut self, kit: &Arc<Kit>, why: &'static str) {
        if !self.urgent && !self.halted {
            self.urgent = true;
            tracing::info!(why, "an urgent cycle");
            kit.wires.zenith.later(URGENT_PAUSE, Msg::Cycle);
        }
    }

    fn cycle(&mut self, kit: &Arc<Kit>) {
        if !self.cycling && !self.halted {
            self.cycling = true;
            self.urgent = false;
            self.cycles += 1;
            cycle::start(kit, self.cycles);
        }
    }

    fn cycled(&mut self, kit: &Arc<Kit>) {
        self.cycling = false;
        // The sweep reads rows by the hundred: with every cycle is often enough for what is lost once in a blue moon.
        kit.wires.zenith.wake(Msg::Sweep);
    }

    fn sweep(&mut self, kit: &Arc<Kit>) {
        if !self.sweeping && !self.halted {
            self.sweeping = true;
            sweep::start(kit);
        }
    }
}
