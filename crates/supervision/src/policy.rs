//! What follows when an actor ends: a pure function of its ledger, its policy, the time and one roll of the dice.

use std::collections::VecDeque;
use std::time::Duration;

/// How an actor ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// It said that it was done, and stopped.
    Finished,
    /// An error or a panic.
    Failed,
    /// It could not be started.
    StartFailed,
    /// It is gone and nobody said why: killed, or stopped from outside.
    Vanished,
}

impl Exit {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Finished => "finished",
            Self::Failed => "failed",
            Self::StartFailed => "start_failed",
            Self::Vanished => "vanished",
        }
    }
}

/// Which ends call for a new start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Restart {
    /// All of them.
    Permanent,
    /// All but [`Exit::Finished`].
    Transient,
    /// None.
    Temporary,
}

/// What a supervisor does about one child. Restarts are `limit` within `within` at most; one more escalates.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    pub restart: Restart,
    pub limit: u32,
    pub within: Duration,
    /// Waiting time before the first restart in a window; it doubles with each further one.
    pub backoff_from: Duration,
    /// The longest waiting time.
    pub backoff_to: Duration,
    /// Time to stop in when asked; then the child is killed.
    pub stop_within: Duration,
    /// Time to come up in; then the start has failed.
    pub start_within: Duration,
}

impl Default for Policy {
    /// Five restarts a minute (1 + 2 + 4 + 8 + 16 s of waiting fit into it), ten seconds to stop, thirty to start.
    fn default() -> Self {
        Self {
            restart: Restart::Permanent,
            limit: 5,
            within: Duration::from_secs(60),
            backoff_from: Duration::from_secs(1),
            backoff_to: Duration::from_secs(60),
            stop_within: Duration::from_secs(10),
            start_within: Duration::from_secs(30),
        }
    }
}

/// What is remembered of one child.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ledger {
    /// Moments of the restarts that still count.
    recent: VecDeque<Duration>,
    generation: u64,
    restarts: u64,
}

impl Ledger {
    /// The ledger of a child that has been started `generation` times before.
    pub fn at(generation: u64, restarts: u64) -> Self {
        Self { recent: VecDeque::new(), generation, restarts }
    }
    /// Starts so far: 1 while the first incarnation lives.
    pub fn generation(&self) -> u64 {
        self.generation
    }
    /// Restarts that `on_exit` granted, since the beginning.
    pub fn restarts(&self) -> u64 {
        self.restarts
    }
    /// Restarts that still count against the limit.
    pub fn counted(&self) -> usize {
        self.recent.len()
    }
    /// A new incarnation is about to start; gives its number.
    pub fn next_generation(&mut self) -> u64 {
        self.generation = self.generation.saturating_add(1);
        self.generation
    }
    /// A person or Eclipse put it right by hand: failures of the past no longer count.
    pub fn forgive(&mut self) {
        self.recent.clear();
    }
}

#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// Start again after this time; the new incarnation has this number.
    Restart {
        after: Duration,
        generation: u64,
    },
    Leave,
    /// The limit is spent. `restarts`: how many were granted within the window.
    Escalate {
        restarts: u32,
    },
}

/// Decides what follows when a child ended at `now` (any monotonic origin, the same for all calls). `roll` in 0..1
/// shortens the waiting time by up to a quarter, so that children that fell together do not rise in step.
pub fn on_exit(ledger: &mut Ledger, policy: &Policy, exit: &Exit, now: Duration, roll: f64) -> Verdict {
    let again = match policy.restart {
        Restart::Permanent => true,
        Restart::Transient => *exit != Exit::Finished,
        Restart::Temporary => false,
    };
    if !again {
        return Verdict::Leave;
    }
    // A restart counts for `within` after it was granted; one exactly that old has left the window.
    while ledger.recent.front().is_some_and(|at| now.saturating_sub(*at) >= policy.within) {
        ledger.recent.pop_front();
    }
    let counted = u32::try_from(ledger.recent.len()).unwrap_or(u32::MAX);
    if counted >= policy.limit {
        return Verdict::Escalate { restarts: counted };
    }
    ledger.recent.push_back(now);
    ledger.restarts = ledger.restarts.saturating_add(1);
    Verdict::Restart { after: backoff(policy, counted, roll), generation: ledger.generation.saturating_add(1) }
}

