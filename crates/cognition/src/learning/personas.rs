//! Pantheon's weights: how much each persona's vote counts, by how well its votes went with what posts achieved.
//!
//! Multiplicative weights: the configured weight times `exp(gain · r)`, where `r` is the correlation of a persona's votes with
//! the posts' surprise, shrunk towards 0 while posts are few. What explains an hour or a channel is taken out first. Only
//! clips that were chosen are published, so that `r` is what a vote adds *among good clips*.

use std::collections::{BTreeMap, BTreeSet};

use omniva_contracts::config::{Persona, PersonaRules};
use omniva_contracts::engine::{LearningStep, Learnt, LearntFrom, Lesson, Moment, ScheduleId};
use omniva_contracts::fault::{Code, Fault};
use serde::{Deserialize, Serialize};

use super::outcome::Outcomes;
use super::record::{SHOWN, hash, learnt_from, words};
use super::windows::{WindowModel, months};
use crate::scores::micro;

const DAY: f64 = 86_400e6;
/// No post says more than this, in spreads.
const LOUDEST: f64 = 3.0;

/// A post with its votes, and how it did against what its channel and hour explain.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Judged {
    pub schedule_id: ScheduleId,
    pub published_at: Moment,
    /// By persona, 0..1.
    pub votes: BTreeMap<String, f64>,
    /// In spreads of the channel, -3..=3.
    pub surprise: f64,
}

/// The posts of a channel that tell something of the personas: those with votes, while its windows are on.
pub fn judged(model: &WindowModel, outcomes: &Outcomes) -> Vec<Judged> {
    if !model.on || model.noise <= 0.0 || model.measure != outcomes.measure || model.age_hours != outcomes.age_hours {
        return Vec::new();
    }
    let one = |o: &super::Outcome| {
        // The slope of the score stays in: it is what the votes are about.
        let effect = model.effects.get(o.slot)?;
        let explained = model.level + model.trend * months(o.published_at, model.at) + effect;
        let surprise = micro(((o.log - explained) / model.noise).clamp(-LOUDEST, LOUDEST));
        let votes = o.votes.clone();
        Some(Judged { schedule_id: o.schedule_id, published_at: o.published_at, votes, surprise })
    };
    outcomes.outcomes.iter().filter(|o| !o.votes.is_empty()).filter_map(one).collect()
}

/// The weights in use, by persona.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PersonaModel {
    /// 0 before anything was learnt.
    pub version: u64,
    pub on: bool,
    pub learnt_from: LearntFrom,
    /// Factor on the configured weight.
    pub factors: BTreeMap<String, f64>,
    /// Correlation of the votes with what came of them, shrunk, -1..=1.
    pub skill: BTreeMap<String, f64>,
}

