//! A pool's mailbox.

use std::sync::Arc;
use std::time::Duration;

use omniva_contracts::engine::{Job, JobId, JobKind, Outcome};
use omniva_contracts::fault::Fault;
use omniva_telemetry::meter;
use tokio::sync::oneshot;

use super::bench::{Bench, End, Runner};
use super::{Ended, Halt, Msg, Place, perform};
use crate::kit::Kit;
use crate::part::{Line, Part};
use crate::work::{Stop, Work};
use crate::zenith::Advanced;

/// A new step shows within this time; what only moves on waits for the heartbeat, which may be configured to be shorter.
const BEAT: Duration = Duration::from_millis(500);
/// While others of the pool still run, an end waits this long for theirs: together they cost one commit.
const GATHER: Duration = Duration::from_millis(1);
/// Pause before an outcome is handed in again that could not be written.
const AGAIN: Duration = Duration::from_millis(500);

pub struct Pool {
    pub kind: JobKind,
    pub work: Arc<dyn Work>,
}

pub struct State {
    bench: Arc<Bench>,
    line: Line<Msg>,
    beating: bool,
    /// A batch of ends is with Zenith: what ends meanwhile makes the next batch.
    settling: bool,
    /// A flush that gathers ends is on its way.
    gathering: bool,
    halting: Option<(oneshot::Sender<()>, Duration)>,
    halted: bool,
}

impl Part for Pool {
    type Msg = Msg;
    type State = State;

    /// Jobs that ran under the generation before go on; what it had asked of Zenith is asked again.
    fn begin(&self, kit: &Arc<Kit>) -> State {
        let bench = kit.bench(self.kind);
        bench.with(|running| {
            for runner in running.values_mut() {
                (runner.settling, runner.renewing) = (false, false);
                runner.not_taken();
            }
        });
        let line = kit.wires.pools.get(&self.kind).cloned().unwrap_or_else(|| Line::new(super::name(self.kind)));
        State { bench, line, beating: false, settling: false, gathering: false, halting: None, halted: false }
    }

    fn first(&self) -> Option<Msg> {
        Some(Msg::Beat)
    }

    fn handle(&self, kit: &Arc<Kit>, msg: Msg, state: &mut State) -> Result<(), Fault> {
        match msg {
            Msg::Run(jobs) => self.run(kit, jobs, state),
            Msg::Cancel(job) => state.bench.with(|running| {
                if let Some(runner) = running.get(&job) {
                    runner.stop.raise(Stop::Cancelled);
                }
            }),
            Msg::Halt(halt) => state.halt(halt),
            Msg::Ended(ended) => state.ended(*ended),
            Msg::Settled(answers) => state.settled(answers),
            Msg::Renewed(answers) => state.renewed(answers),
            Msg::Beat => {
                state.beating = false;
                perform::renew(kit, &state.bench, &state.line);
                perform::drop_silent(kit, &state.bench);
                // Whatever became of the last batch.
                state.settling |= perform::settle(kit, &state.bench, &state.line);
            }
            Msg::Flush => {
                state.gathering = false;
                if !state.settling {
                    state.settling = perform::settle(kit, &state.bench, &state.line);
                }
            }
            Msg::Interrupt => state.interrupt(),
            Msg::Kill => {
                perform::kill(&state.bench, self.kind);
                state.settling |= perform::settle(kit, &state.bench, &state.line);
            }
        }
        state.turn(kit);
        Ok(())
    }
}

impl Pool {
    fn run(&self, kit: &Arc<Kit>, jobs: Vec<(Job, Place)>, state: &mut State) {
        for (job, place) in jobs {
            if state.halted {
                // Claimed before the halt was known: given back without a start.
                let mut runner = Runner::new(job, place, kit.now());
                runner.ended = Some(End::Outcome(Outcome::Interrupted { checkpoint: None }));
                state.bench.with(|running| running.insert(runner.job.id, runner));
                state.line.wake(Msg::Flush);
            } else {
                perform::start(kit, &self.work, &state.bench, &state.line, job, place);
            }
        }
    }
}

impl State {
    /// Keeps the beat while anything runs, and answers a halt when nothing does.
    fn turn(&mut self, kit: &Kit) {
        let idle = self.bench.is_empty();
        if idle && let Some((done, _)) = self.halting.take() {
            let _ = done.send(());
        }
        if !idle && !self.beating {
            self.beating = true;
            self.line.later(BEAT.min(kit.config.jobs.heartbeat() / 2), Msg::Beat);
        }
    }

    fn halt(&mut self, halt: Halt) {
        self.halted = true;
        self.line.later(halt.drain, Msg::Interrupt);
        self.halting = Some((halt.done, halt.grace));
    }

    fn interrupt(&mut self) {
        if let Some((_, grace)) = &self.halting {
            perform::raise(&self.bench, Stop::Stopping);
            self.line.later(*grace, Msg::Kill);
        }
    }

    fn ended(&mut self, ended: Ended) {
        let (known, others) = self.bench.with(|running| {
            let runner = running.get_mut(&ended.job).filter(|r| r.job.fence == ended.fence && r.ended.is_none());
            let known = runner.map(|runner| runner.ended = Some(ended.end)).is_some();
            (known, running.len() > 1)
        });
        // What ends while a batch is with Zenith is handed in when that comes back.
        if !known || self.settling || self.gathering {
            return;
        }
        self.gathering = true;
        if others { self.line.later(GATHER, Msg::Flush) } else { self.line.wake(Msg::Flush) }
    }

    fn settled(&mut self, answers: Vec<(JobId, Advanced)>) {
        let mut again = false;
        let mut lost = Vec::new();
        self.bench.with(|running| {
            for (id, answer) in answers {
                match answer {
                    Advanced::Unavailable => {
                        again = true;
                        if let Some(runner) = running.get_mut(&id) {
                            runner.settling = false;
                        }
                    }
                    Advanced::Written(_) => drop(running.remove(&id)),
                    Advanced::Refused(why) => {
                        lost.extend(running.get(&id).map(|runner| runner.job.kind));
                        tracing::info!(job_id = %id, why = %why, "an outcome came too late and is not taken");
                        running.remove(&id);
                    }
                    Advanced::Gone => drop(running.remove(&id)),
                }
            }
        });
        lost.into_iter().for_each(meter::lease_refused);
        self.settling = false;
        if again {
            self.line.later(AGAIN, Msg::Flush);
        } else {
            self.line.wake(Msg::Flush);
        }
    }

    fn renewed(&mut self, answers: Vec<(JobId, Advanced)>) {
        let mut ended = false;
        self.bench.with(|running| {
            for (id, answer) in answers {
                let Some(runner) = running.get_mut(&id) else { continue };
                runner.renewing = false;
                if answer == Advanced::Unavailable {
                    runner.not_taken();
                }
                runner.passing = None;
                // What still has something to pass on does so with the next beat.
                ended |= runner.ended.is_some() && !runner.owes();
                match answer {
                    Advanced::Written(job) => {
                        if job.cancel_requested {
                            runner.stop.raise(Stop::Cancelled);
                        }
                        meter::lease_renewed(job.kind);
                        runner.job = *job;
                    }
                    Advanced::Refused(why) if why.is_bound() => {
                        tracing::warn!(job_id = %id, why = %why, "a sign of progress is not valid");
                    }
                    Advanced::Refused(_) | Advanced::Gone => runner.stop.raise(Stop::Lost),
                    Advanced::Unavailable => {}
                }
            }
        });
        if ended {
            self.line.wake(Msg::Flush);
        }
    }
}
