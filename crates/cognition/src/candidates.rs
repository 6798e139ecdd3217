//! From windows to candidates: what people and the other modules need to know about each.

use std::collections::BTreeSet;

use omniva_contracts::analysis::PeakKind;
use omniva_contracts::choice::{Candidate, Features, Module, Verdict};

use crate::material::Material;
use crate::text::{clock, is_question};
use crate::windows::{Flaw, Window};
use crate::{horizon, lattice, pantheon, scores, windows};

/// Words of the opening line.
const OPENING_WORDS: usize = 12;
/// Tags of one candidate at most.
const MAX_TAGS: usize = 12;

/// Candidates in order of time, with what decides about each beside them.
pub(crate) struct Field {
    pub candidates: Vec<Candidate>,
    pub flaws: Vec<Option<Flaw>>,
    /// Persona and vote of an objection.
    pub vetoes: Vec<Option<(String, f64)>>,
    pub mix: horizon::Mix,
}

pub(crate) fn assemble(m: &Material<'_>, windows: Vec<Window>) -> Field {
    let flaws: Vec<Option<Flaw>> = windows.iter().map(|w| w.flaw.clone()).collect();
    let mut candidates: Vec<Candidate> = windows.iter().enumerate().map(|(k, w)| candidate(m, k, w)).collect();
    part_equal_scores(&mut candidates);
    let mut vetoes = Vec::with_capacity(candidates.len());
    for c in &mut candidates {
        let council = pantheon::vote(&m.config.personas, &c.features, &c.scores, measured(m, &c.features));
        (c.votes, c.consensus, c.dissent) = (council.votes, council.consensus, council.dissent);
        vetoes.push(council.veto);
    }
    let topics: Vec<Option<u32>> = candidates.iter().map(|c| c.topic).collect();
    let texts: Vec<Vec<String>> = candidates.iter().map(|c| words_and_tags(m, c)).collect();
    let mix = horizon::mix(&m.config.horizon, &texts);
    for ((c, priority), bias) in candidates.iter_mut().zip(lattice::priorities(&topics)).zip(&mix.bias) {
        (c.lattice_priority, c.horizon_bias) = (priority, *bias);
        c.rank_score = rank(m, c);
    }
    let ranks: Vec<f64> = candidates.iter().map(|c| c.rank_score).collect();
    for (c, steps) in candidates.iter_mut().zip(scores::part_ties(&ranks)) {
        c.rank_score = scores::micro(c.rank_score + f64::from(steps) * scores::TIE_STEP);
    }
    Field { candidates, flaws, vetoes, mix }
}

/// `consensus × (0.95 + 0.1 priority) × (1 + strength × bias)`, and up to 0.03 for a longer thought that is complete. The
/// factors are 1 where Lattice and Horizon have nothing to say.
fn rank(m: &Material<'_>, c: &Candidate) -> f64 {
    let balance = 0.95 + 0.1 * c.lattice_priority;
    let mix = 1.0 + m.config.horizon.strength * c.horizon_bias;
    let whole = 0.03 * windows::length_bonus(m, &c.span) * c.features.payoff;
    scores::micro((c.consensus * balance * mix + whole).clamp(0.0, 0.99))
}

fn candidate(m: &Material<'_>, k: usize, w: &Window) -> Candidate {
    let sentences = m.sentences().get(w.first..w.end).unwrap_or(&[]);
    let speakers: BTreeSet<u32> = sentences.iter().map(|s| s.speaker).collect();
    Candidate {
        id: format!("c{:03}", k + 1),
        span: w.span,
        first_sentence: w.first,
        end_sentence: w.end,
        opening: opening(m, w),
        topic: sentences.first().map(|s| s.topic),
        speakers: speakers.into_iter().collect(),
        tags: tags(m, w),
        features: w.features,
        scores: scores::score(&m.config.choose, &w.features),
        votes: Vec::new(),
        consensus: 0.0,
        dissent: 0.0,
        lattice_priority: 0.5,
        horizon_bias: 0.0,
        rank_score: 0.0,
        // Replaced by Zenith, which gives every candidate its own.
        verdict: Verdict::Rejected {
            by: Module::Zenith,
            code: "undecided".into(),
            reason: String::new(),
            because_of: None,
        },
    }
}

