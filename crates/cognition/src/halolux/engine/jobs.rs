//! The story of a job: many packets, few sentences.

use std::collections::BTreeMap;

use omniva_contracts::engine::{EntityRef, Packet, PacketId, Sentence};

use super::facts::Body;
use super::words::plain;

#[derive(Default)]
struct Life<'a> {
    kind: Option<&'a str>,
    created: Option<&'a Packet>,
    claims: Vec<&'a Packet>,
    /// Attempts that failed, with whatever followed.
    troubles: Vec<&'a Packet>,
    notes: Vec<&'a Packet>,
    end: Option<&'a Packet>,
}

/// Sentences about each job among these packets (given in the order of the ledger), by the place of the job's first one.
pub(super) fn sentences<'a>(packets: impl Iterator<Item = &'a Packet>) -> Vec<(u64, Vec<Sentence>)> {
    let mut lives: BTreeMap<&EntityRef, (u64, Life<'a>)> = BTreeMap::new();
    for packet in packets.filter(|packet| packet.draft.kind.starts_with("job.")) {
        let (_, life) = lives.entry(&packet.draft.entity).or_insert_with(|| (packet.seq, Life::default()));
        match packet.draft.kind.as_str() {
            "job.created" => {
                life.created = Some(packet);
                life.kind = Body::of(packet).text("kind");
            }
            "job.claimed" => life.claims.push(packet),
            "job.retried" | "job.crashed" => life.troubles.push(packet),
            "job.done" | "job.failed" | "job.cancelled" | "job.skipped" | "job.quarantined" | "job.expired" => {
                life.end = Some(packet);
            }
            "job.snoozed" | "job.interrupted" | "job.retry_asked" | "job.cancel_asked" | "job.reprioritised" => {
                // A job that is asked for again goes on.
                if packet.draft.kind == "job.retry_asked" {
                    life.notes.extend(life.end.take());
                }
                life.notes.push(packet);
            }
            _ => {}
        }
    }
    let mut told: Vec<(u64, Vec<Sentence>)> = lives.into_values().map(|(seq, life)| (seq, life.tell())).collect();
    told.sort_by_key(|(seq, _)| *seq);
    told
}

impl Life<'_> {
    fn tell(&self) -> Vec<Sentence> {
        let the = format!("The {}job", self.kind.map(|kind| format!("{} ", plain(kind))).unwrap_or_default());
        let mut out = Vec::new();
        let started: Vec<&Packet> = self.created.iter().chain(&self.claims).copied().collect();
        let times = match self.claims.len() {
            0 => "was queued and, as far as recorded, not started".to_owned(),
            1 => "was started once".to_owned(),
            n => format!("was started {n} times"),
        };
        if !started.is_empty() {
            out.push(Sentence { text: format!("{the} {times}."), packets: ids(&started) });
        }
        for trouble in &self.troubles {
            out.push(Sentence { text: failure(&the, trouble), packets: ids(&[trouble]) });
        }
        for note in &self.notes {
            out.extend(noted(&the, note).map(|text| Sentence { text, packets: ids(&[note]) }));
        }
        if let Some(end) = self.end {
            out.push(Sentence { text: ending(&the, end), packets: ids(&[end]) });
        }
        out
    }
}

fn ids(packets: &[&Packet]) -> Vec<PacketId> {
    packets.iter().map(|packet| packet.draft.stardust_id).collect()
}

fn fault(body: Body<'_>) -> String {
    let code = body.text("code").map(|code| format!(" ({})", plain(code))).unwrap_or_default();
    let why = body.text("message").or_else(|| body.text("why"));
    format!("{code}{}", why.map(|why| format!(": {}", plain(why))).unwrap_or_default())
}

fn failure(the: &str, packet: &Packet) -> String {
    let body = Body::of(packet);
    let attempt = body.count("attempt").map(|n| format!("Attempt {n} of {}", the.replacen("The", "the", 1)));
    let what = if packet.draft.kind == "job.crashed" { "lost its worker" } else { "failed" };
    let again = body.text("run_after").map(|at| format!("; tried again at {}", plain(at))).unwrap_or_default();
    format!("{} {what}{}{again}.", attempt.unwrap_or_else(|| the.to_owned()), fault(body))
}

fn noted(the: &str, packet: &Packet) -> Option<String> {
    let body = Body::of(packet);
    let why = body.text("why").map(|why| format!(": {}", plain(why))).unwrap_or_default();
    Some(match packet.draft.kind.as_str() {
        "job.snoozed" => format!("{the} waited{why}."),
        "job.interrupted" => format!("{the} was interrupted because the engine stopped; the attempt was given back."),
        "job.retry_asked" => format!("{} asked for it again.", plain(&packet.draft.source)),
        "job.cancel_asked" => format!("{} asked for it to be cancelled{why}.", plain(&packet.draft.source)),
        "job.reprioritised" => match (body.count("from"), body.count("to")) {
            (Some(from), Some(to)) => format!("Its priority went from {from} to {to}."),
            _ => return None,
        },
        _ => return Some(ending(the, packet)),
    })
}

/// What became of it.
pub(super) fn ending(the: &str, packet: &Packet) -> String {
    let body = Body::of(packet);
    match packet.draft.kind.as_str() {
        "job.done" => {
            let seconds = body.number("seconds").map(|s| format!(" after {s:.1} s")).unwrap_or_default();
            format!("{the} was done{seconds}.")
        }
        "job.failed" => format!("{the} failed for good{}.", fault(body)),
        "job.quarantined" => format!("{the} was quarantined{}.", fault(body)),
        "job.cancelled" => format!("{the} was cancelled{}.", fault(body)),
        "job.expired" => format!("{the} was not started before its time was over{}.", fault(body)),
        _ => format!("{the} was skipped{}.", fault(body)),
    }
}
