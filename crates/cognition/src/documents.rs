//! The documents of the reference (Module Interfaces §3.2, §3.3), filled from an analysis and a choice.

use std::collections::{BTreeMap, BTreeSet};

use omniva_contracts::Span;
use omniva_contracts::analysis::Analysis;
use omniva_contracts::choice::{Candidate, Choice};
use omniva_contracts::geometry::ms;
use omniva_contracts::wire::{AnalysisResult, ClipCandidate};
use uuid::Uuid;

use crate::scores::micro;

/// A count of faces must be seen in this share of the samples with a face, so that one false find counts for nothing.
const STEADY: f64 = 0.10;

/// `ClipCandidate` (§3.3). `confidence` is the council's consensus less its dissent: `consensus × (1 - dissent)`.
pub fn clip_candidate(analysis: &Analysis, candidate: &Candidate, clip_id: Option<Uuid>) -> ClipCandidate {
    let faces = simultaneous_faces(analysis, &candidate.span);
    let mut seen = BTreeSet::new();
    let tags = candidate.tags.iter().filter(|t| seen.insert(t.as_str())).cloned().collect();
    ClipCandidate {
        start_time: ms(candidate.span.start),
        end_time: ms(candidate.span.end),
        confidence: micro((candidate.consensus * (1.0 - candidate.dissent)).clamp(0.0, 1.0)),
        subject_focus: subject(analysis, candidate, faces),
        faces_detected: faces,
        semantic_tags: tags,
        pantheon_votes: candidate.vote_map(),
        lattice_priority: candidate.lattice_priority,
        clip_id,
    }
}

/// `AnalysisResult` (§3.2). The scores of a source are those of its best chosen clip, of its best candidate where none was
/// chosen, 0 where there is none. `generated_at` is left to the caller, who has a clock.
pub fn analysis_result(analysis: &Analysis, choice: &Choice, video_id: Uuid) -> AnalysisResult {
    let best = |score: fn(&Candidate) -> f64| {
        let of = |chosen: bool| choice.candidates.iter().filter(|c| !chosen || c.chosen()).map(score).fold(None, max);
        of(true).or_else(|| of(false)).unwrap_or(0.0)
    };
    AnalysisResult {
        video_id,
        transcript: analysis.sentences().iter().map(|s| s.text.trim()).collect::<Vec<_>>().join(" "),
        keywords_detected: analysis.read.keywords.iter().map(|k| k.term.clone()).collect(),
        virality_score: best(|c| c.scores.virality),
        relevance_score: best(|c| c.scores.relevance),
        clip_candidates: choice.candidates.iter().map(|c| clip_candidate(analysis, c, None)).collect(),
        meta_parents: Vec::new(),
        generated_at: None,
    }
}

fn max(best: Option<f64>, next: f64) -> Option<f64> {
    Some(best.map_or(next, |b| b.max(next)))
}

/// Most faces that are in the picture at the same time, steadily.
fn simultaneous_faces(analysis: &Analysis, span: &Span) -> u32 {
    let step = if analysis.seen.face_step > 0.0 { analysis.seen.face_step } else { 0.25 };
    let mut slots: BTreeMap<i64, u32> = BTreeMap::new();
    for track in &analysis.seen.faces {
        let inside: BTreeSet<i64> =
            track.samples.iter().filter(|s| span.contains(s.time)).map(|s| (s.time / step).round() as i64).collect();
        for slot in inside {
            *slots.entry(slot).or_default() += 1;
        }
    }
    let needed = (slots.len() as f64 * STEADY).max(1.0);
    let most = slots.values().copied().max().unwrap_or(0);
    (1..=most).rev().find(|n| slots.values().filter(|v| *v >= n).count() as f64 >= needed).unwrap_or(0)
}

/// `speaker_1`, `two_speakers` …; where nobody speaks `face`, `two_faces` …, `no_subject`. Speakers count from 1.
fn subject(analysis: &Analysis, candidate: &Candidate, faces: u32) -> String {
    let count = |n: usize, what: &str| match n {
        2 => format!("two_{what}"),
        3 => format!("three_{what}"),
        _ => format!("several_{what}"),
    };
    match (candidate.speakers.as_slice(), faces) {
        ([one], _) => {
            let from_zero = analysis.sentences().iter().any(|s| s.speaker == 0);
            format!("speaker_{}", one + u32::from(from_zero))
        }
        ([], 0) => "no_subject".into(),
        ([], 1) => "face".into(),
        ([], n) => count(n as usize, "faces"),
        (many, _) => count(many.len(), "speakers"),
    }
}
