//! Horizon: the mix of content that a project asks for. Pushes what is wanted and scarce, reserves places for it, and says
//! what could not be met.

use omniva_contracts::config::HorizonConfig;

use crate::scores::micro;
use crate::text::{holds, tokens};

/// Which targets each candidate serves, and the push that follows.
#[derive(Clone, Debug, Default)]
pub(crate) struct Mix {
    /// Indices into the targets, per candidate.
    pub serves: Vec<Vec<usize>>,
    /// -1..1 per candidate; all 0 when no mix is asked for.
    pub bias: Vec<f64>,
}

/// `texts`: words and tags of each candidate.
pub(crate) fn mix(config: &HorizonConfig, texts: &[Vec<String>]) -> Mix {
    let targets: Vec<Vec<String>> = config
        .mix
        .iter()
        .map(|t| t.keywords.iter().map(|k| tokens(k).join(" ")).filter(|k| !k.is_empty()).collect())
        .collect();
    let serves: Vec<Vec<usize>> = texts
        .iter()
        .map(|text| (0..targets.len()).filter(|t| targets[*t].iter().any(|k| holds(text, k))).collect())
        .collect();
    let wanted: f64 = config.mix.iter().map(|t| t.share).sum();
    if wanted <= 0.0 {
        return Mix { bias: vec![0.0; texts.len()], serves };
    }
    let supply = |t: usize| serves.iter().filter(|s| s.contains(&t)).count() as f64 / texts.len().max(1) as f64;
    let push: Vec<f64> = config
        .mix
        .iter()
        .enumerate()
        .map(|(t, target)| {
            let (share, supply) = (target.share, supply(t));
            (share - supply) / share.max(supply).max(0.01)
        })
        .collect();
    let bias = serves
        .iter()
        .map(|s| s.iter().map(|t| push[*t]).fold(None, |m: Option<f64>, p| Some(m.map_or(p, |m| m.max(p)))))
        .map(|best| micro(best.unwrap_or(-0.5 * wanted).clamp(-1.0, 1.0)))
        .collect();
    Mix { serves, bias }
}

/// Places reserved for each target among `count` clips.
pub(crate) fn quotas(config: &HorizonConfig, count: usize) -> Vec<usize> {
    let mut left = count;
    let places = |t: &omniva_contracts::config::MixTarget| {
        let n = ((t.share * count as f64).round() as usize).min(left);
        left -= n;
        n
    };
    config.mix.iter().map(places).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use omniva_contracts::config::MixTarget;

    fn config(share: f64) -> HorizonConfig {
        let target = MixTarget { label: "educational".into(), keywords: vec!["How to".into(), "learn".into()], share };
        HorizonConfig { mix: vec![target], strength: 0.25 }
    }

    #[test]
    fn scarce_and_wanted_content_is_pushed_and_the_rest_held_back() {
        let texts = vec![tokens("how to cook"), tokens("a joke"), tokens("another joke"), tokens("a story")];
        let m = mix(&config(0.5), &texts);
        assert_eq!(m.serves, [vec![0], vec![], vec![], vec![]]);
        assert!(m.bias[0] > 0.4 && m.bias[1] < 0.0);
        assert_eq!(mix(&HorizonConfig { mix: vec![], strength: 0.2 }, &texts).bias, [0.0; 4]);
    }

    #[test]
    fn quotas_never_exceed_the_places() {
        assert_eq!(quotas(&config(0.4), 5), [2]);
        let mut two = config(0.5);
        two.mix.push(two.mix[0].clone());
        assert_eq!(quotas(&two, 1), [1, 0]);
    }
}
