//! HaloLux: why this, why not that, why nothing. Built from the run's record alone: every sentence names the places in
//! `run.json` that it rests on, what is missing there is said, and the share that was found is the completeness.

mod answers;
mod clip;
pub mod engine;
mod evidence;
mod render;

use omniva_contracts::choice::CandidateId;
use omniva_contracts::record::RunRecord;
use omniva_contracts::{Code, Fault};
use serde::{Deserialize, Serialize};

pub use evidence::resolve;
pub use render::render_text;

use evidence::Teller;

/// What a user may ask about a run.
#[derive(Clone, Debug, PartialEq)]
pub enum Question {
    Summary,
    /// Why the clip of this rank (1 is best) was chosen.
    WhyClip(u32),
    /// Why this candidate was not.
    WhyNot(CandidateId),
    /// Why nothing was taken at this second of the source.
    WhyNotAt(f64),
    WhyNone,
}

/// One sentence and what it rests on: paths in `run.json` that [`resolve`] understands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Statement {
    pub text: String,
    pub evidence: Vec<String>,
}

/// One step of the decision: who found what.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Step {
    pub module: String,
    pub finding: String,
    pub evidence: Vec<String>,
}

/// A candidate that was not taken.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Alternative {
    pub candidate: CandidateId,
    pub start: f64,
    pub end: f64,
    pub opening: String,
    pub code: String,
    pub reason: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub because_of: Option<CandidateId>,
    pub rank_score: f64,
    pub evidence: String,
}

/// Narrative and reasoning chain (reference §4.8). The same record and question give the same explanation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Explanation {
    pub question: String,
    pub narrative: Vec<Statement>,
    pub reasoning: Vec<Step>,
    pub discarded: Vec<Alternative>,
    /// Paths that were looked for and are not in the record.
    pub missing: Vec<String>,
    /// Share of the evidence looked for that the record holds, 0..1.
    pub completeness: f64,
}

/// Answers a question about a run. `usage` when the clip or candidate asked about does not exist in it.
pub fn explain(run: &RunRecord, question: &Question) -> Result<Explanation, Fault> {
    let record = serde_json::to_value(run).map_err(|e| Fault::internal("the record can't be read").with_detail(e))?;
    let mut teller = Teller::new(run, record);
    let asked = match question {
        Question::Summary => answers::summary(&mut teller),
        Question::WhyNone => answers::why_none(&mut teller),
        Question::WhyClip(rank) => clip::why_clip(&mut teller, *rank)?,
        Question::WhyNot(id) => clip::why_not(&mut teller, id)?,
        Question::WhyNotAt(at) => clip::why_not_at(&mut teller, *at)?,
    };
    Ok(teller.finish(asked))
}

fn unknown(message: String, next_step: String) -> Fault {
    Fault::new(Code::Usage, message, next_step)
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
