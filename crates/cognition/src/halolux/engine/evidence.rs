//! Completeness: what was looked for, and what of it was found.

use std::collections::BTreeSet;

use omniva_contracts::engine::{EntityType, Packet, Question};

use super::facts::{Body, Facts};
use super::rulings::{self, module};
use super::words::name;
use super::{Inquiry, words};

#[derive(Default)]
pub(super) struct Tally {
    found: u64,
    pub missing: Vec<String>,
    /// Things of `missing` that count more than once.
    extra: u64,
}

impl Tally {
    pub fn look(&mut self, found: bool, what: impl FnOnce() -> String) {
        if found {
            self.found += 1;
        } else {
            self.missing.push(what());
        }
    }

    fn lack(&mut self, count: u64, what: String) {
        if count > 0 {
            self.missing.push(what);
            self.extra += count - 1;
        }
    }

    /// Share found, four decimals.
    pub fn completeness(&self) -> f64 {
        let missing = self.missing.len() as u64 + self.extra;
        if self.found + missing == 0 {
            return 0.0;
        }
        (self.found as f64 / (self.found + missing) as f64 * 10_000.0).round() / 10_000.0
    }
}

/// `story` are the packets that concern the subject, in the order of the ledger.
pub(super) fn tally(inquiry: &Inquiry, facts: &Facts<'_>, story: &[&Packet]) -> Tally {
    let mut tally = Tally::default();
    let subject = inquiry.subject();
    let any = facts.about(&subject).next().is_some();
    tally.look(any, || format!("no packet is about {}", name(&subject)));
    if !any {
        return tally;
    }
    match inquiry {
        Inquiry::WhyNone(entity) if entity.entity_type == EntityType::Video => of_none(story, &mut tally),
        Inquiry::Failure(_) => of_failure(&subject, story, &mut tally),
        Inquiry::Schedule(_) => of_schedule(story, &mut tally),
        _ if subject.entity_type == EntityType::Clip => of_clip(&subject, story, &mut tally),
        _ => {}
    }
    let mut gone = BTreeSet::new();
    for packet in story {
        for parent in &packet.draft.meta_parents {
            match facts.get(*parent) {
                Some(_) => tally.found += 1,
                None => {
                    gone.insert(*parent);
                }
            }
        }
        if packet.draft.kind == "deliberation.ruled" {
            of_ruling(packet, &mut tally);
        }
    }
    for parent in gone {
        tally.look(false, || format!("packet {parent}, which others follow from"));
    }
    tally
}

fn of_ruling(packet: &Packet, tally: &mut Tally) {
    let Some(ruling) = rulings::read(packet) else {
        tally.look(false, || format!("what the modules said in the ruling {}", packet.draft.stardust_id));
        return;
    };
    tally.found += ruling.advisories.len() as u64;
    for silent in &ruling.missing {
        tally.look(false, || format!("the word of {} on {}", module(*silent), ruling.question.as_str()));
    }
}

pub(super) fn has(story: &[&Packet], kinds: &[&str]) -> bool {
    story.iter().any(|packet| kinds.contains(&packet.draft.kind.as_str()))
}

pub(super) fn ruled(story: &[&Packet], question: Question) -> bool {
    let asks = |packet: &&&Packet| {
        packet.draft.kind == "deliberation.ruled" && Body::of(packet).text("question") == Some(question.as_str())
    };
    story.iter().any(|packet| asks(&packet))
}

fn intake(story: &[&Packet], tally: &mut Tally) {
    tally.look(has(story, &["post.captured"]), || "how the item was fetched".into());
    tally.look(has(story, &["video.normalised"]), || "how the video was taken in".into());
    tally.look(ruled(story, Question::Ingest), || "the ruling on ingest".into());
}

