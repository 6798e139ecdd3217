//! Lattice: balances the topics of a source, so that one long subject does not take every place.

use std::collections::BTreeMap;

/// Priority of each candidate, 0..1, 0.5 when its topic holds its fair share of the candidates. A topic with few
/// candidates goes up, one with many down: `0.5 + 0.5 (fair - share) / max(fair, share)`.
pub(crate) fn priorities(topics: &[Option<u32>]) -> Vec<f64> {
    let mut held: BTreeMap<Option<u32>, f64> = BTreeMap::new();
    for topic in topics {
        *held.entry(*topic).or_default() += 1.0;
    }
    if held.len() < 2 {
        return vec![0.5; topics.len()];
    }
    let fair = 1.0 / held.len() as f64;
    let total = topics.len() as f64;
    let priority = |topic: &Option<u32>| {
        let share = held.get(topic).copied().unwrap_or(0.0) / total;
        crate::scores::micro(0.5 + 0.5 * (fair - share) / fair.max(share))
    };
    topics.iter().map(priority).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rare_topics_go_up_and_crowded_ones_down() {
        let mut topics = vec![Some(0); 8];
        topics.extend([Some(1), Some(1)]);
        let p = priorities(&topics);
        assert!(p[0] < 0.5 && p[9] > 0.5);
        assert_eq!(priorities(&[Some(3), Some(3)]), [0.5, 0.5]);
        assert_eq!(priorities(&[Some(3), None]), [0.5, 0.5]);
        assert!(priorities(&[]).is_empty());
    }
}
