//! Horizon: does it serve where the project wants to go? Content mix against its targets, and cadence, over the goal
//! window.

use std::time::Duration;

use omniva_contracts::config::{EngineConfig, MixTarget};
use omniva_contracts::engine::*;
use serde_json::json;

use super::advice::advice;
use super::topics::{own, pull, recent};
use super::{Brief, ClipDigest};

pub fn horizon(brief: &Brief, config: &EngineConfig) -> Advisory {
    let goals = &config.council.horizon;
    let from = brief.now.before(Duration::from_secs(u64::from(goals.window_days) * 86_400));
    let window = json!({ "from": from, "to": brief.now });
    let Some(project) = &brief.project else {
        let detail = json!({ "goal_window": window });
        return advice(
            Module::Horizon,
            brief,
            Stance::Neutral,
            (config.council.neutral, 0.0),
            "No project, no goals.",
            detail,
        );
    };
    let recent = recent(brief, goals.window_days);
    let targets = if project.settings.mix.is_empty() { &goals.mix } else { &project.settings.mix };
    let mut warnings = Vec::new();
    let (mix, label) = mix(brief, &recent, targets, &mut warnings);
    let wanted = f64::from(project.settings.daily_quota) * f64::from(goals.window_days);
    let made = recent.len() as f64;
    let cadence = pull(made / wanted.max(1.0), 1.0);
    if made < wanted * 0.5
        && brief.now.since(project.created_at) > Duration::from_secs(u64::from(goals.window_days) * 86_400)
    {
        warnings.push(format!("{made:.0} clips in {} days, {wanted:.0} are wanted", goals.window_days));
    }
    // Behind its cadence a project takes what it gets: the mix then matters less.
    let alignment = match mix {
        Some(mix) => 0.7 * mix + 0.3 * cadence,
        None => cadence,
    };
    let confidence = if mix.is_some() { 0.7 } else { 0.4 };
    let detail = json!({
        "goal_window": window, "alignment": alignment, "mix": mix, "label": label, "cadence": cadence,
        "made": made, "wanted": wanted, "warnings": warnings,
        "horizon_adjustment": (alignment - 0.5) * 2.0 * goals.strength,
        "slot": brief.schedule.as_ref().filter(|_| brief.question == Question::Schedule).map(|s| &s.horizon_adjustments),
    });
    let why = match (&label, mix) {
        (Some(label), Some(mix)) => format!("\"{label}\" stands at {mix:.2} of balance; cadence {cadence:.2}."),
        (None, Some(_)) => format!("It belongs to none of the wanted kinds; cadence {cadence:.2}."),
        _ => format!("No mix is asked for; cadence {cadence:.2} ({made:.0} of {wanted:.0} clips)."),
    };
    let stance = if alignment >= 0.5 { Stance::Support } else { Stance::Oppose };
    advice(Module::Horizon, brief, stance, (alignment, confidence), why, detail)
}

/// Pull of the clip's kind of content; `None` without targets or clip. With several kinds the one that lacks most counts.
fn mix(
    brief: &Brief,
    recent: &[&ClipDigest],
    targets: &[MixTarget],
    warnings: &mut Vec<String>,
) -> (Option<f64>, Option<String>) {
    let Some(own) = own(brief).filter(|_| !targets.is_empty()) else { return (None, None) };
    let share = |target: &MixTarget| {
        let hits = recent.iter().filter(|c| belongs(c, target)).count();
        if recent.is_empty() { 0.0 } else { hits as f64 / recent.len() as f64 }
    };
    for target in targets.iter().filter(|t| recent.len() >= 5 && share(t) < t.share * 0.5) {
        warnings.push(format!(
            "\"{}\" has {:.0} % of {:.0} %",
            target.label,
            share(target) * 100.0,
            target.share * 100.0
        ));
    }
    let best = targets
        .iter()
        .filter(|t| belongs(&own, t))
        .map(|t| (pull(share(t), t.share), &t.label))
        .max_by(|a, b| a.0.total_cmp(&b.0).then(b.1.cmp(a.1)));
    match best {
        Some((pull, label)) => (Some(pull), Some(label.clone())),
        None => {
            let left = (1.0 - targets.iter().map(|t| t.share).sum::<f64>()).max(0.0);
            let others = recent.iter().filter(|c| !targets.iter().any(|t| belongs(c, t))).count();
            let share = if recent.is_empty() { 0.0 } else { others as f64 / recent.len() as f64 };
            // With nothing made yet and nothing left over it is simply not what is wanted.
            (Some(if left <= 0.0 { 0.0 } else { pull(share, left) }), None)
        }
    }
}

/// Whether a clip is of a kind of content: by its tags, keywords and title.
pub(crate) fn belongs(clip: &ClipDigest, target: &MixTarget) -> bool {
    let title = clip.title.to_lowercase();
    target
        .keywords
        .iter()
        .map(|k| k.to_lowercase())
        .filter(|k| !k.is_empty())
        .any(|word| clip.keywords.contains(&word) || crate::text::holds(&crate::text::tokens(&title), &word))
}
