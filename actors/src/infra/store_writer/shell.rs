//! The store writer's mailbox.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use omniva_contracts::engine::LogRow;
use omniva_contracts::fault::Fault;
use omniva_store::{Refused, Sealed, StoreFault, Trouble};
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::perform::{self, Hand, Waiting, Written};
use super::{Answer, Msg};
use crate::kit::Kit;
use crate::part::Part;

/// Commits in one transaction: enough to share the cost of a durable write, few enough that nobody waits long for it.
const GROUP_MAX: usize = 128;
/// Commits that may wait; more are answered at once, so that a dead store cannot fill the memory.
const WAITING_MAX: usize = 4096;
/// Log rows are telemetry: beyond this the oldest are dropped and counted.
const LOGS_MAX: usize = 10_000;
/// How long a caller waits for a store that fails.
const PATIENCE: Duration = Duration::from_secs(15);
const PAUSE_MIN: Duration = Duration::from_millis(50);
const PAUSE_MAX: Duration = Duration::from_secs(5);

pub struct StoreWriter {
    pub hand: Hand,
}

#[derive(Default)]
pub struct State {
    waiting: VecDeque<Waiting>,
    logs: VecDeque<LogRow>,
    logs_dropped: u64,
    busy: bool,
    /// Set while the store fails: the last fault and the pause before the next try.
    trouble: Option<(Arc<StoreFault>, Duration)>,
    flushes: Vec<oneshot::Sender<()>>,
}

impl Part for StoreWriter {
    type Msg = Msg;
    type State = State;

    fn begin(&self, _: &Arc<Kit>) -> State {
        State::default()
    }

    fn handle(&self, kit: &Arc<Kit>, msg: Msg, state: &mut State) -> Result<(), Fault> {
        match msg {
            Msg::Write(sealed, answer) => state.take(sealed, answer),
            Msg::Log(rows) => state.take_logs(rows),
            Msg::Flush(done) => state.flushes.push(done),
            Msg::Status(reply) => {
                let _ = reply.send(state.trouble.as_ref().map(|(fault, _)| fault.clone()));
            }
            Msg::Wrote(written) => state.wrote(kit, written),
            Msg::Again => state.again(),
        }
        self.go(kit, state);
        Ok(())
    }
}

impl StoreWriter {
    fn go(&self, kit: &Arc<Kit>, state: &mut State) {
        if state.busy {
            return;
        }
        if state.waiting.is_empty() && state.logs.is_empty() {
            for done in state.flushes.drain(..) {
                let _ = done.send(());
            }
            return;
        }
        state.busy = true;
        let group: Vec<Waiting> = state.waiting.drain(..state.waiting.len().min(GROUP_MAX)).collect();
        let logs: Vec<LogRow> = state.logs.drain(..state.logs.len().min(GROUP_MAX)).collect();
        let (hand, line) = (self.hand.clone(), kit.wires.store_writer.clone());
        tokio::spawn(async move { line.wake(Msg::Wrote(perform::write(hand, group, logs).await)) });
    }
}

impl State {
    fn take(&mut self, sealed: Sealed, answer: Answer) {
        if self.waiting.len() >= WAITING_MAX {
            let fault = self.trouble.as_ref().map_or_else(
                || StoreFault { trouble: Trouble::Unavailable, message: "too many commits wait to be written".into() },
                |(fault, _)| (**fault).clone(),
            );
            let _ = answer.send(Err(Refused::Store(fault)));
            return;
        }
        self.waiting.push_back(Waiting { sealed, answer, deadline: Instant::now() + PATIENCE });
    }

    fn take_logs(&mut self, rows: Vec<LogRow>) {
        self.logs.extend(rows);
        while self.logs.len() > LOGS_MAX {
            self.logs.pop_front();
            self.logs_dropped += 1;
        }
    }

    fn wrote(&mut self, kit: &Arc<Kit>, written: Written) {
        written.left.into_iter().rev().for_each(|one| self.waiting.push_front(one));
        written.logs_left.into_iter().rev().for_each(|row| self.logs.push_front(row));
        if let Some(head) = written.head {
            kit.committed.send_replace(head);
        }
        kit.wires.announce(written.news);
        match written.fault {
            Some(fault) => self.failed(kit, fault),
            None => {
                self.busy = false;
                self.recovered();
            }
        }
    }

    /// One line for an outage, however long it is.
    fn failed(&mut self, kit: &Arc<Kit>, fault: StoreFault) {
        let pause = match self.trouble.take() {
            None => {
                tracing::error!(error = %fault, "the store does not take writes; what is to be written waits");
                PAUSE_MIN
            }
            Some((_, pause)) => (pause * 2).min(PAUSE_MAX),
        };
        self.trouble = Some((Arc::new(fault), pause));
        self.answer_overdue();
        kit.wires.store_writer.later(pause, Msg::Again);
    }

    fn recovered(&mut self) {
        if self.trouble.take().is_some() {
            tracing::info!(dropped_log_rows = self.logs_dropped, "the store takes writes again");
            self.logs_dropped = 0;
        }
    }

    fn again(&mut self) {
        self.busy = false;
        self.answer_overdue();
    }

    fn answer_overdue(&mut self) {
        let Some((fault, _)) = &self.trouble else { return };
        let now = Instant::now();
        let (overdue, rest): (Vec<_>, Vec<_>) = self.waiting.drain(..).partition(|one| one.deadline <= now);
        self.waiting = rest.into();
        for one in overdue {
            let _ = one.answer.send(Err(Refused::Store((**fault).clone())));
        }
    }
}
