//! Zenith's arbitration: one ruling from all that was said, by the configured order of precedence.

use std::time::Duration;

use omniva_contracts::config::EngineConfig;
use omniva_contracts::engine::*;

use super::rights::quota_and_rights;
use super::{Brief, asked};
use crate::scores::micro;

/// A decision with who had the last word and why.
pub(super) struct Word {
    pub decision: Decision,
    pub why: String,
}

/// Decides. The order of `advisories` and `missing` does not matter; a module that was asked and is in neither is missing;
/// of several overrides of this question and subject the last one counts.
pub fn arbitrate(
    brief: &Brief,
    advisories: &[Advisory],
    missing: &[Module],
    overrides: &[Override],
    config: &EngineConfig,
) -> Ruling {
    let bench = Bench::new(brief, advisories, missing, config);
    let last = config.council.precedence.last().copied().unwrap_or(Precedence::Council);
    let (by, word) = config
        .council
        .precedence
        .iter()
        .find_map(|precedence| bench.ask(*precedence, overrides).map(|word| (*precedence, word)))
        .unwrap_or_else(|| (last, bench.council()));
    Ruling {
        question: brief.question,
        subject: brief.subject.clone(),
        rollback: rollback(brief.question, &word.decision).to_owned(),
        decision: word.decision,
        by,
        why: word.why,
        coherence: coherence(&bench.advisories),
        advisories: bench.advisories,
        missing: bench.missing,
    }
}

/// 0..1: how far those who had something to say agree; 1 when nobody had.
pub fn coherence(advisories: &[Advisory]) -> f64 {
    let opinions: Vec<(f64, f64)> = advisories
        .iter()
        .filter_map(|a| {
            let opinion = match a.stance {
                Stance::Support => 0.5 + 0.5 * a.score,
                Stance::Neutral => return None,
                Stance::Oppose => 0.5 * a.score,
                Stance::Hold => 0.25,
                Stance::Block | Stance::Quarantine => 0.0,
            };
            Some((opinion, a.confidence))
        })
        .collect();
    let total: f64 = opinions.iter().map(|o| o.1).sum();
    if total <= 0.0 {
        return 1.0;
    }
    let mean = opinions.iter().map(|(o, c)| o * c).sum::<f64>() / total;
    let variance = opinions.iter().map(|(o, c)| (o - mean).powi(2) * c).sum::<f64>() / total;
    // Opinions lie in 0..1, so their standard deviation is at most a half.
    micro((1.0 - 2.0 * variance.max(0.0).sqrt()).clamp(0.0, 1.0))
}

struct Bench<'a> {
    brief: &'a Brief,
    /// One a module, in the order of the modules.
    advisories: Vec<Advisory>,
    missing: Vec<Module>,
    config: &'a EngineConfig,
}

impl<'a> Bench<'a> {
    fn new(brief: &'a Brief, advisories: &[Advisory], missing: &[Module], config: &'a EngineConfig) -> Self {
        let asked = asked(brief.question);
        let mut kept: Vec<Advisory> = advisories
            .iter()
            .filter(|a| a.question == brief.question && a.subject == brief.subject && asked.contains(&a.module))
            .cloned()
            .collect();
        // A module that spoke twice is heard once, and always with the same of its words: the gravest.
        kept.sort_by(|a, b| {
            a.module
                .cmp(&b.module)
                .then(b.stance.cmp(&a.stance))
                .then(a.score.total_cmp(&b.score))
                .then(a.rationale.cmp(&b.rationale))
                .then_with(|| a.detail.to_string().cmp(&b.detail.to_string()))
        });
        kept.dedup_by_key(|a| a.module);
        // Whoever spoke in time is not missing, whatever the list says.
        let mut absent: Vec<Module> = asked
            .iter()
            .copied()
            .filter(|m| missing.contains(m) || !kept.iter().any(|a| a.module == *m))
            .filter(|m| !kept.iter().any(|a| a.module == *m))
            .collect();
        absent.sort();
        Self { brief, advisories: kept, missing: absent, config }
    }

    fn of(&self, module: Module) -> Option<&Advisory> {
        self.advisories.iter().find(|a| a.module == module)
    }

    fn ask(&self, precedence: Precedence, overrides: &[Override]) -> Option<Word> {
        match precedence {
            Precedence::OperatorOverride => self.overridden(overrides),
            Precedence::ParadoxBlock => self.paradox(),
            Precedence::EclipseQuarantine => self.eclipse(),
            Precedence::QuotaAndRights => quota_and_rights(self.brief, self.config),
            Precedence::Council => Some(self.council()),
        }
    }

    fn overridden(&self, overrides: &[Override]) -> Option<Word> {
        let fits = |o: &&Override| o.question == self.brief.question && o.subject == self.brief.subject;
        let order = overrides.iter().rev().find(fits)?;
        let decision = if order.approve {
            Decision::Approve { priority: PRIORITY_HIGH }
        } else {
            Decision::Reject { code: "operator".into() }
        };
        let verb = if order.approve { "approved" } else { "rejected" };
        Some(Word { decision, why: format!("{} {verb} it: {}", order.operator, order.reason) })
    }

    /// Without Paradox nobody knows what it would contradict: the work waits.
    fn paradox(&self) -> Option<Word> {
        if self.missing.contains(&Module::Paradox) {
            let why = "Paradox has not answered: it waits until it is known to contradict nothing.".into();
            return Some(Word { decision: self.later(None), why });
        }
        self.forbidden(self.of(Module::Paradox)?)
    }

