//! What a pool starts: workers, and what it asks of Zenith.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use omniva_contracts::engine::{Job, JobEvent, JobId, JobKind, Outcome};
use omniva_contracts::fault::Fault;

use super::bench::{Bench, End, Ended, Runner};
use super::{Msg, Place};
use crate::kit::Kit;
use crate::part::Line;
use crate::work::{Sign, Stop, Work, WorkContext};
use crate::zenith::{Advanced, Move};

/// A store that is away answers after its own patience; this only bounds a lost answer.
const ANSWER: Duration = Duration::from_secs(30);
/// A part that is just being started anew gets this moment.
const REBORN: Duration = Duration::from_secs(2);

/// Starts the worker of one job beside the mailbox.
pub(super) fn start(
    kit: &Arc<Kit>,
    work: &Arc<dyn Work>,
    bench: &Arc<Bench>,
    line: &Line<Msg>,
    job: Job,
    place: Place,
) {
    let (id, fence) = (job.id, job.fence);
    let runner = Runner::new(job.clone(), place, kit.now());
    let stop = runner.stop.clone();
    if let Some(before) = bench.with(|running| running.insert(id, runner)) {
        // An earlier claim of the same job that was lost while its worker went on.
        before.stop.raise(Stop::Lost);
    }
    let (heartbeat, signs) = (kit.config.jobs.heartbeat(), signs(bench.clone(), id, fence));
    let context = WorkContext::new(kit.reader.clone(), kit.clock.clone(), heartbeat, stop, signs);
    let (work, line) = (work.clone(), line.clone());
    let task = tokio::spawn(async move {
        let end = match AssertUnwindSafe(work.run(job, context)).catch_unwind().await {
            Ok(outcome) => End::Outcome(outcome),
            Err(panic) => End::Crashed(Fault::internal("the worker panicked").with_detail(panic_text(panic.as_ref()))),
        };
        line.deliver(Msg::Ended(Box::new(Ended { job: id, fence, end }))).await;
    });
    bench.with(|running| {
        if let Some(runner) = running.get_mut(&id) {
            runner.task = Some(task.abort_handle());
        }
    });
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|s| (*s).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default()
}

/// Keeps the newest sign; the beat passes it on. A checkpoint waits until it is passed on, whatever comes after it.
fn signs(bench: Arc<Bench>, id: JobId, fence: u64) -> Arc<dyn Fn(Sign) + Send + Sync> {
    Arc::new(move |mut sign: Sign| {
        bench.with(|running| {
            let Some(runner) = running.get_mut(&id).filter(|runner| runner.job.fence == fence) else { return };
            if sign.checkpoint.is_none() {
                sign.checkpoint = runner.sign.take().and_then(|before| before.checkpoint);
            }
            runner.sign = Some(sign);
        });
    })
}

/// Hands in every end that is not with Zenith yet; true when there was one.
pub(super) fn settle(kit: &Arc<Kit>, bench: &Arc<Bench>, line: &Line<Msg>) -> bool {
    // What a job goes on from is known before its end is.
    pass_on(kit, bench, line, |runner| runner.ended.is_some() && !runner.settling && runner.owes());
    let moves: Vec<Move> = bench.with(|running| {
        let ended = running.values_mut().filter(|r| r.ended.is_some() && !r.settling && !r.renewing && !r.owes());
        ended
            .filter_map(|runner| {
                let fence = runner.job.fence;
                let event = match runner.ended.clone()? {
                    End::Outcome(outcome) => JobEvent::Finished { fence, outcome },
                    End::Crashed(fault) => JobEvent::Crashed { fence, fault },
                };
                runner.settling = true;
                Some(Move { job: runner.job.clone(), event })
            })
            .collect()
    });
    let some = !moves.is_empty();
    propose(kit, line, moves, Msg::Settled);
    some
}

/// Passes on the signs that are worth it: they renew the lease.
pub(super) fn renew(kit: &Arc<Kit>, bench: &Arc<Bench>, line: &Line<Msg>) {
    let (now, heartbeat) = (kit.now(), kit.config.jobs.heartbeat());
    pass_on(kit, bench, line, |runner| {
        let moved = runner.sign.as_ref().is_some_and(|sign| sign.step != runner.job.step) || runner.owes();
        runner.ended.is_none() && (moved || now.since(runner.signed_at) >= heartbeat)
    });
}

