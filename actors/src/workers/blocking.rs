//! Blocking work beside the async part of a worker.

use std::sync::Arc;
use std::time::Duration;

use omniva_contracts::Fault;
use tokio::time::{Interval, MissedTickBehavior};

use super::end::Run;
use super::watch::Watch;

/// Between two signs of life of work that says nothing by itself, unless the heartbeat is shorter.
const BEAT: Duration = Duration::from_secs(2);

fn beats(watch: &Watch) -> Interval {
    let mut beat = tokio::time::interval(BEAT.min(watch.heartbeat()));
    beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    beat
}

/// Runs `work` on a blocking thread. While it lives (it asks several times a second whether to go on) the job's lease is
/// renewed. When the caller goes away, the work is told to stop.
pub(super) async fn blocking<T: Send + 'static>(
    watch: &Arc<Watch>,
    work: impl FnOnce(&Watch) -> Result<T, Fault> + Send + 'static,
) -> Run<T> {
    let mut guard = Guard { watch, waiting: true };
    let inner = watch.clone();
    let mut task = tokio::task::spawn_blocking(move || work(&inner));
    let mut beat = beats(watch);
    let done = loop {
        tokio::select! {
            done = &mut task => break done,
            _ = beat.tick() => watch.beat(),
        }
    };
    guard.waiting = false;
    match done {
        Ok(result) => Ok(result?),
        Err(error) if error.is_cancelled() => Err(Fault::cancelled().into()),
        Err(error) => Err(Fault::internal("a worker's blocking part panicked").with_detail(error).into()),
    }
}

/// Waits for something that reports no progress, and renews the lease meanwhile. Only for what has a limit of its own.
pub(super) async fn attended<T>(watch: &Watch, work: impl Future<Output = T>) -> T {
    let mut work = std::pin::pin!(work);
    let mut beat = beats(watch);
    loop {
        tokio::select! {
            done = &mut work => return done,
            _ = beat.tick() => watch.pulse(),
        }
    }
}

struct Guard<'a> {
    watch: &'a Watch,
    waiting: bool,
}

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        if self.waiting {
            self.watch.abandon();
        }
    }
}