    fn eclipse(&self) -> Option<Word> {
        self.forbidden(self.of(Module::Eclipse)?)
    }

    /// What a stance that is more than an opinion leads to.
    fn forbidden(&self, advisory: &Advisory) -> Option<Word> {
        let code = || code_of(advisory);
        let decision = match advisory.stance {
            Stance::Block => Decision::Reject { code: code() },
            Stance::Quarantine => Decision::Quarantine { code: code() },
            Stance::Hold => self.later(Some(advisory)),
            Stance::Support | Stance::Neutral | Stance::Oppose => return None,
        };
        Some(Word { decision, why: advisory.rationale.clone() })
    }

    fn later(&self, advisory: Option<&Advisory>) -> Decision {
        let pause = Duration::try_from_secs_f64(self.config.council.defer_seconds).unwrap_or_default();
        let named = advisory.and_then(|a| a.detail.get("until")).and_then(|v| v.as_str()).and_then(Moment::parse);
        let usual = self.brief.now.after(pause);
        Decision::Defer { until: named.filter(|until| *until > self.brief.now).unwrap_or(usual) }
    }

    /// Consensus × priority × bias, less what the others object; the first word that forbids is heard before.
    fn council(&self) -> Word {
        if self.brief.question == Question::Recover {
            return self.recovery();
        }
        if let Some(word) = self.advisories.iter().find_map(|a| self.forbidden(a)) {
            return word;
        }
        let council = &self.config.council;
        let consensus = self.opinion(Module::Pantheon);
        let priority = factor(self.opinion(Module::Lattice), council.lattice.strength);
        let bias = factor(self.opinion(Module::Horizon), council.horizon.strength);
        let weighed = [Module::Pantheon, Module::Lattice, Module::Horizon];
        let against: f64 = self
            .advisories
            .iter()
            .filter(|a| a.stance == Stance::Oppose && !weighed.contains(&a.module))
            .map(|a| 1.0 - 0.5 * a.confidence * (1.0 - a.score))
            .product();
        let value = micro((consensus * priority * bias * against).clamp(0.0, 1.0));
        let silent = self.missing.iter().map(|m| format!("{m:?}").to_lowercase()).collect::<Vec<_>>().join(", ");
        let silent =
            if silent.is_empty() { String::new() } else { format!("; {silent} had no say and count(s) as neutral") };
        let sum = format!(
            "Consensus {consensus:.2} × priority {priority:.2} × bias {bias:.2} × objections {against:.2} = {value:.3} \
             (floor {:.2}){silent}.",
            council.floor
        );
        let decision = if value < council.floor {
            Decision::Reject { code: "outvoted".into() }
        } else {
            Decision::Approve { priority: (value * 1000.0).round() as i32 }
        };
        Word { decision, why: sum }
    }

    /// Score of a module; neutral when it is missing or has nothing to say.
    fn opinion(&self, module: Module) -> f64 {
        match self.of(module) {
            Some(a) if a.stance != Stance::Neutral || a.confidence > 0.0 => a.score,
            _ => self.config.council.neutral,
        }
    }

    /// After a failure Eclipse's plan counts; without it the job stays where it is, for an operator.
    fn recovery(&self) -> Word {
        let Some(eclipse) = self.of(Module::Eclipse) else {
            let why = "Eclipse has not answered: nothing is tried again without a plan.".into();
            return Word { decision: self.later(None), why };
        };
        let decision = if eclipse.stance == Stance::Support {
            Decision::Approve { priority: self.brief.job.as_ref().map_or(PRIORITY_DEFAULT, |j| j.priority) }
        } else {
            Decision::Reject { code: code_of(eclipse) }
        };
        Word { decision, why: eclipse.rationale.clone() }
    }
}

fn code_of(advisory: &Advisory) -> String {
    let named = advisory.detail.get("code").and_then(|v| v.as_str());
    named.map_or_else(|| format!("{:?}", advisory.module).to_lowercase(), str::to_owned)
}

/// 1 at a half, `1 ± strength` at the ends.
fn factor(score: f64, strength: f64) -> f64 {
    1.0 + strength * (2.0 * score - 1.0)
}

fn rollback(question: Question, decision: &Decision) -> &'static str {
    match (question, decision) {
        (_, Decision::Defer { .. }) => "none needed: it is asked again",
        (Question::Ingest, Decision::Approve { .. }) => "cancel the analyze job; the video and its file stay",
        (Question::Ingest, _) => "override: approve the ingest of the video",
        (Question::Select | Question::Edit, Decision::Approve { .. }) => {
            "cancel the edit job; the clip is READY_FOR_EDIT again"
        }
        (Question::Select | Question::Edit, _) => "ask for the edit of the clip: that makes it of a rejected one",
        (Question::Upload, Decision::Approve { .. }) => "cancel the schedule job and the upload; the clip stays READY",
        (Question::Upload, _) => "edit the clip again, or override: approve the upload",
        (Question::Schedule, Decision::Approve { .. }) => "cancel the upload job before its time, or reschedule",
        (Question::Schedule, _) => "ask for the upload of the clip with a time",
        (Question::Recover, Decision::Approve { .. }) => "cancel the job",
        (Question::Recover, _) => "retry the job",
    }
}

#[cfg(test)]
#[path = "arbitrate_tests.rs"]
mod tests;
