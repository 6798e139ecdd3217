//! Infinity's mailbox.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use omniva_cognition::council::Load;
use omniva_contracts::fault::Fault;

use super::Msg;
use super::perform::{self, Reading};
use crate::kit::Kit;
use crate::part::Part;

/// Several readings between two control cycles.
const EVERY: Duration = Duration::from_secs(5);

pub struct Infinity {
    /// Whose disk counts.
    pub data: PathBuf,
}

#[derive(Default)]
pub struct State {
    before: Option<Reading>,
}

impl Part for Infinity {
    type Msg = Msg;
    type State = State;

    fn begin(&self, _: &Arc<Kit>) -> State {
        State::default()
    }

    fn first(&self) -> Option<Msg> {
        Some(Msg::Sample)
    }

    fn handle(&self, kit: &Arc<Kit>, msg: Msg, state: &mut State) -> Result<(), Fault> {
        match msg {
            Msg::Sample => {
                let (line, data) = (kit.wires.infinity.clone(), self.data.clone());
                tokio::spawn(async move {
                    let reading = tokio::task::spawn_blocking(move || perform::read(&data)).await.unwrap_or_default();
                    line.deliver(Msg::Sampled(reading)).await;
                });
            }
            Msg::Sampled(reading) => {
                kit.pulse.loaded(load(&reading, state.before.as_ref()));
                state.before = Some(reading);
                kit.wires.infinity.later(EVERY, Msg::Sample);
            }
        }
        Ok(())
    }
}

/// The processor's load is that between two readings.
fn load(now: &Reading, before: Option<&Reading>) -> Load {
    let since = |f: fn(&Reading) -> u64| before.map_or(0, |before| f(now).saturating_sub(f(before)));
    let (busy, total) = (since(|r| r.busy), since(|r| r.total));
    Load {
        cores: now.cores,
        cpu: if total == 0 { 0.0 } else { (busy as f64 / total as f64).clamp(0.0, 1.0) },
        memory_total_bytes: now.memory_total,
        memory_free_bytes: now.memory_free,
        disk_free_bytes: now.disk_free,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn load_is_the_share_between_two_readings() {
        let first = Reading { cores: 2, busy: 100, total: 200, ..Reading::default() };
        let second = Reading { busy: 130, total: 240, ..first };
        assert_eq!(load(&second, Some(&first)).cpu, 0.75);
        assert_eq!(load(&first, None).cpu, 0.0);
        assert_eq!(load(&first, Some(&second)).cpu, 0.0, "counters that fell say nothing");
    }
}
