//! Progress and cancellation for long work, without knowing who watches.

/// Handed to every stage function. Implementations must be cheap: stages call them once per packet or frame.
pub trait Monitor: Sync {
    /// How much is done, 0..1. Values may repeat; they never go back.
    fn progress(&self, fraction: f64);
    /// True once the work should stop; the stage then returns [`crate::Code::Cancelled`].
    fn cancelled(&self) -> bool;
}

/// Nobody watches and nobody cancels.
pub struct Silent;

impl Monitor for Silent {
    fn progress(&self, _fraction: f64) {}
    fn cancelled(&self) -> bool {
        false
    }
}
