//! The log writer's mailbox.

use std::sync::Arc;
use std::time::Duration;

use omniva_contracts::engine::LogRow;
use omniva_contracts::fault::Fault;
use tokio::sync::{Mutex, mpsc};

use super::Msg;
use crate::infra::store_writer;
use crate::kit::Kit;
use crate::part::Part;

/// Rows of one group.
const GROUP: usize = 256;
/// Rows gather this long, so that a quiet engine writes few groups.
const GATHER: Duration = Duration::from_millis(250);

/// The source outlives generations; one pump at a time holds it.
pub struct LogWriter {
    pub rows: Option<Arc<Mutex<mpsc::Receiver<LogRow>>>>,
}

#[derive(Default)]
pub struct State {
    pumping: bool,
}

impl Part for LogWriter {
    type Msg = Msg;
    type State = State;

    fn begin(&self, _: &Arc<Kit>) -> State {
        State::default()
    }

    fn first(&self) -> Option<Msg> {
        self.rows.is_some().then_some(Msg::Pump)
    }

    fn handle(&self, kit: &Arc<Kit>, msg: Msg, state: &mut State) -> Result<(), Fault> {
        if let Msg::Rows(rows) = msg {
            kit.wires.store_writer.wake(store_writer::Msg::Log(rows));
            state.pumping = false;
        }
        if !state.pumping
            && let Some(source) = self.rows.clone()
        {
            state.pumping = true;
            let line = kit.wires.log_writer.clone();
            tokio::spawn(async move {
                let mut rows = Vec::new();
                let mut source = source.lock().await;
                if source.recv_many(&mut rows, GROUP).await == 0 {
                    return; // The tracing layer is gone: the process ends.
                }
                tokio::time::sleep(GATHER).await;
                while rows.len() < GROUP
                    && let Ok(row) = source.try_recv()
                {
                    rows.push(row);
                }
                drop(source);
                line.deliver(Msg::Rows(rows)).await;
            });
        }
        Ok(())
    }
}
