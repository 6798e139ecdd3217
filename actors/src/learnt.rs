//! What the engine has learnt, put together for people.

use omniva_cognition::learning::{ChannelModel, PersonaModel, channel_model, forecast, persona_model};
use omniva_contracts::config::{EngineConfig, Persona};
use omniva_contracts::engine::*;
use omniva_contracts::fault::Fault;
use omniva_store::Reader;

use crate::measured::{self, Place};

const BEST: usize = 5;
/// A clip that is neither good nor bad.
const MIDDLING: f64 = 0.5;

/// # Errors
/// A fault of the store; `internal` for a model that can't be read.
pub async fn overview(
    reader: &dyn Reader,
    config: &EngineConfig,
    personas: &[Persona],
    now: Moment,
) -> Result<LearningOverview, Fault> {
    let mut channels = Vec::new();
    for place in measured::places(reader).await? {
        let row = reader.model(&ModelRow::windows(&place.channel)).await?;
        channels.push(channel(&place, row.as_ref(), now)?);
    }
    let row = reader.model(ModelRow::PERSONAS).await?;
    Ok(LearningOverview { on: config.learning.on, channels, personas: of_personas(row.as_ref(), personas)? })
}

/// The last step that is not about drift.
fn last(row: Option<&ModelRow>) -> Option<&LearningStep> {
    row?.steps.iter().find(|step| step.lesson != Lesson::Drift)
}

fn why_off(step: Option<&LearningStep>) -> Vec<String> {
    step.map_or_else(|| vec!["no post has figures yet".to_owned()], |step| step.why_off.clone())
}

fn channel(place: &Place, row: Option<&ModelRow>, now: Moment) -> Result<ChannelLearning, Fault> {
    let model = row.map(channel_model).transpose()?;
    let windows = model.map(|ChannelModel { windows, .. }| windows);
    let on = windows.as_ref().filter(|windows| windows.on);
    let best = on.map(|windows| windows.best_hours(BEST)).unwrap_or_default();
    let expects = on.zip(best.first()).and_then(|(windows, (slot, _, _))| forecast(windows, now, *slot, MIDDLING));
    let step = last(row);
    let from = step.map(|step| &step.learnt_from);
    Ok(ChannelLearning {
        channel: shown_target(&place.channel).to_owned(),
        project_id: place.owner,
        time_zone: place.time_zone.clone(),
        on: on.is_some(),
        why_off: why_off(step),
        version: windows.as_ref().map_or(0, |windows| windows.version),
        posts: from.map_or(0, |from| from.posts),
        samples: from.map_or(0, |from| from.samples),
        updated_at: row.map(|row| row.updated_at),
        best_hours: best.into_iter().map(|(_, hour, share)| HourWorth { hour, share }).collect(),
        forecast: expects.map(|f| PostForecast {
            measure: f.measure.words().replace(' ', "_"),
            age_hours: f.age_hours,
            expected: f.expected,
            low: f.low,
            high: f.high,
        }),
        alarm: row.and_then(|row| serde_json::from_value(row.alarm.clone()).ok()),
        model_id: ModelRow::entity(&ModelRow::windows(&place.channel)).entity_id,
        packet_id: row.map(|row| row.packet_id),
    })
}

fn of_personas(row: Option<&ModelRow>, personas: &[Persona]) -> Result<PersonaLearning, Fault> {
    let model: PersonaModel = row.map(persona_model).transpose()?.unwrap_or_default();
    let step = last(row);
    let in_use = model.apply(personas);
    let weights = personas.iter().zip(&in_use).map(|(configured, used)| PersonaWeight {
        persona: configured.name.clone(),
        configured: configured.weight,
        in_use: used.weight,
        skill: model.skill.get(&configured.name).copied(),
    });
    Ok(PersonaLearning {
        on: model.on,
        why_off: why_off(step),
        version: model.version,
        posts: step.map_or(0, |step| step.learnt_from.posts),
        updated_at: row.map(|row| row.updated_at),
        weights: weights.collect(),
        model_id: ModelRow::entity(ModelRow::PERSONAS).entity_id,
        packet_id: row.map(|row| row.packet_id),
    })
}
