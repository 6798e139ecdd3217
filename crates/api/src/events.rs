//! `GET /v1/events`: the ledger as it grows, over a WebSocket. The reader sets the pace: nothing is buffered for it, it
//! reads on from its own place, and after a break it resumes after the last place that it saw.

use std::net::IpAddr;
use std::time::Duration;

use futures::{SinkExt, StreamExt};
use omniva_actors::office::Refusal;
use omniva_store::PacketFilter;
use omniva_telemetry::meter;
use serde_json::json;
use warp::Reply as _;
use warp::http::HeaderMap;
use warp::ws::{Message, WebSocket, Ws};

use crate::access;
use crate::call::{Call, OrRefuse};
use crate::table::ledger;
use crate::views::PacketView;
use crate::wrapper::Answer;

const WEBSOCKET: &str = "websocket";
const BATCH: u64 = 200;
/// A reader that takes nothing for this long is let go.
const SEND: Duration = Duration::from_secs(15);
/// Sign of life, and the time after which a key is looked at again.
const PULSE: Duration = Duration::from_secs(20);
const MAX_MESSAGE: usize = 4_096;
/// RFC 6455 §7.4.1.
const GOING_AWAY: u16 = 1001;
const POLICY: u16 = 1008;
const INTERNAL: u16 = 1011;
const TRY_LATER: u16 = 1013;

/// Errors: `TOO_MANY_SOCKETS`, `VALIDATION_ERROR`.
pub fn open(call: Call, upgrade: Ws, headers: HeaderMap, from: IpAddr) -> Result<Answer, Refusal> {
    let filter = ledger::filter(&call, call.query.int("after").map_or(0, |seq| seq.saturating_add(1)))?;
    let Ok(permit) = std::sync::Arc::clone(&call.shared.sockets).try_acquire_owned() else {
        return Err(Refusal::new(503, "TOO_MANY_SOCKETS", "too many event streams are open").retry_after(10));
    };
    let upgrade = upgrade.max_message_size(MAX_MESSAGE).max_frame_size(MAX_MESSAGE);
    let reply = upgrade.on_upgrade(move |socket| async move {
        let connected = || call.shared.config.max_sockets - call.shared.sockets.available_permits();
        meter::event_clients(WEBSOCKET, connected() as u64);
        let (code, why) = stream(&call, socket, filter, &headers, from).await;
        drop(permit);
        meter::event_clients(WEBSOCKET, connected() as u64);
        tracing::debug!(code, why, "an event stream ended");
    });
    Ok(reply.into_response())
}

async fn stream(
    call: &Call,
    socket: WebSocket,
    mut filter: PacketFilter,
    headers: &HeaderMap,
    from: IpAddr,
) -> (u16, &'static str) {
    let (mut to, mut said) = socket.split();
    let ended = run(call, &mut to, &mut said, &mut filter, headers, from).await;
    let (code, why) = ended.unwrap_or((GOING_AWAY, "closed by the reader"));
    // The reader may be gone: then there is no one to say good-bye to.
    let _ = tokio::time::timeout(SEND, to.send(Message::close_with(code, why))).await;
    (code, why)
}

type To = futures::stream::SplitSink<WebSocket, Message>;
type Said = futures::stream::SplitStream<WebSocket>;

/// `None` when the reader closed.
async fn run(
    call: &Call,
    to: &mut To,
    said: &mut Said,
    filter: &mut PacketFilter,
    headers: &HeaderMap,
    from: IpAddr,
) -> Option<(u16, &'static str)> {
    let shared = &call.shared;
    let mut committed = shared.committed.clone();
    let mut stopping = shared.stopping.clone();
    let failed = Some((INTERNAL, "the store does not answer: resume after the last place"));
    let live = call.query.int("after").is_none() && !call.query.flag("from_start");
    if live {
        let Ok(head) = shared.reader.head().await else { return failed };
        filter.from_seq = head.size;
    }
    let hello = json!({ "type": "hello", "next_seq": filter.from_seq }).to_string();
    if !send(to, Message::text(hello)).await {
        return Some((TRY_LATER, "too slow"));
    }
    loop {
        committed.mark_unchanged();
        match catch_up(call, to, filter).await {
            Ok(true) => {}
            Ok(false) => return Some((TRY_LATER, "too slow: resume after the last place")),
            Err(_) => return failed,
        }
        tokio::select! {
            changed = committed.changed() => if changed.is_err() {
                return Some((GOING_AWAY, "the engine is stopping"));
            },
            () = told(&mut stopping) => return Some((GOING_AWAY, "the server is stopping")),
            message = said.next() => match message {
                // What a reader says is of no interest; pings are answered underneath.
                Some(Ok(message)) if !message.is_close() => {}
                _ => return None,
            },
            () = tokio::time::sleep(PULSE) => {
                if access::caller(shared, headers, from, shared.now()).await.is_err() {
                    return Some((POLICY, "the key is not valid any more"));
                }
                if !send(to, Message::ping(Vec::new())).await {
                    return Some((TRY_LATER, "too slow"));
                }
            }
        }
    }
}

/// Resolves when the server stops, or is gone.
async fn told(stopping: &mut tokio::sync::watch::Receiver<bool>) {
    // The guard that the answer holds must not live across another wait.
    let _ = stopping.wait_for(|stop| *stop).await.map(drop);
}

/// Sends what is there. `false` when the reader does not take it.
async fn catch_up(call: &Call, to: &mut To, filter: &mut PacketFilter) -> Result<bool, Refusal> {
    loop {
        let size = call.reader().head().await.or_refuse()?.size;
        let packets = call.reader().packets(filter, BATCH).await.or_refuse()?;
        let last = packets.last().map(|p| p.seq);
        let more = packets.len() as u64 == BATCH;
        for packet in packets {
            let event = json!({ "type": "packet", "id": packet.seq, "packet": PacketView::from(packet) });
            if !send(to, Message::text(event.to_string())).await {
                return Ok(false);
            }
            meter::events_sent(WEBSOCKET, 1);
        }
        let next = last.map_or(filter.from_seq, |seq| seq + 1);
        // With a filter, places that it leaves out are passed as well.
        filter.from_seq = if more { next } else { next.max(size) };
        if !more {
            return Ok(true);
        }
    }
}

async fn send(to: &mut To, message: Message) -> bool {
    matches!(tokio::time::timeout(SEND, to.send(message)).await, Ok(Ok(())))
}
