//! Requests that changed nothing (reads, refusals), written down together every few seconds.
//!
//! Decision: the reference wants every interaction in Stardust. A packet for each read would make reads as slow as
//! writes and bury the ledger, so that reads are listed by id, route and status in one packet of kind `api.read` an
//! interval. The queue is bounded: when the engine does not take them, requests are still answered, and how many are
//! missing is written down as soon as it takes them again.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use omniva_actors::office::{Asked, Caller, Command, RequestNote};
use omniva_contracts::engine::Role;
use tokio::sync::mpsc;

use crate::shared::Shared;

/// Notes that wait.
pub const QUEUE: usize = 16_384;
/// Notes of one commit.
const BATCH: usize = 4_000;

pub fn put(shared: &Shared, note: RequestNote) {
    if shared.notes.try_send(note).is_err() {
        shared.lost.fetch_add(1, Ordering::Relaxed);
    }
}

/// Runs until the server stops, and hands over what is left then.
pub async fn run(shared: Arc<Shared>, mut notes: mpsc::Receiver<RequestNote>) {
    let mut stopping = shared.stopping.clone();
    let mut held: Vec<RequestNote> = Vec::new();
    let mut over = false;
    while !over {
        tokio::select! {
            () = tokio::time::sleep(shared.config.note_every) => {}
            // An error means that the server is gone: the same as stopping.
            _ = stopping.wait_for(|stop| *stop) => over = true,
        }
        flush(&shared, &mut notes, &mut held).await;
    }
}

/// Hands over everything that waits; what the engine does not take stays for the next time.
async fn flush(shared: &Shared, notes: &mut mpsc::Receiver<RequestNote>, held: &mut Vec<RequestNote>) {
    loop {
        while held.len() < BATCH {
            let Ok(note) = notes.try_recv() else { break };
            held.push(note);
        }
        let lost = shared.lost.swap(0, Ordering::Relaxed);
        if lost > 0 {
            held.push(missing(shared, lost));
        }
        if held.is_empty() {
            return;
        }
        let full = held.len() >= BATCH;
        let asked = Asked {
            command: Command::RecordRequests { notes: held.clone() },
            caller: Caller { name: "api".into(), role: Role::Viewer },
            request_id: shared.id(),
            trace_id: shared.id(),
            method: String::new(),
            path: String::new(),
            idempotency: None,
        };
        if let Err(refusal) = shared.office.ask(asked).await {
            tracing::warn!(code = refusal.code, waiting = held.len(), "requests could not be written down yet");
            return;
        }
        held.clear();
        if !full {
            return;
        }
    }
}

fn missing(shared: &Shared, lost: u64) -> RequestNote {
    tracing::error!(lost, "requests were not written down: the engine did not take them in time");
    RequestNote {
        request_id: shared.id(),
        actor: "api".into(),
        role: None,
        method: "*".into(),
        path: format!("{lost} requests are not listed"),
        status: 0,
        code: Some("NOT_LISTED".into()),
        at: shared.now(),
        audit: false,
    }
}
