//! The answer itself: the first sentences of an explanation.

use std::collections::BTreeMap;

use omniva_contracts::engine::{EntityRef, EntityType, Packet, Sentence};

use super::facts::{Body, Facts};
use super::words::{name, plain, sentence, span};
use super::{Inquiry, jobs, rulings};

/// `story` are the packets that concern the subject, in the order of the ledger.
pub(super) fn leads(inquiry: &Inquiry, facts: &Facts<'_>, story: &[&Packet]) -> Vec<Sentence> {
    let subject = inquiry.subject();
    match inquiry {
        Inquiry::WhyNot(_) => why_not(&subject, facts),
        Inquiry::WhyNone(entity) if entity.entity_type == EntityType::Video => why_none(story),
        Inquiry::WhyNone(_) => none_at_all(story),
        Inquiry::Failure(_) => failure(&subject, facts),
        Inquiry::Schedule(_) => last_of(
            facts,
            &subject,
            &["schedule.confirmed", "schedule.cancelled", "schedule.slot_refused", "schedule.recommended"],
        ),
        Inquiry::Why(_) => why(&subject, facts),
    }
}

fn one(text: String, packet: &Packet) -> Vec<Sentence> {
    vec![Sentence { text, packets: vec![packet.draft.stardust_id] }]
}

fn last_of(facts: &Facts<'_>, subject: &EntityRef, kinds: &[&str]) -> Vec<Sentence> {
    let last = facts.about(subject).rev().find(|packet| kinds.contains(&packet.draft.kind.as_str()));
    last.and_then(|packet| sentence(packet).map(|text| one(text, packet))).unwrap_or_default()
}

/// The last thing that happened to it, and for a clip why it was chosen.
fn why(subject: &EntityRef, facts: &Facts<'_>) -> Vec<Sentence> {
    let mut out = Vec::new();
    let last = facts.about(subject).rev().find_map(|packet| {
        let text = match packet.draft.kind.as_str() {
            "deliberation.ruled" => rulings::read(packet).map(|ruling| rulings::decided(&ruling)),
            kind if kind.starts_with("job.") && kind != "job.progressed" => Some(job_now(packet)),
            _ => sentence(packet),
        };
        text.map(|text| (text, packet))
    });
    if let Some((text, packet)) = last {
        out = one(text, packet);
        if packet.draft.kind == "clip.chosen" {
            return out;
        }
    }
    if subject.entity_type == EntityType::Clip {
        out.extend(last_of(facts, subject, &["clip.chosen"]));
    }
    out
}

fn job_now(packet: &Packet) -> String {
    match packet.draft.kind.as_str() {
        "job.done" | "job.failed" | "job.quarantined" | "job.cancelled" | "job.expired" | "job.skipped" => {
            jobs::ending("The job", packet)
        }
        other => {
            let state = Body::of(packet).text("state").map(|state| format!(": it is {}", plain(state)));
            format!("The last that is recorded of the job is {}{}.", plain(other), state.unwrap_or_default())
        }
    }
}

fn why_not(subject: &EntityRef, facts: &Facts<'_>) -> Vec<Sentence> {
    let against = ["clip.rejected", "clip.quarantined", "clip.refused", "clip.failed"];
    let told = facts
        .about(subject)
        .rev()
        .find(|p| against.contains(&p.draft.kind.as_str()) || p.draft.kind == "clip.published");
    match told {
        Some(packet) if packet.draft.kind == "clip.published" => {
            let text = format!("Nothing kept {} back.", name(subject));
            one(text, packet).into_iter().chain(last_of(facts, subject, &["clip.published"])).collect()
        }
        Some(packet) => sentence(packet).map(|text| one(text, packet)).unwrap_or_default(),
        None => match facts.about(subject).rev().find(|p| p.draft.kind == "clip.chosen") {
            Some(chosen) => {
                let text = format!("No packet rejects {}.", name(subject));
                one(text, chosen).into_iter().chain(why(subject, facts)).collect()
            }
            None => Vec::new(),
        },
    }
}