/// Passes on the last sign of the runners that are `meant`.
fn pass_on(kit: &Arc<Kit>, bench: &Arc<Bench>, line: &Line<Msg>, meant: impl Fn(&Runner) -> bool) {
    let (now, lease) = (kit.now(), kit.config.jobs.lease());
    let moves: Vec<Move> = bench.with(|running| {
        running
            .values_mut()
            .filter(|runner| !runner.renewing && meant(runner))
            .filter_map(|runner| {
                let sign = runner.sign.take()?;
                runner.renewing = true;
                runner.signed_at = now;
                runner.passing = sign.checkpoint.is_some().then(|| sign.clone());
                let event = JobEvent::Progressed {
                    fence: runner.job.fence,
                    step: sign.step,
                    progress: sign.progress.clamp(0.0, 1.0),
                    checkpoint: sign.checkpoint,
                    lease,
                };
                Some(Move { job: runner.job.clone(), event })
            })
            .collect()
    });
    propose(kit, line, moves, Msg::Renewed);
}

fn propose(kit: &Arc<Kit>, line: &Line<Msg>, moves: Vec<Move>, answer: fn(Vec<(JobId, Advanced)>) -> Msg) {
    if moves.is_empty() {
        return;
    }
    let (kit, line) = (kit.clone(), line.clone());
    tokio::spawn(async move {
        let ids: Vec<JobId> = moves.iter().map(|m| m.job.id).collect();
        kit.wires.zenith.up(REBORN).await;
        let asked = kit.wires.zenith.ask(|reply| crate::zenith::Msg::Advance(moves, reply), ANSWER).await;
        let mut answers = asked.unwrap_or_default().into_iter();
        let settled = ids.into_iter().map(|id| (id, answers.next().unwrap_or(Advanced::Unavailable))).collect();
        line.deliver(answer(settled)).await;
    });
}

/// A worker that gave no sign for a whole lease has lost its job, whatever it answers: it is told, and cut off after half
/// a lease more, so that its place is free for the next claim. Signs that the store did not take count all the same.
pub(super) fn drop_silent(kit: &Arc<Kit>, bench: &Bench) {
    let (now, lease) = (kit.now(), kit.config.jobs.lease());
    let cut: Vec<Runner> = bench.with(|running| {
        let silent = |runner: &Runner, span| {
            runner.ended.is_none() && !runner.renewing && runner.sign.is_none() && now.since(runner.signed_at) > span
        };
        running.values().filter(|r| silent(r, lease)).for_each(|runner| runner.stop.raise(Stop::Lost));
        let gone: Vec<JobId> =
            running.iter().filter(|(_, r)| silent(r, lease.mul_f64(1.5))).map(|(id, _)| *id).collect();
        gone.iter().filter_map(|id| running.remove(id)).collect()
    });
    for runner in cut {
        tracing::warn!(job_id = %runner.job.id, queue = runner.job.kind.as_str(), "its worker gave no sign and is cut off");
        if let Some(task) = &runner.task {
            task.abort();
        }
    }
}

/// Asks everything that runs to end.
pub(super) fn raise(bench: &Bench, stop: Stop) {
    bench.with(|running| running.values().for_each(|runner| runner.stop.raise(stop)));
}

/// Ends what would not end by itself; its attempt is given back, with the last checkpoint that it made.
pub(super) fn kill(bench: &Bench, kind: JobKind) {
    bench.with(|running| {
        for runner in running.values_mut().filter(|r| r.ended.is_none()) {
            tracing::warn!(job_id = %runner.job.id, queue = kind.as_str(), "still at work after the grace time: cut off");
            if let Some(task) = &runner.task {
                task.abort();
            }
            let checkpoint = runner.sign.take().and_then(|sign| sign.checkpoint);
            runner.ended = Some(End::Outcome(Outcome::Interrupted { checkpoint }));
        }
    });
}