impl PersonaModel {
    /// The personas with the weights that were learnt; those of the configuration where nothing was.
    pub fn apply(&self, personas: &[Persona]) -> Vec<Persona> {
        let weight = |p: &Persona| match self.factor(&p.name) {
            1.0 => p.weight,
            factor => micro(p.weight * factor).max(1e-6),
        };
        personas.iter().map(|p| Persona { weight: weight(p), ..p.clone() }).collect()
    }
    fn factor(&self, name: &str) -> f64 {
        self.factors.get(name).copied().filter(|f| f.is_finite() && *f > 0.0).unwrap_or(1.0)
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct PersonaStep {
    pub model: PersonaModel,
    pub record: LearningStep,
}

#[derive(Serialize)]
struct Inputs<'a> {
    before: &'a PersonaModel,
    personas: &'a [Persona],
    posts: &'a [Judged],
    rules: &'a PersonaRules,
    now: Moment,
}

/// Learns the weights anew from all `posts` (of all channels, in any order), and goes one bounded step towards them.
///
/// # Errors
/// `config_invalid` for rules beyond their bounds, `input_corrupt` for votes or surprises that are no numbers.
pub fn weigh(
    before: Option<&PersonaModel>,
    personas: &[Persona],
    posts: &[Judged],
    rules: &PersonaRules,
    now: Moment,
) -> Result<PersonaStep, Fault> {
    rules.check()?;
    let mut posts = posts.to_vec();
    posts.sort_by_key(|p| (p.published_at, p.schedule_id));
    posts.dedup_by_key(|p| p.schedule_id);
    if let Some(bad) = posts.iter().find(|p| !p.surprise.is_finite() || p.votes.values().any(|v| !v.is_finite())) {
        let what = format!("votes or surprise of schedule {} are no numbers", bad.schedule_id);
        return Err(Fault::new(Code::InputCorrupt, what, "make the judged posts anew from their outcomes"));
    }
    let unlearnt = PersonaModel::default();
    let before = before.unwrap_or(&unlearnt);
    let inputs = hash(&Inputs { before, personas, posts: &posts, rules, now })?;
    let times: Vec<Moment> = posts.iter().map(|p| p.published_at).collect();
    let from = learnt_from(&times, posts.len() as u64, inputs);
    let mut record = blank(before, &posts, &from);
    let mut model = before.clone();
    let (have, need) = (posts.len() as u64, u64::from(rules.min_posts));
    let on = have >= need;
    if !on {
        record.why_off = vec![format!("{have} posts have votes and figures, {need} are needed: {} more", need - have)];
        record.narrative = vec![format!("The personas have their configured weights: {}.", record.why_off.join("; "))];
    }
    model.skill = if on { skills(personas, &posts, rules, now) } else { BTreeMap::new() };
    let wanted = factors(personas, &model.skill, rules);
    let changes = step(&mut model, personas, &wanted, rules);
    if on || !changes.is_empty() {
        model.version += 1;
        model.learnt_from = from;
    }
    model.on = on;
    (record.on, record.version_after) = (on, model.version);
    if on {
        record.narrative = told(&model, &record.learnt_from, &changes, rules);
    }
    record.changes = changes.into_iter().take(SHOWN).collect();
    Ok(PersonaStep { model, record })
}

/// Correlation of each persona's votes with the surprise, over the posts that it voted on, shrunk.
fn skills(personas: &[Persona], posts: &[Judged], rules: &PersonaRules, now: Moment) -> BTreeMap<String, f64> {
    let skill = |name: &str| {
        let rows: Vec<(f64, f64, f64)> = posts
            .iter()
            .filter_map(|p| Some((*p.votes.get(name)?, p.surprise.clamp(-LOUDEST, LOUDEST), age(p.published_at, now))))
            .map(|(vote, surprise, days)| (vote, surprise, 0.5f64.powf(days / rules.half_life_days)))
            .collect();
        let total: f64 = rows.iter().map(|r| r.2).sum();
        let squares: f64 = rows.iter().map(|r| r.2 * r.2).sum();
        if total <= 0.0 || squares <= 0.0 {
            return 0.0;
        }
        let mean = |of: fn(&(f64, f64, f64)) -> f64| rows.iter().map(|r| r.2 * of(r)).sum::<f64>() / total;
        let (vote, surprise) = (mean(|r| r.0), mean(|r| r.1));
        let moment = |of: &dyn Fn(f64, f64) -> f64| {
            rows.iter().map(|r| r.2 * of(r.0 - vote, r.1 - surprise)).sum::<f64>() / total
        };
        let (both, own, other) = (moment(&|v, s| v * s), moment(&|v, _| v * v), moment(&|_, s| s * s));
        // A persona that always votes the same says nothing.
        if own < 1e-6 || other < 1e-6 {
            return 0.0;
        }
        let count = total * total / squares;
        micro(both / (own * other).sqrt() * count / (count + rules.doubt_posts))
    };
    personas.iter().map(|p| (p.name.clone(), skill(&p.name))).collect()
}

fn age(at: Moment, now: Moment) -> f64 {
    (now.0.saturating_sub(at.0) as f64 / DAY).max(0.0)
}

/// Factors on the configured weights, whose sum stays but for what the range cuts off.
fn factors(personas: &[Persona], skill: &BTreeMap<String, f64>, rules: &PersonaRules) -> BTreeMap<String, f64> {
    let of = |name: &str| (rules.gain * skill.get(name).copied().unwrap_or_default()).exp();
    let before: f64 = personas.iter().map(|p| p.weight).sum();
    let after: f64 = personas.iter().map(|p| p.weight * of(&p.name)).sum();
    let scale = if after > 0.0 { before / after } else { 1.0 };
    let bounded = |name: &str| (of(name) * scale).clamp(1.0 / rules.range, rules.range);
    personas.iter().map(|p| (p.name.clone(), bounded(&p.name))).collect()
}

/// All by the same share of their way (in logarithms), so that none moves by more than `max_step`.
fn step(
    model: &mut PersonaModel,
    personas: &[Persona],
    wanted: &BTreeMap<String, f64>,
    rules: &PersonaRules,
) -> Vec<Learnt> {
    let known: BTreeSet<&str> = personas.iter().map(|p| p.name.as_str()).collect();
    model.factors.retain(|name, _| known.contains(name.as_str()));
    let way = |name: &str, to: f64| to.ln() - model.factor(name).ln();
    let far = wanted.iter().map(|(name, to)| way(name, *to).abs()).fold(0.0, f64::max);
    let most = rules.max_step.ln_1p();
    let share = if far > most { most / far } else { 1.0 };
    let next: BTreeMap<String, f64> = wanted
        .iter()
        .map(|(name, to)| (name.clone(), micro((model.factor(name).ln() + share * way(name, *to)).exp())))
        .collect();
    let change = |p: &Persona| {
        let (old, new) = (model.factor(&p.name), next.get(&p.name).copied().unwrap_or(1.0));
        let to = wanted.get(&p.name).copied().unwrap_or(1.0);
        let at_end = (to - rules.range).abs() < 1e-9 || (to - 1.0 / rules.range).abs() < 1e-9;
        let bound = if share < 1.0 {
            "max_step"
        } else if at_end {
            "range"
        } else {
            ""
        };
        let [before, after, wanted] = [old, new, to].map(|f| micro(p.weight * f));
        (old != new).then(|| Learnt { what: p.name.clone(), before, after, wanted, bound: bound.to_owned() })
    };
    let mut changes: Vec<Learnt> = personas.iter().filter_map(change).collect();
    changes.sort_by(|a, b| (b.after - b.before).abs().total_cmp(&(a.after - a.before).abs()));
    model.factors = next;
    changes
}

fn blank(before: &PersonaModel, posts: &[Judged], from: &LearntFrom) -> LearningStep {
    LearningStep {
        lesson: Lesson::Personas,
        channel: String::new(),
        version_before: before.version,
        version_after: before.version,
        on: before.on,
        why_off: Vec::new(),
        learnt_from: from.clone(),
        posts: posts.iter().map(|p| p.schedule_id).collect(),
        left_out: BTreeMap::new(),
        changes: Vec::new(),
        narrative: Vec::new(),
    }
}

fn told(model: &PersonaModel, from: &LearntFrom, changes: &[Learnt], rules: &PersonaRules) -> Vec<String> {
    let mut order: Vec<(&str, f64)> = model.skill.iter().map(|(name, skill)| (name.as_str(), *skill)).collect();
    order.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(b.0)));
    let named: Vec<String> = order.iter().map(|(name, skill)| format!("{name} {skill:+.2}")).collect();
    let held = if changes.iter().any(|c| c.bound == "max_step") {
        format!(" The largest change was held to {:.0} %, the others in proportion.", rules.max_step * 100.0)
    } else {
        String::new()
    };
    vec![
        format!("Learnt from the votes on {}.", words(from)),
        format!("How votes went with what came of them (-1 to 1, shrunk): {}.", named.join(", ")),
        format!("{} personas changed their weight.{held}", changes.len()),
    ]
}

#[cfg(test)]
#[path = "personas_tests.rs"]
mod tests;
