//! Faults by name.

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// The engine dies between two commits: what it had in mind is gone, its workers go on or die with it.
    EngineCrash,
    /// A worker dies under its job, and that is noticed.
    WorkerCrash,
    /// A worker goes silent: neither heartbeats nor an outcome in time.
    LostHeartbeat,
    /// An outcome arrives twice.
    DuplicateOutcome,
    /// An outcome arrives long after the lease ran out.
    LateOutcome,
    /// The clock jumps ahead by hours.
    ClockJump,
    /// The clock goes back by minutes.
    ClockBack,
    /// The store refuses a write.
    StoreFailure,
    /// A module does not answer in time.
    SilentModule,
    /// Work fails in a passing way, for good, or asks to wait.
    WorkFails,
    /// An operator cancels, retries, moves, quarantines and overrides at will.
    Operator,
}

impl Fault {
    pub const ALL: [Fault; 11] = [
        Fault::EngineCrash,
        Fault::WorkerCrash,
        Fault::LostHeartbeat,
        Fault::DuplicateOutcome,
        Fault::LateOutcome,
        Fault::ClockJump,
        Fault::ClockBack,
        Fault::StoreFailure,
        Fault::SilentModule,
        Fault::WorkFails,
        Fault::Operator,
    ];

    /// How often it strikes when it could.
    pub fn odds(self) -> f64 {
        match self {
            Fault::EngineCrash => 0.01,
            Fault::ClockJump | Fault::ClockBack => 0.02,
            Fault::StoreFailure | Fault::SilentModule | Fault::Operator => 0.03,
            Fault::LostHeartbeat | Fault::DuplicateOutcome | Fault::LateOutcome | Fault::WorkerCrash => 0.06,
            Fault::WorkFails => 0.12,
        }
    }
}