fn opening(m: &Material<'_>, w: &Window) -> String {
    if w.first == w.end {
        return format!("(no speech, {} to {})", clock(w.span.start), clock(w.span.end));
    }
    let said: Vec<&str> =
        m.sentences()[w.first..w.end].iter().flat_map(|s| s.text.split_whitespace()).take(OPENING_WORDS + 1).collect();
    let head = said.get(..OPENING_WORDS.min(said.len())).unwrap_or(&[]).join(" ");
    if said.len() > OPENING_WORDS { head + " …" } else { head }
}

/// Labels of the moment: what kind it is, then the subject's words.
fn tags(m: &Material<'_>, w: &Window) -> Vec<String> {
    let sentences = m.sentences().get(w.first..w.end).unwrap_or(&[]);
    let mut tags: Vec<String> = Vec::new();
    let mut add = |tag: &str| {
        let tag = tag.trim().to_lowercase();
        if !tag.is_empty() && tags.len() < MAX_TAGS && !tags.contains(&tag) {
            tags.push(tag);
        }
    };
    let voices: BTreeSet<u32> = sentences.iter().map(|s| s.speaker).collect();
    match voices.len() {
        0 => add("no speech"),
        1 => add("monologue"),
        _ => add("dialogue"),
    }
    if sentences.first().is_some_and(|s| is_question(&s.text)) {
        add("question");
    }
    if m.peaks.strength(&w.span, PeakKind::Laughter) > 0.3 {
        add("laughter");
    }
    let mood: f64 = sentences.iter().map(|s| s.sentiment).sum::<f64>() / sentences.len().max(1) as f64;
    if mood.abs() >= 0.35 {
        add(if mood > 0.0 { "positive" } else { "negative" });
    }
    let mut terms: Vec<usize> =
        m.lines.get(w.first..w.end).unwrap_or(&[]).iter().flat_map(|l| l.keywords.clone()).collect();
    terms.sort_by(|a, b| {
        let weight = |k: usize| m.keywords.get(k).map_or((false, 0.0), |t| (t.user, t.weight));
        weight(*b).0.cmp(&weight(*a).0).then(weight(*b).1.total_cmp(&weight(*a).1)).then(a.cmp(b))
    });
    for term in terms.iter().filter_map(|k| m.analysis.read.keywords.get(*k)) {
        add(&term.term);
    }
    tags
}

/// How well the source could be measured, 0..1: what the personas' confidence is scaled by.
fn measured(m: &Material<'_>, f: &Features) -> f64 {
    let missing = [
        m.analysis.media.video.is_none(),
        m.lexicon.is_none(),
        !m.has_sentiment,
        m.loudness.is_empty(),
        m.meaning.is_empty(),
    ];
    let share = missing.iter().filter(|x| **x).count() as f64 / missing.len() as f64;
    (1.0 - 0.5 * share) * (0.5 + 0.5 * f.clarity)
}

fn words_and_tags(m: &Material<'_>, c: &Candidate) -> Vec<String> {
    let lines = m.lines.get(c.first_sentence..c.end_sentence).unwrap_or(&[]);
    let mut words: Vec<String> = lines.iter().flat_map(|l| l.tokens.iter().cloned()).collect();
    words.extend(c.tags.iter().flat_map(|t| crate::text::tokens(t)));
    words
}

fn part_equal_scores(candidates: &mut [Candidate]) {
    let virality: Vec<f64> = candidates.iter().map(|c| c.scores.virality).collect();
    let relevance: Vec<f64> = candidates.iter().map(|c| c.scores.relevance).collect();
    let raises = scores::part_ties(&virality).into_iter().zip(scores::part_ties(&relevance));
    for (c, (v, r)) in candidates.iter_mut().zip(raises) {
        scores::raise(&mut c.scores.virality, &mut c.scores.virality_parts, v);
        scores::raise(&mut c.scores.relevance, &mut c.scores.relevance_parts, r);
    }
}
