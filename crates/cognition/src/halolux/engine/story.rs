//! Puts an explanation together.

use std::collections::{BTreeMap, BTreeSet};

use omniva_contracts::engine::{ChainNode, Discarded, EntityRef, EntityType, Explanation, Packet, Sentence};

use super::evidence::{self, tally};
use super::facts::{Body, Facts};
use super::words::{plain, sentence, summary, told_elsewhere};
use super::{Inquiry, MAX_PACKETS, jobs, leads, rulings};

/// Sentences after the answer, and nodes of the chain: beyond that a person reads nothing, and `missing` says how many
/// there are.
const SENTENCES: usize = 160;
const NODES: usize = 400;
const DISCARDED: usize = 100;

/// `cut`: there are more packets than were read.
pub(super) fn tell(inquiry: &Inquiry, packets: &[Packet], cut: bool) -> Explanation {
    let facts = Facts::new(packets);
    let subject = inquiry.subject();
    let story = concerning(&facts, &subject);
    let mut narrative = leads::leads(inquiry, &facts, &story);
    let mut tally = tally(inquiry, &facts, &story);
    if cut {
        tally.look(false, || format!("packets beyond what one answer may rest on ({MAX_PACKETS} at most)"));
    }
    let told = narrated(&subject, &story);
    let untold = told.len().saturating_sub(SENTENCES);
    if untold > 0 {
        tally.look(false, || format!("{untold} further sentences are left out"));
    }
    narrative.extend(told.into_iter().take(SENTENCES));
    let unseen = story.len().saturating_sub(NODES);
    if unseen > 0 {
        tally.look(false, || format!("{unseen} further packets of the chain are left out"));
    }
    let completeness = tally.completeness();
    let mut missing = tally.missing;
    let unknown = evidence::unknown(&story);
    if !unknown.is_empty() {
        let kinds: Vec<String> = unknown.into_iter().collect();
        // Nothing is missing in the ledger, so this does not count.
        missing.push(format!("words for packets of the kind {}: see the chain", kinds.join(", ")));
    }
    Explanation {
        question: inquiry.name().to_owned(),
        trace_id: facts.about(&subject).next().map(|packet| packet.draft.trace_id),
        narrative,
        chain: story.iter().take(NODES).map(|packet| node(packet)).collect(),
        discarded: discarded(&facts, &subject, &story),
        completeness,
        missing,
        subject: subject.clone(),
    }
}

/// The packets that have to do with the subject, in the order of the ledger.
pub(super) fn concerning<'a>(facts: &Facts<'a>, subject: &EntityRef) -> Vec<&'a Packet> {
    if subject.entity_type == EntityType::Project {
        let own = |packet: &&Packet| packet.draft.project_id.is_some_and(|id| id.0 == subject.entity_id);
        return facts.all().filter(own).collect();
    }
    let places: BTreeSet<u64> = facts.concerning(subject);
    facts.all().filter(|packet| places.contains(&packet.seq)).collect()
}

fn narrated(subject: &EntityRef, story: &[&Packet]) -> Vec<Sentence> {
    let mut by_place: BTreeMap<u64, Vec<Sentence>> = BTreeMap::new();
    for (seq, sentences) in jobs::sentences(story.iter().copied()) {
        by_place.entry(seq).or_default().extend(sentences);
    }
    for packet in story {
        let place = by_place.entry(packet.seq).or_default();
        if packet.draft.kind == "deliberation.ruled" {
            match rulings::read(packet) {
                Some(ruling) => place.extend(rulings::sentences(packet, &ruling)),
                None => place.push(bare_ruling(packet)),
            }
            continue;
        }
        // Other candidates stand among what was discarded.
        let other = packet.draft.entity.entity_type == EntityType::Clip
            && packet.draft.entity != *subject
            && matches!(packet.draft.kind.as_str(), "clip.rejected" | "clip.chosen")
            && lists_others(subject.entity_type);
        if other || told_elsewhere(&packet.draft.kind) {
            continue;
        }
        place.extend(sentence(packet).map(|text| Sentence { text, packets: vec![packet.draft.stardust_id] }));
    }
    by_place.into_values().flatten().collect()
}

/// A ruling whose chain can't be read still has its body.
fn bare_ruling(packet: &Packet) -> Sentence {
    let body = Body::of(packet);
    let question = body.text("question").map(|q| format!(" on {}", plain(q))).unwrap_or_default();
    let decision = body.0.get("decision").and_then(|d| Body(d).text("decision")).map(|d| format!(": {}", plain(d)));
    let why = body.text("why").map(|why| format!(" ({})", plain(why))).unwrap_or_default();
    let text = format!("Zenith ruled{question}{}{why}.", decision.unwrap_or_default());
    Sentence { text, packets: vec![packet.draft.stardust_id] }
}

fn node(packet: &Packet) -> ChainNode {
    let draft = &packet.draft;
    let said = match draft.kind.as_str() {
        "deliberation.ruled" => {
            rulings::read(packet).map_or_else(|| bare_ruling(packet).text, |r| rulings::decided(&r))
        }
        "job.done" | "job.failed" | "job.cancelled" | "job.skipped" | "job.quarantined" | "job.expired" => {
            jobs::ending("The job", packet)
        }
        _ => summary(packet),
    };
    ChainNode {
        packet: draft.stardust_id,
        seq: packet.seq,
        at: draft.at,
        kind: draft.kind.clone(),
        source: draft.source.clone(),
        entity: draft.entity.clone(),
        parents: draft.meta_parents.clone(),
        summary: said,
    }
}

/// Other candidates of the same analysis, slots that were refused, advice that was not followed.
fn discarded(facts: &Facts<'_>, subject: &EntityRef, story: &[&Packet]) -> Vec<Discarded> {
    let mut out = Vec::new();
    let mut seen = BTreeSet::new();
    for packet in story {
        match packet.draft.kind.as_str() {
            "deliberation.ruled" => {
                out.extend(rulings::read(packet).into_iter().flat_map(|ruling| rulings::discarded(packet, &ruling)));
            }
            "analysis.made" if lists_others(subject.entity_type) => {
                let siblings = facts.children(packet.draft.stardust_id);
                for other in siblings.filter(|p| p.draft.kind == "clip.rejected" && p.draft.entity != *subject) {
                    if seen.insert(other.seq) {
                        out.push(refused(leads::candidate(other), other));
                    }
                }
            }
            "schedule.slot_refused" => {
                let slot = Body::of(packet).text("slot").map(plain).unwrap_or_default();
                out.push(refused(format!("the slot {slot}"), packet));
            }
            _ => {}
        }
    }
    out.truncate(DISCARDED);
    out
}

/// The other candidates are alternatives to a clip, and the answer where its source is the subject.
fn lists_others(subject: EntityType) -> bool {
    use EntityType as T;
    matches!(subject, T::Clip | T::Analysis | T::Video | T::Post | T::Creator | T::Project)
}

fn refused(what: String, packet: &Packet) -> Discarded {
    let body = Body::of(packet);
    let parts = [body.text("code"), body.text("reason").or_else(|| body.text("why"))];
    let why: Vec<String> = parts.into_iter().flatten().map(plain).collect();
    Discarded { what, why: why.join(": "), packet: packet.draft.stardust_id }
}
