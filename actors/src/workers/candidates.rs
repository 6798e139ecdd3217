//! An analysis and its candidates as rows.

use std::collections::{BTreeMap, BTreeSet};

use omniva_cognition::{analysis_result, chorus, clip_candidate};
use omniva_contracts::analysis::{Analysis, Embedding, Sentence};
use omniva_contracts::choice::{Candidate, CandidateId, Verdict};
use omniva_contracts::engine::*;
use serde_json::{Value, json};

use super::analyze::KeptAnalysis;
use super::rows::{Belongs, id_of};

/// Characters of what is said that a clip's row keeps.
const TEXT_MAX: usize = 4_000;
/// Keywords of a clip's row.
const KEYWORDS_MAX: usize = 15;

pub(super) fn analysis(
    analysis_id: AnalysisId,
    found: &KeptAnalysis,
    belongs: &Belongs,
    artifact: &Artifact,
    personas_version: u64,
) -> AnalysisRow {
    let KeptAnalysis { analysis, choice, config } = found;
    let result = analysis_result(analysis, choice, belongs.video.0);
    let mut models: Vec<_> =
        [&analysis.heard.models, &analysis.seen.models, &analysis.read.models].into_iter().flatten().cloned().collect();
    models.sort_by(|a, b| (&a.role, &a.name).cmp(&(&b.role, &b.name)));
    models.dedup();
    let detail = AnalysisDetail {
        artifact: artifact.path.clone(),
        sha256: artifact.sha256.clone(),
        config_sha256: config.sha256(),
        personas_version,
        models,
        language: analysis.heard.language.clone(),
        why_none: choice.why_none.clone(),
        notes: choice.notes.clone(),
        warnings: analysis.warnings().cloned().collect(),
        windows_scanned: choice.windows_scanned,
        candidates: choice.candidates.len() as u64,
    };
    AnalysisRow {
        analysis_id,
        video_id: belongs.video,
        transcript: result.transcript,
        keywords: result.keywords_detected,
        virality_score: result.virality_score,
        relevance_score: result.relevance_score,
        raw_ai_output: json!(detail),
        active: true,
        created_at: belongs.now,
        version: 1,
    }
}

/// Every candidate that was looked at: READY_FOR_EDIT, or REJECTED with its reason.
pub(super) fn clips(
    job: &Job,
    analysis_id: AnalysisId,
    found: &KeptAnalysis,
    belongs: &Belongs,
    title: &str,
) -> Vec<Clip> {
    let ids: BTreeMap<&CandidateId, ClipId> =
        found.choice.candidates.iter().map(|c| (&c.id, ClipId(id_of(job, &format!("clip {}", c.id))))).collect();
    let one = |candidate: &Candidate| {
        let clip_id = *ids.get(&candidate.id)?;
        let wire = clip_candidate(&found.analysis, candidate, Some(clip_id.0));
        let mut detail = detail(found, candidate, title, &ids);
        detail.analysis_id = Some(analysis_id);
        Some(Clip {
            clip_id,
            video_id: belongs.video,
            project_id: belongs.project,
            start_time: wire.start_time,
            end_time: wire.end_time,
            confidence: wire.confidence,
            semantic_tags: wire.semantic_tags,
            pantheon_votes: wire.pantheon_votes,
            lattice_priority: wire.lattice_priority,
            status: if candidate.chosen() { ClipStatus::ReadyForEdit } else { ClipStatus::Rejected },
            metadata: with_votes(json!(detail), candidate),
            trace_id: job.trace_id,
            created_at: belongs.now,
            updated_at: belongs.now,
            version: 1,
        })
    };
    found.choice.candidates.iter().filter_map(one).collect()
}

/// What each persona said: HaloLux quotes it.
fn with_votes(mut metadata: Value, candidate: &Candidate) -> Value {
    if let Some(map) = metadata.as_object_mut() {
        map.insert("votes".into(), json!(candidate.votes));
    }
    metadata
}