fn why_none(story: &[&Packet]) -> Vec<Sentence> {
    let last = |kinds: &[&str]| story.iter().rev().find(|p| kinds.contains(&p.draft.kind.as_str())).copied();
    if let Some(analysis) = last(&["analysis.made"]) {
        let body = Body::of(analysis);
        let mut out = match (body.count("chosen"), body.text("why_none")) {
            (Some(0), Some(why)) => one(format!("No clip was chosen: {}.", plain(why)), analysis),
            (Some(0), None) => one("No clip was chosen.".into(), analysis),
            (Some(n), _) => one(format!("The analysis did choose: {n} of its candidates."), analysis),
            (None, _) => Vec::new(),
        };
        out.extend(by_code(story));
        return out;
    }
    let ends = [
        "video.rejected",
        "video.quarantined",
        "video.duplicate",
        "job.failed",
        "job.quarantined",
        "job.expired",
        "job.cancelled",
    ];
    match last(&ends) {
        Some(packet) if packet.draft.kind.starts_with("job.") => one(jobs::ending("The job", packet), packet),
        Some(packet) => sentence(packet).map(|text| one(text, packet)).unwrap_or_default(),
        None => Vec::new(),
    }
}

/// Candidates that were not chosen, counted by code, each code with its packets.
fn by_code(story: &[&Packet]) -> Vec<Sentence> {
    let mut codes: BTreeMap<String, Vec<&Packet>> = BTreeMap::new();
    for packet in story.iter().filter(|packet| packet.draft.kind == "clip.rejected") {
        let code = Body::of(packet).text("code").map_or_else(|| "without a code".into(), plain);
        codes.entry(code).or_default().push(packet);
    }
    let told = |(code, packets): (String, Vec<&Packet>)| Sentence {
        text: format!("Not chosen for {code}: {}.", packets.len()),
        packets: packets.iter().map(|packet| packet.draft.stardust_id).collect(),
    };
    codes.into_iter().map(told).collect()
}

/// Of a creator or a project: what its sources, analyses and failures add up to.
fn none_at_all(story: &[&Packet]) -> Vec<Sentence> {
    let of = |kind: &str| story.iter().filter(|packet| packet.draft.kind == kind).copied().collect::<Vec<_>>();
    let sum = |packets: &[&Packet], key: &str| packets.iter().filter_map(|p| Body::of(p).count(key)).sum::<u64>();
    let ids = |packets: &[&Packet]| packets.iter().map(|packet| packet.draft.stardust_id).collect();
    let (scans, analyses, failures) = (of("source.scanned"), of("analysis.made"), of("job.failed"));
    let mut out = Vec::new();
    if !scans.is_empty() {
        let text = format!("Sources were looked through {} times: {} new items.", scans.len(), sum(&scans, "found"));
        out.push(Sentence { text, packets: ids(&scans) });
    }
    if !analyses.is_empty() {
        let (looked, chosen) = (sum(&analyses, "candidates"), sum(&analyses, "chosen"));
        let text = format!("{} analyses looked at {looked} candidates and chose {chosen}.", analyses.len());
        out.push(Sentence { text, packets: ids(&analyses) });
    }
    if !failures.is_empty() {
        out.push(Sentence { text: format!("{} jobs failed for good.", failures.len()), packets: ids(&failures) });
    }
    out
}

fn failure(subject: &EntityRef, facts: &Facts<'_>) -> Vec<Sentence> {
    let troubles =
        ["job.failed", "job.quarantined", "job.crashed", "job.retried", "job.expired", "job.skipped", "job.cancelled"];
    let last = facts
        .about(subject)
        .rev()
        .find(|packet| troubles.contains(&packet.draft.kind.as_str()) || packet.draft.kind == "job.done");
    match last {
        Some(packet) if matches!(packet.draft.kind.as_str(), "job.retried" | "job.crashed") => {
            let body = Body::of(packet);
            let code = body.text("code").map(|code| format!(" ({})", plain(code))).unwrap_or_default();
            let why = body.text("message").map(|why| format!(": {}", plain(why))).unwrap_or_default();
            one(format!("The job has not failed for good; its last attempt did{code}{why}."), packet)
        }
        Some(packet) => one(jobs::ending("The job", packet), packet),
        None => Vec::new(),
    }
}

/// What a candidate that was not chosen is called.
pub(super) fn candidate(packet: &Packet) -> String {
    format!("{}{}", name(&packet.draft.entity), span(Body::of(packet)))
}
