//! Lattice: where attention should go. Topics and projects that had little come up, a long queue ahead pushes back.

use omniva_contracts::config::EngineConfig;
use omniva_contracts::engine::*;
use serde_json::json;

use super::Brief;
use super::advice::advice;
use super::topics::{count_topics, likeness, own, pull, recent};

pub fn lattice(brief: &Brief, config: &EngineConfig) -> Advisory {
    let weights = &config.council.lattice;
    let (topic, cluster) = topic(brief, config);
    let fairness = fairness(brief);
    let backlog = backlog(brief, config);
    let parts = [(topic, weights.topic_weight), (fairness, weights.fairness_weight), (backlog, weights.backlog_weight)];
    // A part that nothing is known about has no weight.
    let total: f64 = parts.iter().filter(|p| p.0.is_some()).map(|p| p.1).sum();
    let sum: f64 = parts.iter().filter_map(|p| p.0.map(|v| v * p.1)).sum();
    let known = total > 0.0;
    let score = if known { sum / total } else { config.council.neutral };
    let delta = ((score - 0.5) * 2.0 * weights.strength * 1000.0).round();
    let pool =
        if brief.clip.is_some() && brief.edit_job.as_ref().is_some_and(|e| e.gpu_required) { "gpu" } else { "cpu" };
    let detail = json!({
        "priority_delta": delta, "routing_sequence": brief.last_routing_sequence + 1, "pool": pool,
        "topic": topic, "fairness": fairness, "backlog": backlog, "cluster": cluster,
    });
    let word = |value: Option<f64>| value.map_or_else(|| "unknown".to_owned(), |v| format!("{v:.2}"));
    let why =
        format!("Topic {}, fairness {}, room ahead {} (0.5 = balanced).", word(topic), word(fairness), word(backlog));
    let stance = match score {
        _ if !known => Stance::Neutral,
        s if s >= 0.5 => Stance::Support,
        _ => Stance::Oppose,
    };
    advice(Module::Lattice, brief, stance, (score, if known { 0.8 } else { 0.0 }), why, detail)
}

/// Pull of the clip's topic over the goal window, and the clips that it is grouped with.
fn topic(brief: &Brief, config: &EngineConfig) -> (Option<f64>, Vec<ClipId>) {
    let Some(own) = own(brief) else { return (None, Vec::new()) };
    if own.embedding.is_empty() && own.keywords.is_empty() {
        return (None, Vec::new());
    }
    let recent = recent(brief, config.council.horizon.window_days);
    let similarity = config.council.lattice.topic_similarity;
    let mut like: Vec<ClipId> = recent.iter().filter(|c| likeness(c, &own) >= similarity).map(|c| c.clip_id).collect();
    like.sort();
    if recent.is_empty() {
        return (Some(0.5), like);
    }
    let share = like.len() as f64 / recent.len() as f64;
    let topics = count_topics(&recent, similarity) + usize::from(like.is_empty());
    (Some(pull(share, 1.0 / topics.max(1) as f64)), like)
}

/// Pull of a project that has less than its share of work and output.
fn fairness(brief: &Brief) -> Option<f64> {
    let own = brief.project_id()?;
    let running: Vec<_> = brief.projects.iter().filter(|p| p.running || p.project_id == own).collect();
    let own = running.iter().find(|p| p.project_id == own)?;
    let weight = |p: &super::ProjectLoad| (p.open_jobs + p.recent_clips) as f64;
    let all: f64 = running.iter().map(|p| weight(p)).sum();
    if running.len() < 2 || all <= 0.0 {
        return None;
    }
    Some(pull(weight(own) / all, 1.0 / running.len() as f64))
}

/// 1 with an empty queue ahead, 0 at its threshold and beyond.
fn backlog(brief: &Brief, config: &EngineConfig) -> Option<f64> {
    let kind = brief.next_kind()?;
    let queue = brief.queue(kind)?;
    let depth = config.queue(kind).depth.max(1) as f64;
    Some(1.0 - ((queue.ready + queue.waiting) as f64 / depth).min(1.0))
}
