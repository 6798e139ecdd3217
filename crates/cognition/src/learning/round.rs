//! One round of learning: from the rows of a channel, or of all, to what their models become.

use omniva_contracts::config::{LearningConfig, Persona};
use omniva_contracts::engine::{EngagementSample, Lesson, Lessons, ModelRow, Moment};
use omniva_contracts::fault::Fault;
use serde_json::{Value, json};

use super::channel::{ChannelModel, learn};
use super::outcome::{PostFacts, outcomes};
use super::personas::{Judged, PersonaModel, judged, weigh};
use crate::zone::Zone;

/// What is known of one channel. Lists are bounded by whoever reads them.
#[derive(Clone, Debug)]
pub struct ChannelFacts {
    /// As rows call it.
    pub channel: String,
    pub zone: Zone,
    pub posts: Vec<PostFacts>,
    pub samples: Vec<EngagementSample>,
    pub row: Option<ModelRow>,
}

/// What came of one channel.
#[derive(Clone, Debug)]
pub struct Studied {
    /// `None` where nothing has changed since the last step.
    pub lessons: Option<Lessons>,
    /// What its posts tell of the personas.
    pub judged: Vec<Judged>,
}

/// Learns one channel; `roll` is the dice of the step.
///
/// # Errors
/// Those of [`outcomes`] and [`learn`]; `internal` for a kept model that can't be read.
pub fn study(facts: &ChannelFacts, rules: &LearningConfig, now: Moment, roll: u64) -> Result<Studied, Fault> {
    let found = outcomes(&facts.channel, &facts.zone, rules.age, &facts.posts, &facts.samples)?;
    let before = facts.row.as_ref().map(channel_model).transpose()?;
    if !due(facts.row.as_ref(), found.outcomes.len() as u64, found.samples, rules, now) {
        let judged = before.map(|model| judged(&model.windows, &found)).unwrap_or_default();
        return Ok(Studied { lessons: None, judged });
    }
    let step = learn(before.as_ref(), &found, &rules.windows, &rules.drift, now, roll)?;
    let judged = judged(&step.model.windows, &found);
    let told = |alarm: &super::Alarm| with(json!(alarm), "words", json!(alarm.words()));
    let lessons = Lessons {
        name: ModelRow::windows(&facts.channel),
        follows: facts.row.as_ref().map_or(0, |row| row.version),
        model: document(&step.model)?,
        steps: step.records,
        alarm: step.alarm.as_ref().map_or(Value::Null, told),
    };
    Ok(Studied { lessons: Some(lessons), judged })
}

/// Learns the weights of the personas from the posts of all channels. `None` where nothing has changed.
///
/// # Errors
/// Those of [`weigh`]; `internal` for a kept model that can't be read.
pub fn study_personas(
    row: Option<&ModelRow>,
    personas: &[Persona],
    posts: &[Judged],
    rules: &LearningConfig,
    now: Moment,
) -> Result<Option<Lessons>, Fault> {
    let before = row.map(persona_model).transpose()?;
    let count = posts.len() as u64;
    if !due(row, count, count, rules, now) {
        return Ok(None);
    }
    let step = weigh(before.as_ref(), personas, posts, &rules.personas, now)?;
    Ok(Some(Lessons {
        name: ModelRow::PERSONAS.to_owned(),
        follows: row.map_or(0, |row| row.version),
        model: document(&step.model)?,
        steps: vec![step.record],
        alarm: Value::Null,
    }))
}

/// A step is made where there is something new, and at times where there is not, for what is old counts less. A channel
/// about which nothing is known at all has nothing to say.
fn due(row: Option<&ModelRow>, posts: u64, samples: u64, rules: &LearningConfig, now: Moment) -> bool {
    let last = row.and_then(|row| row.steps.iter().find(|step| step.lesson != Lesson::Drift).map(|step| (row, step)));
    match last {
        None => posts > 0 || samples > 0,
        Some((row, step)) => {
            let from = &step.learnt_from;
            let old = now.since(row.updated_at).as_secs() >= u64::from(rules.relearn_hours) * 3_600;
            (from.posts, from.samples) != (posts, samples) || (old && step.on)
        }
    }
}

/// # Errors
/// `internal`: the row was written by another version.
pub fn channel_model(row: &ModelRow) -> Result<ChannelModel, Fault> {
    serde_json::from_value(row.model.clone()).map_err(|e| unreadable(row, &e))
}

/// # Errors
/// `internal`: the row was written by another version.
pub fn persona_model(row: &ModelRow) -> Result<PersonaModel, Fault> {
    serde_json::from_value(row.model.clone()).map_err(|e| unreadable(row, &e))
}

fn unreadable(row: &ModelRow, error: &serde_json::Error) -> Fault {
    Fault::internal(format!("the model {:?} can't be read", row.name)).with_detail(error)
}

fn document(model: &impl serde::Serialize) -> Result<Value, Fault> {
    serde_json::to_value(model).map_err(|e| Fault::internal("a model can't be written").with_detail(e))
}

fn with(mut value: Value, key: &str, entry: Value) -> Value {
    if let Some(map) = value.as_object_mut() {
        map.insert(key.to_owned(), entry);
    }
    value
}

#[cfg(test)]
#[path = "round_tests.rs"]
mod tests;
