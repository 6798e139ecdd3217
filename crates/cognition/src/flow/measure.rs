//! What posts achieved and what was learnt from it, as rows and packets.

use std::collections::BTreeMap;

use omniva_contracts::engine::*;
use serde_json::{Value, json};

use super::Absorbed;
use super::rows::{Rows, Scribe};

/// Posts without figures that a packet names, and posts of a learning step: the newest; the rest is counted.
const NAMED: usize = 20;
const POSTS: usize = 200;

/// One packet for each channel that was asked, one for each learning step, one for each alarm. What was learnt from a model
/// that another hand has changed meanwhile is dropped: its own step stands in the ledger, and the next one knows all.
pub(super) fn measured(job: &Job, result: MeasureResult, rows: Rows<'_>, scribe: &mut Scribe<'_>) -> Absorbed {
    let mut absorbed = Absorbed::default();
    let mut pulled: BTreeMap<String, PacketId> = BTreeMap::new();
    let mut samples: BTreeMap<SampleId, EngagementSample> = BTreeMap::new();
    for pull in result.pulls {
        let packet = told(job, &pull, scribe);
        pulled.insert(ModelRow::windows(&pull.channel), packet.stardust_id);
        absorbed.packets.push(packet);
        samples.extend(pull.samples.into_iter().map(|sample| (SampleRow::new(sample.clone()).sample_id, sample)));
    }
    let new = samples.into_iter().filter_map(|(id, sample)| SampleRow::after(sample, rows.sample(id)));
    absorbed.rows.extend(new.map(|row| Row::Sample(Box::new(row))));
    let mut steps: Vec<PacketId> = Vec::new();
    for lessons in result.lessons {
        let cause = match pulled.get(&lessons.name) {
            Some(packet) => vec![*packet],
            // The personas learn from what was learnt of the channels.
            None if lessons.name == ModelRow::PERSONAS && !steps.is_empty() => steps.clone(),
            None => job.meta_parents.clone(),
        };
        steps.extend(learnt(lessons, &cause, rows, scribe, &mut absorbed));
    }
    for (channel, fault) in result.unlearnt {
        let entity = ModelRow::entity(&ModelRow::windows(&channel));
        let body =
            json!({ "channel": channel, "code": fault.code, "why": fault.message, "next_step": fault.next_step });
        absorbed.packets.push(scribe.packet("learning.refused", entity, &job.meta_parents, body));
    }
    absorbed
}

fn told(job: &Job, pull: &ChannelPull, scribe: &mut Scribe<'_>) -> PacketDraft {
    let missing: Vec<Value> = pull.missing.iter().take(NAMED).map(|(id, fault)| without(*id, fault)).collect();
    let fault = pull.fault.as_ref();
    let body = json!({
        "channel": pull.channel, "asked": pull.asked, "samples": pull.samples.len(), "not_yet": pull.not_yet,
        "missing": pull.missing.len(), "missing_posts": missing, "code": fault.map(|f| f.code),
        "why": fault.map(|f| &f.message), "next_step": fault.map(|f| &f.next_step),
    });
    let entity = ModelRow::entity(&ModelRow::windows(&pull.channel));
    scribe.packet("engagement.measured", entity, &job.meta_parents, body)
}

fn without(id: ScheduleId, fault: &omniva_contracts::fault::Fault) -> Value {
    json!({ "schedule_id": id, "code": fault.code, "why": fault.message })
}

/// The packet of the step that changed the model, if it did.
fn learnt(
    lessons: Lessons,
    cause: &[PacketId],
    rows: Rows<'_>,
    scribe: &mut Scribe<'_>,
    absorbed: &mut Absorbed,
) -> Option<PacketId> {
    let old = rows.model(&lessons.name);
    if old.map_or(0, |row| row.version) != lessons.follows {
        return None;
    }
    let entity = ModelRow::entity(&lessons.name);
    let mut first = None;
    let mut last = None;
    let mut kept: Vec<LearningStep> = Vec::new();
    for mut step in lessons.steps {
        let more = step.posts.len().saturating_sub(POSTS);
        step.posts.drain(..more);
        let packet = scribe.packet("learning.step", entity.clone(), cause, json!(step));
        first.get_or_insert(packet.stardust_id);
        last = Some(packet.stardust_id);
        absorbed.packets.push(packet);
        kept.push(LearningStep { posts: Vec::new(), ..step });
    }
    let packet_id = first?;
    if !lessons.alarm.is_null() {
        let parents: Vec<PacketId> = last.into_iter().collect();
        absorbed.packets.push(scribe.packet("learning.alarm", entity, &parents, lessons.alarm.clone()));
    }
    // The last word on a lesson that this step does not repeat stays.
    let said: Vec<Lesson> = kept.iter().map(|step| step.lesson).collect();
    kept.extend(old.iter().flat_map(|row| &row.steps).filter(|step| !said.contains(&step.lesson)).cloned());
    let alarm = if lessons.alarm.is_null() { old.map_or(Value::Null, |row| row.alarm.clone()) } else { lessons.alarm };
    absorbed.rows.push(Row::Model(Box::new(ModelRow {
        name: lessons.name,
        model: lessons.model,
        steps: kept,
        alarm,
        packet_id,
        updated_at: scribe.now,
        version: lessons.follows + 1,
    })));
    Some(packet_id)
}

#[cfg(test)]
#[path = "measure_tests.rs"]
mod tests;
