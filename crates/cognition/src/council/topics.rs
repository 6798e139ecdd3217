//! What clips are about: likeness by meaning, and topics as groups of like clips.

use std::collections::BTreeSet;
use std::time::Duration;

use omniva_contracts::analysis::Embedding;
use omniva_contracts::engine::{ClipStatus, Moment};

use super::{Brief, ClipDigest};

/// Cosine of the meanings; where one has no embedding, the share of common keywords (Jaccard).
pub(super) fn likeness(a: &ClipDigest, b: &ClipDigest) -> f64 {
    if !a.embedding.is_empty() && a.embedding.len() == b.embedding.len() {
        return Embedding::cosine(&a.embedding, &b.embedding).max(0.0);
    }
    let (a, b): (BTreeSet<&String>, BTreeSet<&String>) = (a.keywords.iter().collect(), b.keywords.iter().collect());
    let all = a.union(&b).count();
    if all == 0 { 0.0 } else { a.intersection(&b).count() as f64 / all as f64 }
}

/// The subject's clip as others are seen.
pub(super) fn own(brief: &Brief) -> Option<ClipDigest> {
    brief.clip.as_ref().map(ClipDigest::of)
}

/// Clips of the project that count as output within the last `days`.
pub(super) fn recent(brief: &Brief, days: u32) -> Vec<&ClipDigest> {
    let from = brief.now.before(Duration::from_secs(u64::from(days) * 86_400));
    let counts = |c: &&ClipDigest| counts_as_output(c.status) && newest(c) >= from;
    brief.recent_clips.iter().filter(counts).collect()
}

fn newest(clip: &ClipDigest) -> Moment {
    clip.created_at.max(clip.updated_at)
}

/// Chosen and not failed: it is, or will be, something to watch.
pub(super) fn counts_as_output(status: ClipStatus) -> bool {
    !matches!(status, ClipStatus::Rejected | ClipStatus::Failed | ClipStatus::ReadyForEdit)
}

/// Number of topics among `clips`: each joins the first topic whose first clip it resembles.
pub(super) fn count_topics(clips: &[&ClipDigest], similarity: f64) -> usize {
    let mut leaders: Vec<&ClipDigest> = Vec::new();
    for clip in clips {
        if !leaders.iter().any(|leader| likeness(leader, clip) >= similarity) {
            leaders.push(clip);
        }
    }
    leaders.len()
}

/// 0..1: above a half when `share` is less than the `fair` one, below when it is more.
pub(super) fn pull(share: f64, fair: f64) -> f64 {
    let most = share.max(fair);
    if most <= 0.0 { 0.5 } else { (0.5 + 0.5 * (fair - share) / most).clamp(0.0, 1.0) }
}