fn of_clip(subject: &omniva_contracts::engine::EntityRef, story: &[&Packet], tally: &mut Tally) {
    intake(story, tally);
    tally.look(has(story, &["analysis.made"]), || "the analysis of the video".into());
    let own: Vec<&Packet> = story.iter().filter(|packet| packet.draft.entity == *subject).copied().collect();
    tally.look(has(&own, &["clip.chosen", "clip.rejected"]), || "the choice of the candidate".into());
    let published = has(&own, &["clip.published"]);
    let planned = published || has(&own, &["clip.scheduled", "clip.uploading"]);
    let rendered = planned || has(&own, &["clip.rendered", "clip.refused"]);
    let editing = rendered || has(&own, &["clip.editing", "edit.requested"]);
    if editing {
        let decided = ruled(&own, Question::Select) || ruled(&own, Question::Edit) || has(&own, &["edit.requested"]);
        tally.look(decided, || "the decision to edit the clip".into());
    }
    if rendered {
        tally.look(has(&own, &["clip.rendered", "clip.refused"]), || "the end of the edit".into());
    }
    if planned {
        let decided = ruled(&own, Question::Upload) || has(&own, &["upload.requested"]);
        tally.look(decided, || "the decision to publish the clip".into());
        let timed = has(story, &["schedule.confirmed"]) || has(&own, &["upload.requested"]);
        tally.look(timed, || "how its time was decided".into());
    }
    if published {
        tally.look(has(story, &["upload.ended"]), || "the end of the upload".into());
    }
}

fn of_none(story: &[&Packet], tally: &mut Tally) {
    intake(story, tally);
    if has(story, &["video.rejected", "video.quarantined"]) {
        return;
    }
    let failed = has(story, &["job.failed", "job.quarantined", "job.expired", "job.cancelled", "job.skipped"]);
    let last = story.iter().rev().find(|packet| packet.draft.kind == "analysis.made");
    let Some(analysis) = last else {
        tally.look(failed, || "the analysis of the video, or why there is none".into());
        return;
    };
    tally.found += 1;
    let body = Body::of(analysis);
    if body.count("chosen") == Some(0) {
        tally.look(body.text("why_none").is_some(), || "why the analysis chose nothing".into());
    }
    let rejected = body.count("candidates").unwrap_or(0).saturating_sub(body.count("chosen").unwrap_or(0));
    let held = story
        .iter()
        .filter(|packet| packet.draft.kind == "clip.rejected" && Body::of(packet).number("start_time").is_some())
        .filter(|packet| packet.draft.meta_parents.contains(&analysis.draft.stardust_id))
        .count() as u64;
    tally.found += held.min(rejected);
    let unread = rejected.saturating_sub(held);
    tally.lack(unread, format!("{unread} of {rejected} candidates that were not chosen"));
}

fn of_failure(subject: &omniva_contracts::engine::EntityRef, story: &[&Packet], tally: &mut Tally) {
    let own: Vec<&Packet> = story.iter().filter(|packet| packet.draft.entity == *subject).copied().collect();
    tally.look(has(&own, &["job.created"]), || "how the job came about".into());
    let troubles =
        ["job.failed", "job.quarantined", "job.crashed", "job.retried", "job.expired", "job.skipped", "job.cancelled"];
    tally.look(has(&own, &troubles), || "a failure of this job".into());
    let kind = own.iter().find(|p| p.draft.kind == "job.created").and_then(|p| Body::of(p).text("kind"));
    let asked = !matches!(kind, Some("noop" | "maintain" | "measure")) && has(&own, &["job.failed", "job.quarantined"]);
    if asked {
        tally.look(ruled(&own, Question::Recover), || "the ruling on what to do about it".into());
    }
}

fn of_schedule(story: &[&Packet], tally: &mut Tally) {
    tally.look(has(story, &["upload.ordered", "upload.requested"]), || "who ordered the upload".into());
    tally.look(has(story, &["schedule.recommended"]), || "what the scheduler recommended".into());
    tally.look(ruled(story, Question::Schedule), || "the ruling on the time".into());
    tally.look(has(story, &["schedule.confirmed", "schedule.cancelled"]), || "the final time".into());
}

/// Packets whose kind this version can't tell.
pub(super) fn unknown(story: &[&Packet]) -> BTreeSet<String> {
    story
        .iter()
        .filter(|packet| !words::told_elsewhere(&packet.draft.kind) && words::sentence(packet).is_none())
        .map(|packet| words::plain(&packet.draft.kind))
        .collect()
}
