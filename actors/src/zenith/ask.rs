//! An operator's command: planned by reading, sealed and committed like everything.

use std::sync::Arc;
use std::time::Duration;

use omniva_store::StoreFault;
use tokio::sync::oneshot;

use super::{TRIES, Unwritten, commit};
use crate::kit::Kit;
use crate::office::{self, Asked, Granted, Refusal};

/// Longer than the store's patience: the answer says what the store said.
const LIMIT: Duration = Duration::from_secs(25);

type Reply = oneshot::Sender<Result<Granted, Refusal>>;

pub(super) fn start(kit: &Arc<Kit>, asked: Asked, reply: Reply) {
    let kit = kit.clone();
    tokio::spawn(async move {
        let answer = tokio::time::timeout(LIMIT, carry_out(&kit, asked)).await;
        let _ = reply.send(answer.unwrap_or_else(|_| Err(unavailable("the store did not answer in time"))));
    });
}

async fn carry_out(kit: &Arc<Kit>, asked: Asked) -> Result<Granted, Refusal> {
    for _ in 0..TRIES {
        let planned = office::plan(kit, &asked).await?;
        match commit(kit, planned.commit).await {
            Ok(_) => return Ok(planned.granted),
            Err(Unwritten::Store(fault)) => return Err(store(&fault)),
            // The plan reads again and either fits or says in its own words what is in the way.
            Err(Unwritten::Overtaken(why)) => tracing::debug!(%why, "a command was overtaken: planned again"),
        }
    }
    Err(Refusal::new(409, "CONFLICT", "what the command is about keeps changing; try again"))
}

fn store(fault: &StoreFault) -> Refusal {
    unavailable(&fault.to_string())
}

fn unavailable(message: &str) -> Refusal {
    Refusal { retry_after: Some(5), ..Refusal::new(503, "STORE_UNAVAILABLE", message) }
}
