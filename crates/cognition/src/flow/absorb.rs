//! What the end of a job means.

use omniva_contracts::config::EngineConfig;
use omniva_contracts::engine::*;
use omniva_contracts::fault::Fault;
use omniva_contracts::ports::Ids;
use serde_json::Value;

use super::{Absorbed, Wanted};

/// The rows that must be read before [`absorb`] or [`mirror`]: what the job's payload names.
pub fn wanted(job: &Job) -> Wanted {
    let _ = job;
    Wanted::default()
}

/// Takes in the result of a job that is DONE. `rows` are the [`wanted`] ones as they are now.
///
/// Errors: the result is not what a job of this kind gives back (a bug of the worker), or a row that it needs is gone.
pub fn absorb(
    job: &Job,
    result: &Value,
    rows: &[Row],
    now: Moment,
    config: &EngineConfig,
    ids: &mut dyn Ids,
) -> Result<Absorbed, Fault> {
    let _ = (job, result, rows, now, config, ids);
    Ok(Absorbed::default())
}

/// Rows that show the state of a job (edit jobs, upload jobs, clips) after any step of it but DONE, and the question
/// Recover after a failure.
pub fn mirror(job: &Job, rows: &[Row], now: Moment, ids: &mut dyn Ids) -> Absorbed {
    let _ = (job, rows, now, ids);
    Absorbed::default()
}
