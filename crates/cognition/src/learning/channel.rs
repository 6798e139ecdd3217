//! One learning step of a channel: its windows, and the watch for a changed audience.

use omniva_contracts::config::{DriftRules, WindowRules};
use omniva_contracts::engine::{LearningStep, Learnt, LearntFrom, Lesson, Moment};
use omniva_contracts::fault::{Code, Fault};
use serde::{Deserialize, Serialize};

use super::drift::{Alarm, DriftState};
use super::oracle::forecast;
use super::outcome::{Outcome, Outcomes};
use super::record::{SHOWN, counts, hash, learnt_from, words};
use super::windows::{WindowModel, best, decay, fit, missing, wanted};
use crate::calendar::Windows;
use crate::calendar::dice::Dice;

/// All that is kept of a channel between two steps.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChannelModel {
    pub windows: WindowModel,
    pub drift: DriftState,
    /// Since when the audience is another one; posts from before count little.
    pub changed_at: Option<Moment>,
}

impl ChannelModel {
    pub fn unlearnt(channel: &str) -> Self {
        Self { windows: WindowModel::unlearnt(channel), drift: DriftState::default(), changed_at: None }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct ChannelStep {
    pub model: ChannelModel,
    /// `windows`, then `drift` when posts were watched.
    pub records: Vec<LearningStep>,
    pub alarm: Option<Alarm>,
}

/// What a step depends on besides its outcomes.
#[derive(Serialize)]
struct Inputs<'a> {
    before: &'a ChannelModel,
    outcomes: &'a Outcomes,
    windows: &'a WindowRules,
    drift: &'a DriftRules,
    now: Moment,
    roll: u64,
}

/// Learns all that is known of a channel, anew: posts that were learnt before are not counted twice. `roll` decides which of
/// the hours that may be the best get their turn.
///
/// Posts that went out after the last that was learnt are compared with their forecasts first. With too little data nothing is
/// learnt, and the record says what is missing.
///
/// # Errors
/// `config_invalid` for rules beyond their bounds, `input_corrupt` for outcomes that no channel has.
pub fn learn(
    before: Option<&ChannelModel>,
    outcomes: &Outcomes,
    windows: &WindowRules,
    drift: &DriftRules,
    now: Moment,
    roll: u64,
) -> Result<ChannelStep, Fault> {
    windows.check()?;
    drift.check()?;
    check(outcomes)?;
    let fresh = ChannelModel::unlearnt(&outcomes.channel);
    let before = before.filter(|b| b.windows.channel == outcomes.channel && sound(b)).unwrap_or(&fresh);
    let times: Vec<Moment> = outcomes.outcomes.iter().map(|o| o.published_at).collect();
    let inputs = hash(&Inputs { before, outcomes, windows, drift, now, roll })?;
    let from = learnt_from(&times, outcomes.samples, inputs);
    let mut model = before.clone();
    let mut record = blank(before, outcomes, &from);
    let (alarm, watched) = watch(&mut model, outcomes, drift);
    let lacking = missing(windows, outcomes);
    if lacking.is_empty() {
        let weights = decay(windows, outcomes, model.changed_at, now);
        let fitted = fit(windows, &outcomes.outcomes, &weights, now, &mut Dice::new(roll));
        model.windows.take(&fitted, now, outcomes);
        model.windows.on = true;
        model.windows.learnt_from = from.clone();
        model.windows.version += 1;
        let moved = model.windows.go_towards(&wanted(&fitted, windows.explore), windows.max_step);
        tell(&mut record, &model, outcomes, moved, windows.max_step);
    } else {
        rest(&mut record, &mut model.windows, lacking, windows.max_step);
    }
    record.version_after = model.windows.version;
    let mut records = vec![record];
    if watched > 0 {
        records.push(report(before, &model, outcomes, &from, watched, alarm.as_ref()));
    }
    Ok(ChannelStep { model, records, alarm })
}

fn check(outcomes: &Outcomes) -> Result<(), Fault> {
    let good = |o: &Outcome| o.slot < Windows::HOURS && o.log.is_finite() && (0.0..=1.0).contains(&o.score);
    match outcomes.outcomes.iter().find(|o| !good(o)) {
        Some(bad) => Err(Fault::new(
            Code::InputCorrupt,
            format!("the outcome of schedule {} is none: slot, score or figure are out of bounds", bad.schedule_id),
            "make the outcomes anew from the posts and their figures",
        )),
        None => Ok(()),
    }
}

/// Whether what was kept has the shape of a model.
fn sound(model: &ChannelModel) -> bool {
    let w = &model.windows;
    Windows::new(w.weights.clone()).is_some() && w.effects.len() == Windows::HOURS && w.spread.len() == Windows::HOURS
}

/// Compares the posts that went out since the last step's with what the model said of them. The first alarm ends it: what
/// comes after would be compared with a model that is known to be wrong.
fn watch(model: &mut ChannelModel, outcomes: &Outcomes, rules: &DriftRules) -> (Option<Alarm>, u64) {
    let known = model.windows.learnt_from.last;
    // Another measure is another scale.
    let same = model.windows.measure == outcomes.measure && model.windows.age_hours == outcomes.age_hours;
    if !model.windows.on || !same {
        return (None, 0);
    }
    let mut watched = 0;
    for outcome in outcomes.outcomes.iter().filter(|o| Some(o.published_at) > known) {
        let said = forecast(&model.windows, outcome.published_at, outcome.slot, outcome.score);
        let Some(said) = said else { continue };
        watched += 1;
        let off = outcome.log - said.log;
        if let Some(alarm) = model.drift.add(rules, outcome.published_at, off, said.log_spread) {
            model.changed_at = Some(alarm.since);
            return (Some(alarm), watched);
        }
    }
    (None, watched)
}

fn blank(before: &ChannelModel, outcomes: &Outcomes, from: &LearntFrom) -> LearningStep {
    LearningStep {
        lesson: Lesson::Windows,
        channel: outcomes.channel.clone(),
        version_before: before.windows.version,
        version_after: before.windows.version,
        on: before.windows.on,
        why_off: Vec::new(),
        learnt_from: from.clone(),
        posts: outcomes.outcomes.iter().map(|o| o.schedule_id).collect(),
        left_out: counts(&outcomes.left_out),
        changes: Vec::new(),
        narrative: Vec::new(),
    }
}

fn tell(record: &mut LearningStep, model: &ChannelModel, outcomes: &Outcomes, moved: Vec<Learnt>, max_step: f64) {
    let count = moved.len();
    let bounded = moved.iter().any(|m| !m.bound.is_empty());
    record.on = true;
    record.changes = moved.into_iter().take(SHOWN).collect();
    record.narrative = vec![
        format!(
            "Learnt from {}, by their {} at the age of {} hours.",
            words(&record.learnt_from),
            outcomes.measure.words(),
            outcomes.age_hours
        ),
        format!("The best hours are expected to be {}.", best(&model.windows)),
        match bounded {
            true => format!(
                "{count} hours of the week changed their weight; the largest change was held to {max_step}, the others in \
                 proportion."
            ),
            false => format!("{count} hours of the week changed their weight."),
        },
    ];
    if let Some(at) = model.changed_at {
        record.narrative.push(format!("Posts from before {at} count little: the audience changed then."));
    }
}

/// Nothing is learnt; weights that were in use go back to even, step by step.
fn rest(record: &mut LearningStep, model: &mut WindowModel, lacking: Vec<String>, max_step: f64) {
    if model.on || model.weights.iter().any(|w| *w != 1.0) {
        model.version += 1;
        model.on = false;
        record.changes = model.go_towards(&vec![1.0; Windows::HOURS], max_step).into_iter().take(SHOWN).collect();
    }
    record.on = false;
    record.narrative = vec![format!("Posting windows are off, every hour is as good: {}.", lacking.join("; "))];
    record.why_off = lacking;
}

fn report(
    before: &ChannelModel,
    model: &ChannelModel,
    outcomes: &Outcomes,
    from: &LearntFrom,
    watched: u64,
    alarm: Option<&Alarm>,
) -> LearningStep {
    let known = before.windows.learnt_from.last;
    let posts = outcomes.outcomes.iter().filter(|o| Some(o.published_at) > known).take(watched as usize);
    let change = |what: &str, old: f64, new: f64| Learnt {
        what: what.to_owned(),
        before: old,
        after: new,
        wanted: new,
        bound: String::new(),
    };
    let said = match alarm {
        Some(alarm) => format!("Alarm: {}.", alarm.words()),
        None => format!("{watched} new posts were compared with their forecasts; the audience looks the same."),
    };
    LearningStep {
        lesson: Lesson::Drift,
        version_after: model.windows.version,
        on: true,
        posts: posts.map(|o| o.schedule_id).collect(),
        left_out: Default::default(),
        changes: vec![
            change("more than forecast", before.drift.more.sum, model.drift.more.sum),
            change("less than forecast", before.drift.less.sum, model.drift.less.sum),
        ],
        narrative: vec![said],
        ..blank(before, outcomes, from)
    }
}
