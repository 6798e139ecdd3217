//! An operator's command: planned by reading, sealed and committed like everything.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;

use super::{Inquiry, Msg, TRIES, Unwritten, commit};
use crate::kit::Kit;
use crate::office::{self, Asked, Command, Granted, Refusal};

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
    let _turn = if asked.command.books() { Some(kit.booking.lock().await) } else { None };
    for _ in 0..TRIES {
        let planned =
            office::plan(&asked, kit.reader.as_ref(), &kit.config, kit.clock.as_ref(), &mut kit.ids()).await?;
        match commit(kit, planned.commit).await {
            Ok(_) => {
                ask_again(kit, &asked);
                return Ok(planned.granted);
            }
            Err(Unwritten::Store(fault)) => return Err(office::store_refusal(&fault)),
            // The plan reads again and either fits or says in its own words what is in the way.
            Err(Unwritten::Overtaken(why)) => tracing::debug!(%why, "a command was overtaken: planned again"),
        }
    }
    Err(Refusal::new(409, "CONFLICT", "what the command is about keeps changing; try again"))
}

/// An override is worth nothing if nobody asks: its question is deliberated anew, and the override wins.
fn ask_again(kit: &Arc<Kit>, asked: &Asked) {
    if let Command::Impose(imposed) = &asked.command {
        let (question, subject) = (imposed.question, imposed.subject.clone());
        let inquiry = Inquiry { question, subject, trace_id: asked.trace_id, evidence: Vec::new(), at: None };
        kit.wires.zenith.wake(Msg::Consider(vec![inquiry]));
    }
}

fn unavailable(message: &str) -> Refusal {
    Refusal { retry_after: Some(5), ..Refusal::new(503, "STORE_UNAVAILABLE", message) }
}
