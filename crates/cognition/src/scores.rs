//! `virality_score` and `relevance_score`: weighted features, spread over the whole of 0..1, with every part shown.
//!
//! A weighted mean of a dozen features crowds around its middle. The raw mean `r` is therefore stretched by a logistic
//! curve around the mean `m` that an ordinary clip would have ([`features::typical`], the same for every source):
//! `s = 1 / (1 + exp(-k (r - m)))`. 0.5 is an ordinary clip. The parts carry the factor `s / r` in their weight, and add up to the score exactly.

use std::collections::BTreeMap;

use omniva_contracts::choice::{Features, ScorePart, Scores};
use omniva_contracts::config::ChooseConfig;

use crate::features;

/// Slope: 0.15 above the ordinary becomes 0.86, 0.15 below it 0.14.
const SLOPE: f64 = 12.0;
/// What parts two candidates whose scores are equal to the last digit.
pub(crate) const TIE_STEP: f64 = 1e-6;

/// Weighted mean of the features, 0..1. Names that are no feature count nothing.
pub(crate) fn raw(weights: &BTreeMap<String, f64>, f: &Features) -> f64 {
    let terms = || weights.iter().filter_map(|(name, w)| features::value(f, name).map(|v| (v, *w)));
    let total: f64 = terms().map(|t| t.1).sum();
    if total > 0.0 { terms().map(|(v, w)| v * w).sum::<f64>() / total } else { features::UNKNOWN }
}

/// Weighted mean of what an ordinary clip has.
fn ordinary(weights: &BTreeMap<String, f64>) -> f64 {
    let known = || weights.iter().filter(|(name, _)| features::NAMES.contains(&name.as_str()));
    let total: f64 = known().map(|(_, w)| w).sum();
    if total > 0.0 { known().map(|(n, w)| features::typical(n) * w).sum::<f64>() / total } else { features::UNKNOWN }
}

fn stretch(raw: f64, ordinary: f64) -> f64 {
    features::logistic(raw - ordinary, SLOPE)
}

pub(crate) fn score(config: &ChooseConfig, f: &Features) -> Scores {
    let (virality, virality_parts) = parts(&config.virality, f);
    let (relevance, relevance_parts) = parts(&config.relevance, f);
    Scores { virality, relevance, virality_parts, relevance_parts }
}

/// The score and its parts, heaviest first. `weight` is the configured share times the factor of the stretch, so that
/// `weight × value = points` and the points add up to the score.
fn parts(weights: &BTreeMap<String, f64>, f: &Features) -> (f64, Vec<ScorePart>) {
    let raw = raw(weights, f);
    let total: f64 = weights.iter().filter(|(n, _)| features::value(f, n).is_some()).map(|(_, w)| w).sum();
    let factor = if raw > 0.0 && total > 0.0 { stretch(raw, ordinary(weights)) / raw / total } else { 0.0 };
    let mut parts: Vec<ScorePart> = weights
        .iter()
        .filter_map(|(name, w)| features::value(f, name).map(|value| (name, *w, value)))
        .map(|(name, w, value)| {
            let weight = w * factor;
            ScorePart { feature: name.clone(), value, weight, points: micro(weight * value) }
        })
        .collect();
    parts.sort_by(|a, b| b.points.total_cmp(&a.points).then(a.feature.cmp(&b.feature)));
    (sum(&parts), parts)
}

fn sum(parts: &[ScorePart]) -> f64 {
    micro(parts.iter().map(|p| p.points).sum()).clamp(0.0, 1.0)
}

pub(crate) fn micro(x: f64) -> f64 {
    (x * 1e6).round() / 1e6
}

/// Parts equal scores: of equal candidates the earlier one gets the more. `order` lists the scores with the earliest
/// candidate first; the raise (in steps of [`TIE_STEP`]) of each comes back, and no two raised scores are equal.
pub(crate) fn part_ties(values: &[f64]) -> Vec<u32> {
    let key = |v: f64| (v * 1e6).round() as i64;
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|a, b| key(values[*a]).cmp(&key(values[*b])).then(b.cmp(a)));
    let mut raises = vec![0; values.len()];
    let mut floor = i64::MIN;
    for k in order {
        let raised = key(values[k]).max(floor);
        raises[k] = u32::try_from(raised - key(values[k])).unwrap_or(0);
        floor = raised + 1;
    }
    raises
}

/// Adds the tie-breaking term to a score and shows it as a part of its own.
pub(crate) fn raise(score: &mut f64, parts: &mut Vec<ScorePart>, steps: u32) {
    if steps > 0 {
        let value = f64::from(steps);
        parts.push(ScorePart { feature: "tie_break".into(), value, weight: TIE_STEP, points: micro(value * TIE_STEP) });
        *score = micro(*score + value * TIE_STEP).min(1.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn weights() -> BTreeMap<String, f64> {
        [("hook", 2.0), ("payoff", 1.0), ("nonsense", 5.0)].into_iter().map(|(n, w)| (n.to_owned(), w)).collect()
    }

    #[test]
    fn the_points_add_up_to_the_score_and_each_is_weight_times_value() {
        let f = Features { hook: 0.73, payoff: 0.21, ..Features::default() };
        let (score, parts) = parts(&weights(), &f);
        assert_eq!(parts.len(), 2, "an unknown feature has no part");
        assert!((parts.iter().map(|p| p.points).sum::<f64>() - score).abs() < 1e-9);
        assert!(parts.iter().all(|p| (p.weight * p.value - p.points).abs() < 1e-6));
        assert!((score - stretch((2.0 * 0.73 + 0.21) / 3.0, ordinary(&weights()))).abs() < 2e-6);
    }

    #[test]
    fn the_stretch_keeps_order_and_midpoint_and_uses_the_range() {
        assert_eq!(stretch(0.6, 0.6), 0.5);
        assert!(stretch(0.75, 0.6) > 0.8 && stretch(0.45, 0.6) < 0.2);
        assert!(stretch(0.61, 0.6) > stretch(0.6, 0.6));
    }

    #[test]
    fn nothing_scores_nothing() {
        let (score, parts) = parts(&weights(), &Features::default());
        assert_eq!(score, 0.0);
        assert!(parts.iter().all(|p| p.points == 0.0));
    }

    #[test]
    fn equal_scores_are_parted_in_favour_of_the_earlier() {
        let raises = part_ties(&[0.5, 0.5, 0.4, 0.5, 0.500001]);
        let raised: Vec<i64> = [0.5, 0.5, 0.4, 0.5, 0.500001f64]
            .iter()
            .zip(&raises)
            .map(|(v, r)| (v * 1e6) as i64 + i64::from(*r))
            .collect();
        let unique: std::collections::BTreeSet<_> = raised.iter().collect();
        assert_eq!(unique.len(), 5);
        assert!(raised[0] > raised[1] && raised[1] > raised[3] && raises[2] == 0);
    }
}
