//! Evidence: paths into `run.json`, and the teller who says nothing without one.

use omniva_contracts::choice::{Candidate, Verdict};
use omniva_contracts::record::RunRecord;
use serde_json::Value;

use super::{Alternative, Explanation, Statement, Step};

/// Keys by which an element of a list is named in a path.
const NAMES: [&str; 7] = ["id", "agent", "feature", "name", "candidate", "rank", "label"];

/// The value at a path such as `decisions.choice.candidates[c012].votes[guardian].vote`. `[x]` picks the element of a list
/// whose `id`, `agent`, `feature`, `name`, `candidate`, `rank` or `label` is `x`, `[#3]` the fourth element.
pub fn resolve<'a>(run: &'a Value, path: &str) -> Option<&'a Value> {
    let mut at = run;
    for step in path.split('.') {
        let (key, mut picks) = match step.find('[') {
            Some(open) => (&step[..open], &step[open..]),
            None => (step, ""),
        };
        at = at.get(key)?;
        while let Some(rest) = picks.strip_prefix('[') {
            let close = rest.find(']')?;
            at = pick(at, &rest[..close])?;
            picks = &rest[close + 1..];
        }
    }
    (!at.is_null()).then_some(at)
}

fn pick<'a>(list: &'a Value, name: &str) -> Option<&'a Value> {
    let list = list.as_array()?;
    if let Some(index) = name.strip_prefix('#') {
        return list.get(index.parse::<usize>().ok()?);
    }
    let named = |item: &Value, key: &str| match item.get(key) {
        Some(Value::String(text)) => text == name,
        Some(Value::Number(number)) => number.to_string() == name,
        _ => false,
    };
    list.iter().find(|item| NAMES.iter().any(|key| named(item, key)))
}

/// Collects sentences whose evidence is there, and what was looked for in vain.
pub(super) struct Teller<'a> {
    pub run: &'a RunRecord,
    record: Value,
    narrative: Vec<Statement>,
    reasoning: Vec<Step>,
    discarded: Vec<Alternative>,
    missing: Vec<String>,
    needed: usize,
    found: usize,
}

impl<'a> Teller<'a> {
    pub fn new(run: &'a RunRecord, record: Value) -> Self {
        Self {
            run,
            record,
            narrative: Vec::new(),
            reasoning: Vec::new(),
            discarded: Vec::new(),
            missing: Vec::new(),
            needed: 0,
            found: 0,
        }
    }

    /// True when all paths are in the record; the others are noted as missing.
    fn check(&mut self, paths: &[String]) -> bool {
        let mut all = true;
        for path in paths {
            self.needed += 1;
            if resolve(&self.record, path).is_some() {
                self.found += 1;
            } else {
                all = false;
                if !self.missing.contains(path) {
                    self.missing.push(path.clone());
                }
            }
        }
        all && !paths.is_empty()
    }

    /// Says a sentence, if what it rests on is there.
    pub fn say(&mut self, text: impl Into<String>, paths: &[String]) {
        if self.check(paths) {
            self.narrative.push(Statement { text: text.into(), evidence: paths.to_vec() });
        }
    }

    pub fn step(&mut self, module: &str, finding: impl Into<String>, paths: &[String]) {
        if self.check(paths) {
            self.reasoning.push(Step { module: module.into(), finding: finding.into(), evidence: paths.to_vec() });
        }
    }

    pub fn discard(&mut self, c: &Candidate) {
        let Verdict::Rejected { code, reason, because_of, .. } = &c.verdict else { return };
        let evidence = format!("{}.verdict", at(c));
        if self.check(std::slice::from_ref(&evidence)) {
            self.discarded.push(Alternative {
                candidate: c.id.clone(),
                start: c.span.start,
                end: c.span.end,
                opening: c.opening.clone(),
                code: code.clone(),
                reason: reason.clone(),
                because_of: because_of.clone(),
                rank_score: c.rank_score,
                evidence,
            });
        }
    }

    /// Notes that something a full answer needs is not recorded, whatever its value would be.
    pub fn lacks(&mut self, path: impl Into<String>) {
        self.check(&[path.into()]);
    }

    pub fn finish(self, question: String) -> Explanation {
        let share = if self.needed == 0 { 0.0 } else { self.found as f64 / self.needed as f64 };
        Explanation {
            question,
            narrative: self.narrative,
            reasoning: self.reasoning,
            discarded: self.discarded,
            missing: self.missing,
            completeness: (share * 1000.0).round() / 1000.0,
        }
    }
}

/// Path of a candidate.
pub(super) fn at(c: &Candidate) -> String {
    format!("decisions.choice.candidates[{}]", c.id)
}

/// Paths of some fields of a candidate.
pub(super) fn fields(c: &Candidate, names: &[&str]) -> Vec<String> {
    names.iter().map(|n| format!("{}.{n}", at(c))).collect()
}

pub(super) fn paths(list: &[&str]) -> Vec<String> {
    list.iter().map(|p| (*p).to_owned()).collect()
}