/// `backoff_from` doubled `failures` times, never above `backoff_to`, less up to a quarter of itself.
pub fn backoff(policy: &Policy, failures: u32, roll: f64) -> Duration {
    let doubled = policy.backoff_from.saturating_mul(1u32.checked_shl(failures).unwrap_or(u32::MAX));
    let whole = doubled.min(policy.backoff_to);
    let roll = if roll.is_finite() { roll.clamp(0.0, 1.0) } else { 0.0 };
    // Thousandths, so that the arithmetic is exact and the same everywhere.
    let thousandths = 1000 - (roll * 250.0) as u32;
    let nanos = whole.as_nanos().saturating_mul(u128::from(thousandths)) / 1000;
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const S: fn(u64) -> Duration = Duration::from_secs;

    fn policy(limit: u32, within: u64) -> Policy {
        Policy { limit, within: S(within), ..Policy::default() }
    }

    #[test]
    fn doubles_then_escalates() {
        let (mut ledger, policy) = (Ledger::default(), policy(3, 60));
        let mut now = S(0);
        for (after, generation) in [(1, 2), (2, 3), (4, 4)] {
            ledger.next_generation();
            let verdict = on_exit(&mut ledger, &policy, &Exit::Failed, now, 0.0);
            assert_eq!(verdict, Verdict::Restart { after: S(after), generation });
            now += S(after);
        }
        assert_eq!(on_exit(&mut ledger, &policy, &Exit::Failed, now, 0.0), Verdict::Escalate { restarts: 3 });
        ledger.forgive();
        assert!(
            matches!(on_exit(&mut ledger, &policy, &Exit::Failed, now, 0.0), Verdict::Restart { after, .. } if after == S(1))
        );
        assert_eq!(ledger.restarts(), 4);
    }

    #[test]
    fn a_limit_of_zero_escalates_at_once() {
        let verdict = on_exit(&mut Ledger::default(), &policy(0, 60), &Exit::Vanished, S(0), 0.0);
        assert_eq!(verdict, Verdict::Escalate { restarts: 0 });
    }

    fn exits() -> impl Strategy<Value = Exit> {
        prop_oneof![Just(Exit::Finished), Just(Exit::Failed), Just(Exit::StartFailed), Just(Exit::Vanished)]
    }

    proptest! {
        #[test]
        fn never_more_than_the_limit_in_any_window(
            limit in 0u32..6,
            within in 1u64..100,
            gaps in prop::collection::vec((0u64..40, exits(), 0.0f64..1.0), 0..60),
        ) {
            let (mut ledger, policy) = (Ledger::default(), policy(limit, within));
            let (mut now, mut granted) = (S(0), Vec::<Duration>::new());
            for (gap, exit, roll) in gaps {
                now += S(gap);
                let counted = granted.iter().filter(|at| now - **at < policy.within).count();
                match on_exit(&mut ledger, &policy, &exit, now, roll) {
                    Verdict::Restart { after, .. } => {
                        prop_assert!(counted < limit as usize);
                        prop_assert!(after >= policy.backoff_from * 3 / 4 && after <= policy.backoff_to);
                        granted.push(now);
                    }
                    Verdict::Escalate { restarts } => {
                        prop_assert_eq!(restarts, limit);
                        prop_assert_eq!(counted, limit as usize);
                    }
                    Verdict::Leave => prop_assert!(false, "permanent children are never left"),
                }
                prop_assert!(ledger.counted() <= limit as usize);
            }
            prop_assert_eq!(ledger.restarts(), granted.len() as u64);
        }

        #[test]
        fn who_is_left(exit in exits(), roll in 0.0f64..1.0) {
            let verdict = |restart| on_exit(&mut Ledger::default(), &Policy { restart, ..Policy::default() }, &exit, S(9), roll);
            prop_assert_eq!(verdict(Restart::Temporary), Verdict::Leave);
            prop_assert_eq!(verdict(Restart::Transient) == Verdict::Leave, exit == Exit::Finished);
            prop_assert_ne!(verdict(Restart::Permanent), Verdict::Leave);
        }

        #[test]
        fn backoff_is_bounded_and_never_falls(
            from in 1u64..5_000, span in 0u64..100_000, failures in 0u32..200, roll in prop::num::f64::ANY,
        ) {
            let (from, to) = (Duration::from_millis(from), Duration::from_millis(from + span));
            let policy = Policy { backoff_from: from, backoff_to: to, ..Policy::default() };
            let wait = backoff(&policy, failures, roll);
            prop_assert!(wait >= from * 3 / 4 && wait <= to, "{:?}", wait);
            prop_assert!(backoff(&policy, failures, 0.0) <= backoff(&policy, failures + 1, 0.0));
            prop_assert!(wait <= backoff(&policy, failures, 0.0));
        }
    }
}
