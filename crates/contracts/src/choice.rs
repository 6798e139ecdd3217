//! Candidates, what the council says about them, and the decision.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::geometry::Span;

/// `c001`, `c002` … in order of start time.
pub type CandidateId = String;

/// Who had a say. The names are those of the reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Module {
    Paradox,
    Eclipse,
    Stardust,
    Lattice,
    Horizon,
    Pantheon,
    Chorus,
    Halolux,
    Zenith,
}

/// Each 0..1, higher is better for a short; how each is computed stands in `omniva-cognition::features`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Features {
    pub hook: f64,
    pub stands_alone: f64,
    pub payoff: f64,
    pub density: f64,
    pub emotion: f64,
    pub energy: f64,
    pub faces: f64,
    pub pace: f64,
    pub keywords: f64,
    pub novelty: f64,
    /// Confidence of the transcript, share of marked regions taken off.
    pub clarity: f64,
    /// Starts and ends at a sentence, in one turn, away from shot borders.
    pub boundaries: f64,
}

/// One term of a score: `weight × value = points`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ScorePart {
    pub feature: String,
    pub value: f64,
    pub weight: f64,
    pub points: f64,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Scores {
    /// 0..1
    pub virality: f64,
    pub relevance: f64,
    pub virality_parts: Vec<ScorePart>,
    pub relevance_parts: Vec<ScorePart>,
}

/// One persona's vote (reference §4.6: `agent`, `vote`, `confidence`, `commentary`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Vote {
    pub agent: String,
    pub vote: f64,
    pub confidence: f64,
    pub commentary: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "outcome", rename_all = "snake_case", deny_unknown_fields)]
pub enum Verdict {
    Chosen {
        /// 1 is best.
        rank: u32,
        reason: String,
    },
    Rejected {
        by: Module,
        /// Stable: `overlaps`, `repeats`, `outvoted`, `below_floor`, `count_reached`, `topic_full`, `mix_full`, `low_confidence`, `cut_off` …
        code: String,
        reason: String,
        /// The candidate that it lost to, if one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        because_of: Option<CandidateId>,
    },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Candidate {
    pub id: CandidateId,
    pub span: Span,
    /// Half-open range into the sentences of the analysis; equal when the source has no speech there.
    pub first_sentence: usize,
    pub end_sentence: usize,
    /// First words, for people.
    pub opening: String,
    pub topic: Option<u32>,
    pub speakers: Vec<u32>,
    pub tags: Vec<String>,
    pub features: Features,
    pub scores: Scores,
    pub votes: Vec<Vote>,
    /// Weighted mean of the votes, 0..1.
    pub consensus: f64,
    /// Spread of the votes (weighted standard deviation), 0..0.5.
    pub dissent: f64,
    /// Lattice: 0..1 after balancing topics.
    pub lattice_priority: f64,
    /// Horizon: -1..1, 0 when the project asks for no mix.
    pub horizon_bias: f64,
    /// What Zenith ranks by: consensus × priority × bias, 0..1. No two candidates share a value.
    pub rank_score: f64,
    pub verdict: Verdict,
}

impl Candidate {
    pub fn chosen(&self) -> bool {
        matches!(self.verdict, Verdict::Chosen { .. })
    }
    pub fn vote_map(&self) -> BTreeMap<String, f64> {
        self.votes.iter().map(|v| (v.agent.clone(), v.vote)).collect()
    }
}

/// The whole decision for one source.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Choice {
    /// In order of start time; every one that was looked at, chosen or not.
    pub candidates: Vec<Candidate>,
    /// Ids of the chosen, best first.
    pub chosen: Vec<CandidateId>,
    /// Windows that were looked at before the first sieve (too weak to become candidates are only counted).
    pub windows_scanned: u64,
    /// Why nothing was chosen; `None` when something was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why_none: Option<String>,
    /// What the council noted on the way (a mix that could not be met, fewer clips than asked for …).
    pub notes: Vec<String>,
}

impl Choice {
    pub fn get(&self, id: &str) -> Option<&Candidate> {
        self.candidates.iter().find(|c| c.id == id)
    }
}