fn detail(
    found: &KeptAnalysis,
    candidate: &Candidate,
    title: &str,
    ids: &BTreeMap<&CandidateId, ClipId>,
) -> ClipDetail {
    let KeptAnalysis { analysis, config, .. } = found;
    let sentences = said_in(analysis, candidate);
    let text = sentences.iter().map(|s| s.text.trim()).collect::<Vec<_>>().join(" ");
    let draft = chorus::draft(analysis, candidate, &text, &config.chorus, title);
    let (rank, reason, rejected_by, rejected_code, because_of) = match &candidate.verdict {
        Verdict::Chosen { rank, reason } => (Some(*rank), reason, None, None, None),
        Verdict::Rejected { by, code, reason, because_of } => {
            let winner = because_of.as_ref().and_then(|id| ids.get(id).copied());
            (None, reason, Some(*by), Some(code.clone()), winner)
        }
    };
    ClipDetail {
        analysis_id: None,
        candidate: candidate.id.clone(),
        rank,
        title: draft.title,
        reason: reason.clone(),
        rejected_by,
        rejected_code,
        because_of,
        opening: candidate.opening.clone(),
        text: text.chars().take(TEXT_MAX).collect(),
        topic: candidate.topic.and_then(|t| analysis.read.topics.iter().find(|x| x.id == t)).map(|t| t.label.clone()),
        keywords: keywords(draft.keywords, candidate),
        embedding: embedding(sentences),
        speakers: candidate.speakers.clone(),
        features: candidate.features,
        virality: candidate.scores.virality,
        relevance: candidate.scores.relevance,
        consensus: candidate.consensus,
        dissent: candidate.dissent,
        horizon_bias: candidate.horizon_bias,
        rank_score: candidate.rank_score,
    }
}

fn said_in<'a>(analysis: &'a Analysis, candidate: &Candidate) -> &'a [Sentence] {
    analysis.sentences().get(candidate.first_sentence..candidate.end_sentence).unwrap_or_default()
}

/// The draft's and the candidate's own, each once.
fn keywords(drafted: Vec<String>, candidate: &Candidate) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let all = drafted.into_iter().chain(candidate.tags.iter().cloned());
    all.filter(|word| seen.insert(word.to_lowercase())).take(KEYWORDS_MAX).collect()
}

/// Mean of the sentences' embeddings, weighted by their length in words; empty where nobody speaks.
fn embedding(sentences: &[Sentence]) -> String {
    let mut sum = vec![0.0f32; Embedding::SIZE];
    let mut any = false;
    for sentence in sentences {
        let vector = Embedding::decode(&sentence.embedding);
        if vector.len() != sum.len() {
            continue;
        }
        any = true;
        let weight = sentence.end_word.saturating_sub(sentence.first_word).max(1) as f32;
        sum.iter_mut().zip(vector).for_each(|(total, value)| *total += weight * value);
    }
    if any { Embedding::encode(&sum) } else { String::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sentence(words: usize, vector: &[f32]) -> Sentence {
        Sentence {
            start: 0.0,
            end: 1.0,
            text: "x".into(),
            first_word: 0,
            end_word: words,
            speaker: 0,
            topic: 0,
            sentiment: 0.0,
            confidence: 1.0,
            complete: true,
            embedding: if vector.is_empty() { String::new() } else { Embedding::encode(vector) },
        }
    }

    #[test]
    fn a_clip_means_what_most_of_its_words_mean() {
        let axis = |at: usize| (0..Embedding::SIZE).map(|i| if i == at { 1.0 } else { 0.0 }).collect::<Vec<f32>>();
        let mean = Embedding::decode(&embedding(&[sentence(30, &axis(0)), sentence(3, &axis(1)), sentence(9, &[])]));
        assert!(Embedding::cosine(&mean, &axis(0)) > 0.98);
        assert!(Embedding::cosine(&mean, &axis(1)) > 0.05);
        assert_eq!(embedding(&[]), "");
        assert_eq!(embedding(&[sentence(3, &[])]), "");
    }
}
