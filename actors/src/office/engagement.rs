//! Figures that an operator brings: one file for one channel, taken whole or not at all.

use std::collections::BTreeMap;
use std::time::Duration;

use omniva_cognition::flow::payload::key;
use omniva_contracts::Code;
use omniva_contracts::engine::*;
use omniva_platforms::import_figures;
use serde_json::json;

use super::Refusal;
use super::check::Faults;
use super::desk::{Deed, Desk, OrRefuse};
use super::jobs::{Order, enqueue, make};
use super::plan::{Done, fault_refusal};
use super::projects;
use crate::measured;

const DAY: Duration = Duration::from_secs(86_400);

pub(super) async fn import(desk: &mut Desk<'_>, channel: &str, project: Option<ProjectId>, csv: &str) -> Done {
    let channel = place(desk, channel, project).await?;
    let from = desk.now.before(DAY * desk.config.learning.sample_days);
    let mut posts = Vec::new();
    for slot in measured::published(desk.reader, &channel, (from, desk.now)).await.or_refuse()? {
        posts.extend(measured::post(desk.reader, &slot).await.or_refuse()?);
    }
    let imported = import_figures(csv.as_bytes(), &channel, &posts).map_err(|fault| match fault.code {
        Code::InputCorrupt | Code::InputEmpty | Code::TooLarge => {
            Refusal::new(400, "VALIDATION_ERROR", fault.message.clone()).field("csv", fault.message)
        }
        _ => fault_refusal(&fault),
    })?;
    let ids: Vec<SampleId> = imported.samples.iter().map(|s| SampleRow::new(s.clone()).sample_id).collect();
    let there = desk.reader.samples_by_id(&ids).await.or_refuse()?;
    let there: BTreeMap<SampleId, SampleRow> = there.into_iter().map(|row| (row.sample_id, row)).collect();
    let found = imported.samples.len();
    let new: Vec<SampleRow> = imported
        .samples
        .into_iter()
        .zip(&ids)
        .filter_map(|(sample, id)| SampleRow::after(sample, there.get(id)))
        .collect();
    let changed = new.len();
    let entity = ModelRow::entity(&ModelRow::windows(&channel));
    let body = json!({
        "channel": channel, "samples": found, "changed": changed, "strangers": imported.strangers, "posts": posts.len(),
    });
    let packet = desk.record(Deed::new("engagement.imported", entity.clone(), project, body));
    desk.rows.extend(new.into_iter().map(|row| Row::Sample(Box::new(row))));
    let learns = changed > 0 && desk.config.learning.on;
    let job = learns.then(|| {
        let payload = json!(MeasurePayload { only_learn: true });
        make(desk, Order::new(JobKind::Measure, None, entity, payload), packet)
    });
    let data = json!({
        "channel": shown_target(&channel), "samples": found, "changed": changed, "strangers": imported.strangers,
        "job_id": job,
    });
    Ok((202, data, packet))
}

/// The run that would come by itself, now. One that waits or runs already is told instead.
pub(super) async fn pull(desk: &mut Desk<'_>) -> Done {
    if !desk.config.learning.on {
        let message = "learning is switched off in the engine's configuration (engine.learning.on)";
        return Err(Refusal::new(409, "LEARNING_OFF", message));
    }
    let entity = ModelRow::entity(ModelRow::PERSONAS);
    let packet = desk.record(Deed::new("engagement.requested", entity.clone(), None, json!({})));
    let payload = json!(MeasurePayload::default());
    let order = Order::new(JobKind::Measure, None, entity, payload).unique(key::measure());
    let (job, new) = enqueue(desk, order, packet).await?;
    Ok((202, json!({ "job_id": job, "created": new }), packet))
}

/// The channel as rows call it.
async fn place(desk: &Desk<'_>, channel: &str, project: Option<ProjectId>) -> Result<String, Refusal> {
    let mut faults = Faults::default();
    let target = Target::parse(channel);
    let wrong = target.as_ref().err().map(|fault| fault.message.clone()).unwrap_or_default();
    faults.unless(target.is_ok(), "channel", &wrong);
    let folder = matches!(target, Ok(Target::Folder));
    faults.unless(!folder || project.is_some(), "project_id", "is needed for a folder: each project has its own");
    faults.verdict()?;
    let Some(project) = project else { return Ok(channel.to_owned()) };
    projects::find(desk, project).await?;
    Ok(row_target(project, channel))
}
