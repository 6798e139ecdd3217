//! The record as the page needs it: one card a clip (delivered, planned or failed), the candidates that are listed.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::path::Path;

use omniva_contracts::choice::{Candidate, Verdict};
use omniva_contracts::plan::EditPlan;
use omniva_contracts::qc::QcReport;
use omniva_contracts::record::{ClipFailure, ClipFiles, ClipMeasured, Draft, Framing, RunRecord, Timeline};
use omniva_contracts::wire::EditJob;

use crate::format::finite;
use crate::thumbs::Budget;

/// Candidates that are drawn and listed; of more, the chosen and the best.
pub const LISTED: usize = 400;

/// Everything about one chosen clip, whether it was delivered, only planned (dry run) or failed.
pub struct Card<'a> {
    pub rank: u32,
    /// Its HTML id: `clip-RANK`, made unique where a damaged record gives a rank twice.
    pub anchor: String,
    pub id: &'a str,
    pub candidate: Option<&'a Candidate>,
    pub made: Option<Made<'a>>,
    pub files: Option<&'a ClipFiles>,
    pub qc: Option<&'a QcReport>,
    pub measured: Option<&'a ClipMeasured>,
    pub failure: Option<&'a ClipFailure>,
    pub thumbnail: Option<String>,
}

/// How the clip is cut and written; absent when it failed before it was planned.
pub struct Made<'a> {
    pub plan: &'a EditPlan,
    pub job: &'a EditJob,
    pub draft: &'a Draft,
    pub framing: &'a Framing,
    pub transcript: &'a str,
}

impl Card<'_> {
    /// `None` when nothing was planned or Chorus found no title.
    pub fn title(&self) -> Option<&str> {
        self.made.as_ref().map(|m| m.draft.title.as_str()).filter(|t| !t.trim().is_empty())
    }
}

pub struct View<'a> {
    pub record: &'a RunRecord,
    /// Seconds of the time axis, always above 0.
    pub duration: f64,
    /// By rank.
    pub cards: Vec<Card<'a>>,
    /// In order of start time.
    pub listed: Vec<&'a Candidate>,
    /// Candidates that are not listed.
    pub unlisted: usize,
    anchors: BTreeMap<&'a str, usize>,
}

impl<'a> View<'a> {
    pub fn new(record: &'a RunRecord, folder: &Path) -> Self {
        let (listed, unlisted) = listed(&record.decisions.choice.candidates);
        let mut anchors = BTreeMap::new();
        for (i, candidate) in listed.iter().enumerate() {
            anchors.entry(candidate.id.as_str()).or_insert(i);
        }
        Self { record, duration: duration(record), cards: cards(record, folder), listed, unlisted, anchors }
    }

    pub fn timeline(&self) -> &'a Timeline {
        &self.record.decisions.timeline
    }

    /// Position in `listed`, which is also its anchor on the page: ids from the record never become HTML ids.
    pub fn row(&self, id: &str) -> Option<usize> {
        self.anchors.get(id).copied()
    }

    pub fn card_of(&self, id: &str) -> Option<&Card<'a>> {
        self.cards.iter().find(|c| c.id == id)
    }
}

fn duration(record: &RunRecord) -> f64 {
    let known = finite(record.decisions.media.duration);
    if known > 0.0 {
        return known;
    }
    record.decisions.choice.candidates.iter().map(|c| finite(c.span.end)).fold(1.0, f64::max)
}

fn listed(all: &[Candidate]) -> (Vec<&Candidate>, usize) {
    let mut best: Vec<&Candidate> = all.iter().collect();
    best.sort_by(|a, b| b.chosen().cmp(&a.chosen()).then_with(|| b.rank_score.total_cmp(&a.rank_score)));
    best.truncate(LISTED);
    best.sort_by(|a, b| order(a.span.start, b.span.start).then_with(|| a.id.cmp(&b.id)));
    let left = all.len() - best.len();
    (best, left)
}

fn order(a: f64, b: f64) -> Ordering {
    finite(a).total_cmp(&finite(b))
}

/// Decisions, delivered clips and failures, joined by candidate.
fn cards<'a>(record: &'a RunRecord, folder: &Path) -> Vec<Card<'a>> {
    let empty = |rank, id: &'a str| Card {
        rank,
        anchor: String::new(),
        id,
        candidate: record.decisions.choice.get(id),
        made: None,
        files: None,
        qc: None,
        measured: None,
        failure: None,
        thumbnail: None,
    };
    let mut by_id: BTreeMap<&str, Card<'a>> = BTreeMap::new();
    for d in &record.decisions.clips {
        let made = Made {
            plan: &d.plan,
            job: &d.edit_job,
            draft: &d.metadata,
            framing: &d.framing,
            transcript: &d.transcript,
        };
        by_id.insert(&d.candidate, Card { made: Some(made), ..empty(d.rank, &d.candidate) });
    }
    for c in &record.clips {
        let made = Made {
            plan: &c.plan,
            job: &c.edit_job,
            draft: &c.metadata,
            framing: &c.framing,
            transcript: &c.transcript,
        };
        let card = Card {
            candidate: Some(&c.candidate),
            made: Some(made),
            files: Some(&c.files),
            qc: c.qc.as_ref(),
            measured: c.measured.as_ref(),
            ..empty(c.rank, &c.candidate.id)
        };
        by_id.insert(&c.candidate.id, card);
    }
    for f in &record.failures {
        let card = by_id.entry(&f.candidate).or_insert_with(|| empty(f.rank, &f.candidate));
        card.failure = Some(f);
        card.qc = card.qc.or(f.qc.as_ref());
    }
    let mut cards: Vec<Card<'a>> = by_id.into_values().collect();
    cards.sort_by(|a, b| a.rank.cmp(&b.rank).then_with(|| a.id.cmp(b.id)));
    let mut last = None;
    for (i, card) in cards.iter_mut().enumerate() {
        let again = last.replace(card.rank) == Some(card.rank);
        card.anchor = if again { format!("clip-{}-{i}", card.rank) } else { format!("clip-{}", card.rank) };
    }
    let mut budget = Budget::default();
    for card in &mut cards {
        card.thumbnail = card.files.and_then(|f| budget.embed(folder, &f.thumbnail));
    }
    cards
}

/// The class that colours a candidate, and the filter that shows it.
pub fn kind(candidate: &Candidate) -> &'static str {
    match &candidate.verdict {
        Verdict::Chosen { .. } => "m-chosen",
        Verdict::Rejected { by, .. } => crate::format::module(*by).1,
    }
}
